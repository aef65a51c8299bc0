"""Points in eight lanes: loading and storing, tables of the bases, commitments, sums.

Shapes are those of `accel.limbs`: points (n, 16), scalars (n, 4), entries of 12 words. Groups of eight run in lanes;
a last group that is not full repeats its last item, and only items that exist are stored.
"""

from typing import Any, Final

import numpy as np
from numba import uint64

from accel.compile import kernel
from accel.ifma import (
    add_affine_points,
    add_entry,
    add_points,
    canonical_fp,
    d_fp,
    double_point,
    load_pair,
    load_raw,
    load_same,
    mul_fp,
    one_fp,
    prefetch_entry,
    reduced_fp,
    rotate,
    square_radix_fp,
    store_entry,
    store_pair,
    store_raw,
    store_rows,
    unit8,
    zero8,
)
from accel.inverse import constants, invert_words
from accel.limbs import ENTRY_WORDS, POINT_WORDS
from verkle.field import FP

HALF: Final = 128
"""Multiples of a base in one table window: digits are in -128..127."""
WINDOW_WORDS: Final = (HALF + 1) * ENTRY_WORDS
"""Entry 0 is the identity, so that a zero digit needs no branch."""
WINDOWS: Final = 32
"""Eight-bit digits of a scalar. Biased by 0x80 in every byte, a scalar stays below 2^256."""
AHEAD: Final = 4
"""Steps that table entries are asked for in advance (measured: 0.53 ms without, 0.19 ms with)."""
CHUNK: Final = 40
"""Entries of a row that one lane takes at most."""

_MODULUS, _INVERSE = constants(FP.modulus)
_BIAS: Final = 0x8080808080808080


@kernel
def invert(a: Any) -> Any:
    """1 / a, lane by lane, none of which is 0: the product of all lanes is inverted, and multiplied by the others."""
    others, product = rotate(a, 4), mul_fp(a, rotate(a, 4))
    others, product = mul_fp(others, rotate(product, 2)), mul_fp(product, rotate(product, 2))
    others, product = mul_fp(others, rotate(product, 1)), mul_fp(product, rotate(product, 1))
    words = np.empty(32, np.uint64)
    store_rows(words, 0, canonical_fp(mul_fp(product, unit8())))
    invert_words(words, _MODULUS, _INVERSE)
    return mul_fp(mul_fp(load_same(words, 0), square_radix_fp()), others)


@kernel
def lane_offsets(first: int, count: int, stride: int, out: Any) -> None:
    """Word offsets of items first..first+7, the last item repeated past `count`."""
    for lane in range(8):
        out[lane] = min(first + lane, count - 1) * stride


@kernel
def load_point(points: Any, offsets: Any, at: int) -> Any:
    """Eight points from word offsets."""
    X, Y = load_pair(points, offsets, at)
    Z, T = load_pair(points[8:], offsets, at)
    return (X, Y, Z, T)


@kernel
def store_points(points: Any, offsets: Any, point: Any) -> None:
    """Eight points, brought below 2 p < 2^256, to word offsets (where two lanes share one, they hold the same)."""
    X, Y, Z, T = point
    store_pair(points, offsets, 0, reduced_fp(X), reduced_fp(Y))
    store_pair(points[8:], offsets, 0, reduced_fp(Z), reduced_fp(T))


@kernel
def fold_lanes(point: Any) -> Any:
    """The sum of the eight lanes, in every lane."""
    X, Y, Z, T = point
    point = add_points(point, (rotate(X, 4), rotate(Y, 4), rotate(Z, 4), rotate(T, 4)))
    X, Y, Z, T = point
    point = add_points(point, (rotate(X, 2), rotate(Y, 2), rotate(Z, 2), rotate(T, 2)))
    X, Y, Z, T = point
    return add_points(point, (rotate(X, 1), rotate(Y, 1), rotate(Z, 1), rotate(T, 1)))


