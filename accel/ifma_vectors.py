"""Kernels on vectors over Fr, eight lanes at a time: what proofs do between commitments.

Shapes: a vector is (n + 1, 4) words, canonical, not in Montgomery form; the last row is padding, so that a lane may
read eight words at any row. A scalar argument is a row of 4 words in Montgomery form (times R), so that a product
with a plain value is plain again.

Over 400 lines: one kernel an operation of `accel.vectors`, none of them long.
"""

from typing import Any, Final

import numpy as np
from numba import uint64

from accel.compile import kernel
from accel.ifma import (
    add_fr,
    canonical_fr,
    lazy_add_fr,
    load_pair,
    load_raw,
    mul_fr,
    one_fr,
    rotate,
    square_radix_fr,
    store_pair,
    store_raw,
    sub_fr,
    zero8,
)
from accel.limbs import RADIX_BITS, words_of
from verkle import domain
from verkle.field import FR

SIZE: Final = domain.SIZE


def montgomery_rows(values: Any) -> Any:
    """Scalars times R as rows of 4 words, with the padding row."""
    return words_of([*(value * (1 << RADIX_BITS) % FR.modulus for value in values), 0]).copy()


_POINTS: Final = montgomery_rows(range(SIZE))
"""0..255."""
_INVERSE_DERIVATIVES: Final = words_of([*domain.inverse_vanishing_derivatives(), 0]).copy()
"""1 / A'(i), plain."""
_INVERSE_DERIVATIVES_R: Final = montgomery_rows(domain.inverse_vanishing_derivatives())
_DERIVATIVES_R: Final = montgomery_rows(domain.vanishing_derivatives())
_DIFFERENCE_INVERSES: Final = montgomery_rows([FR.inverse(k) if k else 0 for k in range(1 - SIZE, SIZE)])
"""1 / k at row k + 255, for k = -255..255; 0 for k = 0."""
_INVERSE_BITS: Final = np.array([int(bit) for bit in bin(FR.modulus - 2)[2:]], dtype=np.uint8)
_ORDER: Final = np.array([(FR.modulus >> (64 * j)) & (2**64 - 1) for j in range(4)], dtype=np.uint64)
_STEPS: Final = np.arange(8, dtype=np.uint64) * np.uint64(4)
_ROWS: Final = np.arange(8, dtype=np.uint64) * np.uint64(8)
_NOWHERE: Final = np.zeros(8, dtype=np.uint64)


@kernel
def invert_fr(a: Any) -> Any:
    """a^(r-2), lane by lane, in Montgomery form; 0 gives 0."""
    result = a
    for i in range(1, _INVERSE_BITS.size):
        result = mul_fr(result, result)
        if _INVERSE_BITS[i]:
            result = mul_fr(result, a)
    return result


@kernel
def load_rows(vector: Any, row: int) -> Any:
    """Eight consecutive elements."""
    a, _ = load_pair(vector.reshape(-1)[4 * row :], _STEPS, 0)
    return a


@kernel
def load_same(vector: Any, row: int) -> Any:
    """One element in every lane."""
    a, _ = load_pair(vector.reshape(-1)[4 * row :], _NOWHERE, 0)
    return a


@kernel
def gather_rows(vector: Any, offsets: Any) -> Any:
    """One element a lane, from word offsets."""
    a, _ = load_pair(vector.reshape(-1), offsets, 0)
    return a


@kernel
def put_rows(vector: Any, row: int, count: int, a: Any, scratch: Any) -> None:
    """The first `count` lanes to consecutive rows, canonical. scratch: (8, 8) words."""
    value = canonical_fr(a)
    store_pair(scratch.reshape(-1), _ROWS, 0, value, value)
    for lane in range(count):
        for j in range(4):
            vector[row + lane, j] = scratch[lane, j]


@kernel
def padded(count: int) -> Any:
    """A vector of zeros, with room for lanes that read past its end."""
    return np.zeros((count + 9, 4), np.uint64)


