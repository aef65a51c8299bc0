"""Vectors as arrays against the definition on lists: every operation, every size, edge scalars."""

import random
from typing import Any

import pytest

from tests.accel.conftest import EDGES, scalars
from verkle import domain
from verkle.engine import Q_INDEX
from verkle.field import FR
from verkle.vectors import LIST_VECTORS as LISTS

SIZES = (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 64, 128, 255, 256)
POINTS = (0, 1, 255, 256, 257, 2**128, FR.modulus - 1)
OPENINGS = (1, 5, 100, 1000)
SCALARS = (*EDGES, random.Random(256).randrange(FR.modulus))


@pytest.fixture
def arrays(fast: Any) -> Any:
    return fast.vectors


def made(arrays: Any, values: list[int]) -> Any:
    vector = arrays.of(values)
    assert arrays.integers(vector) == values
    return vector


@pytest.mark.parametrize("size", SIZES)
def test_arithmetic(arrays: Any, size: int) -> None:
    rng = random.Random(size)
    for _ in range(3):
        a, b = scalars(rng, size), scalars(rng, size)
        A, B = made(arrays, a), made(arrays, b)
        assert arrays.inner_product(A, B) == LISTS.inner_product(a, b)
        assert arrays.integers(arrays.difference(A, B)) == LISTS.difference(a, b)
        assert arrays.integers(arrays.difference(A, A)) == [0] * size
        for x in SCALARS:
            assert arrays.integers(arrays.fold(A, B, x)) == LISTS.fold(a, b, x)
            assert arrays.integers(arrays.scale(A, x)) == LISTS.scale(a, x)
            assert arrays.integers(arrays.branch(A, x)) == LISTS.branch(a, x)
        assert arrays.integers(A) == a, "nothing was changed in place"


@pytest.mark.parametrize("value", EDGES)
def test_products_of_edges(arrays: Any, value: int) -> None:
    for other in EDGES:
        a, b = [value] * 256, [other] * 256
        assert arrays.inner_product(arrays.of(a), arrays.of(b)) == 256 * value * other % FR.modulus
        assert arrays.integers(arrays.fold(arrays.of(a), arrays.of(b), other)) == LISTS.fold(a, b, other)
        assert arrays.integers(arrays.difference(arrays.of(a), arrays.of(b))) == LISTS.difference(a, b)


@pytest.mark.parametrize("size", [2, 4, 8, 16, 32, 64, 128, 256])
def test_halves_of_halves(arrays: Any, size: int) -> None:
    """A half is a vector like any other: folded, multiplied and halved again."""
    rng = random.Random(size)
    a, b = scalars(rng, size), scalars(rng, size)
    A, B = arrays.of(a), arrays.of(b)
    while len(a) > 1:
        ((low, high), (LOW, HIGH)) = LISTS.halves(a), arrays.halves(A)
        assert (arrays.integers(LOW), arrays.integers(HIGH)) == (low, high)
        ((b_low, b_high), (B_LOW, B_HIGH)) = LISTS.halves(b), arrays.halves(B)
        assert arrays.inner_product(LOW, B_HIGH) == LISTS.inner_product(low, b_high)
        assert arrays.inner_product(HIGH, B_LOW) == LISTS.inner_product(high, b_low)
        x = rng.randrange(FR.modulus)
        a, A = LISTS.fold(low, high, x), arrays.fold(LOW, HIGH, x)
        b, B = LISTS.fold(b_low, b_high, x), arrays.fold(B_LOW, B_HIGH, x)
        assert arrays.integers(A) == a


