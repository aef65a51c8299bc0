"""What changes in the vectors of new nodes, as rows in CSR form: differences of scalars modulo r, none of points.

Shapes: values (n, 4) words, little-endian; scalars (n, 4) words, canonical.
"""

from typing import Any, Final

import numpy as np
from numba import int64, uint64

from accel.compile import kernel
from accel.growth import NOTHING
from verkle.field import FR

_ORDER: Final = np.array([(FR.modulus >> (64 * j)) & (2**64 - 1) for j in range(4)], dtype=np.uint64)


@kernel
def subtract(out: Any, row: int, a: Any, i: int, b: Any, j: int) -> None:
    """out[row] = a[i] - b[j] mod r, all canonical."""
    borrow = uint64(0)
    for k in range(4):
        word = a[i, k] - b[j, k]
        under = uint64(a[i, k] < b[j, k])
        out[row, k] = word - borrow
        borrow = under | uint64(word < borrow)
    if borrow:
        carry = uint64(0)
        for k in range(4):
            word = out[row, k] + _ORDER[k]
            over = uint64(word < _ORDER[k])
            word += carry
            carry = over | uint64(word < carry)
            out[row, k] = word


@kernel
def leaf(values: Any, i: int, out: Any) -> None:
    """out[0] = lo, out[1] = hi of a present value."""
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = values[i, 0], values[i, 1], uint64(1), uint64(0)
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = values[i, 2], values[i, 3], uint64(0), uint64(0)


@kernel
def half_rows(
    keys: Any,
    values: Any,
    stem_olds: Any,
    firsts: Any,
    lasts: Any,
    old_halves: Any,
    starts: Any,
    ends: Any,
    suffixes: Any,
    held: Any,
    halves: int,
) -> Any:
    """New halves: their numbers by stem, the halves that they replace, their values, and what changes in their rows.

    Returns (stem halves (stems, 2), olds, run starts, run suffixes, run values, row starts, indices, scalars).
    """
    stems = stem_olds.size
    numbers = np.empty((stems, 2), np.int64)
    olds, run_starts = np.empty(2 * stems, np.int64), np.empty(2 * stems + 1, np.int64)
    written = 0
    for stem in range(stems):
        written += lasts[stem] - firsts[stem]
    room = written
    for stem in range(stems):
        numbers[stem, 0] = numbers[stem, 1] = -1
        if stem_olds[stem] != NOTHING:
            for side in range(2):
                half = old_halves[stem_olds[stem], side]
                numbers[stem, side] = half
                if half >= 0:
                    room += ends[half] - starts[half]
    run_suffixes, run_values = np.empty(room, np.uint8), np.empty((room, 4), np.uint64)
    row_starts = np.empty(2 * stems + 1, np.int64)
    indices, scalars = np.empty(2 * written, np.int64), np.empty((2 * written, 4), np.uint64)
    new, old = np.empty((2, 4), np.uint64), np.zeros((2, 4), np.uint64)
    count, run, entry = 0, 0, 0
    for stem in range(stems):
        at = firsts[stem]
        for side in range(2):
            end = at
            while end < lasts[stem] and (keys[end, 31] >= 128) == (side == 1):
                end += 1
            if end == at:
                continue
            replaced = numbers[stem, side]
            numbers[stem, side] = halves + count
            olds[count], run_starts[count], row_starts[count] = replaced, run, entry
            count += 1
            source = starts[replaced] if replaced >= 0 else 0
            source_end = ends[replaced] if replaced >= 0 else 0
            while at < end or source < source_end:
                if at == end or (source < source_end and suffixes[source] < keys[at, 31]):
                    run_suffixes[run] = suffixes[source]
                    for k in range(4):
                        run_values[run, k] = held[source, k]
                    source += 1
                else:
                    suffix = keys[at, 31]
                    for k in range(4):
                        old[0, k], old[1, k] = uint64(0), uint64(0)
                    if source < source_end and suffixes[source] == suffix:
                        leaf(held, source, old)
                        source += 1
                    leaf(values, at, new)
                    run_suffixes[run] = suffix
                    for k in range(4):
                        run_values[run, k] = values[at, k]
                    for part in range(2):
                        indices[entry] = 2 * (int64(suffix) % 128) + part
                        subtract(scalars, entry, new, part, old, part)
                        entry += 1
                    at += 1
                run += 1
    run_starts[count], row_starts[count] = run, entry
    return (
        numbers,
        olds[:count].copy(),
        run_starts[: count + 1].copy(),
        run_suffixes[:run].copy(),
        run_values[:run].copy(),
        row_starts[: count + 1].copy(),
        indices,
        scalars,
    )


@kernel
def stem_rows(
    names: Any, stem_olds: Any, numbers: Any, old_halves: Any, old_scalars: Any, new_scalars: Any, halves: int
) -> Any:
    """What changes in the rows of new stems: map(C1), map(C2); for those that replace none also 1 and LE(stem).

    names: (stems, 4) words of new stems, their last byte 0. The scalar of half h is new_scalars[h - halves] for new
    halves, which are numbered from `halves` on, and old_scalars[h] for others.
    """
    stems = stem_olds.size
    starts = np.empty(stems + 1, np.int64)
    indices, scalars = np.empty(4 * stems, np.int64), np.zeros((4 * stems, 4), np.uint64)
    zero = np.zeros((1, 4), np.uint64)
    entry = 0
    for stem in range(stems):
        starts[stem] = entry
        fresh = stem_olds[stem] == NOTHING
        if fresh:
            indices[entry], indices[entry + 1] = 0, 1
            scalars[entry, 0] = uint64(1)
            for k in range(4):
                scalars[entry + 1, k] = names[stem, k]
            entry += 2
        for side in range(2):
            half = numbers[stem, side]
            before = -1 if fresh else old_halves[stem_olds[stem], side]
            if half >= 0 and half != before:
                indices[entry] = 2 + side
                if before >= 0:
                    subtract(scalars, entry, new_scalars, half - halves, old_scalars, before)
                else:
                    subtract(scalars, entry, new_scalars, half - halves, zero, 0)
                entry += 1
    starts[stems] = entry
    return starts, indices[:entry].copy(), scalars[:entry].copy()


@kernel
def child_rows(
    first: int,
    last: int,
    change_starts: Any,
    changed: Any,
    before: Any,
    new_indices: Any,
    new_children: Any,
    stem_scalars: Any,
    internal_scalars: Any,
) -> Any:
    """What changes in the rows of the new internal nodes first..last-1."""
    base, end = change_starts[first], change_starts[last]
    starts = np.empty(last - first + 1, np.int64)
    for node in range(first, last + 1):
        starts[node - first] = change_starts[node] - base
    indices, scalars = np.empty(end - base, np.int64), np.empty((end - base, 4), np.uint64)
    new, old = np.empty((1, 4), np.uint64), np.empty((1, 4), np.uint64)
    for change in range(base, end):
        link = changed[change]
        indices[change - base] = new_indices[link]
        entry_of(new_children[link], stem_scalars, internal_scalars, new)
        entry_of(before[change], stem_scalars, internal_scalars, old)
        subtract(scalars, change - base, new, 0, old, 0)
    return starts, indices, scalars


@kernel
def entry_of(child: int, stem_scalars: Any, internal_scalars: Any, out: Any) -> None:
    """out[0] = the entry of a child in its parent."""
    for k in range(4):
        if child == NOTHING:
            out[0, k] = uint64(0)
        elif child < 0:
            out[0, k] = stem_scalars[-1 - child, k]
        else:
            out[0, k] = internal_scalars[child, k]
