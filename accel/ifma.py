"""The intrinsics of the IFMA backend: what kernels call, in instructions on eight lanes (`accel.ifma_lanes`).

Over 400 lines: one intrinsic after the other, none of them long.
"""

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
    VECTOR,
    ZERO,
    Limbs,
    Vectors,
    constant,
    data_of,
    element8,
    from_rows,
    from_words,
    lane_pointers,
    limbs_of,
    load,
    pack,
    point8,
    prefetch,
    same_words,
    shuffle,
    splat,
    store,
    to_rows,
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


def _to_fr(builder: Any, x: Limbs) -> Limbs:
    """From below 2 p, carried, to below r: p is below 5 r."""
    for modulus in (FP.modulus, 2 * FR.modulus, FR.modulus, FR.modulus):
        x = _fp(builder).minus(x, modulus)
    return x


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
map_fr = unary("map_fr", lambda b, x: [_to_fr(b, x)])
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
def accumulate_product(_: Any, totals: Any, index: Any, a: Any, b: Any) -> Any:
    """totals += a b over Fr, not reduced: 80 words, ten limbs of eight lanes. a, b: carried.

    A product adds at most 9 * 2^52 to a limb, so 256 of them leave room for what `settled` adds.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        pointers = [builder.gep(base, [I64(8 * i)]) for i in range(2 * LIMBS)]
        made = _fr(builder).accumulate(
            [load(builder, pointer) for pointer in pointers], unpack(builder, args[2]), unpack(builder, args[3])
        )
        for limb, pointer in zip(made, pointers, strict=True):
            store(builder, limb, pointer)
        return context.get_dummy_value()

    return types.void(totals, types.int64, element8, element8), code


@intrinsic
def accumulate_rows(_: Any, totals: Any, index: Any, values: Any, rows: Any, soon: Any, x: Any, y: Any) -> Any:
    """`accumulate_product` of the rows at two places of `values` with x and y, and asking for those at two others.

    One load and store of the totals for both.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        data = data_of(context, builder, signature.args[2], args[2])
        pointers = [builder.gep(base, [I64(8 * i)]) for i in range(2 * LIMBS)]
        made = [load(builder, pointer) for pointer in pointers]
        for i in range(2):
            prefetch(builder, builder.gep(data, [builder.extract_value(args[4], i)]), (0, 8, 16, 24))
        for i in range(2):
            place = builder.gep(data, [builder.extract_value(args[3], i)])
            factor = unpack(builder, args[5 + i])
            made = _fr(builder).accumulate(made, from_words(builder, from_rows(builder, place)), factor)
        for limb, pointer in zip(made, pointers, strict=True):
            store(builder, limb, pointer)
        return context.get_dummy_value()

    places = types.UniTuple(types.int64, 2)
    return types.void(totals, types.int64, values, places, places, element8, element8), code


@intrinsic
def settled(_: Any, totals: Any, index: Any) -> Any:
    """The sum that `accumulate_product` left, over R: below 2.9 r for 256 products of canonical elements."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        limbs = [load(builder, builder.gep(base, [I64(8 * i)])) for i in range(2 * LIMBS)]
        fr = _fr(builder)
        return pack(builder, fr.carried(fr.settle(limbs)))

    return element8(totals, types.int64), code


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
def load_eight(_: Any, points: Any, index: Any) -> Any:
    """X and Y of eight points that stand one behind the other."""
    pair = types.UniTuple(element8, 2)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        words = transpose(builder, [load(builder, builder.gep(base, [I64(16 * i)])) for i in range(LANES)])
        return context.make_tuple(builder, pair, [pack(builder, from_words(builder, words[i : i + 4])) for i in (0, 4)])

    return pair(points, types.int64), code


@intrinsic
def load_rows(_: Any, array: Any, index: Any) -> Any:
    """Eight elements that stand one behind the other: 32 words at array[index]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        return pack(builder, from_words(builder, from_rows(builder, base)))

    return element8(array, types.int64), code


@intrinsic
def load_same(_: Any, array: Any, index: Any) -> Any:
    """One element, the four words at array[index], in every lane."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        return pack(builder, from_words(builder, same_words(builder, base, 4)))

    return element8(array, types.int64), code


@intrinsic
def store_rows(_: Any, array: Any, index: Any, a: Any) -> Any:
    """The inverse of `load_rows`, for carried elements below 2^256."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = builder.gep(data_of(context, builder, signature.args[0], args[0]), [args[1]])
        to_rows(builder, base, to_words(builder, unpack(builder, args[2])))
        return context.get_dummy_value()

    return types.void(array, types.int64, element8), code


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


@intrinsic
def add_to_buckets(_: Any, buckets: Any, stride: Any, entries: Any, scalars: Any, item: Any, word: Any) -> Any:
    """Add entry `item`, or its opposite, to the bucket that its digit names, in eight windows at once.

    Entries: 12 words each. Scalars: 4 words each, biased by 0x80..80; lane l takes byte l of `word`, minus 128.
    Buckets: points; those of lane l begin at l * stride.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        buckets_, entries_, scalars_ = (data_of(context, builder, signature.args[i], args[i]) for i in (0, 2, 3))
        biased = builder.load(builder.gep(scalars_, [builder.add(builder.shl(args[4], I64(2)), args[5])]))
        digits = builder.lshr(splat(builder, biased), ir.Constant(VECTOR, [8 * lane for lane in range(LANES)]))
        magnitude, negative = _magnitude(builder, digits)
        starts = builder.mul(splat(builder, args[1]), ir.Constant(VECTOR, list(range(LANES))))
        pointers = lane_pointers(builder, buckets_, builder.add(builder.shl(magnitude, constant(4)), starts))
        limbs: list[Limbs] = []
        for half in (0, 8):
            words = transpose(builder, [load(builder, builder.gep(pointer, [I64(half)])) for pointer in pointers])
            limbs += [from_words(builder, words[i : i + 4]) for i in (0, 4)]
        entry = same_words(builder, builder.gep(entries_, [builder.mul(args[4], I64(12))]), 12)
        x, y, t = (from_words(builder, entry[i : i + 4]) for i in (0, 4, 8))
        fp = _fp(builder)
        made = formulas.mixed_add(fp, (limbs[0], limbs[1], limbs[2], limbs[3]), (x, y, t), negative)
        words = [word for coordinate in made for word in to_words(builder, fp.minus(coordinate, 2 * FP.modulus))]
        for half in (0, 8):
            for row, pointer in zip(transpose(builder, words[half : half + 8]), pointers, strict=True):
                store(builder, row, builder.gep(pointer, [I64(half)]))
        return context.get_dummy_value()

    number = types.int64
    return types.void(buckets, number, entries, scalars, number, number), code


def _digit(builder: Any, word: Any, shift: Any) -> tuple[Any, Any]:
    """`_magnitude` of the byte that begins at a bit."""
    return _magnitude(builder, builder.lshr(word, splat(builder, shift)))


def _magnitude(builder: Any, digits: Any) -> tuple[Any, Any]:
    """|d| and the sign mask of biased digits: lowest byte - 128."""
    digit = builder.sub(builder.and_(digits, constant(0xFF)), constant(128))
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
