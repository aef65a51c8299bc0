"""Trees in columns of bytes: against a walk over the tree, and against the definition of the root."""

import random
from typing import Any

from hypothesis import given, settings

from spec.types import Stem, TreeKey, Value
from tests.laws import defined_root
from tests.toy_engine import ToyEngine
from tests.tree_strategies import writes
from verkle.engine import Engine, ReferenceEngine
from verkle.node import Gap, InternalNode, StemNode
from verkle.packed import COMMITMENT_BYTES, STEM_NODE_BYTES, PackedLeaves, PackedNodes, nodes_of
from verkle.tree import Tree

TOY = ToyEngine()
SEED = 192


def packed(leaves: dict[TreeKey, Value]) -> PackedLeaves:
    """Leaves by ascending key."""
    keys = sorted(leaves)
    stems = sorted({bytes(key.stem) for key in keys})
    return PackedLeaves(
        stems=b"".join(stems),
        counts=[sum(key.stem == stem for key in keys) for stem in stems],
        suffixes=bytes(key.suffix for key in keys),
        values=b"".join(leaves[key] for key in keys),
    )


def require_nodes(engine: Engine[Any], leaves: dict[TreeKey, Value], nodes: PackedNodes) -> None:
    """Each column says what the tree does."""
    tree = Tree.empty(engine).update(leaves)
    names = sorted({bytes(key.stem) for key in leaves})
    firsts = [sum(nodes.link_counts[:number]) for number in range(len(nodes.paths))]
    assert list(nodes.paths) == sorted(nodes.paths, key=lambda path: (len(path), path))
    assert len(nodes.stem_nodes) == STEM_NODE_BYTES * len(names)
    assert len(nodes.internals) == COMMITMENT_BYTES * len(nodes.paths)
    seen = set()
    for number, path in enumerate(nodes.paths):
        node: Any = tree.root
        for index in path:
            node = node.child(index)
        assert isinstance(node, InternalNode)
        assert nodes.internals[COMMITMENT_BYTES * number :][:COMMITMENT_BYTES] == commitment(engine, node)
        links = range(firsts[number], firsts[number] + nodes.link_counts[number])
        assert [nodes.indices[link] for link in links] == sorted(node.children)
        for link in links:
            child, place = node.child(nodes.indices[link]), nodes.children[link]
            assert nodes.scalar(place) == child.scalar.to_bytes(32, "little")  # type: ignore[union-attr]
            if isinstance(child, StemNode):
                assert child.stem == Stem(names[-1 - place])
                parts = [commitment(engine, part) for part in (child, *child.halves)]
                assert nodes.stem_nodes[STEM_NODE_BYTES * (-1 - place) :][:STEM_NODE_BYTES] == b"".join(parts)
            else:
                assert nodes.paths[place] == path + bytes([nodes.indices[link]])
            seen.add(place)
    assert seen == {*range(1, len(nodes.paths)), *(-1 - number for number in range(len(names)))}


def commitment(engine: Engine[Any], node: Any) -> bytes:
    if isinstance(node, Gap):
        return bytes(COMMITMENT_BYTES)
    (point,) = engine.encode([node.commitment])
    return bytes(point) + int(node.scalar).to_bytes(32, "little")


@given(writes(min_size=1))
@settings(max_examples=100)
def test_the_columns(leaves: dict[TreeKey, Value]) -> None:
    nodes = nodes_of(TOY, packed(leaves))
    require_nodes(TOY, leaves, nodes)
    assert nodes.internals[:32] == defined_root(TOY, leaves)


def some_leaves(rng: random.Random, stems: int) -> dict[TreeKey, Value]:
    """Stems that share prefixes of any length; some hold the same values as others, as contracts with one code do."""
    codes = [{suffix: Value(rng.randbytes(32)) for suffix in rng.sample(range(128, 256), 40)} for _ in range(3)]
    leaves = {}
    for _ in range(stems):
        stem = Stem((bytes([rng.choice([0, 1, 255])]) * rng.randrange(31) + rng.randbytes(31))[:31])
        held = dict(rng.choice(codes)) if rng.random() < 0.3 else {}
        held.update({suffix: Value(rng.randbytes(32)) for suffix in rng.sample(range(256), rng.randrange(1, 4))})
        leaves.update({TreeKey.at(stem, suffix): value for suffix, value in held.items()})
    return leaves


def test_with_the_engine(engine: Engine[Any]) -> None:
    """Whoever makes the columns."""
    rng = random.Random(SEED)
    for stems in (1, 2, 12):
        leaves = some_leaves(rng, stems)
        require_nodes(engine, leaves, nodes_of(engine, packed(leaves)))


def test_packed_rows(engine: Engine[Any]) -> None:
    """`commit_packed` is `commit`."""
    rng = random.Random(SEED)
    reference = ReferenceEngine()
    for width in (1, 5, 256):
        for size in (8, 16, 24, 32):
            bits = min(8 * size, 252)
            values = [[rng.choice([0, 1, rng.getrandbits(bits)]) for _ in range(width)] for _ in range(3)]
            rows = b"".join(value.to_bytes(size, "little") for row in values for value in row)
            wanted = reference.encode(reference.commit([list(enumerate(row)) for row in values]))
            assert engine.encode(engine.commit_packed(width, size, rows)) == wanted
    assert list(engine.commit_packed(5, 16, b"")) == []
