"""The files of a database: found, whole, ours, and locked by one writer.

    data.mdb       what LMDB keeps
    lock.mdb       LMDB's table of readers; made anew where it is missing
    writer.lock    locked by the one process that writes
    unfinished/    a database that is being made (`builder.making`); of no use when nobody is making it

Source: LMDB 0.9, `mdb.c` (MDB_meta, MDB_db); its documentation, "Caveats".
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import IO, Final

import lmdb

from spec.errors import DecodeError

DATA_FILE: Final = "data.mdb"
WRITER_FILE: Final = "writer.lock"
UNFINISHED: Final = "unfinished"

_META_AT: Final = 16
"""A page begins with a header of 16 bytes."""
_MAGIC: Final = (0xBEEFC0DE).to_bytes(4, "little")
_VERSION: Final = (1).to_bytes(4, "little")
_PAGE_SIZE_AT: Final = _META_AT + 24
_LAST_PAGE_AT: Final = _META_AT + 24 + 2 * 48
_TRANSACTION_AT: Final = _LAST_PAGE_AT + 8
_LARGEST_PAGE: Final = 65536


class DatabaseUnavailable(OSError):
    """The directory or the disk will not do: another writer, no permission, no space. One line."""


def require_whole(directory: Path) -> None:
    """Compare the length of the data file with the last page that it says it has: reading beyond ends the process.

    Two meta pages of the host's page size begin the file. Each holds, behind its page's header: magic, version,
    address, map size, two table heads of 48 bytes (the first begins with the page size), the number of the last page,
    and the number of the transaction that wrote it.
    Raises: DecodeError where there is no database, or it is cut off, or not LMDB's; DatabaseUnavailable.
    """
    path = directory / DATA_FILE
    try:
        with path.open("rb") as file:
            head = file.read(2 * _LARGEST_PAGE)
            size = os.fstat(file.fileno()).st_size  # after the head: another process may be adding pages
    except (FileNotFoundError, NotADirectoryError):
        if (directory / UNFINISHED).is_dir():
            raise DecodeError("the database was never finished; make it again", str(directory)) from None
        raise DecodeError("there is no database", str(directory)) from None
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from None
    pages = _pages(head)
    if pages is None:
        raise DecodeError("the file is cut off, or not LMDB's", str(path))
    page_size, last = pages
    needed = (last + 1) * page_size
    if needed > size:
        raise DecodeError(f"the file is cut off: it has {size} bytes of {needed}", str(path))


def _pages(head: bytes) -> tuple[int, int] | None:
    """(page size, number of the last page: the larger of the two meta pages'); None where these are no meta pages."""
    page = int.from_bytes(head[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 4], "little")
    if page not in (512 << shift for shift in range(8)) or len(head) < page + _TRANSACTION_AT + 8:
        return None
    last = 0
    for start in (0, page):
        if head[start + _META_AT : start + _META_AT + 8] != _MAGIC + _VERSION:
            return None
        if head[start + _PAGE_SIZE_AT : start + _PAGE_SIZE_AT + 4] != head[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 4]:
            return None
        last = max(last, int.from_bytes(head[start + _LAST_PAGE_AT : start + _TRANSACTION_AT], "little"))
    return page, last


def lock(directory: Path) -> IO[bytes]:
    """Be the only writer, for as long as the file is open. Raises: DatabaseUnavailable."""
    path = directory / WRITER_FILE
    try:
        file = path.open("ab")
    except OSError as error:
        raise DatabaseUnavailable(f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DatabaseUnavailable(f"{directory}: another process is writing to this database") from None
    return file


DAMAGED: Final = (
    lmdb.BadDbiError,
    lmdb.BadValsizeError,
    lmdb.CorruptedError,
    lmdb.CursorFullError,
    lmdb.IncompatibleError,
    lmdb.InvalidError,
    lmdb.NotFoundError,
    lmdb.PageFullError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
)
"""What LMDB says when the file is not as it must be."""


def said(directory: Path, error: lmdb.Error) -> DecodeError | DatabaseUnavailable:
    """LMDB's error in our words."""
    if isinstance(error, DAMAGED):
        return DecodeError(f"the database is damaged ({error})", str(directory))
    line = f"{directory}: {error}"
    if os.strerror(errno.EIO) in line:  # LMDB says so of a page that was written in part
        line += ": the disk is full, or fails"
    return DatabaseUnavailable(line)
