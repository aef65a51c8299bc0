"""Witnesses of real blocks, made longer or shorter by one location, each with a true proof: the exact reason.

The whole state stands behind them, so that every change of the list of locations is proved as an honest prover would.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_tree
from spec.containers import ExecutionPayload, ExecutionWitness, NewPayloadRequest
from spec.errors import Reason, Rejection
from spec.params import KAUSTINEN6
from spec.types import TreeKey, Value
from stateless.header import Parent
from stateless.tree_view import TreeKeys
from stateless.verify import verify_block
from tests.interop.real_blocks import chain_lines, history_header, is_empty, new_values, read_payload
from tests.interop.test_kaustinen6_chain import genesis_of
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import prove

SEED = 7709
BLOCKS = 20
"""Blocks that are chosen, one of each stretch of the chain."""
BLOCKS_IN_PYTHON = 2
CHANGES = 8
"""Locations left out, and as many added, of each."""


@dataclass(frozen=True)
class Scene:
    """A real block with the whole state before it."""

    payload: ExecutionPayload
    parent: Parent
    tree: Tree[Any]

    @property
    def witness(self) -> ExecutionWitness:
        assert self.payload.execution_witness is not None
        return self.payload.execution_witness


def scenes(vectors: Path, engine: Engine[Any], count: int, until: int) -> Iterator[Scene]:
    """A block with transactions of each stretch of the chain up to number `until`, chosen by the seed."""
    rng = random.Random(SEED)
    payloads = [read_payload(line)[1] for line in islice(chain_lines(vectors), until + 1)]
    usable = [payload.block_number for payload in payloads if payload.transactions and payload.block_number > 1]
    assert len(usable) >= count
    chosen = {rng.choice(usable[i * len(usable) // count : (i + 1) * len(usable) // count]) for i in range(count)}
    tree = genesis_tree(genesis_of(vectors), KAUSTINEN6, engine)
    before: ExecutionPayload | None = None
    for payload in payloads:
        if is_empty(payload):
            continue
        assert payload.execution_witness is not None
        if payload.block_number in chosen and before is not None:
            yield Scene(payload, Parent.of_payload(before), tree)
        header = history_header(engine, KAUSTINEN6) if before is None else {}
        tree = tree.update({**new_values(payload.execution_witness), **header})
        before = payload


def reason_of(engine: Engine[Any], scene: Scene, witness: ExecutionWitness, keys: TreeKeys[Any], **options: Any) -> str:
    request = NewPayloadRequest(replace(scene.payload, execution_witness=witness))
    try:
        verify_block(engine, KAUSTINEN6, request, scene.parent, keys=keys, **options)
    except Rejection as rejection:
        return str(rejection.reason)
    return "valid"


@pytest.mark.parametrize("part", range(4))
def test_one_location_less_or_more(vectors: Path, engine: Engine[Any], in_full: bool, part: int) -> None:
    """Less is incomplete, also for a lenient verifier; more is not minimal, but for a lenient one valid."""
    if not in_full and part:
        pytest.skip("in full with --engine auto")
    rng, keys = random.Random(SEED + part), TreeKeys(engine, KAUSTINEN6)
    found = list(scenes(vectors, engine, BLOCKS, 665) if in_full else scenes(vectors, engine, BLOCKS_IN_PYTHON, 70))
    less = more = 0
    for scene in found[part::4] if in_full else found:
        listed, writes = [key for key, _ in scene.witness.locations()], new_values(scene.witness)
        for missing in rng.sample(listed, min(len(listed), CHANGES if in_full else 2)):
            kept = {key: value for key, value in writes.items() if key != missing}
            rest = [key for key in listed if key != missing]
            if not rest:
                continue
            shorter = prove(scene.tree, rest, kept, markers=False)
            for lenient in (False, True):
                assert reason_of(engine, scene, shorter, keys, lenient=lenient) == Reason.WITNESS_INCOMPLETE
            less += 1
        for extra in _strangers(rng, listed, CHANGES if in_full else 2):
            longer = prove(scene.tree, [*listed, extra], writes, markers=False)
            assert reason_of(engine, scene, longer, keys) == Reason.WITNESS_NOT_MINIMAL
            assert reason_of(engine, scene, longer, keys, lenient=True) == "valid"
            more += 1
    print(f"seed {SEED + part}: {less} locations left out, {more} added")
    assert less
    assert more


def _strangers(rng: random.Random, listed: list[TreeKey], count: int) -> list[TreeKey]:
    """Keys that a block does not touch: neighbours of those that it touches, and some of nobody."""
    found: list[TreeKey] = []
    while len(found) < count:
        key = (
            TreeKey.at(rng.choice(listed).stem, rng.randrange(256))
            if rng.random() < 0.7
            else TreeKey(rng.randbytes(32))
        )
        if key not in listed:
            found.append(key)
    return found


def test_new_values_that_lie(vectors: Path, engine: Engine[Any], in_full: bool) -> None:
    """Another value, none, or one where nothing changes: what the witness states must be what execution writes."""
    rng, keys = random.Random(SEED), TreeKeys(engine, KAUSTINEN6)
    told = 0
    for scene in scenes(vectors, engine, *((BLOCKS, 665) if in_full else (1, 60))):
        listed, writes = [key for key, _ in scene.witness.locations()], new_values(scene.witness)
        written = rng.choice(sorted(writes))
        lies: list[dict[TreeKey, Value]] = [
            {**writes, written: Value(rng.randbytes(32))},
            {key: value for key, value in writes.items() if key != written},
        ]
        unchanged = [key for key in listed if key not in writes]
        if unchanged:
            lies.append({**writes, rng.choice(unchanged): Value(rng.randbytes(32))})
        for lie in lies:
            witness = prove(scene.tree, listed, lie, markers=False)
            assert reason_of(engine, scene, witness, keys) == Reason.WRITE_MISMATCH
            told += 1
    assert told > 1
