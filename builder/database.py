"""A chain on disk: named tables of records in one LMDB environment, changed by whole batches only.

A batch is one LMDB transaction: after a crash at any moment the database is as before it or as after it. A batch that
belongs to a block can leave an *undo record* behind: what every key it touched held before.

    one writer      a lock file beside the data; a second writer is refused with a line that says so
    readers         any number, each on the state as it was when it began to read
    growth          the map doubles when it is full, and the batch is tried again

Damage is found as far as a library on a memory map can: the file is compared with its own page count when it is opened
(`builder.files`), and every record carries a checksum (`builder.records`). `builder.checks` looks at all of it.

Source: LMDB's documentation (liblmdb, "Caveats"); layout: spec/database.md.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import lmdb

from builder import files, undo
from builder.files import DATA_FILE
from builder.files import DatabaseUnavailable as DatabaseUnavailable
from builder.records import opened, sealed
from spec.errors import DecodeError

T = TypeVar("T")

SCHEMA: Final = b"1"
"""Changes when what a table holds changes."""

META: Final = b"meta"
LEAVES: Final = b"leaves"
STEMS: Final = b"stems"
NODES: Final = b"nodes"
CODE: Final = b"code"
PREIMAGES: Final = b"preimages"
HEADERS: Final = b"headers"
CANONICAL: Final = b"canonical"
BLOCKS: Final = b"blocks"
RECEIPTS: Final = b"receipts"
UNDO: Final = b"undo"
TABLES: Final = (META, LEAVES, STEMS, NODES, CODE, PREIMAGES, HEADERS, CANONICAL, BLOCKS, RECEIPTS, UNDO)
"""In this order; an undo record names a table by its place."""

FIRST_MAP_BYTES: Final = 1 << 28
"""Address space of a new database; files are sparse, so this is not disk space."""
LARGEST_MAP_BYTES: Final = 1 << 46
"""More than any disk holds, less than any 64-bit system maps: where growth ends."""


class OtherSchema(DecodeError):
    """A sound database, as far as one can tell, that another version of this program has made."""


@dataclass(slots=True)
class Batch:
    """Changes that happen together. None deletes."""

    changes: dict[bytes, dict[bytes, bytes | None]] = field(default_factory=dict)

    def put(self, table: bytes, key: bytes, content: bytes) -> None:
        """Set a record."""
        self.changes.setdefault(table, {})[key] = content

    def delete(self, table: bytes, key: bytes) -> None:
        """Remove a record, if it is there."""
        self.changes.setdefault(table, {})[key] = None


class Reader:
    """The database as it was when the reader began."""

    def __init__(self, transaction: Any, tables: Mapping[bytes, Any]) -> None:
        self._transaction: Final = transaction
        self._tables: Final = tables

    def get(self, table: bytes, key: bytes) -> bytes | None:
        """A record's content; None where there is none. Raises: DecodeError where it is damaged."""
        record = self.sealed(table, key)
        return None if record is None else opened(table, key, record)

    def sealed(self, table: bytes, key: bytes) -> bytes | None:
        """A record with its checksum, which is not looked at; None where there is none."""
        record = self._transaction.get(key, db=self._tables[table])
        return None if record is None else bytes(record)

    def items(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All records of a table, by ascending key. Raises: DecodeError."""
        for key, record in self.sealed_items(table):
            yield key, opened(table, key, record)

    def sealed_items(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The same with their checksums, which are not looked at. Raises: DecodeError where keys do not ascend."""
        before = b""
        for found, record in self._transaction.cursor(db=self._tables[table]):
            key = bytes(found)
            if key <= before:
                raise DecodeError("the keys of a table do not ascend", f"{table.decode()}[0x{key.hex()}]")
            before = key
            yield key, bytes(record)

    def count(self, table: bytes) -> int:
        """How many records a table has."""
        return int(self._transaction.stat(self._tables[table])["entries"])

    def bytes_of(self, table: bytes) -> int:
        """How many bytes a table takes in the file, whole pages."""
        stat = self._transaction.stat(self._tables[table])
        return int(stat["psize"]) * sum(int(stat[kind]) for kind in ("branch_pages", "leaf_pages", "overflow_pages"))


class Writer(Reader):
    """A reader that changes what it reads, all at once when it ends well."""

    def apply(self, batch: Batch, undo_key: bytes | None = None) -> None:
        """Make the changes of a batch. `undo_key`: where to keep what they replace, for `rewind`."""
        replaced = [] if undo_key is None else self._replaced(batch)
        for table, changes in batch.changes.items():
            present = ((key, sealed(table, key, content)) for key, content in sorted(changes.items())
                       if content is not None)  # fmt: skip
            self.put_sealed(table, present)
            for key, content in changes.items():
                if content is None:
                    self._transaction.delete(key, db=self._tables[table])
        if undo_key is not None:
            record = sealed(UNDO, undo_key, undo.encode(replaced))
            self._transaction.put(undo_key, record, db=self._tables[UNDO])

    def put_sealed(self, table: bytes, records: Iterable[tuple[bytes, bytes]], *, behind: bool = False) -> None:
        """Set records that carry their checksums. `behind`: their keys ascend, and are above all that are there."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            cursor.putmulti(records, append=behind)

    def _replaced(self, batch: Batch) -> list[undo.Replaced]:
        return [
            undo.Replaced(TABLES.index(table), key, self.get(table, key), content)
            for table, changes in batch.changes.items()
            if table != UNDO
            for key, content in sorted(changes.items())
        ]

    def rewind(self, key: bytes) -> None:
        """Take back the batch that left an undo record under `key`; it must be the last one that did.

        Raises: DecodeError where there is no such record, or it does not fit what is there.
        """
        record = self.get(UNDO, key)
        if record is None:
            raise DecodeError("the block can no longer be taken back", f"undo[0x{key.hex()}]")
        batch = Batch()
        for entry in undo.entries(record, len(TABLES)):
            table = TABLES[entry.table]
            content = undo.before(entry, self.get(table, entry.key))
            if content is None:
                batch.delete(table, entry.key)
            else:
                batch.put(table, entry.key, content)
        batch.delete(UNDO, key)
        self.apply(batch)


class Database:
    """One LMDB environment in a directory."""

    def __init__(self, directory: Path, *, write: bool, durable: bool = True, map_bytes: int = FIRST_MAP_BYTES) -> None:
        """Open the database in `directory`. `map_bytes`: address space to begin with, at least.

        `durable`: whether each batch is on the disk before the next one begins. Without it nothing is waited for: the
        database survives the end of its process at any moment, as with it, but a crash of the system or a power failure
        may leave a damaged one. So `durable=False` is for databases that are thrown away at the end of the command, and
        never for a directory that a user named.
        Raises: DecodeError where there is none, or it is damaged or of another schema; DatabaseUnavailable where
        the directory cannot be used: another writer, no permission, no space.
        """
        self.directory: Final = directory
        self._held: Final = contextlib.ExitStack()
        files.require_whole(directory)
        with contextlib.ExitStack() as opening:
            if write:
                opening.enter_context(files.lock(directory))
            try:
                self._environment = open_environment(directory, write=write, sync=durable, map_bytes=map_bytes)
                opening.callback(self._environment.close)
                self._tables = self._open_tables()
            except lmdb.Error as error:
                raise files.said(directory, error) from None
            self._held.push(opening.pop_all())

    def _open_tables(self) -> dict[bytes, Any]:
        try:
            tables: dict[bytes, Any] = {table: self._environment.open_db(table, create=False) for table in TABLES}
        except lmdb.NotFoundError:
            raise DecodeError("this is no database of a chain", str(self.directory)) from None
        with self._environment.begin() as transaction:
            schema = Reader(transaction, tables).get(META, b"schema")
        if schema is None:
            raise DecodeError(
                f"the database has schema none, this version reads {SCHEMA.decode()}", str(self.directory)
            )
        if schema != SCHEMA:
            shown = schema.decode("ascii", "backslashreplace")
            raise OtherSchema(f"the database has schema {shown}, this version reads {SCHEMA.decode()}",
                              str(self.directory))  # fmt: skip
        return tables

    def map_bytes(self) -> int:
        """How much address space the database takes; the file can grow so far before the map must."""
        return int(self._environment.info()["map_size"])

    # ---- reading

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Read the database as it is now. Raises: DecodeError where it is damaged; DatabaseUnavailable."""
        try:
            with self._begin() as transaction:
                yield Reader(transaction, self._tables)
        except lmdb.Error as error:
            raise files.said(self.directory, error) from None

    def _begin(self) -> Any:
        try:
            return self._environment.begin(buffers=True)
        except lmdb.MapResizedError:
            self._environment.set_mapsize(0)  # as large as the writer has made it
            return self._environment.begin(buffers=True)

    # ---- writing

    def atomically(self, work: Callable[[Writer], T]) -> T:
        """Do `work` in one transaction and make it durable (unless the database is not opened so).

        Where it raises, nothing has happened.

        `work` may run more than once: when the map was too small, it is doubled and everything begins anew.
        Raises: what `work` raises; DatabaseUnavailable where the disk is full or cannot be written.
        """
        return atomically(self.directory, self._environment, self._tables, work)

    def commit(self, batch: Batch, undo_key: bytes | None = None) -> None:
        """`Writer.apply` in a transaction of its own."""
        self.atomically(lambda writer: writer.apply(batch, undo_key))

    def rewind(self, key: bytes) -> None:
        """`Writer.rewind` in a transaction of its own."""
        self.atomically(lambda writer: writer.rewind(key))

    # ---- closing

    def close(self) -> None:
        """Let go of the files."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
                 ) -> None:  # fmt: skip
        self.close()


def open_environment(directory: Path, *, write: bool, sync: bool = True, map_bytes: int = FIRST_MAP_BYTES) -> Any:
    """The LMDB environment in a directory; made, where it is to be written and is not there. Raises: lmdb.Error.

    Where the directory cannot be written, readers do without LMDB's table of readers: nobody else may write then.
    """
    data = directory / DATA_FILE
    size = max(map_bytes, 2 * data.stat().st_size) if data.exists() else map_bytes
    options: dict[str, Any] = {"map_size": size, "max_dbs": len(TABLES), "readonly": not write, "meminit": False}
    try:
        environment = lmdb.open(str(directory), create=write, sync=sync, **options)
    except lmdb.Error:
        if write or os.access(directory, os.W_OK):
            raise
        return lmdb.open(str(directory), create=False, lock=False, **options)
    if write:
        environment.reader_check()  # a reader that was killed would keep pages from being used again
    return environment


def atomically(directory: Path, environment: Any, tables: Mapping[bytes, Any], work: Callable[[Writer], T]) -> T:
    """See `Database.atomically`."""
    while True:
        try:
            with environment.begin(write=True) as transaction:
                return work(Writer(transaction, tables))
        except lmdb.MapFullError as full:
            size = 2 * int(environment.info()["map_size"])
            if size > LARGEST_MAP_BYTES:
                raise files.said(directory, full) from None
            try:
                environment.set_mapsize(size)
            except lmdb.Error as error:
                raise files.said(directory, error) from None
        except lmdb.Error as error:
            raise files.said(directory, error) from None
