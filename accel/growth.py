"""The shape of a tree after a batch of writes: which nodes are new, and which entries of each change. No arithmetic.

Nodes of a store are numbered: internal node i is i, stem s is -1 - s, and nothing at all is NOTHING. New nodes get the
next numbers, internal nodes by level, so that levels are runs. Old nodes are never touched.

Shapes: keys (m, 32) bytes, strictly ascending. A group k of an array `starts` is starts[k] .. starts[k + 1] - 1.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import int64
from numpy.typing import NDArray

from accel.compile import kernel
from accel.limbs import Indices

Bytes = NDArray[np.uint8]

NOTHING: Final = 1 << 62
"""No node: an empty slot."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch of writes makes of a tree."""

    olds: Indices
    """Per new internal node: the one that it replaces, or NOTHING."""
    level_starts: Indices
    """New internal nodes at depth d: level_starts[d] .. level_starts[d + 1] - 1."""
    link_starts: Indices
    """Per new internal node: where its children begin among `indices` and `children`."""
    indices: Indices
    children: Indices
    change_starts: Indices
    """Per new internal node: where its changes begin among `changed` and `before`."""
    changed: Indices
    """Which child (a place in `children`) changes."""
    before: Indices
    """The old child there, or NOTHING."""
    stem_olds: Indices
    """Per new stem: the stem (not negated) that it replaces, or NOTHING."""
    stem_firsts: Indices
    """Per new stem: its writes are those of the keys stem_firsts .. stem_lasts - 1."""
    stem_lasts: Indices


def grow(root: int, keys: Bytes, names: Bytes, links: tuple[Indices, Indices, Indices, Indices], stems: int) -> Growth:
    """The growth of the tree below internal node `root` (or NOTHING) when these keys are written.

    names: (stems, 32), the stem in the first 31 bytes. links: starts, ends, indices, children of internal nodes.
    """
    return Growth(*_grow(root, keys, names, *links, len(links[0]), stems))


@kernel
def grown(array: Any, size: int) -> Any:
    """The same array, with room for at least `size` items."""
    if size <= array.size:
        return array
    larger = np.empty(max(2 * array.size, size), np.int64)
    larger[: array.size] = array
    return larger


@kernel
def same_stem(left: Any, i: int, right: Any, j: int) -> bool:
    """Whether two rows agree in their first 31 bytes."""
    for k in range(31):
        if left[i, k] != right[j, k]:
            return False
    return True


@kernel
def find(indices: Any, first: int, last: int, index: int) -> int:
    """The place of `index` among ascending indices first..last-1, or where it would stand."""
    while first < last:
        middle = (first + last) // 2
        if indices[middle] < index:
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def _grow(
    root: int, keys: Any, names: Any, starts: Any, ends: Any, indices: Any, children: Any, internals: int, stems: int
) -> Any:
    """Breadth first: an item is a place of the tree with the keys that go there."""
    room = 4 * keys.shape[0] + 64
    item_old, item_first, item_last = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    item_place = np.empty(room, np.int64)
    olds, link_starts, change_starts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    new_indices, new_children = np.empty(room, np.int64), np.empty(room, np.int64)
    changed, before = np.empty(room, np.int64), np.empty(room, np.int64)
    stem_olds, firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    level_starts = np.zeros(34, np.int64)
    item_old[0], item_first[0], item_last[0], item_place[0] = root, 0, keys.shape[0], -1
    items, done, nodes, links, changes, new_stems, depth = 1, 0, 0, 0, 0, 0, 0
    while done < items:
        level_starts[depth] = nodes
        level_end = items
        while done < level_end:
            old, first, last, place = item_old[done], item_first[done], item_last[done], item_place[done]
            done += 1
            one_stem = same_stem(keys, first, keys, last - 1)
            if depth > 0 and one_stem and (old == NOTHING or (old < 0 and same_stem(keys, first, names, -1 - old))):
                if new_stems == stem_olds.size:
                    stem_olds, firsts = grown(stem_olds, new_stems + 1), grown(firsts, new_stems + 1)
                    lasts = grown(lasts, new_stems + 1)
                stem_olds[new_stems] = NOTHING if old == NOTHING else -1 - old
                firsts[new_stems], lasts[new_stems] = first, last
                new_children[place] = -1 - (stems + new_stems)
                new_stems += 1
                continue
            if place >= 0:
                new_children[place] = internals + nodes
            if nodes == olds.size:
                olds, link_starts = grown(olds, nodes + 1), grown(link_starts, nodes + 1)
                change_starts = grown(change_starts, nodes + 1)
            olds[nodes] = old if 0 <= old < NOTHING else NOTHING
            link_starts[nodes], change_starts[nodes] = links, changes
            nodes += 1
            source, source_end = 0, 0
            if 0 <= old < NOTHING:
                source, source_end = starts[old], ends[old]
            own = -1
            if old < 0:
                own = int64(names[-1 - old, depth])
            if links + 256 > new_indices.size:
                new_indices, new_children = grown(new_indices, links + 256), grown(new_children, links + 256)
            if changes + 256 > changed.size:
                changed, before = grown(changed, changes + 256), grown(before, changes + 256)
            if items + 256 > item_old.size:
                item_old, item_first = grown(item_old, items + 256), grown(item_first, items + 256)
                item_last, item_place = grown(item_last, items + 256), grown(item_place, items + 256)
            low = first
            while low < last or source < source_end or own >= 0:
                wanted = int64(keys[low, depth]) if low < last else 256
                kept = indices[source] if source < source_end else (own if own >= 0 else 256)
                standing = children[source] if source < source_end else (old if own >= 0 else NOTHING)
                index = min(wanted, kept)
                new_indices[links] = index
                if kept == index:
                    if source < source_end:
                        source += 1
                    else:
                        own = -1
                else:
                    standing = NOTHING
                if wanted != index:
                    new_children[links] = standing
                    if old < 0:
                        changed[changes], before[changes] = links, NOTHING
                        changes += 1
                else:
                    high = low + 1
                    while high < last and keys[high, depth] == index:
                        high += 1
                    changed[changes] = links
                    before[changes] = NOTHING if old < 0 else standing
                    changes += 1
                    item_old[items], item_first[items], item_last[items] = standing, low, high
                    item_place[items] = links
                    items += 1
                    low = high
                links += 1
        depth += 1
    level_starts[depth] = nodes
    link_starts, change_starts = grown(link_starts, nodes + 1), grown(change_starts, nodes + 1)
    link_starts[nodes], change_starts[nodes] = links, changes
    return (
        olds[:nodes].copy(),
        level_starts[: depth + 1].copy(),
        link_starts[: nodes + 1].copy(),
        new_indices[:links].copy(),
        new_children[:links].copy(),
        change_starts[: nodes + 1].copy(),
        changed[:changes].copy(),
        before[:changes].copy(),
        stem_olds[:new_stems].copy(),
        firsts[:new_stems].copy(),
        lasts[:new_stems].copy(),
    )
