"""Which schedule a network's rules ask for.

Source: spec/forks.py, `Access`.
"""

from spec.forks import AccountAccess, FieldAccess
from spec.params import Profile
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.field_schedule import FieldSchedule
from stateless.evm.schedule import Schedule
from stateless.evm.witness_schedule import LeafReader, WitnessSchedule
from witness.access import AccessWitness


def schedule_of(profile: Profile, witness: AccessWitness, before: LeafReader) -> Schedule:
    """The schedule of one block, which records into `witness`. `before`: what leaves held before the block.

    Raises: DecodeError where the profile has no rules of execution.
    """
    access = profile.require_execution().access
    if isinstance(access, AccountAccess):
        return AccountSchedule()
    if isinstance(access, FieldAccess):
        return FieldSchedule(profile, witness)
    return WitnessSchedule(profile, access, witness, before)
