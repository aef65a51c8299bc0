"""EIP-6800's containers as SSZ: types and hash tree roots by `remerkleable`, reading strictly, writing.

    SuffixStateDiff   suffix: Bytes1, current_value: Optional[Bytes32], new_value: Optional[Bytes32]
    StemStateDiff     stem: Bytes31, suffix_diffs: List[SuffixStateDiff, 256]
    IPAProof          cl: Vector[Bytes32, 8], cr: Vector[Bytes32, 8], final_evaluation: Bytes32
    VerkleProof       other_stems: List[Bytes31, 2^16], depth_extension_present: ByteList[2^16],
                      commitments_by_path: List[Bytes32, 2^16 * 33], d: Bytes32, ipa_proof: IPAProof
                      (internal_node_markers: List[Bytes32, 2^16 * 33], in profiles that have them)
    ExecutionWitness  state_diff: List[StemStateDiff, 2^16], verkle_proof: VerkleProof
    ExecutionPayload  Capella's fields, or Deneb's where the profile has blob gas; then execution_witness

`Optional[Bytes32]` is written as `Union[None, Bytes32]`, as verkle-trie-ref does: one selector byte, then the value.
EIP-6475's Optional was withdrawn, and no two clients agreed on a form of their own. A witness's parent_state_root is
not part of the container, so it does not survive.

Reading goes by the library's types but not through its reader, which reports malformed input by bare `Exception`,
accepts a None with bytes behind it and a first offset that leaves a gap, and takes some twenty times as long.
`spec.codec.ssz_reader` accepts one encoding of each value; tests hold the two together. Writing goes by the types, too
(`spec.codec.ssz_writer`): the library writes from views that it makes for roots, which take most of a builder's time.

Byte order: offsets and integers little-endian (SSZ); points and final_evaluation big-endian, as the containers have
them.
Source: consensus-specs, "SimpleSerialize" and EIP-6800 feature (`specs/_features/eip6800`, until its removal).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import remerkleable.byte_arrays
import remerkleable.complex
import remerkleable.union
from remerkleable.basic import uint64, uint256

from spec import containers
from spec.codec.limits import (
    MAX_BYTES_PER_TRANSACTION,
    MAX_EXTRA_DATA_BYTES,
    MAX_TRANSACTIONS_PER_PAYLOAD,
    MAX_WITHDRAWALS_PER_PAYLOAD,
)
from spec.codec.ssz_reader import Make, Read, reader
from spec.codec.ssz_writer import Take, Write, writer
from spec.errors import DecodeError
from spec.params import IPA_PROOF_DEPTH, MAX_COMMITMENTS_PER_STEM, MAX_STEMS, VERKLE_NODE_WIDTH, Profile
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, Stem, Uint64, Uint256, Value

MAX_SSZ_BYTES: Final = 2**25
"""Longest input: three times what consensus-specs' gossip carries (MAX_PAYLOAD_SIZE, 10 MiB). The emptiest locations
take 15 bytes here and some 200 in memory, so no input takes more than half a gigabyte."""

ByteList: Final[Any] = remerkleable.byte_arrays.ByteList
ByteVector: Final[Any] = remerkleable.byte_arrays.ByteVector
List: Final[Any] = remerkleable.complex.List
Vector: Final[Any] = remerkleable.complex.Vector
Union: Final[Any] = remerkleable.union.Union
"""The library's types take parameters in a way that type checkers do not follow."""


def container(name: str, **fields: Any) -> Any:
    """A container type of the library with these fields, in this order."""
    return type(name, (remerkleable.complex.Container,), {"__annotations__": fields})


_Bytes20: Final = ByteVector[20]
_Bytes31: Final = ByteVector[31]
_Bytes32: Final = ByteVector[32]
_OptionalBytes32: Final = Union[None, _Bytes32]
_COMMITMENTS: Final = List[_Bytes32, MAX_STEMS * MAX_COMMITMENTS_PER_STEM]

