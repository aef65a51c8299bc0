"""Whole trees in arrays: the definition's root, the node by node tree's nodes, and ordinary behaviour."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from accel import store
from accel.select import select
from spec.errors import EngineUnavailable
from spec.types import TreeKey, Value
from tests.laws import defined_root
from tests.tree_strategies import writes
from verkle.engine import Engine, ReferenceEngine
from verkle.node import Gap, Half, InternalNode, Node, StemNode
from verkle.tree import Tree
from witness.openings import show
from witness.proof import check, post_state, prove


def engines() -> Iterator[Any]:
    for name in ("numba-ifma", "numba"):
        try:
            yield pytest.param(select(name).engine, id=name)
        except EngineUnavailable as reason:
            yield pytest.param(None, id=name, marks=pytest.mark.skip(reason=str(reason)))


ENGINES = pytest.mark.parametrize("fast", list(engines()))
REFERENCE = ReferenceEngine()


class NodeByNode:
    """An engine whose trees are built node by node, everything else being another's."""

    def __init__(self, engine: Engine[Any]) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def grow(self, root: object, writes: object) -> None:
        """No faster way."""


def flat(engine: Engine[Any], node: Node[Any]) -> Any:
    """A node as plain data: everything that it says."""
    if isinstance(node, Gap):
        return node
    head = (engine.encode([node.commitment])[0], node.scalar)
    if isinstance(node, InternalNode):
        return (*head, node.rest, {index: flat(engine, child) for index, child in sorted(node.children.items())})
    assert isinstance(node, StemNode)
    halves = [
        (engine.encode([half.commitment])[0], half.scalar, dict(half.values), half.rest)
        if isinstance(half, Half)
        else half
        for half in node.halves
    ]
    return (*head, node.stem, halves)


@ENGINES
@given(writes(min_size=1))
@settings(max_examples=60)
def test_every_node_is_that_of_the_node_by_node_tree(fast: Engine[Any], state: dict[TreeKey, Value]) -> None:
    built = Tree.empty(fast).update(state)
    slow = Tree.empty(NodeByNode(fast)).update(state)
    assert flat(fast, built.root) == flat(fast, slow.root)
    assert built.state_root() == slow.state_root()


@ENGINES
@given(writes(min_size=1, max_size=6))
@settings(max_examples=10)
def test_the_root_is_the_definitions(fast: Engine[Any], state: dict[TreeKey, Value]) -> None:
    assert Tree.empty(fast).update(state).state_root() == defined_root(REFERENCE, state)


@ENGINES
@given(writes(min_size=1), writes(), writes(max_size=8))
@settings(max_examples=40)
def test_a_built_tree_is_updated_and_proved_like_any_other(
    fast: Engine[Any], state: dict[TreeKey, Value], second: dict[TreeKey, Value], changes: dict[TreeKey, Value]
) -> None:
    built = Tree.empty(fast).update(state).update(second)
    slow = Tree.empty(NodeByNode(fast)).update(state).update(second)
    keys = [*state, *changes]
    witness = prove(built, keys, changes, markers=True)
    assert witness == prove(slow, keys, changes, markers=True)
    view = check(fast, witness, built.state_root(), markers=True)
    assert post_state(view, witness).state_root() == slow.update(changes).state_root()
    assert Tree.empty(fast).update(state).state_root() != built.state_root() or second.items() <= state.items()


@ENGINES
def test_scattered_keys(fast: Engine[Any]) -> None:
    """As many stems as make three levels, and some with many values."""
    rng = random.Random(100)
    state = {TreeKey(rng.randbytes(32)): Value(rng.randbytes(32)) for _ in range(1500)}
    for stem in [key.stem for key in list(state)[:20]]:
        state.update({TreeKey.at(stem, suffix): Value(rng.randbytes(32)) for suffix in rng.sample(range(256), 60)})
    built = Tree.empty(fast).update(state)
    assert built.state_root() == Tree.empty(NodeByNode(fast)).update(state).state_root()
    assert all(built.get(key) == value for key, value in state.items())
    assert built.get(TreeKey(rng.randbytes(32))) is None


