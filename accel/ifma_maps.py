"""Between points and scalars or bytes, eight at a time: maps to the scalar field, encodings, decodings.

Shapes are those of `accel.limbs`: points (n, 16), scalars (n, 4), entries of 12 words. Groups of eight run in lanes;
a last group that is not full repeats its last item, and only items that exist are stored.
"""

from typing import Any, Final

import numpy as np
from numba import uint64

from accel.compile import kernel
from accel.ifma import (
    add_fp,
    canonical_fp,
    d_fp,
    load_eight,
    load_pair,
    load_raw,
    map_fr,
    mul_fp,
    one_fp,
    square_fp,
    square_radix_fp,
    store_pair,
    store_raw,
    store_rows,
    sub_fp,
    unit8,
)
from accel.ifma_points import invert, lane_offsets, store_points
from accel.limbs import POINT_WORDS, RADIX_BITS
from accel.roots import EXPONENT, LOG_SHIFT, OFF_CURVE, OFF_GROUP, inverse_roots, logarithms
from verkle.field import FP


@kernel
def ratios(points: Any, below: int, both: bool) -> Any:
    """X and (if `both`) Y over coordinate `below` (1 Y, 2 Z) of each point: canonical, not in Montgomery form.

    One inversion for all (Montgomery's trick, in each of eight lanes). `below` is 0 in no point.
    Shape: (n, 8), X's ratio in words 0..3, Y's in words 4..7.
    """
    count = points.shape[0]
    groups = (count + 7) // 8
    out = np.empty((groups * 8, 8), np.uint64)
    flat, wide = points.reshape(-1), out.reshape(-1)
    products = np.empty(groups * 40, np.uint64)
    offsets, places = np.empty(8, np.uint64), np.empty(8, np.uint64)
    product = one_fp()
    for group in range(groups):
        lane_offsets(group * 8, count, POINT_WORDS, offsets)
        store_raw(products, group * 40, product)
        product = mul_fp(product, coordinate(flat, offsets, below))
    inverse = invert(product)
    for group in range(groups - 1, -1, -1):
        lane_offsets(group * 8, count, POINT_WORDS, offsets)
        lane_offsets(group * 8, groups * 8, 8, places)
        divisor = mul_fp(mul_fp(inverse, load_raw(products, group * 40)), unit8())
        inverse = mul_fp(inverse, coordinate(flat, offsets, below))
        X, Y = load_pair(flat, offsets, 0)
        x = canonical_fp(mul_fp(X, divisor))
        y = canonical_fp(mul_fp(Y, divisor)) if both else x
        store_pair(wide, places, 0, x, y)
    return out[:count]


@kernel
def coordinate(points: Any, offsets: Any, which: int) -> Any:
    """Y (1) or Z (2) of eight points."""
    if which == 2:
        Z, _ = load_pair(points[8:], offsets, 0)
        return Z
    _, Y = load_pair(points, offsets, 0)
    return Y


@kernel
def not_less(words: Any, item: int, bound: Any) -> bool:
    """Whether an integer is at or above a bound."""
    for j in range(3, -1, -1):
        if words[item, j] != bound[j]:
            return bool(words[item, j] > bound[j])
    return True


