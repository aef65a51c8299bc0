"""Whole trees in arrays: a store that many versions share, and nodes that are made when they are asked for.

A version is a root's number. An update appends new nodes and leaves the old ones, so every version stands as long as
somebody holds it. When more has been appended than is alive, the next update goes to a store of its own with the living
nodes only.

To everyone else a version's root is an ordinary `InternalNode`: read, updated and proved like any other. Twin:
`Tree.update`, node by node.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accel import growth, rows, showing
from accel.growth import NOTHING, Bytes, Growth
from accel.limbs import Indices, Words, integers_of
from accel.vectors import ArrayPolynomials, ArrayVector
from spec.types import Stem, TreeKey, Value
from verkle.engine import Openings, Shown
from verkle.node import EMPTY, STEM_MARKER, Gap, Half, InternalNode, StemNode

SHARED: Final = 128
"""Least stems that a thread is given."""
ROOM: Final = 1 << 14
"""Nodes that may be appended beyond twice the living ones before a store is left behind."""


class Column:
    """A growing array of rows."""

    __slots__ = ("_array", "size")

    def __init__(self, width: int, kind: Any) -> None:
        self._array: NDArray[Any] = np.empty((0, width) if width else 0, dtype=kind)
        self.size = 0

    @property
    def rows(self) -> NDArray[Any]:
        """What is there; rows never change once they are appended."""
        return self._array[: self.size]

    def append(self, *parts: NDArray[Any]) -> None:
        """Add rows at the end, part after part; the room doubles when it is used up.

        The rows of a new column may stay where they are: who appends them does not change them afterwards.
        """
        if not len(self._array) and len(parts) == 1 and parts[0].flags.c_contiguous:
            self._array, self.size = parts[0].astype(self._array.dtype, copy=False), len(parts[0])
            return
        end = self.size + sum(map(len, parts))
        if end > len(self._array):
            larger = np.empty((max(end, 2 * self.size), *self._array.shape[1:]), dtype=self._array.dtype)
            larger[: self.size] = self.rows
            self._array = larger
        for part in parts:
            self._array[self.size : self.size + len(part)] = part
            self.size += len(part)


class Store:
    """Nodes of all kinds, by number, in columns. Points: 16 words; scalars: 4 words, canonical.

    half h           half_points, half_scalars; its values half_starts[h] .. half_ends[h] - 1 of suffixes and values
    stem s           stem_points, stem_scalars; names (31 bytes and a zero byte); halves (two numbers, -1 for none)
    internal node i  points, scalars; its children link_starts[i] .. link_ends[i] - 1 of indices and children
    """

    def __init__(self, alive: int = 0) -> None:
        words, numbers = partial(Column, kind=np.uint64), partial(Column, kind=np.int64)
        self.half_points, self.half_scalars = words(16), words(4)
        self.half_starts, self.half_ends = numbers(0), numbers(0)
        self.suffixes, self.values = Column(0, np.uint8), words(4)
        self.stem_points, self.stem_scalars = words(16), words(4)
        self.names, self.halves = words(4), numbers(2)
        self.points, self.scalars = words(16), words(4)
        self.link_starts, self.link_ends = numbers(0), numbers(0)
        self.indices, self.children = numbers(0), numbers(0)
        self.alive = alive
        """Stems and internal nodes that were alive when the store was made."""
        self.lock: Final = threading.Lock()

    def columns(self) -> list[Column]:
        """All columns."""
        return [column for column in vars(self).values() if isinstance(column, Column)]

    def nodes(self) -> int:
        """Stems and internal nodes, alive or not."""
        return self.names.size + self.link_starts.size

    def names_bytes(self) -> Bytes:
        """Stems as rows of 32 bytes."""
        return self.names.rows.view(np.uint8).reshape(-1, 32)


def update(engine: Any, store: Store, root: int, keys: Bytes, values: Words) -> int:
    """Append what these writes make of version `root` (or NOTHING); the new root's number. keys: strictly ascending."""
    s = store
    links = (s.link_starts.rows, s.link_ends.rows, s.indices.rows, s.children.rows)
    grown = growth.grow(root, keys, s.names_bytes(), links, s.names.size)
    _append_stems(engine, s, grown, keys, values)
    internals, base = s.link_starts.size, s.children.size
    s.link_starts.append(grown.link_starts[:-1] + base)
    s.link_ends.append(grown.link_starts[1:] + base)
    s.indices.append(grown.indices)
    s.children.append(grown.children)
    count = len(grown.olds)
    points, scalars = np.empty((count, 16), dtype=np.uint64), np.empty((count, 4), dtype=np.uint64)
    s.points.append(points)
    s.scalars.append(scalars)
    points, scalars = s.points.rows[internals:], s.scalars.rows[internals:]
    for depth in range(len(grown.level_starts) - 2, -1, -1):
        first, last = int(grown.level_starts[depth]), int(grown.level_starts[depth + 1])
        changes = rows.child_rows(
            first, last, grown.change_starts, grown.changed, grown.before, grown.indices, grown.children,
            s.stem_scalars.rows, s.scalars.rows,
        )  # fmt: skip
        points[first:last] = _changed(engine, s.points.rows, grown.olds[first:last], changes)
        scalars[first:last] = engine.scalar_arrays(points[first:last])
    return internals


