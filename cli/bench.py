"""`verkle bench`: how long things take on this machine, each case measured several times, peers beside us if wanted.

`cli.cases` says what is measured. A peer is a program of tests/bench/peers around another implementation; it and we
take turns, and so share whatever else the machine is doing. A turn is one run of what takes long, and of quick cases as
many as take a twentieth of a second, in whose median the caches that the other one left cold do not show.
"""

import contextlib
import importlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import click

from cli import cases, files, output
from cli.cases import Inputs, Work
from cli.chain import Job, Rules, Selection, Verifier
from cli.demo import REAL_BLOCKS, REAL_GENESIS, REAL_PROFILE, REAL_REJECTED, VECTORS
from cli.engines import EngineChoice, bounded_engine_option
from cli.failure import Failed
from cli.measured import Case, Measured, machine
from cli.parameters import json_option
from spec.params import PROFILES, VERKLE
from spec.types import StateRoot
from stateless.header import Parent
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


def _vectors() -> Path | None:
    """The directory of published vectors, where the environment names one."""
    directory = os.environ.get(VECTORS)
    return Path(directory) if directory else None


def _block_verify(inputs: Inputs) -> Work:
    """Proof and post root of blocks, one after the other."""
    vectors = _vectors()
    jobs = _sampled_jobs(vectors / REAL_BLOCKS) if vectors is not None else _own_jobs()
    turn = count()
    profile = VERKLE if vectors is None else PROFILES[REAL_PROFILE]
    verify = Verifier(inputs.engine, Rules(profile, full=False))

    def run() -> None:
        verdict = verify(jobs[next(turn) % len(jobs)])
        if not verdict.valid:
            raise Failed(f"{verdict.place}: block {verdict.number} is rejected: {verdict.detail}")

    kind = "synthetic blocks of our own" if vectors is None else "real blocks of Kaustinen 6"
    numbers = f"numbers {jobs[0].payload.block_number} to {jobs[-1].payload.block_number}"
    return Work(run, f"{len(jobs)} {kind}, {numbers}")


def _sampled_jobs(path: Path) -> list[Job]:
    """A block of each of as many stretches of the file, chosen by the seed."""
    unknown = Parent(StateRoot(bytes(32)))
    selection = Selection(Rules(PROFILES[REAL_PROFILE], full=False), unknown, None, None, lambda _: None)
    usable = [job for job in selection.jobs(files.documents(path)) if job.payload.block_number not in REAL_REJECTED]
    stretch = len(usable) / SAMPLED_BLOCKS
    generator = random.Random(SEED)
    starts = [round(index * stretch) for index in range(SAMPLED_BLOCKS + 1)]
    return [usable[generator.randrange(low, high)] for low, high in pairwise(starts) if low < high]


def _own_jobs() -> list[Job]:
    from cli import sample  # noqa: PLC0415  (loads rlp)

    builder = sample.Chain.begin(sample.genesis_document(), ReferenceEngine())
    jobs = []
    for step in sample.steps():
        parent = builder.parent
        jobs.append(Job("synthetic", builder.add(step), parent))
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


def _execute(_: Inputs, name: str, schedule: str) -> Work:
    from cli import execution_cases  # noqa: PLC0415  (loads the machine)

    return execution_cases.execute(name, schedule)


def _execute_blocks(inputs: Inputs) -> Work:
    from cli import execution_cases  # noqa: PLC0415  (loads the machine)

    vectors = _vectors()
    if vectors is None:
        return Work(lambda: None, f"nothing: {VECTORS} does not name the published vectors")
    return execution_cases.execute_blocks(inputs, vectors / REAL_BLOCKS, PROFILES[REAL_PROFILE], REAL_REJECTED)


EXECUTION_RATES: Final = {"arithmetic": 10.0, "storage": 30.0, "mix": 15.0, "keccak": None, "transfers": 15_000.0}
"""Mgas in a second, or transactions, that the machine should execute."""
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
            "tree-growth-1000000",
            "a tree from nothing",
            _with(cases.tree_growth, 1_000_000),
            heavy=True,
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
        *(
            Case(
                f"evm-{name}-{schedule}",
                f"the machine under the gas schedule of {schedule}",
                partial(_execute, name=name, schedule=schedule),
                ratio=5,
                judge="eels",
                rate=rate,
            )
            for name, rate in EXECUTION_RATES.items()
            for schedule in ("osaka", "verkle")
        ),
        Case("block-execute", "blocks in full: proof, execution, roots", _execute_blocks, rate=12, heavy=True),
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
    tree-growth-1000000       the same of 1,000,000, with its memory
    tree-update-1000          1,000 writes to a tree of 100,000 leaves
    tree-prove-N              prove N keys of that tree: 1, 100, 1000
    tree-verify-N             verify it
    evm-NAME-SCHEDULE         the machine: arithmetic, storage, mix, keccak, transfers; osaka, verkle
    block-execute             the 665 real blocks in full, where the vectors are at hand

    The first run of each case warms up and is not counted; shown are the median, least and greatest of the medians of
    all turns (of one run, or of as many as take 50 ms). Real blocks of the Kaustinen 6 devnet are measured where the
    environment variable VERKLE_VECTORS names the published vectors, and synthetic ones of our own otherwise. The
    reference engine is spared the largest cases, unless they are named.

    --peers needs a checkout of the repository in which `make peers` has run. Peers and we take turns; a ratio is
    the peer's median over ours. With one thread, all are held to one and the same processor.

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
                _measure(CASES[name], inputs, peers, held=engine.threads == 1, as_json=as_json)
        if spared and not as_json:
            output.note(f"left out with the reference engine, unless named: {', '.join(spared)}")


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """This thread, and the programs that it starts, on the processor that peers of one thread are held to."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


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


def _measure(case: Case, inputs: Inputs, peers: dict[str, Any], *, held: bool, as_json: bool) -> None:
    with output.watching(f"{case.name}: preparing", None) as watcher, contextlib.ExitStack() as stack:
        work = case.prepare(inputs)
        players = {OURS: _Player(partial(cases.timed, work)), **_askable(case.asked or work.asked, case.judge, peers)}
        if held and len(players) > 1:
            stack.enter_context(_one_processor())
        began = time.perf_counter()
        for turn in range(1, MOST_TURNS + 1):
            for player in players.values():
                player.turn()
            watcher.advance_to(turn, f"{case.name}: turn {turn}")
            if turn >= LEAST_TURNS and time.perf_counter() - began >= SECONDS:
                break
    turns = {name: player.medians for name, player in players.items()}
    report = Measured(case, f"{case.about}: {work.about}", turns.pop(OURS), turns, work.amount)
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


def _askable(asked: dict[str, Any], judge: str, peers: dict[str, Any]) -> dict[str, _Player]:
    """The peers that know the case. Slow ones are spared the large cases."""
    if not asked or not peers:
        return {}
    scenario = importlib.import_module("tests.bench.peers.inputs").Scenario(**asked)

    def ask(peer: Any, runs: int) -> list[float]:
        return list(peer.ask(scenario, repeat=runs).seconds)

    able = {name: peer for name, peer in peers.items() if scenario.case in peer.cases}
    return {name: _Player(partial(ask, peer)) for name, peer in able.items() if name == judge or scenario.size <= 100}
