"""Accounts, storage and code as leaves of the tree.

Notation: a *position* of an account is a number; tree_index = position // 256 chooses a stem, sub_index = position
mod 256 a leaf of it.

    header fields      position 0..4 (as the profile's leaf layout says)
    storage slot k     64 + k for k < 64, else MAIN_STORAGE_OFFSET + k
    code chunk i       128 + i: one byte n || 31 bytes of code, n = leading bytes that are push data

A position may exceed 2^256 (slot 2^256 - 1 of the main storage), its tree_index never does.

    stem of (address32, tree_index):
    s_1..s_4 = the 64 bytes address32 || LE32(tree_index), cut in four pieces of 16 bytes, each read little-endian
    P = 16386 G_0 + s_1 G_1 + ... + s_4 G_4 (16386 = 2 + 256 * 64 marks the length),
    stem = LE32(map_to_scalar_field(P))[:31]

Byte order: integers of packed basic data big-endian; of a leaf per field little-endian; storage values always
big-endian.

Source: EIP-6800, "Tree embedding", "Header values", "Code", "Storage".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from spec.containers import Account
from spec.crypto import keccak256
from spec.errors import DecodeError
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_CHUNK_BYTES,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    HEADER_STORAGE_OFFSET,
    STEM_BYTES,
    VERKLE_NODE_WIDTH,
    KeyHash,
    LeafLayout,
    Profile,
)
from spec.types import Address, Stem, TreeKey, Value
from verkle.engine import Engine, P

KEY_MARKER: Final = 2 + 256 * 64
"""Entry 0 of a key commitment: domain and input length. Source: EIP-6800, `pedersen_hash`."""

_KEY_MARKER_PIECE: Final = KEY_MARKER.to_bytes(16, "little")

PUSH_OFFSET: Final = 95
PUSH1: Final = PUSH_OFFSET + 1
PUSH32: Final = PUSH_OFFSET + 32

VERSION_LEAF_KEY, BALANCE_LEAF_KEY, NONCE_LEAF_KEY, FIELD_CODE_HASH_LEAF_KEY, CODE_SIZE_LEAF_KEY = range(5)
"""Suffixes of the leaf-per-field layout (devnets 1 to 6)."""


class Location(NamedTuple):
    """A leaf of an account, by where it stands: tree_index and sub_index."""

    tree_index: int
    sub_index: int

    @classmethod
    def of_position(cls, position: int) -> "Location":
        """tree_index = position // 256, sub_index = position mod 256."""
        return cls(*divmod(position, VERKLE_NODE_WIDTH))


def storage_location(profile: Profile, slot: int) -> Location:
    """Where storage slot `slot` stands."""
    if slot < CODE_OFFSET - HEADER_STORAGE_OFFSET:
        return Location.of_position(HEADER_STORAGE_OFFSET + slot)
    return Location.of_position(profile.main_storage_offset + slot)


def chunk_location(chunk: int) -> Location:
    """Where code chunk `chunk` stands."""
    return Location.of_position(CODE_OFFSET + chunk)


@dataclass(frozen=True, slots=True)
class BasicData:
    """An account's version, code size, nonce and balance: one leaf in the packed layout.

    Bytes: 0 version; 1..4 reserved, 0; 5..7 code size; 8..15 nonce; 16..31 balance. All big-endian.
    Raises: DecodeError for a field that does not fit its bytes (the EIP has no rule for it; nothing is cut off here).
    """

    version: int
    code_size: int
    nonce: int
    balance: int

    def pack(self) -> Value:
        """The leaf."""
        return Value(
            _big_endian("version", self.version, 1)
            + bytes(4)
            + _big_endian("code size", self.code_size, 3)
            + _big_endian("nonce", self.nonce, 8)
            + _big_endian("balance", self.balance, 16)
        )

    @classmethod
    def unpack(cls, leaf: Value) -> "BasicData":
        """The fields of a leaf. Raises: DecodeError where a reserved byte is set."""
        if any(leaf[1:5]):
            raise DecodeError("reserved bytes of basic data are not zero")
        integer = int.from_bytes
        return cls(leaf[0], integer(leaf[5:8], "big"), integer(leaf[8:16], "big"), integer(leaf[16:], "big"))


def _big_endian(name: str, number: int, size: int) -> bytes:
    if not 0 <= number < 1 << 8 * size:
        raise DecodeError(f"{name} does not fit the {size} bytes it has in basic data")
    return number.to_bytes(size, "big")


