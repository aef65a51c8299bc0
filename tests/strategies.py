"""Hypothesis strategies of the containers: any value that the types admit, edges first, order and meaning not kept."""

from typing import Any, TypeVar

from hypothesis import strategies as st

from spec.codec.limits import MAX_EXTRA_DATA_BYTES
from spec.containers import (
    AccessTuple,
    Authorization,
    ExecutionPayload,
    ExecutionWitness,
    Header,
    IPAProof,
    NewPayloadRequest,
    StemStateDiff,
    SuffixStateDiff,
    Transaction,
    VerkleProof,
    Withdrawal,
)
from spec.params import IPA_PROOF_DEPTH, Profile
from spec.types import Address, Bloom, BoundedInt, Bytes32, FixedBytes, Hash32, StateRoot, Stem, Uint64, Uint256, Value

F = TypeVar("F", bound=FixedBytes)
N = TypeVar("N", bound=BoundedInt)


def fixed_bytes(kind: type[F]) -> st.SearchStrategy[F]:
    edges = st.sampled_from([bytes(kind.LENGTH), b"\xff" * kind.LENGTH])
    return (edges | st.binary(min_size=kind.LENGTH, max_size=kind.LENGTH)).map(kind)


def bounded_ints(kind: type[N]) -> st.SearchStrategy[N]:
    edges = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**63, 2**kind.BITS - 1])
    return (edges | st.integers(0, 2**kind.BITS - 1)).map(kind)


def suffix_state_diffs() -> st.SearchStrategy[SuffixStateDiff]:
    value = st.none() | fixed_bytes(Value)
    return st.builds(SuffixStateDiff, suffix=st.integers(0, 255), current_value=value, new_value=value)


def stem_state_diffs() -> st.SearchStrategy[StemStateDiff]:
    return st.builds(
        StemStateDiff,
        stem=fixed_bytes(Stem),
        suffix_diffs=st.lists(suffix_state_diffs(), max_size=4).map(tuple),
    )


def ipa_proofs() -> st.SearchStrategy[IPAProof]:
    rounds = st.lists(fixed_bytes(Bytes32), min_size=IPA_PROOF_DEPTH, max_size=IPA_PROOF_DEPTH).map(tuple)
    return st.builds(IPAProof, cl=rounds, cr=rounds, final_evaluation=fixed_bytes(Bytes32))


def verkle_proofs(markers: bool = True) -> st.SearchStrategy[VerkleProof]:
    return st.builds(
        VerkleProof,
        other_stems=st.lists(fixed_bytes(Stem), max_size=3).map(tuple),
        depth_extension_present=st.binary(max_size=4),
        commitments_by_path=st.lists(fixed_bytes(Bytes32), max_size=4).map(tuple),
        d=fixed_bytes(Bytes32),
        ipa_proof=ipa_proofs(),
        internal_node_markers=st.lists(fixed_bytes(Bytes32), max_size=2 if markers else 0).map(tuple),
    )


def witnesses(parent_state_root: bool = True, markers: bool = True) -> st.SearchStrategy[ExecutionWitness]:
    """Any witness, or one without what a form cannot say."""
    return st.builds(
        ExecutionWitness,
        state_diff=st.lists(stem_state_diffs(), max_size=3).map(tuple),
        verkle_proof=verkle_proofs(markers),
        parent_state_root=st.none() | fixed_bytes(StateRoot) if parent_state_root else st.none(),
    )


def withdrawals() -> st.SearchStrategy[Withdrawal]:
    return st.builds(
        Withdrawal,
        index=bounded_ints(Uint64),
        validator_index=bounded_ints(Uint64),
        address=fixed_bytes(Address),
        amount=bounded_ints(Uint64),
    )


@st.composite
def payloads(draw: st.DrawFn, profile: Profile | None = None) -> ExecutionPayload:
    """Any payload, or one that has a form in SSZ under a profile."""
    complete = profile is not None
    has_blob_gas = draw(st.booleans()) if profile is None else profile.blob_gas
    markers = profile is None or profile.internal_node_markers
    blob_field = bounded_ints(Uint64) if has_blob_gas else st.none()
    some_withdrawals: st.SearchStrategy[tuple[Withdrawal, ...]] = st.lists(withdrawals(), max_size=2).map(tuple)
    return draw(
        st.builds(
            ExecutionPayload,
            parent_hash=fixed_bytes(Hash32),
            fee_recipient=fixed_bytes(Address),
            state_root=fixed_bytes(StateRoot),
            receipts_root=fixed_bytes(Hash32),
            logs_bloom=fixed_bytes(Bloom),
            prev_randao=fixed_bytes(Bytes32),
            block_number=bounded_ints(Uint64),
            gas_limit=bounded_ints(Uint64),
            gas_used=bounded_ints(Uint64),
            timestamp=bounded_ints(Uint64),
            extra_data=st.binary(max_size=MAX_EXTRA_DATA_BYTES),
            base_fee_per_gas=bounded_ints(Uint256),
            block_hash=fixed_bytes(Hash32),
            transactions=st.lists(st.binary(max_size=8), max_size=3).map(tuple),
            withdrawals=some_withdrawals if complete else st.none() | some_withdrawals,
            blob_gas_used=blob_field,
            excess_blob_gas=blob_field,
            execution_witness=witnesses(False, markers) if complete else st.none() | witnesses(),
        )
    )


