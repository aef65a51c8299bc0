"""Eight field elements at a time with AVX-512 IFMA: a Numba type, its arithmetic, and its ways to and from words.

An element is five limbs of 52 bits, a vector of eight lanes each ([5 x <8 x i64>]). Products are Montgomery products
with R = 2^260. `vpmadd52lo/hi` read the low 52 bits of a limb, so a factor needs its carries propagated, but not its
limbs masked.

Fp: modulo 2^52, p = 1 - 2^32, so -1/p = -(1 + 2^32), and the quotient digit is t0 + (t0 << 32) with no product
(subtractive form). Fr: the quotient digit is a product.

Bounds (in multiples of the modulus): factors a, b >= 0 with a b < 35 R/... see `accel.formulas`; a product is in (0,
a b p/R + 1).

LLVM aborts the process when it meets these instructions on a CPU without them: `accel.select` looks before anything
is compiled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from accel.limbs import R_MOD_P
from verkle.curve import D
from verkle.field import FP

LANES: Final = 8
LIMBS: Final = 5
MASK: Final = (1 << 52) - 1

I32: Final = ir.IntType(32)
I64: Final = ir.IntType(64)
VECTOR: Final = ir.VectorType(I64, LANES)
HALF_VECTOR: Final = ir.VectorType(I64, 4)
ELEMENT: Final = ir.ArrayType(VECTOR, LIMBS)

Limbs = list[Any]
"""Five LLVM vectors."""


class Element8(types.Type):
    """Eight elements of a field, as Numba sees them."""

    def __init__(self) -> None:
        super().__init__(name="Element8")


element8: Final = Element8()
point8: Final = types.UniTuple(element8, 4)


@register_model(Element8)
class _Element8Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ELEMENT)


def constant(value: int) -> Any:
    """The same 64-bit word in every lane."""
    return ir.Constant(VECTOR, [value & (2**64 - 1)] * LANES)


ZERO: Final = constant(0)


def limbs_of(value: int) -> Limbs:
    """An integer in every lane; the top limb takes what is left."""
    return [constant((value >> (52 * i)) & MASK) for i in range(LIMBS - 1)] + [constant(value >> (52 * (LIMBS - 1)))]


def unpack(builder: Any, element: Any) -> Limbs:
    """The limbs of an aggregate."""
    return [builder.extract_value(element, i) for i in range(LIMBS)]


def pack(builder: Any, limbs: Limbs) -> Any:
    """The aggregate of five limbs."""
    element = ir.Constant(ELEMENT, ir.Undefined)
    for i, limb in enumerate(limbs):
        element = builder.insert_value(element, limb, i)
    return element


@dataclass(frozen=True)
class Vectors:
    """`accel.formulas.Arithmetic` in LLVM instructions, for Fp or Fr."""

    builder: Any
    modulus: int

    def _multiply_add(self, half: str, total: Any, a: Any, b: Any) -> Any:
        """total + the low or high 52 bits of a * b."""
        name = f"llvm.x86.avx512.vpmadd52{half}.uq.512"
        function = self.builder.module.globals.get(name)
        if function is None:
            function = ir.Function(self.builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), name)
        return self.builder.call(function, [total, a, b])

    def mul(self, a: Limbs, b: Limbs) -> Limbs:
        """a b / R, uncarried (limbs below 2^58, signed), in (0, a b / (R m) + 1) times the modulus m."""
        return self._mul_fp(a, b) if self.modulus == FP.modulus else self._mul_generic(a, b)

    def _mul_fp(self, a: Limbs, b: Limbs) -> Limbs:
        """t accumulates a b, s accumulates q p; (t - s) / R + p at the end, so no quotient digit is negated."""
        builder = self.builder
        modulus = limbs_of(self.modulus)
        t, s = [ZERO] * 6, [ZERO] * 6
        for i in range(LIMBS):
            for j in range(LIMBS):
                t[j] = self._multiply_add("l", t[j], a[j], b[i])
            low = t[0] if i == 0 else builder.sub(t[0], s[0])
            q = builder.add(low, builder.shl(low, constant(32)))
            carry = builder.ashr(low, constant(52))
            for j in range(LIMBS):
                t[j + 1] = self._multiply_add("h", t[j + 1], a[j], b[i])
            for j in range(1, LIMBS):
                s[j] = self._multiply_add("l", s[j], q, modulus[j])
            for j in range(LIMBS):
                s[j + 1] = self._multiply_add("h", s[j + 1], q, modulus[j])
            t[1] = builder.add(t[1], carry)
            t, s = [*t[1:], ZERO], [*s[1:], ZERO]
        return [builder.add(builder.sub(x, y), m) for x, y, m in zip(t[:5], s[:5], modulus, strict=True)]

    def _mul_generic(self, a: Limbs, b: Limbs) -> Limbs:
        """t accumulates a b + q m, with q = t0 * (-1/m) mod 2^52."""
        builder = self.builder
        modulus, inverse = limbs_of(self.modulus), constant(-pow(self.modulus, -1, 1 << 52) % (1 << 52))
        t = [ZERO] * 6
        for i in range(LIMBS):
            for j in range(LIMBS):
                t[j] = self._multiply_add("l", t[j], a[j], b[i])
            q = self._multiply_add("l", ZERO, t[0], inverse)
            t[0] = self._multiply_add("l", t[0], q, modulus[0])
            carry = builder.lshr(t[0], constant(52))
            for j in range(LIMBS):
                t[j + 1] = self._multiply_add("h", t[j + 1], a[j], b[i])
            for j in range(1, LIMBS):
                t[j] = self._multiply_add("l", t[j], q, modulus[j])
            for j in range(LIMBS):
                t[j + 1] = self._multiply_add("h", t[j + 1], q, modulus[j])
            t[1] = builder.add(t[1], carry)
            t = [*t[1:], ZERO]
        return t[:5]

    def accumulate(self, totals: Limbs, a: Limbs, b: Limbs) -> Limbs:
        """Ten limbs + a b, not reduced."""
        t = list(totals)
        for i in range(LIMBS):
            for j in range(LIMBS):
                t[i + j] = self._multiply_add("l", t[i + j], a[j], b[i])
                t[i + j + 1] = self._multiply_add("h", t[i + j + 1], a[j], b[i])
        return t

    def settle(self, totals: Limbs) -> Limbs:
        """Ten limbs over R, uncarried: total / R + 1 at most, in multiples of m."""
        builder, t = self.builder, list(totals)
        modulus, inverse = limbs_of(self.modulus), constant(-pow(self.modulus, -1, 1 << 52) % (1 << 52))
        for i in range(LIMBS):
            q = self._multiply_add("l", ZERO, t[i], inverse)
            for j in range(LIMBS):
                t[i + j] = self._multiply_add("l", t[i + j], q, modulus[j])
                t[i + j + 1] = self._multiply_add("h", t[i + j + 1], q, modulus[j])
            t[i + 1] = builder.add(t[i + 1], builder.lshr(t[i], constant(52)))
        return t[LIMBS:]

    def add(self, a: Limbs, b: Limbs) -> Limbs:
        """a + b, limb by limb."""
        return [self.builder.add(x, y) for x, y in zip(a, b, strict=True)]

    def sub(self, a: Limbs, b: Limbs) -> Limbs:
        """a - b, limb by limb: limbs and value may be negative."""
        return [self.builder.sub(x, y) for x, y in zip(a, b, strict=True)]

    def lift(self, a: Limbs, k: int) -> Limbs:
        """a + k m."""
        return self.add(a, limbs_of(k * self.modulus))

    def negate_if(self, mask: Any, a: Limbs) -> Limbs:
        """-a where the mask is -1, a where it is 0."""
        return [self.builder.sub(self.builder.xor(x, mask), mask) for x in a]

    def _carry(self, a: Limbs, *, mask: bool) -> Limbs:
        builder, limbs = self.builder, list(a)
        for j in range(LIMBS - 1):
            limbs[j + 1] = builder.add(limbs[j + 1], builder.ashr(limbs[j], constant(52)))
            if mask:
                limbs[j] = builder.and_(limbs[j], constant(MASK))
        return limbs

    def factor(self, a: Limbs) -> Limbs:
        """Carries propagated; only the low 52 bits of each limb mean anything."""
        return self._carry(a, mask=False)

    def carried(self, a: Limbs) -> Limbs:
        """Carries propagated, limbs masked."""
        return self._carry(a, mask=True)

    def minus(self, a: Limbs, value: int) -> Limbs:
        """Carried limbs of a - value where that is not negative, else of a. a: carried."""
        builder = self.builder
        less = self.carried(self.sub(a, limbs_of(value)))
        negative = builder.icmp_signed("<", less[4], ZERO)
        return [builder.select(negative, x, y) for x, y in zip(a, less, strict=True)]

    def reduced(self, a: Limbs) -> Limbs:
        """Below 2 m, for a below 4 m."""
        return self.minus(self.carried(a), 2 * self.modulus)

    def canonical(self, a: Limbs) -> Limbs:
        """Below m, for a carried value below 4 m."""
        return self.minus(self.minus(a, 2 * self.modulus), self.modulus)

    def curve_d(self) -> Limbs:
        """The curve's d, times R."""
        return limbs_of(D * R_MOD_P % FP.modulus)


