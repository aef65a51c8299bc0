"""`verkle bench`: how long things take on this machine, each case measured several times, peers beside us if wanted.

`cli.cases` says what is measured. A peer is a program of tests/bench/peers around another implementation; it and we
take turns, and so share whatever else the machine is doing. A turn is one run of what takes long, and of quick cases as
many as take a twentieth of a second, in whose median the caches that the other one left cold do not show.

Over 400 lines: cases, turns with peers and both ways of printing are one story, read from top to bottom.
"""

import contextlib
import importlib
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import count, pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import click

from cli import cases, chain, files, output
from cli.cases import Inputs, Work
from cli.chain import Job, Parent, Selection
from cli.demo import REAL_BLOCKS, REAL_GENESIS, REAL_PROFILE, REAL_REJECTED, VECTORS
from cli.engines import EngineChoice, bounded_engine_option
from cli.failure import Failed
from cli.parameters import json_option
from spec.params import PROFILES
from spec.types import StateRoot
from verkle.engine import ReferenceEngine

SEED: Final = cases.SEED
SAMPLED_BLOCKS: Final = 40
LEAST_TURNS: Final = 3
MOST_TURNS: Final = 15
SECONDS: Final = 3.0
"""Turns of a case go on until all have taken so long together."""
TURN_SECONDS: Final = 0.05
MOST_RUNS: Final = 200
"""Of one turn."""

OURS: Final = "ours"
JUDGE: Final = "go"
"""The peer that ratios are wanted against."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure."""

    name: str
    about: str
    prepare: Callable[[Inputs], Work]
    target: float | None = None
    """Seconds that the median should not exceed."""
    ratio: float | None = None
    """How many times faster than go-ipa and go-verkle we want to be."""
    asked: dict[str, Any] = field(default_factory=dict)
    """The same as a peer's scenario; empty where peers have none."""
    heavy: bool = False
    """Too much for the reference engine, unless asked for by name."""


def _vectors() -> Path | None:
    """The directory of published vectors, where the environment names one."""
    directory = os.environ.get(VECTORS)
    return Path(directory) if directory else None


def _block_verify(inputs: Inputs) -> Work:
    """Proof and post root of blocks, one after the other."""
    vectors = _vectors()
    jobs = _sampled_jobs(vectors / REAL_BLOCKS) if vectors is not None else _own_jobs()
    turn = count()

    def run() -> None:
        verdict = chain.verify(inputs.engine, jobs[next(turn) % len(jobs)])
        if not verdict.valid:
            raise Failed(f"{verdict.place}: block {verdict.number} is rejected: {verdict.detail}")

    kind = "synthetic blocks of our own" if vectors is None else "real blocks of Kaustinen 6"
    numbers = f"numbers {jobs[0].payload.block_number} to {jobs[-1].payload.block_number}"
    return Work(run, f"{len(jobs)} {kind}, {numbers}")


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

    builder = sample.Chain.begin(sample.genesis_document(), ReferenceEngine())
    jobs = []
    for step in sample.steps(builder.accounts):
        parent = Parent(builder.root)
        payload = builder.add(step)
        jobs.append(Job("synthetic", payload, parent, sample.PROFILE, 0.0, 0))
    return jobs


def _genesis_root(inputs: Inputs) -> Work:
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
    return Work(lambda: genesis_tree(genesis, profile, inputs.engine).state_root(), about)


def _help(_: Inputs) -> Work:
    def run() -> None:
        subprocess.run([sys.executable, "-m", "cli.main", "--help"], stdout=subprocess.DEVNULL, check=True)

    return Work(run, "wall time of a process")


def _with(prepare: Callable[[Inputs, int], Work], number: int) -> Callable[[Inputs], Work]:
    return partial(prepare, count=number)  # type: ignore[call-arg]


def _asked(case: str, size: int, number: int = 0) -> dict[str, Any]:
    """A peer's scenario (tests/bench/peers/README.md)."""
    return {"case": case, "seed": SEED, "size": size, "count": number}


PROOF_SIZES: Final = ((1, 8, 6), (100, 8, 6), (1000, 8, 5), (8000, 8, 5))
"""Openings, and the ratios wanted of prover and verifier."""

