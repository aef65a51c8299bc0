"""The database as it was when an earlier block was its head, while nothing is changed.

Undo records say what each block replaced. Laid over what is there now, the last block's first, they show what was there
before: a reader like any other, so values are looked up in it, a tree is loaded from it, and proofs are made.

    PastReader(reader, blocks)    what a reader sees, without these blocks

Every table is as it was, byte for byte, but `undo`: records that were dropped in the meantime stay dropped.

Source: layout of undo records, `builder.undo`; which blocks have one, spec/database.md.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Final

from builder import undo
from builder.database import TABLES, UNDO, Reader
from builder.records import opened, sealed
from spec.errors import DecodeError


class PastReader(Reader):
    """What a reader sees, without the last blocks."""

    def __init__(self, reader: Reader, blocks: Iterable[bytes]) -> None:
        """`blocks`: the hashes of those that are not to be seen, from the head downwards.

        Raises: DecodeError where one of them has no undo record, or none that can be read.
        """
        super().__init__(reader._transaction, reader._tables)
        self._replaced: Final[dict[bytes, dict[bytes, list[undo.Entry]]]] = {table: {} for table in TABLES}
        """By table and key, what the blocks replaced, the last block's first: read, but not taken apart yet."""
        for block_hash in blocks:
            record = super().get(UNDO, block_hash)
            if record is None:
                raise DecodeError("the block can no longer be taken back", f"undo[0x{block_hash.hex()}]")
            for entry in undo.entries(record, len(TABLES)):
                self._replaced[TABLES[entry.table]].setdefault(entry.key, []).append(entry)
            self._replaced[UNDO][block_hash] = [undo.Entry(TABLES.index(UNDO), block_hash, undo.ABSENT, b"")]

    def sealed(self, table: bytes, key: bytes) -> bytes | None:
        """A record with its checksum. Raises: DecodeError where what it is made from is damaged."""
        record = super().sealed(table, key)
        entries = self._replaced[table].get(key)
        if entries is None:
            return record
        content = None if record is None else opened(table, key, record)
        for entry in entries:
            content = undo.before(entry, content)
        return None if content is None else sealed(table, key, content)

    def sealed_items(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All records of a table, by ascending key. Raises: DecodeError."""
        replaced = self._replaced[table]
        earlier = ((key, self.sealed(table, key)) for key in sorted(replaced))
        others = (item for item in super().sealed_items(table) if item[0] not in replaced)
        yield from merge(((key, record) for key, record in earlier if record is not None), others)

    def count(self, table: bytes) -> int:
        """How many records a table has."""
        replaced = self._replaced[table]
        now = sum(super(PastReader, self).sealed(table, key) is not None for key in replaced)
        return super().count(table) - now + sum(self.sealed(table, key) is not None for key in replaced)
