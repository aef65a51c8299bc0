"""The intrinsics of the IFMA backend: what kernels call, in instructions on eight lanes (`accel.ifma_lanes`)."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from accel import formulas
from accel.ifma_lanes import (
    ELEMENT,
    HALF_VECTOR,
    I64,
    LANES,
    LIMBS,
    ZERO,
    Limbs,
    Vectors,
    constant,
    data_of,
    element8,
    from_words,
    lane_pointers,
    limbs_of,
    load,
    pack,
    point8,
    prefetch,
    shuffle,
    splat,
    store,
    to_words,
    transpose,
    unpack,
)
from accel.limbs import R_MOD_P, RADIX_BITS
from verkle.curve import D
from verkle.field import FP, FR

Emitter = Callable[..., Any]


def function_once(builder: Any, name: str, arity: int, results: int, emit: Emitter) -> Any:
    """An internal LLVM function on elements, emitted once a module and inlined."""
    function = builder.module.globals.get(name)
    if function is None:
        result = ir.LiteralStructType([ELEMENT] * results)
        function = ir.Function(builder.module, ir.FunctionType(result, [ELEMENT] * arity), name)
        function.linkage = "internal"
        function.attributes.add("alwaysinline")
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        made = emit(inner, *[unpack(inner, argument) for argument in function.args])
        value = ir.Constant(result, ir.Undefined)
        for i, limbs in enumerate(made):
            value = inner.insert_value(value, pack(inner, limbs), i)
        inner.ret(value)
    return function


def unary(name: str, emit: Emitter) -> Any:
    """An intrinsic element8 -> element8."""

    @intrinsic
    def call(_: Any, a: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.extract_value(builder.call(function_once(builder, name, 1, 1, emit), args), 0)

        return element8(element8), code

    return call


def binary(name: str, emit: Emitter) -> Any:
    """An intrinsic (element8, element8) -> element8."""

    @intrinsic
    def call(_: Any, a: Any, b: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.extract_value(builder.call(function_once(builder, name, 2, 1, emit), args), 0)

        return element8(element8, element8), code

    return call


def _field(modulus: int) -> Callable[[Any], Vectors]:
    return lambda builder: Vectors(builder, modulus)


_fp, _fr = _field(FP.modulus), _field(FR.modulus)

mul_fp = binary("mul_fp", lambda b, x, y: [_fp(b).carried(_fp(b).mul(x, y))])
square_fp = unary("square_fp", lambda b, x: [_fp(b).carried(_fp(b).mul(x, x))])
add_fp = binary("add_fp", lambda b, x, y: [_fp(b).carried(_fp(b).add(x, y))])
sub_fp = binary("sub_fp", lambda b, x, y: [_fp(b).carried(_fp(b).lift(_fp(b).sub(x, y), 4))])
reduced_fp = unary("reduced_fp", lambda b, x: [_fp(b).minus(x, 2 * FP.modulus)])
canonical_fp = unary("canonical_fp", lambda b, x: [_fp(b).canonical(x)])
mul_fr = binary("mul_fr", lambda b, x, y: [_fr(b).carried(_fr(b).mul(x, y))])
add_fr = binary("add_fr", lambda b, x, y: [_fr(b).reduced(_fr(b).add(x, y))])
lazy_add_fr = binary("lazy_add_fr", lambda b, x, y: [_fr(b).carried(_fr(b).add(x, y))])
sub_fr = binary("sub_fr", lambda b, x, y: [_fr(b).reduced(_fr(b).lift(_fr(b).sub(x, y), 2))])
canonical_fr = unary("canonical_fr", lambda b, x: [_fr(b).canonical(x)])


@intrinsic
def add_points(_: Any, a: Any, b: Any) -> Any:
    """point8 + point8."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def emit(inner: Any, *e: Limbs) -> Any:
            return formulas.add(_fp(inner), (e[0], e[1], e[2], e[3]), (e[4], e[5], e[6], e[7]))

        function = function_once(builder, "add_points", 8, 4, emit)
        elements = [builder.extract_value(arg, i) for arg in args for i in range(4)]
        made = builder.call(function, elements)
        return context.make_tuple(builder, point8, [builder.extract_value(made, i) for i in range(4)])

    return point8(point8, point8), code


