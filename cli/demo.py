"""`verkle demo`: a builder and a stateless client at work, from a genesis of our own to a tampered block."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files, output
from cli.comparison import HEADINGS, Weight, chart, table
from cli.engines import EngineChoice, engine_option
from cli.failure import Failed
from cli.parameters import PATH, force_option, json_option
from spec.containers import ExecutionPayload
from spec.errors import DecodeError, Reason
from spec.types import Value
from verkle.engine import Engine, ReferenceEngine

if TYPE_CHECKING:
    from cli.demo_chain import Begun, Made

TRANSACTIONS: Final = 3000
BYSTANDERS: Final = 10_000
PLAIN_TRANSACTIONS: Final = 120
PLAIN_BYSTANDERS: Final = 40
"""With plain Python, which takes a hundred times as long."""
FEWEST_TRANSACTIONS: Final = 40

VECTORS: Final = "VERKLE_VECTORS"
"""Environment variable that names the directory of published vectors."""
REAL_BLOCKS: Final = "kaustinen6/blocks-0000-0665.jsonl.gz"
REAL_GENESIS: Final = "kaustinen6/genesis.json"
REAL_PROFILE: Final = "kaustinen6"
REAL_REJECTED: Final = {1: Reason.WITNESS_INCOMPLETE}
"""Block 1 of devnet 6 creates the history account, but its witness leaves out four leaves of that account's header."""

MEGA: Final = 10**6
PLOT: Final = "witnesses.svg"
TAMPERED: Final = "tampered.ssz"


@dataclass(frozen=True, slots=True)
class Story:
    """Tells what happens: sentences for people, or an object a step."""

    as_json: bool
    engine: str
    """What the verifying processes are told to compute with."""

    def tell(self, text: str) -> None:
        """A sentence; nothing in JSON."""
        if not self.as_json:
            click.echo(text)

    def step(self, text: str, **facts: object) -> None:
        """Something that happened."""
        if self.as_json:
            output.json_line(facts)
        else:
            click.echo(text)

    def command(self, arguments: Sequence[str]) -> None:
        """The command that comes now, as a user would type it."""
        self.tell(f"  $ verkle {' '.join(arguments)}")


@click.command()
@click.option("--out", type=PATH, help="Directory for what is made; a temporary one is kept and named without it.")
@click.option(
    "--transactions",
    type=click.IntRange(FEWEST_TRANSACTIONS, 10**6),
    metavar="N",
    help=f"How many there are; else {TRANSACTIONS:,}, or {PLAIN_TRANSACTIONS} with plain Python.",
)
@click.option(
    "--accounts",
    type=click.IntRange(0, 10**6),
    metavar="N",
    help=f"Accounts that nobody touches; else {BYSTANDERS:,}, or {PLAIN_BYSTANDERS} with plain Python.",
)
@click.option(
    "--blocks", type=click.IntRange(4, 10_000), metavar="N", default=20, show_default=True, help="How many to build."
)
@click.option("--real-blocks", is_flag=True, help=f"Verify the real blocks, too, that {VECTORS} names.")
@engine_option
@force_option
@json_option
def demo(
    out: Path | None,
    transactions: int | None,
    accounts: int | None,
    blocks: int,
    real_blocks: bool,
    engine: EngineChoice,
    force: bool,
    as_json: bool,
) -> None:
    """See a builder and a stateless client at work, in less than a minute.

    A builder keeps a state of some ten thousand accounts in a database. Users pay each other, send a token, swap it and
    create contracts: 3,000 signed transactions in 20 blocks, each with its execution witness, written to files. Another
    process verifies them that holds nothing but the header before the first block: it executes every transaction on
    what the witnesses prove. A copy of a block in which one value is changed is rejected, with the reason.

    At the end a table: gas, bytes of witnesses and proofs, bytes of Merkle-Patricia proofs of the same accesses, and
    times; and the same as a drawing. Everything follows from a fixed seed. Plain Python takes fewer transactions,
    unless --transactions says how many.

    With --real-blocks, the 665 real blocks of the Kaustinen 6 devnet among the vectors that the environment variable
    VERKLE_VECTORS names are verified as well (half a minute, or some minutes without compiled engines). Exactly block 1
    must be rejected: its real witness leaves out four leaves of the history account.

    What --out holds afterwards: chain/ (a database for the other commands' --datadir), parent.rlp, blocks/, the
    tampered block, witnesses.svg. Exit code 0 only if everything went as it must.
    """
    vectors = os.environ.get(VECTORS)
    if real_blocks and not vectors:
        raise click.UsageError(f"--real-blocks needs the environment variable {VECTORS}")
    from cli import demo_chain  # noqa: PLC0415  (loads the machine, LMDB and eth-account)
    from cli.scenario import Scenario  # noqa: PLC0415

    story = Story(as_json, engine.name)
    directory = Path(tempfile.mkdtemp(prefix="verkle-demo-")) if out is None else out
    for name in (PLOT, TAMPERED):
        files.refuse_overwrite(directory / name, force)
    demo_chain.clear(directory, force=force)
    computing = engine.make(quiet=as_json)
    plain = computing.name == ReferenceEngine.name
    wanted = transactions or (PLAIN_TRANSACTIONS if plain else TRANSACTIONS)
    idle = (PLAIN_BYSTANDERS if plain else BYSTANDERS) if accounts is None else accounts
    made = _build(story, directory, Scenario(wanted, idle, blocks), computing)
    verdicts = _verify_ours(story, directory, made)
    _verify_tampered(story, directory, made)
    _sum_up(story, directory, made, verdicts)
    if real_blocks and vectors:
        _verify_real(story, Path(vectors))
    name = click.format_filename(directory)
    story.step(f"\nEverything went as it must. What was made is in {name}", step="end", directory=name)


