"""Build a block on the head: choose transactions, execute, prove, seal, and check it as a stateless verifier would.

    build_block(chain, transactions, attributes) -> Built

Transactions are tried in the order given. One that does not fit is left out with the rule that it breaks, and changes
nothing for the next ones. One that only this block has no room for is for later, and so is whatever else its sender
has: nonces go up one by one. A built block is not the head yet: `Chain.put` makes it so.

Source: consensus-specs, `PayloadAttributes`; EIP-1559, EIP-4844 for what the parent leads to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from builder.chain import Chain
from builder.work import STAGES as FINISHING_STAGES
from builder.work import Finished, Observer, Work, header_places, unobserved
from spec.codec import rlp
from spec.containers import ExecutionPayload, Header, NewPayloadRequest, Withdrawal
from spec.errors import DecodeError, Reason, Rejection
from spec.gas import GAS_LIMIT_BOUND_DIVISOR, GAS_TRANSACTION
from spec.types import Address, Bytes32, Hash32, Uint64, Uint256
from stateless.fees import next_base_fee, next_excess_blob_gas
from stateless.header import Parent, header_of
from stateless.transition import BlockExecution, Signed
from stateless.tries import ordered_root
from stateless.verify import verify_block
from verkle.engine import P

STAGES: Final = (*FINISHING_STAGES, "seal", "verify")
"""What an observer of `build_block` is told of, in this order."""
SECONDS_PER_SLOT: Final = 12
LAST_TIME: Final = 2**64 - 1
NO_ADDRESS: Final = Address(bytes(20))


@dataclass(frozen=True, slots=True)
class Attributes:
    """What consensus decides of a block."""

    timestamp: Uint64 | None = None
    """None: one slot after the parent."""
    fee_recipient: Address = NO_ADDRESS
    prev_randao: Bytes32 = Bytes32(bytes(32))  # noqa: RUF009  (immutable)
    gas_limit: Uint64 | None = None
    """To move towards; None keeps the parent's."""
    extra_data: bytes = b""
    parent_beacon_block_root: Bytes32 = Bytes32(bytes(32))  # noqa: RUF009  (immutable)
    withdrawals: tuple[Withdrawal, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A transaction that does not fit."""

    index: int
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Built:
    """A sealed block that our own stateless verifier accepts."""

    request: NewPayloadRequest
    header: Header
    finished: Finished
    transactions: tuple[Signed, ...]
    left_out: tuple[LeftOut, ...]
    later: tuple[int, ...]
    """Indices of those that this block has no room for; the next one may have."""


def next_gas_limit(parent: int, wanted: int | None) -> int:
    """The gas limit nearest to the wanted one that a child of a block may have."""
    if wanted is None:
        return parent
    most = parent // GAS_LIMIT_BOUND_DIVISOR - 1
    return min(max(wanted, parent - most), parent + most)


def build_block(
    chain: Chain[P],
    transactions: Sequence[Signed],
    attributes: Attributes,
    *,
    strict: bool = False,
    observe: Observer = unobserved,
) -> Built:
    """A block on the chain's head with those of the transactions that fit.

    `strict`: one that does not fit is an error, whose fact `transaction` is its index. Of transactions that are not
    left out, the first one is always in the block: whoever builds until none is for later comes to an end.
    Raises: Rejection, also where the block would not pass our own stateless verifier; DecodeError where the database is
    damaged, or no time is left after the parent's.
    """
    with chain.database.reader() as reader:
        parent = chain.head(reader)
        draft = _draft(chain, parent, attributes)
        chain.keys.prepare(header_places(draft.fee_recipient, transactions[: draft.gas_limit // GAS_TRANSACTION]))
        work = Work(reader, chain.engine, chain.keys, chain.environment(draft))
        work.execution.begin()
        chosen = _choose(work.execution, transactions, strict=strict)
        finished = work.finish(attributes.withdrawals, proves=True, observe=observe)
    request = _sealed(chain, draft, attributes, chosen.fitting, finished)
    observe("seal")
    verify_block(
        chain.engine, chain.profile, request, Parent.of_header(parent), chain_id=chain.chain_id, keys=chain.keys
    )
    observe("verify")
    return Built(
        request, header_of(request), finished, tuple(chosen.fitting), tuple(chosen.left_out), tuple(chosen.later)
    )


@dataclass(slots=True)
class _Choice:
    """What became of each transaction."""

    fitting: list[Signed] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    later: list[int] = field(default_factory=list)


def _choose(execution: BlockExecution, transactions: Sequence[Signed], *, strict: bool) -> _Choice:
    """Execute those that fit. Raises: Rejection where one does not and `strict` is asked for, or the block is lost."""
    chosen = _Choice()
    waiting: set[Address] = set()
    gas_limit = execution.machine.block.gas_limit
    for index, signed in enumerate(transactions):
        if signed.sender in waiting or gas_limit - execution.gas_used < GAS_TRANSACTION <= execution.gas_used:
            chosen.later.append(index)
            waiting.add(signed.sender)
            continue
        try:
            execution.apply(signed)
        except Rejection as rejection:
            if _has_no_room(rejection, signed, execution):
                chosen.later.append(index)
                waiting.add(signed.sender)
            elif strict or rejection.reason is Reason.GAS_FROM_NOTHING:
                raise Rejection(rejection.reason, transaction=index, **rejection.facts) from None
            else:
                chosen.left_out.append(LeftOut(index, rejection))
        else:
            chosen.fitting.append(signed)
    return chosen


def _has_no_room(rejection: Rejection, signed: Signed, execution: BlockExecution) -> bool:
    """Whether what stands in the way is what the block holds already."""
    if rejection.reason is Reason.GAS_LIMIT_EXCEEDED:
        return signed.transaction.gas_limit <= execution.machine.block.gas_limit
    return rejection.reason is Reason.BLOB_COUNT and "most_in_a_block" in rejection.facts


def _draft(chain: Chain[P], parent: Header, attributes: Attributes) -> Header:
    """The header as far as it is known before execution."""
    rules = chain.profile.require_execution()
    blobs, base_fee = rules.blobs, parent.base_fee_per_gas or 0
    excess = None
    if blobs is not None:
        excess = next_excess_blob_gas(blobs, parent.excess_blob_gas or 0, parent.blob_gas_used or 0, base_fee)
    timestamp = attributes.timestamp
    if timestamp is None and parent.timestamp >= LAST_TIME - SECONDS_PER_SLOT:
        raise DecodeError(f"the head's time, {parent.timestamp}, leaves none for another block", "timestamp")
    return replace(
        parent,
        parent_hash=rlp.block_hash(parent),
        fee_recipient=attributes.fee_recipient,
        number=Uint64(parent.number + 1),
        gas_limit=Uint64(next_gas_limit(parent.gas_limit, attributes.gas_limit)),
        timestamp=Uint64(parent.timestamp + SECONDS_PER_SLOT) if timestamp is None else timestamp,
        extra_data=attributes.extra_data,
        prev_randao=attributes.prev_randao,
        base_fee_per_gas=Uint256(next_base_fee(parent.gas_limit, parent.gas_used, base_fee)),
        excess_blob_gas=None if excess is None else Uint64(excess),
        parent_beacon_block_root=None if blobs is None else attributes.parent_beacon_block_root,
    )


def _sealed(
    chain: Chain[P], draft: Header, attributes: Attributes, transactions: Sequence[Signed], finished: Finished
) -> NewPayloadRequest:
    """The block with what execution came to, and its hash."""
    rules, outcome = chain.profile.require_execution(), finished.outcome
    payload = ExecutionPayload(
        parent_hash=draft.parent_hash,
        fee_recipient=draft.fee_recipient,
        state_root=finished.state_root,
        receipts_root=ordered_root(receipt.encode() for receipt in outcome.receipts),
        logs_bloom=outcome.logs_bloom,
        prev_randao=draft.prev_randao,
        block_number=draft.number,
        gas_limit=draft.gas_limit,
        gas_used=Uint64(outcome.gas_used),
        timestamp=draft.timestamp,
        extra_data=draft.extra_data,
        base_fee_per_gas=draft.base_fee_per_gas or Uint256(0),
        block_hash=Hash32(bytes(32)),
        transactions=tuple(rlp.encode_transaction(signed.transaction) for signed in transactions),
        withdrawals=attributes.withdrawals,
        blob_gas_used=None if rules.blobs is None else Uint64(outcome.blob_gas_used),
        excess_blob_gas=draft.excess_blob_gas,
        execution_witness=finished.witness,
    )
    hashes = tuple(one for signed in transactions for one in signed.transaction.blob_versioned_hashes)
    request = NewPayloadRequest(
        execution_payload=payload,
        versioned_hashes=None if rules.blobs is None else hashes,
        parent_beacon_block_root=draft.parent_beacon_block_root,
        execution_requests=outcome.requests if rules.delegates else None,
    )
    block_hash = rlp.block_hash(header_of(request))
    return replace(request, execution_payload=replace(payload, block_hash=block_hash))
