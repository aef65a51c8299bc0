"""State access as devnet 6 priced it: one leaf per account field, spring 2024's reading of EIP-4762.

The events' prices are EIP-4762's (without fill cost), but here an event is recorded whether it is paid for or not.
What else differs from the final text: calls charge the *caller's* header and leave the callee's out; code chunks are
recorded under the address whose state the code works on; no event on a jump's destination; ranges of code reach one
chunk too far at some edges; a creation's first events are the creator's to pay, and revert it where it cannot.

Two holes of the devnet are here with a guard, so that every block ends: gas that wraps below zero when a step's chunk
cannot be paid (here: out of gas), and the stipend that nobody pays for (see `StipendGuard`). No block of the
devnet's chain has either.

Source: geth, tag kaustinen6, by its blocks 1 to 665 (spec/gas.md, "Devnet 6").
"""

from typing import TYPE_CHECKING, Final

from spec.gas import GAS_INITCODE_WORD
from spec.params import CODE_CHUNK_BYTES, Profile
from spec.types import Address
from stateless.evm.calls import Callee, CallKind, all_but_one_64th
from stateless.evm.code import Code, Program
from stateless.evm.frame import Frame, Message, OutOfGas
from stateless.evm.schedule import Schedule
from stateless.evm.stipend_guard import StipendGuard
from stateless.evm.witness_schedule import CREATE_COST, KECCAK_WORD, chunk_leaf
from verkle.embedding import (
    BALANCE_LEAF_KEY,
    CODE_SIZE_LEAF_KEY,
    FIELD_CODE_HASH_LEAF_KEY,
    NONCE_LEAF_KEY,
    VERSION_LEAF_KEY,
    storage_location,
)
from witness.access import AccessWitness, Leaf

if TYPE_CHECKING:
    from stateless.evm.machine import Machine

WARM_COST: Final = 100
NEW_ACCOUNT: Final = 25000
HEADER: Final = (VERSION_LEAF_KEY, BALANCE_LEAF_KEY, NONCE_LEAF_KEY, FIELD_CODE_HASH_LEAF_KEY, CODE_SIZE_LEAF_KEY)


