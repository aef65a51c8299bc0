"""Kernels of the scalar backend: tables, commitments, maps, encodings, free multi-scalar multiplication.

Shapes are those of `accel.limbs`: points (n, 16), scalars (n, 4). Coordinates are canonical, and those of a point may
have any common factor, so it does not matter that what `accel.limbs` writes with R = 2^260 is read here with R' = 2^256
(`accel.wide`). Entries of tables are times R', and mean nothing to other backends.

Over 400 lines: the whole backend for points, which four IFMA modules share out.
"""

from typing import Any, Final

import numpy as np
from numba import int64, uint8, uint64

from accel.compile import kernel
from accel.limbs import ENTRY_WORDS, POINT_WORDS, Words
from accel.roots import FAULTS, LOG_SHIFT, OFF_CURVE, OFF_GROUP, inverse_roots, logarithms
from accel.wide import (
    WIDE_BITS,
    add_entry,
    add_fp,
    add_points,
    add_words,
    bias4,
    bias8,
    choose,
    d_fp,
    double_point,
    less,
    load,
    low_word,
    modulus_p,
    mul_fp,
    one_fp,
    prefetch,
    reduced_fr,
    shift_right,
    square_radix_fp,
    store,
    sub_fp,
    sub_words,
    trailing_zeros,
    unit,
    upper_fp,
    zero,
)
from verkle.field import FP

__all__ = ["FAULTS", "WINDOW_WORDS", "add", "build_tables", "commit", "decode", "encode", "msm", "to_scalars"]

HALF: Final = 128
"""Multiples of a base in one table window: digits are in -128..127."""
WINDOW_WORDS: Final = HALF * ENTRY_WORDS
"""Entry k - 1 is k times the window's base; zero digits are left out before points are added."""
WINDOWS: Final = 32
"""Eight-bit digits of a scalar. Biased by 0x80 in every byte, a scalar stays below 2^256."""
AHEAD: Final = 8
"""Steps that table entries are asked for in advance."""
STRAUS_BELOW: Final = 100
"""Free points from which buckets are cheaper than multiples of each point."""


def hexadecimal(exponent: int) -> Any:
    """The digits of an exponent for `power`, highest first."""
    return np.array([int(digit, 16) for digit in f"{exponent:x}"], dtype=np.int64)


_INVERSE: Final = hexadecimal(FP.modulus - 2)


@kernel
def power(a: Any, digits: Any) -> Any:
    """a to the exponent with these hexadecimal digits."""
    powers = np.empty(64, np.uint64)
    result = one_fp()
    for k in range(16):
        store(powers, 4 * k, result)
        result = mul_fp(result, a)
    result = load(powers, 4 * digits[0])
    for i in range(1, digits.size):
        for _ in range(4):
            result = mul_fp(result, result)
        if digits[i]:
            result = mul_fp(result, load(powers, 4 * digits[i]))
    return result


@kernel
def identity() -> Any:
    """(0, 1, 1, 0)."""
    return (zero(), one_fp(), one_fp(), zero())


@kernel
def load_point(points: Any, at: int) -> Any:
    """The point at a word offset."""
    return (load(points, at), load(points, at + 4), load(points, at + 8), load(points, at + 12))


@kernel
def store_point(points: Any, at: int, point: Any) -> None:
    """A point to a word offset."""
    X, Y, Z, T = point
    store(points, at, X)
    store(points, at + 4, Y)
    store(points, at + 8, Z)
    store(points, at + 12, T)


