"""Execution witnesses as JSON: go-verkle's text out, and the dialects of its relatives in.

    {"stateDiff": [{"stem": "0x..", "suffixDiffs": [{"suffix": 64, "currentValue": "0x..", "newValue": null}]}],
     "verkleProof": {"otherStems": [], "depthExtensionPresent": "0x09", "commitmentsByPath": ["0x.."], "d": "0x..",
                     "ipaProof": {"cl": [8 of "0x.."], "cr": [8 of "0x.."], "finalEvaluation": "0x.."}},
     "parentStateRoot": "0x.."}

Accepted besides: snake_case names, suffixes as decimal strings, missing currentValue and newValue for null, no
parentStateRoot, and depthExtensionPresent with an odd number of digits (execution-spec-tests' filler prints it as a
number, so its first digit may be lost). Refused: unknown names, for a member that nobody reads would let one witness
have many texts; and "0x" for an absent value, which devnet 1 wrote before absence had a form of its own.

Byte order: points and final_evaluation big-endian, as the containers hold them.
Source: go-verkle, `proof_json.go`; consensus-specs, EIP-6800 feature, for names and bounds.
"""

from typing import Final

from spec.codec.text import (
    Record,
    bytes_up_to,
    each,
    fixed,
    member,
    member_or,
    optional_member,
    record,
    spellings,
    string,
    to_hex,
    whole_number,
)
from spec.containers import ExecutionWitness, IPAProof, StemStateDiff, SuffixStateDiff, VerkleProof
from spec.errors import DecodeError
from spec.params import IPA_PROOF_DEPTH, MAX_COMMITMENTS_PER_STEM, MAX_STEMS, VERKLE_NODE_WIDTH
from spec.types import Bytes32, StateRoot, Stem, Value

_SUFFIX_NAMES: Final = spellings("suffix", "current_value", "new_value")
_STEM_NAMES: Final = spellings("stem", "suffix_diffs")
_IPA_NAMES: Final = spellings("cl", "cr", "final_evaluation")
_PROOF_NAMES: Final = spellings(
    "other_stems", "depth_extension_present", "commitments_by_path", "d", "ipa_proof", "internal_node_markers"
)
_WITNESS_NAMES: Final = spellings("state_diff", "verkle_proof", "parent_state_root")

_read_bytes32: Final = fixed(Bytes32)
_read_value: Final = fixed(Value)
_read_stem: Final = fixed(Stem)


def decode_witness(value: object) -> ExecutionWitness:
    """A witness from a parsed JSON object, in any of the dialects above.

    Shapes: at most MAX_STEMS stems, each with at most 256 suffixes; checked before any of them is read.
    Raises: DecodeError. Order, uniqueness and the proof itself are not looked at.
    """
    members = record(value, _WITNESS_NAMES, closed=True)
    return ExecutionWitness(
        state_diff=member(members, "state_diff", each(decode_stem_state_diff, MAX_STEMS, "stems")),
        verkle_proof=member(members, "verkle_proof", decode_verkle_proof),
        parent_state_root=optional_member(members, "parent_state_root", fixed(StateRoot)),
    )


def decode_stem_state_diff(value: object) -> StemStateDiff:
    """One element of a state diff."""
    members = record(value, _STEM_NAMES, closed=True)
    return StemStateDiff(
        stem=member(members, "stem", _read_stem),
        suffix_diffs=member(members, "suffix_diffs", each(decode_suffix_state_diff, VERKLE_NODE_WIDTH, "suffixes")),
    )


def decode_suffix_state_diff(value: object) -> SuffixStateDiff:
    """One location of a stem."""
    members = record(value, _SUFFIX_NAMES, closed=True)
    return SuffixStateDiff(
        suffix=member(members, "suffix", _read_suffix),
        current_value=optional_member(members, "current_value", _read_value),
        new_value=optional_member(members, "new_value", _read_value),
    )


