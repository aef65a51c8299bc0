"""New payload requests as JSON: every member in either spelling, or missing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.codec import json_document
from spec.codec.payload_json import encode_payload
from spec.codec.request_json import decode_request, encode_request
from spec.containers import NewPayloadRequest
from spec.errors import DecodeError
from spec.params import KAUSTINEN7, VERKLE, Profile
from tests.strategies import payloads, requests

SPELLINGS = {
    "executionPayload": "execution_payload",
    "versionedHashes": "versioned_hashes",
    "parentBeaconBlockRoot": "parent_beacon_block_root",
    "executionRequests": "execution_requests",
}


@pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7], ids=lambda profile: str(profile.name))
@settings(max_examples=50)
@given(st.data())
def test_round_trip(profile: Profile, data: st.DataObject) -> None:
    request = data.draw(requests(profile))
    document: Any = json_document.parse(json_document.write(encode_request(request)))
    assert decode_request(document) == request
    assert decode_request({SPELLINGS[name]: value for name, value in document.items()} | {"slot": 1}) == request
    if not profile.blob_gas:
        assert list(document) == ["executionPayload"]
        assert decode_request(document["executionPayload"]) == request


@given(payloads())
def test_a_payload_alone(payload: Any) -> None:
    assert decode_request(encode_payload(payload)) == NewPayloadRequest(payload)


@pytest.mark.parametrize(
    ("beside", "where"),
    [
        ({"versionedHashes": ["0x12"]}, r"versioned_hashes\[0\]: Bytes32 has 32 bytes"),
        ({"versionedHashes": {}}, "versioned_hashes: expected an array"),
        ({"versionedHashes": ["0x" + "00" * 32] * 4097}, "at most 4096 versioned hashes"),
        ({"parentBeaconBlockRoot": "0x"}, "parent_beacon_block_root: Bytes32"),
        ({"parentBeaconBlockRoot": None, "parent_beacon_block_root": None}, "two spellings"),
        ({"executionRequests": {"deposits": []}}, "execution_requests: expected an array, got an object"),
        ({"executionRequests": ["00"]}, r"execution_requests\[0\]: expected 0x"),
        ({"executionRequests": ["0x00"] * 257}, "at most 256 execution requests"),
        ({"executionRequests": ["0x" + "00" * (2**21 + 1)]}, "at most 2097152 bytes"),
    ],
)
@settings(max_examples=1)
@given(st.data())
def test_refused(beside: dict[str, object], where: str, data: st.DataObject) -> None:
    document = encode_request(NewPayloadRequest(data.draw(payloads(KAUSTINEN7))))
    with pytest.raises(DecodeError, match=where):
        decode_request(document | beside)