def chunkify_code(code: bytes) -> list[Value]:
    """The code chunks: n || 31 bytes, zero-padded at the end; ceil(len/31) of them.

    n counts the leading bytes of a chunk that belong to a PUSH of an earlier chunk, at most 31 (so a PUSH32 in the last
    byte of a chunk gives 31 in the next and 1 in the one after). Source: EIP-6800, "Code".
    """
    chunks = []
    pushed_until = 0
    """The first position past the data of the last PUSH."""
    position = 0
    for start in range(0, len(code), CODE_CHUNK_BYTES):
        chunk = code[start : start + CODE_CHUNK_BYTES]
        leading = min(max(pushed_until - start, 0), CODE_CHUNK_BYTES)
        position = max(position, start + leading)
        while position < start + len(chunk):
            opcode = code[position]
            position += 1
            if PUSH1 <= opcode <= PUSH32:
                position += opcode - PUSH_OFFSET
                pushed_until = position
        chunks.append(Value(bytes((leading,)) + chunk.ljust(CODE_CHUNK_BYTES, b"\0")))
    return chunks


def header_leaves(layout: LeafLayout, account: Account) -> dict[int, Value]:
    """The header values of an account that exists, by suffix. Accounts without code have the empty code's hash."""
    code_hash = _code_hash(account.code)
    if layout is LeafLayout.PACKED:
        basic_data = BasicData(0, len(account.code), account.nonce, account.balance)
        return {BASIC_DATA_LEAF_KEY: basic_data.pack(), CODE_HASH_LEAF_KEY: code_hash}
    leaves = {
        VERSION_LEAF_KEY: Value(bytes(32)),
        BALANCE_LEAF_KEY: Value(account.balance.to_bytes(32, "little")),
        NONCE_LEAF_KEY: Value(account.nonce.to_bytes(32, "little")),
        FIELD_CODE_HASH_LEAF_KEY: code_hash,
    }
    if account.code:
        leaves[CODE_SIZE_LEAF_KEY] = Value(len(account.code).to_bytes(32, "little"))
    return leaves


@lru_cache(256)
def _code_hash(code: bytes) -> Value:
    """Most accounts have no code, and many contracts have the same one."""
    return Value(keccak256(code))


def account_leaves(profile: Profile, account: Account) -> dict[Location, Value]:
    """All leaves of an account: header, code chunks, and storage slots that are not zero."""
    leaves = {Location(0, suffix): value for suffix, value in header_leaves(profile.leaf_layout, account).items()}
    for index, chunk in enumerate(chunkify_code(account.code)):
        leaves[chunk_location(index)] = chunk
    for slot, value in account.storage.items():
        if value:
            leaves[storage_location(profile, slot)] = Value(value.to_bytes(32, "big"))
    return leaves


def address32(address: Address) -> bytes:
    """An address as the key derivation takes it: 12 zero bytes in front."""
    return bytes(12) + address


def stems(engine: Engine[P], key_hash: KeyHash, places: Sequence[tuple[bytes, int]]) -> list[Stem]:
    """The stems of (address32, tree_index) pairs, in one batch. Raises: DecodeError for other than 32 address bytes."""
    for address, _ in places:
        if len(address) != 32:
            raise DecodeError(f"the key derivation takes 32 bytes of address, got {len(address)}")
    rows = b"".join([_KEY_MARKER_PIECE + address + tree_index.to_bytes(32, "little") for address, tree_index in places])
    points = engine.commit_packed(5, 16, rows)
    if key_hash is KeyHash.MAP_TO_SCALAR_FIELD:
        hashes = [scalar.to_bytes(32, "little") for scalar in engine.to_scalars(points)]
    else:
        hashes = [encoded[::-1] for encoded in engine.encode(points)]
    return [Stem(digest[:STEM_BYTES]) for digest in hashes]


def tree_keys(engine: Engine[P], profile: Profile, places: Iterable[tuple[Address, Location]]) -> list[TreeKey]:
    """The keys of locations of accounts; each stem is derived once."""
    listed = list(places)
    distinct = list(dict.fromkeys((address, location.tree_index) for address, location in listed))
    derived = stems(engine, profile.key_hash, [(address32(address), index) for address, index in distinct])
    by_place = dict(zip(distinct, derived, strict=True))
    return [TreeKey.at(by_place[address, location.tree_index], location.sub_index) for address, location in listed]
