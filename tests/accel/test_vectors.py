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
    opened, OPENED = LISTS.gather([listed[i] for i in which]), arrays.gather([held[i] for i in which])
    values, VALUES = LISTS.values_at(opened, points), arrays.values_at(OPENED, points)
    assert arrays.integers(VALUES) == values
    encoded = [rng.randbytes(32) for _ in listed]
    assert arrays.statement(encoded, which, points, VALUES) == LISTS.statement(encoded, which, points, values)
    for r in (0, 1, FR.modulus - 1, rng.randrange(FR.modulus)):
        for t in (256, FR.modulus - 1, rng.randrange(256, FR.modulus)):
            weights, WEIGHTS = LISTS.weights(r, t, points), arrays.weights(r, t, points)
            assert arrays.integers(WEIGHTS) == weights
        assert arrays.integers(arrays.combination(OPENED, WEIGHTS)) == LISTS.combination(opened, weights)
        assert arrays.integers(arrays.quotients(OPENED, points, r)) == LISTS.quotients(opened, points, r)
        sums = LISTS.group_sums(weights, which, len(listed))
        assert arrays.integers(arrays.group_sums(WEIGHTS, which, len(listed))) == sums
        assert arrays.inner_product(WEIGHTS, VALUES) == LISTS.inner_product(weights, values)


def test_polynomials_are_reduced_and_equal_ones_need_not_be_one_object(arrays: Any) -> None:
    given = {3: -1, 200: FR.modulus + 5}
    first, second = arrays.polynomials([given, {200: 5, 3: FR.modulus - 1}])
    points = [3, 200, 7, 3]
    opened = arrays.gather([first, second, first, second])
    values = arrays.values_at(opened, points)
    assert arrays.integers(values) == [FR.modulus - 1, 5, 0, FR.modulus - 1]
    expected = LISTS.quotients([{3: FR.modulus - 1, 200: 5}] * 4, points, 11)
    assert arrays.integers(arrays.quotients(opened, points, 11)) == expected


def test_every_point_of_the_domain(arrays: Any) -> None:
    rng = random.Random(256)
    values = dict(enumerate(scalars(rng, 256)))
    (polynomial,) = arrays.polynomials([values])
    points = list(range(256))
    opened = arrays.gather([polynomial] * 256)
    assert arrays.integers(arrays.values_at(opened, points)) == list(values.values())
    expected = LISTS.quotients([values] * 256, points, 3)
    assert arrays.integers(arrays.quotients(opened, points, 3)) == expected
    for z in (0, 1, 128, 255):
        quotient = domain.quotient(list(values.values()), z)
        assert arrays.integers(arrays.quotients(arrays.gather([polynomial]), [z], 0)) == quotient


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
