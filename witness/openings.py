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

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from operator import itemgetter
from typing import Generic

from spec.errors import Reason, Rejection, UnknownNode
from spec.types import Stem, TreeKey
from verkle.engine import P
from verkle.multiproof import Opening
from verkle.node import (
    EMPTY,
    HALF_WIDTH,
    STEM_MARKER,
    Gap,
    Half,
    InternalNode,
    Node,
    StemNode,
    leaf_index,
    leaf_scalars,
    stem_scalar,
)


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
    """What the walk over all keys meets. Paths are in ascending order after `walk`."""

    openings: dict[tuple[bytes, int], Opening[P]] = field(default_factory=dict)
    """By (path, z)."""
    nodes: dict[bytes, OpenedNode[P]] = field(default_factory=dict)
    """The nodes that are opened, by path; the root at the empty path."""
    extensions: bytearray = field(default_factory=bytearray)
    """One byte per distinct stem, by ascending stem."""
    other_stems: list[Stem] = field(default_factory=list)
    """The stems that stand where a queried one is absent, unless they are told already; ascending."""
    markers: list[int] = field(default_factory=list)
    """Entry 0 of the marked nodes, by ascending path, where no queried stem opens it anyway."""

    def open(self, path: bytes, node: OpenedNode[P], z: int, y: int) -> None:
        """Open the commitment of the node at `path` at z."""
        self.nodes.setdefault(path, node)
        if (path, z) not in self.openings:
            self.openings[path, z] = Opening(self.nodes[path].commitment, z, y)


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

    With `marker`, internal nodes are marked. Raises: UnknownNode where the tree does not say what stands at a key;
    Rejection(MARKER_OF_STEM_NODE).
    """
    suffixes: dict[Stem, set[int]] = {}
    for key in keys:
        suffixes.setdefault(key.stem, set()).add(key.suffix)
    met: Walk[P] = Walk()
    present: set[bytes] = set()
    others: dict[bytes, Stem] = {}
    for stem in sorted(suffixes):
        status, path, node = _descend(met, root, stem)
        met.extensions.append(len(path) << STATUS_BITS | status)
        if status is Status.PRESENT and isinstance(node, StemNode):
            present.add(path)
            _open_values(met, zero, path, node, sorted(suffixes[stem]))
        elif isinstance(node, StemNode):
            others[path] = node.stem
    met.other_stems = sorted(stem for path, stem in others.items() if path not in present)
    if marker is not None:
        _mark(met, marker)
    met.openings = dict(sorted(met.openings.items()))
    met.nodes = dict(sorted(met.nodes.items()))
    return met


def _mark(met: Walk[P], marker: Marker[P]) -> None:
    """Open entry 0 of each internal node below the root that has no stem node below it in the walk."""
    shown = {
        path[:depth] for path, node in met.nodes.items() if isinstance(node, StemNode) for depth in range(len(path))
    }
    for path, node in sorted(met.nodes.items(), key=itemgetter(0)):
        if path and isinstance(node, InternalNode) and path not in shown:
            opened = met.openings.get((path, 0))
            entry = marker(path, node) if opened is None else opened.y
            if entry == STEM_MARKER:
                raise Rejection(Reason.MARKER_OF_STEM_NODE, path=path)
            if opened is None:
                met.markers.append(entry)
                met.open(path, node, 0, entry)


def _descend(met: Walk[P], root: InternalNode[P], stem: Stem) -> tuple[Status, bytes, Node[P]]:
    """Open every node on the way to a stem: what was found, at which path."""
    node: Node[P] = root
    path = b""
    while isinstance(node, InternalNode):
        index = stem[len(path)]
        child = node.child(index)
        if child is Gap.UNKNOWN:
            raise UnknownNode(bytes(stem[: len(path) + 1]), TreeKey.at(stem, 0))
        met.open(path, node, index, 0 if isinstance(child, Gap) else child.scalar)
        node = child
        path = bytes(stem[: len(path) + 1])
    if not isinstance(node, StemNode):
        return Status.EMPTY_SLOT, path, node
    met.open(path, node, 0, STEM_MARKER)
    met.open(path, node, 1, stem_scalar(node.stem))
    return (Status.PRESENT if node.stem == stem else Status.OTHER_STEM), path, node


def _open_values(met: Walk[P], zero: P, path: bytes, node: StemNode[P], suffixes: list[int]) -> None:
    for suffix in suffixes:
        side = suffix // HALF_WIDTH
        half = node.halves[side]
        if half is Gap.UNKNOWN:
            raise UnknownNode(path, TreeKey.at(node.stem, suffix))
        if isinstance(half, Gap):
            half = Half(zero, 0, {}, EMPTY)
        value = half.values.get(suffix, half.rest)
        if value is Gap.UNKNOWN:
            raise UnknownNode(path, TreeKey.at(node.stem, suffix))
        met.open(path, node, 2 + side, half.scalar)
        low, high = leaf_scalars(value)
        half_path = path + bytes((2 + side,))
        met.open(half_path, half, leaf_index(suffix), low)
        met.open(half_path, half, leaf_index(suffix) + 1, high)


def polynomial(node: OpenedNode[P]) -> dict[int, int]:
    """The vector that a node commits to, entries not listed are 0. Raises: UnknownNode where it is not wholly known."""
    if isinstance(node, InternalNode):
        _require_whole(node.rest)
        return {index: 0 if isinstance(child, Gap) else child.scalar for index, child in node.children.items()}
    if isinstance(node, StemNode):
        entries = {0: STEM_MARKER, 1: stem_scalar(node.stem)}
        for side, half in enumerate(node.halves):
            if isinstance(half, Gap):
                _require_whole(half)
            else:
                entries[2 + side] = half.scalar
        return entries
    _require_whole(node.rest)
    entries = {}
    for suffix, value in node.values.items():
        index = leaf_index(suffix)
        entries[index], entries[index + 1] = leaf_scalars(value)
    return entries


def _require_whole(rest: Gap) -> None:
    if rest is Gap.UNKNOWN:
        raise UnknownNode(b"", b"")
