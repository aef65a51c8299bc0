"""What the protocol itself does in a block: store the parent's hash and beacon root, collect requests.

Source: EIP-2935, EIP-4788, EIP-7002, EIP-7251, EIP-6110, EIP-7685.
"""

from collections.abc import Sequence

from spec.errors import UnknownNode
from spec.types import Address
from stateless.evm.machine import Machine
from stateless.state import Log


def begin_block(machine: Machine) -> None:
    """Store the parent's hash (EIP-2935), before any transaction."""
    block, state, history = machine.block, machine.state, machine.rules.system.history
    if history is None or block.parent_hash is None:
        return
    slot = (block.number - 1) % machine.rules.history_window
    machine.schedule.system_write(machine, history, slot)
    if machine.rules.history_write_makes_account:
        _make_history(machine, history)
    state.set_storage(history, slot, int.from_bytes(block.parent_hash, "big"))
    state.end_transaction(deletes_empty=False, clears_destroyed=False)


def _make_history(machine: Machine, history: Address) -> None:
    """Devnets: the first hash stored makes the account. Their witnesses list nothing of it, in no block.

    So a witness can show that there is none yet (its stem is absent), but where it shows nothing, there is one.
    """
    try:
        machine.state.make_account(history)
    except UnknownNode:
        return


def end_block(machine: Machine, logs: Sequence[Log]) -> tuple[bytes, ...]:
    """The requests of a block (EIP-7685)."""
    return ()