class _Stems(NamedTuple):
    """New stems and their halves, as they would be if no others were new."""

    half_points: Words
    half_scalars: Words
    run_starts: Indices
    suffixes: Bytes
    values: Words
    points: Words
    scalars: Words
    names: Words
    halves: Indices


def _append_stems(engine: Any, s: Store, grown: Growth, keys: Bytes, values: Words) -> None:
    """New stems depend on nothing but what they replace, so threads share them out."""
    base, runs = s.half_starts.size, s.suffixes.size
    columns = grown.stem_olds, grown.stem_firsts, grown.stem_lasts
    made: list[_Stems] = engine.team.split(partial(_stems, engine, s, keys, values), columns, SHARED)
    starts, ends, halves = [], [], []
    for part in made:
        starts.append(part.run_starts[:-1] + runs)
        ends.append(part.run_starts[1:] + runs)
        own = s.half_starts.size + sum(map(len, starts[:-1]))
        halves.append(np.where(part.halves < base, part.halves, part.halves + (own - base)))
        runs += len(part.suffixes)
    s.half_starts.append(*starts)
    s.half_ends.append(*ends)
    s.halves.append(*halves)
    s.half_points.append(*(part.half_points for part in made))
    s.half_scalars.append(*(part.half_scalars for part in made))
    s.suffixes.append(*(part.suffixes for part in made))
    s.values.append(*(part.values for part in made))
    s.stem_points.append(*(part.points for part in made))
    s.stem_scalars.append(*(part.scalars for part in made))
    s.names.append(*(part.names for part in made))


def _stems(engine: Any, s: Store, keys: Bytes, values: Words, olds: Indices, firsts: Indices, lasts: Indices) -> _Stems:
    """New stems that replace `olds`; the writes to each are those of keys firsts .. lasts - 1."""
    base = s.half_starts.size
    halves, half_olds, run_starts, suffixes, held, *changes = rows.half_rows(
        keys, values, olds, firsts, lasts, s.halves.rows,
        s.half_starts.rows, s.half_ends.rows, s.suffixes.rows, s.values.rows, base,
    )  # fmt: skip
    half_points = _changed(engine, s.half_points.rows, np.where(half_olds < 0, NOTHING, half_olds), changes)
    half_scalars = engine.scalar_arrays(half_points)
    names = keys.take(firsts, axis=0)
    names[:, 31] = 0
    named = names.view(np.uint64).reshape(-1, 4)
    changes = rows.stem_rows(named, olds, halves, s.halves.rows, s.half_scalars.rows, half_scalars, base)
    points = _changed(engine, s.stem_points.rows, olds, changes)
    scalars = engine.scalar_arrays(points)
    return _Stems(half_points, half_scalars, run_starts, suffixes, held, points, scalars, named, halves)


def _changed(engine: Any, points: Words, olds: Indices, changes: Any) -> Words:
    """The commitments of new nodes: those of the old ones, where there are, plus what changes."""
    delta: Words = engine.commit_arrays(*changes)
    kept = np.flatnonzero(olds != NOTHING)
    if len(kept) == len(olds):
        delta = engine.add_arrays(points.take(olds, axis=0), delta)
    elif len(kept):
        delta[kept] = engine.add_arrays(points.take(olds[kept], axis=0), delta.take(kept, axis=0))
    return delta