def to_words(builder: Any, a: Limbs) -> Limbs:
    """Five masked limbs of a value below 2^256 as four words."""

    def join(low: Any, shift: int, high: Any, left: int) -> Any:
        return builder.or_(builder.lshr(low, constant(shift)) if shift else low, builder.shl(high, constant(left)))

    return [join(a[0], 0, a[1], 52), join(a[1], 12, a[2], 40), join(a[2], 24, a[3], 28), join(a[3], 36, a[4], 16)]


def from_words(builder: Any, w: Limbs) -> Limbs:
    """Four words as five masked limbs."""

    def cut(low: Any, shift: int, high: Any, left: int) -> Any:
        joined = builder.or_(builder.lshr(low, constant(shift)), builder.shl(high, constant(left)))
        return builder.and_(joined, constant(MASK))

    first = builder.and_(w[0], constant(MASK))
    middle = [cut(w[0], 52, w[1], 12), cut(w[1], 40, w[2], 24), cut(w[2], 28, w[3], 36)]
    return [first, *middle, builder.lshr(w[3], constant(16))]


def shuffle(builder: Any, a: Any, b: Any, indices: Sequence[int]) -> Any:
    """Lanes of a (0..7) and b (8..15), picked."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(indices)), list(indices)))


def transpose(builder: Any, rows: Limbs) -> Limbs:
    """An 8 x 8 matrix of words, transposed in three rounds of shuffles."""
    a, c, out = [], [None] * 8, [None] * 8
    for i in range(0, 8, 2):
        a.append(shuffle(builder, rows[i], rows[i + 1], [0, 8, 2, 10, 4, 12, 6, 14]))
        a.append(shuffle(builder, rows[i], rows[i + 1], [1, 9, 3, 11, 5, 13, 7, 15]))
    for s in range(2):
        for h in range(2):
            x, y = a[4 * h + s], a[4 * h + 2 + s]
            c[4 * h + s] = shuffle(builder, x, y, [0, 1, 8, 9, 4, 5, 12, 13])
            c[4 * h + 2 + s] = shuffle(builder, x, y, [2, 3, 10, 11, 6, 7, 14, 15])
    for s in range(4):
        out[s] = shuffle(builder, c[s], c[4 + s], [0, 1, 2, 3, 8, 9, 10, 11])
        out[s + 4] = shuffle(builder, c[s], c[4 + s], [4, 5, 6, 7, 12, 13, 14, 15])
    return out


def from_rows(builder: Any, base: Any) -> Limbs:
    """Four words of eight rows that stand one behind the other, word by word."""
    rows = [load(builder, builder.gep(base, [I64(8 * i)])) for i in range(4)]
    words: Limbs = []
    for pair in ([0, 4, 8, 12, 1, 5, 9, 13], [2, 6, 10, 14, 3, 7, 11, 15]):
        upper, lower = shuffle(builder, rows[0], rows[1], pair), shuffle(builder, rows[2], rows[3], pair)
        words.append(shuffle(builder, upper, lower, [0, 1, 2, 3, 8, 9, 10, 11]))
        words.append(shuffle(builder, upper, lower, [4, 5, 6, 7, 12, 13, 14, 15]))
    return words


def to_rows(builder: Any, base: Any, words: Limbs) -> None:
    """The inverse of `from_rows`."""
    for half, pick in enumerate(([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])):
        low, high = shuffle(builder, words[0], words[1], pick), shuffle(builder, words[2], words[3], pick)
        for row, pair in enumerate(([0, 4, 8, 12, 1, 5, 9, 13], [2, 6, 10, 14, 3, 7, 11, 15])):
            store(builder, shuffle(builder, low, high, pair), builder.gep(base, [I64(16 * half + 8 * row)]))


def same_words(builder: Any, base: Any, count: int) -> Limbs:
    """Consecutive words, each in every lane."""
    return [splat(builder, builder.load(builder.gep(base, [I64(i)]))) for i in range(count)]


def splat(builder: Any, scalar: Any) -> Any:
    """A scalar in every lane."""
    vector = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), scalar, I32(0))
    return shuffle(builder, vector, vector, [0] * LANES)


def data_of(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """The data pointer of an array."""
    return context.make_array(kind)(context, builder, array).data


def load(builder: Any, pointer: Any, kind: Any = VECTOR) -> Any:
    """A vector at a word pointer; no alignment is asked for beyond 8 bytes."""
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=8)


def store(builder: Any, vector: Any, pointer: Any) -> None:
    """A vector to a word pointer."""
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=8)


def lane_pointers(builder: Any, base: Any, offsets: Any) -> list[Any]:
    """A word pointer per lane."""
    return [builder.gep(base, [builder.extract_element(offsets, I32(lane))]) for lane in range(LANES)]


def prefetch(builder: Any, pointer: Any, words: Sequence[int]) -> None:
    """Ask for the cache lines at these word offsets."""
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name)
    if function is None:
        kinds = [ir.IntType(8).as_pointer(), I32, I32, I32]
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), kinds), name)
    for word in words:
        place = builder.bitcast(builder.gep(pointer, [I64(word)]), ir.IntType(8).as_pointer())
        builder.call(function, [place, I32(0), I32(3), I32(1)])
