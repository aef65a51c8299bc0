"""Hostile witnesses of our own making: thousands in the toy group (structure), some hundred with Banderwagon."""

import random

from spec.codec.witness_json import encode_witness
from spec.types import TreeKey, Value
from tests.fuzz.hostile import Target, attack
from tests.fuzz.mutations import MUTATIONS
from tests.toy_engine import ToyEngine
from verkle.engine import Engine, P, ReferenceEngine
from verkle.tree import Tree
from witness.proof import prove

SEED = 4762


def targets(engine: Engine[P], count: int, rng: random.Random) -> list[Target]:
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
        witness = prove(tree, [*known, key(), key()], changes)
        made.append(Target(encode_witness(witness), tree.state_root(), tree.update(changes).state_root()))
    return made


def test_hostile_witnesses_in_the_toy_group(toy: ToyEngine) -> None:
    rng = random.Random(SEED)
    verdicts = attack(toy, targets(toy, 8, rng), rounds=10, rng=rng)
    print(f"seed {SEED}: {verdicts}")
    assert verdicts.total > 8 * 10 * len(MUTATIONS) // 2
    assert not verdicts.silent


def test_hostile_witnesses(engine: ReferenceEngine) -> None:
    rng = random.Random(SEED)
    verdicts = attack(engine, targets(engine, 2, rng), rounds=5, rng=rng)
    print(f"seed {SEED}: {verdicts}")
    assert verdicts.total > 2 * 5 * len(MUTATIONS) // 2
    assert not verdicts.silent
