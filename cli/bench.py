"""`verkle bench`: how long things take on this machine, each case measured several times."""

import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import click

from cli import chain, files, output
from cli.chain import Job, Parent, Selection
from cli.demo import REAL_BLOCKS, REAL_GENESIS, REAL_PROFILE, REAL_REJECTED, VECTORS
from cli.failure import Failed
from cli.parameters import json_option
from spec.params import PROFILES
from spec.types import StateRoot, TreeKey, Value
from verkle import multiproof
from verkle.curve import Point
from verkle.engine import ReferenceEngine
from verkle.field import FR
from verkle.multiproof import MultiProof, Opening
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from verkle.tree import Tree

SEED: Final = 4762
SAMPLED_BLOCKS: Final = 40
POLYNOMIALS: Final = 20
OPENINGS_EACH: Final = 5
"""Together the hundred openings of the multiproof cases."""

Measurement = tuple[str, Iterator[float]]
"""What is measured on, and the seconds of each run; the first one warms up and is not counted."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure."""

    name: str
    about: str
    prepare: Callable[[], Measurement]
    target: float | None = None
    """Seconds that the median should not exceed."""


def _timed(run: Callable[[], object], times: int) -> Iterator[float]:
    """One run to warm up, then `times` counted ones."""
    for _ in range(1 + times):
        began = time.perf_counter()
        run()
        yield time.perf_counter() - began


def _vectors() -> Path | None:
    """The directory of published vectors, where the environment names one."""
    directory = os.environ.get(VECTORS)
    return Path(directory) if directory else None


def _block_verify() -> Measurement:
    """Proof and post root of blocks; the first block twice, for the warm-up."""
    vectors = _vectors()
    jobs = _sampled_jobs(vectors / REAL_BLOCKS) if vectors is not None else _own_jobs()
    engine = chain.warm_engine()

    def runs() -> Iterator[float]:
        for job in (jobs[0], *jobs):
            verdict = chain.verify(engine, job)
            if not verdict.valid:
                raise Failed(f"{verdict.place}: block {verdict.number} is rejected: {verdict.detail}")
            yield verdict.seconds["proof"] + verdict.seconds["post_root"]

    kind = "synthetic blocks of our own" if vectors is None else "real blocks of Kaustinen 6"
    return f"{len(jobs)} {kind}, numbers {jobs[0].payload.block_number} to {jobs[-1].payload.block_number}", runs()


def _sampled_jobs(path: Path) -> list[Job]:
    """A block of each of as many stretches of the file, chosen by the seed."""
    unknown = Parent(StateRoot(bytes(32)))
    selection = Selection(PROFILES[REAL_PROFILE], unknown, None, None, lambda _: None)
    usable = [job for job in selection.jobs(files.documents(path)) if job.payload.block_number not in REAL_REJECTED]
    stretch = len(usable) / SAMPLED_BLOCKS
    generator = random.Random(SEED)
    starts = [round(index * stretch) for index in range(SAMPLED_BLOCKS + 1)]
    return [usable[generator.randrange(low, high)] for low, high in pairwise(starts) if low < high]


def _own_jobs() -> list[Job]:
    from cli import sample  # noqa: PLC0415  (loads rlp)

    builder = sample.Chain.begin(sample.genesis_document())
    jobs = []
    for step in sample.steps(builder.accounts):
        parent = Parent(builder.root)
        payload = builder.add(step)
        jobs.append(Job("synthetic", payload, parent, sample.PROFILE, 0.0, 0))
    return jobs


def _genesis_root() -> Measurement:
    from builder.genesis import genesis_tree  # noqa: PLC0415
    from cli import sample  # noqa: PLC0415
    from spec.codec import genesis_json  # noqa: PLC0415

    vectors = _vectors()
    if vectors is None:
        profile, about = sample.PROFILE, "a synthetic genesis of our own, 280 accounts"
        genesis = genesis_json.decode_genesis(sample.genesis_document(280), profile)
    else:
        profile, about = PROFILES[REAL_PROFILE], "the genesis of Kaustinen 6"
        genesis = files.read_genesis(vectors / REAL_GENESIS, profile)

    def run() -> StateRoot:
        return genesis_tree(genesis, profile, ReferenceEngine()).state_root()

    return f"{about}, a new engine each time", _timed(run, 3)


def _help() -> Measurement:
    def run() -> None:
        subprocess.run([sys.executable, "-m", "cli.main", "--help"], stdout=subprocess.DEVNULL, check=True)

    return "wall time of a process", _timed(run, 7)


def _commit() -> Measurement:
    engine = chain.warm_engine()
    row = [(index, _scalar(f"commit {index}")) for index in range(256)]
    return "one vector of 256 scalars", _timed(lambda: engine.commit([row]), 10)