@pytest.mark.parametrize("factors", [1, 2, 4, 8, 16, 32, 64, 128])
@pytest.mark.parametrize("side", [0, 1])
def test_spreading_to_256(arrays: Any, factors: int, side: int) -> None:
    rng = random.Random(factors)
    s, half = scalars(rng, factors), scalars(rng, 128 // factors)
    expected = LISTS.spread(s, half, side)
    assert len(expected) == 256
    assert arrays.integers(arrays.spread(arrays.of(s), arrays.of(half), side)) == expected
    _, right = arrays.halves(arrays.of([*half, *half]))
    assert arrays.integers(arrays.spread(arrays.of(s), right, side)) == expected


@pytest.mark.parametrize("t", POINTS)
def test_weights_of_an_evaluation(arrays: Any, t: int) -> None:
    assert arrays.integers(arrays.evaluation_weights(t)) == domain.evaluation_weights(t)


def polynomials(rng: random.Random, count: int) -> list[dict[int, int]]:
    """Empty, sparse and dense ones; indices in any order."""
    sizes = [rng.choice([0, 1, 2, 5, 255, 256]) for _ in range(count)]
    return [dict(zip(rng.sample(range(256), size), scalars(rng, size), strict=True)) for size in sizes]


@pytest.mark.parametrize("count", OPENINGS)
def test_openings(arrays: Any, count: int) -> None:
    """What a multiproof does with its openings: polynomials occur many times, and points too."""
    rng = random.Random(count)
    listed = polynomials(rng, max(1, count // 3))
    held = arrays.polynomials(listed)
    which = [rng.randrange(len(listed)) for _ in range(count)]
    points = [rng.choice([0, 1, 255, rng.randrange(256)]) for _ in range(count)]
    values, VALUES = LISTS.values_at(listed, which, points), arrays.values_at(held, which, points)
    assert arrays.integers(VALUES) == values
    encoded = rng.randbytes(32 * len(listed))
    assert arrays.statement(encoded, which, points, VALUES) == LISTS.statement(encoded, which, points, values)
    for r in (0, 1, FR.modulus - 1, rng.randrange(FR.modulus)):
        gathered, GATHERED = LISTS.gather(listed, which, points, r), arrays.gather(held, which, points, r)
        assert arrays.integers(arrays.quotients(GATHERED)) == LISTS.quotients(gathered)
        for t in (256, FR.modulus - 1, rng.randrange(256, FR.modulus)):
            weights, WEIGHTS = LISTS.weights(r, t, points), arrays.weights(r, t, points)
            assert arrays.integers(WEIGHTS) == weights
            assert arrays.integers(arrays.combination(GATHERED, t)) == LISTS.combination(gathered, t)
        sums = LISTS.group_sums(weights, which, len(listed))
        assert arrays.integers(arrays.group_sums(WEIGHTS, which, len(listed))) == sums
        assert arrays.inner_product(WEIGHTS, VALUES) == LISTS.inner_product(weights, values)


def test_gathering_is_the_protocols_h(arrays: Any) -> None:
    """Sum over z of F_z / (t - z) is the sum of r^i f_i / (t - z_i)."""
    rng = random.Random(5)
    listed, points, r, t = polynomials(rng, 20), [rng.randrange(256) for _ in range(20)], 7, 1 << 200
    weights = LISTS.weights(r, t, points)
    h = [sum(w * f.get(j, 0) for w, f in zip(weights, listed, strict=True)) % FR.modulus for j in range(256)]
    assert LISTS.combination(LISTS.gather(listed, range(20), points, r), t) == h
    held = arrays.polynomials(listed)
    assert arrays.integers(arrays.combination(arrays.gather(held, range(20), points, r), t)) == h


@pytest.mark.parametrize("count", [255, 256, 257, 600])
def test_many_openings_of_one_point(arrays: Any, count: int) -> None:
    """More products than are added up before they are reduced, all of the largest values."""
    listed = [dict.fromkeys(range(256), FR.modulus - 1), {3: FR.modulus - 1, 8: 1}]
    held, which = arrays.polynomials(listed), [i % 2 for i in range(count)]
    for r in (1, FR.modulus - 1):
        expected = LISTS.gather(listed, which, bytes([9]) * count, r)
        made = arrays.gather(held, which, bytes([9]) * count, r)
        assert arrays.integers(arrays.combination(made, 300)) == LISTS.combination(expected, 300)
        assert arrays.integers(arrays.quotients(made)) == LISTS.quotients(expected)


def test_equality(arrays: Any) -> None:
    a = arrays.of([1, 2, 3])
    assert arrays.equal(a, arrays.of([1, 2, 3]))
    assert not arrays.equal(a, arrays.of([1, 2, 4]))
    assert not arrays.equal(a, arrays.of([1, 2]))


def test_polynomials_are_reduced_and_equal_ones_need_not_be_one_object(arrays: Any) -> None:
    given = {3: -1, 200: FR.modulus + 5}
    same = {3: FR.modulus - 1, 200: 5}
    held = arrays.polynomials([given, {200: 5, 3: FR.modulus - 1}])
    points, which = [3, 200, 7, 3], [0, 1, 0, 1]
    assert arrays.integers(arrays.values_at(held, which, points)) == [FR.modulus - 1, 5, 0, FR.modulus - 1]
    assert LISTS.values_at([given], [0], [3]) == [FR.modulus - 1]
    expected = LISTS.quotients(LISTS.gather([same], [0] * 4, points, 11))
    assert arrays.integers(arrays.quotients(arrays.gather(held, which, points, 11))) == expected


def test_every_point_of_the_domain(arrays: Any) -> None:
    rng = random.Random(256)
    values = dict(enumerate(scalars(rng, 256)))
    held = arrays.polynomials([values])
    points, which = list(range(256)), [0] * 256
    assert arrays.integers(arrays.values_at(held, which, points)) == list(values.values())
    expected = LISTS.quotients(LISTS.gather([values], which, points, 3))
    assert arrays.integers(arrays.quotients(arrays.gather(held, which, points, 3))) == expected
    for z in (0, 1, 128, 255):
        quotient = domain.quotient(list(values.values()), z)
        assert arrays.integers(arrays.quotients(arrays.gather(held, [0], [z], 0))) == quotient


@pytest.mark.parametrize("groups", [1, 2, 100])
def test_groups_may_be_empty(arrays: Any, groups: int) -> None:
    rng = random.Random(groups)
    a = scalars(rng, 50)
    which = [rng.randrange(0, groups, 2) for _ in a]
    assert arrays.integers(arrays.group_sums(arrays.of(a), which, groups)) == LISTS.group_sums(a, which, groups)


def test_commitments_take_vectors_along_q(fast: Any) -> None:
    """Q is index 256 of rows, and beside a vector."""
    rng = random.Random(257)
    values, along = scalars(rng, 256), rng.randrange(FR.modulus)
    row = [*enumerate(values), (Q_INDEX, along)]
    made_of = fast.commit_vectors([fast.vectors.of(values)], [along])
    assert fast.encode(made_of) == fast.encode(fast.commit([row]))