@intrinsic
def double_point(_: Any, a: Any) -> Any:
    """point8 + point8, the same."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = function_once(builder, "double_point", 3, 4, lambda b, *e: formulas.double(_fp(b), *e))
        made = builder.call(function, [builder.extract_value(args[0], i) for i in range(3)])
        return context.make_tuple(builder, point8, [builder.extract_value(made, i) for i in range(4)])

    return point8(point8), code


def _constant_intrinsic(value: int) -> Any:
    @intrinsic
    def call(_: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return pack(builder, limbs_of(value))

        return element8(), code

    return call


zero8 = _constant_intrinsic(0)
unit8 = _constant_intrinsic(1)
one_fp = _constant_intrinsic(R_MOD_P)
square_radix_fp = _constant_intrinsic(pow(2, 2 * RADIX_BITS, FP.modulus))
d_fp = _constant_intrinsic(D * R_MOD_P % FP.modulus)
one_fr = _constant_intrinsic(pow(2, RADIX_BITS, FR.modulus))
square_radix_fr = _constant_intrinsic(pow(2, 2 * RADIX_BITS, FR.modulus))


@intrinsic(prefer_literal=True)
def rotate(_: Any, a: Any, lanes: Any) -> Any:
    """element8 with its lanes rotated by a literal."""
    by = lanes.literal_value

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        picked = [(i + by) % LANES for i in range(LANES)]
        return pack(builder, [shuffle(builder, x, x, picked) for x in unpack(builder, args[0])])

    return element8(element8, lanes), code


@intrinsic
def load_raw(_: Any, array: Any, index: Any) -> Any:
    """Eight elements as stored by `store_raw`: 40 words, limb by limb."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        return pack(builder, [load(builder, builder.gep(base, [I64(8 * i)])) for i in range(LIMBS)])

    return element8(array, types.int64), code


@intrinsic
def store_raw(_: Any, array: Any, index: Any, a: Any) -> Any:
    """40 words, limb by limb: scratch space only."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        for i, limb in enumerate(unpack(builder, args[2])):
            store(builder, limb, builder.gep(base, [I64(8 * i)]))
        return context.get_dummy_value()

    return types.void(array, types.int64, element8), code


@intrinsic
def load_pair(_: Any, array: Any, offsets: Any, index: Any) -> Any:
    """Two elements a lane, from the eight words at array[offsets[index + lane]]."""
    pair = types.UniTuple(element8, 2)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = data_of(context, builder, signature.args[0], args[0])
        places = load(builder, builder.gep(data_of(context, builder, signature.args[1], args[1]), [args[2]]))
        words = transpose(builder, [load(builder, pointer) for pointer in lane_pointers(builder, base, places)])
        elements = [pack(builder, from_words(builder, words[i : i + 4])) for i in (0, 4)]
        return context.make_tuple(builder, pair, elements)

    return pair(array, offsets, types.int64), code


@intrinsic
def store_pair(_: Any, array: Any, offsets: Any, index: Any, a: Any, b: Any) -> Any:
    """The inverse of `load_pair`, for carried elements below 2^256."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = data_of(context, builder, signature.args[0], args[0])
        places = load(builder, builder.gep(data_of(context, builder, signature.args[1], args[1]), [args[2]]))
        words = [word for element in args[3:] for word in to_words(builder, unpack(builder, element))]
        for row, pointer in zip(transpose(builder, words), lane_pointers(builder, base, places), strict=True):
            store(builder, row, pointer)
        return context.get_dummy_value()

    return types.void(array, offsets, types.int64, element8, element8), code


