"""Reading every record of a database in a process of its own.

LMDB trusts the pages of its trees: one flipped bit in a page can make it read elsewhere, or end the process. So a file
that may be damaged is first read by a child; where the child dies, the file is damaged, and the parent says so.

    scan(directory, ...)    what is wrong with pages and checksums
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from builder.database import TABLES, Database, DatabaseUnavailable, Reader
from builder.records import opened
from spec.errors import DecodeError

STEP: Final = 1 << 14
"""Records between two words of progress."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be."""

    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(frozen=True, slots=True)
class Scanned:
    """What reading every record came to."""

    problems: tuple[Problem, ...]
    readable: bool
    """Whether every table could be read to its end, so that it is safe to read on."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A table is being read."""

    table: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Read:
    """So many records of it are read."""

    records: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The end."""

    readable: bool
    unavailable: str | None = None


Word = Problem | Begun | Read | Ended
"""What a child says."""


def scan(directory: Path, most: int, on_progress: Callable[[bytes, int, int], None]) -> Scanned:
    """Read everything in a child. `most`: how many problems are told; `on_progress`: table, records read, records.

    Raises: DatabaseUnavailable.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, directory, most), daemon=True)
    process.start()
    theirs.close()
    problems: list[Problem] = []
    table, of = b"", 0
    try:
        while True:
            try:
                word = ours.recv()
            except EOFError:
                process.join()
                where = f"the file, at table {table.decode()}" if table else "the file"
                died = _death(process.exitcode)
                return Scanned((*problems, Problem(f"reading it ends the process ({died})", where)), readable=False)
            match word:
                case Problem():
                    problems.append(word)
                case Begun(table, of):
                    on_progress(table, 0, of)
                case Read(records):
                    on_progress(table, records, of)
                case Ended(readable, unavailable):
                    if unavailable is not None:
                        raise DatabaseUnavailable(unavailable)
                    return Scanned(tuple(problems), readable)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


def _child(pipe: Connection, directory: Path, most: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where LMDB says what it does not believe
    read_all(directory, most, pipe.send)


def read_all(directory: Path, most: int, say: Callable[[Word], None]) -> None:
    """What the child does: read everything, and tell what it finds. The last word is `Ended`."""
    readable, unavailable = True, None
    try:
        with Database(directory, write=False) as database, database.reader() as reader:
            for table in TABLES:
                most -= _read_table(reader, table, most, say)
    except DecodeError as error:
        readable = False
        say(Problem(error.message, error.where))
    except DatabaseUnavailable as error:
        unavailable = str(error)
    say(Ended(readable, unavailable))


def _read_table(reader: Reader, table: bytes, most: int, say: Callable[[Word], None]) -> int:
    """Read a table; how many problems were told. Raises: DecodeError where it cannot be read on."""
    say(Begun(table, reader.count(table)))
    count = told = 0
    for key, record in reader.sealed_items(table):
        count += 1
        try:
            opened(table, key, record)
        except DecodeError as error:
            if told < most:
                say(Problem(error.message, error.where))
                told += 1
        if count % STEP == 0:
            say(Read(count))
    if count != reader.count(table):
        raise DecodeError(f"the table has {count} records, and says {reader.count(table)}", table.decode())
    say(Read(count))
    return told
