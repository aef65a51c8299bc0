"""Multi-scalar multiplication with free bases, eight points at a time.

Shapes are those of `accel.limbs`: points (n, 16), scalars (n, 4), entries of 12 words. Groups of eight run in lanes;
a last group that is not full repeats its last item, and only items that exist are stored.
"""

from typing import Any

import numpy as np
from numba import uint64

from accel.compile import kernel
from accel.ifma import add_points, double_point, one_fp, sub_fp, zero8
from accel.ifma_points import fold_lanes, lane_offsets, load_point, store_points
from accel.limbs import POINT_WORDS


@kernel
def msm(points: Any, scalars: Any) -> Any:
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
    offsets[:] = uint64(0)
    store_points(out.reshape(-1), offsets, total_point)
    return out