CASES: Final = {
    case.name: case
    for case in (
        Case("block-verify", "proof and post root of one block", _block_verify, target=0.3),
        Case("genesis-root", "from parsed accounts to the root", _genesis_root, target=3.0),
        Case("help", "verkle --help", _help, target=0.25),
        Case("commit-256", "one commitment", cases.commit, ratio=8, asked=_asked("commit", 256)),
        Case("update-1000", "one-scalar updates", _with(cases.update, 1000), ratio=4, asked=_asked("update", 1000)),
        Case("map-1000", "maps to Fr", _with(cases.map_to_field, 1000), ratio=15, asked=_asked("map-to-field", 1000)),
        Case("decode-1000", "decoded points", _with(cases.decode, 1000), ratio=4, asked=_asked("decode", 1000)),
        Case("ipa-prove", "one argument", cases.ipa_prove, ratio=8, asked=_asked("ipa-prove", 0)),
        Case("ipa-verify", "one argument", cases.ipa_verify, ratio=6, asked=_asked("ipa-verify", 0)),
        *(
            Case(
                f"multiproof-prove-{n}",
                "one proof",
                _with(cases.multiproof_prove, n),
                ratio=wanted,
                asked=_asked("multiproof-prove", n),
                heavy=n > 1000,
            )
            for n, wanted, _ in PROOF_SIZES
        ),
        *(
            Case(
                f"multiproof-verify-{n}",
                "one proof",
                _with(cases.multiproof_verify, n),
                ratio=wanted,
                asked=_asked("multiproof-verify", n),
                heavy=n > 1000,
            )
            for n, _, wanted in PROOF_SIZES
        ),
        Case("tree-build-1000", "a tree from nothing", _with(cases.tree_build, 1000), asked=_asked("tree-build", 1000)),
        *(
            Case(
                f"tree-build-{n}",
                "a tree from nothing",
                _with(cases.tree_build, n),
                ratio=8,
                asked=_asked("tree-build", n),
                heavy=True,
            )
            for n in (10_000, cases.LARGE)
        ),
        Case(
            "tree-update-1000",
            "writes and root",
            _with(cases.tree_update, 1000),
            ratio=6,
            asked=_asked("tree-update", cases.LARGE, 1000),
            heavy=True,
        ),
        *(
            Case(
                f"tree-{verb}-{n}",
                "a witness",
                _with(prepare, n),
                ratio=wanted,
                asked=_asked(f"tree-{verb}", cases.LARGE, n),
                heavy=True,
            )
            for verb, prepare, wanted in (("prove", cases.tree_prove, 6), ("verify", cases.tree_verify, 5))
            for n in (1, 100, 1000)
        ),
    )
}


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in CASES:
            raise click.BadParameter(f"there is no case {name!r}")
    return names


@click.command()
@click.argument("names", metavar="[CASE]...", nargs=-1, callback=lambda _ctx, _param, names: _known(names))
@bounded_engine_option
@click.option("--peers", "with_peers", is_flag=True, help="Measure other implementations beside us (see make peers).")
@json_option
def bench(names: tuple[str, ...], engine: EngineChoice, with_peers: bool, as_json: bool) -> None:
    """Measure this machine: median and spread of each CASE (all by default), with targets where there are any.

    \b
    block-verify              proof and post root of one block
    genesis-root              from parsed accounts to the root
    help                      wall time of `verkle --help`
    commit-256                one commitment to 256 scalars
    update-1000               1,000 commitments, one scalar each added
    map-1000                  1,000 maps to the scalar field
    decode-1000               1,000 points from their encodings
    ipa-prove, ipa-verify     one opening
    multiproof-prove-N        one proof of N openings: 1, 100, 1000, 8000
    multiproof-verify-N       verify it
    tree-build-N              a tree of N leaves: 1000, 10000, 100000
    tree-update-1000          1,000 writes to a tree of 100,000 leaves
    tree-prove-N              prove N keys of that tree: 1, 100, 1000
    tree-verify-N             verify it

    The first run of each case warms up and is not counted; shown are the median, least and greatest of the medians of
    all turns (of one run, or of as many as take 50 ms). Real blocks of the Kaustinen 6 devnet are measured where the
    environment variable VERKLE_VECTORS names the published vectors, and synthetic ones of our own otherwise. The
    reference engine is spared the largest cases, unless they are named.

    --peers needs a checkout of the repository in which `make peers` has run. Peers and we take turns; a ratio is
    the peer's median over ours. All are held to one processor.

    --json prints one object for the machine and one a case, in seconds.
    """
    computing = engine.make(quiet=as_json)
    with contextlib.ExitStack() as stack:
        peers = stack.enter_context(_peers(as_json)) if with_peers else {}
        about = {**machine(), "engine": computing.name, "peers": {name: one.libraries for name, one in peers.items()}}
        if as_json:
            output.json_line({"machine": about})
        else:
            for line in output.columns([(name, str(value)) for name, value in about.items() if value]):
                click.echo(line)
            click.echo(f"\n{'case':<22} {'median':>9} {'min':>9} {'max':>9} {'turns':>5}  target")
        inputs = Inputs(computing)
        spared = [] if names or computing.name != ReferenceEngine.name else [c.name for c in CASES.values() if c.heavy]
        for name in names or CASES:
            if name not in spared:
                _measure(CASES[name], inputs, peers, as_json)
        if spared and not as_json:
            output.note(f"left out with the reference engine, unless named: {', '.join(spared)}")


