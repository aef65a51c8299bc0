"""Kernels on vectors over Fr, one element at a time: what proofs do between commitments.

Shapes: a vector is (n, 4) words, canonical, not in Montgomery form; rows past n are not read. A scalar argument is a
row of 4 words times R = 2^260, brought here to R' = 2^256 (`accel.wide`), so that a product with a plain value is
plain again. "Montgomery form" below is times R'.
"""

from typing import Any, Final

import numpy as np
from numba import int64

from accel.compile import kernel
from accel.limbs import words_of
from accel.wide import (
    WIDE_BITS,
    add_fr,
    from_radix_fr,
    load,
    mul_fr,
    one_fr,
    square_radix_fr,
    store,
    sub_fr,
    unit,
    zero,
)
from verkle import domain
from verkle.field import FR

SIZE: Final = domain.SIZE
STRIDE: Final = 4 * SIZE


def montgomery_rows(values: Any) -> Any:
    """Scalars times R', flat."""
    return words_of((value << WIDE_BITS) % FR.modulus for value in values).reshape(-1).copy()


_POINTS: Final = montgomery_rows(range(SIZE))
"""0..255."""
_INVERSE_DERIVATIVES: Final = words_of(domain.inverse_vanishing_derivatives()).reshape(-1).copy()
"""1 / A'(i), plain."""
_INVERSE_DERIVATIVES_R: Final = montgomery_rows(domain.inverse_vanishing_derivatives())
_DERIVATIVES_R: Final = montgomery_rows(domain.vanishing_derivatives())
_DIFFERENCE_INVERSES: Final = montgomery_rows([FR.inverse(k) if k else 0 for k in range(1 - SIZE, SIZE)])
"""1 / k at element k + 255, for k = -255..255; 0 for k = 0."""
_INVERSE_BITS: Final = np.array([int(bit) for bit in bin(FR.modulus - 2)[2:]], dtype=np.uint8)


@kernel
def invert_fr(a: Any) -> Any:
    """a^(r-2), in Montgomery form; 0 gives 0."""
    result = a
    for i in range(1, _INVERSE_BITS.size):
        result = mul_fr(result, result)
        if _INVERSE_BITS[i]:
            result = mul_fr(result, a)
    return result


@kernel
def scalar(x: Any) -> Any:
    """A scalar argument, in Montgomery form."""
    return from_radix_fr(load(x.reshape(-1), 0))


@kernel
def fold(low: Any, high: Any, count: int, x: Any) -> Any:
    """low + x high."""
    out, factor = np.empty((count, 4), np.uint64), scalar(x)
    flat, flat_low, flat_high = out.reshape(-1), low.reshape(-1), high.reshape(-1)
    for i in range(0, 4 * count, 4):
        store(flat, i, add_fr(load(flat_low, i), mul_fr(load(flat_high, i), factor)))
    return out


@kernel
def difference(a: Any, b: Any, count: int) -> Any:
    """a - b."""
    out = np.empty((count, 4), np.uint64)
    flat, flat_a, flat_b = out.reshape(-1), a.reshape(-1), b.reshape(-1)
    for i in range(0, 4 * count, 4):
        store(flat, i, sub_fr(load(flat_a, i), load(flat_b, i)))
    return out


@kernel
def inner_product(a: Any, b: Any, count: int) -> Any:
    """Sum of a_i b_i, as one row."""
    out, flat_a, flat_b = np.empty((1, 4), np.uint64), a.reshape(-1), b.reshape(-1)
    total = zero()
    for i in range(0, 4 * count, 4):
        total = add_fr(total, mul_fr(load(flat_a, i), load(flat_b, i)))
    store(out.reshape(-1), 0, mul_fr(total, square_radix_fr()))
    return out


@kernel
def branch(factors: Any, count: int, x: Any) -> Any:
    """(s_0, s_0 x, s_1, s_1 x, ...)."""
    out, factor = np.empty((2 * count, 4), np.uint64), scalar(x)
    flat, source = out.reshape(-1), factors.reshape(-1)
    for k in range(count):
        value = load(source, 4 * k)
        store(flat, 8 * k, value)
        store(flat, 8 * k + 4, mul_fr(value, factor))
    return out


@kernel
def spread(factors: Any, blocks: int, half: Any, size: int, side: int) -> Any:
    """Block k holds factor_k * half in its left or right part."""
    out = np.zeros((2 * blocks * size, 4), np.uint64)
    flat, flat_factors, flat_half = out.reshape(-1), factors.reshape(-1), half.reshape(-1)
    for block in range(blocks):
        factor = mul_fr(load(flat_factors, 4 * block), square_radix_fr())
        first = 4 * size * (2 * block + side)
        for i in range(0, 4 * size, 4):
            store(flat, first + i, mul_fr(load(flat_half, i), factor))
    return out