def _openings(engine: ReferenceEngine) -> tuple[list[Opening[Point]], list[dict[int, int]]]:
    polynomials = [{z: _scalar(f"value {i} {z}") for z in range(256)} for i in range(POLYNOMIALS)]
    commitments = engine.commit([list(polynomial.items()) for polynomial in polynomials])
    openings: list[Opening[Point]] = []
    opened: list[dict[int, int]] = []
    for i, (polynomial, commitment) in enumerate(zip(polynomials, commitments, strict=True)):
        for z in random.Random(f"{SEED} points {i}").sample(range(256), OPENINGS_EACH):
            openings.append(Opening(commitment, z, polynomial[z]))
            opened.append(polynomial)
    return openings, opened


def _multiproof_prove() -> Measurement:
    engine = chain.warm_engine()
    openings, opened = _openings(engine)
    about = f"{len(openings)} openings of {POLYNOMIALS} dense polynomials"
    return about, _timed(lambda: _prove(engine, openings, opened), 5)


def _multiproof_verify() -> Measurement:
    engine = chain.warm_engine()
    openings, opened = _openings(engine)
    proof = _prove(engine, openings, opened)
    about = f"{len(openings)} openings of {POLYNOMIALS} commitments"
    return about, _timed(lambda: multiproof.verify(engine, Transcript(TREE_PROOF_LABEL), openings, proof), 10)


def _prove(engine: ReferenceEngine, openings: Sequence[Opening[Point]], opened: Sequence[dict[int, int]]) -> MultiProof:
    return multiproof.prove(engine, Transcript(TREE_PROOF_LABEL), openings, opened)


def _tree_build() -> Measurement:
    engine = chain.warm_engine()
    generator = random.Random(SEED)
    values = {TreeKey(generator.randbytes(32)): Value(generator.randbytes(32)) for _ in range(1000)}
    return "1,000 values, each in a stem of its own", _timed(lambda: Tree.empty(engine).update(values).state_root(), 3)


def _scalar(name: str) -> int:
    return FR.from_bytes_mod_order(random.Random(f"{SEED} {name}").randbytes(32), "little")


CASES: Final = {
    case.name: case
    for case in (
        Case("block-verify", "proof and post root of one block", _block_verify, target=0.3),
        Case("genesis-root", "from parsed accounts to the root", _genesis_root, target=3.0),
        Case("help", "verkle --help", _help, target=0.25),
        Case("commit-256", "one commitment", _commit),
        Case("multiproof-prove-100", "one proof of a hundred openings", _multiproof_prove),
        Case("multiproof-verify-100", "verify it", _multiproof_verify),
        Case("tree-build-1000", "a tree from nothing", _tree_build),
    )
}


@click.command()
@click.argument("names", metavar="[CASE]...", nargs=-1, type=click.Choice(list(CASES)))
@json_option
def bench(names: tuple[str, ...], as_json: bool) -> None:
    """Measure this machine: median and spread of each CASE (all of them by default), with targets where there are any.

    \b
    block-verify            proof and post root of one block
    genesis-root            from parsed accounts to the root
    help                    wall time of `verkle --help`
    commit-256              one commitment to 256 scalars
    multiproof-prove-100    one proof of a hundred openings
    multiproof-verify-100   verify it
    tree-build-1000         a tree of 1,000 stems from nothing

    The first run of each case warms up and is not counted. Real blocks of the Kaustinen 6 devnet are measured where the
    environment variable VERKLE_VECTORS names the published vectors, and synthetic ones of our own otherwise.

    --json prints one object for the machine and one a case, in seconds.
    """
    about = machine()
    if as_json:
        output.json_line({"machine": about})
    else:
        for line in output.columns([(name, str(value)) for name, value in about.items()]):
            click.echo(line)
        click.echo(f"\n{'case':<22} {'median':>9} {'min':>9} {'max':>9} {'runs':>5}  target")
    for name in names or CASES:
        _measure(CASES[name], as_json)


def _measure(case: Case, as_json: bool) -> None:
    with output.watching(f"{case.name}: preparing", None) as watcher:
        about, runs = case.prepare()
        next(runs)
        spent = []
        for value in runs:
            spent.append(value)
            watcher.advance_to(len(spent), f"{case.name}: run {len(spent)}")
    middle = median(spent)
    met = None if case.target is None else middle <= case.target
    if as_json:
        output.json_line(
            {
                "case": case.name,
                "about": f"{case.about}: {about}",
                "median": output.rounded(middle),
                "min": output.rounded(min(spent)),
                "max": output.rounded(max(spent)),
                "runs": len(spent),
                "target": case.target,
                "met": met,
            }
        )
        return
    verdict = "" if case.target is None else f"<= {output.seconds(case.target)} {'met' if met else 'MISSED'}"
    figures = " ".join(f"{output.seconds(value):>9}" for value in (middle, min(spent), max(spent)))
    click.echo(f"{case.name:<22} {figures} {len(spent):>5}  {verdict}".rstrip())
    click.echo(f"  {case.about}: {about}")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model() or platform.processor() or "unknown",
        "cores": affinity or os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _cpu_model() -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return None
