"""The Verkle tree: an immutable map from 32-byte keys to 32-byte values with a commitment.

    get(key)        the value, None where absent; raises UnknownNode where the view does not say
    update(writes)  a new tree; unchanged parts are shared, and the old tree still stands
    state_root      the compressed commitment of the root, as it stands in a header

An internal node exists at a prefix exactly when two stems share it; the root is always one. Values are never removed.

An update plans first, then commits: planning walks down and splits, without arithmetic; committing goes up level by
level, so that the engine sees whole levels at once. Commitments are linear, C' = C + sum of (new_i - old_i) G_i, and
so a partial tree is updated like a whole one, with no siblings.

Source: EIP-6800, "Verkle tree definition" (the definition from the whole set stands in tests).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic

from spec.errors import UnknownNode
from spec.params import STEM_BYTES
from spec.types import StateRoot, Stem, TreeKey, Value
from verkle.engine import Engine, P, Row
from verkle.node import (
    EMPTY,
    HALF_WIDTH,
    STEM_MARKER,
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


@dataclass(frozen=True, slots=True)
class Tree(Generic[P]):
    """A whole tree or the part that a witness shows, over one engine."""

    engine: Engine[P]
    root: InternalNode[P]

    @classmethod
    def empty(cls, engine: Engine[P]) -> "Tree[P]":
        """The tree that holds nothing; its root is the identity."""
        return cls(engine, InternalNode(engine.zero, 0, {}, EMPTY))

    def state_root(self) -> StateRoot:
        """The compressed commitment of the root (not its map to the scalar field)."""
        return StateRoot(self.engine.encode([self.root.commitment])[0])

    def get(self, key: TreeKey) -> Value | None:
        """The value at `key`, None where it is absent. Raises: UnknownNode."""
        node: Node[P] = self.root
        depth = 0
        while isinstance(node, InternalNode):
            node = node.child(key[depth])
            depth += 1
        if isinstance(node, StemNode):
            if node.stem != key[:31]:
                return None
            half = node.halves[key.suffix // HALF_WIDTH]
            value = half if isinstance(half, Gap) else half.values.get(key.suffix, half.rest)
        else:
            value = node
        if value is EMPTY:
            return None
        if isinstance(value, Gap):
            raise UnknownNode(bytes(key[:depth]), key)
        return value

    def has_stem(self, stem: Stem) -> bool:
        """Whether anything is stored at a stem. Raises: UnknownNode."""
        node: Node[P] = self.root
        depth = 0
        while isinstance(node, InternalNode):
            node = node.child(stem[depth])
            depth += 1
        if isinstance(node, StemNode):
            return node.stem == stem
        if node is not EMPTY:
            raise UnknownNode(bytes(stem[:depth]), stem)
        return False

    def update(self, writes: Mapping[TreeKey, Value]) -> "Tree[P]":
        """The tree after these writes. Raises: UnknownNode, and then nothing has happened."""
        if not writes:
            return self
        grown = self.engine.grow(self.root, writes)
        if grown is not None:
            return Tree(self.engine, grown)
        by_stem: dict[bytes, dict[int, Value]] = {}
        for key, value in writes.items():
            by_stem.setdefault(key[:STEM_BYTES], {})[key[STEM_BYTES]] = value
        plan = _Plan[P]()
        draft = plan.internal(self.root, sorted(by_stem.items()), 0)
        plan.commit(self.engine)
        return Tree(self.engine, draft.result())


@dataclass(slots=True)
class _StemDraft(Generic[P]):
    """A stem node to be: an old one or none, and what is written to each of its halves."""

    stem: Stem
    old: StemNode[P] | None
    written: tuple[dict[int, Value], dict[int, Value]]
    halves: list[Half[P] | Gap]
    """The old halves; once committed, the new ones."""
    node: StemNode[P] | None = None

    def result(self) -> StemNode[P]:
        assert self.node is not None, "committed before it is used"
        return self.node


@dataclass(slots=True)
class _InternalDraft(Generic[P]):
    """An internal node to be: an old one or none, and the children that change."""

    old: InternalNode[P] | None
    changes: list[tuple[int, Node[P], "_Draft[P]"]] = field(default_factory=list)
    """(index, the old child, the new one)."""
    node: InternalNode[P] | None = None

    def result(self) -> InternalNode[P]:
        assert self.node is not None, "committed before it is used"
        return self.node


_Draft = _StemDraft[P] | _InternalDraft[P] | StemNode[P]
_Group = list[tuple[bytes, dict[int, Value]]]


def _result(draft: "_Draft[P]") -> StemNode[P] | InternalNode[P]:
    return draft if isinstance(draft, StemNode) else draft.result()


def _scalar(node: Node[P]) -> int:
    """A child's entry in its parent."""
    return 0 if isinstance(node, Gap) else node.scalar


