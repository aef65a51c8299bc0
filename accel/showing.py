"""What a proof of keys shows of a tree in arrays: the walk of `witness.openings`, from which it must never differ.

A node that is opened is (kind, number): an internal node, a stem, a half, or a half that is not there, which commits to
nothing. Nodes are met before what is below them, by ascending path. Twin: `witness.openings.show`.

Shapes: keys (m, 32) bytes, strictly ascending; values and scalars as rows of 4 words.
"""

from typing import Any, Final

import numpy as np
from numba import int64, uint8, uint64

from accel.compile import kernel
from accel.growth import NOTHING, find, same_stem
from accel.limbs import Words, aligned
from accel.rows import entry_of, leaf

INTERNAL: Final = 0
STEM: Final = 1
HALF: Final = 2
NO_HALF: Final = 3

EMPTY_SLOT, OTHER_STEM, PRESENT = 0, 1, 2
"""As `witness.openings.Status`."""
STATUS_BITS: Final = 3


def room_for(keys: int) -> int:
    """Openings that are made room for at first."""
    return 12 * keys + 64


@kernel
def walk(
    root: int,
    keys: Any,
    links: tuple[Any, Any, Any, Any],
    stems: tuple[Any, Any],
    halves: tuple[Any, Any, Any, Any],
    scalars: tuple[Any, Any, Any],
    room: int,
) -> Any:
    """Every opening of these keys below internal node `root`; a longer `room` where that is too little.

    links: starts, ends, indices, children of internal nodes. stems: names (n, 32) bytes, their halves. halves: starts,
    ends, suffixes, values. scalars: of internal nodes, stems, halves.
    Returns (openings, nodes, kinds, numbers, groups, points, values, extensions, other stems, places of the keys'
    values or -1, first openings of internal nodes below which no stem was met; -1 for others).
    """
    starts, ends, indices, children = links
    names, stem_halves = stems
    half_starts, half_ends, suffixes, held = halves
    internal_scalars, stem_scalars, half_scalars = scalars
    count = keys.shape[0]
    kinds, numbers, above = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    unshown = np.full(room, -1, np.int64)
    groups, points, values = np.empty(room, np.int64), np.empty(room, np.uint8), np.zeros((room + 9, 4), np.uint64)
    extensions, extended = np.empty(count, np.uint8), 0
    others, other = np.empty(count, np.int64), 0
    places = np.full(count, -1, np.int64)
    stack = np.empty((count + 1, 5), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3], stack[0, 4] = root, 0, count, 0, -1
    waiting, nodes, opened = 1, 0, 0
    pair = np.empty((2, 4), np.uint64)
    while waiting > 0:
        waiting -= 1
        at, first, last = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        depth, parent = stack[waiting, 3], stack[waiting, 4]
        if at == NOTHING:
            for key in range(first, last):
                if key == first or not same_stem(keys, key - 1, keys, key):
                    extensions[extended] = uint8(depth << STATUS_BITS | EMPTY_SLOT)
                    extended += 1
            continue
        if nodes + 3 > room or opened + 2 * (last - first) + 260 > room:
            return 2 * room + 260, nodes, kinds, numbers, groups, points, values, extensions, others, places, unshown
        node = nodes
        nodes += 1
        if at >= 0:
            kinds[node], numbers[node], above[node] = INTERNAL, at, parent
            unshown[node] = opened if depth > 0 else -1
            below = waiting
            while first < last:
                index = int64(keys[first, depth])
                end = first + 1
                while end < last and keys[end, depth] == index:
                    end += 1
                place = find(indices, starts[at], ends[at], index)
                child = children[place] if place < ends[at] and indices[place] == index else NOTHING
                groups[opened], points[opened] = node, uint8(index)
                entry_of(child, stem_scalars, internal_scalars, values[opened : opened + 1])
                opened += 1
                stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = child, first, end
                stack[waiting, 3], stack[waiting, 4] = depth + 1, node
                waiting += 1
                first = end
            top = waiting - 1
            while below < top:
                for k in range(5):
                    stack[below, k], stack[top, k] = stack[top, k], stack[below, k]
                below += 1
                top -= 1
            continue
        stem = -1 - at
        kinds[node], numbers[node] = STEM, stem
        while parent >= 0 and unshown[parent] >= 0:
            unshown[parent] = -1
            parent = above[parent]
        own_first, own_last = last, first
        for key in range(first, last):
            own = same_stem(keys, key, names, stem)
            if own:
                own_first, own_last = min(own_first, key), key + 1
            if key == first or not same_stem(keys, key - 1, keys, key):
                extensions[extended] = uint8(depth << STATUS_BITS | (PRESENT if own else OTHER_STEM))
                extended += 1
        groups[opened], points[opened], values[opened, 0] = node, uint8(0), uint64(1)
        groups[opened + 1], points[opened + 1] = node, uint8(1)
        for k in range(31):
            values[opened + 1, k >> 3] |= uint64(names[stem, k]) << uint64(8 * (k & 7))
        opened += 2
        if own_first >= own_last:
            others[other] = stem
            other += 1
            continue
        middle = own_first
        while middle < own_last and keys[middle, 31] < 128:
            middle += 1
        for side in range(2):
            if (middle > own_first) if side == 0 else (own_last > middle):
                groups[opened], points[opened] = node, uint8(2 + side)
                half = stem_halves[stem, side]
                if half >= 0:
                    for j in range(4):
                        values[opened, j] = half_scalars[half, j]
                opened += 1
        for side in range(2):
            low, high = (own_first, middle) if side == 0 else (middle, own_last)
            if low == high:
                continue
            half = stem_halves[stem, side]
            kinds[nodes], numbers[nodes] = (HALF, half) if half >= 0 else (NO_HALF, int64(0))
            source = half_starts[half] if half >= 0 else 0
            source_end = half_ends[half] if half >= 0 else 0
            for key in range(low, high):
                suffix = keys[key, 31]
                while source < source_end and suffixes[source] < suffix:
                    source += 1
                for part in range(2):
                    groups[opened + part], points[opened + part] = nodes, uint8(2 * (int64(suffix) % 128) + part)
                if source < source_end and suffixes[source] == suffix:
                    places[key] = source
                    leaf(held, source, pair)
                    for part in range(2):
                        for j in range(4):
                            values[opened + part, j] = pair[part, j]
                opened += 2
            nodes += 1
    return (
        opened, nodes, kinds, numbers, groups, points, values, extensions[:extended], others[:other], places, unshown,
    )  # fmt: skip