SuffixStateDiff: Final = container(
    "SuffixStateDiff", suffix=ByteVector[1], current_value=_OptionalBytes32, new_value=_OptionalBytes32
)
StemStateDiff: Final = container("StemStateDiff", stem=_Bytes31, suffix_diffs=List[SuffixStateDiff, VERKLE_NODE_WIDTH])
IPAProof: Final = container(
    "IPAProof",
    cl=Vector[_Bytes32, IPA_PROOF_DEPTH],
    cr=Vector[_Bytes32, IPA_PROOF_DEPTH],
    final_evaluation=_Bytes32,
)
Withdrawal: Final = container("Withdrawal", index=uint64, validator_index=uint64, address=_Bytes20, amount=uint64)
_CAPELLA: Final = {
    "parent_hash": _Bytes32,
    "fee_recipient": _Bytes20,
    "state_root": _Bytes32,
    "receipts_root": _Bytes32,
    "logs_bloom": ByteVector[Bloom.LENGTH],
    "prev_randao": _Bytes32,
    "block_number": uint64,
    "gas_limit": uint64,
    "gas_used": uint64,
    "timestamp": uint64,
    "extra_data": ByteList[MAX_EXTRA_DATA_BYTES],
    "base_fee_per_gas": uint256,
    "block_hash": _Bytes32,
    "transactions": List[ByteList[MAX_BYTES_PER_TRANSACTION], MAX_TRANSACTIONS_PER_PAYLOAD],
    "withdrawals": List[Withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD],
}
_DENEB: Final = {"blob_gas_used": uint64, "excess_blob_gas": uint64}


@dataclass(frozen=True, slots=True)
class Form:
    """The types that differ between profiles, and their readers."""

    verkle_proof: Any
    execution_witness: Any
    execution_payload: Any
    make: Make
    """What the reader calls with each container's fields."""
    take: Take
    """How the writer gets each container's fields."""
    read_witness: Read
    read_payload: Read
    write_witness: Write
    write_payload: Write


@cache
def form(blob_gas: bool, markers: bool) -> Form:
    """The types of profiles with or without blob gas and internal node markers, each field last where it is added."""
    marked = {"internal_node_markers": _COMMITMENTS} if markers else {}
    proof = container(
        "VerkleProof",
        other_stems=List[_Bytes31, MAX_STEMS],
        depth_extension_present=ByteList[MAX_STEMS],
        commitments_by_path=_COMMITMENTS,
        d=_Bytes32,
        ipa_proof=IPAProof,
        **marked,
    )
    witness = container("ExecutionWitness", state_diff=List[StemStateDiff, MAX_STEMS], verkle_proof=proof)
    fields = _CAPELLA | (_DENEB if blob_gas else {}) | {"execution_witness": witness}
    payload = container("ExecutionPayload", **fields)
    make: Make = {
        SuffixStateDiff: _as_suffix_diff,
        StemStateDiff: _as_stem_diff,
        IPAProof: _as_ipa_proof,
        Withdrawal: _as_withdrawal,
        proof: _as_verkle_proof,
        witness: containers.ExecutionWitness,
        payload: _as_payload,
    }
    take: Take = {
        SuffixStateDiff: lambda one: (bytes((one.suffix,)), one.current_value, one.new_value),
        StemStateDiff: lambda one: (one.stem, one.suffix_diffs),
        IPAProof: lambda one: (one.cl, one.cr, one.final_evaluation),
        Withdrawal: lambda one: (one.index, one.validator_index, one.address, one.amount),
        proof: lambda one: _proof_values(one, markers),
        witness: lambda one: (one.state_diff, one.verkle_proof),
        payload: lambda one: [getattr(one, name) for name in fields],
    }
    written = writer(witness, take), writer(payload, take)
    return Form(proof, witness, payload, make, take, reader(witness, make), reader(payload, make), *written)


def encode_witness(witness: containers.ExecutionWitness, markers: bool) -> bytes:
    """The SSZ of a witness, without its parent_state_root.

    `markers`: as the profile's `internal_node_markers` says.
    Raises: ValueError where the witness has markers and the form does not.
    """
    return form(False, markers).write_witness(witness)


