"""A database as a file that any machine can read, and back again: the same records, byte for byte.

    export(database, file)                write it
    import_(directory, file, engine)      make a database from it

The dump is a stream, compressed by gzip. Of a database there is one, whatever its history; uncompressed, it is:

    "verkle database" || schema length (1) || schema
    for each table but stems and nodes, in the order of `database.TABLES`, for each record by ascending key:
        1 + the table's place in that order (1) || key length (4) || content length (4) || key || content
    0 (1) || SHA-256 of everything before (32)

Integers are big-endian. Stems and nodes follow from the values, and are made from them again; the root that they come
to must be the head's. So a dump is half as large as the database's records, and cannot bring in a false tree.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from builder.bulk import Entry, Maker, Run, by_first_byte, parts
from builder.checks import is_values
from builder.database import FIRST_MAP_BYTES, HEADERS, LEAVES, META, NODES, SCHEMA, STEMS, TABLES, Database
from builder.making import Making, OnProgress, nothing_to_say, put_nodes
from builder.records import sealed
from spec.codec import rlp
from spec.errors import DecodeError
from spec.types import StateRoot
from verkle.engine import Engine

MAGIC: Final = b"verkle database"
LEVEL: Final = 1
"""Of gzip: six times as fast as the usual 6, for a file that is a tenth larger."""
LENGTH_BYTES: Final = 4
DUMPED: Final = tuple(table for table in TABLES if table not in (STEMS, NODES))
END: Final = 0
MOST_KEY_BYTES: Final = 511
"""LMDB's keys are not longer."""
MOST_CONTENT_BYTES: Final = 1 << 28
WRITTEN_BYTES: Final = 1 << 20
"""Bytes that are compressed at once."""
STEP: Final = 1 << 12
"""Records between two words of progress, and of one transaction."""


@dataclass(frozen=True, slots=True)
class Dumped:
    """What was written or read."""

    records: int
    digest: bytes
    """SHA-256 of the uncompressed dump, as it stands at its end: of one database always the same."""


# ---- writing


def export(database: Database, file: BinaryIO, on_progress: OnProgress = nothing_to_say) -> Dumped:
    """Write a database as it is now. `on_progress` is told "records of TABLE". Raises: DecodeError; OSError."""
    digest, records = hashlib.sha256(), 0
    held = bytearray(MAGIC + bytes((len(SCHEMA),)) + SCHEMA)
    with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0) as stream:
        with database.reader() as reader:
            for table in DUMPED:
                tag, of = bytes((1 + TABLES.index(table),)), reader.count(table)
                for done, (key, content) in enumerate(reader.items(table), 1):
                    held += tag + _length(key) + _length(content) + key + content
                    if len(held) >= WRITTEN_BYTES:
                        digest.update(held)
                        stream.write(held)
                        held.clear()
                    if done % STEP == 0 or done == of:
                        on_progress(f"records of {table.decode()}", done, of)
                records += of
        held.append(END)
        digest.update(held)
        stream.write(held + digest.digest())
    return Dumped(records, digest.digest())


def _length(content: bytes) -> bytes:
    return len(content).to_bytes(LENGTH_BYTES, "big")


# ---- reading


def import_(
    directory: Path,
    file: BinaryIO,
    engine: Engine[Any],
    *,
    run: Run | None = None,
    on_progress: OnProgress = nothing_to_say,
    map_bytes: int = FIRST_MAP_BYTES,
) -> Dumped:
    """Make a database from a dump. Nothing is there before all of it is read, and led to the head's state root.

    What a dump says of the chain's past is taken as it is: `maintenance.check` looks at it.
    `run`, `on_progress`: see `making.put_state`; the stages are "records of TABLE".
    Raises: DecodeError where it is no dump, or damaged, or there is a database already; DatabaseUnavailable.
    """
    with Making(directory, map_bytes) as making:
        source = _Source(file, on_progress)
        source.begin()
        head = root = None
        for table in DUMPED:
            if table == LEAVES:
                root = put_nodes(making, parts(by_first_byte(_values(source))), engine, _run(engine, run), _ignore)
                continue
            for records in _batches(source.records(table)):
                making.put_sealed({table: [(key, sealed(table, key, content)) for key, content in records]}, (table,))
                found = dict(records)
                if table == META:
                    head = found.get(b"head")
                if table == HEADERS and head in found:
                    _require_head(head, found[head], root)
                    head = None
        if root is None or head is not None:
            raise DecodeError("the dump does not hold the header of its head")
        dumped = source.end()
        making.finish()
    return dumped


