"""The pages of a database file, read without LMDB: is every page what another one says it is, and just one thing?

LMDB believes its own pages. A flipped bit in one can send it elsewhere, end the process, or, in the list of free pages,
make the next batch overwrite what is in use. So `check` first goes through all pages by itself:

    a page says its own number, and its kind is what its parent expects
    entries lie inside their page, by ascending keys, and between the keys that lead to the page
    a table has as many pages and entries as its head says
    each page belongs to one thing: a table, the table of free pages, or a list in it

Layout, all little-endian (page size: the host's):

    page       number (8), padding (2), kind (2), then lower (2) and upper (2), or for long values how many pages (4)
    node       low (2), high (2), flags (2), key length (2), key, value; at offsets that the page lists from byte 16 on
               in a branch: the child is low + 2^16 high + 2^32 flags; in a leaf: the value has low + 2^16 high bytes
    head       padding (4), flags (2), depth (2), branch pages, leaf pages, long pages, entries, root (8 each)
    meta       magic (4), version (4), address (8), map size (8), head of free pages, head of tables, last page (8),
               transaction (8)

Source: LMDB 0.9, `mdb.c`: MDB_page, MDB_node, MDB_db, MDB_meta, MDB_IDL.
"""

import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import lmdb

from builder.database import open_environment
from builder.files import DATA_FILE, said
from builder.scan import Problem
from spec.errors import DecodeError

BRANCH, LEAF, LONG = 1, 2, 4
"""Kinds of pages."""
IS_LONG, IS_TABLE = 1, 2
"""Flags of a node in a leaf: its value is the number of a long page; the head of a table."""
PAGE_HEAD: Final = struct.Struct("<QHHHH")
LONG_HEAD: Final = struct.Struct("<QHHI")
NODE_HEAD: Final = struct.Struct("<HHHH")
TABLE_HEAD: Final = struct.Struct("<IHHQQQQQ")
META_END: Final = struct.Struct("<QQ")
NO_PAGE: Final = 2**64 - 1
MOST_DEPTH: Final = 32
META_PAGES: Final = 2
TRIES: Final = 50
WAIT: Final = 0.01
"""How often, and after how many seconds each, meta pages are read again that another process may be writing to."""
STEP: Final = 1 << 12
"""Pages between two words of progress."""


class Head(NamedTuple):
    """A table, as its head says."""

    padding: int
    flags: int
    depth: int
    branches: int
    leaves: int
    long: int
    entries: int
    root: int


@dataclass(slots=True)
class _Found:
    """What of a table was found."""

    name: str
    branches: int = 0
    leaves: int = 0
    long: int = 0
    entries: int = 0


