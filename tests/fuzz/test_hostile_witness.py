"""Hostile witnesses of our own making: thousands in the toy group (structure), some hundred with Banderwagon."""

import random
from typing import Any

import pytest

from spec.codec.witness_json import encode_witness
from spec.types import TreeKey, Value
from tests.fuzz.hostile import Target, attack
from tests.fuzz.mutations import MUTATIONS
from tests.toy_engine import ToyEngine
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness.proof import prove

SEED = 4762
MARKERS = pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])


def targets(engine: Engine[P], count: int, rng: random.Random, *, markers: bool) -> list[Target]:
    """Witnesses with all three statuses, other stems, several depths, reads and writes."""

    def key() -> TreeKey:
        head = bytes(rng.choice([0, 1, 7]) for _ in range(rng.choice([1, 2, 4])))
        return TreeKey(head + rng.randbytes(31 - len(head)) + bytes([rng.choice([0, 1, 64, 128, 200])]))

    made = []
    for _ in range(count):
        state = {key(): Value(rng.randbytes(32)) for _ in range(20)}
        tree = Tree.empty(engine).update(state)
        known = rng.sample(sorted(state), 4)
        changes = {known[0]: Value(bytes(32)), known[1]: Value(rng.randbytes(32)), key(): Value(rng.randbytes(32))}
        witness = prove(tree, [*known, key(), key()], changes, markers=markers)
        made.append(Target(encode_witness(witness), tree.state_root(), tree.update(changes).state_root()))
    return made


def run(engine: Engine[P], count: int, rounds: int, *, markers: bool) -> None:
    rng = random.Random(SEED)
    verdicts = attack(engine, targets(engine, count, rng, markers=markers), rounds, rng, markers=markers)
    print(f"seed {SEED}: {verdicts}")
    assert verdicts.total > count * rounds * len(MUTATIONS) // 2
    assert not verdicts.silent


@MARKERS
def test_hostile_witnesses_in_the_toy_group(toy: ToyEngine, markers: bool) -> None:
    run(toy, 8, 8, markers=markers)


@MARKERS
def test_hostile_witnesses(engine: Engine[Any], markers: bool) -> None:
    run(engine, 2, 3, markers=markers)
