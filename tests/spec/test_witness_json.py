"""Witnesses as JSON: go-verkle's text, its dialects, and what a strict reader refuses."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from spec.codec import json_document, witness_json
from spec.containers import ExecutionWitness, IPAProof, StemStateDiff, SuffixStateDiff, VerkleProof
from spec.errors import DecodeError
from spec.params import MAX_COMMITMENTS_PER_STEM, MAX_STEMS
from spec.types import Bytes32, Stem, Value
from tests.strategies import witnesses

ZERO = Bytes32(bytes(32))
WITNESS = ExecutionWitness(
    state_diff=(StemStateDiff(Stem(bytes(range(31))), (SuffixStateDiff(65, Value(bytes(32)), None),)),),
    verkle_proof=VerkleProof((Stem(bytes(31)),), b"\x09", (ZERO,), ZERO, IPAProof((ZERO,) * 8, (ZERO,) * 8, ZERO)),
)


def encoded() -> Any:
    return witness_json.encode_witness(WITNESS)


def snake(value: object) -> object:
    """The same object with snake_case names and suffixes as decimal strings."""
    if isinstance(value, list):
        return [snake(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join("_" + sign.lower() if sign.isupper() else sign for sign in name): str(element)
        if name == "suffix"
        else snake(element)
        for name, element in value.items()
    }


@given(witnesses())
def test_round_trip(witness: ExecutionWitness) -> None:
    text = json_document.write(witness_json.encode_witness(witness))
    assert witness_json.decode_witness(json_document.parse(text)) == witness
    assert (
        json_document.write(witness_json.encode_witness(witness_json.decode_witness(json_document.parse(text)))) == text
    )


@given(witnesses())
def test_the_other_dialect_means_the_same(witness: ExecutionWitness) -> None:
    assert witness_json.decode_witness(snake(witness_json.encode_witness(witness))) == witness


def test_missing_values_are_null() -> None:
    full = {"suffix": 65, "currentValue": None, "newValue": None}
    assert witness_json.decode_suffix_state_diff({"suffix": 65}) == witness_json.decode_suffix_state_diff(full)


def test_odd_digits_in_depth_extension_present_alone() -> None:
    odd = encoded()
    odd["verkleProof"]["depthExtensionPresent"] = "0x9"
    assert witness_json.decode_witness(odd) == WITNESS
    odd["verkleProof"]["d"] = "0x" + "0" * 63
    with pytest.raises(DecodeError) as caught:
        witness_json.decode_witness(odd)
    assert caught.value.where == "verkle_proof.d"


def _set(*path: str | int) -> Callable[[Any, object], None]:
    def put(document: Any, value: object) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return put


LOCATION = ("stateDiff", 0, "suffixDiffs", 0)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("comment",), "hello", ""),
        (("state_diff",), [], ""),
        (("stateDiff",), None, "state_diff"),
        (("stateDiff",), {}, "state_diff"),
        (("parentStateRoot",), "0x00", "parent_state_root"),
        (("stateDiff", 0, "stem"), "0x" + "00" * 32, "state_diff[0].stem"),
        (("stateDiff", 0, "comment"), "", "state_diff[0]"),
        (("stateDiff", 0), None, "state_diff[0]"),
        ((*LOCATION, "suffix"), 256, "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), -1, "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), True, "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), 1.0, "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), "0x1", "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), "01", "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "suffix"), None, "state_diff[0].suffix_diffs[0].suffix"),
        ((*LOCATION, "currentValue"), "0x", "state_diff[0].suffix_diffs[0].current_value"),
        ((*LOCATION, "newValue"), "", "state_diff[0].suffix_diffs[0].new_value"),
        (("verkleProof", "ipaProof", "cl"), ["0x" + "00" * 32] * 7, "verkle_proof.ipa_proof.cl"),
        (("verkleProof", "ipaProof", "cr"), ["0x" + "00" * 32] * 9, "verkle_proof.ipa_proof.cr"),
        (("verkleProof", "ipaProof", "finalEvaluation"), 0, "verkle_proof.ipa_proof.final_evaluation"),
        (("verkleProof", "depthExtensionPresent"), "0", "verkle_proof.depth_extension_present"),
        (("verkleProof", "depthExtensionPresent"), 9, "verkle_proof.depth_extension_present"),
    ],
)
def test_refusals_name_the_place(path: tuple[str | int, ...], value: object, where: str) -> None:
    document = encoded()
    _set(*path)(document, value)
    with pytest.raises(DecodeError) as caught:
        witness_json.decode_witness(document)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("path", "count"),
    [
        (("stateDiff",), MAX_STEMS),
        (("stateDiff", 0, "suffixDiffs"), 256),
        (("verkleProof", "otherStems"), MAX_STEMS),
        (("verkleProof", "commitmentsByPath"), MAX_STEMS * MAX_COMMITMENTS_PER_STEM),
    ],
)
def test_lengths_are_refused_before_elements_are_read(path: tuple[str | int, ...], count: int) -> None:
    document = encoded()
    _set(*path)(document, [None] * (count + 1))
    with pytest.raises(DecodeError, match=f"at most {count}"):
        witness_json.decode_witness(document)


def test_status_bytes_are_bounded() -> None:
    document = encoded()
    _set("verkleProof", "depthExtensionPresent")(document, "0x" + "00" * (MAX_STEMS + 1))
    with pytest.raises(DecodeError, match=f"at most {MAX_STEMS} bytes"):
        witness_json.decode_witness(document)


def test_every_member_of_wrong_type_is_a_decode_error() -> None:
    choices: list[object] = [None, True, 0, -1, 1.5, "", "0x", "x", [], {}, [None], {"a": 1}, "0x" + "00" * 32]
    generator = random.Random(1)

    def places(value: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(place for key, element in inner for place in places(element, (*path, key)))]

    for place in places(encoded(), ())[1:]:
        for choice in generator.sample(choices, 5):
            document = copy.deepcopy(encoded())
            _set(*place)(document, choice)
            try:
                witness_json.decode_witness(document)
            except DecodeError as error:
                assert "\n" not in str(error)
