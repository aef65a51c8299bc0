"""A message over a handful of accounts, under each of the three schedules: what tests of the machine run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from spec.containers import Account
from spec.forks import OSAKA
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Address, Bytes32, Stem, TreeKey, Uint64, Uint256, Value
from stateless.accounts import AccountsView
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.block import BlockEnvironment
from stateless.evm.code import WholeCode
from stateless.evm.frame import Message, Result
from stateless.evm.machine import Machine, Tracer
from stateless.schedules import schedule_of
from stateless.state import State
from stateless.tree_view import TreeKeys, TreeView
from tests.toy_engine import ToyEngine
from verkle.embedding import account_leaves
from witness.access import AccessWitness

SENDER: Final = Address(b"\x5e" * 20)
CONTRACTS: Final = tuple(Address(bytes((0xC0 + index,)) * 20) for index in range(3))
"""The first one is called."""
ABSENT: Final = Address(b"\xab" * 20)
PROFILES: Final[Mapping[str, Profile | None]] = {
    "accounts": None,
    "verkle": VERKLE,
    "kaustinen7": KAUSTINEN7,
    "kaustinen6": KAUSTINEN6,
}
"""By name; None: mainnet's Osaka, with state in plain accounts."""
BLOCK: Final = BlockEnvironment(
    number=300,
    timestamp=3600,
    coinbase=Address(b"\xcb" * 20),
    gas_limit=30_000_000,
    prev_randao=bytes(32),
    base_fee=7,
    chain_id=1,
    parent_hash=Bytes32(b"\x11" * 32),
)
KEYS: Final = {profile.name: TreeKeys(ToyEngine(), profile) for profile in PROFILES.values() if profile is not None}


class PlainLeaves:
    """Leaves of a tree without the tree."""

    def __init__(self, values: Mapping[TreeKey, Value]) -> None:
        self._values = values
        self._stems = {key.stem for key in values}

    def get(self, key: TreeKey) -> Value | None:
        return self._values.get(key)

    def has_stem(self, stem: Stem) -> bool:
        return stem in self._stems


def contract(code: bytes, storage: Mapping[int, int] | None = None) -> Account:
    """An account of some wealth."""
    slots = {Uint256(slot): Uint256(word) for slot, word in (storage or {}).items()}
    return Account(10**18, Uint64(1), code, slots)


def cast(*codes: bytes) -> dict[Address, Account]:
    """The sender, and contracts with these codes."""
    made = {SENDER: Account(10**24, Uint64(3), b"", {})}
    return made | {address: contract(code, {1: 7, 64: 9}) for address, code in zip(CONTRACTS, codes, strict=False)}


def tree_view(profile: Profile, accounts: Mapping[Address, Account]) -> TreeView[Any]:
    """The accounts as leaves of a tree."""
    keys = KEYS[profile.name]
    leaves = {
        keys.key((address, location.tree_index, location.sub_index)): value
        for address, account in accounts.items()
        for location, value in account_leaves(profile, account).items()
    }
    return TreeView(PlainLeaves(leaves), keys)


@dataclass(frozen=True, slots=True)
class Scene:
    """A machine that is about to run a message."""

    machine: Machine
    witness: AccessWitness

    def run(self, *, gas: int, value: int = 0, data: bytes = b"", initcode: bytes | None = None) -> Result:
        """Call the first contract, or create one, as a transaction would."""
        machine = self.machine
        machine.origin, machine.gas_price, machine.gas_limit = SENDER, 10, gas
        creates = initcode is not None
        machine.schedule.begin_transaction(machine, None if creates else CONTRACTS[0], value, [])
        address = ABSENT if creates else CONTRACTS[0]
        message = Message(
            caller=SENDER,
            address=address,
            code_address=address,
            code=machine.code(address) if initcode is None else WholeCode(initcode),
            data=data,
            value=value,
            gas=gas,
            depth=0,
            is_static=False,
            is_creation=creates,
            creates_callee=True,
        )
        return machine.execute(message)

    def facts(self) -> tuple[Any, ...]:
        """What the message has left behind, as far as anybody can tell; the transaction ends."""
        state, schedule = self.machine.state, self.machine.schedule
        logs, refund, warm = list(state.logs), state.refund, dict(state.warm)
        events = list(self.witness.block.items())
        state.end_transaction(deletes_empty=schedule.deletes_empty, clears_destroyed=schedule.clears_destroyed)
        return logs, refund, warm, events, state.changes()


def scene(
    name: str,
    accounts: Mapping[Address, Account],
    tracer: Tracer | None = None,
    kind: type[Machine] = Machine,
    block: BlockEnvironment = BLOCK,
) -> Scene:
    """A scene under the rules of a name in `PROFILES`."""
    profile = PROFILES[name]
    witness = AccessWitness()
    if profile is None:
        return Scene(kind(OSAKA, AccountSchedule(), State(AccountsView(accounts)), block, tracer), witness)
    view = tree_view(profile, accounts)
    schedule = schedule_of(profile, witness, view.leaf)
    return Scene(kind(profile.require_execution(), schedule, State(view), block, tracer), witness)