@kernel
def build_tables(bases: Any, tables: int, out: Any) -> None:
    """Tables of `tables` windows a base: window t holds 1..128 times 2^(t * 256 / tables) * base.

    bases: flat point words, any Z. out: base-major, then window, then entry. One inversion a window.
    """
    multiples, products = np.empty((HALF + 1) * 12, np.uint64), np.empty((HALF + 1) * 4, np.uint64)
    doublings = 256 // tables - 7
    for base in range(bases.size // POINT_WORDS):
        X, Y, Z, _ = load_point(bases, base * POINT_WORDS)
        inverse = power(Z, _INVERSE)
        x, y = mul_fp(X, inverse), mul_fp(Y, inverse)
        for window in range(tables):
            first = (base * tables + window) * WINDOW_WORDS
            t = mul_fp(x, y)
            td = mul_fp(t, d_fp())
            point, product = (x, y, one_fp(), t), one_fp()
            for k in range(HALF + 1):
                if k == HALF:
                    for _ in range(doublings):
                        point = double_point(point)
                elif k > 0:
                    point = add_entry(point, x, y, td, False)
                store(multiples, k * 12, point[0])
                store(multiples, k * 12 + 4, point[1])
                store(multiples, k * 12 + 8, point[2])
                store(products, k * 4, product)
                product = mul_fp(product, point[2])
            inverse = power(product, _INVERSE)
            for k in range(HALF, -1, -1):
                z = mul_fp(inverse, load(products, k * 4))
                inverse = mul_fp(inverse, load(multiples, k * 12 + 8))
                ax, ay = mul_fp(load(multiples, k * 12), z), mul_fp(load(multiples, k * 12 + 4), z)
                if k == HALF:
                    x, y = ax, ay
                else:
                    store(out, first + k * ENTRY_WORDS, ax)
                    store(out, first + k * ENTRY_WORDS + 4, ay)
                    store(out, first + k * ENTRY_WORDS + 8, mul_fp(mul_fp(ax, ay), d_fp()))


@kernel
def commit(table: Any, tables: int, starts: Any, indices: Any, scalars: Any) -> Any:
    """Commitments of sparse rows in CSR form: row i has the entries starts[i]..starts[i+1]-1. Scalars: below 2^255.

    Per round, highest first: eight doublings, then one table entry for each digit that is not 0. A digit is a byte of
    the scalar + 0x80..80, minus 128; byte t * rounds + r belongs to window t and round r.
    """
    rows, rounds = starts.size - 1, WINDOWS // tables
    longest = 0
    for row in range(rows):
        longest = max(longest, starts[row + 1] - starts[row])
    biased, places = np.empty(longest * 4, np.uint64), np.empty(longest * WINDOWS, np.int64)
    digits, flat = biased.view(np.uint8), scalars.reshape(-1)
    ends = np.empty(rounds, np.int64)
    out = np.empty((rows, POINT_WORDS), np.uint64)
    for row in range(rows):
        first, count = starts[row], starts[row + 1] - starts[row]
        for e in range(count):
            store(biased, 4 * e, add_words(load(flat, 4 * (first + e)), bias8()))
        steps = 0
        for r in range(rounds - 1, -1, -1):
            for e in range(count):
                base = indices[first + e] * tables * WINDOW_WORDS - ENTRY_WORDS
                for t in range(tables):
                    digit = int64(digits[e * 32 + t * rounds + r]) - HALF
                    if digit != 0:
                        places[steps] = 2 * (base + t * WINDOW_WORDS + abs(digit) * ENTRY_WORDS) + (digit < 0)
                        steps += 1
            ends[r] = steps
        point, step = identity(), 0
        for ahead in range(min(AHEAD, steps)):
            prefetch(table, places[ahead] >> 1)
        for r in range(rounds - 1, -1, -1):
            if step > 0:
                for _ in range(8):
                    point = double_point(point)
            while step < ends[r]:
                if step + AHEAD < steps:
                    prefetch(table, places[step + AHEAD] >> 1)
                at, negative = places[step] >> 1, places[step] & 1 != 0
                point = add_entry(point, load(table, at), load(table, at + 4), load(table, at + 8), negative)
                step += 1
        store_point(out.reshape(-1), row * POINT_WORDS, point)
    return out


@kernel
def add(left: Any, right: Any) -> Any:
    """left_i + right_i."""
    out = np.empty(left.shape, np.uint64)
    flat_left, flat_right, flat = left.reshape(-1), right.reshape(-1), out.reshape(-1)
    for at in range(0, flat.size, POINT_WORDS):
        store_point(flat, at, add_points(load_point(flat_left, at), load_point(flat_right, at)))
    return out


@kernel
def prefixes(points: Any, below: int) -> Any:
    """(1 / product of one coordinate of all points, the products of those before each): Montgomery's trick.

    `below`: word offset of the coordinate, 0 in no point.
    """
    products = np.empty(points.size // 4, np.uint64)
    product = one_fp()
    for item in range(points.size // POINT_WORDS):
        store(products, 4 * item, product)
        product = mul_fp(product, load(points, item * POINT_WORDS + below))
    return power(product, _INVERSE), products


@kernel
def to_scalars(points: Any) -> Any:
    """map_to_scalar_field: X / Y as an integer below p, and p < 3 r, reduced into Fr."""
    out, flat = np.empty((points.shape[0], 4), np.uint64), points.reshape(-1)
    inverse, products = prefixes(flat, 4)
    for item in range(points.shape[0] - 1, -1, -1):
        at = item * POINT_WORDS
        divisor = mul_fp(mul_fp(inverse, load(products, 4 * item)), unit())
        inverse = mul_fp(inverse, load(flat, at + 4))
        store(
            out.reshape(-1), 4 * item, reduced_fr(reduced_fr(reduced_fr(reduced_fr(mul_fp(load(flat, at), divisor)))))
        )
    return out


@kernel
def encode(points: Any) -> Any:
    """The x that stands for each point: x if y is the larger of y and -y, else -x. Words, not yet bytes."""
    out, flat = np.empty((points.shape[0], 4), np.uint64), points.reshape(-1)
    inverse, products = prefixes(flat, 8)
    for item in range(points.shape[0] - 1, -1, -1):
        at = item * POINT_WORDS
        divisor = mul_fp(mul_fp(inverse, load(products, 4 * item)), unit())
        inverse = mul_fp(inverse, load(flat, at + 8))
        x, y = mul_fp(load(flat, at), divisor), mul_fp(load(flat, at + 4), divisor)
        store(out.reshape(-1), 4 * item, choose(less(y, upper_fp()), sub_fp(zero(), x), x))
    return out


_EXPONENT: Final = hexadecimal(((FP.modulus - 1 >> 32) - 1) // 2)
"""(q - 1) / 2, where p - 1 = 2^32 q."""


_INVERSE_ROOTS: Final = inverse_roots(WIDE_BITS, 4)
_LOG_MULTIPLIER, _LOG_TABLE = logarithms(WIDE_BITS)


@kernel
def is_square(a: Any) -> bool:
    """Whether a is a non-zero square in Fp: the Jacobi symbol (a / p) by differences and halves.

    (2 / n) = -1 for n = 3, 5 mod 8; (a / n) = -(n / a) where both are 3 mod 4. R' is a square and changes nothing.
    """
    n, odd = modulus_p(), uint64(0)
    while less(zero(), a):
        zeros = trailing_zeros(a)
        if zeros == 64:
            a = shift_right(a, uint64(62))
            continue
        a = shift_right(a, zeros)
        low_n, low_a = low_word(n), low_word(a)
        odd ^= zeros & ((low_n >> uint64(1)) ^ (low_n >> uint64(2)))
        swap = less(a, n)
        odd ^= uint64(swap) & (low_n & low_a) >> uint64(1)
        a, n = choose(swap, sub_words(n, a), sub_words(a, n)), choose(swap, a, n)
    return bool(low_word(n) == 1 and odd & uint64(1) == 0)


@kernel
def root_of_unity(t: Any) -> Any:
    """e, where t = g^e: 8 bits at a time from the lowest, each found after taking the power that leaves only them."""
    e = uint64(0)
    for k in range(4):
        top = t
        for _ in range(24 - 8 * k):
            top = mul_fp(top, top)
        digit = uint64(_LOG_TABLE[(low_word(top) * _LOG_MULTIPLIER) >> uint64(LOG_SHIFT)])
        e |= digit << uint64(8 * k)
        t = mul_fp(t, load(_INVERSE_ROOTS, 4 * (256 * k + int64(digit))))
    return e


@kernel
def decode(words: Any, points: Any, faults: Any) -> None:
    """Points from encodings x < p as words. faults[i]: 0, OFF_GROUP or OFF_CURVE.

    n = 1 + 5 x^2 and v = 1 - d x^2. With w = n v and z = w^((q-1)/2), w^q = w z^2 = g^e, and w is a square exactly when
    e is even. Both n and w must be squares, and then y = n / sqrt(w) = n z g^(-e/2).
    Source: Sarkar, "Computing square roots faster than the Tonelli-Shanks/Bernstein algorithm" (IACR 2020/1407).
    """
    source, flat = words.reshape(-1), points.reshape(-1)
    for item in range(words.shape[0]):
        x = mul_fp(load(source, 4 * item), square_radix_fp())
        xx = mul_fp(x, x)
        xx2 = add_fp(xx, xx)
        n = add_fp(add_fp(add_fp(xx2, xx2), xx), one_fp())
        w = mul_fp(n, sub_fp(one_fp(), mul_fp(xx, d_fp())))
        z = power(w, _EXPONENT)
        e = root_of_unity(mul_fp(w, mul_fp(z, z)))
        faults[item] = uint8(OFF_CURVE if e & uint64(1) else 0) if is_square(n) else uint8(OFF_GROUP)
        y = mul_fp(n, z)
        for k in range(4):
            half = int64((e >> uint64(8 * k + 1)) & uint64(255 if k < 3 else 127))
            y = mul_fp(y, load(_INVERSE_ROOTS, 4 * (256 * k + half)))
        y = choose(less(mul_fp(y, unit()), upper_fp()), sub_fp(zero(), y), y)
        store_point(flat, item * POINT_WORDS, (x, y, one_fp(), mul_fp(x, y)))


@kernel
def load_signed(points: Any, at: int, negative: bool) -> Any:
    """The point at a word offset, or its opposite."""
    X, Y, Z, T = load_point(points, at)
    return (choose(negative, sub_fp(zero(), X), X), Y, Z, choose(negative, sub_fp(zero(), T), T))


def msm(points: Words, scalars: Words) -> Words:
    """Sum of scalars[i] * points[i], scalars below r."""
    out = np.empty((1, POINT_WORDS), np.uint64)
    if len(points) < STRAUS_BELOW:
        straus(points, scalars, out.reshape(-1))
    else:
        buckets(points, scalars, bucket_bits(len(points)), out.reshape(-1))
    return out


@kernel
def straus(points: Any, scalars: Any, out: Any) -> None:
    """Four bits at a time: digits -8..7, those of the scalar + 0x88..88 minus 8, and multiples 1..8 of each point."""
    count, flat, flat_scalars = points.shape[0], points.reshape(-1), scalars.reshape(-1)
    multiples, biased = np.empty(count * 8 * POINT_WORDS, np.uint64), np.empty(count * 4, np.uint64)
    for item in range(count):
        store(biased, 4 * item, add_words(load(flat_scalars, 4 * item), bias4()))
        point = load_point(flat, item * POINT_WORDS)
        multiple = point
        for k in range(8):
            store_point(multiples, (8 * item + k) * POINT_WORDS, multiple)
            if k < 7:
                multiple = add_points(multiple, point)
    total, empty = identity(), True
    for window in range(63, -1, -1):
        if not empty:
            for _ in range(4):
                total = double_point(total)
        for item in range(count):
            word = biased[4 * item + (window >> 4)] >> uint64(4 * (window & 15))
            digit = int64(word & uint64(15)) - 8
            if digit != 0:
                at = (8 * item + abs(digit) - 1) * POINT_WORDS
                total = add_points(total, load_signed(multiples, at, digit < 0))
                empty = False
    store_point(out, 0, total)


def bucket_bits(count: int) -> int:
    """The width c of windows with the fewest additions: 253 / c windows of `count` and 2^c for the sums."""
    return min(range(5, 14), key=lambda c: (253 // c + 1) * (count + (1 << c)))


@kernel
def buckets(points: Any, scalars: Any, c: int, out: Any) -> None:
    """Pippenger's method with windows of c bits, 5 to 13.

    Digits are in -2^(c-1)..2^(c-1): 2^(c-1) is added to each window of the scalar but the highest, and taken off again.
    """
    count, flat, flat_scalars = points.shape[0], points.reshape(-1), scalars.reshape(-1)
    windows, half = 253 // c + 1, 1 << (c - 1)
    offset = np.zeros(4, np.uint64)
    for window in range(windows - 1):
        bit = c * window + c - 1
        offset[bit >> 6] |= uint64(1) << uint64(bit & 63)
    biased = np.zeros(count * 4 + 1, np.uint64)
    for item in range(count):
        store(biased, 4 * item, add_words(load(flat_scalars, 4 * item), load(offset, 0)))
    sums, used = np.empty((half + 1) * POINT_WORDS, np.uint64), np.empty(half + 1, np.uint8)
    total = identity()
    for window in range(windows - 1, -1, -1):
        if window != windows - 1:
            for _ in range(c):
                total = double_point(total)
        used[:] = 0
        word, shift = (c * window) >> 6, uint64((c * window) & 63)
        middle = half if window != windows - 1 else 0
        for item in range(count):
            bits = biased[4 * item + word] >> shift
            if shift + uint64(c) > uint64(64) and word < 3:
                bits |= biased[4 * item + word + 1] << (uint64(64) - shift)
            digit = int64(bits & uint64((1 << c) - 1)) - middle
            if digit != 0:
                at = abs(digit) * POINT_WORDS
                start = load_point(sums, at) if used[abs(digit)] else identity()
                used[abs(digit)] = 1
                store_point(sums, at, add_points(start, load_signed(flat, item * POINT_WORDS, digit < 0)))
        running, sum_of_sums = identity(), identity()
        for k in range(half, 0, -1):
            if used[k]:
                running = add_points(running, load_point(sums, k * POINT_WORDS))
            sum_of_sums = add_points(sum_of_sums, running)
        total = add_points(total, sum_of_sums)
    store_point(out, 0, total)
