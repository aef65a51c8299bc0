"""`verkle demo`: a stateless client at work, from a genesis of our own to a tampered block, and on real blocks."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from cli import files, output
from cli.engines import EngineChoice, engine_option
from cli.failure import Failed
from cli.parameters import PATH, force_option, json_option
from cli.sizes import Sizes
from spec.codec import json_document, payload_json
from spec.containers import ExecutionPayload
from spec.errors import DecodeError, Reason
from spec.types import Value
from verkle.engine import Engine

VECTORS: Final = "VERKLE_VECTORS"
"""Environment variable that names the directory of published vectors."""
REAL_BLOCKS: Final = "kaustinen6/blocks-0000-0665.jsonl.gz"
REAL_GENESIS: Final = "kaustinen6/genesis.json"
REAL_PROFILE: Final = "kaustinen6"
REAL_REJECTED: Final = {1: Reason.STATE_ROOT_MISMATCH}
"""Block 1 of devnet 6 creates the history account, but its witness leaves out four leaves of that account's header."""

FILES: Final = ("genesis.json", "blocks.jsonl", "block1.ssz", "tampered.jsonl")
"""What is made."""


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

    def command(self, arguments: list[str]) -> None:
        """The command that comes now, as a user would type it."""
        self.tell(f"  $ verkle {' '.join(arguments)}")


@click.command()
@click.option("--out", type=PATH, help="Directory for what is made; a temporary one is kept and named without it.")
@click.option("--quick", is_flag=True, help=f"Leave out the real blocks, even where {VECTORS} is set.")
@engine_option
@force_option
@json_option
def demo(out: Path | None, quick: bool, engine: EngineChoice, force: bool, as_json: bool) -> None:
    """See a stateless client at work.

    A builder keeps a state of a few dozen accounts, and makes blocks with execution witnesses. Another process, which
    is given nothing but 32 bytes, the state root of the genesis, verifies them. A copy in which one value is changed
    is rejected, with the reason.

    Where the environment variable VERKLE_VECTORS names the published vectors, the 665 real blocks of the Kaustinen 6
    devnet in them are verified as well, each from its witness and its parent's root (some minutes; --quick leaves
    them out). Exactly block 1 must be rejected: its real witness leaves out four leaves of the history account.

    Exit code 0 only if everything went as it must.
    """
    story = Story(as_json, engine.name)
    directory = Path(tempfile.mkdtemp(prefix="verkle-demo-")) if out is None else out
    for name in FILES:
        files.refuse_overwrite(directory / name, force)
    directory.mkdir(parents=True, exist_ok=True)
    root, blocks = _build(story, directory, engine.make(quiet=as_json), force)
    _verify_ours(story, directory, root, blocks)
    _verify_tampered(story, directory, root, blocks, force)
    vectors = os.environ.get(VECTORS)
    if quick or not vectors:
        story.tell(f"\n4. Real blocks: left out ({'--quick' if quick else f'{VECTORS} is not set'}).")
    else:
        _verify_real(story, Path(vectors))
    story.step(
        f"\nEverything went as it must. What was made is in {click.format_filename(directory)}",
        step="end",
        directory=click.format_filename(directory),
    )


def _build(story: Story, directory: Path, engine: Engine[Any], force: bool) -> tuple[str, list[ExecutionPayload]]:
    """The builder's part: genesis and blocks, written to the directory; the root of the genesis."""
    from cli import sample  # noqa: PLC0415  (loads rlp)
    from spec.codec import ssz  # noqa: PLC0415  (loads remerkleable)

    document = sample.genesis_document()
    story.tell("1. A builder keeps the whole state, and makes blocks with execution witnesses.")
    chain = sample.Chain.begin(document, engine)
    root = output.hexed(chain.root) or ""
    accounts = output.count(len(chain.accounts), "account")
    story.step(f"  genesis of {accounts}, state root {root}", step="genesis", accounts=len(chain.accounts), root=root)
    story.tell("  block  stems  keys  witness bytes  proof bytes  made in  what it does")
    blocks = []
    for step in sample.steps(chain.accounts):
        began = time.perf_counter()
        payload = chain.add(step)
        spent = time.perf_counter() - began
        blocks.append(payload)
        assert payload.execution_witness is not None, "the builder gives every block a witness"
        size = Sizes.of(payload.execution_witness)
        story.step(
            f"  {payload.block_number:>5}  {size.stems:>5}  {size.keys:>4}  {size.witness_bytes:>13,}"
            f"  {size.proof_bytes:>11,}  {output.seconds(spent):>7}  {step.story}",
            step="block",
            number=payload.block_number,
            stems=size.stems,
            keys=size.keys,
            witness_bytes=size.witness_bytes,
            proof_bytes=size.proof_bytes,
            seconds=output.rounded(spent),
        )
    files.write(directory / "genesis.json", json_document.write(document).encode() + b"\n", force=force)
    files.write(directory / "blocks.jsonl", _lines(blocks), force=force)
    files.write(directory / "block1.ssz", ssz.encode_payload(blocks[0], sample.PROFILE), force=force)
    return root, blocks


