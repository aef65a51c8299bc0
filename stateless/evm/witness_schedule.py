"""State access priced by the witness it needs: EIP-4762, with the switches of `spec.forks.WitnessAccess`.

Leaves of an account that execution knows by name (packed layout):

    BASIC   (0, 0)   version, code size, nonce, balance
    HASH    (0, 1)   code hash
    a slot, a code chunk: where `verkle.embedding` puts them

An operation charges event by event; the first one that cannot be paid takes all gas, and what was paid for before it
stays recorded. Where nothing was charged at all, most operations cost `warm_cost` instead.

*Special* accounts are precompiles and the system contracts: a call that sends them nothing has no event on BASIC. What
is known of them without a witness is part of the protocol.

A module above 400 lines: the operations are the lines of one table (spec/gas.md, "Events"), to be read beside it.

Source: EIP-4762; EIP-7709 (BLOCKHASH); spec/gas.md for each switch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from spec.crypto import keccak256
from spec.forks import WitnessAccess
from spec.gas import GAS_CALL_STIPEND, GAS_INITCODE_WORD
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_CHUNK_BYTES,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    HEADER_STORAGE_OFFSET,
    VERKLE_NODE_WIDTH,
    Profile,
)
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Value
from stateless.evm.calls import DELEGATION_BYTES, Callee, CallKind, all_but_one_64th, delegate_of
from stateless.evm.code import Code, Program
from stateless.evm.frame import Frame, Message, OutOfGas
from stateless.evm.schedule import Schedule
from stateless.evm.stipend_guard import StipendGuard
from verkle.embedding import chunk_location, storage_location
from witness.access import AccessWitness, Leaf

if TYPE_CHECKING:
    from stateless.evm.machine import Machine

CREATE_COST: Final = 1000
"""Source: EIP-4762, "Changes to CREATE"."""
KECCAK_WORD: Final = 6
"""CREATE2 hashes its initcode. Source: EIP-1014."""
MAX_COPY_SIZE: Final = 0x1FFFFFFFE0
"""The largest memory range that devnet 7's client priced at all."""
HELD_ENTERED_BYTES: Final = 2**21
"""Code whose entered chunks are remembered for later frames of a transaction; forgetting costs nobody gas."""

LeafReader = Callable[[Leaf], Value | None]
"""What a leaf held before the block."""


def basic_data(address: Address) -> Leaf:
    """The leaf of version, code size, nonce and balance."""
    return address, 0, BASIC_DATA_LEAF_KEY


def code_hash(address: Address) -> Leaf:
    """The leaf of the code hash."""
    return address, 0, CODE_HASH_LEAF_KEY


def chunk_leaf(address: Address, chunk: int) -> Leaf:
    """The leaf of a code chunk."""
    return address, *chunk_location(chunk)