@dataclass(slots=True)
class Pages:
    """The pages of a file as of one transaction."""

    descriptor: int
    size: int
    """Of a page."""
    last: int
    transaction: int
    free: Head
    tables: Head
    on_page: Callable[[int, int], None]
    owners: bytearray = field(init=False)
    """By page: whether something has it."""
    owned: int = 0

    def __post_init__(self) -> None:
        self.owners = bytearray(self.last + 1)
        self.owners[:META_PAGES] = b"\1" * META_PAGES

    def walk(self) -> None:
        """Go through everything. Raises: DecodeError at the first thing that is not as it must be."""
        for key, value in self._table("the tables", self.tables):
            if isinstance(value, Head):
                for _ in self._table(f"table {key.decode(errors='replace')}", value):
                    pass
        for key, value in self._table("the free pages", self.free):
            if isinstance(value, bytes):
                self._free_list(key, value)

    def _free_list(self, key: bytes, value: bytes) -> None:
        where = f"the free pages of transaction {int.from_bytes(key, 'little')}"
        if len(key) != 8 or int.from_bytes(key, "little") > self.transaction:
            raise DecodeError("there is no such transaction yet", where)
        if len(value) % 8 or len(value) < 8 or int.from_bytes(value[:8], "little") != len(value) // 8 - 1:
            raise DecodeError("the list has another length than it says", where)
        for number in struct.unpack_from(f"<{len(value) // 8 - 1}Q", value, 8):
            self._own(number, where)

    def _own(self, number: int, where: str) -> None:
        if number > self.last:
            raise DecodeError(f"page {number} is beyond the last one", where)
        if self.owners[number]:
            raise DecodeError(f"page {number} belongs to something else already", where)
        self.owners[number] = 1
        self.owned += 1
        if self.owned % STEP == 0:
            self.on_page(self.owned, self.last + 1)

    def _table(self, name: str, head: Head) -> Iterator[tuple[bytes, bytes | Head]]:
        """The entries of a table whose values matter here: heads of tables and lists of free pages."""
        found = _Found(name)
        if head.root == NO_PAGE:
            if (head.depth, head.entries, head.branches, head.leaves, head.long) != (0, 0, 0, 0, 0):
                raise DecodeError("the table has no root, and says that it has pages", name)
            return
        lists = head is self.free
        yield from self._page(found, head.root, head.depth, b"", None, lists=lists)
        if (found.branches, found.leaves, found.long, found.entries) != head[3:7]:
            raise DecodeError("it has another number of pages or entries than it says", name)

    def _page(
        self, found: _Found, number: int, depth: int, low: bytes, high: bytes | None, *, lists: bool
    ) -> Iterator[tuple[bytes, bytes | Head]]:
        """One page of a table, `depth` levels of it left, with keys from `low` on and below `high`."""
        where = f"{found.name}, page {number}"
        self._own(number, where)
        page = os.pread(self.descriptor, self.size, number * self.size)
        own, _, kind, lower, upper = PAGE_HEAD.unpack_from(page)
        if own != number or kind != (LEAF if depth == 1 else BRANCH) or not 1 <= depth <= MOST_DEPTH:
            raise DecodeError("the page is not what its parent says", where)
        count = (lower - PAGE_HEAD.size) // 2
        if not PAGE_HEAD.size < lower <= upper <= self.size or lower % 2:
            raise DecodeError("the page's bounds are impossible", where)
        entries = list(_nodes(page, count, upper, where))
        keys = [self._order(key, lists=lists) for key, _, _ in entries]
        if kind == BRANCH:
            found.branches += 1
            bounds = [low, *keys[1:], high]
            for place, (_, child, _) in enumerate(entries):
                first, behind = bounds[place], bounds[place + 1]
                if place and not (low < keys[place] and (high is None or keys[place] < high)):
                    raise DecodeError("a key is outside of the page's range", where)
                assert first is not None, "only the last bound is open"
                yield from self._page(found, child, depth - 1, first, behind, lists=lists)
            if any(a >= b for a, b in pairwise(keys[1:])):
                raise DecodeError("the keys of the page do not ascend", where)
            return
        found.leaves += 1
        found.entries += count
        if any(a >= b for a, b in pairwise(keys)):
            raise DecodeError("the keys of the page do not ascend", where)
        if keys[0] < low or (high is not None and keys[-1] >= high):
            raise DecodeError("a key is outside of the page's range", where)
        for key, size, (flags, start) in entries:
            value: bytes | None = page[start : start + size]
            if flags == IS_LONG:
                value = self._long(found, int.from_bytes(page[start : start + 8], "little"), size, wanted=lists)
            elif flags == IS_TABLE and size == TABLE_HEAD.size and found.name == "the tables":
                yield key, Head(*TABLE_HEAD.unpack_from(page, start))
                continue
            elif flags:
                raise DecodeError(f"an entry has flags {flags}", where)
            if lists and value is not None:
                yield key, value

    @staticmethod
    def _order(key: bytes, *, lists: bool) -> bytes:
        """What keys are compared by: those of the free pages are numbers in the host's byte order."""
        return key[::-1] if lists else key

    def _long(self, found: _Found, number: int, size: int, *, wanted: bool) -> bytes | None:
        where = f"{found.name}, page {number}"
        count = (PAGE_HEAD.size - 1 + size) // self.size + 1
        for page in range(number, min(number + count, self.last + 2)):
            self._own(page, where)
        own, _, kind, pages = LONG_HEAD.unpack(os.pread(self.descriptor, LONG_HEAD.size, number * self.size))
        if own != number or kind != LONG or pages != count:
            raise DecodeError("the page is not the long value that it should be", where)
        found.long += count
        return os.pread(self.descriptor, size, number * self.size + LONG_HEAD.size) if wanted else None


