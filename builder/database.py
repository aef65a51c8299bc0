"""A chain on disk: named tables of records in one LMDB environment, changed by whole batches only.

A batch is one LMDB transaction: after a crash at any moment the database is as before it or as after it. A batch that
belongs to a block can leave an *undo record* behind: what every key it touched held before.

    one writer      a lock file beside the data; a second writer is refused with a line that says so
    readers         any number, each on the state as it was when it began to read
    growth          the map doubles when it is full, and the batch is tried again

Damage is found as far as a library on a memory map can: the file is compared with its own page count when it is opened
(a shorter one would end the process when it is read), and every record carries a checksum (`builder.records`).

Source: LMDB's documentation (liblmdb, "Caveats"); layout: spec/database.md.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, TypeVar

import lmdb

from builder import undo
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

DATA_FILE: Final = "data.mdb"
WRITER_FILE: Final = "writer.lock"
FIRST_MAP_BYTES: Final = 1 << 28
"""Address space of a new database; files are sparse, so this is not disk space."""


class DatabaseUnavailable(OSError):
    """The directory or the disk will not do: another writer, no permission, no space. One line."""


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
        record = self._transaction.get(key, db=self._tables[table])
        return None if record is None else opened(table, key, bytes(record))

    def items(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All records of a table, by ascending key. Raises: DecodeError."""
        for key, record in self._transaction.cursor(db=self._tables[table]):
            yield bytes(key), opened(table, bytes(key), bytes(record))

    def count(self, table: bytes) -> int:
        """How many records a table has."""
        return int(self._transaction.stat(self._tables[table])["entries"])


class Writer(Reader):
    """A reader that changes what it reads, all at once when it ends well."""

    def apply(self, batch: Batch, undo_key: bytes | None = None) -> None:
        """Make the changes of a batch. `undo_key`: where to keep what they replace, for `rewind`."""
        replaced = [] if undo_key is None else self._replaced(batch)
        for table, changes in batch.changes.items():
            present = [(key, sealed(table, key, content)) for key, content in sorted(changes.items())
                       if content is not None]  # fmt: skip
            with self._transaction.cursor(db=self._tables[table]) as cursor:
                cursor.putmulti(present)
            for key, content in changes.items():
                if content is None:
                    self._transaction.delete(key, db=self._tables[table])
        if undo_key is not None:
            record = sealed(UNDO, undo_key, undo.encode(replaced))
            self._transaction.put(undo_key, record, db=self._tables[UNDO])

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
        for entry in undo.entries(record):
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

    def __init__(self, directory: Path, *, write: bool, create: bool = False) -> None:
        """Open the database in `directory`.

        Raises: DecodeError where there is none, or it is damaged or of another schema; DatabaseUnavailable where
        the directory cannot be used: another writer, no permission, no space.
        """
        self.directory: Final = directory
        self._writer: IO[bytes] | None = None
        if create:
            self._prepare()
        else:
            _require_whole(directory / DATA_FILE)
        if write:
            self._writer = _lock(directory / WRITER_FILE)
        try:
            self._environment = self._open(write=write)
            self._tables = self._open_tables(create=create)
        except lmdb.Error as error:
            self._release()
            raise _said(directory, error) from None
        except DecodeError:
            self._release()
            raise

    def _prepare(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(f"{self.directory}: {error.strerror}") from None
        if (self.directory / DATA_FILE).exists():
            raise DecodeError("there is a database already", str(self.directory))

    def _open(self, *, write: bool) -> Any:
        size = FIRST_MAP_BYTES
        if (self.directory / DATA_FILE).exists():
            size = max(size, 2 * (self.directory / DATA_FILE).stat().st_size)
        options: dict[str, Any] = {"map_size": size, "max_dbs": len(TABLES), "readonly": not write, "meminit": False}
        try:
            return lmdb.open(str(self.directory), create=write, **options)
        except lmdb.Error:
            if write or os.access(self.directory, os.W_OK):
                raise
            return lmdb.open(str(self.directory), create=False, lock=False, **options)

    def _open_tables(self, *, create: bool) -> dict[bytes, Any]:
        if create:
            return {table: self._environment.open_db(table) for table in TABLES}
        try:
            tables: dict[bytes, Any] = {table: self._environment.open_db(table, create=False) for table in TABLES}
        except lmdb.NotFoundError:
            raise DecodeError("this is no database of a chain", str(self.directory)) from None
        with self._environment.begin() as transaction:
            schema = Reader(transaction, tables).get(META, b"schema")
        if schema != SCHEMA:
            shown = "none" if schema is None else schema.decode(errors="replace")
            raise DecodeError(f"the database has schema {shown}, this version reads {SCHEMA.decode()}",
                              str(self.directory))  # fmt: skip
        return tables

    # ---- reading

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Read the database as it is now."""
        with self._environment.begin(buffers=True) as transaction:
            yield Reader(transaction, self._tables)

    # ---- writing

    def atomically(self, work: Callable[["Writer"], T]) -> T:
        """Do `work` in one transaction and make it durable; where it raises, nothing has happened.

        `work` may run more than once: when the map was too small, it is doubled and everything begins anew.
        Raises: what `work` raises; DatabaseUnavailable where the disk is full or cannot be written.
        """
        while True:
            try:
                with self._environment.begin(write=True) as transaction:
                    return work(Writer(transaction, self._tables))
            except lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except lmdb.Error as error:
                raise _said(self.directory, error) from None

    def commit(self, batch: Batch, undo_key: bytes | None = None) -> None:
        """`Writer.apply` in a transaction of its own."""
        self.atomically(lambda writer: writer.apply(batch, undo_key))

    def rewind(self, key: bytes) -> None:
        """`Writer.rewind` in a transaction of its own."""
        self.atomically(lambda writer: writer.rewind(key))

    # ---- closing

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Let go of the files."""
        self._environment.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
                 ) -> None:  # fmt: skip
        self.close()


