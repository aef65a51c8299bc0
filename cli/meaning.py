"""What the leaves of a witness mean, where the account is known that they belong to.

A tree key does not tell its address: it is a hash. But the addresses that a block touches can mostly be told: whoever
sends, receives, creates, is paid fees or withdrawals, and the history contract. Their stems are derived and looked up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from spec.containers import ExecutionPayload, ExecutionWitness
from spec.errors import DecodeError
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_CHUNK_BYTES,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    EMPTY_CODE_HASH,
    HEADER_STORAGE_OFFSET,
    VERKLE_NODE_WIDTH,
    LeafLayout,
    Profile,
)
from spec.types import Address, Stem, Value
from stateless.evm.calls import create_address
from stateless.words import name_at
from verkle import embedding
from verkle.embedding import BasicData, chunk_location, storage_location
from verkle.engine import Engine, P

MOST_CODE_STEMS: Final = 100
"""Code stems looked for per account. 24,576 bytes of code (EIP-170) fill 3; a size that a witness claims is bounded."""

BLOCKHASH_REACH: Final = 256
"""Blocks back that BLOCKHASH can read from the history contract."""


@dataclass(frozen=True, slots=True)
class Place:
    """The account and the part of it that a stem holds."""

    address: Address
    roles: tuple[str, ...]
    """How the address is known."""
    tree_index: int


def roles_of(payload: ExecutionPayload | None, profile: Profile, given: Iterable[Address]) -> dict[Address, list[str]]:
    """The addresses that a block is known to touch, with how each is known."""
    roles: dict[Address, list[str]] = {profile.history_address: ["history contract"]}
    for address in given:
        roles.setdefault(address, []).append("given")
    if payload is None:
        return roles
    roles.setdefault(payload.fee_recipient, []).append("fee recipient")
    for withdrawal in payload.withdrawals or ():
        roles.setdefault(withdrawal.address, []).append("withdrawal")
    for index, encoded in enumerate(payload.transactions):
        for address, role in _of_transaction(encoded):
            known = roles.setdefault(address, [])
            if len(known) < 3:
                known.append(f"{role} of transaction {index}")
    return roles


def _of_transaction(encoded: bytes) -> list[tuple[Address, str]]:
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second, for blocks with transactions only)

    try:
        transaction = rlp.decode_transaction(encoded)
        sender = rlp.sender(transaction)
    except DecodeError:
        return []
    if transaction.to is None:
        return [(sender, "sender"), (create_address(sender, transaction.nonce), "creation")]
    return [(sender, "sender"), (transaction.to, "receiver")]


def places(
    engine: Engine[P],
    profile: Profile,
    witness: ExecutionWitness,
    number: int | None,
    roles: Mapping[Address, list[str]],
) -> dict[Stem, Place]:
    """The stems of a witness that belong to known addresses.

    Looked for: headers; code, and slots 64 to 255, of those that have code; slots of the history contract.
    """
    wanted = [(address, 0) for address in roles]
    wanted += [(profile.history_address, index) for index in _history_indices(profile, number)]
    found = _look_up(engine, profile, witness, roles, wanted)
    headers = {place.address: stem for stem, place in found.items() if place.tree_index == 0}
    if len(found) < len(witness.state_diff):
        sizes = _code_sizes(profile, witness, headers)
        wanted = [
            (address, index) for address, size in sizes.items() if size for index in _contract_indices(profile, size)
        ]
        found |= _look_up(engine, profile, witness, roles, wanted)
    return found


def _look_up(
    engine: Engine[P],
    profile: Profile,
    witness: ExecutionWitness,
    roles: Mapping[Address, list[str]],
    wanted: list[tuple[Address, int]],
) -> dict[Stem, Place]:
    listed = {diff.stem for diff in witness.state_diff}
    derived = embedding.stems(
        engine, profile.key_hash, [(embedding.address32(address), index) for address, index in wanted]
    )
    return {
        stem: Place(address, tuple(roles[address]), index)
        for stem, (address, index) in zip(derived, wanted, strict=True)
        if stem in listed
    }


def _history_indices(profile: Profile, number: int | None) -> list[int]:
    """Tree indices that hold the hashes of a block's parent and of those before it."""
    if number is None:
        return []
    blocks = range(max(number - BLOCKHASH_REACH, 0), number)
    indices = {storage_location(profile, block % profile.history_window).tree_index for block in blocks}
    return sorted(indices - {0})


def _contract_indices(profile: Profile, code_size: int) -> list[int]:
    """Tree indices of a contract's code behind its header, and of the first slots behind those in the header."""
    chunks = -(-code_size // CODE_CHUNK_BYTES)
    last = chunk_location(chunks - 1).tree_index
    first_slots = storage_location(profile, CODE_OFFSET - HEADER_STORAGE_OFFSET).tree_index
    return [*range(1, min(last, MOST_CODE_STEMS) + 1), first_slots]


def _code_sizes(profile: Profile, witness: ExecutionWitness, headers: Mapping[Address, Stem]) -> dict[Address, int]:
    """Bytes of code by address; as many as are looked for at most, where an account may have code of any size."""
    by_stem = {diff.stem: diff for diff in witness.state_diff}
    sizes: dict[Address, int] = {}
    for address, stem in headers.items():
        values = {
            entry.suffix: value
            for entry in by_stem[stem].suffix_diffs
            if (value := entry.new_value or entry.current_value) is not None
        }
        sizes[address] = _code_size(profile, values)
    return sizes


def _code_size(profile: Profile, values: Mapping[int, Value]) -> int:
    if profile.leaf_layout is LeafLayout.PACKED:
        basic_data = values.get(BASIC_DATA_LEAF_KEY)
        if basic_data is not None:
            return int.from_bytes(basic_data[5:8], "big")
        code_hash = values.get(CODE_HASH_LEAF_KEY)
    else:
        size = values.get(embedding.CODE_SIZE_LEAF_KEY)
        if size is not None:
            return int.from_bytes(size, "little")
        code_hash = values.get(embedding.FIELD_CODE_HASH_LEAF_KEY)
    has_code = code_hash not in (None, EMPTY_CODE_HASH) or any(suffix >= CODE_OFFSET for suffix in values)
    return MOST_CODE_STEMS * VERKLE_NODE_WIDTH * CODE_CHUNK_BYTES if has_code else 0


def name_of(profile: Profile, place: Place | None, suffix: int) -> str:
    """What stands at a suffix of a stem."""
    return "unknown account" if place is None else name_at(profile, place.tree_index, suffix)


def text_of(name: str, value: Value | None) -> str:
    """A value in the form that its place suggests."""
    if value is None:
        return "absent"
    if name == "basic data":
        return _basic_data(value)
    if name in ("version", "balance", "nonce", "code size"):
        return str(int.from_bytes(value, "little"))
    if name == "code hash" and value == EMPTY_CODE_HASH:
        return "of no code"
    if name.startswith("code chunk"):
        pushed = f" ({value[0]} of push data)" if value[0] else ""
        return f"{value[1:].hex()}{pushed}"
    return "0x" + value.hex()


def _basic_data(value: Value) -> str:
    try:
        data = BasicData.unpack(value)
    except DecodeError:
        return f"0x{value.hex()} (not basic data)"
    version = f"version {data.version}, " if data.version else ""
    code = f", {data.code_size} bytes of code" if data.code_size else ""
    return f"{version}nonce {data.nonce}, balance {data.balance}{code}"
