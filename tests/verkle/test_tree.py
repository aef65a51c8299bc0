"""The tree against its definition, under both engines; immutability; what a partial view refuses.

Figures: roots of rust-verkle, go-verkle and verkle-trie-ref (`verkle_test.py`, `golang_interop.rs`).
"""

import random
from typing import Any

import pytest
from hypothesis import given, settings

from spec.errors import UnknownNode
from spec.types import TreeKey, Value
from tests.laws import defined_root
from tests.toy_engine import ToyEngine
from tests.tree_strategies import writes
from verkle.engine import Engine
from verkle.node import EMPTY, UNKNOWN, InternalNode, StemNode
from verkle.tree import Tree

TOY = ToyEngine()
ZERO = Value(bytes(32))


@given(writes(), writes(), writes())
@settings(max_examples=150)
def test_the_root_is_the_definitions(
    first: dict[TreeKey, Value], second: dict[TreeKey, Value], third: dict[TreeKey, Value]
) -> None:
    """After any updates, in one batch or several: the root of the whole set; values read back; old trees stand."""
    trees, state = [Tree.empty(TOY)], {}
    for batch in (first, second, third):
        state.update(batch)
        trees.append(trees[-1].update(batch))
        assert trees[-1].state_root() == defined_root(TOY, state)
    assert trees[-1].state_root() == Tree.empty(TOY).update(state).state_root()
    assert all(trees[-1].get(key) == value for key, value in state.items())
    assert all(trees[1].get(key) == first.get(key) for key in state)
    assert trees[1].state_root() == defined_root(TOY, first)


def test_the_root_is_the_definitions_with_banderwagon(engine: Engine[Any]) -> None:
    rng = random.Random(6800)
    state: dict[TreeKey, Value] = {}
    tree = Tree.empty(engine)
    for _ in range(4):
        batch = {
            TreeKey(
                bytes(rng.choice([0, 1]) for _ in range(2)) + rng.randbytes(29) + bytes([rng.choice([0, 128, 255])])
            ): (Value(rng.randbytes(32)))
            for _ in range(12)
        }
        batch.update({key: Value(rng.randbytes(32)) for key in rng.sample(sorted(state), len(state) // 3)})
        state.update(batch)
        tree = tree.update(batch)
        assert tree.state_root() == defined_root(engine, state)


def test_roots_of_other_implementations(engine: Engine[Any]) -> None:
    empty = Tree.empty(engine)
    assert empty.state_root() == bytes(32)
    assert empty.update({}) is empty
    one = empty.update({TreeKey(bytes(32)): ZERO})
    assert one.state_root().hex() == "6b630905ce275e39f223e175242df2c1e8395e6f46ec71dce5557012c1334a5c"
    stem = one.root.children[0]
    assert isinstance(stem, StemNode)
    assert engine.encode([stem.commitment])[0].hex() == (
        "56778fe0bcf12a14820d4c054d85cfcae4bdb7017107b6769cecd42629a3825e"
    )
    keys = [bytes(32), bytes(30) + b"\x01\x00"]
    two = empty.update({TreeKey(key): Value(key) for key in keys})
    assert two.root.scalar.to_bytes(32, "little").hex() == (
        "fe2e17833b90719eddcad493c352ccd491730643ecee39060c7c1fff5fcc621a"
    )
    three = two.update({TreeKey(bytes(29) + b"\x01" + bytes(2)): Value(bytes(29) + b"\x01" + bytes(2))})
    assert three.root.scalar.to_bytes(32, "little").hex() == (
        "74ff8821eca20188de49340124f249dac94404efdb3838bb6b4d298e483cc20e"
    )


def test_internal_nodes_stand_exactly_where_two_stems_part() -> None:
    """Stems that agree on 30 bytes make internal nodes at depths 0..30 and stem nodes at depth 31."""
    left, right = TreeKey(bytes(32)), TreeKey(bytes(30) + b"\x05\x00")
    node: object = Tree.empty(TOY).update({left: ZERO, right: ZERO}).root
    for depth in range(31):
        assert isinstance(node, InternalNode)
        assert set(node.children) == ({0} if depth < 30 else {0, 5})
        node = node.children[0]
    assert isinstance(node, StemNode)


def test_a_zero_value_is_not_an_absent_value() -> None:
    key = TreeKey(bytes(31) + b"\x07")
    tree = Tree.empty(TOY).update({key: ZERO})
    assert tree.get(key) == ZERO
    assert tree.get(TreeKey(bytes(31) + b"\x08")) is None
    assert tree.get(TreeKey(b"\x01" + bytes(31))) is None
    assert tree.state_root() != Tree.empty(TOY).update({TreeKey(bytes(31) + b"\x08"): ZERO}).state_root()


def test_writing_the_same_value_changes_nothing() -> None:
    key = TreeKey(bytes(32))
    tree = Tree.empty(TOY).update({key: ZERO})
    assert tree.update({key: ZERO}).state_root() == tree.state_root()


def test_unknown_is_never_absent() -> None:
    """Reading or writing through UNKNOWN raises, at each kind of node."""
    key, neighbour, elsewhere = TreeKey(bytes(32)), TreeKey(bytes(31) + b"\xff"), TreeKey(b"\x09" + bytes(31))
    whole = Tree.empty(TOY).update({key: ZERO})
    stem = whole.root.children[0]
    assert isinstance(stem, StemNode)
    low, _ = stem.halves
    shown = StemNode(stem.commitment, stem.scalar, stem.stem, (low, UNKNOWN))
    view = Tree(TOY, InternalNode(whole.root.commitment, whole.root.scalar, {0: shown, 5: EMPTY}, UNKNOWN))
    assert view.get(key) == ZERO
    assert view.get(TreeKey(b"\x05" + bytes(31))) is None
    for unknown in (neighbour, elsewhere):
        with pytest.raises(UnknownNode) as raised:
            view.get(unknown)
        assert raised.value.key == unknown
        with pytest.raises(UnknownNode):
            view.update({key: ZERO, unknown: ZERO})
    assert view.update({key: Value(b"\x01" * 32)}).state_root() == whole.update({key: Value(b"\x01" * 32)}).state_root()