@kernel
def to_scalars(points: Any) -> Any:
    """map_to_scalar_field: X / Y, reduced into Fr. One inversion; even and odd groups of eight have a product each.

    On the way up each X is multiplied with the product of the Ys below it, on the way down with the running inverse,
    which is a plain number. A product stands beside one that does not need its result.
    """
    count = points.shape[0]
    groups, whole = (count + 7) // 8, count // 8
    out, kept = np.empty((groups * 8, 4), np.uint64), np.empty(groups * 80, np.uint64)
    flat, tail = points.reshape(-1), np.empty(8 * POINT_WORDS, np.uint64)
    for i in range(8 * POINT_WORDS):
        tail[i] = flat[min(whole * 8 + i // POINT_WORDS, count - 1) * POINT_WORDS + i % POINT_WORDS]
    this, that = one_fp(), one_fp()
    for group in range(groups):
        X, Y = load_eight(flat, group * 128) if group < whole else load_eight(tail, 0)
        store_raw(kept, group * 80, mul_fp(this, X))
        store_raw(kept, group * 80 + 40, Y)
        this, that = that, mul_fp(this, Y)
    inverse = mul_fp(invert(mul_fp(this, that)), unit8())
    this, that = mul_fp(inverse, that), mul_fp(inverse, this)
    for group in range(groups - 1, -1, -1):
        this, that = that, this
        ratio = mul_fp(this, load_raw(kept, group * 80))
        this = mul_fp(this, load_raw(kept, group * 80 + 40))
        store_rows(out, group * 32, map_fr(ratio))
    return out[:count]


_P_WORDS: Final = np.array([(FP.modulus >> (64 * j)) & (2**64 - 1) for j in range(4)], dtype=np.uint64)
_UPPER: Final = np.array([((FP.modulus + 1) // 2 >> (64 * j)) & (2**64 - 1) for j in range(4)], dtype=np.uint64)
"""(p + 1) / 2: the least of the larger halves."""


@kernel
def negate(words: Any, item: int) -> None:
    """p - words[item] in place, for a value in 1..p-1; 0 stays."""
    if words[item, 0] | words[item, 1] | words[item, 2] | words[item, 3]:
        borrow = uint64(0)
        for j in range(4):
            total = _P_WORDS[j] - words[item, j]
            under = uint64(_P_WORDS[j] < words[item, j])
            words[item, j] = total - borrow
            borrow = under | uint64(total < borrow)


@kernel
def encode(points: Any) -> Any:
    """The x that stands for each point: x if y is the larger of y and -y, else -x. Words, not yet bytes."""
    both = ratios(points, 2, True)
    x, y = both[:, :4].copy(), both[:, 4:]
    for item in range(x.shape[0]):
        if not not_less(y, item, _UPPER):
            negate(x, item)
    return x


_INVERSE_ROOTS: Final = inverse_roots(RADIX_BITS, 8)
_LOG_MULTIPLIER, _LOG_TABLE = logarithms(RADIX_BITS)


@kernel
def logarithm(root: Any, scratch: Any, places: Any, digits: Any) -> None:
    """digits[lane] = j with root = h^j."""
    store_pair(scratch, places, 0, canonical_fp(root), canonical_fp(root))
    for lane in range(8):
        digits[lane] = _LOG_TABLE[(scratch[lane * 8] * _LOG_MULTIPLIER) >> uint64(LOG_SHIFT)]


@kernel
def inverse_root(k: int, digits: Any, places: Any) -> Any:
    """g^(-digit 2^(8k)), lane by lane."""
    for lane in range(8):
        places[lane] = (k * 256 + digits[lane]) * 8
    power, _ = load_pair(_INVERSE_ROOTS, places, 0)
    return power


@kernel
def powers_q(a: Any, b: Any, scratch: Any) -> Any:
    """(a^((q-1)/2), b^((q-1)/2)): two chains side by side, four bits at a time."""
    x, y = one_fp(), one_fp()
    for k in range(16):
        store_raw(scratch, k * 80, x)
        store_raw(scratch, k * 80 + 40, y)
        x, y = mul_fp(x, a), mul_fp(y, b)
    first = EXPONENT[0] * 80
    x, y = load_raw(scratch, first), load_raw(scratch, first + 40)
    for i in range(1, EXPONENT.size):
        for _ in range(4):
            x, y = square_fp(x), square_fp(y)
        place = EXPONENT[i] * 80
        if place:
            x, y = mul_fp(x, load_raw(scratch, place)), mul_fp(y, load_raw(scratch, place + 40))
    return x, y


@kernel
def decode(words: Any, points: Any, faults: Any) -> None:
    """Points from encodings x < p as words. faults[i]: 0, OFF_GROUP or OFF_CURVE.

    n = 1 + 5 x^2 and v = 1 - d x^2. With z = a^((q-1)/2), a^q = a z^2 = g^e, and a is a square exactly when e is even.
    Both n and v must be squares, and then y = n / sqrt(n v) = n z_n z_v g^(-e/2), where e belongs to n v.
    """
    count = words.shape[0]
    flat = points.reshape(-1)
    source = np.zeros((count, 8), np.uint64)
    for item in range(count):
        for j in range(4):
            source[item, j] = words[item, j]
    wide = source.reshape(-1)
    scratch, lanes = np.empty(16 * 80, np.uint64), np.empty(64, np.uint64)
    places, own, offsets = np.empty(8, np.uint64), np.empty(8, np.uint64), np.empty(8, np.uint64)
    e_n, e_v, digits = np.empty(8, np.int64), np.empty(8, np.int64), np.empty(8, np.int64)
    e = np.empty(8, np.int64)
    lane_offsets(0, 8, 8, own)
    ys = np.empty((8, 8), np.uint64)
    for first in range(0, count, 8):
        lane_offsets(first, count, 8, offsets)
        plain, _ = load_pair(wide, offsets, 0)
        x = mul_fp(plain, square_radix_fp())
        xx = square_fp(x)
        xx2 = add_fp(xx, xx)
        n = add_fp(add_fp(add_fp(xx2, xx2), xx), one_fp())
        v = sub_fp(one_fp(), mul_fp(xx, d_fp()))
        z_n, z_v = powers_q(n, v, scratch)
        t_n, t_v = mul_fp(n, square_fp(z_n)), mul_fp(v, square_fp(z_v))
        top_n, top_v = t_n, t_v
        for _ in range(24):
            top_n, top_v = square_fp(top_n), square_fp(top_v)
        logarithm(top_n, lanes, own, e_n)
        logarithm(top_v, lanes, own, e_v)
        for lane in range(8):
            if first + lane < count:
                faults[first + lane] = OFF_GROUP if e_n[lane] & 1 else OFF_CURVE if e_v[lane] & 1 else 0
            digits[lane] = (e_n[lane] + e_v[lane]) & 255
            e[lane] = digits[lane]
        t = mul_fp(t_n, t_v)
        for k in range(1, 4):
            t = mul_fp(t, inverse_root(k - 1, digits, places))
            top = t
            for _ in range(24 - 8 * k):
                top = square_fp(top)
            logarithm(top, lanes, own, digits)
            for lane in range(8):
                e[lane] |= digits[lane] << (8 * k)
        y = mul_fp(n, mul_fp(z_n, z_v))
        for k in range(4):
            for lane in range(8):
                digits[lane] = (e[lane] >> (8 * k + 1)) & (255 if k < 3 else 127)
            y = mul_fp(y, inverse_root(k, digits, places))
        store_pair(ys.reshape(-1), own, 0, canonical_fp(mul_fp(y, unit8())), canonical_fp(y))
        for lane in range(8):
            if not not_less(ys, lane, _UPPER):
                negate(ys[:, 4:], lane)
        _, y = load_pair(ys.reshape(-1), own, 0)
        lane_offsets(first, count, POINT_WORDS, offsets)
        store_points(flat, offsets, (x, y, one_fp(), mul_fp(x, y)))
