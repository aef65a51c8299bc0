"""What the database keeps, as bytes: nodes, values, links. One record, one codec.

    leaves[stem]      which suffixes are present (32 bytes, suffix s is bit s mod 8 of byte s // 8), and their values
    stems[stem]       C, map(C), C1, map(C1), C2, map(C2)
    nodes[path]       C, map(C), and a link per child, by ascending index

    link              index || 0 || map(child)             an internal node
                      index || 1 || map(child) || stem     a stem node

Points: compressed, big-endian; the identity (32 zero bytes) for a half that holds nothing. Scalars: 32 bytes,
little-endian. Every record ends in a CRC-32 of its table, key and content, so that damage is found when it is read.

Source: EIP-6800 for what a node is; the layout is this project's own (spec/database.md).
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from spec.errors import DecodeError
from spec.params import STEM_BYTES, VERKLE_NODE_WIDTH
from spec.types import Bytes32, Stem, Value

CHECKSUM_BYTES: Final = 4
POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
NO_POINT: Final = Bytes32(bytes(POINT_BYTES))
BITMAP_BYTES: Final = VERKLE_NODE_WIDTH // 8

_HEAD = POINT_BYTES + SCALAR_BYTES


def node_key(path: bytes) -> bytes:
    """The key of an internal node: its depth and its path (LMDB has no empty key)."""
    return bytes((len(path),)) + path


def sealed(table: bytes, key: bytes, content: bytes) -> bytes:
    """Content with its checksum."""
    return content + _checksum(table, key, content)


def sealed_all(table: bytes, keys: Iterable[bytes], contents: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Keys, and contents with their checksums: `sealed` for many records of one table."""
    crc32, begun = zlib.crc32, zlib.crc32(table)
    return [
        (key, content + crc32(content, crc32(key, begun)).to_bytes(CHECKSUM_BYTES, "little"))
        for key, content in zip(keys, contents, strict=True)
    ]


def opened(table: bytes, key: bytes, record: bytes) -> bytes:
    """The content of a record. Raises: DecodeError where it is damaged."""
    content, checksum = record[:-CHECKSUM_BYTES], record[-CHECKSUM_BYTES:]
    if checksum != _checksum(table, key, content):
        raise DecodeError("the record is damaged (its checksum is wrong)", f"{table.decode()}[0x{key.hex()}]")
    return content


def _checksum(table: bytes, key: bytes, content: bytes) -> bytes:
    return zlib.crc32(content, zlib.crc32(key, zlib.crc32(table))).to_bytes(CHECKSUM_BYTES, "little")


@dataclass(frozen=True, slots=True)
class Link:
    """A child, as its parent knows it."""

    scalar: int
    stem: Stem | None
    """None: an internal node."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment and its map to the scalar field."""

    point: Bytes32
    scalar: int

    def encode(self) -> bytes:
        """Point, scalar."""
        return self.point + self.scalar.to_bytes(SCALAR_BYTES, "little")

    @classmethod
    def decode(cls, content: bytes) -> "Commitment":
        """From 64 bytes."""
        return cls(Bytes32(content[:POINT_BYTES]), int.from_bytes(content[POINT_BYTES:_HEAD], "little"))


NOTHING: Final = Commitment(NO_POINT, 0)


def encode_internal(commitment: Commitment, links: Mapping[int, Link]) -> bytes:
    """An internal node."""
    return commitment.encode() + b"".join(
        [
            encode_link(index, links[index].scalar.to_bytes(SCALAR_BYTES, "little"), links[index].stem)
            for index in sorted(links)
        ]
    )


def encode_link(index: int, scalar: bytes, stem: bytes | None) -> bytes:
    """A child, in its parent's record."""
    return bytes((index, 0)) + scalar if stem is None else bytes((index, 1)) + scalar + stem


def decode_internal(content: bytes) -> tuple[Commitment, dict[int, Link]]:
    """Commitment and links of an internal node."""
    links: dict[int, Link] = {}
    place = _HEAD
    while place < len(content):
        index, has_stem = content[place], content[place + 1]
        place += 2
        scalar = int.from_bytes(content[place : place + SCALAR_BYTES], "little")
        place += SCALAR_BYTES
        stem = None
        if has_stem:
            stem = Stem(content[place : place + STEM_BYTES])
            place += STEM_BYTES
        links[index] = Link(scalar, stem)
    return Commitment.decode(content), links


def encode_stem(own: Commitment, low: Commitment, high: Commitment) -> bytes:
    """A stem node, without its values."""
    return own.encode() + low.encode() + high.encode()


def decode_stem(content: bytes) -> tuple[Commitment, Commitment, Commitment]:
    """C, C1 and C2 of a stem node."""
    if len(content) != 3 * _HEAD:
        raise DecodeError(f"a stem node has {3 * _HEAD} bytes, got {len(content)}")
    own, low, high = (Commitment.decode(content[start:]) for start in range(0, 3 * _HEAD, _HEAD))
    return own, low, high


def encode_values(values: Mapping[int, Value]) -> bytes:
    """The present values of a stem."""
    bitmap = 0
    for suffix in values:
        bitmap |= 1 << suffix
    return bitmap.to_bytes(BITMAP_BYTES, "little") + b"".join(values[suffix] for suffix in sorted(values))


def decode_values(content: bytes) -> dict[int, Value]:
    """The present values of a stem, by suffix."""
    bitmap = int.from_bytes(content[:BITMAP_BYTES], "little")
    values: dict[int, Value] = {}
    place = BITMAP_BYTES
    while bitmap:
        lowest = bitmap & -bitmap
        values[lowest.bit_length() - 1] = Value(content[place : place + 32])
        place += 32
        bitmap ^= lowest
    return values


def value_at(content: bytes, suffix: int) -> Value | None:
    """One value of a stem; None where it is absent."""
    bitmap = int.from_bytes(content[:BITMAP_BYTES], "little")
    if not bitmap >> suffix & 1:
        return None
    place = BITMAP_BYTES + 32 * (bitmap & ((1 << suffix) - 1)).bit_count()
    return Value(content[place : place + 32])
