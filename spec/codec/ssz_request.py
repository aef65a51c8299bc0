"""New payload requests, and what goes into and comes out of a guest program, as SSZ.

    NewPayloadRequest   execution_payload;
                        in profiles with blob gas also versioned_hashes: List[Bytes32, 4096],
                        parent_beacon_block_root: Bytes32, execution_requests: ExecutionRequests
    ExecutionRequests   deposits: List[DepositRequest, 8192], withdrawals: List[WithdrawalRequest, 16],
                        consolidations: List[ConsolidationRequest, 2]
    StatelessInput      new_payload_request, parent_header: ByteList[1024], chain_id: uint64
    StatelessResult     new_payload_request_root: Bytes32, successful_validation: boolean, chain_id: uint64,
                        reason: Bytes32 (ASCII, zeros behind)

Which fields a payload has differs between profiles, so an input begins with the two bytes of a schema id that says
under which profile the rest is read. (EIP-8025 as execution-specs has it begins with such an id, too.)

Execution requests are EIP-7685's byte strings in the container and typed lists in SSZ; a list's bytes are the same.

Source: consensus-specs, `NewPayloadRequest` and `ExecutionRequests` (Electra); EIP-8025; EIP-7685.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

from remerkleable.basic import boolean, uint64

from spec import containers
from spec.codec import ssz
from spec.codec.limits import (
    MAX_BLOB_COMMITMENTS_PER_BLOCK,
    MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD,
    MAX_DEPOSIT_REQUESTS_PER_PAYLOAD,
    MAX_HEADER_BYTES,
    MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD,
)
from spec.codec.ssz import ByteList, ByteVector, List, container, payload_view
from spec.codec.ssz_reader import Make, Read, reader
from spec.codec.ssz_writer import OFFSET_BYTES, Take, Write, behind_offsets, writer
from spec.errors import DecodeError
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Bytes32, Uint64

REASON_BYTES: Final = 32
SCHEMA_BYTES: Final = 2
"""Length of a schema id, big-endian."""

SCHEMAS: Final = {0x6800: VERKLE, 0x6807: KAUSTINEN7, 0x6806: KAUSTINEN6}
"""Profiles by schema id: those under which blocks are executed."""

DepositRequest: Final = container(
    "DepositRequest",
    pubkey=ByteVector[48],
    withdrawal_credentials=ByteVector[32],
    amount=uint64,
    signature=ByteVector[96],
    index=uint64,
)
WithdrawalRequest: Final = container(
    "WithdrawalRequest", source_address=ByteVector[20], validator_pubkey=ByteVector[48], amount=uint64
)
ConsolidationRequest: Final = container(
    "ConsolidationRequest", source_address=ByteVector[20], source_pubkey=ByteVector[48], target_pubkey=ByteVector[48]
)
_REQUEST_LISTS: Final = (
    ("deposits", List[DepositRequest, MAX_DEPOSIT_REQUESTS_PER_PAYLOAD]),
    ("withdrawals", List[WithdrawalRequest, MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD]),
    ("consolidations", List[ConsolidationRequest, MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD]),
)
"""By request type 0, 1, 2. Source: EIP-6110, EIP-7002, EIP-7251."""
ExecutionRequests: Final = container("ExecutionRequests", **dict(_REQUEST_LISTS))
StatelessResult: Final = container(
    "StatelessResult",
    new_payload_request_root=ByteVector[32],
    successful_validation=boolean,
    chain_id=uint64,
    reason=ByteVector[REASON_BYTES],
)


@dataclass(frozen=True, slots=True)
class Form:
    """The types that differ between profiles, and their readers."""

    new_payload_request: Any
    stateless_input: Any
    read_request: Read
    read_input: Read
    write_request: Write
    write_input: Write


@cache
def form(blob_gas: bool, markers: bool) -> Form:
    """The types of profiles with or without blob gas and internal node markers."""
    payload_form = ssz.form(blob_gas, markers)
    fields: dict[str, Any] = {"execution_payload": payload_form.execution_payload}
    if blob_gas:
        fields["versioned_hashes"] = List[ByteVector[32], MAX_BLOB_COMMITMENTS_PER_BLOCK]
        fields["parent_beacon_block_root"] = ByteVector[32]
        fields["execution_requests"] = ExecutionRequests
    request = container("NewPayloadRequest", **fields)
    stateless_input = container(
        "StatelessInput", new_payload_request=request, parent_header=ByteList[MAX_HEADER_BYTES], chain_id=uint64
    )
    make: Make = {
        **payload_form.make,
        DepositRequest: _joined,
        WithdrawalRequest: _joined,
        ConsolidationRequest: _joined,
        ExecutionRequests: _as_requests,
        request: _as_request,
        stateless_input: _as_input,
    }
    take: Take = {
        **payload_form.take,
        ExecutionRequests: lambda lists: behind_offsets(lists, OFFSET_BYTES * len(lists)),
        request: lambda one: _request_values(one, blob_gas),
        stateless_input: lambda one: (one.new_payload_request, one.parent_header, one.chain_id),
        DepositRequest: tuple,
        WithdrawalRequest: tuple,
        ConsolidationRequest: tuple,
    }
    read, written = reader(request, make), writer(request, take)
    return Form(request, stateless_input, read, reader(stateless_input, make), written, writer(stateless_input, take))


def form_of(profile: Profile) -> Form:
    """The types of a profile."""
    return form(profile.blob_gas, profile.internal_node_markers)


def encode_request(request: containers.NewPayloadRequest, profile: Profile) -> bytes:
    """The SSZ of a request.

    Raises: ValueError where the profile's container has a field that the request lacks, or the reverse; where the
    execution requests are not EIP-7685's of known types.
    """
    _check_fields(request, profile)
    return form_of(profile).write_request(request)


def decode_request(data: bytes, profile: Profile) -> containers.NewPayloadRequest:
    """A request from its SSZ. Accepted bytes encode to themselves. Raises: DecodeError."""
    request: containers.NewPayloadRequest = ssz.decode(form_of(profile).read_request, data)
    return request


def request_root(request: containers.NewPayloadRequest, profile: Profile) -> Bytes32:
    """The hash tree root of a request: what a proof of its execution speaks of. Raises: ValueError; see above."""
    return Bytes32(_request_view(request, profile).hash_tree_root())


def encode_input(given: containers.StatelessInput, profile: Profile) -> bytes:
    """Schema id and SSZ of a guest's input. Raises: ValueError where there is none; see `encode_request`."""
    (schema,) = (number for number, known in SCHEMAS.items() if known == profile)
    _check_fields(given.new_payload_request, profile)
    return schema.to_bytes(SCHEMA_BYTES, "big") + form_of(profile).write_input(given)


