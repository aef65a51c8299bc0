"""Groups: laws of Banderwagon and of the toy group, the quotient, encodings, fast multiplication by its definition."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.errors import DecodeError, EngineUnavailable
from tests import laws
from tests.toy_engine import ToyEngine
from verkle import crs, curve, msm
from verkle.curve import Point
from verkle.engine import Engine, ReferenceEngine
from verkle.field import FP, FR

SCALARS = st.sampled_from([0, 1, 2, 2**128, FR.modulus - 1, FR.modulus // 2, FR.modulus // 2 + 1]) | st.integers(
    0, FR.modulus - 1
)
ENGINES: list[Engine[Any]] = [ReferenceEngine(), ToyEngine()]
EVERY_ENGINE = pytest.mark.parametrize("group", ENGINES, ids=[engine.name for engine in ENGINES])


def torsion_twin(point: Point) -> Point:
    """The other representative of an element: (-x, -y)."""
    x, y, t, z = point.coordinates
    return Point.from_coordinates((-x % FP.modulus, -y % FP.modulus, t, z))


@EVERY_ENGINE
@given(SCALARS, SCALARS, SCALARS, SCALARS)
@settings(max_examples=15)
def test_group_laws(group: Engine[Any], a: int, b: int, k: int, m: int) -> None:
    laws.group(group, a, b, group.msm([k], [group.q]), group.commit([[(3, m)]])[0])


@EVERY_ENGINE
@given(st.lists(SCALARS, min_size=1, max_size=4))
@settings(max_examples=10)
def test_encodings_round_trip(group: Engine[Any], scalars: list[int]) -> None:
    laws.group_encoding(group, [group.msm([scalar], [group.q]) for scalar in scalars])


@EVERY_ENGINE
@given(st.dictionaries(st.integers(0, 5), SCALARS, max_size=5), st.dictionaries(st.integers(0, 5), SCALARS, max_size=5))
@settings(max_examples=10)
def test_commitments_are_linear(group: Engine[Any], row: dict[int, int], other: dict[int, int]) -> None:
    laws.commitment(group, row, other)


def test_dense_and_sparse_rows_agree(engine: Engine[Any]) -> None:
    """A row of 256 goes through buckets, its parts through tables: the same point."""
    rng = random.Random(256)
    row = [(index, rng.choice([0, 1, FR.modulus - 1, rng.randrange(FR.modulus)])) for index in range(256)]
    parts = engine.commit([row[start : start + 32] for start in range(0, 256, 32)])
    assert engine.encode(engine.commit([row])) == engine.encode([engine.msm([1] * len(parts), parts)])


@given(st.lists(st.tuples(SCALARS, SCALARS), max_size=12))
@settings(max_examples=12)
def test_pippenger_is_the_sum_of_products(terms: list[tuple[int, int]]) -> None:
    points = [k * Point.GENERATOR for _, k in terms]
    expected = sum((s * point for (s, _), point in zip(terms, points, strict=True)), Point.IDENTITY)
    total = msm.pippenger([s for s, _ in terms], [point.coordinates for point in points])
    assert Point.from_coordinates(total) == expected


def test_pippenger_with_repeated_and_opposite_points() -> None:
    points = [Point.GENERATOR, Point.GENERATOR, -Point.GENERATOR, Point.IDENTITY]
    total = msm.pippenger([5, 6, 4, 9], [point.coordinates for point in points])
    assert Point.from_coordinates(total) == 7 * Point.GENERATOR
    with pytest.raises(ValueError, match="scalars for"):
        msm.pippenger([1], [])


@given(SCALARS, st.integers(2, 11))
def test_signed_digits_add_up(scalar: int, width: int) -> None:
    digits = msm.signed_digits(scalar, width)
    assert sum(digit << (width * j) for j, digit in enumerate(digits)) == scalar
    assert all(-(1 << (width - 1)) <= digit < 1 << (width - 1) for digit in digits)


def test_the_generator_is_on_the_curve_and_has_order_r() -> None:
    x, y = curve.GENERATOR_X, curve.GENERATOR_Y
    assert (curve.A * x * x + y * y - 1 - curve.D * x * x * y * y) % FP.modulus == 0
    assert (FR.modulus - 1) * Point.GENERATOR + Point.GENERATOR == Point.IDENTITY
    assert FR.modulus * Point.GENERATOR == Point.IDENTITY
    assert not FP.is_square(curve.D)


@given(SCALARS, SCALARS)
@settings(max_examples=15)
def test_the_quotient_is_respected(k: int, m: int) -> None:
    """Everything that leaves the group is the same for both representatives of an element."""
    point, other = k * Point.GENERATOR, m * Point.GENERATOR
    twin = torsion_twin(point)
    assert twin == point
    assert curve.encode([twin]) == curve.encode([point])
    assert curve.to_scalars([twin]) == curve.to_scalars([point])
    assert twin + other == point + other
    assert (point == other) == (k == m)


def test_the_identity_has_two_representatives() -> None:
    twin = torsion_twin(Point.IDENTITY)
    assert twin.coordinates[:2] == (0, FP.modulus - 1)
    assert twin == Point.IDENTITY
    assert curve.encode([twin, Point.IDENTITY]) == [bytes(32), bytes(32)]
    assert curve.decode([bytes(32)]) == [Point.IDENTITY]


def test_points_are_decoded_or_computed_and_never_change() -> None:
    with pytest.raises(TypeError, match="decoded from bytes or computed"):
        Point()
    with pytest.raises(AttributeError, match="immutable"):
        setattr(Point.GENERATOR, "coordinates", (0, 1, 0, 1))  # noqa: B010
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point.GENERATOR)


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=200)
def test_every_encoding_that_decodes_is_canonical(data: bytes) -> None:
    """Random bytes decode to a point that encodes to them, or raise DecodeError."""
    try:
        (point,) = curve.decode([data])
    except DecodeError as error:
        assert error.where == "[0]"
        return
    assert curve.encode([point]) == [data]
    assert FR.modulus * point == Point.IDENTITY


def test_decoding_names_the_faulty_item(engine: Engine[Any]) -> None:
    good = engine.encode([engine.q])[0]
    for bad in (FP.modulus.to_bytes(32, "big"), b"\xff" * 32, good[:-1], b""):
        with pytest.raises(DecodeError, match=r"^\[1\]"):
            engine.decode([good, bad])


def test_a_crs_that_misses_its_digest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crs, "SEED", b"another seed")
    with pytest.raises(EngineUnavailable, match="digest"):
        crs.generators.__wrapped__()