def compacted(store: Store, root: int) -> tuple[Store, int]:
    """A store with the nodes that version `root` reaches, level by level; its root is number 0."""
    levels, stems = [np.array([root], dtype=np.int64)], []
    while len(levels[-1]):
        below = store.children.rows[_runs(store.link_starts.rows[levels[-1]], store.link_ends.rows[levels[-1]])]
        stems.append(-1 - below[below < 0])
        levels.append(below[below >= 0])
    internals, stem_numbers = np.concatenate(levels), np.concatenate(stems)
    halves = store.halves.rows[stem_numbers]
    half_numbers = halves[halves >= 0]
    internal_places = _places(internals, store.link_starts.size)
    stem_places = _places(stem_numbers, store.names.size)
    half_places = _places(half_numbers, store.half_starts.size)
    new = Store(alive=len(internals) + len(stem_numbers))
    runs = _runs(store.half_starts.rows[half_numbers], store.half_ends.rows[half_numbers])
    new.suffixes.append(store.suffixes.rows[runs])
    new.values.append(store.values.rows[runs])
    ends = np.cumsum(store.half_ends.rows[half_numbers] - store.half_starts.rows[half_numbers])
    new.half_starts.append(np.concatenate([[0], ends])[:-1].astype(np.int64))
    new.half_ends.append(ends)
    new.half_points.append(store.half_points.rows[half_numbers])
    new.half_scalars.append(store.half_scalars.rows[half_numbers])
    new.stem_points.append(store.stem_points.rows[stem_numbers])
    new.stem_scalars.append(store.stem_scalars.rows[stem_numbers])
    new.names.append(store.names.rows[stem_numbers])
    new.halves.append(np.where(halves < 0, -1, half_places[halves]))
    new.points.append(store.points.rows[internals])
    new.scalars.append(store.scalars.rows[internals])
    links = _runs(store.link_starts.rows[internals], store.link_ends.rows[internals])
    ends = np.cumsum(store.link_ends.rows[internals] - store.link_starts.rows[internals])
    new.link_starts.append(np.concatenate([[0], ends])[:-1].astype(np.int64))
    new.link_ends.append(ends)
    new.indices.append(store.indices.rows[links])
    children = store.children.rows[links]
    inner = children >= 0
    moved = np.empty_like(children)
    moved[inner], moved[~inner] = internal_places[children[inner]], -1 - stem_places[-1 - children[~inner]]
    new.children.append(moved)
    return new, 0


def _runs(starts: Indices, ends: Indices) -> Indices:
    """starts[0] .. ends[0] - 1, starts[1] .. ends[1] - 1, ..."""
    lengths = ends - starts
    firsts = np.cumsum(lengths) - lengths
    return np.repeat(starts - firsts, lengths) + np.arange(int(lengths.sum()), dtype=np.int64)


def _places(numbers: Indices, count: int) -> Indices:
    """places[numbers[k]] = k."""
    places = np.full(max(count, 1), -1, dtype=np.int64)
    places[numbers] = np.arange(len(numbers), dtype=np.int64)
    return places


class StoreChildren(Mapping[int, StemNode[bytes] | InternalNode[bytes]]):
    """The children of internal node `number` of a store."""

    __slots__ = ("_made", "number", "store")

    def __init__(self, store: Store, number: int) -> None:
        self.store: Final = store
        self.number: Final = number
        self._made: dict[int, StemNode[bytes] | InternalNode[bytes]] = {}

    def _links(self) -> slice:
        return slice(int(self.store.link_starts.rows[self.number]), int(self.store.link_ends.rows[self.number]))

    def __getitem__(self, index: int) -> StemNode[bytes] | InternalNode[bytes]:
        made = self._made.get(index)
        if made is None:
            links = self._links()
            indices = self.store.indices.rows[links]
            place = int(np.searchsorted(indices, index))
            if place == len(indices) or indices[place] != index:
                raise KeyError(index)
            made = self._made[index] = node(self.store, int(self.store.children.rows[links.start + place]))
        return made

    def __iter__(self) -> Iterator[int]:
        return iter(self.store.indices.rows[self._links()].tolist())

    def __len__(self) -> int:
        links = self._links()
        return int(links.stop - links.start)


def node(store: Store, number: int) -> StemNode[bytes] | InternalNode[bytes]:
    """Internal node `number`, or stem -1 - number, as a node."""
    return internal(store, number) if number >= 0 else _stem(store, -1 - number)


def internal(store: Store, number: int) -> InternalNode[bytes]:
    """Internal node `number`, its children still in the store."""
    point, scalar = _commitment(store.points, store.scalars, number)
    return InternalNode(point, scalar, StoreChildren(store, number), EMPTY)


def _stem(store: Store, number: int) -> StemNode[bytes]:
    point, scalar = _commitment(store.stem_points, store.stem_scalars, number)
    low, high = (_half(store, half) for half in store.halves.rows[number].tolist())
    return StemNode(point, scalar, Stem(store.names.rows[number].tobytes()[:31]), (low, high))


def _half(store: Store, number: int) -> Half[bytes] | Gap:
    if number < 0:
        return EMPTY
    run = slice(int(store.half_starts.rows[number]), int(store.half_ends.rows[number]))
    data = store.values.rows[run].tobytes()
    values: dict[int, Value | Gap] = {
        suffix: Value(data[32 * i : 32 * i + 32]) for i, suffix in enumerate(store.suffixes.rows[run].tolist())
    }
    return Half(*_commitment(store.half_points, store.half_scalars, number), values, EMPTY)


