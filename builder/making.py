"""Making a database: invisible until it is whole.

It is made in a directory of its own, in transactions that are not waited for; then everything is brought to the disk,
and one renaming makes it the database. Whatever cuts that off, there is no database, and making it again starts anew.

    Making         the database that is being made
    put_state      the records of a whole state: values, nodes, preimages, code

Twin of `put_state`: `genesis_tree`, and `stored_tree.changed`.
"""

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import lmdb

from builder import files
from builder.bulk import Entry, Maker, Part, Places, Run, Sealed, parts, root_record
from builder.database import (
    CODE,
    FIRST_MAP_BYTES,
    LEAVES,
    NODES,
    PREIMAGES,
    STEMS,
    TABLES,
    Batch,
    Writer,
    atomically,
    open_environment,
)
from builder.files import DATA_FILE, UNFINISHED, DatabaseUnavailable
from builder.genesis import account_values
from builder.records import Link, node_key, sealed_all
from builder.work import TREE_INDEX_BYTES, uncollected
from spec.containers import Account
from spec.crypto import keccak256
from spec.errors import DecodeError
from spec.params import Profile
from spec.types import Address, StateRoot
from verkle.embedding import address32
from verkle.engine import Engine

PLACES: Final = 1 << 14
"""Stems that are derived in one job."""

OnProgress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def nothing_to_say(_stage: str, _done: int, _of: int) -> None:
    """For those who do not watch."""


class Making:
    """A database that nobody sees before it is whole. Leave with `finish`, or nothing stays behind."""

    def __init__(self, directory: Path, map_bytes: int = FIRST_MAP_BYTES) -> None:
        """Begin. Raises: DecodeError where there is a database already; DatabaseUnavailable."""
        self.directory: Final = directory
        self._place: Final = directory / UNFINISHED
        with contextlib.ExitStack() as opening:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                opening.enter_context(files.lock(directory))
                if (directory / DATA_FILE).exists():
                    raise DecodeError("there is a database already", str(directory))
                shutil.rmtree(self._place, ignore_errors=True)
                self._place.mkdir()
            except DatabaseUnavailable:
                raise
            except OSError as error:
                raise DatabaseUnavailable(f"{directory}: {error.strerror}") from None
            opening.callback(shutil.rmtree, self._place, ignore_errors=True)
            try:
                self._environment = open_environment(self._place, write=True, sync=False, map_bytes=map_bytes)
                opening.callback(self._environment.close)
                self._tables: dict[bytes, Any] = {table: self._environment.open_db(table) for table in TABLES}
            except lmdb.Error as error:
                raise files.said(directory, error) from None
            self._held = opening.pop_all()

    def put(self, batch: Batch) -> None:
        """Add the records of a batch. Raises: DatabaseUnavailable."""
        self._do(lambda writer: writer.apply(batch))

    def put_sealed(self, records: Mapping[bytes, Sequence[Sealed]], behind: Iterable[bytes] = ()) -> None:
        """Add records by table. `behind`: tables whose records ascend, and are above all that are there already."""

        def work(writer: Writer) -> None:
            for table, listed in records.items():
                writer.put_sealed(table, listed, behind=table in behind)

        self._do(work)

    def _do(self, work: Callable[[Writer], None]) -> None:
        atomically(self.directory, self._environment, self._tables, work)

    def finish(self) -> None:
        """Bring everything to the disk, and make it the database. Raises: DatabaseUnavailable."""
        try:
            self._environment.sync(True)
            self._environment.close()
            (self._place / DATA_FILE).rename(self.directory / DATA_FILE)
            for changed in (self.directory, self.directory.parent):
                _sync(changed)
        except lmdb.Error as error:
            raise files.said(self.directory, error) from None
        except OSError as error:
            raise DatabaseUnavailable(f"{self.directory}: {error.strerror}") from None
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
                 ) -> None:  # fmt: skip
        self._held.close()


def _sync(directory: Path) -> None:
    """Bring the names in a directory to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_state(
    making: Making,
    accounts: Mapping[Address, Account],
    profile: Profile,
    engine: Engine[Any],
    *,
    run: Run | None = None,
    on_progress: OnProgress = nothing_to_say,
) -> StateRoot:
    """Store the state that these accounts are, and tell its root.

    `run`: does jobs side by side, and their results in order (a pool of processes with a `bulk.Maker` each).
    Raises: DatabaseUnavailable.
    """
    run = Maker(engine).in_turn if run is None else run
    with uncollected():
        return _put_state(making, accounts, profile, engine, run, on_progress)


def _put_state(
    making: Making,
    accounts: Mapping[Address, Account],
    profile: Profile,
    engine: Engine[Any],
    run: Run,
    on_progress: OnProgress,
) -> StateRoot:
    by_byte = _by_first_byte(accounts, profile, run, on_progress)
    codes = {keccak256(code): code for code in {account.code for account in accounts.values()} if code}
    making.put_sealed({CODE: sealed_all(CODE, sorted(codes), (codes[key] for key in sorted(codes)))})
    total = sum(map(len, by_byte))

    def ascending() -> Iterator[list[Entry]]:
        for entries in by_byte:
            entries.sort(key=_stem)
            yield entries
            entries.clear()

    return put_nodes(making, parts(ascending()), engine, run, lambda done: on_progress("nodes", done, total))


def _stem(entry: Entry) -> bytes:
    return entry[0]


def _by_first_byte(
    accounts: Mapping[Address, Account], profile: Profile, run: Run, on_progress: OnProgress
) -> list[list[Entry]]:
    """All stems with their values and preimages, by their first byte."""
    waiting: deque[tuple[int, list[tuple[Address, int, bytes]]]] = deque()

    def jobs() -> Iterator[Places]:
        held: list[tuple[Address, int, bytes]] = []
        for number, (address, account) in enumerate(accounts.items(), 1):
            held += [(address, tree_index, values) for tree_index, values in account_values(profile, account)]
            if len(held) >= PLACES or number == len(accounts):
                waiting.append((number, held))
                yield Places(profile.key_hash, [(address32(one), index) for one, index, _ in held])
                held = []

    by_byte: list[list[Entry]] = [[] for _ in range(256)]
    for stems in run(jobs()):
        number, held = waiting.popleft()
        for stem, (address, tree_index, values) in zip(stems, held, strict=True):
            by_byte[stem[0]].append((stem, values, address + tree_index.to_bytes(TREE_INDEX_BYTES, "big")))
        on_progress("accounts", number, len(accounts))
    return by_byte


def put_nodes(
    making: Making, jobs: Iterator[Part], engine: Engine[Any], run: Run, on_done: Callable[[int], None]
) -> StateRoot:
    """Store the records of parts that ascend, and the root above them; `on_done` is told how many stems are stored."""
    links: list[tuple[int, Link]] = []
    done = 0
    for made in run(jobs):
        making.put_sealed(made.records, behind=(LEAVES, STEMS, PREIMAGES))
        links += made.links
        done += len(made.records[STEMS])
        on_done(done)
    root, record = root_record(engine, links)
    making.put_sealed({NODES: sealed_all(NODES, [node_key(b"")], [record])})
    return root
