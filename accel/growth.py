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
ROOM: Final = 1 << 10
"""Rows that there is room for at first, whatever is written."""
MOST_FORESEEN: Final = 1 << 20
"""Links of old nodes, at most, that there is room for at first. (What is not used takes no memory.)"""


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
    nodes = 4 * len(keys) + ROOM
    entries = nodes if root == NOTHING else nodes + min(512 * len(keys), MOST_FORESEEN)
    while True:
        made = _grow(root, keys, names, *links, len(links[0]), stems, nodes, entries)
        if made[0]:
            return Growth(*made[1:])
        nodes, entries = 2 * nodes, 2 * entries


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
    root: int,
    keys: Any,
    names: Any,
    starts: Any,
    ends: Any,
    indices: Any,
    children: Any,
    internals: int,
    stems: int,
    room: int,
    entries: int,
) -> Any:
    """Breadth first: an item is a place of the tree with the keys that go there.

    Returns (True, the members of `Growth`); or (False, arrays without meaning) where there are more nodes than `room`
    or more links than `entries`. The arrays are never exchanged for larger ones on the way: that alone would make the
    loops four times as slow, since Numba counts references to a variable that may change in every turn.
    """
    item_old, item_first, item_last = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    item_place = np.empty(room, np.int64)
    olds, link_starts, change_starts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    new_indices, new_children = np.empty(entries, np.int64), np.empty(entries, np.int64)
    changed, before = np.empty(entries, np.int64), np.empty(entries, np.int64)
    stem_olds, firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    level_starts = np.zeros(34, np.int64)
    item_old[0], item_first[0], item_last[0], item_place[0] = root, 0, keys.shape[0], -1
    items, done, nodes, links, changes, new_stems, depth = 1, 0, 0, 0, 0, 0, 0
    enough = True
    while done < items and enough:
        level_starts[depth] = nodes
        level_end = items
        while done < level_end:
            enough = max(items, nodes, new_stems) + 257 <= room and max(links, changes) + 256 <= entries
            if not enough:
                break
            old, first, last, place = item_old[done], item_first[done], item_last[done], item_place[done]
            done += 1
            one_stem = last - first == 1 or same_stem(keys, first, keys, last - 1)
            if depth > 0 and one_stem and (old == NOTHING or (old < 0 and same_stem(keys, first, names, -1 - old))):
                stem_olds[new_stems] = NOTHING if old == NOTHING else -1 - old
                firsts[new_stems], lasts[new_stems] = first, last
                new_children[place] = -1 - (stems + new_stems)
                new_stems += 1
                continue
            if place >= 0:
                new_children[place] = internals + nodes
            olds[nodes] = old if 0 <= old < NOTHING else NOTHING
            link_starts[nodes], change_starts[nodes] = links, changes
            nodes += 1
            source, source_end = 0, 0
            if 0 <= old < NOTHING:
                source, source_end = starts[old], ends[old]
            own = -1
            if old < 0:
                own = int64(names[-1 - old, depth])
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
    link_starts[nodes], change_starts[nodes] = links, changes
    return (
        enough,
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
