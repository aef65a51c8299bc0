"""Requests and guests' inputs as SSZ: the library's bytes, one accepted encoding, and no exception but DecodeError."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.codec import ssz_request
from spec.containers import NewPayloadRequest, StatelessInput, StatelessResult
from spec.errors import DecodeError
from spec.params import KAUSTINEN5, KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Bytes32, Uint64
from tests.strategies import bounded_ints, fixed_bytes, mutations, requests

PROFILES = pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: str(profile.name))


@PROFILES
@settings(max_examples=50)
@given(st.data())
def test_request_round_trip(profile: Profile, data: st.DataObject) -> None:
    """Our reader, the library's writer and its reader agree, and so do the roots."""
    request = data.draw(requests(profile))
    encoded = ssz_request.encode_request(request, profile)
    assert ssz_request.decode_request(encoded, profile) == request
    library = ssz_request.form_of(profile).new_payload_request.decode_bytes(encoded)
    assert library.encode_bytes() == encoded
    assert library.hash_tree_root() == ssz_request.request_root(request, profile)


@PROFILES
@settings(max_examples=50)
@given(st.data())
def test_input_round_trip(profile: Profile, data: st.DataObject) -> None:
    given_input = StatelessInput(
        data.draw(requests(profile)), data.draw(st.binary(max_size=40)), data.draw(bounded_ints(Uint64))
    )
    encoded = ssz_request.encode_input(given_input, profile)
    assert ssz_request.decode_input(encoded) == (profile, given_input)
    assert ssz_request.SCHEMAS[int.from_bytes(encoded[:2], "big")] is profile


@given(st.builds(
    StatelessResult,
    new_payload_request_root=fixed_bytes(Bytes32),
    successful_validation=st.booleans(),
    chain_id=bounded_ints(Uint64),
    reason=st.from_regex(r"[a-z\-]{0,32}", fullmatch=True),
))  # fmt: skip
def test_result_round_trip(result: StatelessResult) -> None:
    encoded = ssz_request.encode_result(result)
    assert len(encoded) == 73
    assert ssz_request.decode_result(encoded) == result


@pytest.mark.parametrize("reason", [b"a\0b", b"\xff", b"\0a"])
def test_a_reason_is_text_and_then_zeros(reason: bytes) -> None:
    encoded = bytes(32) + b"\0" + bytes(8) + reason.ljust(32, b"\0")
    with pytest.raises(DecodeError, match="reason: ASCII letters, then zeros"):
        ssz_request.decode_result(encoded)


@settings(max_examples=60)
@given(st.data())
def test_accepted_bytes_encode_to_themselves(data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from([VERKLE, KAUSTINEN7]))
    given_input = StatelessInput(data.draw(requests(profile)), b"header", Uint64(1))
    hostile = data.draw(mutations(ssz_request.encode_input(given_input, profile)))
    try:
        found_profile, found = ssz_request.decode_input(hostile)
    except DecodeError as error:
        assert "\n" not in str(error)
    else:
        assert ssz_request.encode_input(found, found_profile) == hostile


@given(st.binary(max_size=300))
def test_anything_is_a_decode_error(data: bytes) -> None:
    for schema in (b"", b"\x68\x00", b"\x68\x06"):
        with pytest.raises(DecodeError):
            ssz_request.decode_input(schema + data)


def example(profile: Profile) -> NewPayloadRequest:
    """Some request of a profile, always the same."""
    found: list[NewPayloadRequest] = []

    @settings(max_examples=1)
    @given(requests(profile))
    def draw(request: NewPayloadRequest) -> None:
        found.append(request)

    draw()
    return found[0]


@pytest.mark.parametrize(
    "wrong",
    [
        (b"\1" + bytes(76), b"\0" + bytes(192)),
        (b"\1" + bytes(76), b"\1" + bytes(76)),
        (b"\1",),
        (b"",),
        (b"\1" + bytes(75),),
        (b"\2" + bytes(3 * 116),),
        (b"\3" + bytes(100),),
    ],
    ids=["order", "twice", "empty", "no type", "half", "too many", "unknown"],
)
def test_requests_without_ssz_form(wrong: tuple[bytes, ...]) -> None:
    request = replace(example(VERKLE), execution_requests=wrong)
    with pytest.raises(ValueError, match=r"request|whole"):
        ssz_request.encode_request(request, VERKLE)


def test_what_comes_beside_a_payload_is_the_profiles() -> None:
    for name in ("versioned_hashes", "parent_beacon_block_root", "execution_requests"):
        missing: dict[str, Any] = {name: None}
        with pytest.raises(ValueError, match="differ on what comes beside"):
            ssz_request.encode_request(replace(example(VERKLE), **missing), VERKLE)
    with pytest.raises(ValueError, match="differ on what comes beside"):
        ssz_request.encode_request(replace(example(KAUSTINEN7), execution_requests=()), KAUSTINEN7)
    with pytest.raises(ValueError, match="not enough values"):
        ssz_request.encode_input(StatelessInput(example(KAUSTINEN5), b"", Uint64(0)), KAUSTINEN5)


def test_execution_requests_are_typed_lists() -> None:
    """Deposits of 192, withdrawals of 76 and consolidations of 116 bytes, one after the other behind three offsets."""
    withdrawals = bytes(range(76)) * 2
    request = replace(example(VERKLE), execution_requests=(b"\1" + withdrawals,))
    encoded = ssz_request.encode_request(request, VERKLE)
    offsets = b"".join(offset.to_bytes(4, "little") for offset in (12, 12, 12 + 152))
    assert encoded.endswith(offsets + withdrawals)