def _build(story: Story, directory: Path, scenario: Any, engine: Engine[Any]) -> "list[Made]":
    """The builder's part."""
    from cli import demo_chain  # noqa: PLC0415  (see demo)

    def begun(first: "Begun") -> None:
        root, accounts = output.hexed(first.state_root), output.count(first.accounts, "account")
        story.step(
            f"  genesis of {accounts}, state root {root}, {output.seconds(first.seconds)}",
            step="genesis",
            accounts=first.accounts,
            root=root,
            seconds=output.rounded(first.seconds),
        )

    story.tell("1. A builder keeps the whole state, executes transactions, and makes blocks with execution witnesses.")
    made = []
    with output.watching("building", scenario.blocks, quiet=story.as_json) as watcher:
        for block in demo_chain.build(directory, scenario, engine, begun):
            made.append(block)
            watcher.advance_to(len(made), f"block {block.weight.number}")
            if story.as_json:
                facts = {"step": "block", **block.weight.as_json(), "seconds": output.rounded(block.seconds)}
                output.json_line(facts)
    counts = scenario.counts
    total = Weight.total([block.weight for block in made])
    story.tell(
        f"  {len(made)} blocks of {total.transactions:,} transactions, {total.gas_used:,} gas: "
        f"{counts['pay']:,} payments, {counts['token']:,} of tokens, {counts['approve']:,} approvals, "
        f"{counts['swap']:,} swaps, {counts['create']:,} creations"
    )
    return made


def _verify_ours(story: Story, directory: Path, made: "list[Made]") -> list[dict[str, Any]]:
    from cli import demo_chain  # noqa: PLC0415  (see demo)

    parent = directory / demo_chain.PARENT
    size = files.size_of(parent)
    story.tell(f"\n2. Another process verifies them. It holds the header before the first block: {size} bytes.")
    shown = ["block", "verify", click.format_filename(directory / demo_chain.BLOCKS / "*.ssz")]
    story.command([*shown, "--parent", click.format_filename(parent)])
    paths = [str(block.path) for block in made]
    verdicts, totals = _verify(story, [*paths, "--parent", str(parent)])
    _tell_verdicts(story, "verify", [] if not story.as_json else verdicts, totals)
    if [verdict["verdict"] for verdict in verdicts] != ["valid"] * len(made):
        raise Failed("a block of our own was not found valid")
    return verdicts


def _verify_tampered(story: Story, directory: Path, made: "list[Made]") -> None:
    from cli import block_files  # noqa: PLC0415  (see demo)
    from cli.demo_chain import PROFILE  # noqa: PLC0415

    before, victim = made[-2], made[-1]
    story.tell(f"\n3. A copy of block {victim.weight.number} is tampered with, by one bit of one value, twice:")
    for after, reason, moral in (
        (False, Reason.PROOF_INVALID, "a false value before the block: its proof does not hold"),
        (True, Reason.WRITE_MISMATCH, "a false value after it: that is not what execution writes"),
    ):
        story.tell(f"  {moral}")
        request = replace(victim.request, execution_payload=_tampered(victim.request.execution_payload, after=after))
        path = directory / TAMPERED
        files.write(path, block_files.encode(request, PROFILE, as_ssz=True), force=True)
        arguments = [str(path), "--parent", str(before.path)]
        story.command(["block", "verify", *arguments])
        verdicts, totals = _verify(story, arguments)
        _tell_verdicts(story, "tampered", verdicts, totals if story.as_json else None)
        if [verdict["reason"] for verdict in verdicts] != [reason]:
            raise Failed("a tampered block was not rejected for what is wrong with it")