def _nodes(page: bytes, count: int, upper: int, where: str) -> Iterator[tuple[bytes, int, tuple[int, int]]]:
    """(key, child or length of the value, (flags, where the value begins)) of each node of a page."""
    branch = PAGE_HEAD.unpack_from(page)[2] == BRANCH
    used = []
    for offset in struct.unpack_from(f"<{count}H", page, PAGE_HEAD.size):
        if not upper <= offset <= len(page) - NODE_HEAD.size:
            raise DecodeError("an entry is outside of its page", where)
        low, high, flags, key_size = NODE_HEAD.unpack_from(page, offset)
        start = offset + NODE_HEAD.size + key_size
        size = low | high << 16
        end = start if branch else start + (8 if flags == IS_LONG else size)
        if end > len(page):
            raise DecodeError("an entry ends outside of its page", where)
        used.append((offset, end))
        key = page[offset + NODE_HEAD.size : start]
        yield (key, size | flags << 32, (0, start)) if branch else (key, size, (flags, start))
    used.sort()
    if any(end > begin for (_, end), (begin, _) in pairwise(used)):
        raise DecodeError("entries of a page lie one over the other", where)


def look(directory: Path, on_page: Callable[[int, int], None]) -> Problem | None:
    """The first thing that is wrong with the pages of a database. `on_page`: how many are done, how many there are.

    Raises: DatabaseUnavailable.
    """
    try:
        environment = open_environment(directory, write=False)
    except lmdb.Error as error:
        return _problem(said(directory, error))
    descriptor = os.open(directory / DATA_FILE, os.O_RDONLY)
    try:
        for _ in range(TRIES):
            with environment.begin() as transaction:  # while it lasts, nobody uses its pages for something else
                pages = _pages(descriptor, int(transaction.id()), on_page)
                if pages is not None:
                    pages.walk()
                    return None
            time.sleep(WAIT)
        return Problem("the meta pages do not belong together", str(directory / DATA_FILE))
    except lmdb.Error as error:
        return _problem(said(directory, error))
    except DecodeError as error:
        return Problem(error.message, error.where)
    finally:
        os.close(descriptor)
        environment.close()


def _problem(error: DecodeError | OSError) -> Problem:
    if isinstance(error, OSError):
        raise error
    return Problem(error.message, error.where)


def _pages(descriptor: int, transaction: int, on_page: Callable[[int, int], None]) -> Pages | None:
    """The pages as of a transaction; None where its meta page has been written over, or the other one does not fit.

    Transaction n writes meta page n mod 2, so the two pages are of transactions that follow each other.
    """
    start = PAGE_HEAD.size + 24
    size = Head(*TABLE_HEAD.unpack(os.pread(descriptor, TABLE_HEAD.size, start))).padding
    metas = os.pread(descriptor, META_PAGES * size, 0)
    ends = [META_END.unpack_from(metas, at * size + start + 2 * TABLE_HEAD.size) for at in range(META_PAGES)]
    numbers = [own for _, own in ends]
    if transaction not in numbers or abs(numbers[0] - numbers[1]) != 1 or numbers[0] % 2:
        return None
    page = transaction % 2
    free, tables = (Head(*TABLE_HEAD.unpack_from(metas, page * size + start + at * TABLE_HEAD.size)) for at in range(2))
    return Pages(descriptor, size, ends[page][0], transaction, free, tables, on_page)