@kernel
def domain_inverses(t: Any) -> Any:
    """(A(t), 1 / (t - i) for i = 0..255), in Montgomery form; one inversion."""
    prefixes, inverses = np.empty(SIZE * 4, np.uint64), np.empty(SIZE * 4, np.uint64)
    product = one_fr()
    for i in range(0, 4 * SIZE, 4):
        store(prefixes, i, product)
        product = mul_fr(product, sub_fr(t, load(_POINTS, i)))
    inverse = invert_fr(product)
    for i in range(4 * SIZE - 4, -1, -4):
        store(inverses, i, mul_fr(inverse, load(prefixes, i)))
        inverse = mul_fr(inverse, sub_fr(t, load(_POINTS, i)))
    return product, inverses


@kernel
def evaluation_weights(t: Any) -> Any:
    """b_i = A(t) / (A'(i) (t - i)), t outside the domain."""
    out = np.empty((SIZE, 4), np.uint64)
    vanishing, inverses = domain_inverses(scalar(t))
    for i in range(0, 4 * SIZE, 4):
        store(out.reshape(-1), i, mul_fr(mul_fr(vanishing, load(inverses, i)), load(_INVERSE_DERIVATIVES, i)))
    return out


@kernel
def weights(r: Any, t: Any, points: Any) -> Any:
    """r^i / (t - z_i), plain."""
    out, factor = np.empty((points.size, 4), np.uint64), scalar(r)
    _, inverses = domain_inverses(scalar(t))
    power = unit()
    for i in range(points.size):
        store(out.reshape(-1), 4 * i, mul_fr(power, load(inverses, 4 * int64(points[i]))))
        power = mul_fr(power, factor)
    return out


@kernel
def group_sums(a: Any, groups: Any, count: int) -> Any:
    """Element k: the sum of the a_i with groups[i] = k."""
    out = np.zeros((count, 4), np.uint64)
    flat, source = out.reshape(-1), a.reshape(-1)
    for i in range(groups.size):
        at = 4 * groups[i]
        store(flat, at, add_fr(load(flat, at), load(source, 4 * i)))
    return out


@kernel
def gather(starts: Any, indices: Any, values: Any, groups: Any, points: Any, r: Any, lowest: int, above: int) -> Any:
    """(z that occur, 256 elements F_z each): F_z = sum of r^i f_i over z_i = z, for z from `lowest` on."""
    place, listed, used = np.full(SIZE, -1, np.int64), np.empty(SIZE, np.int64), 0
    for i in range(points.size):
        z = int64(points[i])
        if lowest <= z < above and place[z] < 0:
            place[z], listed[used] = used, z
            used += 1
    out, flat = np.zeros(used * STRIDE, np.uint64), values.reshape(-1)
    power, factor = one_fr(), scalar(r)
    for i in range(points.size):
        first = place[int64(points[i])] * STRIDE
        if first >= 0:
            for entry in range(starts[groups[i]], starts[groups[i] + 1]):
                at = first + 4 * indices[entry]
                store(out, at, add_fr(load(out, at), mul_fr(load(flat, 4 * entry), power)))
        power = mul_fr(power, factor)
    return listed[:used].copy(), out


@kernel
def combination(listed: Any, gathered: Any, t: Any) -> Any:
    """Sum of F_z / (t - z)."""
    out = np.zeros((SIZE, 4), np.uint64)
    flat = out.reshape(-1)
    _, inverses = domain_inverses(scalar(t))
    for k in range(listed.size):
        factor = load(inverses, 4 * listed[k])
        for i in range(0, STRIDE, 4):
            store(flat, i, add_fr(load(flat, i), mul_fr(load(gathered, k * STRIDE + i), factor)))
    return out


@kernel
def quotients(listed: Any, gathered: Any) -> Any:
    """Sum of (F_z - F_z(z)) / (X - z)."""
    out = np.zeros((SIZE, 4), np.uint64)
    for k in range(listed.size):
        divide(gathered[k * STRIDE : (k + 1) * STRIDE], listed[k], out.reshape(-1))
    return out


@kernel
def divide(total: Any, z: int, out: Any) -> None:
    """out += (f - f(z)) / (X - z), as in `verkle.domain`: 1/0 is 0 here, so that element z is left to the end."""
    at_z, pole = load(total, 4 * z), zero()
    for j in range(SIZE):
        inverse = load(_DIFFERENCE_INVERSES, 4 * (j - z + SIZE - 1))
        q = mul_fr(sub_fr(load(total, 4 * j), at_z), inverse)
        store(out, 4 * j, add_fr(load(out, 4 * j), q))
        pole = add_fr(pole, mul_fr(q, load(_INVERSE_DERIVATIVES_R, 4 * j)))
    at_pole = mul_fr(pole, load(_DERIVATIVES_R, 4 * z))
    store(out, 4 * z, sub_fr(load(out, 4 * z), at_pole))


@kernel
def values_at(starts: Any, indices: Any, values: Any, groups: Any, points: Any) -> Any:
    """f_i(z_i), 0 where the polynomial does not list z_i."""
    out = np.zeros((points.size, 4), np.uint64)
    for i in range(points.size):
        first, last, z = starts[groups[i]], starts[groups[i] + 1], int64(points[i])
        if last - first == SIZE:
            first += z
        else:
            while first < last and indices[first] < z:
                first += 1
        if first < last and indices[first] == z:
            out[i] = values[first]
    return out