@kernel
def build_tables(bases: Any, tables: int, out: Any) -> None:
    """Tables of `tables` windows a base: window t holds 0..128 times 2^(t * 256 / tables) * base.

    bases: flat point words, affine (Z = 1), a multiple of eight points. out: base-major, then window, then entry.
    """
    count = bases.size // POINT_WORDS
    multiples = np.empty((HALF + 1) * 120, np.uint64)
    products = np.empty((HALF + 1) * 40, np.uint64)
    offsets = np.empty(8, np.uint64)
    doublings = 256 // tables - 7
    one, zero = one_fp(), zero8()
    for block in range(count // 8):
        lane_offsets(block * 8, count, POINT_WORDS, offsets)
        x, y, _, _ = load_point(bases, offsets, 0)
        for window in range(tables):
            first = (block * 8 * tables + window) * WINDOW_WORDS
            for lane in range(8):
                offsets[lane] = first + lane * tables * WINDOW_WORDS
            store_entry(out, offsets, zero, one, zero)
            t = mul_fp(x, y)
            td = mul_fp(t, d_fp())
            point = (x, y, one, t)
            product = one
            for k in range(HALF + 1):
                if k == HALF:
                    point = double_point(load_multiple(multiples, HALF - 1))
                    for _ in range(doublings - 1):
                        point = double_point(point)
                store_raw(multiples, k * 120, point[0])
                store_raw(multiples, k * 120 + 40, point[1])
                store_raw(multiples, k * 120 + 80, point[2])
                store_raw(products, k * 40, product)
                product = mul_fp(product, point[2])
                if k < HALF - 1:
                    point = add_affine_points(point, x, y, td)
            inverse = invert(product)
            for k in range(HALF, -1, -1):
                z = mul_fp(inverse, load_raw(products, k * 40))
                inverse = mul_fp(inverse, load_raw(multiples, k * 120 + 80))
                ax = canonical_fp(mul_fp(load_raw(multiples, k * 120), z))
                ay = canonical_fp(mul_fp(load_raw(multiples, k * 120 + 40), z))
                if k == HALF:
                    x, y = ax, ay
                else:
                    for lane in range(8):
                        offsets[lane] = first + lane * tables * WINDOW_WORDS + (k + 1) * ENTRY_WORDS
                    store_entry(out, offsets, ax, ay, mul_fp(mul_fp(ax, ay), d_fp()))


@kernel
def load_multiple(multiples: Any, k: int) -> Any:
    """A point from scratch space; T is not needed for doubling."""
    X, Y, Z = load_raw(multiples, k * 120), load_raw(multiples, k * 120 + 40), load_raw(multiples, k * 120 + 80)
    return (X, Y, Z, Z)


@kernel
def bias(scalars: Any, item: int, out: Any, place: int, stride: int) -> int:
    """Write scalar + 0x80..80 to out[place + j * stride] and return how many of its digits are not zero."""
    carry = uint64(0)
    used = 0
    for j in range(4):
        word = scalars[item, j]
        if word != 0:
            used = 8 * j + 8
            while word >> uint64(56) == 0:
                word <<= uint64(8)
                used -= 1
        total = scalars[item, j] + uint64(_BIAS)
        overflow = uint64(total < uint64(_BIAS))
        total += carry
        carry = overflow | uint64(total < carry)
        out[place + j * stride] = total
    return min(used + 1, WINDOWS)


@kernel
def chunk_rows(starts: Any, size: int) -> Any:
    """Cut rows into chunks of at most `size` entries: (first entry, length, row), longest first (counting sort)."""
    rows = starts.size - 1
    counts = np.zeros(size + 2, np.int64)
    total = 0
    for row in range(rows):
        length = starts[row + 1] - starts[row]
        full, rest = length // size, length % size
        counts[size] += full
        if rest:
            counts[rest] += 1
        total += full + (1 if rest else 0)
    place = np.zeros(size + 2, np.int64)
    for length in range(size - 1, 0, -1):
        place[length] = place[length + 1] + counts[length + 1]
    chunks = np.empty((total, 3), np.int64)
    for row in range(rows):
        first = starts[row]
        while first < starts[row + 1]:
            length = min(size, starts[row + 1] - first)
            chunks[place[length], 0] = first
            chunks[place[length], 1] = length
            chunks[place[length], 2] = row
            place[length] += 1
            first += length
    return chunks


@kernel
def commit_chunks(table: Any, tables: int, chunks: Any, indices: Any, scalars: Any, out: Any) -> None:
    """The commitment of each chunk: eight chunks in lanes, each going through its own entries.

    Per round, highest first: eight doublings, then for each entry and window one table entry. Scalars: below 2^255.
    """
    count = chunks.shape[0]
    rounds = WINDOWS // tables
    longest = 0 if count == 0 else chunks[0, 1]
    bases = np.empty(max(longest, 1) * 8, np.uint64)
    digits = np.empty(max(longest, 1) * 32, np.uint64)
    offsets = np.empty(8, np.uint64)
    for first in range(0, count, 8):
        length = chunks[first, 1]
        used = 0
        for lane in range(8):
            chunk = min(first + lane, count - 1)
            for e in range(length):
                if e < chunks[chunk, 1]:
                    item = chunks[chunk, 0] + e
                    bases[e * 8 + lane] = uint64(indices[item]) * uint64(tables * WINDOW_WORDS)
                    used = max(used, bias(scalars, item, digits, e * 32 + lane, 8))
                else:
                    bases[e * 8 + lane] = uint64(0)
                    for j in range(4):
                        digits[e * 32 + j * 8 + lane] = uint64(_BIAS)
        one, zero = one_fp(), zero8()
        point = (zero, one, one, zero)
        for r in range(rounds - 1, -1, -1):
            if r != rounds - 1:
                for _ in range(8):
                    point = double_point(point)
            steps = length * tables
            for step in range(steps):
                e, t = step // tables, step % tables
                window = t * rounds + r
                if window >= used:
                    continue
                ahead = step + AHEAD
                if ahead < steps:
                    e2, t2 = ahead // tables, ahead % tables
                    window2 = t2 * rounds + r
                    prefetch_entry(
                        table, bases, e2 * 8, digits, e2 * 32 + (window2 >> 3) * 8, (window2 & 7) * 8, t2 * WINDOW_WORDS
                    )
                point = add_entry(
                    point, table, bases, e * 8, digits, e * 32 + (window >> 3) * 8, (window & 7) * 8, t * WINDOW_WORDS
                )
        lane_offsets(first, count, POINT_WORDS, offsets)
        store_points(out, offsets, point)


@kernel
def sum_chunks(chunks: Any, parts: Any, rows: int) -> Any:
    """Add the parts of each row, the k-th parts of eight rows at a time; a row with no part is the identity."""
    out = np.empty((rows, POINT_WORDS), np.uint64)
    target, flat = out.reshape(-1), parts.reshape(-1)
    offsets, own = np.zeros(8, np.uint64), np.empty(8, np.uint64)
    one, zero = one_fp(), zero8()
    identity = np.empty(POINT_WORDS, np.uint64)
    store_points(identity, offsets, (zero, one, one, zero))
    seen = np.zeros(rows, np.int64)
    rank = np.empty(chunks.shape[0], np.int64)
    most = 0
    for chunk in range(chunks.shape[0]):
        row = chunks[chunk, 2]
        rank[chunk] = seen[row]
        if seen[row] == 0:
            for j in range(POINT_WORDS):
                out[row, j] = parts[chunk, j]
        seen[row] += 1
        most = max(most, seen[row])
    for row in range(rows):
        if seen[row] == 0:
            for j in range(POINT_WORDS):
                out[row, j] = identity[j]
    for k in range(1, most):
        waiting = 0
        for chunk in range(chunks.shape[0]):
            if rank[chunk] == k:
                own[waiting] = chunks[chunk, 2] * POINT_WORDS
                offsets[waiting] = chunk * POINT_WORDS
                waiting += 1
            if waiting == 8 or (waiting > 0 and chunk == chunks.shape[0] - 1):
                for lane in range(waiting, 8):
                    own[lane], offsets[lane] = own[waiting - 1], offsets[waiting - 1]
                store_points(target, own, add_points(load_point(target, own, 0), load_point(flat, offsets, 0)))
                waiting = 0
    return out


@kernel
def without_zeros(starts: Any, indices: Any, scalars: Any) -> Any:
    """The same rows without entries whose scalar is 0."""
    kept_starts = np.zeros_like(starts)
    kept_indices, kept_scalars = np.empty_like(indices), np.empty(scalars.shape, np.uint64)
    kept = 0
    for row in range(starts.size - 1):
        for entry in range(starts[row], starts[row + 1]):
            if scalars[entry, 0] | scalars[entry, 1] | scalars[entry, 2] | scalars[entry, 3]:
                kept_indices[kept] = indices[entry]
                for j in range(4):
                    kept_scalars[kept, j] = scalars[entry, j]
                kept += 1
        kept_starts[row + 1] = kept
    return kept_starts, kept_indices[:kept], kept_scalars[:kept]


@kernel
def chunk_size(starts: Any, entries: int) -> int:
    """How many entries a lane takes: as few as fill the lanes, or a few more where rows are then cut to fit them."""
    groups = max((entries + 8 * CHUNK - 1) // (8 * CHUNK), 1)
    least = max((entries + 8 * groups - 1) // (8 * groups), 1)
    for size in range(least, min(least + 8, CHUNK + 1)):
        chunks = 0
        for row in range(starts.size - 1):
            chunks += (starts[row + 1] - starts[row] + size - 1) // size
        if chunks <= 8 * groups:
            return size
    return least


@kernel
def commit(table: Any, tables: int, starts: Any, indices: Any, scalars: Any) -> Any:
    """Commitments of sparse rows in CSR form: row i has the entries starts[i]..starts[i+1]-1. Zeros cost nothing."""
    starts, indices, scalars = without_zeros(starts, indices, scalars)
    chunks = chunk_rows(starts, chunk_size(starts, indices.size))
    parts = np.empty((chunks.shape[0], POINT_WORDS), np.uint64)
    commit_chunks(table, tables, chunks, indices, scalars, parts.reshape(-1))
    return sum_chunks(chunks, parts, starts.size - 1)


@kernel
def add(left: Any, right: Any) -> Any:
    """left_i + right_i."""
    count = left.shape[0]
    out = np.empty((count, POINT_WORDS), np.uint64)
    offsets = np.empty(8, np.uint64)
    flat_left, flat_right, flat = left.reshape(-1), right.reshape(-1), out.reshape(-1)
    for first in range(0, count, 8):
        lane_offsets(first, count, POINT_WORDS, offsets)
        point = add_points(load_point(flat_left, offsets, 0), load_point(flat_right, offsets, 0))
        store_points(flat, offsets, point)
    return out