@contextlib.contextmanager
def _peers(quiet: bool) -> Iterator[dict[str, Any]]:
    """The peers that are built, by name, each a running program; a line about each that is not."""
    try:
        client = importlib.import_module("tests.bench.peers.client")
    except ModuleNotFoundError:
        output.note("there are no peers here: --peers needs a checkout of the repository, and its directory as current")
        yield {}
        return
    with contextlib.ExitStack() as stack:
        running: dict[str, Any] = {}
        for name in client.PROGRAMS:
            reason = client.why_unavailable(name)
            if reason is None:
                running[name] = stack.enter_context(client.Peer(name))
            elif not quiet:
                output.note(reason)
        yield running


def _measure(case: Case, inputs: Inputs, peers: dict[str, Any], as_json: bool) -> None:
    with output.watching(f"{case.name}: preparing", None) as watcher:
        work = case.prepare(inputs)
        players = {OURS: _Player(partial(cases.timed, work)), **_askable(case, peers)}
        began = time.perf_counter()
        for turn in range(1, MOST_TURNS + 1):
            for player in players.values():
                player.turn()
            watcher.advance_to(turn, f"{case.name}: turn {turn}")
            if turn >= LEAST_TURNS and time.perf_counter() - began >= SECONDS:
                break
    turns = {name: player.medians for name, player in players.items()}
    report = Measured(case, f"{case.about}: {work.about}", turns.pop(OURS), turns)
    if as_json:
        output.json_line(report.as_json())
    else:
        for line in report.lines():
            click.echo(line)


@dataclass(slots=True)
class _Player:
    """Who takes turns."""

    run: Callable[[int], list[float]]
    """The seconds of so many runs."""
    medians: list[float] = field(default_factory=list)
    """Of each turn."""
    runs: int = 0
    """Runs of a turn; 0 before the first one, which warms up and tells how many there shall be."""

    def turn(self) -> None:
        if not self.runs:
            first = self.run(1)[0]
            self.runs = max(1, min(MOST_RUNS, int(TURN_SECONDS / first)))
        self.medians.append(median(self.run(self.runs)))


def _askable(case: Case, peers: dict[str, Any]) -> dict[str, _Player]:
    """The peers that know the case. Slow ones are spared the large cases."""
    if not case.asked or not peers:
        return {}
    scenario = importlib.import_module("tests.bench.peers.inputs").Scenario(**case.asked)

    def ask(peer: Any, runs: int) -> list[float]:
        return list(peer.ask(scenario, repeat=runs).seconds)

    able = {name: peer for name, peer in peers.items() if scenario.case in peer.cases}
    return {name: _Player(partial(ask, peer)) for name, peer in able.items() if name == JUDGE or scenario.size <= 100}


@dataclass(frozen=True, slots=True)
class Measured:
    """The medians of the turns of a case, ours and the peers'."""

    case: Case
    about: str
    ours: list[float]
    theirs: dict[str, list[float]]

    def ratio(self, peer: str) -> float:
        """How many times as long as ours the peer's median is."""
        return median(self.theirs[peer]) / median(self.ours)

    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none, or no peer to judge by."""
        if self.case.target is not None:
            return median(self.ours) <= self.case.target
        if self.case.ratio is None or JUDGE not in self.theirs:
            return None
        return self.ratio(JUDGE) >= self.case.ratio

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "case": self.case.name,
            "about": self.about,
            **_spread(self.ours),
            "target": self.case.target,
            "target_ratio": self.case.ratio,
            "met": self.met(),
            "peers": {
                name: {**_spread(runs), "ratio": round(self.ratio(name), 2)} for name, runs in self.theirs.items()
            },
        }

    def lines(self) -> list[str]:
        """For people: us, then each peer with the ratio."""
        wanted = ""
        if self.case.target is not None:
            wanted = f"<= {output.seconds(self.case.target)} {'met' if self.met() else 'MISSED'}"
        first = f"{self.case.name:<22} {_figures(self.ours)} {len(self.ours):>5}  {wanted}".rstrip()
        rest = []
        for name, runs in self.theirs.items():
            judged = ""
            if name == JUDGE and self.case.ratio is not None:
                judged = f", wanted {self.case.ratio:g}: {'met' if self.met() else 'MISSED'}"
            rest.append(f"  {name:<20} {_figures(runs)} {len(runs):>5}  {self.ratio(name):.1f} times as long{judged}")
        return [first, *rest, f"  {self.about}"]


def _figures(runs: list[float]) -> str:
    return " ".join(f"{output.seconds(value):>9}" for value in (median(runs), min(runs), max(runs)))


def _spread(runs: list[float]) -> dict[str, object]:
    rounded = [round(value, 9) for value in (median(runs), min(runs), max(runs))]
    return {"median": rounded[0], "min": rounded[1], "max": rounded[2], "turns": len(runs)}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model() or platform.processor() or "unknown",
        "cores": affinity or os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numba": _version("numba"),
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


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
