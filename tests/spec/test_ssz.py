"""SSZ: the library's bytes, one accepted encoding of each value, and no other exception than DecodeError."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from remerkleable.basic import boolean, uint64
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import List, Vector
from remerkleable.union import Union

from spec.codec import ssz
from spec.codec.ssz_reader import reader
from spec.containers import ExecutionPayload, Header, StemStateDiff, SuffixStateDiff
from spec.errors import DecodeError
from spec.params import KAUSTINEN7, VERKLE, Profile
from spec.types import Stem, Uint64, Value
from tests.spec.test_witness_json import WITNESS, ZERO
from tests.strategies import mutations, payloads, witnesses

PROFILES = pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7], ids=lambda profile: str(profile.name))


@pytest.mark.parametrize("markers", [False, True])
@given(st.data())
def test_witness_round_trip(markers: bool, data: st.DataObject) -> None:
    witness = data.draw(witnesses(markers=markers))
    encoded = ssz.encode_witness(witness, markers)
    assert ssz.decode_witness(encoded, markers) == replace(witness, parent_state_root=None)
    library = ssz.form(False, markers).execution_witness.decode_bytes(encoded)
    assert library.encode_bytes() == encoded
    assert library.hash_tree_root() == ssz.witness_root(witness, markers)


def test_markers_are_never_dropped() -> None:
    proof = replace(WITNESS.verkle_proof, internal_node_markers=(ZERO,))
    with pytest.raises(ValueError, match="no internal node markers"):
        ssz.encode_witness(replace(WITNESS, verkle_proof=proof), markers=False)


@PROFILES
@given(st.data())
def test_payload_round_trip(profile: Profile, data: st.DataObject) -> None:
    payload = data.draw(payloads(profile))
    encoded = ssz.encode_payload(payload, profile)
    assert ssz.decode_payload(encoded, profile) == payload
    kind = ssz.form(profile.blob_gas, profile.internal_node_markers).execution_payload
    assert kind.decode_bytes(encoded).encode_bytes() == encoded


@PROFILES
@given(payloads())
def test_payloads_without_ssz_form(profile: Profile, payload: ExecutionPayload) -> None:
    blob_gas = None if profile.blob_gas else Uint64(0)
    for incomplete in (
        replace(payload, withdrawals=None),
        replace(payload, execution_witness=None),
        replace(payload, blob_gas_used=blob_gas, excess_blob_gas=blob_gas),
    ):
        with pytest.raises(ValueError, match="payload"):
            ssz.encode_payload(incomplete, profile)


@given(st.data())
def test_accepted_bytes_encode_to_themselves(data: st.DataObject) -> None:
    hostile = data.draw(mutations(ssz.encode_witness(data.draw(witnesses(markers=False)), markers=False)))
    try:
        witness = ssz.decode_witness(hostile, markers=False)
    except DecodeError as error:
        assert "\n" not in str(error)
    else:
        assert ssz.encode_witness(witness, markers=False) == hostile


@given(st.binary(max_size=700))
def test_anything_is_a_decode_error(data: bytes) -> None:
    for profile in (VERKLE, KAUSTINEN7):
        with pytest.raises(DecodeError):
            ssz.decode_payload(data, profile)


def test_every_truncation_is_refused_or_loses_whole_commitments() -> None:
    data = ssz.encode_witness(WITNESS, markers=False)
    for length in range(len(data)):
        try:
            assert ssz.encode_witness(ssz.decode_witness(data[:length], markers=False), markers=False) == data[:length]
        except DecodeError:
            continue
        assert (len(data) - length) % 32 == 0  # whole commitments off the last list: SSZ does not delimit itself


def test_every_changed_byte_is_refused_or_another_witness() -> None:
    data = ssz.encode_witness(WITNESS, markers=False)
    for position in range(len(data)):
        for bits in (1, 0xFF):
            hostile = data[:position] + bytes((data[position] ^ bits,)) + data[position + 1 :]
            try:
                witness = ssz.decode_witness(hostile, markers=False)
            except DecodeError:
                continue
            assert witness != WITNESS
            assert ssz.encode_witness(witness, markers=False) == hostile


def test_the_layout_is_that_of_the_specification() -> None:
    diff = SuffixStateDiff(7, Value(b"\x01" * 32), None)
    witness = replace(WITNESS, state_diff=(StemStateDiff(Stem(bytes(31)), (diff,)),))
    location = b"\x07" + (9).to_bytes(4, "little") + (42).to_bytes(4, "little") + b"\x01" + b"\x01" * 32 + b"\x00"
    stem = bytes(31) + (35).to_bytes(4, "little") + (4).to_bytes(4, "little") + location
    assert ssz.encode_witness(witness, markers=False)[8:].startswith((4).to_bytes(4, "little") + stem)


OPTIONAL: Any = Union[None, ByteVector[2]]  # type: ignore[misc]
NUMBERS: Any = List[uint64, 2]  # type: ignore[misc]
PAIR: Any = Vector[ByteVector[2], 2]  # type: ignore[misc]
STRINGS: Any = List[ByteList[3], 2]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "encoded", "value"),
    [
        (uint64, "0100000000000080", 2**63 + 1),
        (boolean, "00", False),
        (boolean, "01", True),
        (OPTIONAL, "00", None),
        (OPTIONAL, "01abcd", b"\xab\xcd"),
        (NUMBERS, "", ()),
        (NUMBERS, "0100000000000000", (1,)),
        (PAIR, "01020304", (b"\1\2", b"\3\4")),
        (STRINGS, "", ()),
        (STRINGS, "0800000009000000aabbcc", (b"\xaa", b"\xbb\xcc")),
        (STRINGS, "0800000008000000", (b"", b"")),
    ],
)
def test_reader(kind: Any, encoded: str, value: object) -> None:
    assert reader(kind, {})(bytes.fromhex(encoded)) == value
    assert kind.decode_bytes(bytes.fromhex(encoded)).encode_bytes().hex() == encoded


@pytest.mark.parametrize(
    ("kind", "encoded"),
    [
        (uint64, "00" * 7),
        (uint64, "00" * 9),
        (boolean, ""),
        (boolean, "02"),
        (boolean, "0100"),
        (OPTIONAL, ""),
        (OPTIONAL, "0000"),  # bytes behind None
        (OPTIONAL, "01ab"),
        (OPTIONAL, "01abcdef"),
        (OPTIONAL, "02abcd"),
        (NUMBERS, "00" * 7),
        (NUMBERS, "00" * 24),  # too many
        (PAIR, "010203"),
        (PAIR, "010203040506"),
        (STRINGS, "00000000"),  # no element, but bytes
        (STRINGS, "04"),
        (STRINGS, "05000000aa"),
        (STRINGS, "08000000"),  # table beyond the end
        (STRINGS, "0c0000000c0000000c000000"),  # too many
        (STRINGS, "0800000007000000"),  # falling
        (STRINGS, "0400000001020304"),  # element too long
        (STRINGS, "ffffffff" + "00" * 8),
        (ssz.StemStateDiff, "00" * 31 + "24000000" + "00"),  # gap
        (ssz.StemStateDiff, "00" * 31 + "22000000"),
        (ssz.StemStateDiff, "00" * 34),
        (ssz.SuffixStateDiff, "00" + "09000000" + "0a000000" + "00"),  # selector is missing
    ],
)
def test_reader_refuses(kind: Any, encoded: str) -> None:
    make = {ssz.SuffixStateDiff: dict, ssz.StemStateDiff: dict}
    with pytest.raises(DecodeError):
        reader(kind, make)(bytes.fromhex(encoded))


def test_reader_knows_its_types() -> None:
    with pytest.raises(TypeError):
        reader(Header, {})


def test_places() -> None:
    data = ssz.encode_witness(WITNESS, markers=False)
    position = data.index(bytes(range(31))) + 31 + 4 + 4 + 9
    with pytest.raises(DecodeError) as caught:
        ssz.decode_witness(data[:position] + b"\x02" + data[position + 1 :], markers=False)
    assert caught.value.where == "state_diff[0].suffix_diffs[0].current_value"


def test_input_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssz, "MAX_SSZ_BYTES", 10)
    with pytest.raises(DecodeError, match="more than 10 bytes"):
        ssz.decode_witness(bytes(11), markers=False)