def _sum_up(story: Story, directory: Path, made: "list[Made]", verdicts: list[dict[str, Any]]) -> None:
    """The table and the drawing."""
    weights = [block.weight for block in made]
    verified = [sum(spent for spent in verdict["seconds"].values() if spent is not None) for verdict in verdicts]
    built = [block.seconds for block in made]
    total = Weight.total(weights)
    path = directory / PLOT
    about = f"{len(weights)} blocks, {total.gas_used:,} gas; Merkle-Patricia is {total.ratio:.2f} times as large"
    title = "Execution witnesses, and Merkle-Patricia proofs of the same accesses"
    files.write(path, chart(title, about, weights).encode(), force=True)

    def row(name: str, weight: Weight, build: float, verify: float) -> list[str]:
        speed = f"{weight.gas_used / verify / MEGA:.1f}" if verify else "-"
        times = [output.seconds(build), output.seconds(verify), speed]
        return [name, f"{weight.transactions:,}", f"{weight.gas_used:,}", *weight.cells(), *times]

    story.tell("\n4. What it came to, in bytes: the Verkle witness, and Merkle-Patricia proofs of the same accesses.\n")
    rows = [row(str(one.number), one, *spent) for one, *spent in zip(weights, built, verified, strict=True)]
    rows.append(row("all", total, sum(built), sum(verified)))
    for line in table(("block", "txs", "gas", *HEADINGS, "build", "verify", "Mgas/s"), rows):
        story.tell(f"  {line}")
    story.step(
        f"\n  drawn in {click.format_filename(path)}",
        step="total",
        **{name: value for name, value in total.as_json().items() if name != "number"},
        blocks=len(weights),
        build_seconds=output.rounded(sum(built)),
        verify_seconds=output.rounded(sum(verified)),
        mgas_per_second=round(total.gas_used / sum(verified) / MEGA, 2),
        plot=click.format_filename(path),
    )


def _verify_real(story: Story, vectors: Path) -> None:
    blocks, genesis = vectors / REAL_BLOCKS, vectors / REAL_GENESIS
    for path in (blocks, genesis):
        if not path.exists():
            raise DecodeError(f"no such file, though {VECTORS} is set", click.format_filename(path))
    story.tell("\n5. The real blocks of the Kaustinen 6 devnet, each from its witness and its parent's header.")
    story.tell(
        "  Block 1 must be rejected: it creates the history account, and its real witness leaves out four leaves"
    )
    story.tell("  of that account, which it writes. Every other block must be valid.")
    workers = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    arguments = [str(blocks), "--genesis", str(genesis), "--profile", REAL_PROFILE, "--jobs", workers]
    story.command(["block", "verify", *arguments])
    verdicts, totals = _verify(story, arguments)
    rejected = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
    _tell_verdicts(story, "real", rejected, totals)
    if {verdict["number"]: verdict["reason"] for verdict in rejected} != REAL_REJECTED or len(verdicts) < 2:
        raise Failed("other real blocks than block 1 were rejected, or block 1 was not")


def _tampered(payload: ExecutionPayload, *, after: bool) -> ExecutionPayload:
    """The same block, with the last bit changed of the first value that its witness states before or `after` it."""
    witness = payload.execution_witness
    assert witness is not None, "the builder gives every block a witness"
    for index, diff in enumerate(witness.state_diff):
        for position, entry in enumerate(diff.suffix_diffs):
            value = entry.new_value if after else entry.current_value
            if value is not None:
                false = Value(value[:-1] + bytes((value[-1] ^ 1,)))
                changed = replace(entry, new_value=false) if after else replace(entry, current_value=false)
                entries = (*diff.suffix_diffs[:position], changed, *diff.suffix_diffs[position + 1 :])
                diffs = (
                    *witness.state_diff[:index],
                    replace(diff, suffix_diffs=entries),
                    *witness.state_diff[index + 1 :],
                )
                return replace(payload, execution_witness=replace(witness, state_diff=diffs))
    raise ValueError("the witness states no such value")


def _verify(story: Story, arguments: list[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run `verkle block verify` in a process of its own: its verdicts and totals."""
    verdicts: list[dict[str, Any]] = []
    totals: dict[str, Any] | None = None
    with _child(["block", "verify", *arguments, "--json", "--engine", story.engine]) as child:
        assert child.stdout is not None, "it was asked for"
        for line in child.stdout:
            document: dict[str, Any] = json.loads(line)
            if "totals" in document:
                totals = document["totals"]
            else:
                verdicts.append(document)
        code = child.wait()
    if totals is None or code not in (0, 1):
        raise Failed(f"the verifying process ended with exit code {code}")
    return verdicts, totals


@contextlib.contextmanager
def _child(arguments: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A verkle process that writes to us and to our standard error; it ends when we leave, and we answer Ctrl-C."""
    child = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def _tell_verdicts(story: Story, step: str, verdicts: list[dict[str, Any]], totals: dict[str, Any] | None) -> None:
    for verdict in verdicts:
        spent = output.seconds(sum(value for value in verdict["seconds"].values() if value is not None))
        outcome = f"valid, in {spent}" if verdict["verdict"] == "valid" else f"REJECTED  {verdict['detail']}"
        story.step(f"  block {verdict['number']}: {outcome}", step=step, **verdict)
    if totals is not None:
        story.step(
            f"  {totals['valid']:,} valid, {totals['rejected']:,} rejected, {totals['gas_used']:,} gas executed; "
            f"{totals['blocks_per_second']:.1f} blocks/s, {totals['mgas_per_second']:.1f} Mgas/s",
            step=step,
            totals=totals,
        )
