"""The SSZ writer: the library's bytes, and a ValueError for whatever does not fit its type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from remerkleable.basic import boolean, uint8, uint64

from spec.codec import ssz_request
from spec.codec.ssz import ByteList, ByteVector, List, Union, Vector
from spec.codec.ssz_writer import writer
from spec.containers import StatelessInput
from spec.params import KAUSTINEN7, VERKLE, Profile
from spec.types import Uint64
from tests.strategies import requests

PROFILES = pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7], ids=lambda profile: str(profile.name))


@PROFILES
@given(st.data())
def test_requests_are_written_as_the_library_does(profile: Profile, data: st.DataObject) -> None:
    request = data.draw(requests(profile))
    encoded = ssz_request.encode_request(request, profile)
    kind = ssz_request.form_of(profile).new_payload_request
    view = kind.decode_bytes(encoded)
    assert view.encode_bytes() == encoded
    assert view.hash_tree_root() == ssz_request.request_root(request, profile)
    assert ssz_request.decode_request(encoded, profile) == request


@PROFILES
@given(st.data())
def test_inputs_are_written_as_the_library_does(profile: Profile, data: st.DataObject) -> None:
    header = data.draw(st.binary(max_size=1024))
    given_input = StatelessInput(data.draw(requests(profile)), header, Uint64(data.draw(st.integers(0, 2**64 - 1))))
    encoded = ssz_request.encode_input(given_input, profile)
    view = ssz_request.form_of(profile).stateless_input.decode_bytes(encoded[ssz_request.SCHEMA_BYTES :])
    assert view.encode_bytes() == encoded[ssz_request.SCHEMA_BYTES :]
    assert ssz_request.decode_input(encoded) == (profile, given_input)


FITTING: list[tuple[Any, Any]] = [
    (uint64, 7),
    (boolean, True),
    (boolean, False),
    (ByteVector[3], b"abc"),
    (ByteList[3], b""),
    (ByteList[3], b"abc"),
    (Union[None, ByteVector[2]], None),
    (Union[None, ByteVector[2]], b"ab"),
    (List[uint64, 3], (1, 2)),
    (Vector[ByteVector[2], 2], (b"ab", b"cd")),
    (List[ByteList[4], 3], ()),
    (List[ByteList[4], 3], (b"", b"abcd", b"x")),
]


@pytest.mark.parametrize(("kind", "value"), FITTING)
def test_values_that_fit(kind: Any, value: Any) -> None:
    written = writer(kind, {})(value)
    if issubclass(kind, Union):
        view = kind(selector=0) if value is None else kind(selector=1, value=ByteVector[2](value))
    else:
        view = kind(*value) if isinstance(value, tuple) else kind(value)
    assert written == view.encode_bytes()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (uint8, 256),
        (uint8, -1),
        (ByteVector[3], b"ab"),
        (ByteList[3], b"abcd"),
        (List[uint64, 2], (1, 2, 3)),
        (Vector[uint64, 2], (1,)),
        (Union[None, ByteVector[2]], b"abc"),
    ],
)
def test_values_that_do_not_fit(kind: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        writer(kind, {})(value)


def test_types_without_a_writer() -> None:
    for kind in (int, Union[uint8, uint64], Union[None, uint8, uint64]):
        with pytest.raises(TypeError, match="writer"):
            writer(kind, {})