class FieldSchedule(Schedule):
    """Devnet 6's rules for one block."""

    clears_destroyed = False
    bare_precompiles = True

    def __init__(self, profile: Profile, witness: AccessWitness) -> None:
        self.witness: AccessWitness = witness
        self._profile: Final = profile
        self._guard: Final = StipendGuard(WARM_COST)

    # ---- paying

    def _event(self, leaf: Leaf, *, write: bool = False) -> int:
        """Record an event; its price."""
        cost = self.witness.cost(leaf, write=write)
        self.witness.record(leaf, write=write)
        return cost

    def _field(self, address: Address, field: int, *, write: bool = False) -> int:
        return self._event((address, 0, field), write=write)

    def _slot(self, address: Address, slot: int) -> Leaf:
        place = storage_location(self._profile, slot)
        return address, place.tree_index, place.sub_index

    def _chunks(self, address: Address, start: int, size: int, code_size: int, *, write: bool = False) -> int:
        """Record a range of code; its price. The last byte of an empty range is the one before it."""
        if (code_size == 0 and size == 0) or start > code_size:
            return 0
        end = min(start + size, code_size)
        last = max(end - 1, 0)
        chunks = range(start // CODE_CHUNK_BYTES, last // CODE_CHUNK_BYTES + 1)
        return sum(self._event(chunk_leaf(address, chunk), write=write) for chunk in chunks)

    def touches(self, address: Address, *, is_precompile: bool) -> bool:  # noqa: D102
        return not is_precompile

    # ---- the transaction

    def begin_transaction(  # noqa: D102
        self, machine: "Machine", target: Address | None, value: int, accessed: list[tuple[Address, list[int]]]
    ) -> None:
        self._guard.begin(machine.gas_limit)
        for field in HEADER:
            self._field(machine.origin, field, write=field in (BALANCE_LEAF_KEY, NONCE_LEAF_KEY))
        if target is not None:
            for field in HEADER:
                self._field(target, field, write=field == BALANCE_LEAF_KEY and value != 0)

    def pay_coinbase(self, machine: "Machine", coinbase: Address, fee: int) -> None:  # noqa: D102
        if fee:
            self._write_account(coinbase)

    def withdraw(self, machine: "Machine", address: Address, amount: int) -> None:  # noqa: D102
        self._write_account(address)

    def _write_account(self, address: Address) -> None:
        for field in HEADER:
            self.witness.record_for_block((address, 0, field), write=True)

    def system_write(self, machine: "Machine", address: Address, slot: int) -> None:  # noqa: D102
        self.witness.record_for_block(self._slot(address, slot), write=True)

    def end_transaction(self, machine: "Machine") -> None:  # noqa: D102
        self.witness.end_transaction()

    # ---- code

    def program(self, machine: "Machine", message: Message) -> Program:  # noqa: D102
        return machine.empty_program(message.code)

    def enter(self, frame: Frame, position: int) -> None:  # noqa: D102
        if not frame.message.is_creation:
            frame.charge(self._chunks(frame.address, position, 1, frame.code.size))
        frame.machine.decode(frame.program, frame.code, position)

    def push_data(self, frame: Frame, start: int, size: int) -> None:  # noqa: D102
        if frame.message.is_creation or (size == 1 and start >= frame.code.size):
            return
        frame.charge(self._chunks(frame.address, min(start, frame.code.size), size, frame.code.size))

    def copy_own_code(self, frame: Frame, start: int, size: int) -> None:  # noqa: D102
        if not frame.message.is_creation:
            self._copied(frame, frame.address, frame.code, start, size)

    def _copied(self, frame: Frame, address: Address, code: Code, start: int, size: int) -> None:
        first = min(start, code.size)
        frame.charge(self._chunks(address, first, min(first + size, code.size) - first, code.size))

    def copy_code(self, frame: Frame, address: Address, gas: int, start: int, size: int) -> None:  # noqa: D102
        paid = self._field(address, VERSION_LEAF_KEY) + self._field(address, CODE_SIZE_LEAF_KEY)
        frame.charge(gas + (paid or WARM_COST))
        self._copied(frame, address, frame.machine.code(address), start, size)

    # ---- accounts and storage

    def balance(self, frame: Frame, address: Address) -> None:  # noqa: D102
        frame.charge(self._field(address, BALANCE_LEAF_KEY) or WARM_COST)

    def code_size(self, frame: Frame, address: Address) -> None:  # noqa: D102
        if address not in frame.machine.precompiles:
            paid = self._field(address, VERSION_LEAF_KEY) + self._field(address, CODE_SIZE_LEAF_KEY)
            frame.charge(paid or WARM_COST)

    def code_hash(self, frame: Frame, address: Address) -> None:  # noqa: D102
        if address not in frame.machine.precompiles:
            frame.charge(self._field(address, FIELD_CODE_HASH_LEAF_KEY) or WARM_COST)

    def code_hash_of(self, frame: Frame, address: Address) -> int:
        """The code-hash leaf, or 0 where there is no account or one that this transaction made and left empty."""
        state = frame.state
        if not state.exists(address) or (not state.existed(address) and state.is_empty(address)):
            return 0
        return int.from_bytes(state.code_hash(address), "big")

    def load(self, frame: Frame, slot: int) -> None:  # noqa: D102
        frame.charge(self._event(self._slot(frame.address, slot)) or WARM_COST)

    def store(self, frame: Frame, slot: int, value: int) -> None:  # noqa: D102
        frame.charge(self._event(self._slot(frame.address, slot), write=True) or WARM_COST)

    def block_hash(self, frame: Frame, number: int) -> int | None:
        """The history slot; where it cannot be paid, the frame reverts and keeps its gas."""
        history, slot = self._profile.history_address, number % self._profile.history_window
        cost = self._event(self._slot(history, slot))
        if cost > frame.gas:
            return None
        frame.gas -= cost
        return frame.state.storage(history, slot)

    # ---- calls

    def call(
        self, frame: Frame, kind: CallKind, target: Address, value: int, requested: int, memory_gas: int
    ) -> Callee:
        """The callee's share is taken from what is left *before* the witness is paid."""
        self._guard.count()
        gas = memory_gas
        if kind is CallKind.CALL and value and frame.state.is_empty(target):
            gas += NEW_ACCOUNT
        taken = min(requested, all_but_one_64th(max(frame.gas - gas, 0)))
        gas += taken
        if value:
            gas += self._field(frame.address, BALANCE_LEAF_KEY, write=True)
            gas += self._field(target, BALANCE_LEAF_KEY, write=True)
        paid = self._field(frame.address, VERSION_LEAF_KEY) + self._field(frame.address, CODE_SIZE_LEAF_KEY)
        frame.charge(gas + (paid or WARM_COST))
        return Callee(taken, target)

    def enter_call(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        if message.is_precompile:
            return gas
        return self._paid(gas, sum(self._field(message.address, field) for field in HEADER))

    @staticmethod
    def _paid(gas: int, cost: int) -> int:
        if cost > gas:
            raise OutOfGas("out of gas: witness")
        return gas - cost

    def create(self, frame: Frame, size: int, memory_gas: int, *, salted: bool) -> None:  # noqa: D102
        words = (size + 31) // 32
        frame.charge(CREATE_COST + memory_gas + (GAS_INITCODE_WORD + (KECCAK_WORD if salted else 0)) * words)

    def before_creation(self, frame: Frame, address: Address, value: int) -> bool:  # noqa: D102
        cost = self._creation(address, value)
        if cost > frame.gas:
            return False
        frame.gas -= cost
        return True

    def creation_write(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        return self._paid(gas, self._creation(message.address, message.value))

    def _creation(self, address: Address, value: int) -> int:
        fields = (VERSION_LEAF_KEY, NONCE_LEAF_KEY, BALANCE_LEAF_KEY) if value else (VERSION_LEAF_KEY, NONCE_LEAF_KEY)
        return sum(self._field(address, field, write=True) for field in fields)

    def deposit(self, machine: "Machine", address: Address, code: bytes, gas: int) -> int:  # noqa: D102
        gas = self._paid(gas, sum(self._field(address, field, write=True) for field in HEADER))
        if not code:
            return gas
        return self._paid(gas, self._chunks(address, 0, len(code), len(code), write=True))

    def destroy(self, frame: Frame, beneficiary: Address) -> None:  # noqa: D102
        own, state = frame.address, frame.state
        if beneficiary in frame.machine.precompiles:
            return
        cost = sum(self._field(own, field) for field in (VERSION_LEAF_KEY, CODE_SIZE_LEAF_KEY, BALANCE_LEAF_KEY))
        if beneficiary != own:
            cost += self._field(beneficiary, BALANCE_LEAF_KEY)
        if state.balance(own):
            cost += self._field(own, BALANCE_LEAF_KEY, write=True)
            if beneficiary != own:
                cost += self._field(beneficiary, BALANCE_LEAF_KEY, write=True)
                if state.is_empty(beneficiary):
                    cost += self._field(beneficiary, VERSION_LEAF_KEY, write=True)
                    cost += self._field(beneficiary, NONCE_LEAF_KEY, write=True)
        frame.charge(cost)
