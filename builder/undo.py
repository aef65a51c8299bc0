"""Undo records: what a batch replaced, so that it can be taken back.

    entry    table || key length || key || kind || content length || content      (lengths in 4 bytes, big-endian)

    kind 0   there was nothing
    kind 1   content is what was there
    kind 2   content is what was there, compressed (DEFLATE) with what is there now as the dictionary

A block changes one child in 256 of a node high in the tree: of kind 2 such a node takes some hundred bytes.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from spec.errors import DecodeError

ABSENT: Final = 0
PLAIN: Final = 1
DIFFERENCE: Final = 2
LEAST_DIFFERENCE: Final = 256
"""Shorter contents are kept as they are."""
LENGTH_BYTES: Final = 4
MOST_DIFFERENCE: Final = 1 << 24
"""Longer contents are kept as they are, and no difference is taken apart to more: records of dumps are not trusted."""


class Replaced(NamedTuple):
    """One key of a batch: its table, what it held before and what it holds after; None: nothing."""

    table: int
    key: bytes
    before: bytes | None
    after: bytes | None


class Entry(NamedTuple):
    """One entry of an undo record."""

    table: int
    key: bytes
    kind: int
    content: bytes


def encode(replaced: Iterable[Replaced]) -> bytes:
    """The undo record of a batch."""
    parts = []
    for table, key, held, after in replaced:
        kind, content = ABSENT, b""
        if held is not None:
            kind, content = PLAIN, held
            if after is not None and LEAST_DIFFERENCE <= len(held) <= MOST_DIFFERENCE:
                compressor = zlib.compressobj(zdict=after)
                kind, content = DIFFERENCE, compressor.compress(held) + compressor.flush()
        parts += [bytes((table,)), _length(key), key, bytes((kind,)), _length(content), content]
    return b"".join(parts)


def _length(content: bytes) -> bytes:
    return len(content).to_bytes(LENGTH_BYTES, "big")


def entries(record: bytes, tables: int) -> Iterator[Entry]:
    """The entries of an undo record. `tables`: how many there are. Raises: DecodeError where it is none."""
    place = 0

    def part(size: int) -> bytes:
        nonlocal place
        place += size
        if place > len(record):
            raise DecodeError("an undo record is cut off")
        return record[place - size : place]

    while place < len(record):
        table = part(1)[0]
        if table >= tables:
            raise DecodeError(f"an undo record has an entry of table {table}")
        key = part(int.from_bytes(part(LENGTH_BYTES), "big"))
        kind = part(1)[0]
        if kind not in (ABSENT, PLAIN, DIFFERENCE):
            raise DecodeError(f"an undo record has an entry of kind {kind}")
        yield Entry(table, key, kind, part(int.from_bytes(part(LENGTH_BYTES), "big")))


def before(entry: Entry, now: bytes | None) -> bytes | None:
    """What a key held, given what it holds now. Raises: DecodeError where the two do not fit."""
    if entry.kind == ABSENT:
        return None
    if entry.kind == PLAIN:
        return entry.content
    decompressor = zlib.decompressobj(zdict=now or b"")
    try:
        content = decompressor.decompress(entry.content, MOST_DIFFERENCE + 1)
    except zlib.error:
        content = None
    if content is None or not decompressor.eof or decompressor.unused_data or len(content) > MOST_DIFFERENCE:
        raise DecodeError("an undo record does not fit what it would change", f"key 0x{entry.key.hex()}")
    return content
