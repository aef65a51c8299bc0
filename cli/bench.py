"""`verkle bench`: how long things take on this machine, each case measured several times, peers beside us if wanted.

`cli.bench_cases` has the cases. A peer is a program of tests/bench/peers around another implementation; it and we
take turns, and so share whatever else the machine is doing. A turn is one run of what takes long, and of quick cases as
many as take a twentieth of a second, in whose median the caches that the other one left cold do not show.
"""

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, Final

import click

from cli import cases, output
from cli.bench_cases import CASES
from cli.cases import Inputs, Work
from cli.engines import EngineChoice, bounded_engine_option
from cli.measured import ALONE, Case, Measured, machine
from cli.parameters import json_option
from verkle.engine import ReferenceEngine

LEAST_TURNS: Final = 3
MOST_TURNS: Final = 15
SECONDS: Final = 3.0
"""Turns of a case go on until all have taken so long together."""
TURN_SECONDS: Final = 0.05
MOST_RUNS: Final = 200
"""Of one turn."""

OURS: Final = "ours"


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
    """Measure this machine: median and spread of each CASE (all but the largest by default), with targets.

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
    multiproof-prove-16x1000, multiproof-verify-16x1000
                              16 proofs of 1,000 openings each, together
    tree-build-N              a tree of N leaves: 1000, 10000, 100000
    tree-growth-1000000       the same of 1,000,000, with its memory
    tree-update-1000          1,000 writes to a tree of 100,000 leaves
    tree-prove-N              prove N keys of that tree: 1, 100, 1000
    tree-verify-N             verify it
    evm-NAME-SCHEDULE         the machine: arithmetic, storage, mix, keccak, transfers; osaka, verkle
    block-execute             the 665 real blocks in full, where the vectors are at hand
    database-genesis-N        a state of N accounts, from nothing to the disk: 10000, 100000, 1000000
    database-open-N           open its database
    database-build-N          build a block of 30 million gas on it
    database-import-N         put that block on it
    database-verify-N         verify that block without state

    The first run of each case warms up and is not counted; shown are the median, least and greatest of the medians of
    all turns (of one run, or of as many as take 50 ms). Real blocks of the Kaustinen 6 devnet are measured where the
    environment variable VERKLE_VECTORS names the published vectors, and synthetic ones of our own otherwise.

    Left out, unless they are named: states of 100000 and 1000000 accounts, and with the reference engine all large
    cases. 1000000 accounts take minutes, some gigabytes of memory, and two of the directory for temporary files.

    --peers needs a checkout of the repository in which `make peers` has run. Peers and we take turns; a ratio is
    the peer's median over ours. With one thread, all are held to one and the same processor.

    --threads N runs each case in turns with one thread, too, and shows the ratio.

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
            click.echo(f"\n{'case':<24} {'median':>9} {'min':>9} {'max':>9} {'turns':>5}  target")
        inputs = stack.enter_context(contextlib.closing(Inputs(computing, engine)))
        spared = [] if names else _spared(computing.name)
        for name in names or CASES:
            if name not in spared:
                _measure(CASES[name], inputs, peers, engine, as_json)
        if spared and not as_json:
            output.note(f"left out, unless named: {', '.join(spared)}")


def _spared(engine: str) -> list[str]:
    """Cases that nobody meant who named none."""
    return [case.name for case in CASES.values() if case.named or (case.heavy and engine == ReferenceEngine.name)]


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


def _measure(case: Case, inputs: Inputs, peers: dict[str, Any], computing: EngineChoice, as_json: bool) -> None:
    with output.watching(f"{case.name}: preparing", None) as watcher, contextlib.ExitStack() as stack:
        work = case.prepare(inputs)
        stack.callback(work.close)
        players = {OURS: _Player(partial(cases.timed, work)), **_askable(case.asked or work.asked, case.judge, peers)}
        if computing.threads > 1 and hasattr(inputs.engine, "team"):
            players[ALONE] = _Player(partial(_alone, inputs.engine, work))
        elif len(players) > 1:
            stack.enter_context(_one_processor())
        began = time.perf_counter()
        for turn in range(1, MOST_TURNS + 1):
            for player in players.values():
                player.turn()
            watcher.advance_to(turn, f"{case.name}: turn {turn}")
            if turn >= LEAST_TURNS and time.perf_counter() - began >= SECONDS:
                break
        noticed = work.noticed() if work.noticed else ""
    turns = {name: player.medians for name, player in players.items()}
    about = f"{case.about}: {work.about}" + (f"; {noticed}" if noticed else "")
    report = Measured(case, about, turns.pop(OURS), turns, work.amount)
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


def _alone(engine: Any, work: Work, runs: int) -> list[float]:
    """The same, with nothing shared out."""
    with engine.team.by_itself():
        return cases.timed(work, runs)


def _askable(asked: dict[str, Any], judge: str, peers: dict[str, Any]) -> dict[str, _Player]:
    """The peers that know the case. Slow ones are spared the large cases."""
    if not asked or not peers:
        return {}
    scenario = importlib.import_module("tests.bench.peers.inputs").Scenario(**asked)

    def ask(peer: Any, runs: int) -> list[float]:
        return list(peer.ask(scenario, repeat=runs).seconds)

    able = {name: peer for name, peer in peers.items() if scenario.case in peer.cases}
    return {name: _Player(partial(ask, peer)) for name, peer in able.items() if name == judge or scenario.size <= 100}
