"""Kernels on vectors over Fr, eight lanes at a time: what proofs do between commitments.

Shapes: a vector is (n + 9, 4) words, canonical, not in Montgomery form; the last rows are padding, so that eight rows
may be read from any row. A scalar argument is a row of 4 words in Montgomery form (times R), so that a product with a
plain value is plain again.

Over 400 lines: one kernel an operation of `accel.vectors`, none of them long.
"""

from typing import Any, Final

import numpy as np
from numba import int64, uint64

from accel.compile import kernel
from accel.ifma import (
    accumulate_product,
    accumulate_rows,
    add_fr,
    canonical_fr,
    load_pair,
    load_raw,
    load_rows,
    load_same,
    mul_fr,
    one_fr,
    rotate,
    settled,
    square_radix_fr,
    store_raw,
    store_rows,
    sub_fr,
    unit8,
    zero8,
)
from accel.inverse import constants, invert_words
from accel.limbs import RADIX_BITS, words_of
from verkle import domain
from verkle.field import FR

SIZE: Final = domain.SIZE


def montgomery_rows(values: Any) -> Any:
    """Scalars times R as rows of 4 words, with padding."""
    return words_of([*(value * (1 << RADIX_BITS) % FR.modulus for value in values), *[0] * 9]).copy()


_POINTS: Final = montgomery_rows(range(SIZE))
"""0..255."""
_INVERSE_DERIVATIVES: Final = words_of(domain.inverse_vanishing_derivatives()).copy()
"""1 / A'(i), plain."""
_INVERSE_DERIVATIVES_R: Final = montgomery_rows(domain.inverse_vanishing_derivatives())
_DERIVATIVES_R: Final = montgomery_rows(domain.vanishing_derivatives())
_DIFFERENCE_INVERSES: Final = montgomery_rows([FR.inverse(k) if k else 0 for k in range(1 - SIZE, SIZE)])
"""1 / k at row k + 255, for k = -255..255; 0 for k = 0."""
_MODULUS, _INVERSE = constants(FR.modulus)
_ORDER: Final = np.array([(FR.modulus >> (64 * j)) & (2**64 - 1) for j in range(4)], dtype=np.uint64)


@kernel
def invert_fr(a: Any) -> Any:
    """1 / a, lane by lane, none of which is 0, in Montgomery form: as `accel.ifma_points.invert`."""
    others, product = rotate(a, 4), mul_fr(a, rotate(a, 4))
    others, product = mul_fr(others, rotate(product, 2)), mul_fr(product, rotate(product, 2))
    others, product = mul_fr(others, rotate(product, 1)), mul_fr(product, rotate(product, 1))
    words = np.empty(32, np.uint64)
    store_rows(words, 0, canonical_fr(mul_fr(product, unit8())))
    invert_words(words, _MODULUS, _INVERSE)
    return mul_fr(mul_fr(load_same(words, 0), square_radix_fr()), others)


@kernel
def load_some(vector: Any, row: int, count: int) -> Any:
    """The elements of rows `row` to `count` - 1, at most eight; 0 in lanes past them."""
    if row + 8 <= count:
        return load_rows(vector, 4 * row)
    part = np.zeros((8, 4), np.uint64)
    for lane in range(count - row):
        for j in range(4):
            part[lane, j] = vector[row + lane, j]
    return load_rows(part, 0)


@kernel
def gather_rows(vector: Any, offsets: Any) -> Any:
    """One element a lane, from word offsets."""
    a, _ = load_pair(vector.reshape(-1), offsets, 0)
    return a


@kernel
def put_rows(vector: Any, row: int, count: int, a: Any) -> None:
    """Eight lanes to consecutive rows below `count`, canonical; lanes past them are left out."""
    if row + 8 <= count:
        store_rows(vector, 4 * row, canonical_fr(a))
    else:
        part = np.empty((8, 4), np.uint64)
        store_rows(part, 0, canonical_fr(a))
        for lane in range(count - row):
            for j in range(4):
                vector[row + lane, j] = part[lane, j]


@kernel
def padded(count: int) -> Any:
    """A vector of zeros, with room for lanes that read past its end."""
    return np.zeros((count + 9, 4), np.uint64)


@kernel
def fold(low: Any, high: Any, count: int, x: Any) -> Any:
    """low + x high."""
    out = padded(count)
    factor = load_same(x, 0)
    for row in range(0, count, 8):
        value = add_fr(load_rows(low, 4 * row), mul_fr(load_rows(high, 4 * row), factor))
        put_rows(out, row, count, value)
    return out


@kernel
def difference(a: Any, b: Any, count: int) -> Any:
    """a - b."""
    out = padded(count)
    for row in range(0, count, 8):
        put_rows(out, row, count, sub_fr(load_rows(a, 4 * row), load_rows(b, 4 * row)))
    return out