def _require_whole(path: Path) -> None:
    """Compare the file's length with the last page that it says it has. Raises: DecodeError.

    Two meta pages of the host's page size begin the file; each holds, from byte 16, magic, version, address, map size,
    two table heads (the first begins with the page size) and the number of the last page.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DecodeError("there is no database", str(path.parent)) from None
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from None
    with path.open("rb") as file:
        head = file.read(2 * 65536)
    last = _last_page(head)
    if last is None or (last[0] + 1) * last[1] > size:
        raise DecodeError("the database file is cut off or not LMDB's", str(path))


_META_AT: Final = 16
_MAGIC: Final = (0xBEEFC0DE).to_bytes(4, "little")
_PAGE_SIZE_AT: Final = _META_AT + 24
_LAST_PAGE_AT: Final = _META_AT + 24 + 2 * 48


def _last_page(head: bytes) -> tuple[int, int] | None:
    """(number of the last page, page size), the larger of the two meta pages' numbers; None where there is no such."""
    if head[_META_AT : _META_AT + 4] != _MAGIC:
        return None
    page = int.from_bytes(head[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 4], "little")
    if not 512 <= page <= 65536 or len(head) < page + _LAST_PAGE_AT + 8:
        return None
    return max(
        int.from_bytes(head[start + _LAST_PAGE_AT : start + _LAST_PAGE_AT + 8], "little") for start in (0, page)
    ), page


def _lock(path: Path) -> IO[bytes]:
    """Be the only writer, for as long as the file is open. Raises: DatabaseUnavailable."""
    try:
        file = path.open("ab")
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DatabaseUnavailable(f"{path.parent}: another process is writing to this database") from None
    return file


def _said(directory: Path, error: Exception) -> DecodeError | DatabaseUnavailable:
    if isinstance(error, lmdb.CorruptedError | lmdb.PageNotFoundError | lmdb.InvalidError | lmdb.VersionMismatchError):
        return DecodeError(f"the database is damaged: {error}", str(directory))
    return DatabaseUnavailable(f"{directory}: {error}")
