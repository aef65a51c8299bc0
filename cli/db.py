"""`verkle db`: looking after the database of a chain."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import files, output
from cli.datadir import datadir_option, refuse_own_files
from cli.engines import EngineChoice, bounded_engine_option
from cli.making import making_jobs_option, running
from cli.parameters import PATH, force_option, json_option
from cli.whole_file import WholeFile
from spec.errors import DecodeError

if TYPE_CHECKING:
    from builder.maintenance import Statistics


@click.group(no_args_is_help=False)
def db() -> None:
    """Check a chain's database, measure it, write it to a file and read it back."""


@db.command()
@datadir_option
@making_jobs_option
@bounded_engine_option
@json_option
def check(datadir: Path, jobs: int | None, engine: EngineChoice, as_json: bool) -> None:
    """Look at every record of a database, and at what it must agree with.

    Checksums; stems and nodes against the values that they commit to, made anew; preimages against the stems that they
    lead to; code against its hash; headers, blocks and receipts from the genesis to the head; and whether every block
    that can be taken off leads back to its parent's state. Nothing is changed.

    What is wrong is told, a line each. Exit codes: 0 sound, 1 not sound, 2 there is no database.

    \b
    verkle db check --datadir chain
    """
    from builder.database import LEAVES, Database  # noqa: PLC0415  (loads LMDB)
    from builder.maintenance import check as inspect  # noqa: PLC0415

    computing = engine.make(quiet=as_json)
    stems = 0
    if jobs is None:
        with contextlib.suppress(DecodeError), Database(datadir, write=False) as database, database.reader() as reader:
            stems = reader.count(LEAVES)
    watch = output.Stopwatch()
    with (
        running(computing, engine, jobs, stems) as run,
        output.watching("records", None, quiet=as_json) as watcher,
    ):
        found = inspect(datadir, computing, run=run, on_progress=watcher.progress)
    watch.lap("all")
    if as_json:
        output.json_line(
            {
                "verdict": "sound" if found.sound else "damaged",
                "records": found.records,
                "problems": [{"what": one.what, "where": one.where} for one in found.problems],
                "seconds": output.rounded(watch.stages["all"]),
            }
        )
    else:
        for problem in found.problems:
            click.echo(str(problem))
        verdict = "sound" if found.sound else "DAMAGED"
        click.echo(f"{verdict}: {output.count(found.records, 'record')} in {output.seconds(watch.stages['all'])}")
    if not found.sound:
        click.get_current_context().exit(1)


@db.command()
@datadir_option
@json_option
def stats(datadir: Path, as_json: bool) -> None:
    """Show what a database holds: records and bytes by table, and how deep the tree is.

    \b
    verkle db stats --datadir chain
    """
    from builder.database import Database  # noqa: PLC0415  (loads LMDB)
    from builder.maintenance import statistics  # noqa: PLC0415

    with (
        Database(datadir, write=False) as database,
        output.watching("nodes", None, quiet=as_json) as watcher,
    ):
        found = statistics(database, watcher.progress)
    if as_json:
        output.json_line(_as_json(found))
        return
    about = found.about
    rows = [
        ("chain", f"id {about.chain_id}, profile {about.profile}, genesis 0x{about.genesis.hex()}"),
        ("head", f"block {about.number}, 0x{about.head.hex()}"),
        ("state root", f"0x{about.state_root.hex()}"),
        ("can be taken off", f"{found.can_be_taken_off:,} of at most {about.retained:,} blocks"),
        ("file", f"{found.file_bytes:,} bytes, in a map of {found.map_bytes:,}"),
        ("stems by depth", _by_depth(found.stems_by_depth)),
        ("internal nodes", _by_depth(found.internal_by_depth)),
    ]
    tables = [(one.name, f"{one.records:>12,} records  {one.bytes:>14,} bytes") for one in found.tables]
    for line in [*output.columns(rows), "", *output.columns(tables)]:
        click.echo(line)


@db.command()
@click.argument("path", metavar="FILE", type=PATH)
@datadir_option
@force_option
@json_option
def export(path: Path, datadir: Path, force: bool, as_json: bool) -> None:
    """Write a database to one file that any machine can read: of one database always the same bytes.

    Nodes are left out: they follow from the values. The copy of the genesis in DIR is not part of the database, either.

    \b
    verkle db export chain.dump --datadir chain
    """
    from builder.database import Database  # noqa: PLC0415  (loads LMDB)
    from builder.dump import export as write  # noqa: PLC0415

    refuse_own_files(datadir, path)
    files.refuse_overwrite(path, force)
    with (
        Database(datadir, write=False) as database,
        WholeFile(path) as target,
        output.watching("records", None, quiet=as_json) as watcher,
    ):
        dumped = write(database, target.file, watcher.progress)
        target.keep()
    _say(path, datadir, dumped.records, dumped.digest, as_json)


@db.command(name="import")
@click.argument("path", metavar="FILE", type=PATH)
@datadir_option
@making_jobs_option
@bounded_engine_option
@json_option
def import_(path: Path, datadir: Path, jobs: int | None, engine: EngineChoice, as_json: bool) -> None:
    """Make a database from a file that `verkle db export` wrote.

    All nodes are made from the values, and must lead to the state root of the head: until then there is no database.
    What the file says of earlier blocks is taken as it is; `verkle db check` looks at it.

    \b
    verkle db import chain.dump --datadir copy
    """
    from builder.dump import import_ as read  # noqa: PLC0415  (loads LMDB)

    computing = engine.make(quiet=as_json)
    accounts = 0 if jobs is not None else files.size_of(path) // 100
    with (
        files.opened(path) as source,
        running(computing, engine, jobs, accounts) as run,
        output.watching("records", None, quiet=as_json) as watcher,
        files.located(click.format_filename(path)),
    ):
        dumped = read(datadir, source, computing, run=run, on_progress=watcher.progress)
    _say(path, datadir, dumped.records, dumped.digest, as_json)


def _say(path: Path, datadir: Path, records: int, digest: bytes, as_json: bool) -> None:
    if as_json:
        names = {"file": click.format_filename(path), "datadir": click.format_filename(datadir)}
        output.json_line({**names, "records": records, "sha256": output.hexed(digest)})
    else:
        click.echo(f"{output.count(records, 'record')}, SHA-256 0x{digest.hex()}")


def _by_depth(counts: dict[int, int]) -> str:
    return ", ".join(f"{count:,} at {depth}" for depth, count in counts.items()) or "none"


def _as_json(found: "Statistics") -> dict[str, Any]:
    about = found.about
    return {
        "profile": about.profile,
        "chain_id": about.chain_id,
        "genesis": output.hexed(about.genesis),
        "number": about.number,
        "hash": output.hexed(about.head),
        "state_root": output.hexed(about.state_root),
        "retain": about.retained,
        "can_be_taken_off": found.can_be_taken_off,
        "file_bytes": found.file_bytes,
        "map_bytes": found.map_bytes,
        "tables": {one.name: {"records": one.records, "bytes": one.bytes} for one in found.tables},
        "stems_by_depth": {str(depth): count for depth, count in found.stems_by_depth.items()},
        "internal_nodes_by_depth": {str(depth): count for depth, count in found.internal_by_depth.items()},
    }