def decode_witness(data: bytes, markers: bool) -> containers.ExecutionWitness:
    """A witness from its SSZ. Accepted bytes encode to themselves.

    `markers`: as the profile's `internal_node_markers` says.
    Raises: DecodeError.
    """
    witness: containers.ExecutionWitness = decode(form(False, markers).read_witness, data)
    return witness


def witness_root(witness: containers.ExecutionWitness, markers: bool) -> Bytes32:
    """The hash tree root of a witness: execution_witness_root of a beacon block's payload header."""
    return Bytes32(_witness_view(witness, form(False, markers)).hash_tree_root())


def encode_payload(payload: containers.ExecutionPayload, profile: Profile) -> bytes:
    """The SSZ of a payload, its witness last.

    Raises: ValueError where the profile's container has a field that the payload lacks, or the reverse.
    """
    check_fields(payload, profile)
    return form(profile.blob_gas, profile.internal_node_markers).write_payload(payload)


def decode_payload(data: bytes, profile: Profile) -> containers.ExecutionPayload:
    """A payload from its SSZ. Accepted bytes encode to themselves.

    Raises: DecodeError.
    """
    read = form(profile.blob_gas, profile.internal_node_markers).read_payload
    payload: containers.ExecutionPayload = decode(read, data)
    return payload


# Writing: what a writer needs to know beside the types.


def _proof_values(proof: containers.VerkleProof, markers: bool) -> list[Any]:
    values = [
        proof.other_stems,
        proof.depth_extension_present,
        proof.commitments_by_path,
        proof.d,
        proof.ipa_proof,
    ]
    if markers:
        return [*values, proof.internal_node_markers]
    if proof.internal_node_markers:
        raise ValueError("this form of a witness has no internal node markers")
    return values


def check_fields(payload: containers.ExecutionPayload, profile: Profile) -> None:
    """Raise ValueError where the profile's container has a field that the payload lacks, or the reverse."""
    if payload.withdrawals is None or payload.execution_witness is None:
        raise ValueError("a payload without withdrawals or execution witness has no SSZ form")
    if any((getattr(payload, name) is None) == profile.blob_gas for name in _DENEB):
        raise ValueError(f"profile {profile.name} and payload differ on blob gas fields")


# Roots: the containers as views of the library.


def _optional(value: bytes | None) -> Any:
    if value is None:
        return _OptionalBytes32(selector=0)
    return _OptionalBytes32(selector=1, value=_Bytes32(value))


def _stem_view(diff: containers.StemStateDiff) -> Any:
    return StemStateDiff(
        stem=diff.stem,
        suffix_diffs=[
            SuffixStateDiff(
                suffix=bytes((suffix_diff.suffix,)),
                current_value=_optional(suffix_diff.current_value),
                new_value=_optional(suffix_diff.new_value),
            )
            for suffix_diff in diff.suffix_diffs
        ],
    )


def _witness_view(witness: containers.ExecutionWitness, kinds: Form) -> Any:
    proof = witness.verkle_proof
    fields = {
        "other_stems": list(proof.other_stems),
        "depth_extension_present": proof.depth_extension_present,
        "commitments_by_path": list(proof.commitments_by_path),
        "d": proof.d,
        "ipa_proof": IPAProof(
            cl=list(proof.ipa_proof.cl),
            cr=list(proof.ipa_proof.cr),
            final_evaluation=proof.ipa_proof.final_evaluation,
        ),
    }
    if "internal_node_markers" in kinds.verkle_proof.fields():
        fields["internal_node_markers"] = list(proof.internal_node_markers)
    elif proof.internal_node_markers:
        raise ValueError("this form of a witness has no internal node markers")
    return kinds.execution_witness(
        state_diff=[_stem_view(diff) for diff in witness.state_diff],
        verkle_proof=kinds.verkle_proof(**fields),
    )


