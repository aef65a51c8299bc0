"""New payload requests as JSON: a payload with what the consensus layer hands over beside it.

    {"executionPayload": {...}, "versionedHashes": ["0x.."], "parentBeaconBlockRoot": "0x..",
     "executionRequests": ["0x<type><requests>"]}

Each member has the name of its parameter of `engine_newPayloadV4`, in camelCase or snake_case. All but the payload may
be missing, and a bare payload is a request too: the devnets need no more. Other members are ignored.

Source: execution-apis, `engine_newPayloadV3`, `engine_newPayloadV4`; EIP-7685.
"""

from typing import Final

from spec.codec.limits import MAX_BLOB_COMMITMENTS_PER_BLOCK, MAX_REQUEST_BYTES, MAX_REQUEST_TYPES
from spec.codec.payload_json import decode_payload, encode_payload
from spec.codec.text import bytes_up_to, each, fixed, optional_member, record, spellings, to_hex
from spec.containers import NewPayloadRequest
from spec.types import Bytes32

_BESIDES: Final = spellings("versioned_hashes", "parent_beacon_block_root", "execution_requests")

_read_hashes: Final = each(fixed(Bytes32), MAX_BLOB_COMMITMENTS_PER_BLOCK, "versioned hashes")
_read_requests: Final = each(bytes_up_to(MAX_REQUEST_BYTES), MAX_REQUEST_TYPES, "execution requests")


def decode_request(value: object) -> NewPayloadRequest:
    """A request from a parsed JSON object: a wrapped payload, or a payload alone.

    Raises: DecodeError. Which members a network needs is not looked at, nor the order of requests.
    """
    payload = decode_payload(value)
    members = record(value, _BESIDES, closed=False)
    return NewPayloadRequest(
        execution_payload=payload,
        versioned_hashes=optional_member(members, "versioned_hashes", _read_hashes),
        parent_beacon_block_root=optional_member(members, "parent_beacon_block_root", fixed(Bytes32)),
        execution_requests=optional_member(members, "execution_requests", _read_requests),
    )


def encode_request(request: NewPayloadRequest) -> dict[str, object]:
    """The JSON object of a request; members that the request lacks are left out."""
    encoded: dict[str, object] = {"executionPayload": encode_payload(request.execution_payload)}
    if request.versioned_hashes is not None:
        encoded["versionedHashes"] = [to_hex(versioned_hash) for versioned_hash in request.versioned_hashes]
    if request.parent_beacon_block_root is not None:
        encoded["parentBeaconBlockRoot"] = to_hex(request.parent_beacon_block_root)
    if request.execution_requests is not None:
        encoded["executionRequests"] = [to_hex(one) for one in request.execution_requests]
    return encoded