def _by_index(group: _Group, depth: int) -> Iterable[tuple[int, _Group]]:
    """The stems of a group by their path byte at `depth`, ascending."""
    split: dict[int, _Group] = {}
    for entry in group:
        split.setdefault(entry[0][depth], []).append(entry)
    return split.items()


class _Plan(Generic[P]):
    """The nodes that an update makes, gathered by level."""

    def __init__(self) -> None:
        self.stems: list[_StemDraft[P]] = []
        self.levels: dict[int, list[_InternalDraft[P]]] = {}

    def internal(self, old: InternalNode[P] | None, group: _Group, depth: int) -> _InternalDraft[P]:
        """The internal node at `depth` that takes these writes; a new one where `old` is None."""
        draft = _InternalDraft(old)
        for index, part in _by_index(group, depth):
            child: Node[P] = EMPTY if old is None else old.child(index)
            draft.changes.append((index, child, self._node(child, part, depth + 1)))
        self.levels.setdefault(depth, []).append(draft)
        return draft

    def _node(self, old: Node[P], group: _Group, depth: int) -> "_Draft[P]":
        if isinstance(old, InternalNode):
            return self.internal(old, group, depth)
        if isinstance(old, StemNode):
            if any(stem != old.stem for stem, _ in group):
                return self._split(old, group, depth)
            return self._stem(old, group)
        stem, writes = group[0]
        if old is not EMPTY:
            raise UnknownNode(stem[:depth], TreeKey.at(stem, min(writes)))
        return self._stem(None, group) if len(group) == 1 else self.internal(None, group, depth)

    def _stem(self, old: StemNode[P] | None, group: _Group) -> _StemDraft[P]:
        ((stem, writes),) = group
        written: tuple[dict[int, Value], dict[int, Value]] = ({}, {})
        for suffix, value in writes.items():
            written[suffix // HALF_WIDTH][suffix] = value
        if old is None:
            draft = _StemDraft[P](Stem(stem), None, written, [EMPTY, EMPTY])
        else:
            draft = _StemDraft(old.stem, old, written, list(old.halves))
            for half, part in zip(old.halves, written, strict=True):
                _require_known(old.stem, half, part)
        self.stems.append(draft)
        return draft

    def _split(self, old: StemNode[P], group: _Group, depth: int) -> _InternalDraft[P]:
        """New internal nodes from `depth` on, until the old stem stands apart from the new ones."""
        draft: _InternalDraft[P] = _InternalDraft(None)
        place = old.stem[depth]
        parts = dict(_by_index(group, depth))
        for index, part in parts.items():
            child: Node[P] = old if index == place else EMPTY
            draft.changes.append((index, EMPTY, self._node(child, part, depth + 1)))
        if place not in parts:
            draft.changes.append((place, EMPTY, old))
        self.levels.setdefault(depth, []).append(draft)
        return draft

    def commit(self, engine: Engine[P]) -> None:
        """Make the planned nodes: stems first, then internal nodes from the deepest level up."""
        _commit_stems(engine, self.stems)
        for depth in sorted(self.levels, reverse=True):
            _commit_internal(engine, self.levels[depth])


def _require_known(stem: Stem, half: Half[P] | Gap, written: Iterable[int]) -> None:
    """Raises: UnknownNode where the view does not say what a written suffix held."""
    for suffix in written:
        known = half if isinstance(half, Gap) else half.values.get(suffix, half.rest)
        if known is Gap.UNKNOWN:
            raise UnknownNode(bytes(stem), TreeKey.at(stem, suffix))


def _commit_stems(engine: Engine[P], drafts: list[_StemDraft[P]]) -> None:
    changes = _commit_halves(engine, drafts)
    rows: list[Row] = []
    olds: list[P] = []
    for draft, change in zip(drafts, changes, strict=True):
        if draft.old is None:
            change += [(0, STEM_MARKER), (1, stem_scalar(draft.stem))]
        rows.append(change)
        olds.append(engine.zero if draft.old is None else draft.old.commitment)
    points = engine.add(olds, engine.commit(rows))
    for draft, point, scalar in zip(drafts, points, engine.to_scalars(points), strict=True):
        low, high = draft.halves
        draft.node = StemNode(point, scalar, draft.stem, (low, high))


def _commit_halves(engine: Engine[P], drafts: list[_StemDraft[P]]) -> list[list[tuple[int, int]]]:
    """Make the halves that are written to. Per draft: what changes in its stem node's row."""
    places: list[tuple[int, int]] = []
    olds: list[P] = []
    rows: list[Row] = []
    for number, draft in enumerate(drafts):
        for side, written in enumerate(draft.written):
            if written:
                old = draft.halves[side]
                places.append((number, side))
                olds.append(engine.zero if isinstance(old, Gap) else old.commitment)
                rows.append(_leaf_changes({} if isinstance(old, Gap) else old.values, written))
    points = engine.add(olds, engine.commit(rows))
    changes: list[list[tuple[int, int]]] = [[] for _ in drafts]
    for (number, side), point, scalar in zip(places, points, engine.to_scalars(points), strict=True):
        draft = drafts[number]
        old, written = draft.halves[side], draft.written[side]
        if isinstance(old, Gap):
            draft.halves[side] = Half(point, scalar, written, EMPTY)
            changes[number].append((2 + side, scalar))
        else:
            draft.halves[side] = Half(point, scalar, {**old.values, **written}, old.rest)
            changes[number].append((2 + side, scalar - old.scalar))
    return changes


def _leaf_changes(before: Mapping[int, Value | Gap], written: Mapping[int, Value]) -> list[tuple[int, int]]:
    """What changes in a half's row when these values are written."""
    row = []
    for suffix, value in written.items():
        old_low, old_high = leaf_scalars(before.get(suffix, EMPTY))
        low, high = leaf_scalars(value)
        index = leaf_index(suffix)
        row.append((index, low - old_low))
        row.append((index + 1, high - old_high))
    return row


def _commit_internal(engine: Engine[P], drafts: list[_InternalDraft[P]]) -> None:
    rows: list[Row] = [
        [(index, _result(new).scalar - _scalar(old)) for index, old, new in draft.changes] for draft in drafts
    ]
    olds = [engine.zero if draft.old is None else draft.old.commitment for draft in drafts]
    points = engine.add(olds, engine.commit(rows))
    for draft, point, scalar in zip(drafts, points, engine.to_scalars(points), strict=True):
        changed: dict[int, Node[P]] = {index: _result(new) for index, _, new in draft.changes}
        if draft.old is None:
            draft.node = InternalNode(point, scalar, changed, EMPTY)
        else:
            draft.node = InternalNode(point, scalar, _replaced(draft.old.children, changed), draft.old.rest)


def _replaced(children: Mapping[int, Node[P]], changed: dict[int, Node[P]]) -> Mapping[int, Node[P]]:
    return children.replaced(changed) if isinstance(children, StoredChildren) else {**children, **changed}