def _ignore(_done: int) -> None:
    return


def _run(engine: Engine[Any], run: Run | None) -> Run:
    return Maker(engine).in_turn if run is None else run


def _require_head(head: bytes, content: bytes, root: StateRoot | None) -> None:
    header = rlp.decode_header(content)
    if rlp.block_hash(header) != head:
        raise DecodeError("the header has another hash", f"headers[0x{head.hex()}]")
    state_root = header.state_root
    if root != state_root:
        computed = "nothing" if root is None else "0x" + root.hex()
        raise DecodeError(f"the values lead to {computed}, the head's state root is 0x{state_root.hex()}")


def _values(source: "_Source") -> Iterator[Entry]:
    for stem, content in source.records(LEAVES):
        if not is_values(stem, content):
            raise DecodeError("this is no set of values", f"leaves[0x{stem.hex()}]")
        yield stem, content


def _batches(records: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    held: list[tuple[bytes, bytes]] = []
    for record in records:
        held.append(record)
        if len(held) == STEP:
            yield held
            held = []
    if held:
        yield held


class _Source:
    """The records of a dump, read once, in order."""

    def __init__(self, file: BinaryIO, on_progress: OnProgress) -> None:
        self._stream: Final = io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"), 1 << 20)
        self._digest: Final = hashlib.sha256()
        self._on_progress: Final = on_progress
        self._tag = END
        self._records = 0

    def _read(self, size: int) -> bytes:
        part = self._raw(size)
        self._digest.update(part)
        return part

    def _raw(self, size: int) -> bytes:
        try:
            part = self._stream.read(size)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DecodeError(f"the dump is damaged or cut off ({error})") from None
        if len(part) != size:
            raise DecodeError("the dump is cut off")
        return part

    def begin(self) -> None:
        """Read the beginning. Raises: DecodeError."""
        if self._read(len(MAGIC)) != MAGIC:
            raise DecodeError("this is no dump of a database")
        schema = self._read(self._read(1)[0])
        if schema != SCHEMA:
            raise DecodeError(
                f"the dump has schema {schema.decode(errors='replace')}, this version reads {SCHEMA.decode()}"
            )
        self._tag = self._read(1)[0]

    def records(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The records of a table, which must come next. Raises: DecodeError."""
        tag, before, done = 1 + TABLES.index(table), b"", 0
        while self._tag == tag:
            key_size = int.from_bytes(self._read(LENGTH_BYTES), "big")
            size = int.from_bytes(self._read(LENGTH_BYTES), "big")
            if not 0 < key_size <= MOST_KEY_BYTES or size > MOST_CONTENT_BYTES:
                raise DecodeError("a record of the dump has an impossible length", table.decode())
            key, content = self._read(key_size), self._read(size)
            if key <= before:
                raise DecodeError("the keys of the dump do not ascend", f"{table.decode()}[0x{key.hex()}]")
            before = key
            self._tag = self._read(1)[0]
            done += 1
            if done % STEP == 0 or self._tag != tag:
                self._on_progress(f"records of {table.decode()}", done, 0)
            yield key, content
        self._records += done

    def end(self) -> Dumped:
        """Read the end. Raises: DecodeError where the digest is another one, or anything follows."""
        if self._tag != END:
            raise DecodeError("a table of the dump is out of order, or unknown")
        digest = self._digest.digest()
        if self._raw(len(digest)) != digest:
            raise DecodeError("the dump is damaged: its digest is another one")
        try:
            rest = self._stream.read(1)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DecodeError(f"the dump is damaged or cut off ({error})") from None
        if rest:
            raise DecodeError("something follows the end of the dump")
        return Dumped(self._records, digest)