@kernel
def inner_product(a: Any, b: Any, count: int) -> Any:
    """Sum of a_i b_i, as one row."""
    out = padded(1)
    total = zero8()
    for row in range(0, count, 8):
        total = add_fr(total, mul_fr(load_some(a, row, count), load_some(b, row, count)))
    put_rows(out, 0, 1, mul_fr(fold_sum(total), square_radix_fr()))
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
    out, part = padded(2 * blocks * size), np.empty((8, 4), np.uint64)
    left, right = np.empty(8, np.uint64), np.empty(8, np.uint64)
    count = blocks * size
    for first in range(0, count, 8):
        for lane in range(8):
            item = min(first + lane, count - 1)
            left[lane], right[lane] = 4 * (item // size), 4 * (item % size)
        product = mul_fr(mul_fr(gather_rows(factors, left), gather_rows(half, right)), square_radix_fr())
        store_rows(part, 0, canonical_fr(product))
        for lane in range(min(8, count - first)):
            item = first + lane
            row = (item // size) * 2 * size + side * size + item % size
            for j in range(4):
                out[row, j] = part[lane, j]
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
        product = mul_fr(product, sub_fr(point, load_rows(_POINTS, group * 32)))
    inverse = invert_fr(product)
    for group in range(groups - 1, -1, -1):
        store_raw(inverses, group * 40, mul_fr(inverse, load_raw(prefixes, group * 40)))
        inverse = mul_fr(inverse, sub_fr(point, load_rows(_POINTS, group * 32)))
    return fold_product(product), inverses


@kernel
def evaluation_weights(t: Any) -> Any:
    """b_i = A(t) / (A'(i) (t - i)), t outside the domain."""
    out = padded(SIZE)
    vanishing, inverses = domain_inverses(t)
    for row in range(0, SIZE, 8):
        weight = mul_fr(mul_fr(vanishing, load_raw(inverses, 5 * row)), load_rows(_INVERSE_DERIVATIVES, 4 * row))
        put_rows(out, row, SIZE, weight)
    return out


@kernel
def powers(r: Any, count: int) -> Any:
    """r^0, r^1, ... in Montgomery form, canonical."""
    out = padded(count)
    one, base = one_fr(), load_same(r, 0)
    first, part = np.empty((8, 4), np.uint64), np.empty((8, 4), np.uint64)
    power = one
    for lane in range(8):
        store_rows(part, 0, canonical_fr(power))
        for j in range(4):
            first[lane, j] = part[0, j]
        power = mul_fr(power, base)
    current = load_rows(first, 0)
    for row in range(0, count, 8):
        put_rows(out, row, count, current)
        current = mul_fr(current, power)
    return out


@kernel
def weights(r: Any, t: Any, points: Any) -> Any:
    """r^i / (t - z_i), plain."""
    count = points.size
    out, plain = padded(count), padded(SIZE)
    _, inverses = domain_inverses(t)
    for row in range(0, SIZE, 8):
        put_rows(plain, row, SIZE, mul_fr(load_raw(inverses, 5 * row), unit8()))
    power = powers(r, count)
    offsets = np.empty(8, np.uint64)
    for row in range(0, count, 8):
        for lane in range(8):
            offsets[lane] = 4 * int64(points[min(row + lane, count - 1)])
        put_rows(out, row, count, mul_fr(load_rows(power, 4 * row), gather_rows(plain, offsets)))
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


LAZY: Final = 256
"""Products of canonical elements that are added up before they are reduced (`accumulate_product`)."""
STRIDE: Final = SIZE * 5
"""Words of 256 elements as raw lanes: element i in lane i % 8 of group i // 8."""


@kernel
def accumulate(
    total: Any, starts: Any, indices: Any, values: Any, which: int, power: Any, item: int, part: Any
) -> None:
    """total[index] += power[item] * value for the entries of one sparse polynomial, not reduced. power: Montgomery.

    total: 32 groups of 80 words. part: (8, 4) zeros, and zeros again at the end.
    """
    entry, end = starts[which], starts[which + 1]
    factor = load_same(power, 4 * item)
    while entry < end:
        first = entry
        group = indices[entry] // 8
        while entry < end and indices[entry] // 8 == group:
            for j in range(4):
                part[indices[entry] % 8, j] = values[entry, j]
            entry += 1
        accumulate_product(total, group * 80, load_rows(part, 0), factor)
        for done in range(first, entry):
            for j in range(4):
                part[indices[done] % 8, j] = uint64(0)


@kernel
def accumulate_two(total: Any, values: Any, power: Any, items: Any, first: Any, soon: Any) -> None:
    """`accumulate` of two dense polynomials: of which items, where they begin, and where the next two begin."""
    x, y = load_same(power, 4 * items[0]), load_same(power, 4 * items[1])
    for group in range(SIZE // 8):
        place = 32 * group
        rows, later = (4 * first[0] + place, 4 * first[1] + place), (4 * soon[0] + place, 4 * soon[1] + place)
        accumulate_rows(total, 80 * group, values, rows, later, x, y)


@kernel
def settle(total: Any, out: Any, first: int) -> None:
    """out += total / R, canonical raw lanes from word `first` on; total is 0 again."""
    for group in range(SIZE // 8):
        place = first + group * 40
        value = add_fr(load_raw(out, place), settled(total, group * 80))
        store_raw(out, place, canonical_fr(value))
    for i in range(SIZE * 10):
        total[i] = uint64(0)


@kernel
def by_point(points: Any) -> Any:
    """(items in the order of their points, where those of each point begin): counting sort."""
    starts = np.zeros(SIZE + 1, np.int64)
    for item in range(points.size):
        starts[int64(points[item]) + 1] += 1
    for z in range(SIZE):
        starts[z + 1] += starts[z]
    order, ends = np.empty(points.size, np.int64), starts.copy()
    for item in range(points.size):
        z = int64(points[item])
        order[ends[z]] = item
        ends[z] += 1
    return order, starts


@kernel
def gather(starts: Any, indices: Any, values: Any, groups: Any, points: Any, r: Any, lowest: int, above: int) -> Any:
    """(z that occur, F_z as canonical raw lanes): F_z = sum of r^i f_i over z_i = z, for z from `lowest` on."""
    order, firsts = by_point(points)
    power = powers(r, points.size)
    used = 0
    for z in range(lowest, above):
        used += firsts[z] < firsts[z + 1]
    listed, out = np.empty(used, np.int64), np.zeros(used * STRIDE, np.uint64)
    total, part = np.zeros(SIZE * 10, np.uint64), np.zeros((8, 4), np.uint64)
    place = 0
    for z in range(lowest, above):
        if firsts[z] == firsts[z + 1]:
            continue
        held = -1
        for k in range(firsts[z], firsts[z + 1]):
            item = order[k]
            first = starts[groups[item]]
            if starts[groups[item] + 1] - first < SIZE:
                accumulate(total, starts, indices, values, groups[item], power, item, part)
            elif held < 0:
                held = item
            else:
                last = points.size - 1
                soon = (starts[groups[order[min(k + 1, last)]]], starts[groups[order[min(k + 2, last)]]])
                accumulate_two(total, values, power, (held, item), (starts[groups[held]], first), soon)
                held = -1
            if (k - firsts[z]) % LAZY == LAZY - 2:
                settle(total, out, place * STRIDE)
        if held >= 0:
            alone = (starts[groups[held]], starts[groups[held]])
            accumulate_two(total, values, power, (held, points.size), alone, alone)
        settle(total, out, place * STRIDE)
        listed[place] = z
        place += 1
    return listed, out


@kernel
def combination(listed: Any, gathered: Any, t: Any) -> Any:
    """Sum of F_z / (t - z)."""
    _, inverses = domain_inverses(t)
    factors, total, sums = padded(SIZE), np.zeros(SIZE * 10, np.uint64), np.zeros(STRIDE, np.uint64)
    for row in range(0, SIZE, 8):
        put_rows(factors, row, SIZE, load_raw(inverses, 5 * row))
    for place in range(listed.size):
        factor = load_same(factors, 4 * listed[place])
        for group in range(SIZE // 8):
            accumulate_product(total, group * 80, load_raw(gathered, place * STRIDE + group * 40), factor)
    settle(total, sums, 0)
    out = padded(SIZE)
    for row in range(0, SIZE, 8):
        put_rows(out, row, SIZE, load_raw(sums, 5 * row))
    return out


@kernel
def quotients(listed: Any, gathered: Any) -> Any:
    """Sum of (F_z - F_z(z)) / (X - z), as in `verkle.domain`: 1/0 is 0 here, so that element z is left to the end."""
    out, sums, column = padded(SIZE), np.zeros(STRIDE, np.uint64), np.empty((8, 4), np.uint64)
    for place in range(listed.size):
        z, base = listed[place], place * STRIDE
        store_rows(column, 0, load_raw(gathered, base + 40 * (z // 8)))
        at_z = load_same(column, 4 * (z % 8))
        pole = zero8()
        for row in range(0, SIZE, 8):
            inverse = load_rows(_DIFFERENCE_INVERSES, 4 * (row - z + SIZE - 1))
            q = mul_fr(sub_fr(load_raw(gathered, base + 5 * row), at_z), inverse)
            store_raw(sums, 5 * row, add_fr(load_raw(sums, 5 * row), q))
            pole = add_fr(pole, mul_fr(q, load_rows(_INVERSE_DERIVATIVES_R, 4 * row)))
        at_pole = sub_fr(zero8(), mul_fr(fold_sum(pole), load_same(_DERIVATIVES_R, 4 * z)))
        put_rows(out, z, z + 1, at_pole)
    for row in range(0, SIZE, 8):
        put_rows(out, row, SIZE, add_fr(load_raw(sums, 5 * row), load_rows(out, 4 * row)))
    return out


@kernel
def values_at(starts: Any, indices: Any, values: Any, groups: Any, points: Any) -> Any:
    """f_i(z_i), 0 where the polynomial does not list z_i."""
    out = padded(points.size)
    for i in range(points.size):
        first, last, z = starts[groups[i]], starts[groups[i] + 1], int64(points[i])
        if last - first == SIZE:
            first += z
        else:
            while first < last and indices[first] < z:
                first += 1
        if first < last and indices[first] == z:
            for j in range(4):
                out[i, j] = values[first, j]
    return out
