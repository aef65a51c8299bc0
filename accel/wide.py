"""One field element at a time, as a 256-bit integer: a Numba type, and the intrinsics that work on it.

For any 64-bit CPU; where there is a 64 x 64 -> 128 multiplication (x86 `mulx`, ARM `umulh`), LLVM finds it. An element
is an LLVM i256 in [0, m), m = p or r: sums and differences are reduced at once (leaving sums unreduced up to 2 m was
measured, and gains nothing), so the lifts of `accel.formulas`, multiples of p, are nothing to add here.

Products are Montgomery products with R' = 2^256, four words of 64 bits. Points made by `accel.limbs` are multiplied by
R = 2^260: read with R', all four coordinates are 16 times what was written, which is the same point. Scalars are
brought from R to R' by `from_radix_fr`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from accel import formulas
from accel.limbs import RADIX_BITS
from verkle.curve import D
from verkle.field import FP, FR

WORDS: Final = 4
WIDE_BITS: Final = 256
"""log2 of R'."""

BIT: Final = ir.IntType(1)
I32: Final = ir.IntType(32)
I64: Final = ir.IntType(64)
I128: Final = ir.IntType(128)
ELEMENT: Final = ir.IntType(256)
BYTE_POINTER: Final = ir.IntType(8).as_pointer()


class Element(types.Type):
    """An element of a field, or any integer below 2^256, as Numba sees it."""

    def __init__(self) -> None:
        super().__init__(name="Element")


element: Final = Element()
point: Final = types.UniTuple(element, 4)


@register_model(Element)
class _ElementModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ELEMENT)


def words_of(builder: Any, value: Any) -> list[Any]:
    """The four words of an integer, lowest first."""
    return [builder.trunc(builder.lshr(value, ELEMENT(64 * i)), I64) for i in range(WORDS)]


def from_words(builder: Any, words: list[Any]) -> Any:
    """The integer of four words."""
    value = ELEMENT(0)
    for i, word in enumerate(words):
        value = builder.or_(value, builder.shl(builder.zext(word, ELEMENT), ELEMENT(64 * i)))
    return value


def multiply_add(builder: Any, a: Any, b: Any, *terms: Any) -> tuple[Any, Any]:
    """(low word, high word) of a b + terms; with at most two terms it is below 2^128."""
    total = builder.mul(builder.zext(a, I128), builder.zext(b, I128))
    for term in terms:
        total = builder.add(total, builder.zext(term, I128))
    return builder.trunc(total, I64), builder.trunc(builder.lshr(total, I128(64)), I64)


@dataclass(frozen=True)
class Wide:
    """`accel.formulas.Arithmetic` in LLVM instructions, for Fp or Fr. Everything taken and made is in [0, m)."""

    builder: Any
    modulus: int
    attribute: str = "noinline"
    """Of the function that multiplies: a call costs 1 ns of 16, and code that calls compiles several times faster."""

    def mul(self, a: Any, b: Any) -> Any:
        """a b / R'.

        Row by row, t = (t + a b_i + q m) / 2^64 with q = t (-1/m) mod 2^64. As b_i, q < 2^64, t stays below a + m < 2 m
        < 2^256, so that four words hold it between rows, and one subtraction is left.
        Source: Koc, Acar, Kaliski, "Analyzing and comparing Montgomery multiplication algorithms" (CIOS).
        """
        name = f"wide_mul_{self.modulus:x}_{self.attribute}"
        function = function_once(self.builder, name, [ELEMENT] * 2, 1, self._emit_mul, self.attribute)
        return self.builder.call(function, [a, b])

    def _emit_mul(self, builder: Any, a: Any, b: Any) -> list[Any]:
        factors, modulus = words_of(builder, a), [I64(self.modulus >> (64 * i) & (2**64 - 1)) for i in range(WORDS)]
        negative_inverse = I64(-pow(self.modulus, -1, 1 << 64) % (1 << 64))
        t = [I64(0)] * WORDS
        for word in words_of(builder, b):
            carry = I64(0)
            for j in range(WORDS):
                t[j], carry = multiply_add(builder, factors[j], word, t[j], carry)
            top = carry
            q = builder.mul(t[0], negative_inverse)
            _, carry = multiply_add(builder, q, modulus[0], t[0])
            for j in range(1, WORDS):
                t[j - 1], carry = multiply_add(builder, q, modulus[j], t[j], carry)
            t[WORDS - 1] = builder.add(top, carry)
        return [Wide(builder, self.modulus).reduced(from_words(builder, t))]

    def add(self, a: Any, b: Any) -> Any:
        """a + b: below 2 m < 2^256 before it is reduced."""
        return self.reduced(self.builder.add(a, b))

    def sub(self, a: Any, b: Any) -> Any:
        """a - b, and m more where that is negative."""
        builder = self.builder
        correction = builder.select(builder.icmp_unsigned("<", a, b), ELEMENT(self.modulus), ELEMENT(0))
        return builder.add(builder.sub(a, b), correction)

    def lift(self, a: Any, k: int) -> Any:  # noqa: ARG002
        """a, which is a + k m."""
        return a

    def negate_if(self, mask: Any, a: Any) -> Any:
        """-a where the mask, one bit, is set, a where it is not."""
        return self.builder.select(mask, self.sub(ELEMENT(0), a), a)

    def factor(self, a: Any) -> Any:
        """a: any value may be multiplied."""
        return a

    def carried(self, a: Any) -> Any:
        """a: any value may be stored."""
        return a

    def reduced(self, a: Any) -> Any:
        """a, or a - m where that is not negative: in [0, m) for a < 2 m."""
        builder = self.builder
        below = builder.icmp_unsigned("<", a, ELEMENT(self.modulus))
        return builder.select(below, a, builder.sub(a, ELEMENT(self.modulus)))

    def curve_d(self) -> Any:
        """The curve's d, times R'."""
        return ELEMENT((D << WIDE_BITS) % FP.modulus)