@st.composite
def requests(draw: st.DrawFn, profile: Profile) -> NewPayloadRequest:
    """Any request that has a form in SSZ under a profile."""
    payload = draw(payloads(profile))
    if not profile.blob_gas:
        return NewPayloadRequest(payload)
    listed = []
    for kind, size, most in ((0, 192, 3), (1, 76, 16), (2, 116, 2)):
        count = draw(st.sampled_from([0, 0, 1, most]))
        data = draw(st.binary(min_size=size, max_size=size)) * count
        if data:
            listed.append(bytes((kind,)) + data)
    return NewPayloadRequest(
        payload,
        versioned_hashes=tuple(draw(st.lists(fixed_bytes(Bytes32), max_size=3))),
        parent_beacon_block_root=draw(fixed_bytes(Bytes32)),
        execution_requests=tuple(listed),
    )


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """A header of any fork."""
    optional: dict[str, st.SearchStrategy[Any]] = {
        "base_fee_per_gas": bounded_ints(Uint256),
        "withdrawals_root": fixed_bytes(Hash32),
        "blob_gas_used": bounded_ints(Uint64),
        "excess_blob_gas": bounded_ints(Uint64),
        "parent_beacon_block_root": fixed_bytes(Bytes32),
        "requests_hash": fixed_bytes(Bytes32),
    }
    given = draw(st.sampled_from([0, 1, 2, 5, 6]))
    optional_values: dict[str, Any] = {name: draw(values) for name, values in list(optional.items())[:given]}
    return Header(
        parent_hash=draw(fixed_bytes(Hash32)),
        ommers_hash=draw(fixed_bytes(Hash32)),
        fee_recipient=draw(fixed_bytes(Address)),
        state_root=draw(fixed_bytes(StateRoot)),
        transactions_root=draw(fixed_bytes(Hash32)),
        receipts_root=draw(fixed_bytes(Hash32)),
        logs_bloom=draw(fixed_bytes(Bloom)),
        difficulty=draw(bounded_ints(Uint256)),
        number=draw(bounded_ints(Uint64)),
        gas_limit=draw(bounded_ints(Uint64)),
        gas_used=draw(bounded_ints(Uint64)),
        timestamp=draw(bounded_ints(Uint64)),
        extra_data=draw(st.binary(max_size=MAX_EXTRA_DATA_BYTES)),
        prev_randao=draw(fixed_bytes(Bytes32)),
        nonce=draw(st.binary(min_size=8, max_size=8)),
        **optional_values,
    )


@st.composite
def transactions(draw: st.DrawFn, kind: int | None = None) -> Transaction:
    """A transaction of any type with any numbers for a signature."""
    kind = draw(st.integers(0, 4)) if kind is None else kind
    uint256 = bounded_ints(Uint256)
    # v = 35 + 2 * chain id + parity, and every chain id below 2^64 fits
    chain_id = bounded_ints(Uint64) if kind else st.none() | bounded_ints(Uint64)
    access_tuple = st.builds(
        AccessTuple,
        address=fixed_bytes(Address),
        storage_keys=st.lists(fixed_bytes(Bytes32), max_size=2).map(tuple),
    )
    authorization = st.builds(
        Authorization,
        chain_id=uint256,
        address=fixed_bytes(Address),
        nonce=bounded_ints(Uint64),
        y_parity=st.integers(0, 255),
        r=uint256,
        s=uint256,
    )
    return Transaction(
        type=kind,
        chain_id=draw(chain_id),
        nonce=draw(bounded_ints(Uint64)),
        gas_price=draw(uint256) if kind < 2 else None,
        max_priority_fee_per_gas=draw(uint256) if kind >= 2 else None,
        max_fee_per_gas=draw(uint256) if kind >= 2 else None,
        gas_limit=draw(bounded_ints(Uint64)),
        to=draw(fixed_bytes(Address) if kind > 2 else st.none() | fixed_bytes(Address)),
        value=draw(uint256),
        data=draw(st.binary(max_size=70)),
        access_list=tuple(draw(st.lists(access_tuple, max_size=2))) if kind else (),
        max_fee_per_blob_gas=draw(uint256) if kind == 3 else None,
        blob_versioned_hashes=tuple(draw(st.lists(fixed_bytes(Bytes32), max_size=2))) if kind == 3 else (),
        authorization_list=tuple(draw(st.lists(authorization, max_size=2))) if kind == 4 else (),
        y_parity=draw(st.integers(0, 1)),
        r=draw(uint256),
        s=draw(uint256),
    )


@st.composite
def mutations(draw: st.DrawFn, original: bytes) -> bytes:
    """`original` with a byte changed, a piece cut out or doubled, bytes added, or an end lost."""
    position = draw(st.integers(0, len(original)))
    length = draw(st.integers(1, 40))
    piece = original[position : position + length]
    match draw(st.integers(0, 4)):
        case 0:
            return original[:position] + draw(st.binary(min_size=1, max_size=1)) + original[position + 1 :]
        case 1:
            return original[:position] + original[position + length :]
        case 2:
            return original[:position] + piece + original[position:]
        case 3:
            return original + draw(st.binary(min_size=1, max_size=40))
        case _:
            return original[:position]