def _commitment(points: Column, scalars: Column, number: int) -> tuple[bytes, int]:
    return points.rows[number].tobytes(), int.from_bytes(scalars.rows[number].tobytes(), "little")


def _ascending(writes: Mapping[TreeKey, Value]) -> tuple[Bytes, Words]:
    """Keys and values of writes, by ascending key: by their first words, and wholly where some share one."""
    keys = np.frombuffer(bytearray().join(writes), dtype=np.uint64).reshape(-1, 4)
    first = keys[:, 0].byteswap()
    order = np.argsort(first)
    ascending = first.take(order)
    if (ascending[1:] == ascending[:-1]).any():
        order = np.lexsort(keys.T[::-1].byteswap())
    values = np.frombuffer(bytearray().join(writes.values()), dtype=np.uint64).reshape(-1, 4)
    return keys.take(order, axis=0).view(np.uint8).reshape(-1, 32), values.take(order, axis=0)


def grow(engine: Any, root: InternalNode[bytes], writes: Mapping[TreeKey, Value]) -> InternalNode[bytes] | None:
    """The tree after these writes (at least one), or None where `root` is neither empty nor of a store."""
    if isinstance(root.children, StoreChildren):
        store, number = root.children.store, root.children.number
    elif not root.children and root.rest is EMPTY:
        store, number = Store(), NOTHING
    else:
        return None
    keys, values = _ascending(writes)
    with store.lock:
        if number != NOTHING and store.nodes() > 2 * store.alive + ROOM:
            store, number = compacted(store, number)
        sizes = [column.size for column in store.columns()]
        try:
            made = update(engine, store, number, keys, values)
        except BaseException:  # also an interrupt: columns must not stay at odds
            for column, size in zip(store.columns(), sizes, strict=True):
                column.size = size
            raise
        if number == NOTHING:
            store.alive = store.nodes()
    return internal(store, made)


def show(engine: Any, root: InternalNode[bytes], keys: Sequence[TreeKey], *, markers: bool) -> Shown[bytes] | None:
    """What a proof of these keys shows of the tree; None where `root` is not of a store, or cannot be marked."""
    if not isinstance(root.children, StoreChildren):
        return None
    s = root.children.store
    links = (s.link_starts.rows, s.link_ends.rows, s.indices.rows, s.children.rows)
    stems, halves = (
        (s.names_bytes(), s.halves.rows),
        (s.half_starts.rows, s.half_ends.rows, s.suffixes.rows, s.values.rows),
    )
    scalars = (s.scalars.rows, s.stem_scalars.rows, s.half_scalars.rows)
    asked = np.frombuffer(bytearray().join(keys), dtype=np.uint8).reshape(-1, 32)
    room, opened = 0, showing.room_for(len(keys))
    while opened > room:
        room = opened
        opened, nodes, kinds, numbers, groups, points, values, extensions, others, places, unshown = showing.walk(
            root.children.number, asked, links, stems, halves, scalars, room
        )
    kinds, numbers, groups, points, values = (
        kinds[:nodes].copy(), numbers[:nodes].copy(), groups[:opened], points[:opened], values[: opened + 9],
    )  # fmt: skip
    row_starts, row_indices, row_values = showing.polynomials(kinds, numbers, links, stems, halves, scalars)
    marked: list[int] = []
    if markers:
        bare = np.flatnonzero(unshown[:nodes] >= 0)
        firsts = unshown[bare]
        entries = row_values[row_starts[bare]] * (row_indices[row_starts[bare]] == 0)[:, None]
        if (entries == [STEM_MARKER, 0, 0, 0]).all(axis=1).any():
            return None
        silent = points[firsts] != 0
        bare, firsts, entries = bare[silent], firsts[silent], entries[silent]
        marked = integers_of(entries)
        groups, points = np.insert(groups, firsts, bare), np.insert(points, firsts, 0)
        values = np.insert(values, firsts, entries, axis=0)
    commitments = showing.points_of(
        kinds, numbers, s.points.rows, s.stem_points.rows, s.half_points.rows, engine.point_array([engine.zero])
    )
    found = Value.each(s.values.rows[places].tobytes()) if len(s.values.rows) else []
    return Shown(
        Openings(engine.points(commitments), groups, points, ArrayVector(values, len(points))),
        ArrayPolynomials(row_starts, row_indices, row_values),
        extensions.tobytes(),
        tuple(Stem(s.names.rows[other].tobytes()[:31]) for other in others.tolist()),
        tuple(marked),
        [value if place >= 0 else None for value, place in zip(found, places.tolist(), strict=True)],
    )


def memory(store: Store) -> int:
    """Bytes that the rows of a store take."""
    return sum(int(column.rows.nbytes) for column in store.columns())