def decode_input(data: bytes) -> tuple[Profile, containers.StatelessInput]:
    """A guest's input, and under which profile it is to be verified. Raises: DecodeError."""
    profile = SCHEMAS.get(int.from_bytes(data[:SCHEMA_BYTES], "big"))
    if profile is None or len(data) < SCHEMA_BYTES:
        raise DecodeError("unknown schema id")
    given: containers.StatelessInput = ssz.decode(form_of(profile).read_input, data[SCHEMA_BYTES:])
    return profile, given


def encode_result(result: containers.StatelessResult) -> bytes:
    """The SSZ of a guest's result: 73 bytes."""
    view = StatelessResult(
        new_payload_request_root=result.new_payload_request_root,
        successful_validation=result.successful_validation,
        chain_id=result.chain_id,
        reason=result.reason.encode("ascii").ljust(REASON_BYTES, b"\0"),
    )
    return bytes(view.encode_bytes())


def decode_result(data: bytes) -> containers.StatelessResult:
    """A guest's result from its SSZ. Raises: DecodeError."""
    result: containers.StatelessResult = ssz.decode(_read_result, data)
    return result


# Writing: what a writer needs to know beside the types.


def _check_fields(request: containers.NewPayloadRequest, profile: Profile) -> None:
    besides = (request.versioned_hashes, request.parent_beacon_block_root, request.execution_requests)
    if any((value is None) == profile.blob_gas for value in besides):
        raise ValueError(f"profile {profile.name} and request differ on what comes beside the payload")
    ssz.check_fields(request.execution_payload, profile)


