"""Multi-scalar multiplication with free bases, eight points at a time.

Shapes are those of `accel.limbs`: points (n, 16), scalars (n, 4), entries of 12 words. Groups of eight run in lanes;
a last group that is not full repeats its last item, and only items that exist are stored.
"""

from typing import Any, Final

import numpy as np
from numba import uint64

from accel.compile import kernel
from accel.ifma import (
    add_points,
    add_to_buckets,
    canonical_fp,
    d_fp,
    double_point,
    load_pair,
    load_raw,
    mul_fp,
    one_fp,
    store_entry,
    store_raw,
    sub_fp,
    zero8,
)
from accel.ifma_points import HALF, WINDOWS, bias, fold_lanes, invert, lane_offsets, load_point, store_points
from accel.limbs import ENTRY_WORDS, POINT_WORDS, Words

STRAUS_BELOW: Final = 200
"""Points from which buckets are cheaper than multiples of each point."""


def msm(points: Words, scalars: Words) -> Words:
    """Sum of scalars[i] * points[i], scalars below r."""
    made: Words = (straus if len(points) < STRAUS_BELOW else buckets)(points, scalars)
    return made


@kernel
def straus(points: Any, scalars: Any) -> Any:
    """Sum of scalars[i] * points[i], scalars below 2^255: Straus, eight points in lanes, four bits at a time.

    Each point has 16 multiples, -8..7; a scalar biased by 0x88..88 has these digits plus 8, so nothing is ever negated.
    """
    count = points.shape[0]
    out = np.empty((1, POINT_WORDS), np.uint64)
    groups = (count + 7) // 8
    multiples = np.empty(groups * 8 * 16 * POINT_WORDS, np.uint64)
    flat = points.reshape(-1)
    offsets = np.empty(8, np.uint64)
    one, zero = one_fp(), zero8()
    identity = (zero, one, one, zero)
    for group in range(groups):
        lane_offsets(group * 8, count, POINT_WORDS, offsets)
        point = load_point(flat, offsets, 0)
        power = identity
        for k in range(9):
            X, Y, Z, T = power
            opposite = (sub_fp(zero8(), X), Y, Z, sub_fp(zero8(), T))
            for lane in range(8):
                offsets[lane] = ((group * 8 + lane) * 16 + 8 - k) * POINT_WORDS
            store_points(multiples, offsets, opposite)
            if k < 8:
                for lane in range(8):
                    offsets[lane] += uint64(2 * k * POINT_WORDS)
                store_points(multiples, offsets, power)
                power = add_points(power, point)
    biased = np.empty((groups * 8, 4), np.uint64)
    for item in range(groups * 8):
        carry = uint64(0)
        for j in range(4):
            word = scalars[item, j] if item < count else uint64(0)
            total = word + uint64(0x8888888888888888)
            overflow = uint64(total < word)
            total += carry
            carry = overflow | uint64(total < carry)
            biased[item, j] = total
    total_point = identity
    for window in range(63, -1, -1):
        if window != 63:
            for _ in range(4):
                total_point = double_point(total_point)
        for group in range(groups):
            for lane in range(8):
                item = group * 8 + lane
                digit = (biased[item, window >> 4] >> uint64(4 * (window & 15))) & uint64(15)
                offsets[lane] = (uint64(item * 16) + digit) * uint64(POINT_WORDS)
            total_point = add_points(total_point, load_point(multiples, offsets, 0))
    total_point = fold_lanes(total_point)
    lane_offsets(0, 1, POINT_WORDS, offsets)
    store_points(out.reshape(-1), offsets, total_point)
    return out


@kernel
def affine(points: Any, out: Any) -> None:
    """Entries (x, y, d x y) of points, by one inversion."""
    count = points.shape[0]
    groups = (count + 7) // 8
    flat = points.reshape(-1)
    products, offsets = np.empty(groups * 40, np.uint64), np.empty(8, np.uint64)
    product = one_fp()
    for group in range(groups):
        lane_offsets(group * 8, count, POINT_WORDS, offsets)
        store_raw(products, group * 40, product)
        Z, _ = load_pair(flat[8:], offsets, 0)
        product = mul_fp(product, Z)
    inverse = invert(product)
    for group in range(groups - 1, -1, -1):
        lane_offsets(group * 8, count, POINT_WORDS, offsets)
        X, Y, Z, _ = load_point(flat, offsets, 0)
        z = mul_fp(inverse, load_raw(products, group * 40))
        inverse = mul_fp(inverse, Z)
        x, y = canonical_fp(mul_fp(X, z)), canonical_fp(mul_fp(Y, z))
        lane_offsets(group * 8, count, ENTRY_WORDS, offsets)
        store_entry(out, offsets, x, y, mul_fp(mul_fp(x, y), d_fp()))


@kernel
def buckets(points: Any, scalars: Any) -> Any:
    """Pippenger's method with 32 windows of 8 bits: a point goes to the buckets of eight windows at a time.

    Digits are in -128..127, as in `accel.ifma_points`. (Windows of 11 bits gain nothing up to 8,000 points: measured.)
    """
    count, own = points.shape[0], (HALF + 1) * POINT_WORDS
    biased, entries = np.empty(count * 4, np.uint64), np.empty(count * ENTRY_WORDS, np.uint64)
    for item in range(count):
        bias(scalars, item, biased, 4 * item, 1)
    affine(points, entries)
    sums, offsets, places = np.empty(8 * own, np.uint64), np.empty(8, np.uint64), np.empty(8, np.uint64)
    parts = np.empty(WINDOWS * POINT_WORDS, np.uint64)
    one, zero = one_fp(), zero8()
    identity = (zero, one, one, zero)
    for word in range(4):
        for k in range(HALF + 1):
            for lane in range(8):
                offsets[lane] = lane * own + k * POINT_WORDS
            store_points(sums, offsets, identity)
        for item in range(count):
            add_to_buckets(sums, own, entries, biased, item, word)
        running, total = identity, identity
        for k in range(HALF, 0, -1):
            for lane in range(8):
                offsets[lane] = lane * own + k * POINT_WORDS
            running = add_points(running, load_point(sums, offsets, 0))
            total = add_points(total, running)
        lane_offsets(word * 8, WINDOWS, POINT_WORDS, places)
        store_points(parts, places, total)
    total = identity
    for window in range(WINDOWS - 1, -1, -1):
        for _ in range(8):
            total = double_point(total)
        lane_offsets(window, window + 1, POINT_WORDS, places)
        total = add_points(total, load_point(parts, places, 0))
    out = np.empty((1, POINT_WORDS), np.uint64)
    lane_offsets(0, 1, POINT_WORDS, places)
    store_points(out.reshape(-1), places, total)
    return out