class WitnessSchedule(Schedule):
    """EIP-4762 for one block."""

    bare_precompiles = True

    def __init__(self, profile: Profile, access: WitnessAccess, witness: AccessWitness, before: LeafReader) -> None:
        """`before`: the leaves before the block; asked for leaves that are about to be filled only."""
        self.clears_destroyed = access.clears_destroyed
        self.witness: AccessWitness = witness
        self._profile: Final = profile
        self._access: Final = access
        self._before: Final = before
        self._system: Final = frozenset(profile.require_execution().system.called())
        self._history: Final = profile.history_address
        self._entered: dict[Address, tuple[Code, Program]] = {}
        self._entered_bytes = 0
        self._guard: Final = None if access.stipend_is_paid else StipendGuard(access.warm_cost)

    # ---- paying

    def _charge(self, frame: Frame, leaf: Leaf, *, write: bool = False) -> int:
        """Charge a frame for an event; what it cost. Raises: OutOfGas."""
        if self.witness.is_settled(leaf, write=write):
            return 0
        left = self._take(frame.machine, frame.gas, leaf, write=write)
        cost = frame.gas - left
        frame.gas = left
        return cost

    def _take(self, machine: "Machine", gas: int, leaf: Leaf, *, write: bool = False) -> int:
        """Pay for an event out of `gas` and record it; what is left. Raises: OutOfGas."""
        cost = self.witness.cost(leaf, write=write)
        if cost > gas:
            raise OutOfGas("out of gas: witness")
        self.witness.record(leaf, write=write)
        if write and not self.witness.is_settled(leaf, write=True):
            fill = self._access.chunk_fill_cost
            if fill and not self._was_absent(machine, leaf):
                fill = 0
            cost += fill
            if cost > gas:
                raise OutOfGas("out of gas: filling a leaf")
            self.witness.record_fill(leaf, fill)
        return gas - cost

    def _was_absent(self, machine: "Machine", leaf: Leaf) -> bool:
        """Whether a leaf is in no tree: not before the block, and no earlier transaction left anything in it."""
        if self._before(leaf) is not None:
            return False
        address, tree_index, sub_index = leaf
        position = tree_index * VERKLE_NODE_WIDTH + sub_index
        state = machine.state
        if position < HEADER_STORAGE_OFFSET:
            return not state.existed(address)
        if position < CODE_OFFSET:
            return not state.original_storage(address, position - HEADER_STORAGE_OFFSET)
        if position < self._profile.main_storage_offset:
            return True
        return not state.original_storage(address, position - self._profile.main_storage_offset)

    def _free(self, leaf: Leaf, *, write: bool = False) -> None:
        """An event of the transaction itself: not charged, warm for what follows if the network says so."""
        if self._access.warm_sender_and_target:
            self.witness.record(leaf, write=write)
            if write:
                self.witness.record_fill(leaf)
        else:
            self.witness.record_for_block(leaf, write=write)

    def _warm(self, frame: Frame, *, forgiving: bool = False) -> None:
        """The price of an operation all of whose events were paid for."""
        if forgiving and self._access.warm_out_of_gas_is_forgiven and frame.gas < self._access.warm_cost:
            frame.gas = 0
            return
        frame.charge(self._access.warm_cost)

    def _is_special(self, machine: "Machine", address: Address) -> bool:
        return address in machine.precompiles or address in self._system

    def touches(self, address: Address, *, is_precompile: bool) -> bool:  # noqa: D102
        return self._access.touch_makes_account and not is_precompile and address not in self._system

    # ---- the transaction

    def begin_transaction(  # noqa: D102
        self, machine: "Machine", target: Address | None, value: int, accessed: list[tuple[Address, list[int]]]
    ) -> None:
        if self._guard is not None:
            self._guard.begin(machine.gas_limit)
        sender = machine.origin
        self._free(basic_data(sender), write=True)
        self._free(code_hash(sender), write=not machine.state.exists(sender))
        self._free_delegation(machine, sender)
        if target is None:
            return
        self._free(basic_data(target), write=value != 0)
        absent = not machine.state.exists(target)
        fills = absent and (value != 0 or self._access.absent_target_writes_code_hash)
        self._free(code_hash(target), write=fills)
        self._free_delegation(machine, target)

    def _free_delegation(self, machine: "Machine", address: Address) -> None:
        """An account with code as long as a delegation's: whether it is one stands in chunk 0 (EIP-7702)."""
        if not machine.rules.delegates or self._is_special(machine, address):
            return
        if machine.code(address).size == DELEGATION_BYTES:
            self._free(chunk_leaf(address, 0))

    def target_delegates(self, machine: "Machine", delegate: Address) -> None:  # noqa: D102
        if not self._is_special(machine, delegate):
            self._free(basic_data(delegate))

    def authority(self, machine: "Machine", authority: Address) -> None:  # noqa: D102
        self._free(basic_data(authority))
        self._free_delegation(machine, authority)

    def delegate(self, machine: "Machine", authority: Address, *, to_nothing: bool) -> None:  # noqa: D102
        self._free(basic_data(authority), write=True)
        self._free(code_hash(authority), write=True)
        if not to_nothing:
            self._free(chunk_leaf(authority, 0), write=True)

    def pay_coinbase(self, machine: "Machine", coinbase: Address, fee: int) -> None:  # noqa: D102
        if fee:
            self._write_account(coinbase)

    def withdraw(self, machine: "Machine", address: Address, amount: int) -> None:  # noqa: D102
        if amount or self._access.zero_withdrawal_has_events:
            self._write_account(address)

    def _write_account(self, address: Address) -> None:
        self.witness.record_for_block(basic_data(address), write=True)
        self.witness.record_for_block(code_hash(address), write=True)

    def system_read(self, machine: "Machine", address: Address, slot: int) -> None:  # noqa: D102
        self.witness.record_for_block(self._slot(address, slot))

    def system_write(self, machine: "Machine", address: Address, slot: int) -> None:  # noqa: D102
        self.witness.record_for_block(self._slot(address, slot), write=True)

    def end_transaction(self, machine: "Machine") -> None:  # noqa: D102
        self.witness.end_transaction()
        self._entered.clear()
        self._entered_bytes = 0

    # ---- code

    def program(self, machine: "Machine", message: Message) -> Program:
        """Initcode is free. Other code: one program per account and transaction, as chunks are paid for once."""
        code, address = message.code, message.code_address
        if message.is_creation:
            return machine.empty_program(code)
        known = self._entered.get(address)
        if known is None or known[0] is not code:
            self._entered_bytes += code.size
            if self._entered_bytes > HELD_ENTERED_BYTES:
                self._entered.clear()
                self._entered_bytes = code.size
            known = self._entered[address] = code, machine.empty_program(code)
        return known[1]

    def enter(self, frame: Frame, position: int) -> None:  # noqa: D102
        program, code = frame.program, frame.code
        if frame.message.is_creation:
            frame.machine.decode(program, code, position)
            return
        chunk = position // CODE_CHUNK_BYTES
        self._charge(frame, chunk_leaf(frame.message.code_address, chunk))
        entries = frame.machine.decode(frame.machine.program_of(code), code, position)
        start = chunk * CODE_CHUNK_BYTES
        program[start : start + len(entries)] = entries

    def jump(self, frame: Frame, destination: int) -> None:  # noqa: D102
        position = destination & ((1 << self._access.jump_destination_bits) - 1)
        if position < frame.code.size and frame.program[position] is None:
            self.enter(frame, position)

    def push_data(self, frame: Frame, start: int, size: int) -> None:  # noqa: D102
        if not frame.message.is_creation:
            self._chunks(frame, frame.message.code_address, frame.code, start, size)

    def copy_own_code(self, frame: Frame, start: int, size: int) -> None:  # noqa: D102
        if frame.message.is_creation:
            return
        address = frame.message.code_address
        if self._access.copy_reads_own_basic_data and not self._is_special(frame.machine, address):
            self._charge(frame, basic_data(address))
        self._chunks(frame, address, frame.code, start, size)

    def _chunks(self, frame: Frame, address: Address, code: Code, start: int, size: int) -> None:
        """Charge for the chunks of a range of code, one after the other."""
        if size == 0 or start >= code.size:
            return
        last = (min(start + size, code.size) - 1) // CODE_CHUNK_BYTES
        for chunk in range(start // CODE_CHUNK_BYTES, last + 1):
            self._charge(frame, chunk_leaf(address, chunk))

    def copy_code(self, frame: Frame, address: Address, gas: int, start: int, size: int) -> None:  # noqa: D102
        special = self._is_special(frame.machine, address)
        if gas > frame.gas:
            if self._access.failed_copy_records_basic_data and not special and size <= MAX_COPY_SIZE:
                self._charge(frame, basic_data(address))
            raise OutOfGas("out of gas")
        frame.charge(gas)
        if special:
            frame.charge(self._access.warm_cost)
        elif not self._charge(frame, basic_data(address)):
            self._warm(frame, forgiving=True)
        self._chunks(frame, address, frame.machine.code(address), start, size)

    # ---- accounts and storage

    def balance(self, frame: Frame, address: Address) -> None:  # noqa: D102
        if not self._charge(frame, basic_data(address)):
            self._warm(frame, forgiving=True)

    def code_size(self, frame: Frame, address: Address) -> None:  # noqa: D102
        if self._is_special(frame.machine, address):
            frame.charge(self._access.warm_cost)
        elif not self._charge(frame, basic_data(address)):
            self._warm(frame, forgiving=True)

    def code_hash(self, frame: Frame, address: Address) -> None:  # noqa: D102
        read = self._access.precompile_code_hash_is_read and address not in self._system
        if self._is_special(frame.machine, address) and not read:
            frame.charge(self._access.warm_cost)
        elif not self._charge(frame, code_hash(address)):
            self._warm(frame, forgiving=True)

    def code_hash_of(self, frame: Frame, address: Address) -> int:
        """That of the account's code, or 0 where there is no account; one that is empty but in the tree is one."""
        known = SYSTEM_CODES.get(address) if address in self._system else None
        if known is not None:
            return int.from_bytes(keccak256(known), "big")
        state = frame.state
        if not state.exists(address) or (not state.existed(address) and state.is_empty(address)):
            return 0
        return int.from_bytes(state.code_hash(address), "big")

    def _slot(self, address: Address, slot: int) -> Leaf:
        return address, *storage_location(self._profile, slot)

    def load(self, frame: Frame, slot: int) -> None:  # noqa: D102
        if not self._charge(frame, self._slot(frame.address, slot)):
            self._warm(frame)

    def store(self, frame: Frame, slot: int, value: int) -> None:  # noqa: D102
        if not self._charge(frame, self._slot(frame.address, slot), write=True):
            self._warm(frame)

    def block_hash(self, frame: Frame, number: int) -> int:
        """A slot of the history contract, as SLOAD would read it (EIP-7709)."""
        slot = number % self._profile.history_window
        if not self._charge(frame, self._slot(self._history, slot)):
            self._warm(frame)
        return frame.state.storage(self._history, slot)

    # ---- calls

    def call(  # noqa: D102
        self, frame: Frame, kind: CallKind, target: Address, value: int, requested: int, memory_gas: int
    ) -> Callee:
        access, machine, state = self._access, frame.machine, frame.state
        if self._guard is not None:
            self._guard.count()
        special = self._is_special(machine, target)
        if value and (kind is CallKind.CALL or access.callcode_has_transfer_events):
            paid = self._charge(frame, basic_data(frame.address), write=True)
            paid += self._charge(frame, basic_data(target), write=True)
            made = not state.exists(target) and (not special or access.new_precompile_has_code_hash)
            if made and access.caller_pays_for_new_account:
                paid += self._charge(frame, code_hash(target), write=True)
        elif special:
            paid = 0
        else:
            paid = self._charge(frame, basic_data(target))
        if not paid:
            self._warm(frame)
        code_address = self._delegate(frame, target)
        gas = memory_gas
        if value and access.stipend_is_paid:
            gas += GAS_CALL_STIPEND
        if kind is CallKind.CALL and value and state.is_empty(target):
            gas += access.new_account_gas
        frame.charge(gas)
        taken = min(requested, all_but_one_64th(frame.gas))
        frame.gas -= taken
        return Callee(taken, code_address)

    def _delegate(self, frame: Frame, target: Address) -> Address:
        """Where the code of a call's target comes from (EIP-7702)."""
        machine = frame.machine
        if not machine.rules.delegates or self._is_special(machine, target):
            return target
        code = machine.code(target)
        if code.size != DELEGATION_BYTES:
            return target
        self._charge(frame, chunk_leaf(target, 0))
        delegate = delegate_of(code)
        if delegate is None:
            return target
        if self._is_special(machine, delegate):
            frame.charge(self._access.warm_cost)
        elif not self._charge(frame, basic_data(delegate)):
            self._warm(frame)
        return delegate

    def enter_call(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        if not message.value or self._access.caller_pays_for_new_account:
            return gas
        if message.is_precompile and not self._access.new_precompile_has_code_hash:
            return gas
        return self._take(machine, gas, code_hash(message.address), write=True)

    def create(self, frame: Frame, size: int, memory_gas: int, *, salted: bool) -> None:  # noqa: D102
        words = (size + 31) // 32
        frame.charge(CREATE_COST + memory_gas + (GAS_INITCODE_WORD + (KECCAK_WORD if salted else 0)) * words)
        if self._access.creation_writes_creator:
            self._charge(frame, basic_data(frame.address), write=True)

    def creation_access(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        gas = self._take(machine, gas, basic_data(message.address))
        return self._take(machine, gas, code_hash(message.address))

    def creation_write(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        gas = self._take(machine, gas, basic_data(message.address), write=True)
        return self._take(machine, gas, code_hash(message.address), write=True)

    def deposit(self, machine: "Machine", address: Address, code: bytes, gas: int) -> int:  # noqa: D102
        for chunk in range((len(code) + CODE_CHUNK_BYTES - 1) // CODE_CHUNK_BYTES):
            gas = self._take(machine, gas, chunk_leaf(address, chunk), write=True)
        return gas

    def destroy(self, frame: Frame, beneficiary: Address) -> None:  # noqa: D102
        own, state = frame.address, frame.state
        self._charge(frame, basic_data(own))
        wei = state.balance(own)
        if not wei and self._is_special(frame.machine, beneficiary):
            return
        if beneficiary != own:
            self._charge(frame, basic_data(beneficiary))
        if not wei:
            return
        self._charge(frame, basic_data(own), write=True)
        if beneficiary != own:
            absent = not state.exists(beneficiary)
            self._charge(frame, basic_data(beneficiary), write=True)
            if absent:
                self._charge(frame, code_hash(beneficiary), write=True)
