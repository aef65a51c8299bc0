"""From keys and a tree's shape to the ordered openings: one enumeration, for prover and verifier alike.

For a queried stem, walking from the root:

    each internal node at stem[:i]   opens (stem[:i], stem[i]) = the entry of the child there, 0 for an empty slot
    a stem node at path P            opens (P, 0) = 1 and (P, 1) = LE(the stem there), its own or another's
    its own, per half asked for      opens (P, 2 + side) = map(C_side)
    each asked suffix s              opens (P || 2 + side, 2 s') = lo and (.., 2 s' + 1) = hi, with s' = s mod 128

Openings are ordered by (path, z) and taken once. Each stem ends in one *extension*: (depth << 3) | status, where
depth counts path bytes down to the stem node or the empty slot.

A stem node's vector is 0 from entry 4 on, so whoever passes one off as an internal node "proves" stems absent that
are there. Where markers are asked for (spec/witness.md, "Forged absence"), every internal node below the root on
whose paths the walk met empty slots only also

    is marked                        opens (P, 0) = the entry of its child 0; 1 would be a stem node's first entry

An internal node with a stem node below it in the walk needs no marker: nothing under a stem node opens as one.

The prover walks its whole tree; the verifier walks the part that it rebuilt from the proof. So nothing can be proved
that is not checked, and what a canonical proof contains is written once.

Source: go-verkle and rust-verkle agree on what is opened and in which order; EIP-6800 leaves proofs open.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic

from spec.errors import Reason, Rejection, UnknownNode
from spec.params import STEM_BYTES
from spec.types import Stem, TreeKey
from verkle.engine import Engine, Openings, P, Shown
from verkle.node import (
    EMPTY,
    HALF_WIDTH,
    STEM_MARKER,
    UNKNOWN,
    Gap,
    Half,
    InternalNode,
    Node,
    StemNode,
    StoredChildren,
    leaf_index,
    leaf_scalars,
    stem_scalar,
)
from verkle.tree import Tree


class Status(IntEnum):
    """What a queried stem was found to be."""

    EMPTY_SLOT = 0
    OTHER_STEM = 1
    PRESENT = 2


STATUS_BITS = 3
"""An extension byte is depth << 3 | status."""

OpenedNode = InternalNode[P] | StemNode[P] | Half[P]


@dataclass(slots=True)
class Walk(Generic[P]):
    """What the walk over all keys meets, in the order of (path, z)."""

    nodes: list[tuple[bytes, OpenedNode[P]]] = field(default_factory=list)
    """(path, node) of the nodes that are opened, by ascending path; the root first."""
    groups: list[int] = field(default_factory=list)
    """Per opening: the number of the node that it opens."""
    points: bytearray = field(default_factory=bytearray)
    """Per opening: z."""
    values: list[int] = field(default_factory=list)
    """Per opening: y."""
    extensions: bytearray = field(default_factory=bytearray)
    """One byte per distinct stem, by ascending stem."""
    other_stems: list[Stem] = field(default_factory=list)
    """The stems that stand where a queried one is absent, unless they are told already; ascending."""
    markers: list[int] = field(default_factory=list)
    """Entry 0 of the marked nodes, by ascending path, where no queried stem opens it anyway."""
    unshown: list[tuple[int, int]] = field(default_factory=list)
    """Internal nodes below the root that no stem node below shows to be one: (number, place of their first opening)."""

    def enter(self, path: bytes, node: OpenedNode[P], openings: int) -> None:
        """A node, of which so many openings have been listed."""
        self.groups += [len(self.nodes)] * openings
        self.nodes.append((path, node))

    def openings(self, engine: Engine[P]) -> Openings[P]:
        """The openings, as a multiproof takes them."""
        commitments = [node.commitment for _, node in self.nodes]
        return Openings(commitments, self.groups, self.points, engine.vectors.of(self.values))


Marker = Callable[[bytes, InternalNode[P]], int]
"""Entry 0 of the internal node at a path: from the whole tree, or as a proof gives it (asked by ascending path)."""


def entry_zero(path: bytes, node: InternalNode[P]) -> int:
    """The prover's `Marker`: the entry of child 0."""
    child = node.child(0)
    if child is Gap.UNKNOWN:
        raise UnknownNode(path + b"\0", path)
    return 0 if isinstance(child, Gap) else child.scalar


def walk(root: InternalNode[P], zero: P, keys: Iterable[TreeKey], marker: Marker[P] | None = None) -> Walk[P]:
    """The openings of these keys (any order, at least one) in the tree below `root`. `zero` is the group's identity.

    Before its children, every node: so paths ascend by themselves. With `marker`, internal nodes are marked.
    Raises: UnknownNode where the tree does not say what stands at a key; Rejection(MARKER_OF_STEM_NODE).
    """
    met: Walk[P] = Walk()
    _internal(met, zero, b"", root, sorted(set(keys)))
    if marker is not None:
        _mark(met, marker)
    return met


