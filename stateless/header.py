"""The rules of headers: what a block's own fields, and those of its parent, must be.

    Parent          what is trusted of the block before: a header, or its state root alone
    header_of       the header that a request describes; its hash must be the block hash that the payload states
    check_shape     which fields the network's blocks have, and what their values can be
    check_parent    number, hash, time, gas limit, base fee and excess blob gas, as the parent leads to them

Time and memory of execution are bounded by gas, and so by the gas limit. That one is bounded by the parent's.

A header that is put together from a payload has no ommers, difficulty 0 and nonce 0 by construction (EIP-3675).

Source: yellow paper, section 4.4; EIPs 1559, 3675, 4399, 4788, 4844, 4895, 7685, 7918.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from spec.codec import rlp
from spec.codec.genesis_json import EMPTY_OMMERS_HASH
from spec.codec.limits import MAX_EXTRA_DATA_BYTES
from spec.codec.rlp_items import encode_items, number
from spec.containers import ExecutionPayload, Header, NewPayloadRequest, Withdrawal
from spec.errors import Reason, Rejection
from spec.forks import Execution, Fork
from spec.gas import GAS_LIMIT_BOUND_DIVISOR, GAS_LIMIT_MINIMUM, GAS_PER_BLOB, GAS_TRANSACTION
from spec.types import Hash32, StateRoot, Uint64, Uint256
from stateless.fees import check_excess, next_base_fee, next_excess_blob_gas
from stateless.system import requests_hash
from stateless.tries import ordered_root

NO_NONCE: Final = bytes(8)
"""Source: EIP-3675, "Block structure"."""
MAX_GAS_LIMIT: Final = 2**63 - 1
"""The greatest gas limit. Source: EIP-1985; go-ethereum, params.MaxGasLimit."""


@dataclass(frozen=True, slots=True)
class ParentHeader:
    """What the rules ask of a parent's header."""

    block_hash: Hash32
    number: Uint64
    timestamp: Uint64
    gas_limit: Uint64
    gas_used: Uint64
    base_fee: Uint256 | None
    """None before London."""
    blob_gas_used: Uint64 | None
    """None before Cancun."""
    excess_blob_gas: Uint64 | None


@dataclass(frozen=True, slots=True)
class Parent:
    """What is trusted of a block's parent: its state root, and perhaps its header."""

    state_root: StateRoot
    header: ParentHeader | None = None

    @classmethod
    def of_header(cls, header: Header) -> "Parent":
        """A parent whose header is trusted."""
        known = ParentHeader(
            rlp.block_hash(header),
            header.number,
            header.timestamp,
            header.gas_limit,
            header.gas_used,
            header.base_fee_per_gas,
            header.blob_gas_used,
            header.excess_blob_gas,
        )
        return cls(header.state_root, known)

    @classmethod
    def of_payload(cls, payload: ExecutionPayload) -> "Parent":
        """A parent as its payload describes it; whether its hash is what the payload states is for others to check."""
        known = ParentHeader(
            payload.block_hash,
            payload.block_number,
            payload.timestamp,
            payload.gas_limit,
            payload.gas_used,
            payload.base_fee_per_gas,
            payload.blob_gas_used,
            payload.excess_blob_gas,
        )
        return cls(payload.state_root, known)


def header_of(request: NewPayloadRequest) -> Header:
    """The header that a request describes. What `check_shape` accepts has one."""
    payload, requests = request.execution_payload, request.execution_requests
    return Header(
        parent_hash=payload.parent_hash,
        ommers_hash=EMPTY_OMMERS_HASH,
        fee_recipient=payload.fee_recipient,
        state_root=payload.state_root,
        transactions_root=ordered_root(payload.transactions),
        receipts_root=payload.receipts_root,
        logs_bloom=payload.logs_bloom,
        difficulty=Uint256(0),
        number=payload.block_number,
        gas_limit=payload.gas_limit,
        gas_used=payload.gas_used,
        timestamp=payload.timestamp,
        extra_data=payload.extra_data,
        prev_randao=payload.prev_randao,
        nonce=NO_NONCE,
        base_fee_per_gas=payload.base_fee_per_gas,
        withdrawals_root=None if payload.withdrawals is None else withdrawals_root(payload.withdrawals),
        blob_gas_used=payload.blob_gas_used,
        excess_blob_gas=payload.excess_blob_gas,
        parent_beacon_block_root=request.parent_beacon_block_root,
        requests_hash=None if requests is None else requests_hash(requests),
    )


def withdrawals_root(withdrawals: Iterable[Withdrawal]) -> Hash32:
    """The root of the list of withdrawals. Source: EIP-4895, "New field in the execution payload header"."""
    items = [
        encode_items([number(one.index), number(one.validator_index), one.address, number(one.amount)])
        for one in withdrawals
    ]
    return ordered_root(items)


