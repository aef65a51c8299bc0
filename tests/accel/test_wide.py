"""The scalar backend below the engine: arithmetic at the edges, and every kernel against its definition."""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from accel import wide, wide_kernels, wide_vectors
from accel.limbs import RADIX_BITS, Indices, Words, coordinates_of, integers_of, point_words, words_of
from spec.errors import DecodeError
from tests.accel.conftest import EDGES, REFERENCE, scalars
from verkle import crs, curve, domain
from verkle.curve import Point
from verkle.field import FP, FR, PrimeField
from verkle.vectors import ListVectors

P, R = FP.modulus, FR.modulus
SIZES = (0, 1, 2, 5, 255, 256, 257, 1000)
LIST = ListVectors()
FIELDS = pytest.mark.parametrize(("field", "suffix"), [(FP, "fp"), (FR, "fr")])


def edges_of(field: PrimeField) -> list[int]:
    """Values at which words, halves and the modulus begin and end."""
    m = field.modulus
    powers = [1 << bits for bits in (1, 32, 63, 64, 128, 192, 252)]
    near = [value + offset for value in (*powers, m // 2) for offset in (-1, 0, 1)]
    return sorted({value % m for value in (0, 1, m - 1, m - 2, m - (1 << 32), m - (1 << 64), 1 << 256, *near)})


# ---------------------------------------------------------------- arithmetic


@cache
def on_rows(name: str) -> Any:
    """A kernel that takes an intrinsic to each pair of rows: (a, b, out)."""
    operation, load, store = getattr(wide, name), wide.load, wide.store

    @njit  # type: ignore[untyped-decorator, unused-ignore]
    def run(a: Any, b: Any, out: Any) -> None:
        for i in range(0, out.size, 4):
            store(out, i, operation(load(a, i), load(b, i)))

    return run


def results(name: str, pairs: Sequence[tuple[int, int]]) -> list[int]:
    left, right = (words_of(column).reshape(-1) for column in zip(*pairs, strict=True))
    out = np.empty(4 * len(pairs), np.uint64)
    on_rows(name)(left, right, out)
    return integers_of(out.reshape(-1, 4))


def check_field(field: PrimeField, suffix: str, pairs: Sequence[tuple[int, int]]) -> None:
    m, inverse = field.modulus, field.inverse(1 << wide.WIDE_BITS)
    assert results(f"mul_{suffix}", pairs) == [a * b * inverse % m for a, b in pairs]
    assert results(f"add_{suffix}", pairs) == [(a + b) % m for a, b in pairs]
    assert results(f"sub_{suffix}", pairs) == [(a - b) % m for a, b in pairs]


@FIELDS
def test_field_at_the_edges(field: PrimeField, suffix: str) -> None:
    rng = random.Random(256)
    values = [*edges_of(field), *(rng.randrange(field.modulus) for _ in range(20))]
    check_field(field, suffix, [(a, b) for a in values for b in values])


@FIELDS
@given(st.data())
@settings(max_examples=50)
def test_field_on_any_values(field: PrimeField, suffix: str, data: st.DataObject) -> None:
    element = st.sampled_from(edges_of(field)) | st.integers(0, field.modulus - 1)
    check_field(field, suffix, data.draw(st.lists(st.tuples(element, element), min_size=1, max_size=20)))


@given(st.lists(st.sampled_from(edges_of(FP)) | st.integers(0, P - 1), min_size=1, max_size=8))
@settings(max_examples=50)
def test_squares_are_known(values: list[int]) -> None:
    """By Jacobi symbols as by Euler's criterion."""
    for value, row in zip(values, words_of(values), strict=True):
        assert _is_square(row.copy()) == FP.is_square(value)


@njit  # type: ignore[untyped-decorator, unused-ignore]
def _is_square(words: Any) -> Any:
    return wide_kernels.is_square(wide.load(words, 0))


# ---------------------------------------------------------------- points


@cache
def table_of(bases: int, tables: int) -> Words:
    """Tables of the first generators (Q behind the last)."""
    points = [*crs.generators(), crs.Q][:bases]
    flat = point_words([point.coordinates for point in points]).reshape(-1).copy()
    table = np.zeros(bases * tables * wide_kernels.WINDOW_WORDS, dtype=np.uint64)
    wide_kernels.build_tables(flat, tables, table)
    return table


def points_of(words: Words) -> list[Point]:
    assert all(value < P for value in integers_of(words.reshape(-1, 4))), "canonical coordinates"
    return [Point.from_coordinates(coordinates) for coordinates in coordinates_of(words)]


def words_with_factors(points: Sequence[Point], rng: random.Random) -> Words:
    """Points with any Z, as the engine hands them over."""
    scaled = []
    for point in points:
        factor = rng.choice([1, P - 1, rng.randrange(1, P)])
        x, y, t, z = (value * factor % P for value in point.coordinates)
        scaled.append((x, y, t, z))
    return point_words(scaled).reshape(-1, 16)


def some_points(rng: random.Random, count: int) -> list[tuple[int, Point]]:
    """(k, k G): random ones, repeated, opposite, and both representatives of the identity."""
    table: list[tuple[int, Point]] = []
    for _ in range(count):
        k, point = rng.choice(table) if table else (1, Point.GENERATOR)
        kind = rng.randrange(8)
        if kind == 0:
            table.append((-k % R, -point))
        elif kind == 1:
            table.append((0, Point.IDENTITY))
        elif kind == 2:
            table.append((0, Point.from_coordinates((0, P - 1, 0, 1))))
        elif kind == 3:
            table.append((k, point))
        else:
            other, sum_with = rng.choice(table) if table else (2, Point.GENERATOR + Point.GENERATOR)
            table.append(((k + other + 1) % R, point + sum_with + Point.GENERATOR))
    return table


@pytest.mark.parametrize(("bases", "tables"), [(5, 1), (257, 4), (8, 32)])
def test_table_entries_are_what_they_say(bases: int, tables: int) -> None:
    """Window t of base i: entry k - 1 is k 2^(t 256 / tables) G_i as (x, y, d x y), canonical."""
    entries = table_of(bases, tables).reshape(bases, tables, wide_kernels.HALF, 3, 4)
    rng, inverse = random.Random(tables), FP.inverse(1 << wide.WIDE_BITS)
    for _ in range(30):
        i, t = rng.choice([0, bases - 1, rng.randrange(bases)]), rng.choice([0, tables - 1, rng.randrange(tables)])
        k = rng.choice([1, 2, wide_kernels.HALF, rng.randrange(1, wide_kernels.HALF)])
        stored = integers_of(entries[i, t, k - 1])
        x, y, dt = (value * inverse % P for value in stored)
        expected = ((k << t * 256 // tables) % R) * [*crs.generators(), crs.Q][i]
        ((ex, ey),) = curve.affine([expected.coordinates])
        assert max(stored) < P
        assert dt == curve.D * x * y % P
        assert (x, y) in ((ex, ey), (-ex % P, -ey % P)), "of either representative"


def commit(rows: Sequence[Sequence[tuple[int, int]]], bases: int, tables: int) -> list[Point]:
    starts = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    entries = [entry for row in rows for entry in row]
    indices = np.array([index for index, _ in entries], dtype=np.int64)
    values = words_of(value for _, value in entries)
    return points_of(wide_kernels.commit(table_of(bases, tables), tables, starts, indices, values))


@pytest.mark.parametrize("size", SIZES)
def test_commitments_of_rows(size: int) -> None:
    """One row of this many entries (indices occur again above 257), beside an empty one, and each entry as a row."""
    rng = random.Random(size)
    row = [(i % 257, value) for i, value in enumerate(scalars(rng, size))]
    rng.shuffle(row)
    assert commit([row, []], 257, 4) == REFERENCE.commit([row, []])
    singles = row[:20]
    assert commit([[entry] for entry in singles], 257, 4) == REFERENCE.commit([[entry] for entry in singles])


@pytest.mark.parametrize(("bases", "tables"), [(5, 1), (257, 4), (8, 32)])
def test_commitments_of_edges(bases: int, tables: int) -> None:
    edges = [*EDGES, 0x80, 0x7F, 0xFF, int("80" * 31, 16), int("7f" * 31, 16), 1 << 252]
    rows = [[(1, value)] for value in edges] + [[(0, value), (3, R - value), (3, value), (0, 1)] for value in edges]
    assert commit(rows, bases, tables) == REFERENCE.commit([[(i, v % R) for i, v in row] for row in rows])


@pytest.mark.parametrize("size", SIZES)
def test_sums_maps_and_encodings(size: int) -> None:
    rng = random.Random(size)
    left, right = ([point for _, point in some_points(rng, size)] for _ in range(2))
    words = words_with_factors(left, rng)
    assert points_of(wide_kernels.add(words, words_with_factors(right, rng))) == REFERENCE.add(left, right)
    assert points_of(wide_kernels.add(words, words)) == REFERENCE.add(left, left)
    assert integers_of(wide_kernels.to_scalars(words)) == REFERENCE.to_scalars(left)
    made = [x.to_bytes(32, "big") for x in integers_of(wide_kernels.encode(words))]
    assert made == REFERENCE.encode(left)


@pytest.mark.parametrize("size", SIZES)
def test_free_multi_scalar_multiplication(size: int) -> None:
    """By multiples of each point, and by buckets."""
    rng = random.Random(size)
    listed = some_points(rng, size)
    factors = scalars(rng, size)
    words = words_with_factors([point for _, point in listed], rng)
    expected = (sum(k * s for (k, _), s in zip(listed, factors, strict=True)) % R) * Point.GENERATOR
    out = np.empty((2, 16), np.uint64)
    wide_kernels.straus(words, words_of(factors), out[0])
    wide_kernels.buckets(words, words_of(factors), wide_kernels.bucket_bits(size), out[1])
    assert points_of(out) == [expected, expected]
    assert points_of(wide_kernels.msm(words, words_of(factors))) == [expected]


@pytest.mark.parametrize("c", range(5, 14))
def test_buckets_of_every_width(c: int) -> None:
    """Digits at the ends of their range in every window: 2^(c-1) and -2^(c-1)."""
    windows = 253 // c + 1
    extremes = [sum(digit << (c * i) for i in range(windows - 1)) % R for digit in (1 << (c - 1), (1 << c) - 1, 1)]
    factors = [*EDGES, *extremes, R >> 1, *scalars(random.Random(c), 5)]
    words = words_with_factors([Point.GENERATOR] * len(factors), random.Random(c))
    out = np.empty((len(factors) + 1, 16), np.uint64)
    for i, factor in enumerate(factors):
        wide_kernels.buckets(words[i : i + 1], words_of([factor]), c, out[i])
    wide_kernels.buckets(words, words_of(factors), c, out[-1])
    assert points_of(out) == [factor % R * Point.GENERATOR for factor in (*factors, sum(factors))]


def verdict(x: int) -> tuple[Point | None, str]:
    try:
        return curve.decode([x.to_bytes(32, "big")])[0], ""
    except DecodeError as error:
        return None, error.message


@pytest.mark.parametrize("size", [0, 1, 7, 120])
def test_decoding_has_the_verdicts_of_the_definition(size: int) -> None:
    """Points, numbers that are no x-coordinates, and points outside the group."""
    rng = random.Random(size)
    valid = [int.from_bytes(data, "big") for data in REFERENCE.encode([point for _, point in some_points(rng, 20)])]
    values = [*edges_of(FP), *valid, *(-x % P for x in valid), *(rng.randrange(P) for _ in range(size))][: 2 * size]
    points, faults = np.empty((len(values), 16), np.uint64), np.empty(len(values), np.uint8)
    wide_kernels.decode(words_of(values), points, faults)
    for x, fault, made in zip(values, faults.tolist(), points_of(points), strict=True):
        expected, message = verdict(x)
        assert message == ("" if fault == 0 else wide_kernels.FAULTS[fault])
        if expected is not None:
            assert made == expected
            assert curve.affine([made.coordinates]) == curve.affine([expected.coordinates]), "with the larger y"
    if size == 120:
        assert set(faults.tolist()) == {0, *wide_kernels.FAULTS}


# ---------------------------------------------------------------- vectors


def scalar(value: int) -> Words:
    """A scalar argument of a kernel."""
    return words_of([(value << RADIX_BITS) % R])


@pytest.mark.parametrize("size", SIZES)
def test_vectors_element_by_element(size: int) -> None:
    rng = random.Random(size)
    a, b, x = scalars(rng, size), scalars(rng, size), rng.choice([0, 1, R - 1, rng.randrange(R)])
    left, right = words_of(a), words_of(b)
    assert integers_of(wide_vectors.fold(left, right, size, scalar(x))) == LIST.fold(a, b, x)
    assert integers_of(wide_vectors.difference(left, right, size)) == LIST.difference(a, b)
    assert integers_of(wide_vectors.inner_product(left, right, size)) == [LIST.inner_product(a, b)]
    assert integers_of(wide_vectors.branch(left, size, scalar(x))) == LIST.branch(a, x)
    count = max(1, size // 3)
    groups = [rng.randrange(count) for _ in a]
    made = wide_vectors.group_sums(left, np.array(groups, dtype=np.int64), count)
    assert integers_of(made) == LIST.group_sums(a, groups, count)


@pytest.mark.parametrize(("blocks", "half"), [(1, 128), (2, 64), (16, 8), (128, 1)])
@pytest.mark.parametrize("side", [0, 1])
def test_spreading_over_blocks(blocks: int, half: int, side: int) -> None:
    rng = random.Random(blocks)
    factors, values = scalars(rng, blocks), scalars(rng, half)
    made = wide_vectors.spread(words_of(factors), blocks, words_of(values), half, side)
    assert integers_of(made) == LIST.spread(factors, values, side)


@pytest.mark.parametrize("t", [256, 257, 1 << 128, R - 1, R - 255, 0x1234567890ABCDEF << 180])
def test_weights_of_points_outside_the_domain(t: int) -> None:
    rng = random.Random(t)
    t %= R
    assert integers_of(wide_vectors.evaluation_weights(scalar(t))) == domain.evaluation_weights(t)
    for size in (0, 1, 2, 300):
        points, r = [rng.randrange(256) for _ in range(size)], rng.choice([0, 1, rng.randrange(R)])
        made = wide_vectors.weights(scalar(r), scalar(t), np.array(points, dtype=np.uint8))
        assert integers_of(made) == LIST.weights(r, t, points)


def in_rows(polynomials: Sequence[dict[int, int]]) -> tuple[Indices, Indices, Words]:
    """Polynomials in CSR form, indices ascending."""
    polynomials = [dict(sorted(polynomial.items())) for polynomial in polynomials]
    starts = np.cumsum([0, *(len(polynomial) for polynomial in polynomials)], dtype=np.int64)
    indices = np.array([index for polynomial in polynomials for index in polynomial], dtype=np.int64)
    return starts, indices, words_of(value for polynomial in polynomials for value in polynomial.values())


def dense(rng: random.Random) -> dict[int, int]:
    return dict(enumerate(scalars(rng, domain.SIZE)))


def sparse(rng: random.Random) -> dict[int, int]:
    return dict(zip(rng.sample(range(domain.SIZE), 3), scalars(rng, 3), strict=True))


@pytest.mark.parametrize("kinds", [(dense,), (sparse,), (dense, sparse, dense, sparse, sparse), (sparse,) * 70])
def test_polynomials(kinds: Sequence[Callable[[random.Random], dict[int, int]]]) -> None:
    """Values, combinations and quotients of openings that share polynomials and points."""
    rng = random.Random(len(kinds))
    distinct = [kind(rng) for kind in kinds]
    which = [*range(len(distinct)), *(rng.randrange(len(distinct)) for _ in range(9))]
    points = [rng.choice([0, 255, 7, rng.randrange(256)]) for _ in which]
    r, t = rng.randrange(R), rng.randrange(256, R)
    rows, listed, at = in_rows(distinct), np.array(which, dtype=np.int64), np.array(points, dtype=np.uint8)
    assert integers_of(wide_vectors.values_at(*rows, listed, at)) == LIST.values_at(distinct, which, points)
    made = wide_vectors.gather(*rows, listed, at, scalar(r), 0, domain.SIZE)
    expected = LIST.gather(distinct, which, points, r)
    assert integers_of(wide_vectors.combination(*made, scalar(t))) == LIST.combination(expected, t)
    assert integers_of(wide_vectors.quotients(*made)) == LIST.quotients(expected)