def decode_verkle_proof(value: object) -> VerkleProof:
    """A proof. At most one status byte a stem, and MAX_COMMITMENTS_PER_STEM commitments a stem."""
    members = record(value, _PROOF_NAMES, closed=True)
    most_commitments = MAX_STEMS * MAX_COMMITMENTS_PER_STEM
    return VerkleProof(
        other_stems=member(members, "other_stems", each(_read_stem, MAX_STEMS, "stems")),
        depth_extension_present=member(members, "depth_extension_present", _read_extensions),
        commitments_by_path=member(members, "commitments_by_path", each(_read_bytes32, most_commitments)),
        d=member(members, "d", _read_bytes32),
        ipa_proof=member(members, "ipa_proof", decode_ipa_proof),
        internal_node_markers=member_or(members, "internal_node_markers", each(_read_bytes32, most_commitments), ()),
    )


def decode_ipa_proof(value: object) -> IPAProof:
    """An inner product argument of exactly IPA_PROOF_DEPTH rounds."""
    members = record(value, _IPA_NAMES, closed=True)
    return IPAProof(
        cl=_read_rounds(members, "cl"),
        cr=_read_rounds(members, "cr"),
        final_evaluation=member(members, "final_evaluation", _read_bytes32),
    )


def encode_witness(witness: ExecutionWitness) -> dict[str, object]:
    """The JSON object of a witness; `json_document.write` makes go-verkle's exact text of it.

    parentStateRoot is written where the witness has one, and last, as devnet 7's geth does.
    """
    encoded: dict[str, object] = {
        "stateDiff": [encode_stem_state_diff(diff) for diff in witness.state_diff],
        "verkleProof": encode_verkle_proof(witness.verkle_proof),
    }
    if witness.parent_state_root is not None:
        encoded["parentStateRoot"] = to_hex(witness.parent_state_root)
    return encoded


def encode_stem_state_diff(diff: StemStateDiff) -> dict[str, object]:
    """The JSON object of one stem's differences."""
    return {
        "stem": to_hex(diff.stem),
        "suffixDiffs": [encode_suffix_state_diff(suffix_diff) for suffix_diff in diff.suffix_diffs],
    }


def encode_suffix_state_diff(diff: SuffixStateDiff) -> dict[str, object]:
    """The JSON object of one location: a number and two values, null where there is none."""
    return {
        "suffix": diff.suffix,
        "currentValue": None if diff.current_value is None else to_hex(diff.current_value),
        "newValue": None if diff.new_value is None else to_hex(diff.new_value),
    }


def encode_verkle_proof(proof: VerkleProof) -> dict[str, object]:
    """The JSON object of a proof. Internal node markers, unknown to go-verkle, are written where there are any."""
    encoded: dict[str, object] = {
        "otherStems": [to_hex(stem) for stem in proof.other_stems],
        "depthExtensionPresent": to_hex(proof.depth_extension_present),
        "commitmentsByPath": [to_hex(commitment) for commitment in proof.commitments_by_path],
        "d": to_hex(proof.d),
        "ipaProof": encode_ipa_proof(proof.ipa_proof),
    }
    if proof.internal_node_markers:
        encoded["internalNodeMarkers"] = [to_hex(marker) for marker in proof.internal_node_markers]
    return encoded


def encode_ipa_proof(proof: IPAProof) -> dict[str, object]:
    """The JSON object of an inner product argument."""
    return {
        "cl": [to_hex(point) for point in proof.cl],
        "cr": [to_hex(point) for point in proof.cr],
        "finalEvaluation": to_hex(proof.final_evaluation),
    }


def _read_suffix(value: object) -> int:
    if isinstance(value, str) and value.startswith("0x"):
        raise DecodeError("a suffix is a number or a decimal string")
    suffix = whole_number(value)
    if not 0 <= suffix < VERKLE_NODE_WIDTH:
        raise DecodeError(f"a suffix must be in 0..{VERKLE_NODE_WIDTH - 1}")
    return suffix


def _read_extensions(value: object) -> bytes:
    text = string(value)
    if text.startswith("0x") and len(text) % 2:
        text = "0x0" + text[2:]
    return bytes_up_to(MAX_STEMS)(text)


def _read_rounds(members: Record, name: str) -> tuple[Bytes32, ...]:
    points = member(members, name, each(_read_bytes32, IPA_PROOF_DEPTH, "points"))
    if len(points) != IPA_PROOF_DEPTH:
        raise DecodeError(f"expected {IPA_PROOF_DEPTH} points, got {len(points)}", name)
    return points
