"""One block: what its transactions and the protocol do to a state.

    apply_block(execution, block) -> Outcome

A pure function of a read-only view. Builder and stateless verifier run the same one; they differ in the view.

Order: the parent's hash and beacon root are stored; transactions; withdrawals; requests.

Source: yellow paper, section 12; EIP-4895 (withdrawals), EIP-2718 (receipts), EIP-7685 (requests).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from spec.codec.rlp_items import Encodable, encode_items, number
from spec.containers import Transaction, Withdrawal
from spec.crypto import keccak256
from spec.errors import Reason, Rejection
from spec.forks import Execution
from spec.types import Address, Bloom
from stateless import system, transaction
from stateless.evm.block import BlockEnvironment
from stateless.evm.machine import Machine, Tracer
from stateless.evm.schedule import Schedule
from stateless.state import Log, State, StateView

GWEI: Final = 10**9
"""Withdrawals count in Gwei. Source: EIP-4895."""
BLOOM_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction leaves for light clients (EIP-658, EIP-2718)."""

    type: int
    success: bool
    cumulative_gas_used: int
    bloom: Bloom
    logs: tuple[Log, ...]

    def encode(self) -> bytes:
        """The type byte, unless 0, and the RLP of the fields."""
        status = number(int(self.success))
        items = encode_items([status, number(self.cumulative_gas_used), self.bloom, encodable_logs(self.logs)])
        return bytes((self.type,)) + items if self.type else items


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction with its sender."""

    transaction: Transaction
    sender: Address


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a block comes to."""

    state: State
    gas_used: int
    blob_gas_used: int
    receipts: tuple[Receipt, ...]
    logs_bloom: Bloom
    requests: tuple[bytes, ...]


def encodable_logs(logs: Iterable[Log]) -> list[Encodable]:
    """Log entries as RLP has them."""
    return [[log.address, list(log.topics), log.data] for log in logs]


def bloom_of(logs: Iterable[Log]) -> Bloom:
    """Three bits per address and topic: low 11 bits of byte pairs 0, 2 and 4 of the hash (yellow paper, 4.4.1)."""
    bits = 0
    for log in logs:
        for entry in (log.address, *log.topics):
            digest = keccak256(entry)
            for index in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[index : index + 2], "big") & (BLOOM_BITS - 1))
    return Bloom(bits.to_bytes(BLOOM_BITS // 8, "big"))


def apply_block(
    rules: Execution,
    schedule: Schedule,
    view: StateView,
    block: BlockEnvironment,
    transactions: Sequence[Signed],
    withdrawals: Sequence[Withdrawal] = (),
    tracer: Tracer | None = None,
) -> Outcome:
    """Execute a block. Raises: Rejection, naming the transaction by its index; UnknownNode."""
    state = State(view)
    machine = Machine(rules, schedule, state, block, tracer)
    system.begin_block(machine)
    gas_used = blob_gas_used = 0
    receipts: list[Receipt] = []
    for index, signed in enumerate(transactions):
        try:
            applied = apply_transaction(machine, signed, block.gas_limit - gas_used, blob_gas_used)
        except Rejection as rejection:
            raise Rejection(rejection.reason, transaction=index, **rejection.facts) from None
        gas_used += applied.gas_used
        blob_gas_used += transaction.blob_gas(signed.transaction)
        receipt = Receipt(signed.transaction.type, applied.success, gas_used, bloom_of(applied.logs), applied.logs)
        receipts.append(receipt)
    for withdrawal in withdrawals:
        schedule.withdraw(machine, withdrawal.address, withdrawal.amount)
        if withdrawal.amount:
            state.set_balance(withdrawal.address, state.balance(withdrawal.address) + withdrawal.amount * GWEI)
        elif schedule.deletes_empty:
            state.touch(withdrawal.address)
    state.end_transaction(deletes_empty=schedule.deletes_empty, clears_destroyed=schedule.clears_destroyed)
    requests = system.end_block(machine, [log for receipt in receipts for log in receipt.logs])
    bloom = bloom_of(log for receipt in receipts for log in receipt.logs)
    return Outcome(state, gas_used, blob_gas_used, tuple(receipts), bloom, requests)


def apply_transaction(machine: Machine, signed: Signed, gas_left: int, blob_gas_used: int) -> transaction.Applied:
    """One transaction of a block that has `gas_left`. Raises: Rejection; UnknownNode."""
    block, rules = machine.block, machine.rules
    transaction.check_form(signed.transaction, rules, block.chain_id, block.base_fee, block.blob_base_fee)
    if signed.transaction.gas_limit > gas_left:
        raise Rejection(Reason.GAS_LIMIT_EXCEEDED, gas_limit=signed.transaction.gas_limit, left=gas_left)
    blobs = len(signed.transaction.blob_versioned_hashes)
    if blobs and rules.blobs and blob_gas_used + transaction.blob_gas(signed.transaction) > rules.blobs.most_gas:
        raise Rejection(Reason.BLOB_COUNT, blobs=blobs, most_in_a_block=rules.blobs.maximum)
    transaction.check_sender(machine, signed.transaction, signed.sender)
    return transaction.apply(machine, signed.transaction, signed.sender)