def _internal(met: Walk[P], zero: P, path: bytes, node: InternalNode[P], keys: list[TreeKey]) -> bool:
    """An internal node and what is below it. Whether the walk met a stem node there."""
    depth, children, rest = len(path), node.children, node.rest
    number, place = len(met.nodes), len(met.points)
    below: list[tuple[int, Node[P], int, int]] = []
    first, count = 0, len(keys)
    while first < count:
        index = keys[first][depth]
        end = first + 1
        while end < count and keys[end][depth] == index:
            end += 1
        child = children.get(index, rest)
        if child is UNKNOWN:
            raise UnknownNode(path + bytes((index,)), keys[first])
        below.append((index, child, first, end))
        met.points.append(index)
        met.values.append(0 if isinstance(child, Gap) else child.scalar)
        first = end
    met.enter(path, node, len(below))
    shown = False
    for index, child, first, end in below:
        if isinstance(child, InternalNode):
            shown |= _internal(met, zero, path + bytes((index,)), child, keys[first:end])
        elif isinstance(child, StemNode):
            shown = True
            _stem(met, zero, path + bytes((index,)), child, keys[first:end])
        else:
            stems = {key[:STEM_BYTES] for key in keys[first:end]}
            met.extensions += bytes((_extension(depth + 1, Status.EMPTY_SLOT),)) * len(stems)
    if path and not shown:
        met.unshown.append((number, place))
    return shown


def _extension(depth: int, status: Status) -> int:
    return depth << STATUS_BITS | status


def _stem(met: Walk[P], zero: P, path: bytes, node: StemNode[P], keys: list[TreeKey]) -> None:
    """A stem node, with the values that are asked of it; the stems that are absent because it stands there."""
    asked: tuple[list[int], list[int]] = ([], [])
    previous = b""
    for key in keys:
        stem = key[:STEM_BYTES]
        present = stem == node.stem
        if stem != previous:
            met.extensions.append(_extension(len(path), Status.PRESENT if present else Status.OTHER_STEM))
            previous = stem
        if present:
            asked[key[STEM_BYTES] // HALF_WIDTH].append(key[STEM_BYTES])
    opened: list[tuple[int, Half[P]]] = []
    for side, suffixes in enumerate(asked):
        if not suffixes:
            continue
        half = node.halves[side]
        if half is UNKNOWN:
            raise UnknownNode(path, TreeKey.at(node.stem, suffixes[0]))
        opened.append((side, Half(zero, 0, {}, EMPTY) if isinstance(half, Gap) else half))
    if not opened:
        met.other_stems.append(node.stem)
    met.points += bytes((0, 1, *(2 + side for side, _ in opened)))
    met.values += [STEM_MARKER, stem_scalar(node.stem), *(half.scalar for _, half in opened)]
    met.enter(path, node, 2 + len(opened))
    for side, half in opened:
        _half(met, path + bytes((2 + side,)), node.stem, half, asked[side])


def _half(met: Walk[P], path: bytes, stem: Stem, half: Half[P], suffixes: Sequence[int]) -> None:
    """lo and hi of each suffix that is asked of a half."""
    for suffix in suffixes:
        value = half.values.get(suffix, half.rest)
        if value is UNKNOWN:
            raise UnknownNode(path[:-1], TreeKey.at(stem, suffix))
        index = leaf_index(suffix)
        met.points += bytes((index, index + 1))
        met.values += leaf_scalars(value)
    met.enter(path, half, 2 * len(suffixes))


def _mark(met: Walk[P], marker: Marker[P]) -> None:
    """Open entry 0 of each internal node that nothing shows to be one, in front of its other openings."""
    groups, points, values = met.groups, met.points, met.values
    met.groups, met.points, met.values = [], bytearray(), []
    done = 0
    for number, place in [*sorted(met.unshown), (0, len(points))]:
        met.groups += groups[done:place]
        met.points += points[done:place]
        met.values += values[done:place]
        done = place
        if not number:
            break
        path, node = met.nodes[number]
        assert isinstance(node, InternalNode), "only internal nodes are noted"
        opened = points[place] == 0
        entry = values[place] if opened else marker(path, node)
        if entry == STEM_MARKER:
            raise Rejection(Reason.MARKER_OF_STEM_NODE, path=path)
        if not opened:
            met.markers.append(entry)
            met.groups.append(number)
            met.points.append(0)
            met.values.append(entry)


def show(tree: Tree[P], keys: Sequence[TreeKey], *, markers: bool) -> Shown[P]:
    """What a proof of these keys (ascending, each once) shows of a whole tree. Raises: UnknownNode.

    An engine that keeps trees in arrays has its own way; this is the definition.
    """
    engine = tree.engine
    met = walk(tree.root, engine.zero, keys, entry_zero if markers else None)
    return Shown(
        met.openings(engine),
        engine.vectors.polynomials([entries(node) for _, node in met.nodes]),
        bytes(met.extensions),
        tuple(met.other_stems),
        tuple(met.markers),
        [tree.get(key) for key in keys],
    )


def entries(node: OpenedNode[P]) -> dict[int, int]:
    """The vector that a node commits to, entries not listed are 0. Raises: UnknownNode where it is not wholly known."""
    if isinstance(node, InternalNode):
        _require_whole(node.rest)
        if isinstance(node.children, StoredChildren):
            return dict(node.children.scalars())
        return {index: 0 if isinstance(child, Gap) else child.scalar for index, child in node.children.items()}
    if isinstance(node, StemNode):
        row = {0: STEM_MARKER, 1: stem_scalar(node.stem)}
        for side, half in enumerate(node.halves):
            if isinstance(half, Gap):
                _require_whole(half)
            else:
                row[2 + side] = half.scalar
        return row
    _require_whole(node.rest)
    row = {}
    for suffix, value in node.values.items():
        index = leaf_index(suffix)
        row[index], row[index + 1] = leaf_scalars(value)
    return row


def _require_whole(rest: Gap) -> None:
    if rest is Gap.UNKNOWN:
        raise UnknownNode(b"", b"")
