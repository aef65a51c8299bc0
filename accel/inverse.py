"""One inverse modulo an odd number, in whole words: what a vector of eight lanes is too slow for.

f and g begin as the modulus m and the number x. A step on (eta, f, g) halves g, or takes f off it first; 62 steps
depend on the low words only, and are kept as a matrix (u, v; q, r) over 2^62 that is then applied to f and g, and to d
and e, which begin as 0 and 1: d x = f and e x = g modulo m throughout. In the end g = 0, f = 1 or -1, and d is +-1/x.

Source: Bernstein, Yang, IACR 2019/266; libsecp256k1, `doc/safegcd_implementation.md` ("divsteps", variable time).
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import int64, types, uint64
from numba.extending import intrinsic

from accel.compile import kernel

WORDS: Final = 6
"""Of f and g; and of d and e, below 7 m in size, times 2^62."""
STEPS: Final = 62
I64: Final = ir.IntType(64)
I128: Final = ir.IntType(128)
WIDE: Final = ir.IntType(64 * WORDS)


@intrinsic
def low_zeros(_: Any, a: Any) -> Any:
    """How many low bits of a word are 0."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.int64(types.uint64), code


def _times(builder: Any, a: list[Any], x: Any) -> list[Any]:
    """a x modulo 2^384, both signed: (a or its complement) |x|, and |x| more for a complement."""
    negative = builder.ashr(x, I64(63))
    size = builder.sub(builder.xor(x, negative), negative)
    carry, wide, words = builder.and_(size, negative), builder.zext(size, I128), []
    for word in a:
        product = builder.mul(builder.zext(builder.xor(word, negative), I128), wide)
        product = builder.add(product, builder.zext(carry, I128))
        words.append(builder.trunc(product, I64))
        carry = builder.trunc(builder.lshr(product, I128(64)), I64)
    return words


def _sum(builder: Any, terms: list[list[Any]]) -> list[Any]:
    """The sum of integers modulo 2^384, word by word."""
    carry, words = I128(0), []
    for column in zip(*terms, strict=True):
        for word in column:
            carry = builder.add(carry, builder.zext(word, I128))
        words.append(builder.trunc(carry, I64))
        carry = builder.lshr(carry, I128(64))
    return words


@intrinsic
def apply_steps(_: Any, pair: Any, matrix: Any, modulus: Any, inverse: Any) -> Any:
    """(a, b) = ((u a + v b + k m) / 2^62, (q a + r b + l m) / 2^62), k and l such that the divisions are exact.

    pair: a and b, 6 words each, signed. matrix: u, v, q, r, signed. inverse: -1/m modulo 2^62, or 0 where the divisions
    are exact without k and l. k and l are in [-2^61, 2^61).
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in range(3)]

        def words(base: Any, first: int, count: int) -> list[Any]:
            return [builder.load(builder.gep(base, [I64(first + i)])) for i in range(count)]

        pair, factors = [words(arrays[0], WORDS * i, WORDS) for i in range(2)], words(arrays[1], 0, 4)
        number = words(arrays[2], 0, WORDS)
        for i in range(2):
            terms = [_times(builder, pair[k], factors[2 * i + k]) for k in range(2)]
            total = _sum(builder, terms)
            low = builder.shl(builder.mul(total[0], args[3]), I64(64 - STEPS))
            total = _sum(builder, [total, _times(builder, number, builder.ashr(low, I64(64 - STEPS)))])
            for j in range(WORDS):
                lower = builder.lshr(total[j], I64(STEPS))
                if j == WORDS - 1:
                    word = builder.ashr(total[j], I64(STEPS))
                else:
                    word = builder.or_(lower, builder.shl(total[j + 1], I64(64 - STEPS)))
                builder.store(word, builder.gep(arrays[0], [I64(WORDS * i + j)]))
        return context.get_dummy_value()

    return types.void(pair, matrix, modulus, types.uint64), code


@kernel
def steps(eta: int, f: Any, g: Any, matrix: Any) -> int:
    """62 steps on the low words of f and g; the new eta."""
    u, v, q, r = uint64(1), uint64(0), uint64(0), uint64(1)
    left = STEPS
    while True:
        zeros = low_zeros(g | (~uint64(0) << uint64(left)))
        g, u, v = g >> uint64(zeros), u << uint64(zeros), v << uint64(zeros)
        eta -= zeros
        left -= zeros
        if left == 0:
            break
        if eta < 0:
            eta = -eta
            f, g = g, uint64(0) - f
            u, q = q, uint64(0) - u
            v, r = r, uint64(0) - v
            limit, bits = min(eta + 1, left), uint64(63)
            w = f * g * (f * f - uint64(2))
        else:
            limit, bits = min(eta + 1, left), uint64(15)
            w = (uint64(0) - (f + (((f + uint64(1)) & uint64(4)) << uint64(1)))) * g
        w &= (~uint64(0) >> uint64(64 - limit)) & bits
        g, q, r = g + f * w, q + u * w, r + v * w
    matrix[0], matrix[1], matrix[2], matrix[3] = u, v, q, r
    return eta


@intrinsic
def result(_: Any, de: Any, fg: Any, modulus: Any, out: Any) -> Any:
    """out = d where f = 1, -d where f = -1, brought from (-8 m, 8 m) to [0, m)."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, arg) for kind, arg in zip(signature.args, args, strict=True)
        ]
        d, f, number = (builder.load(builder.bitcast(array.data, WIDE.as_pointer()), align=8) for array in arrays[:3])
        value = builder.select(builder.icmp_signed("<", f, WIDE(0)), builder.neg(d), d)
        value = builder.add(value, builder.shl(number, WIDE(3)))
        for k in (3, 2, 1, 0):
            less = builder.sub(value, builder.shl(number, WIDE(k)))
            value = builder.select(builder.icmp_signed("<", less, WIDE(0)), value, less)
        narrow = ir.IntType(256)
        builder.store(builder.trunc(value, narrow), builder.bitcast(arrays[3].data, narrow.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(de, fg, modulus, out), code


def constants(modulus: int) -> tuple[Any, Any]:
    """(the modulus as six words, -1/m modulo 2^62), as `invert_words` takes them."""
    words = np.array([modulus >> (64 * j) & (2**64 - 1) for j in range(WORDS)], dtype=np.uint64)
    return words, np.uint64(-pow(modulus, -1, 1 << STEPS) % (1 << STEPS))


@kernel
def invert_words(x: Any, modulus: Any, inverse: Any) -> None:
    """x = 1 / x modulo m in its first four words, canonical; anything for 0.

    At most 12 rounds (741 steps for 256 bits), each of which adds at most m / 2 to the size of d and e.
    """
    fg, de, matrix = np.zeros(2 * WORDS, np.uint64), np.zeros(2 * WORDS, np.uint64), np.empty(4, np.uint64)
    for j in range(WORDS):
        fg[j] = modulus[j]
    for j in range(4):
        fg[WORDS + j] = x[j]
    de[WORDS] = uint64(1)
    eta, busy = int64(-1), True
    while busy:
        eta = steps(eta, fg[0], fg[WORDS], matrix)
        apply_steps(de, matrix, modulus, inverse)
        apply_steps(fg, matrix, modulus, uint64(0))
        busy = False
        for j in range(WORDS):
            busy |= fg[WORDS + j] != 0
    result(de, fg, modulus, x)