def _verify_ours(story: Story, directory: Path, root: str, blocks: list[ExecutionPayload]) -> None:
    story.tell("\n2. Another process verifies them. It holds 32 bytes: the state root of the genesis.")
    for path in (directory / "blocks.jsonl", directory / "block1.ssz"):
        verdicts, totals = _verify(story, [str(path), "--parent-root", root])
        _tell_verdicts(story, "verify", verdicts, totals)
        expected = 1 if path.suffix == ".ssz" else len(blocks)
        if [verdict["verdict"] for verdict in verdicts] != ["valid"] * expected:
            raise Failed("a block of our own was not found valid")


def _verify_tampered(story: Story, directory: Path, root: str, blocks: list[ExecutionPayload], force: bool) -> None:
    story.tell("\n3. A copy is tampered with: one value before block 2, and one value after block 3.")
    tampered = [blocks[0], _tamper(blocks[1], after=False), _tamper(blocks[2], after=True), *blocks[3:]]
    path = directory / "tampered.jsonl"
    files.write(path, _lines(tampered), force=force)
    verdicts, totals = _verify(story, [str(path), "--parent-root", root])
    _tell_verdicts(story, "tampered", verdicts, totals)
    found = {verdict["number"]: verdict["reason"] for verdict in verdicts if verdict["verdict"] == "rejected"}
    if found != {2: Reason.PROOF_INVALID, 3: Reason.STATE_ROOT_MISMATCH}:
        raise Failed("the tampered blocks were not rejected for what is wrong with them")
    story.tell("  A false value before the block breaks its proof; a false value after it misses the header's root.")


def _verify_real(story: Story, vectors: Path) -> None:
    blocks, genesis = vectors / REAL_BLOCKS, vectors / REAL_GENESIS
    for path in (blocks, genesis):
        if not path.exists():
            raise DecodeError(f"no such file, though {VECTORS} is set", click.format_filename(path))
    story.tell("\n4. The real blocks of the Kaustinen 6 devnet, each from its witness and its parent's root.")
    story.tell(
        "  Block 1 must be rejected: it creates the history account, and its real witness leaves out four leaves"
    )
    story.tell("  of that account, so that the header's root cannot be reached. Every other block must be valid.")
    workers = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    arguments = [str(blocks), "--genesis", str(genesis), "--profile", REAL_PROFILE, "--jobs", workers]
    verdicts, totals = _verify(story, arguments)
    rejected = [verdict for verdict in verdicts if verdict["verdict"] == "rejected"]
    _tell_verdicts(story, "real", rejected, totals)
    if {verdict["number"]: verdict["reason"] for verdict in rejected} != REAL_REJECTED or len(verdicts) < 2:
        raise Failed("other real blocks than block 1 were rejected, or block 1 was not")


def _lines(blocks: list[ExecutionPayload]) -> bytes:
    return b"".join(json_document.write(payload_json.encode_payload(one)).encode() + b"\n" for one in blocks)


def _tamper(payload: ExecutionPayload, *, after: bool) -> ExecutionPayload:
    """The same block, with the last byte changed of the first value that its witness states before or `after` it."""
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
    story.command(["block", "verify", *arguments])
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


def _tell_verdicts(story: Story, step: str, verdicts: list[dict[str, Any]], totals: dict[str, Any]) -> None:
    for verdict in verdicts:
        spent = output.seconds(sum(value for value in verdict["seconds"].values() if value is not None))
        outcome = f"valid, in {spent}" if verdict["verdict"] == "valid" else f"REJECTED  {verdict['detail']}"
        story.step(f"  block {verdict['number']}: {outcome}", step=step, **verdict)
    story.step(
        f"  {totals['valid']:,} valid, {totals['rejected']:,} rejected, {totals['blocks_per_second']:.1f} blocks/s",
        step=step,
        totals=totals,
    )