@kernel
def polynomials(kinds: Any, numbers: Any, links: Any, stems: Any, halves: Any, scalars: Any) -> Any:
    """The vectors that nodes commit to, in CSR form: (starts, indices, values with padding)."""
    starts, ends, indices, children = links
    names, stem_halves = stems
    half_starts, half_ends, suffixes, held = halves
    internal_scalars, stem_scalars, half_scalars = scalars
    row_starts, total = np.empty(kinds.size + 1, np.int64), 0
    for node in range(kinds.size):
        row_starts[node] = total
        at = numbers[node]
        if kinds[node] == INTERNAL:
            total += ends[at] - starts[at]
        elif kinds[node] == STEM:
            total += 2 + int64(stem_halves[at, 0] >= 0) + int64(stem_halves[at, 1] >= 0)
        elif kinds[node] == HALF:
            total += 2 * (half_ends[at] - half_starts[at])
    row_starts[kinds.size] = total
    row_indices, values = np.empty(total, np.int64), np.zeros((total + 9, 4), np.uint64)
    for node in range(kinds.size):
        entry, at = row_starts[node], numbers[node]
        if kinds[node] == INTERNAL:
            for link in range(starts[at], ends[at]):
                row_indices[entry] = indices[link]
                entry_of(children[link], stem_scalars, internal_scalars, values[entry : entry + 1])
                entry += 1
        elif kinds[node] == STEM:
            row_indices[entry], row_indices[entry + 1] = 0, 1
            values[entry, 0] = uint64(1)
            for k in range(31):
                values[entry + 1, k >> 3] |= uint64(names[at, k]) << uint64(8 * (k & 7))
            entry += 2
            for side in range(2):
                half = stem_halves[at, side]
                if half >= 0:
                    row_indices[entry] = 2 + side
                    for j in range(4):
                        values[entry, j] = half_scalars[half, j]
                    entry += 1
        elif kinds[node] == HALF:
            for source in range(half_starts[at], half_ends[at]):
                low = 2 * (int64(suffixes[source]) % 128)
                row_indices[entry], row_indices[entry + 1] = low, low + 1
                leaf(held, source, values[entry : entry + 2])
                entry += 2
    return row_starts, row_indices, values


def points_of(kinds: Any, numbers: Any, internals: Words, stems: Words, halves: Words, zero: Words) -> Words:
    """The commitments of nodes."""
    out = aligned(16 * len(kinds)).reshape(-1, 16)
    for kind, source in ((INTERNAL, internals), (STEM, stems), (HALF, halves)):
        chosen = kinds == kind
        out[chosen] = source[numbers[chosen]]
    out[kinds == NO_HALF] = zero
    return out
