"""Whole trees out of arrays, in columns of bytes. Twin: `verkle.packed.defined_nodes`.

The tree is grown in a store of its own. Many contracts share their code, so many halves are alike: a row that occurs
more than once is committed to once.
"""

from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from accel import store
from accel.growth import NOTHING
from accel.limbs import Indices, Words
from accel.store import Store
from spec.params import STEM_BYTES
from verkle.packed import PackedLeaves, PackedNodes

LONG: Final = 16
"""Entries from which on it pays to look whether a row has occurred before."""
_MULTIPLIERS: Final = np.random.default_rng(6800).integers(1, 2**63, size=(257, 4), dtype=np.uint64) * 2 + 1
"""By index and word; only where sums agree are rows compared."""


def packed(engine: Any, leaves: PackedLeaves) -> PackedNodes:
    """Every node of the tree that holds these leaves and nothing else."""
    stems = np.frombuffer(leaves.stems, dtype=np.uint8).reshape(-1, STEM_BYTES)
    keys = np.empty((len(leaves.suffixes), STEM_BYTES + 1), dtype=np.uint8)
    keys[:, :STEM_BYTES] = np.repeat(stems, np.asarray(leaves.counts, dtype=np.int64), axis=0)
    keys[:, STEM_BYTES] = np.frombuffer(leaves.suffixes, dtype=np.uint8)
    values = np.frombuffer(bytearray(leaves.values), dtype=np.uint64).reshape(-1, 4)
    made = Store()
    store.update(_Distinct(engine), made, NOTHING, keys, values)
    return _columns(engine, made)


class _Distinct:
    """An engine that commits to each of equal rows once."""

    def __init__(self, engine: Any) -> None:
        self._engine: Final = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def commit_arrays(self, starts: Indices, indices: Indices, scalars: Words) -> Words:
        """`NumbaEngine.commit_arrays`."""
        first_of = _first_of(starts, indices, scalars)
        kept = np.flatnonzero(first_of == np.arange(len(first_of)))
        if len(kept) == len(first_of):
            plain: Words = self._engine.commit_arrays(starts, indices, scalars)
            return plain
        entries = _runs(starts[kept], starts[kept + 1])
        kept_starts = np.concatenate([[0], np.cumsum(starts[kept + 1] - starts[kept])]).astype(np.int64)
        made: Words = self._engine.commit_arrays(kept_starts, indices[entries], scalars[entries])
        return made[np.searchsorted(kept, first_of)]


def _first_of(starts: Indices, indices: Indices, scalars: Words) -> Indices:
    """Per row, the first row that equals it, for long rows; a row itself otherwise."""
    rows = np.arange(len(starts) - 1)
    lengths = starts[1:] - starts[:-1]
    long = np.flatnonzero(lengths >= LONG)
    if len(long) < 2:
        return rows
    entries = _runs(starts[long], starts[long + 1])
    mixed = (scalars[entries] * _MULTIPLIERS[indices[entries]]).sum(axis=1, dtype=np.uint64)
    sums = np.add.reduceat(mixed, np.cumsum(lengths[long]) - lengths[long])
    _, firsts, groups = np.unique(sums, return_index=True, return_inverse=True)
    others = long[firsts[groups]]
    alike = np.flatnonzero((others != long) & (lengths[others] == lengths[long]))
    if not len(alike):
        return rows
    here, there = long[alike], others[alike]
    mine, theirs = _runs(starts[here], starts[here + 1]), _runs(starts[there], starts[there + 1])
    differs = (indices[mine] != indices[theirs]) | (scalars[mine] != scalars[theirs]).any(axis=1)
    differing = np.add.reduceat(differs.astype(np.int64), np.cumsum(lengths[here]) - lengths[here])
    equal = differing == 0
    rows[here[equal]] = there[equal]
    return rows


def _runs(starts: Indices, ends: Indices) -> Indices:
    """starts[0] .. ends[0] - 1, starts[1] .. ends[1] - 1, ..."""
    lengths = ends - starts
    firsts = np.cumsum(lengths) - lengths
    return np.repeat(starts - firsts, lengths) + np.arange(int(lengths.sum()), dtype=np.int64)


def _columns(engine: Any, made: Store) -> PackedNodes:
    names = np.ascontiguousarray(made.names_bytes()[:, :STEM_BYTES])
    order = np.argsort(names.view(f"V{STEM_BYTES}").reshape(-1)) if len(names) else np.empty(0, dtype=np.int64)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    halves = np.zeros((made.half_starts.size + 1, 64), dtype=np.uint8)
    halves[:-1] = _commitments(engine, made.half_points.rows, made.half_scalars.rows)
    stems = np.empty((len(order), 3, 64), dtype=np.uint8)
    stems[:, 0] = _commitments(engine, made.stem_points.rows, made.stem_scalars.rows)[order]
    stems[:, 1:] = halves[made.halves.rows[order]]
    children = made.children.rows.copy()
    children[children < 0] = -1 - rank[-1 - children[children < 0]]
    counts = (made.link_ends.rows - made.link_starts.rows).tolist()
    indices, numbers = made.indices.rows.astype(np.uint8).tobytes(), children.tolist()
    return PackedNodes(
        stems.tobytes(),
        _paths(counts, indices, numbers),
        _commitments(engine, made.points.rows, made.scalars.rows).tobytes(),
        counts,
        indices,
        numbers,
    )


def _commitments(engine: Any, points: Words, scalars: Words) -> NDArray[np.uint8]:
    """Rows of 64 bytes: the point, big-endian, and its scalar, little-endian."""
    both = np.empty((len(points), 8), dtype=np.uint64)
    if len(points):
        both[:, :4] = engine.kernels.encode(np.ascontiguousarray(points))[:, ::-1].byteswap()
        both[:, 4:] = scalars
    return both.view(np.uint8)


def _paths(counts: list[int], indices: bytes, children: list[int]) -> list[bytes]:
    """The paths of internal nodes: a child's number is above its parent's."""
    paths = [b""] * len(counts)
    for path_of, (first, count) in enumerate(zip(accumulate(counts, initial=0), counts, strict=False)):
        for link in range(first, first + count):
            if children[link] >= 0:
                paths[children[link]] = paths[path_of] + indices[link : link + 1]
    return paths