@kernel
def fold(low: Any, high: Any, count: int, x: Any) -> Any:
    """low + x high."""
    out, scratch = padded(count), np.empty((8, 8), np.uint64)
    factor = load_same(x, 0)
    for row in range(0, count, 8):
        value = add_fr(load_rows(low, row), mul_fr(load_rows(high, row), factor))
        put_rows(out, row, min(8, count - row), value, scratch)
    return out


@kernel
def difference(a: Any, b: Any, count: int) -> Any:
    """a - b."""
    out, scratch = padded(count), np.empty((8, 8), np.uint64)
    for row in range(0, count, 8):
        put_rows(out, row, min(8, count - row), sub_fr(load_rows(a, row), load_rows(b, row)), scratch)
    return out


@kernel
def inner_product(a: Any, b: Any, count: int) -> Any:
    """Sum of a_i b_i, as one row."""
    out, scratch = padded(1), np.empty((8, 8), np.uint64)
    total = zero8()
    for row in range(0, count, 8):
        total = add_fr(total, mul_fr(load_rows(a, row), load_rows(b, row)))
    put_rows(out, 0, 1, mul_fr(fold_sum(total), square_radix_fr()), scratch)
    return out


@kernel
def fold_sum(a: Any) -> Any:
    """The sum of the lanes, in every lane."""
    a = add_fr(a, rotate(a, 4))
    a = add_fr(a, rotate(a, 2))
    return add_fr(a, rotate(a, 1))


@kernel
def fold_product(a: Any) -> Any:
    """The product of the lanes, in every lane (Montgomery)."""
    a = mul_fr(a, rotate(a, 4))
    a = mul_fr(a, rotate(a, 2))
    return mul_fr(a, rotate(a, 1))


@kernel
def branch(factors: Any, count: int, x: Any) -> Any:
    """(s_0, s_0 x, s_1, s_1 x, ...)."""
    scaled = fold(padded(count), factors, count, x)
    out = padded(2 * count)
    for k in range(count):
        for j in range(4):
            out[2 * k, j] = factors[k, j]
            out[2 * k + 1, j] = scaled[k, j]
    return out


