"""`verkle block verify`: blocks, their witnesses, and what the first of them builds on; nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import files, output
from cli.engines import EngineChoice, bounded_engine_option
from cli.lazy import LazySubgroup
from cli.origin import Origin, origin_options
from cli.parameters import PATH, chain_id_option, json_option, profile_option
from cli.pool import Pool
from cli.trace import trace
from spec.errors import DecodeError
from spec.params import Profile
from verkle.engine import Engine

if TYPE_CHECKING:
    from cli.chain import Job, Rules, Verdict


@click.group(
    cls=LazySubgroup,
    subcommands={
        "build": ("cli.block_build", "build", "Build blocks with execution witnesses on the head of a chain."),
        "import": ("cli.block_import", "import_", "Execute blocks on the whole state of a chain, and put them on it."),
    },
    no_args_is_help=False,
)
def block() -> None:
    """Verify blocks from their execution witnesses, without state; build them, and import them."""


@block.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@profile_option
@origin_options
@click.option("--from", "first", type=click.IntRange(0), metavar="N", help="First block number to verify.")
@click.option("--to", "last", type=click.IntRange(0), metavar="N", help="Last block number to verify.")
@click.option(
    "--checks",
    type=click.Choice(["full", "proof"]),
    default="full",
    show_default=True,
    help="Everything; or only the proof and the state root after the witness's new values.",
)
@click.option("--lenient", is_flag=True, help="Let a witness list locations that its block does not touch.")
@chain_id_option
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
    origin: Origin,
    first: int | None,
    last: int | None,
    checks: str,
    lenient: bool,
    chain_id: int | None,
    jobs: int,
    engine: EngineChoice,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Verify one block, or a chain of them, from their execution witnesses.

    \b
    PATH is one of
      .json               one block: a payload, Engine API or beacon API, bare or in {"execution_payload": ...}
      .jsonl, .jsonl.gz   one such block a line, consecutive
      .ssz                one new payload request, or one payload
    Several files continue one chain in the order given. In profile verkle a block's hash covers more than its payload:
    parent_beacon_block_root, versioned_hashes and execution_requests stand beside execution_payload, by the names of
    engine_newPayloadV4.

    The first block builds on what --parent, --parent-root or --genesis tells (exactly one of them), every later block
    on the header of the block before it. So each verdict is conditional on the parent: after a rejected block, the
    next one is still verified against the header that the rejected one claims.

    A block is verified with nothing but its witness. Its hash is computed, its header compared with the parent's
    (with --parent-root only the state root is), and its transactions are executed over the values that the witness
    proves. Gas, receipts, logs and requests must be the header's; the witness must list all that is touched, and
    nothing else; what it states as new values must be what execution writes, and lead to the header's state root. All
    checks, and what a verdict assumes, are listed in spec/verification.md.

    --checks proof executes nothing: it verifies the proof, and that the witness's new values lead to the header's
    root. Profiles kaustinen2 to kaustinen5 have no other checks. Proofs of the devnets' profiles lack internal node
    markers, so what they say of absence can be forged.

    --json prints an object per block and at the end one object {"totals": ...}. With --from and --to, the blocks
    before the range only tell the parent to begin with.

    Exit codes: 0 all valid, 1 a block was rejected, 2 wrong usage or a file that cannot be read.

    \b
    verkle block verify block2.json --parent block1.json
    verkle block verify blocks.jsonl.gz --genesis genesis.json --profile kaustinen6 --jobs 4
    """
    from cli import chain  # noqa: PLC0415  (loads the machine and rlp: half a second)
    from cli.report import Report  # noqa: PLC0415

    origin.require(optional=first is not None)
    for path in paths:
        files.kind_of(path)
    rules = chain.Rules(profile, checks == "full", lenient, chain_id)
    if lenient and not rules.full:
        raise click.UsageError("--lenient says nothing with --checks proof")
    rules.execution()
    computing = engine.make(quiet=quiet or as_json)
    parent, rules = origin.parent(rules, computing)
    alone = len(paths) == 1 and not files.is_stream(paths[0])
    total = files.size_of(paths[0]) if len(paths) == 1 else None
    verdicts = _verdicts(jobs, computing, replace(engine, name=computing.name), rules)
    with output.watching("reading", total, quiet=quiet) as watcher, verdicts as verify_all:
        report = Report(watcher, as_json=as_json, quiet=quiet, verbose=verbose, alone=alone, full=rules.full)
        selection = chain.Selection(rules, parent, first, last, report.skipped)
        for verdict in verify_all(selection.jobs(files.all_documents(paths))):
            report.add(verdict)
    if not report.totals.blocks:
        raise DecodeError("no block to verify", ", ".join(click.format_filename(path) for path in paths))
    report.end()
    if report.totals.rejected:
        click.get_current_context().exit(1)


@contextmanager
def _verdicts(
    workers: int, engine: Engine[Any], theirs: EngineChoice, rules: "Rules"
) -> Iterator[Callable[[Iterator["Job"]], Iterator["Verdict"]]]:
    """How blocks are verified: here, or side by side in processes, each of which makes the same engine for itself."""
    from cli import chain  # noqa: PLC0415  (see verify)

    if workers == 1:
        yield partial(map, chain.Verifier(chain.warm(engine), rules))
        return
    pool: Pool[Job, Verdict] = Pool(workers, partial(chain.verifier, theirs, rules))
    try:
        yield pool.map
    finally:
        pool.close()


block.add_command(trace)