@ENGINES
def test_versions_stand_and_stores_are_left_behind(fast: Engine[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Many updates, each from an earlier version: all versions keep roots and values; dead nodes do not pile up."""
    monkeypatch.setattr(store, "ROOM", 50)
    rng = random.Random(7)
    slow_engine = NodeByNode(fast)
    state = {TreeKey(bytes([rng.randrange(4)]) + rng.randbytes(31)): Value(rng.randbytes(32)) for _ in range(60)}
    versions = [(state, Tree.empty(fast).update(state), Tree.empty(slow_engine).update(state))]
    stores = set()
    for _ in range(30):
        state, tree, slow = rng.choice(versions[-3:])
        changes = {key: Value(rng.randbytes(32)) for key in rng.sample(sorted(state), 8)}
        changes[TreeKey(bytes([rng.randrange(4)]) + rng.randbytes(31))] = Value(rng.randbytes(32))
        versions.append(({**state, **changes}, tree.update(changes), slow.update(changes)))
        children = versions[-1][1].root.children
        assert isinstance(children, store.StoreChildren)
        stores.add(id(children.store))
        assert children.store.nodes() <= 2 * children.store.alive + 50 + 64
    assert len(stores) > 1
    for state, tree, slow in versions:
        assert tree.state_root() == slow.state_root()
        assert all(tree.get(key) == value for key, value in state.items())
    children = versions[-1][1].root.children
    assert isinstance(children, store.StoreChildren)
    last, root = store.compacted(children.store, children.number)
    assert flat(fast, store.internal(last, root)) == flat(fast, versions[-1][2].root)
    assert store.memory(last) <= store.memory(children.store)


@ENGINES
def test_partial_trees_stay_node_by_node(fast: Engine[Any]) -> None:
    tree = Tree.empty(fast).update({TreeKey(bytes(32)): Value(bytes(32))})
    view = check(fast, prove(tree, [TreeKey(bytes(32))], markers=True), tree.state_root(), markers=True)
    changes = {TreeKey(bytes(32)): Value(b"\x01" * 32)}
    assert fast.grow(view.root, changes) is None
    assert view.update(changes).state_root() == tree.update(changes).state_root()


class Interrupted(NodeByNode):
    """An engine that is interrupted at its k-th commitment."""

    def __init__(self, engine: Engine[Any], after: int) -> None:
        super().__init__(engine)
        self.left = after

    def commit_arrays(self, *rows: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self._engine.commit_arrays(*rows)  # type: ignore[attr-defined]


@ENGINES
@pytest.mark.parametrize("after", range(4))
def test_an_interrupted_update_leaves_no_trace(fast: Engine[Any], after: int) -> None:
    rng = random.Random(after)
    state = {TreeKey(bytes([rng.randrange(2)]) + rng.randbytes(31)): Value(rng.randbytes(32)) for _ in range(20)}
    tree = Tree.empty(fast).update(state)
    changes = {TreeKey(bytes([rng.randrange(2)]) + rng.randbytes(31)): Value(rng.randbytes(32)) for _ in range(20)}
    with pytest.raises(KeyboardInterrupt):
        store.grow(Interrupted(fast, after), tree.root, changes)
    assert tree.update(changes).state_root() == Tree.empty(NodeByNode(fast)).update(state | changes).state_root()


@ENGINES
@pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])
@given(writes(min_size=1), writes(min_size=1, max_size=8))
@settings(max_examples=60)
def test_what_is_shown_is_what_the_walk_shows(
    fast: Engine[Any], markers: bool, state: dict[TreeKey, Value], others: dict[TreeKey, Value]
) -> None:
    """Column by column, for present keys and absent ones."""
    tree = Tree.empty(fast).update(state)
    keys = sorted({*list(state)[::2], *others})
    made, expected = fast.show(tree.root, keys, markers=markers), show(tree, keys, markers=markers)
    assert made is not None
    for field in ("extensions", "other_stems", "markers", "values"):
        assert getattr(made, field) == getattr(expected, field)
    assert fast.encode_joined(made.openings.commitments) == fast.encode_joined(expected.openings.commitments)
    assert list(made.openings.groups) == list(expected.openings.groups)
    assert list(made.openings.points) == list(expected.openings.points)
    assert fast.vectors.equal(made.openings.values, expected.openings.values)
    for column in ("starts", "indices", "values"):
        assert getattr(made.polynomials, column).tolist() == getattr(expected.polynomials, column).tolist()


@ENGINES
def test_many_keys_make_room(fast: Engine[Any]) -> None:
    """Deep trees and wide ones are shown alike, whatever room is made at first."""
    rng = random.Random(11)
    heads = [bytes(rng.choice([0, 29])) for _ in range(300)]
    state = {TreeKey(head + rng.randbytes(32 - len(head))): Value(rng.randbytes(32)) for head in heads}
    tree = Tree.empty(fast).update(state)
    for count in (1, 2, 300):
        keys = sorted(list(state)[:count])
        made, expected = fast.show(tree.root, keys, markers=True), show(tree, keys, markers=True)
        assert made is not None
        assert fast.vectors.equal(made.openings.values, expected.openings.values)
        assert made.values == expected.values
