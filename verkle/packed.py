"""Whole trees in columns of bytes, for whoever makes or stores more nodes than can be objects.

    nodes_of(engine, leaves)    every node of the tree that holds these leaves and nothing else

Numbers: stem k is the k-th of the leaves' stems; internal nodes are numbered by depth, then by path, so the root is 0.
Points are compressed, big-endian, 32 zero bytes for a half that holds nothing; scalars have 32 bytes, little-endian.

An engine may make the columns itself (`Engine.packed`). The definition is `defined_nodes`: `Tree.update`, and a walk.

Source: EIP-6800, "Verkle tree definition".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from spec.params import STEM_BYTES
from spec.types import TreeKey, Value
from verkle.engine import Engine, P
from verkle.node import Gap, InternalNode, StemNode
from verkle.tree import Tree

POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
COMMITMENT_BYTES: Final = POINT_BYTES + SCALAR_BYTES
STEM_NODE_BYTES: Final = 3 * COMMITMENT_BYTES
VALUE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class PackedLeaves:
    """Values by ascending key."""

    stems: bytes
    """31 bytes each, strictly ascending."""
    counts: Sequence[int]
    """Of each stem: how many values it holds, at least 1."""
    suffixes: bytes
    """One byte a value, strictly ascending within a stem."""
    values: bytes
    """32 bytes each."""


@dataclass(frozen=True, slots=True)
class PackedNodes:
    """Nodes of a whole tree."""

    stem_nodes: bytes
    """192 bytes a stem: C, map(C), C1, map(C1), C2, map(C2)."""
    paths: Sequence[bytes]
    """Of internal nodes, by their numbers."""
    internals: bytes
    """64 bytes an internal node: C, map(C)."""
    link_counts: Sequence[int]
    """Of each internal node: how many children it has."""
    indices: bytes
    """One byte a child, ascending within a node."""
    children: Sequence[int]
    """Numbers: internal node i is i, stem s is -1 - s."""

    def scalar(self, number: int) -> bytes:
        """map(C) of a node, by its number."""
        if number < 0:
            start = (-1 - number) * STEM_NODE_BYTES + POINT_BYTES
            return self.stem_nodes[start : start + SCALAR_BYTES]
        start = number * COMMITMENT_BYTES + POINT_BYTES
        return self.internals[start : start + SCALAR_BYTES]


def nodes_of(engine: Engine[P], leaves: PackedLeaves) -> PackedNodes:
    """Every node of the tree that holds these leaves and nothing else."""
    made: PackedNodes | None = engine.packed(leaves)
    return defined_nodes(engine, leaves) if made is None else made


def defined_nodes(engine: Engine[P], leaves: PackedLeaves) -> PackedNodes:
    """The definition: the tree made from its leaves, walked level by level."""
    names = [leaves.stems[start : start + STEM_BYTES] for start in range(0, len(leaves.stems), STEM_BYTES)]
    writes = {}
    for name, (first, last) in zip(names, pairwise(accumulate(leaves.counts, initial=0)), strict=True):
        for place in range(first, last):
            value = leaves.values[place * VALUE_BYTES : (place + 1) * VALUE_BYTES]
            writes[TreeKey.at(name, leaves.suffixes[place])] = Value(value)
    return _walked(Tree.empty(engine).update(writes), {name: number for number, name in enumerate(names)})


def _walked(tree: Tree[P], numbers: dict[bytes, int]) -> PackedNodes:
    level: list[tuple[bytes, InternalNode[P]]] = [(b"", tree.root)]
    internals: list[tuple[bytes, InternalNode[P]]] = []
    stems: dict[int, StemNode[P]] = {}
    link_counts, indices, children = [], bytearray(), []
    while level:
        internals += level
        below: list[tuple[bytes, InternalNode[P]]] = []
        for path, node in level:
            link_counts.append(len(node.children))
            for index in sorted(node.children):
                child = node.child(index)
                indices.append(index)
                if isinstance(child, StemNode):
                    stems[numbers[child.stem]] = child
                    children.append(-1 - numbers[child.stem])
                elif isinstance(child, InternalNode):
                    children.append(len(internals) + len(below))
                    below.append((path + bytes((index,)), child))
        level = below
    return PackedNodes(
        _stem_nodes(tree.engine, [stems[number] for number in sorted(stems)]),
        [path for path, _ in internals],
        b"".join(_commitments(tree.engine, [node for _, node in internals])),
        link_counts,
        bytes(indices),
        children,
    )


def _stem_nodes(engine: Engine[P], stems: list[StemNode[P]]) -> bytes:
    parts: list[Any] = [part for stem in stems for part in (stem, *stem.halves)]
    made = iter(_commitments(engine, [part for part in parts if not isinstance(part, Gap)]))
    return b"".join(bytes(COMMITMENT_BYTES) if isinstance(part, Gap) else next(made) for part in parts)


def _commitments(engine: Engine[P], nodes: Sequence[Any]) -> list[bytes]:
    points = engine.encode([node.commitment for node in nodes])
    return [point + node.scalar.to_bytes(SCALAR_BYTES, "little") for point, node in zip(points, nodes, strict=True)]