def payload_view(payload: containers.ExecutionPayload, profile: Profile) -> Any:
    """A payload as a view of the library.

    Raises: ValueError where the profile's container has a field that the payload lacks, or the reverse.
    """
    check_fields(payload, profile)
    names = [*_CAPELLA, *(_DENEB if profile.blob_gas else ())]
    values = {name: getattr(payload, name) for name in names}
    values["transactions"] = list(payload.transactions)
    values["withdrawals"] = [
        Withdrawal(
            index=withdrawal.index,
            validator_index=withdrawal.validator_index,
            address=withdrawal.address,
            amount=withdrawal.amount,
        )
        for withdrawal in payload.withdrawals or ()
    ]
    kinds = form(profile.blob_gas, profile.internal_node_markers)
    if payload.execution_witness is not None:
        values["execution_witness"] = _witness_view(payload.execution_witness, kinds)
    return kinds.execution_payload(**values)


# Reading: what the reader calls with each container's fields.


def decode(read: Read, data: bytes) -> Any:
    """What `read` reads of at most MAX_SSZ_BYTES. Raises: DecodeError."""
    if len(data) > MAX_SSZ_BYTES:
        raise DecodeError(f"more than {MAX_SSZ_BYTES} bytes")
    return read(bytes(data))


def _as_suffix_diff(suffix: bytes, current_value: bytes | None, new_value: bytes | None) -> containers.SuffixStateDiff:
    return containers.SuffixStateDiff(
        suffix=suffix[0],
        current_value=None if current_value is None else Value(current_value),
        new_value=None if new_value is None else Value(new_value),
    )


def _as_stem_diff(stem: bytes, suffix_diffs: tuple[containers.SuffixStateDiff, ...]) -> containers.StemStateDiff:
    return containers.StemStateDiff(stem=Stem(stem), suffix_diffs=suffix_diffs)


def _as_ipa_proof(cl: Sequence[bytes], cr: Sequence[bytes], final_evaluation: bytes) -> containers.IPAProof:
    return containers.IPAProof(
        cl=tuple(map(Bytes32, cl)), cr=tuple(map(Bytes32, cr)), final_evaluation=Bytes32(final_evaluation)
    )


def _as_verkle_proof(
    other_stems: Sequence[bytes],
    depth_extension_present: bytes,
    commitments_by_path: Sequence[bytes],
    d: bytes,
    ipa_proof: containers.IPAProof,
    internal_node_markers: Sequence[bytes] = (),
) -> containers.VerkleProof:
    return containers.VerkleProof(
        other_stems=tuple(map(Stem, other_stems)),
        depth_extension_present=depth_extension_present,
        commitments_by_path=tuple(map(Bytes32, commitments_by_path)),
        d=Bytes32(d),
        ipa_proof=ipa_proof,
        internal_node_markers=tuple(map(Bytes32, internal_node_markers)),
    )


def _as_withdrawal(index: int, validator_index: int, address: bytes, amount: int) -> containers.Withdrawal:
    return containers.Withdrawal(
        index=Uint64(index),
        validator_index=Uint64(validator_index),
        address=Address(address),
        amount=Uint64(amount),
    )


_PAYLOAD_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "parent_hash": Hash32,
    "fee_recipient": Address,
    "state_root": StateRoot,
    "receipts_root": Hash32,
    "logs_bloom": Bloom,
    "prev_randao": Bytes32,
    "block_number": Uint64,
    "gas_limit": Uint64,
    "gas_used": Uint64,
    "timestamp": Uint64,
    "base_fee_per_gas": Uint256,
    "block_hash": Hash32,
    "blob_gas_used": Uint64,
    "excess_blob_gas": Uint64,
}
"""The house's types of the payload's fields; the other fields come from the reader as they are."""


def _as_payload(**values: Any) -> containers.ExecutionPayload:
    for name, kind in _PAYLOAD_KINDS.items():
        if name in values:
            values[name] = kind(values[name])
    absent: dict[str, Any] = dict.fromkeys(_DENEB)
    return containers.ExecutionPayload(**(absent | values))