@kernel
def spread(factors: Any, blocks: int, half: Any, size: int, side: int) -> Any:
    """Block k holds factor_k * half in its left or right part."""
    out, scratch = padded(2 * blocks * size), np.empty((8, 8), np.uint64)
    left, right = np.empty(8, np.uint64), np.empty(8, np.uint64)
    count = blocks * size
    for first in range(0, count, 8):
        for lane in range(8):
            item = min(first + lane, count - 1)
            left[lane], right[lane] = 4 * (item // size), 4 * (item % size)
        product = mul_fr(mul_fr(gather_rows(factors, left), gather_rows(half, right)), square_radix_fr())
        value = canonical_fr(product)
        store_pair(scratch.reshape(-1), _ROWS, 0, value, value)
        for lane in range(min(8, count - first)):
            item = first + lane
            row = (item // size) * 2 * size + side * size + item % size
            for j in range(4):
                out[row, j] = scratch[lane, j]
    return out


@kernel
def domain_inverses(t: Any) -> Any:
    """(A(t), 1 / (t - i)), i = 0..255, in Montgomery form, as raw lanes: element i in lane i % 8 of group i // 8."""
    point = load_same(t, 0)
    groups = SIZE // 8
    prefixes, inverses = np.empty(groups * 40, np.uint64), np.empty(groups * 40, np.uint64)
    product = one_fr()
    for group in range(groups):
        store_raw(prefixes, group * 40, product)
        product = mul_fr(product, sub_fr(point, load_rows(_POINTS, group * 8)))
    inverse = invert_fr(product)
    for group in range(groups - 1, -1, -1):
        store_raw(inverses, group * 40, mul_fr(inverse, load_raw(prefixes, group * 40)))
        inverse = mul_fr(inverse, sub_fr(point, load_rows(_POINTS, group * 8)))
    return fold_product(product), inverses


@kernel
def evaluation_weights(t: Any) -> Any:
    """b_i = A(t) / (A'(i) (t - i)), t outside the domain."""
    out, scratch = padded(SIZE), np.empty((8, 8), np.uint64)
    vanishing, inverses = domain_inverses(t)
    for row in range(0, SIZE, 8):
        weight = mul_fr(mul_fr(vanishing, load_raw(inverses, 5 * row)), load_rows(_INVERSE_DERIVATIVES, row))
        put_rows(out, row, 8, weight, scratch)
    return out


@kernel
def powers(r: Any, count: int) -> Any:
    """r^0, r^1, ... in Montgomery form, canonical."""
    out, scratch = padded(count), np.empty((8, 8), np.uint64)
    one, base = one_fr(), load_same(r, 0)
    first = padded(8)
    power = one
    for lane in range(8):
        put_rows(first, lane, 1, power, scratch)
        power = mul_fr(power, base)
    current = load_rows(first, 0)
    for row in range(0, count, 8):
        put_rows(out, row, min(8, count - row), current, scratch)
        current = mul_fr(current, power)
    return out


@kernel
def weights(r: Any, t: Any, points: Any) -> Any:
    """r^i / (t - z_i), plain."""
    count = points.size
    out, scratch = padded(count), np.empty((8, 8), np.uint64)
    _, inverses = domain_inverses(t)
    plain = padded(SIZE)
    unit = padded(1)
    unit[0, 0] = 1
    one = load_same(unit, 0)
    for row in range(0, SIZE, 8):
        put_rows(plain, row, 8, mul_fr(load_raw(inverses, 5 * row), one), scratch)
    power = powers(r, count)
    offsets = np.empty(8, np.uint64)
    for row in range(0, count, 8):
        for lane in range(8):
            offsets[lane] = 4 * points[min(row + lane, count - 1)]
        value = mul_fr(load_rows(power, row), gather_rows(plain, offsets))
        put_rows(out, row, min(8, count - row), value, scratch)
    return out


@kernel
def add_row(total: Any, row: int, value: Any, item: int) -> None:
    """total[row] += value[item] mod r, both canonical."""
    carry = uint64(0)
    for j in range(4):
        word = total[row, j] + value[item, j]
        over = uint64(word < value[item, j])
        word += carry
        carry = over | uint64(word < carry)
        total[row, j] = word
    above = True
    for j in range(3, -1, -1):
        if total[row, j] != _ORDER[j]:
            above = total[row, j] > _ORDER[j]
            break
    if above:
        borrow = uint64(0)
        for j in range(4):
            word = total[row, j] - _ORDER[j]
            under = uint64(total[row, j] < _ORDER[j])
            total[row, j] = word - borrow
            borrow = under | uint64(word < borrow)


@kernel
def group_sums(a: Any, groups: Any, count: int) -> Any:
    """Element k: the sum of the a_i with groups[i] = k."""
    out = padded(count)
    for i in range(groups.size):
        add_row(out, groups[i], a, i)
    return out


LAZY: Final = 64
"""Products (each below 2 r) that may be added before the sum is reduced: 128 r is below R = 141 r."""


@kernel
def accumulate(total: Any, starts: Any, indices: Any, values: Any, which: int, factor: Any) -> None:
    """total[index] += factor * value for the entries of one polynomial, not reduced. factor: every lane, Montgomery.

    total: 32 groups of raw lanes, element i in lane i % 8 of group i // 8. Runs of eight aligned entries go as one.
    """
    entry, end = starts[which], starts[which + 1]
    scratch = np.empty((8, 8), np.uint64)
    lane_values = padded(8)
    while entry < end:
        first = indices[entry]
        group = first // 8
        if first % 8 == 0 and entry + 8 <= end and indices[entry + 7] == first + 7 and rising(indices, entry):
            product = mul_fr(load_rows(values, entry), factor)
            entry += 8
        else:
            scratch[:] = uint64(0)
            while entry < end and indices[entry] // 8 == group:
                for j in range(4):
                    lane_values[indices[entry] % 8, j] = values[entry, j]
                entry += 1
                if entry < end and indices[entry] <= indices[entry - 1]:
                    break
            product = mul_fr(load_rows(lane_values, 0), factor)
            lane_values[:] = uint64(0)
        store_raw(total, group * 40, lazy_add_fr(load_raw(total, group * 40), product))


@kernel
def rising(indices: Any, entry: int) -> bool:
    """Whether eight indices from `entry` are consecutive."""
    for k in range(1, 8):
        if indices[entry + k] != indices[entry] + k:
            return False
    return True


@kernel
def reduce_raw(total: Any, first: int) -> None:
    """32 groups of raw lanes, brought below 2 r."""
    for group in range(SIZE // 8):
        place = first + group * 40
        store_raw(total, place, mul_fr(load_raw(total, place), one_fr()))


@kernel
def combination(starts: Any, indices: Any, values: Any, factors: Any) -> Any:
    """Sum of factor_k f_k over distinct polynomials in CSR form. factors: Montgomery."""
    total = np.zeros(SIZE * 5, np.uint64)
    for which in range(starts.size - 1):
        accumulate(total, starts, indices, values, which, load_same(factors, which))
        if which % LAZY == LAZY - 1:
            reduce_raw(total, 0)
    reduce_raw(total, 0)
    out, scratch = padded(SIZE), np.empty((8, 8), np.uint64)
    for row in range(0, SIZE, 8):
        put_rows(out, row, 8, load_raw(total, 5 * row), scratch)
    return out


@kernel
def to_montgomery(a: Any, count: int) -> Any:
    """Plain to Montgomery form."""
    out, scratch = padded(count), np.empty((8, 8), np.uint64)
    for row in range(0, count, 8):
        value = mul_fr(mul_fr(load_rows(a, row), square_radix_fr()), one_fr())
        put_rows(out, row, min(8, count - row), value, scratch)
    return out


@kernel
def quotients(starts: Any, indices: Any, values: Any, which: Any, points: Any, r: Any) -> Any:
    """Sum of r^i (f_i - f_i(z_i)) / (X - z_i): gathered by z, then one division for each z that occurs."""
    count = points.size
    place = np.full(SIZE, -1, np.int64)
    used = 0
    for i in range(count):
        if place[points[i]] < 0:
            place[points[i]] = used
            used += 1
    stride = SIZE * 5
    gathered = np.zeros(used * stride, np.uint64)
    seen = np.zeros(used, np.int64)
    power = powers(r, count)
    for i in range(count):
        own = place[points[i]]
        total = gathered[own * stride : (own + 1) * stride]
        accumulate(total, starts, indices, values, which[i], load_same(power, i))
        seen[own] += 1
        if seen[own] % LAZY == 0:
            reduce_raw(total, 0)
    out, scratch = padded(SIZE), np.empty((8, 8), np.uint64)
    sums = np.zeros(stride, np.uint64)
    column = padded(8)
    for z in range(SIZE):
        if place[z] < 0:
            continue
        base = place[z] * stride
        reduce_raw(gathered, base)
        put_rows(column, 0, 8, load_raw(gathered, base + 40 * (z // 8)), scratch)
        at_z = load_same(column, z % 8)
        pole = zero8()
        for row in range(0, SIZE, 8):
            inverse = load_rows(_DIFFERENCE_INVERSES, row - z + SIZE - 1)
            q = mul_fr(sub_fr(load_raw(gathered, base + 5 * row), at_z), inverse)
            store_raw(sums, 5 * row, add_fr(load_raw(sums, 5 * row), q))
            pole = add_fr(pole, mul_fr(q, load_rows(_INVERSE_DERIVATIVES_R, row)))
        at_pole = sub_fr(zero8(), mul_fr(fold_sum(pole), load_same(_DERIVATIVES_R, z)))
        put_rows(out, z, 1, at_pole, scratch)
    for row in range(0, SIZE, 8):
        put_rows(out, row, 8, add_fr(load_raw(sums, 5 * row), load_rows(out, row)), scratch)
    return out


@kernel
def values_at(starts: Any, indices: Any, values: Any, which: Any, points: Any) -> Any:
    """f_i(z_i), 0 where the polynomial does not list z_i. Looked for first where a dense one has it."""
    out = padded(points.size)
    for i in range(points.size):
        first, last = starts[which[i]], starts[which[i] + 1]
        if first + points[i] < last and indices[first + points[i]] == points[i]:
            first += points[i]
        for entry in range(first, last):
            if indices[entry] == points[i]:
                for j in range(4):
                    out[i, j] = values[entry, j]
                break
    return out
