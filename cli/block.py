"""`verkle block verify`: blocks, their witnesses, and the parent's state root; nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli import chain, files, output
from cli.chain import Job, Parent, Selection, Verdict
from cli.engines import EngineChoice, bounded_engine_option
from cli.parameters import PATH, json_option, profile_option, root_option
from cli.pool import Pool
from cli.report import Report
from spec.errors import DecodeError
from spec.params import Profile
from spec.types import StateRoot
from verkle.engine import Engine


@click.group(no_args_is_help=False)
def block() -> None:
    """Verify blocks from their execution witnesses, without state."""


@block.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@profile_option
@click.option("--parent", "parent_path", type=PATH, help="Payload of the parent block (.json or .ssz).")
@root_option("--parent-root", "State root of the parent block.")
@click.option("--genesis", "genesis_path", type=PATH, help="genesis.json of the chain, where the first block is 1.")
@click.option("--from", "first", type=click.IntRange(0), metavar="N", help="First block number to verify.")
@click.option("--to", "last", type=click.IntRange(0), metavar="N", help="Last block number to verify.")
@click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N", default=1, show_default=True, help="Processes to verify in."
)
@bounded_engine_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors: the exit code tells the verdict.")
@click.option("--verbose", "-v", is_flag=True, help="Print a line for every block, not only for rejected ones.")
def verify(
    paths: tuple[Path, ...],
    profile: Profile,
    parent_path: Path | None,
    parent_root: StateRoot | None,
    genesis_path: Path | None,
    first: int | None,
    last: int | None,
    jobs: int,
    engine: EngineChoice,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Verify one block, or a chain of them, from their execution witnesses.

    \b
    PATH is one of
      .json               one payload: Engine API or beacon API, bare or in {"execution_payload": ...}
      .jsonl, .jsonl.gz   one such payload a line, consecutive blocks
      .ssz                one payload
    Several files continue one chain in the order given.

    The first block builds on what --parent, --parent-root or --genesis tells (exactly one of them), every later block
    on the state root in the header of the block before it. So each verdict is conditional on the parent's
    header: after a rejected block, the next one is still verified against the root that the rejected header claims.

    Checked are the proof of the pre-state, that the witness's new values lead to the header's state root, and that
    numbers and parent hashes follow each other. Transactions are not re-executed yet, and block hashes are taken as
    stated. Proofs of the devnets' profiles lack internal node markers, so what they say of absence can be forged.

    --json prints an object per block and at the end one object {"totals": ...}. With --from and --to, the blocks
    before the range only tell the root to begin with.

    Exit codes: 0 all valid, 1 a block was rejected, 2 wrong usage or a file that cannot be read.

    \b
    verkle block verify block2.json --parent block1.json
    verkle block verify blocks.jsonl.gz --genesis genesis.json --profile kaustinen6 --jobs 4
    """
    origins = [origin for origin in (parent_path, parent_root, genesis_path) if origin is not None]
    if len(origins) > 1 or (not origins and first is None):
        raise click.UsageError("give exactly one of --parent, --parent-root and --genesis")
    for path in paths:
        files.kind_of(path)
    computing = engine.make(quiet=quiet or as_json)
    parent: Parent | None = None
    if parent_root is not None:
        parent = Parent(parent_root)
    elif parent_path is not None:
        parent = _parent_in(parent_path, profile)
    elif genesis_path is not None:
        parent = _parent_of_genesis(genesis_path, profile, computing)
    alone = len(paths) == 1 and not files.is_stream(paths[0])
    total = files.size_of(paths[0]) if len(paths) == 1 else None
    verdicts = _verdicts(jobs, computing, replace(engine, name=computing.name))
    with output.watching("reading", total, quiet=quiet) as watcher, verdicts as verify_all:
        report = Report(
            watcher,
            as_json=as_json,
            quiet=quiet,
            verbose=verbose,
            alone=alone,
            markers=profile.internal_node_markers,
        )
        selection = Selection(profile, parent, first, last, report.skipped)
        for verdict in verify_all(selection.jobs(files.all_documents(paths))):
            report.add(verdict)
    if not report.totals.blocks:
        raise DecodeError("no block to verify", ", ".join(click.format_filename(path) for path in paths))
    report.end()
    if report.totals.rejected:
        click.get_current_context().exit(1)


@contextmanager
def _verdicts(
    workers: int, engine: Engine[Any], theirs: EngineChoice
) -> Iterator[Callable[[Iterator[Job]], Iterator[Verdict]]]:
    """How blocks are verified: here, or side by side in processes, each of which makes the same engine for itself."""
    if workers == 1:
        chain.warm(engine)
        yield lambda jobs: map(partial(chain.verify, engine), jobs)
        return
    pool: Pool[Job, Verdict] = Pool(workers, partial(chain.verifier, theirs))
    try:
        yield pool.map
    finally:
        pool.close()


def _parent_in(path: Path, profile: Profile) -> Parent:
    if files.is_stream(path):
        raise click.UsageError(f"--parent takes one payload (.json or .ssz), not {click.format_filename(path)}")
    (document,) = files.documents(path)
    return Parent.of(document.payload(profile))


def _parent_of_genesis(path: Path, profile: Profile, engine: Engine[Any]) -> Parent:
    from builder.genesis import genesis_header, genesis_tree  # noqa: PLC0415  (only this way of beginning needs them)
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second)

    genesis = files.read_genesis(path, profile)
    header = genesis_header(genesis, genesis_tree(genesis, profile, engine))
    return Parent(header.state_root, header.number, rlp.block_hash(header))