def check_shape(rules: Execution, request: NewPayloadRequest) -> None:
    """What can be said of a block's fields on their own. Raises: Rejection.

    No transaction uses less than GAS_TRANSACTION (EIP-7623), so a block has no more of them than its gas limit pays
    for: said here, before each is decoded and hashed. Devnets give stipends away, and a transaction may use less there.
    """
    payload = request.execution_payload
    since: tuple[tuple[str, object, Fork], ...] = (
        ("withdrawals", payload.withdrawals, Fork.SHANGHAI),
        ("blob_gas_used", payload.blob_gas_used, Fork.CANCUN),
        ("excess_blob_gas", payload.excess_blob_gas, Fork.CANCUN),
        ("versioned_hashes", request.versioned_hashes, Fork.CANCUN),
        ("parent_beacon_block_root", request.parent_beacon_block_root, Fork.CANCUN),
        ("execution_requests", request.execution_requests, Fork.PRAGUE),
    )
    for name, value, fork in since:
        if (value is not None) != (rules.fork >= fork):
            rule = "missing" if value is None else "not known in this network yet"
            raise Rejection(Reason.HEADER_FIELD, field=name, rule=rule)
    if len(payload.extra_data) > MAX_EXTRA_DATA_BYTES:
        raise Rejection(Reason.EXTRA_DATA_TOO_LONG, bytes=len(payload.extra_data), most=MAX_EXTRA_DATA_BYTES)
    if payload.gas_limit < GAS_LIMIT_MINIMUM:
        raise Rejection(Reason.GAS_LIMIT_STEP, gas_limit=payload.gas_limit, least=GAS_LIMIT_MINIMUM)
    if payload.gas_limit > MAX_GAS_LIMIT:
        raise Rejection(Reason.HEADER_FIELD, field="gas_limit", gas_limit=payload.gas_limit, most=MAX_GAS_LIMIT)
    most = payload.gas_limit // GAS_TRANSACTION
    if rules.calldata_floor and len(payload.transactions) > most:
        raise Rejection(Reason.GAS_LIMIT_EXCEEDED, transaction=most, gas_limit=payload.gas_limit)
    if payload.gas_used > payload.gas_limit:
        raise Rejection(Reason.HEADER_FIELD, field="gas_used", gas_used=payload.gas_used, gas_limit=payload.gas_limit)
    _check_excess(rules, payload.excess_blob_gas)
    if rules.blobs is not None and payload.blob_gas_used is not None:
        most = rules.blobs.most_gas
        if payload.blob_gas_used > most or payload.blob_gas_used % GAS_PER_BLOB:
            raise Rejection(Reason.BLOB_GAS_MISMATCH, blob_gas_used=payload.blob_gas_used, most=most)


def _check_excess(rules: Execution, excess: Uint64 | None) -> None:
    if rules.blobs is not None and excess is not None:
        check_excess(rules.blobs, excess)


def check_block_hash(request: NewPayloadRequest) -> None:
    """The block hash is the header's. Raises: Rejection."""
    stated, computed = request.execution_payload.block_hash, rlp.block_hash(header_of(request))
    if stated != computed:
        raise Rejection(Reason.BLOCK_HASH_MISMATCH, stated=stated, computed=computed)


def check_parent(rules: Execution, payload: ExecutionPayload, parent: ParentHeader) -> None:
    """What the parent leads to. Raises: Rejection."""
    check_follows(payload, parent)
    if payload.timestamp <= parent.timestamp:
        raise Rejection(Reason.TIMESTAMP_NOT_AFTER_PARENT, timestamp=payload.timestamp, parent=parent.timestamp)
    if abs(payload.gas_limit - parent.gas_limit) >= parent.gas_limit // GAS_LIMIT_BOUND_DIVISOR:
        raise Rejection(Reason.GAS_LIMIT_STEP, gas_limit=payload.gas_limit, parent=parent.gas_limit)
    if parent.base_fee is None:
        raise Rejection(Reason.HEADER_FIELD, field="base_fee_per_gas", rule="missing in the parent")
    base_fee = next_base_fee(parent.gas_limit, parent.gas_used, parent.base_fee)
    if payload.base_fee_per_gas != base_fee:
        raise Rejection(Reason.BASE_FEE_MISMATCH, base_fee=payload.base_fee_per_gas, expected=base_fee)
    _check_excess(rules, parent.excess_blob_gas)
    if rules.blobs is not None:
        before, used = parent.excess_blob_gas or 0, parent.blob_gas_used or 0
        excess = next_excess_blob_gas(rules.blobs, before, used, parent.base_fee)
        if payload.excess_blob_gas != excess:
            raise Rejection(Reason.BLOB_GAS_MISMATCH, excess_blob_gas=payload.excess_blob_gas or 0, expected=excess)


def check_follows(payload: ExecutionPayload, parent: ParentHeader) -> None:
    """Number and parent hash follow the parent. Raises: Rejection."""
    if payload.block_number != parent.number + 1:
        raise Rejection(Reason.PARENT_MISMATCH, number=payload.block_number, expected=parent.number + 1)
    if payload.parent_hash != parent.block_hash:
        raise Rejection(Reason.PARENT_MISMATCH, parent_hash=payload.parent_hash, expected=parent.block_hash)