def _fp(builder: Any) -> Wide:
    return Wide(builder, FP.modulus)


def _fp_inlined(builder: Any) -> Wide:
    """For the formulas."""
    return Wide(builder, FP.modulus, "alwaysinline")


def _fr(builder: Any) -> Wide:
    return Wide(builder, FR.modulus)


# ---------------------------------------------------------------- intrinsics

Emitter = Callable[..., Any]


def function_once(
    builder: Any, name: str, kinds: list[Any], results: int, emit: Emitter, attribute: str = "alwaysinline"
) -> Any:
    """An internal LLVM function, emitted once a module: of one element, or of a structure of several."""
    function = builder.module.globals.get(name)
    if function is None:
        result = ELEMENT if results == 1 else ir.LiteralStructType([ELEMENT] * results)
        function = ir.Function(builder.module, ir.FunctionType(result, kinds), name)
        function.linkage = "internal"
        function.attributes.add(attribute)
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        made = emit(inner, *function.args)
        value = made[0] if results == 1 else ir.Constant(result, ir.Undefined)
        if results > 1:
            for i, part in enumerate(made):
                value = inner.insert_value(value, part, i)
        inner.ret(value)
    return function


def unary(emit: Emitter) -> Any:
    """An intrinsic element -> element."""

    @intrinsic
    def call(_: Any, a: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(builder, *args)

        return element(element), code

    return call


def binary(emit: Emitter, result: Any = element) -> Any:
    """An intrinsic (element, element) -> element, or another result."""

    @intrinsic
    def call(_: Any, a: Any, b: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(builder, *args)

        return result(element, element), code

    return call


def constant(value: int) -> Any:
    """An intrinsic () -> element."""

    @intrinsic
    def call(_: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return ELEMENT(value)

        return element(), code

    return call


mul_fp = binary(lambda b, x, y: _fp(b).mul(x, y))
add_fp = binary(lambda b, x, y: _fp(b).add(x, y))
sub_fp = binary(lambda b, x, y: _fp(b).sub(x, y))
mul_fr = binary(lambda b, x, y: _fr(b).mul(x, y))
add_fr = binary(lambda b, x, y: _fr(b).add(x, y))
sub_fr = binary(lambda b, x, y: _fr(b).sub(x, y))
reduced_fr = unary(lambda b, x: _fr(b).reduced(x))
from_radix_fr = unary(lambda b, x: _fr(b).mul(x, ELEMENT((1 << 2 * WIDE_BITS - RADIX_BITS) % FR.modulus)))
"""a R as a R', in Fr: times R'^2 / R, divided by R' as in every product."""
add_words = binary(lambda b, x, y: b.add(x, y))
"""a + b mod 2^256."""
sub_words = binary(lambda b, x, y: b.sub(x, y))
"""a - b mod 2^256."""
less = binary(lambda b, x, y: b.icmp_unsigned("<", x, y), types.boolean)
"""Whether a < b."""

zero = constant(0)
unit = constant(1)
modulus_p = constant(FP.modulus)
one_fp = constant((1 << WIDE_BITS) % FP.modulus)
square_radix_fp = constant((1 << 2 * WIDE_BITS) % FP.modulus)
d_fp = constant((D << WIDE_BITS) % FP.modulus)
upper_fp = constant((FP.modulus + 1) // 2)
"""(p + 1) / 2: the least of the larger halves."""
one_fr = constant((1 << WIDE_BITS) % FR.modulus)
square_radix_fr = constant((1 << 2 * WIDE_BITS) % FR.modulus)
bias8 = constant(int("80" * 32, 16))
bias4 = constant(int("88" * 32, 16))


@intrinsic
def low_word(_: Any, a: Any) -> Any:
    """The lowest 64 bits."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.trunc(args[0], I64)

    return types.uint64(element), code


@intrinsic
def trailing_zeros(_: Any, a: Any) -> Any:
    """How many of the lowest 64 bits are 0 below the first that is 1."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(builder.trunc(args[0], I64), BIT(0))

    return types.uint64(element), code


@intrinsic
def shift_right(_: Any, a: Any, by: Any) -> Any:
    """a >> by, for by in 0..63: word by word, where LLVM alone would go through memory."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I64, [I64] * 3)
        shift = builder.module.declare_intrinsic("llvm.fshr", [I64], kind)
        words = [*words_of(builder, args[0]), I64(0)]
        shifted = [builder.call(shift, [words[i + 1], words[i], args[1]]) for i in range(WORDS)]
        return from_words(builder, shifted)

    return element(element, types.uint64), code


@intrinsic
def choose(_: Any, condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b: without a branch."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return element(types.boolean, element, element), code


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """A pointer to a word of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


@intrinsic
def load(_: Any, array: Any, index: Any) -> Any:
    """The four words from array[index]; no alignment is asked for beyond 8 bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _place(context, builder, signature.args[0], *args)
        return builder.load(builder.bitcast(pointer, ELEMENT.as_pointer()), align=8)

    return element(array, types.int64), code


@intrinsic
def store(_: Any, array: Any, index: Any, a: Any) -> Any:
    """The four words to array[index]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _place(context, builder, signature.args[0], *args[:2])
        builder.store(args[2], builder.bitcast(pointer, ELEMENT.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, element), code


@intrinsic
def prefetch(_: Any, array: Any, index: Any) -> Any:
    """Ask for the cache lines of the twelve words from array[index]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [BYTE_POINTER, I32, I32, I32])
            function = ir.Function(builder.module, kind, name)
        for word in (0, 8):
            pointer = _place(context, builder, signature.args[0], args[0], builder.add(args[1], I64(word)))
            builder.call(function, [builder.bitcast(pointer, BYTE_POINTER), I32(0), I32(3), I32(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), code


def _parts(builder: Any, value: Any) -> list[Any]:
    return [builder.extract_value(value, i) for i in range(4)]


def _make_point(context: Any, builder: Any, function: Any, args: list[Any]) -> Any:
    return context.make_tuple(builder, point, _parts(builder, builder.call(function, args)))


@intrinsic
def add_points(_: Any, a: Any, b: Any) -> Any:
    """point + point."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def emit(inner: Any, *e: Any) -> Any:
            return formulas.add(_fp_inlined(inner), (e[0], e[1], e[2], e[3]), (e[4], e[5], e[6], e[7]))

        function = function_once(builder, "wide_add", [ELEMENT] * 8, 4, emit, "noinline")
        return _make_point(context, builder, function, [*_parts(builder, args[0]), *_parts(builder, args[1])])

    return point(point, point), code


@intrinsic
def double_point(_: Any, a: Any) -> Any:
    """point + point, the same."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def emit(inner: Any, *e: Any) -> Any:
            return formulas.double(_fp_inlined(inner), *e)

        function = function_once(builder, "wide_double", [ELEMENT] * 3, 4, emit, "noinline")
        return _make_point(context, builder, function, _parts(builder, args[0])[:3])

    return point(point), code


@intrinsic
def add_entry(_: Any, a: Any, x: Any, y: Any, t: Any, negative: Any) -> Any:
    """point + (x, y, t = d x y), or point - (x, y, t)."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def emit(inner: Any, *e: Any) -> Any:
            return formulas.mixed_add(_fp_inlined(inner), (e[0], e[1], e[2], e[3]), (e[4], e[5], e[6]), e[7])

        function = function_once(builder, "wide_mixed_add", [*[ELEMENT] * 7, BIT], 4, emit)
        return _make_point(context, builder, function, [*_parts(builder, args[0]), *args[1:]])

    return point(point, element, element, element, types.boolean), code
