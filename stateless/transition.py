"""One block: what its transactions and the protocol do to a state.

    apply_block(rules, schedule, view, block, transactions, withdrawals) -> Outcome

A pure function of a read-only view. Builder and stateless verifier run the same one; they differ in the view. A builder
that still chooses its transactions takes the same steps one by one (`BlockExecution`).

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
NO_BLOOM: Final = Bloom(bytes(BLOOM_BITS // 8))
"""Of no logs."""


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
    return Bloom(bits.to_bytes(BLOOM_BITS // 8, "big")) if bits else NO_BLOOM


def union_of(blooms: Iterable[Bloom]) -> Bloom:
    """The bloom of all logs, from those of each transaction."""
    bits = 0
    for bloom in blooms:
        if bloom is not NO_BLOOM:
            bits |= int.from_bytes(bloom, "big")
    return Bloom(bits.to_bytes(BLOOM_BITS // 8, "big"))


class BlockExecution:
    """A block as it is executed: `begin`, then `apply` for each transaction, then `end`."""

    def __init__(
        self,
        rules: Execution,
        schedule: Schedule,
        view: StateView,
        block: BlockEnvironment,
        tracer: Tracer | None = None,
    ) -> None:
        self.machine: Final = Machine(rules, schedule, State(view), block, tracer)
        self.gas_used = 0
        self.blob_gas_used = 0
        self.receipts: list[Receipt] = []

    def begin(self) -> None:
        """What the protocol does before any transaction."""
        system.begin_block(self.machine)

    def apply(self, signed: Signed) -> transaction.Applied:
        """Execute the next transaction. Raises: Rejection where it does not fit here; UnknownNode.

        A rejected transaction has changed nothing, so that a builder may try another one in its place. The one
        exception is GAS_FROM_NOTHING, which shows only when a transaction has run.
        """
        machine, block, rules = self.machine, self.machine.block, self.machine.rules
        transaction.check_form(signed.transaction, rules, block.chain_id, block.base_fee, block.blob_base_fee)
        left = block.gas_limit - self.gas_used
        if signed.transaction.gas_limit > left:
            raise Rejection(Reason.GAS_LIMIT_EXCEEDED, gas_limit=signed.transaction.gas_limit, left=left)
        blob_gas = transaction.blob_gas(signed.transaction)
        if blob_gas and rules.blobs and self.blob_gas_used + blob_gas > rules.blobs.most_gas:
            blobs = len(signed.transaction.blob_versioned_hashes)
            raise Rejection(Reason.BLOB_COUNT, blobs=blobs, most_in_a_block=rules.blobs.maximum)
        transaction.check_sender(machine, signed.transaction, signed.sender)
        applied = transaction.apply(machine, signed.transaction, signed.sender)
        self.gas_used += applied.gas_used
        self.blob_gas_used += blob_gas
        kind, bloom = signed.transaction.type, bloom_of(applied.logs)
        self.receipts.append(Receipt(kind, applied.success, self.gas_used, bloom, applied.logs))
        return applied

    def end(self, withdrawals: Sequence[Withdrawal]) -> Outcome:
        """What the protocol does after the last transaction. Raises: Rejection; UnknownNode."""
        machine, state, schedule = self.machine, self.machine.state, self.machine.schedule
        for withdrawal in withdrawals:
            schedule.withdraw(machine, withdrawal.address, withdrawal.amount)
            if withdrawal.amount:
                state.set_balance(withdrawal.address, state.balance(withdrawal.address) + withdrawal.amount * GWEI)
            elif schedule.deletes_empty:
                state.touch(withdrawal.address)
        state.end_transaction(deletes_empty=schedule.deletes_empty, clears_destroyed=schedule.clears_destroyed)
        logs = [log for receipt in self.receipts for log in receipt.logs]
        requests = system.end_block(machine, logs)
        bloom = union_of(receipt.bloom for receipt in self.receipts)
        return Outcome(state, self.gas_used, self.blob_gas_used, tuple(self.receipts), bloom, requests)


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
    execution = BlockExecution(rules, schedule, view, block, tracer)
    execution.begin()
    for index, signed in enumerate(transactions):
        try:
            execution.apply(signed)
        except Rejection as rejection:
            raise Rejection(rejection.reason, transaction=index, **rejection.facts) from None
    return execution.end(withdrawals)
