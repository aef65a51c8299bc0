"""Looking after a database: is everything as it must be, and how large is it?

    check(directory, engine)    every record, against its checksum and against what it follows from
    statistics(database)        what there is, in numbers

What is compared with what:

    pages          each is what another one says, and belongs to one thing (`builder.pages`)
    records        with their checksums, in a process of its own (`builder.scan`)
    stems, nodes   byte for byte with those that the values lead to, made anew (`builder.bulk`)
    preimages      with the stems that they lead to, one a stem
    code           with its hash; every code hash that an account has is there
    headers        with their hashes; numbers without a gap from the genesis to the head, each the child of the last
    blocks         with their headers, receipts with their root
    head           its state root with the root node
    undo           one for each block that can be taken off, up to the head; each leads to its parent's head and root

Not found is a lost meta page: LMDB has two, and where the newer one is damaged in its number, the database is whole as
it was one batch ago.

Other ways to look after one: `builder.dump` writes it to a file, and reads it back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from builder import checks
from builder.bulk import Run
from builder.database import (
    CANONICAL,
    CODE,
    HEADERS,
    LEAVES,
    META,
    NODES,
    PREIMAGES,
    TABLES,
    UNDO,
    Database,
    OtherSchema,
    Reader,
)
from builder.files import DATA_FILE, require_whole
from builder.making import OnProgress, nothing_to_say
from builder.pages import look
from builder.records import decode_internal
from builder.scan import Problem as Problem
from builder.scan import scan
from spec.codec import rlp
from spec.errors import DecodeError
from spec.params import PROFILES
from spec.types import Hash32, StateRoot
from verkle.engine import Engine

MOST_PROBLEMS: Final = 20
"""Where one thing is wrong, many follow: so many are told of each kind."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a check came to."""

    problems: tuple[Problem, ...]
    """None: the database is sound. At most `MOST_PROBLEMS` of each kind."""
    records: int
    """Records that were read."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def check(
    directory: Path, engine: Engine[Any], *, run: Run | None = None, on_progress: OnProgress = nothing_to_say
) -> Inspection:
    """Look at every record of the database in a directory.

    `run`: see `making.put_state`. `on_progress` is told the stages "pages", "records of TABLE", "nodes", "preimages",
    "code", "blocks" and "undo records".
    Raises: DecodeError where there is no database, or one of another schema; DatabaseUnavailable. Damage is told, not
    raised.
    """
    try:
        require_whole(directory)
    except DecodeError as error:
        if not (directory / DATA_FILE).exists():
            raise
        return Inspection((Problem(error.message, error.where),), 0)
    damage = look(directory, lambda done, of: on_progress("pages", done, of))
    if damage is not None:
        return Inspection((damage,), 0)
    _require_schema(directory)
    counts: dict[bytes, int] = {}

    def on_scanned(table: bytes, done: int, of: int) -> None:
        counts[table] = done
        on_progress(f"records of {table.decode()}", done, of)

    scanned = scan(directory, MOST_PROBLEMS, on_scanned)
    problems = list(scanned.problems)
    if scanned.readable:
        with Database(directory, write=False) as database, database.reader() as reader:
            for found in _checks(reader, engine, run, on_progress):
                problems += [problem for number, problem in enumerate(found) if number < MOST_PROBLEMS]
    return Inspection(tuple(problems), sum(counts.values()))


def _require_schema(directory: Path) -> None:
    """Refuse a database that another version has made: that is no damage. Raises: OtherSchema."""
    try:
        Database(directory, write=False).close()
    except OtherSchema:
        raise
    except DecodeError:
        return  # the scan will find it


def _checks(
    reader: Reader, engine: Engine[Any], run: Run | None, on_progress: OnProgress
) -> Iterator[Iterator[Problem]]:
    run = checks.default_run(engine) if run is None else run

    def stage(name: str, table: bytes) -> Callable[[int], None]:
        of = reader.count(table)
        return lambda done: on_progress(name, done, of)

    try:
        about = About.of(reader)
    except DecodeError as error:
        yield iter([Problem(error.message, error.where)])
        return
    profile = PROFILES[about.profile]
    yield checks.nodes(reader, engine, run, about.state_root, stage("nodes", LEAVES))
    yield checks.preimages(reader, profile, run, stage("preimages", PREIMAGES))
    yield checks.code(reader, stage("code", CODE))
    yield checks.chain(reader, profile, stage("blocks", CANONICAL))
    yield checks.undo(reader, about.retained, stage("undo records", UNDO))


@dataclass(frozen=True, slots=True)
class About:
    """What a database says of itself."""

    profile: str
    chain_id: int
    retained: int
    genesis: Hash32
    head: Hash32
    number: int
    state_root: StateRoot

    @classmethod
    def of(cls, reader: Reader) -> "About":
        """Raises: DecodeError where it does not say, or says what cannot be."""

        def said(name: str) -> bytes:
            content = reader.get(META, name.encode())
            if content is None:
                raise DecodeError(f"the database does not say its {name}", META.decode())
            return content

        profile = said("profile").decode(errors="replace")
        if profile not in PROFILES:
            raise DecodeError(f"the database is of profile {profile!r}, which this version does not know")
        head = Hash32(said("head"))
        content = reader.get(HEADERS, head)
        if content is None:
            raise DecodeError("its header is missing", "the head")
        header = rlp.decode_header(content)
        integer = int.from_bytes
        return cls(
            profile,
            integer(said("chain_id"), "big"),
            integer(said("retained"), "big"),
            Hash32(said("genesis")),
            head,
            header.number,
            header.state_root,
        )


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """One table."""

    name: str
    records: int
    bytes: int
    """In the file, whole pages."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """A database in numbers."""

    about: About
    tables: tuple[TableStatistics, ...]
    file_bytes: int
    """What the data file takes; pages that are free for the next batches among it."""
    map_bytes: int
    """Address space: as far as the file may grow before the map is doubled."""
    stems_by_depth: dict[int, int]
    """How many stem nodes stand so many path bytes below the root."""
    internal_by_depth: dict[int, int]
    """The same for internal nodes; the root is at depth 0."""

    @property
    def can_be_taken_off(self) -> int:
        """How many blocks there are undo records for."""
        return next(table.records for table in self.tables if table.name == UNDO.decode())


def statistics(database: Database, on_progress: OnProgress = nothing_to_say) -> Statistics:
    """What there is. Reads all internal nodes; `on_progress` is told the stage "nodes". Raises: DecodeError."""
    stems: dict[int, int] = {}
    internals: dict[int, int] = {}
    with database.reader() as reader:
        of = reader.count(NODES)
        for done, (key, content) in enumerate(reader.items(NODES), 1):
            depth = key[0]
            internals[depth] = internals.get(depth, 0) + 1
            count = sum(link.stem is not None for link in decode_internal(content)[1].values())
            if count:
                stems[depth + 1] = stems.get(depth + 1, 0) + count
            if done % 1024 == 0 or done == of:
                on_progress("nodes", done, of)
        return Statistics(
            about=About.of(reader),
            tables=tuple(TableStatistics(t.decode(), reader.count(t), reader.bytes_of(t)) for t in TABLES),
            file_bytes=(database.directory / DATA_FILE).stat().st_size,
            map_bytes=database.map_bytes(),
            stems_by_depth=dict(sorted(stems.items())),
            internal_by_depth=dict(sorted(internals.items())),
        )