@intrinsic
def store_entry(_: Any, table: Any, offsets: Any, x: Any, y: Any, t: Any) -> Any:
    """Canonical table entries of 12 words at table[offsets[lane]]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = data_of(context, builder, signature.args[0], args[0])
        places = load(builder, data_of(context, builder, signature.args[1], args[1]))
        words = [
            word for element in args[2:] for word in to_words(builder, _fp(builder).canonical(unpack(builder, element)))
        ]
        rows, tails = transpose(builder, words[:8]), transpose(builder, [*words[8:], *[ZERO] * 4])
        for lane, pointer in enumerate(lane_pointers(builder, base, places)):
            store(builder, rows[lane], pointer)
            tail = shuffle(builder, tails[lane], tails[lane], [0, 1, 2, 3])
            store(builder, tail, builder.gep(pointer, [I64(8)]))
        return context.get_dummy_value()

    return types.void(table, offsets, element8, element8, element8), code


def _gather_entry(builder: Any, base: Any, places: Any) -> tuple[Limbs, Limbs, Limbs]:
    """The table entries at word offsets `places`, one a lane."""
    pointers = lane_pointers(builder, base, places)
    words = transpose(builder, [load(builder, pointer) for pointer in pointers])
    tails = [load(builder, builder.gep(pointer, [I64(8)]), HALF_VECTOR) for pointer in pointers]
    joined = [shuffle(builder, tails[k], tails[k + 4], range(8)) for k in range(4)]
    even = [shuffle(builder, joined[k], joined[k + 1], [0, 8, 2, 10, 4, 12, 6, 14]) for k in (0, 2)]
    odd = [shuffle(builder, joined[k], joined[k + 1], [1, 9, 3, 11, 5, 13, 7, 15]) for k in (0, 2)]
    low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    last = [shuffle(builder, half[0], half[1], pick) for pick in (low, high) for half in (even, odd)]
    return (
        from_words(builder, words[:4]),
        from_words(builder, words[4:]),
        from_words(builder, last),
    )


def _digit(builder: Any, word: Any, shift: Any) -> tuple[Any, Any]:
    """|d| and the sign mask of a biased digit: byte - 128."""
    byte = builder.and_(builder.lshr(word, splat(builder, shift)), constant(0xFF))
    digit = builder.sub(byte, constant(128))
    negative = builder.ashr(digit, constant(63))
    return builder.sub(builder.xor(digit, negative), negative), negative


def _entry_places(builder: Any, magnitude: Any, bases: Any, base: Any) -> Any:
    """Word offsets of entries: 12 |d| + the lane's base + a common base."""
    twelve = builder.add(builder.shl(magnitude, constant(3)), builder.shl(magnitude, constant(2)))
    return builder.add(twelve, builder.add(bases, splat(builder, base)))


def _coordinates(builder: Any, point: Any) -> formulas.Point[Limbs]:
    """The limbs of X, Y, Z, T of a point8."""
    X, Y, Z, T = (unpack(builder, builder.extract_value(point, i)) for i in range(4))
    return X, Y, Z, T


@intrinsic
def add_entry(_: Any, point: Any, table: Any, bases: Any, at: Any, digits: Any, row: Any, shift: Any, base: Any) -> Any:
    """point8 + sign(d) * table entry |d| of each lane.

    d = byte (shift / 8) of the biased word digits[row + lane], minus 128; entry: bases[at + lane] + base + 12 |d|.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        point_, table_, bases_, at_, digits_, row_, shift_, base_ = args
        word = load(builder, builder.gep(data_of(context, builder, signature.args[4], digits_), [row_]))
        lanes = load(builder, builder.gep(data_of(context, builder, signature.args[2], bases_), [at_]))
        magnitude, negative = _digit(builder, word, shift_)
        places = _entry_places(builder, magnitude, lanes, base_)
        entry = _gather_entry(builder, data_of(context, builder, signature.args[1], table_), places)
        made = formulas.mixed_add(_fp(builder), _coordinates(builder, point_), entry, negative)
        return context.make_tuple(builder, point8, [pack(builder, limbs) for limbs in made])

    word = types.int64
    return point8(point8, table, bases, word, digits, word, word, word), code


@intrinsic
def prefetch_entry(_: Any, table: Any, bases: Any, at: Any, digits: Any, row: Any, shift: Any, base: Any) -> Any:
    """Ask for the entries that `add_entry` with the same arguments will read."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table_, bases_, at_, digits_, row_, shift_, base_ = args
        word = load(builder, builder.gep(data_of(context, builder, signature.args[3], digits_), [row_]))
        lanes = load(builder, builder.gep(data_of(context, builder, signature.args[1], bases_), [at_]))
        magnitude, _negative = _digit(builder, word, shift_)
        places = _entry_places(builder, magnitude, lanes, base_)
        for pointer in lane_pointers(builder, data_of(context, builder, signature.args[0], table_), places):
            prefetch(builder, pointer, (0, 8))
        return context.get_dummy_value()

    word = types.int64
    return types.void(table, bases, word, digits, word, word, word), code


@intrinsic
def add_affine_points(_: Any, point: Any, x: Any, y: Any, t: Any) -> Any:
    """point8 + (x, y, d x y), all lanes positive."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        entry = (unpack(builder, args[1]), unpack(builder, args[2]), unpack(builder, args[3]))
        made = formulas.mixed_add(_fp(builder), _coordinates(builder, args[0]), entry, ZERO)
        return context.make_tuple(builder, point8, [pack(builder, limbs) for limbs in made])

    return point8(point8, element8, element8, element8), code