def _request_values(request: containers.NewPayloadRequest, blob_gas: bool) -> list[Any]:
    if not blob_gas:
        return [request.execution_payload]
    lists = _request_lists(request.execution_requests or ())
    return [request.execution_payload, request.versioned_hashes, request.parent_beacon_block_root, lists]


# Roots: the containers as views of the library.


def _request_view(request: containers.NewPayloadRequest, profile: Profile) -> Any:
    _check_fields(request, profile)
    fields: dict[str, Any] = {"execution_payload": payload_view(request.execution_payload, profile)}
    if profile.blob_gas:
        fields["versioned_hashes"] = list(request.versioned_hashes or ())
        fields["parent_beacon_block_root"] = request.parent_beacon_block_root
        fields["execution_requests"] = _requests_view(request.execution_requests or ())
    return form_of(profile).new_payload_request(**fields)


def _requests_view(requests: Sequence[bytes]) -> Any:
    lists = zip(_REQUEST_LISTS, _request_lists(requests), strict=True)
    return ExecutionRequests(**{name: kind.decode_bytes(data) for (name, kind), data in lists})


def _request_lists(requests: Sequence[bytes]) -> list[bytes]:
    """The bytes of each typed list. Raises: ValueError where the requests are not EIP-7685's of known types."""
    types = [request[:1] for request in requests]
    if any(left >= right for left, right in pairwise(types)):
        raise ValueError("execution requests stand by ascending type")
    lists = [b""] * len(_REQUEST_LISTS)
    for request in requests:
        if len(request) < 2 or request[0] >= len(_REQUEST_LISTS):
            raise ValueError("an execution request has a known type, and is not empty")
        name, kind = _REQUEST_LISTS[request[0]]
        count, rest = divmod(len(request) - 1, kind.element_cls().type_byte_length())
        if rest or count > kind.limit():
            raise ValueError(f"{name} are whole requests, at most {kind.limit()}")
        lists[request[0]] = request[1:]
    return lists


# Reading: what the reader calls with each container's fields.


def _joined(**fields: int | bytes) -> bytes:
    """The bytes of a request again."""
    return b"".join(part if isinstance(part, bytes) else part.to_bytes(8, "little") for part in fields.values())


def _as_requests(**lists: tuple[bytes, ...]) -> tuple[bytes, ...]:
    listed = ((number, b"".join(lists[name])) for number, (name, _) in enumerate(_REQUEST_LISTS))
    return tuple(bytes((number,)) + data for number, data in listed if data)


def _as_request(
    execution_payload: containers.ExecutionPayload,
    versioned_hashes: Sequence[bytes] | None = None,
    parent_beacon_block_root: bytes | None = None,
    execution_requests: tuple[bytes, ...] | None = None,
) -> containers.NewPayloadRequest:
    return containers.NewPayloadRequest(
        execution_payload=execution_payload,
        versioned_hashes=None if versioned_hashes is None else tuple(map(Bytes32, versioned_hashes)),
        parent_beacon_block_root=None if parent_beacon_block_root is None else Bytes32(parent_beacon_block_root),
        execution_requests=execution_requests,
    )


def _as_input(
    new_payload_request: containers.NewPayloadRequest, parent_header: bytes, chain_id: int
) -> containers.StatelessInput:
    return containers.StatelessInput(new_payload_request, parent_header, Uint64(chain_id))


def _as_result(
    new_payload_request_root: bytes, successful_validation: bool, chain_id: int, reason: bytes
) -> containers.StatelessResult:
    text = reason.rstrip(b"\0")
    if not text.isascii() or b"\0" in text:
        raise DecodeError("ASCII letters, then zeros", "reason")
    return containers.StatelessResult(
        Bytes32(new_payload_request_root), successful_validation, Uint64(chain_id), text.decode("ascii")
    )


_read_result: Final = reader(StatelessResult, {StatelessResult: _as_result})
