"""What must hold of every block under `verkle`, whatever it does: the properties that the project is about.

Blocks of one to four transactions are drawn over a small cast of accounts (tests/stateless/programs.py), executed over
the whole tree, proven, and executed again over what the proof shows. The group is the toy engine, where commitments
cost next to nothing; some blocks go through Banderwagon too.
"""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.errors import UnknownNode
from spec.gas import CALL_DEPTH_LIMIT
from spec.params import VERKLE
from stateless.evm.frame import Frame, Result
from stateless.transaction import floor_gas, intrinsic_gas
from tests.stateless import programs
from tests.stateless.digests import digest, scene
from tests.stateless.worlds import Block, Onlooker, Run, World
from tests.toy_engine import ToyEngine
from verkle.engine import Engine

TOY = ToyEngine()
EXAMPLES = 150
MANY = 3000

rngs = st.randoms(use_true_random=False)


# ---- completeness, and equality of roots


def _check_completeness(world: World, block: Block) -> Run:
    whole = world.run(block)
    assert not whole.unannounced, "read before there was an event"
    partial = world.proven(whole)
    again = partial.run(block)
    assert again.facts() == whole.facts()
    assert partial.after(again).tree.state_root() == world.after(whole).tree.state_root()
    return whole


@settings(max_examples=EXAMPLES)
@given(rngs)
def test_completeness(rng: random.Random) -> None:
    """Over the part of the tree that its own witness proves, a block comes out as over the whole tree.

    Nothing unknown is asked for; gas, receipts, requests, events, changes and the post root are equal; and no leaf is
    read before there is an event on it, be it in this block or none.
    """
    _check_completeness(*scene(rng, TOY))


@pytest.mark.slow
@settings(max_examples=MANY)
@given(rngs)
def test_completeness_of_many(rng: random.Random) -> None:
    _check_completeness(*scene(rng, TOY))


@pytest.mark.parametrize("seed", range(4))
def test_completeness_in_banderwagon(engine: Engine[Any], seed: int) -> None:
    """The same where commitments bind."""
    print("seed", seed)
    _check_completeness(*scene(random.Random(seed), engine))


# ---- minimality


@settings(max_examples=EXAMPLES)
@given(rngs)
def test_minimality(rng: random.Random) -> None:
    """A witness without one of its keys does not do: something unknown is asked for, or the events show the gap."""
    world, block = scene(rng, TOY)
    whole = world.run(block)
    keys = {world.key(leaf) for leaf in whole.access}
    assert len(keys) == len(whole.access)
    missing = rng.choice(list(whole.access))
    partial = world.proven(whole, without=missing)
    try:
        again = partial.run(block)
    except UnknownNode:
        return
    assert {world.key(leaf) for leaf in again.access} == keys
    assert world.key(missing) not in {key for key, _ in world.witness(whole, without=missing).locations()}


# ---- what is written


@settings(max_examples=EXAMPLES)
@given(rngs)
def test_written_leaves_have_write_events(rng: random.Random) -> None:
    """Every leaf that a block changes is in its witness, and an event has said that it is written."""
    world, block = scene(rng, TOY)
    run = world.run(block)
    assert {leaf for leaf in run.leaves if not run.access.get(leaf)} == set()


# ---- gas


class GasWatch(Onlooker):
    """Sees that gas only goes down, in every frame and across every call."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def enter(self, frame: Frame) -> None:
        assert frame.gas <= frame.message.gas
        self._last[id(frame)] = frame.gas

    def step(self, frame: Frame) -> None:
        assert 0 <= frame.gas <= self._last[id(frame)], f"gas grew in a frame of depth {frame.message.depth}"
        self._last[id(frame)] = frame.gas

    def leave(self, frame: Frame, result: Result) -> None:
        assert 0 <= result.gas_left <= self._last.pop(id(frame))


@settings(max_examples=EXAMPLES)
@given(rngs)
def test_gas_never_grows(rng: random.Random) -> None:
    """A transaction uses its intrinsic gas at least (refunds left out), and no call leaves more gas than it found."""
    world, block = scene(rng, TOY)
    watch = GasWatch()
    run = world.run(block, tracer=watch)
    assert run.facts() == world.run(block).facts(), "a tracer changes nothing"
    rules = VERKLE.require_execution()
    for signed, used in zip(block.transactions, run.gas, strict=True):
        least = intrinsic_gas(signed.transaction, rules)
        if signed.transaction.authorization_list:
            least -= least // 5
        assert 21000 <= max(least, floor_gas(signed.transaction, rules)) <= used <= signed.transaction.gas_limit


# ---- determinism


def test_determinism() -> None:
    """Two interpreters with different hash seeds come to the same, in the same order."""
    root = Path(__file__).parents[2]
    digests = set()
    for seed in ("0", "4762"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "tests.stateless.digests", "40"]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert digests == {f"{digest(40)}\n"}


# ---- depth

LAVISH = replace(VERKLE, execution=replace(VERKLE.require_execution(), transaction_gas_limit=None))
"""With gas enough for 1,024 calls in each other, each of which keeps a 64th back."""


class DepthWatch(Onlooker):
    """Notes how deep frames are."""

    def __init__(self) -> None:
        self.deepest = 0

    def enter(self, frame: Frame) -> None:
        self.deepest = max(self.deepest, frame.message.depth)


PYTHON_CALLS = 900
"""Fewer than the machine's calls, and whatever limit a library has set in this process."""


@pytest.mark.parametrize("kind", programs.CALLS)
def test_calls_nest_to_the_limit(kind: str) -> None:
    """A contract that calls itself goes down to depth 1,024 and no further, and Python's own calls do not nest."""
    own = programs.CONTRACTS[0]
    code = programs.op("SSTORE" if kind == "CALL" else "SLOAD", 0, *([1] if kind == "CALL" else []))
    code += b"" if kind == "CALL" else programs.op("POP")
    code += programs.calling(kind, own, value=kind in ("CALL", "CALLCODE"))
    world, block = programs.one_call(LAVISH, TOY, code, gas=10**13)
    watch = DepthWatch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(PYTHON_CALLS)
    try:
        run = world.run(block, tracer=watch)
    finally:
        sys.setrecursionlimit(limit)
    assert run.status == [True]
    assert watch.deepest == CALL_DEPTH_LIMIT
    assert world.proven(run).run(block).facts() == run.facts()


@pytest.mark.parametrize("salt", [None, 0])
def test_creations_nest_to_the_limit(salt: int | None) -> None:
    """Initcode that creates by its own code."""
    size = 40
    copy = programs.op("CODECOPY", 0, 0, programs.op("CODESIZE"))
    salted = () if salt is None else (salt,)
    code = copy + programs.op("CREATE" if salt is None else "CREATE2", 0, 0, programs.op("CODESIZE"), *salted)
    assert len(code) < size
    world, block = programs.one_call(LAVISH, TOY, code, gas=10**14)
    watch = DepthWatch()
    run = world.run(block, tracer=watch)
    assert run.status == [True]
    assert watch.deepest == CALL_DEPTH_LIMIT
    assert world.proven(run).run(block).facts() == run.facts()
