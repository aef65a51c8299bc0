"""The group law of `accel.formulas`: right on plain integers, and inside its bounds on intervals."""

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel import formulas
from accel.limbs import RADIX_BITS
from verkle import curve
from verkle.curve import Point
from verkle.field import FP, FR

P = FP.modulus


class Residues:
    """Plain integers mod p. A mask is a bool; carries and multiples of p mean nothing here."""

    def mul(self, a: int, b: int) -> int:
        return a * b % P

    def add(self, a: int, b: int) -> int:
        return (a + b) % P

    def sub(self, a: int, b: int) -> int:
        return (a - b) % P

    def lift(self, a: int, k: int) -> int:
        return (a + k * P) % P

    def negate_if(self, mask: bool, a: int) -> int:
        return -a % P if mask else a

    def factor(self, a: int) -> int:
        return a

    def carried(self, a: int) -> int:
        return a

    def reduced(self, a: int) -> int:
        return a

    def curve_d(self) -> int:
        return curve.D


SCALARS = st.sampled_from([0, 1, 2, FR.modulus - 1]) | st.integers(0, FR.modulus - 1)
FACTORS = st.sampled_from([1, P - 1]) | st.integers(1, P - 1)


def coordinates(scalar: int, factor: int, *, twin: bool = False) -> formulas.Point[int]:
    """(X, Y, Z, T) of scalar * G, or of (-x, -y), with a Z of one's own."""
    ((x, y),) = curve.affine([(scalar * Point.GENERATOR).coordinates])
    if twin:
        x, y = -x % P, -y % P
    return x * factor % P, y * factor % P, factor, x * y * factor % P


def entry(scalar: int) -> tuple[int, int, int]:
    ((x, y),) = curve.affine([(scalar * Point.GENERATOR).coordinates])
    return x, y, curve.D * x * y % P


def same(made: formulas.Point[int], expected: curve.Coordinates) -> bool:
    """The same representative, not only the same element, and a T that belongs to it."""
    x1, y1, z1, t1 = made
    x2, y2, _, z2 = expected
    assert z1, "complete: no result without a denominator"
    return (x1 * z2 - x2 * z1) % P == (y1 * z2 - y2 * z1) % P == (t1 * z1 - x1 * y1) % P == 0


def reference(point: formulas.Point[int]) -> curve.Coordinates:
    x, y, z, t = point
    return x, y, t, z


@given(SCALARS, SCALARS, FACTORS, FACTORS, st.booleans())
def test_addition_is_the_curves(k: int, m: int, left: int, right: int, twin: bool) -> None:
    a, b = coordinates(k, left), coordinates(m, right, twin=twin)
    assert same(formulas.add(Residues(), a, b), curve.add_coordinates(reference(a), reference(b)))


@pytest.mark.parametrize("k", [0, 1, 2, FR.modulus - 1])
def test_addition_is_complete(k: int) -> None:
    """Equal and opposite points, and the other representative of the same element."""
    for m in (k, -k % FR.modulus):
        for twin in (False, True):
            a, b = coordinates(k, 5), coordinates(m, 7, twin=twin)
            assert same(formulas.add(Residues(), a, b), curve.add_coordinates(reference(a), reference(b)))


@given(SCALARS, SCALARS, FACTORS, st.booleans())
def test_mixed_addition_is_the_curves(k: int, m: int, factor: int, negative: bool) -> None:
    a, b = coordinates(k, factor), coordinates(m, 1)
    other = curve.negate_coordinates(reference(b)) if negative else reference(b)
    assert same(formulas.mixed_add(Residues(), a, entry(m), negative), curve.add_coordinates(reference(a), other))


@given(SCALARS, FACTORS, st.booleans())
def test_doubling_is_the_curves(k: int, factor: int, twin: bool) -> None:
    X, Y, Z, T = coordinates(k, factor, twin=twin)
    assert same(formulas.double(Residues(), X, Y, Z), curve.double_coordinates((X, Y, T, Z)))


# ---------------------------------------------------------------- bounds

R = Fraction(1 << RADIX_BITS, P)
"""What five limbs of 52 bits hold, in multiples of p: 35.3. The bounds are those of `accel.ifma`."""
LIMB, PRODUCT_LIMB, SIGNED = 1 << 52, 1 << 58, 1 << 63


@dataclass(frozen=True)
class Interval:
    """A value in [low, high] multiples of p, whose limbs are below `limb` in absolute value."""

    low: Fraction
    high: Fraction
    limb: int
    fit: bool = False
    """Whether carries are propagated, so that it may be multiplied."""


def stored(high: float) -> Interval:
    return Interval(Fraction(0), Fraction(high), LIMB, fit=True)


class Bounds:
    """Intervals in multiples of p. Every rule of the multiplier is an assertion."""

    def mul(self, a: Interval, b: Interval) -> Interval:
        for one in (a, b):
            assert one.fit, "a factor whose carries are not propagated"
            assert one.low >= 0, "a negative factor"
            assert one.high < R, "a factor that five limbs do not hold"
        return Interval(Fraction(0), a.high * b.high / R + 1, PRODUCT_LIMB)

    def _limbs(self, *limbs: int) -> int:
        assert sum(limbs) < SIGNED, "a limb that overflows"
        return sum(limbs)

    def add(self, a: Interval, b: Interval) -> Interval:
        return Interval(a.low + b.low, a.high + b.high, self._limbs(a.limb, b.limb))

    def sub(self, a: Interval, b: Interval) -> Interval:
        return Interval(a.low - b.high, a.high - b.low, self._limbs(a.limb, b.limb))

    def lift(self, a: Interval, k: int) -> Interval:
        return Interval(a.low + k, a.high + k, self._limbs(a.limb, LIMB))

    def negate_if(self, mask: None, a: Interval) -> Interval:
        return Interval(min(a.low, -a.high), max(a.high, -a.low), a.limb)

    def factor(self, a: Interval) -> Interval:
        assert a.low >= 0, "a factor that may be negative"
        assert a.high < R, "a factor that five limbs do not hold"
        return Interval(a.low, a.high, LIMB, fit=True)

    def carried(self, a: Interval) -> Interval:
        return self.factor(a)

    def reduced(self, a: Interval) -> Interval:
        assert a.high < 4, "reduced where 2 p are not enough"
        return Interval(Fraction(0), max(Fraction(2), self.carried(a).high - 2), LIMB, fit=True)

    def curve_d(self) -> Interval:
        return stored(1)


POINT = 3.5
"""Multiples of p that a point's coordinates stay below."""


def highest(made: formulas.Point[Interval]) -> float:
    """The bound of a point's coordinates, all of which are fit to be stored."""
    assert all(one.fit and one.low >= 0 for one in made)
    return float(max(one.high for one in made))


def test_bounds_are_kept_by_every_formula() -> None:
    """From coordinates below 3.5 p and entries below p come coordinates below 3.5 p: so whatever order they run in."""
    point = (stored(POINT),) * 4
    table_entry = (stored(1),) * 3
    bounds = Bounds()
    mixed = highest(formulas.mixed_add(bounds, point, table_entry, None))
    added = highest(formulas.add(bounds, point, point))
    doubled = highest(formulas.double(bounds, *point[:3]))
    print(f"mixed_add {mixed:.2f}, add {added:.2f}, double {doubled:.2f}")
    assert max(mixed, added, doubled) < POINT


def test_a_lift_that_is_too_small_is_noticed() -> None:
    """The intervals would find a wrong lift: they are not true of everything."""

    class Careless(Bounds):
        def lift(self, a: Interval, k: int) -> Interval:
            return super().lift(a, k - 1)

    point = (stored(POINT),) * 4
    with pytest.raises(AssertionError, match="negative"):
        formulas.mixed_add(Careless(), point, (stored(1),) * 3, None)
    with pytest.raises(AssertionError, match="negative"):
        formulas.add(Careless(), point, point)
    with pytest.raises(AssertionError, match="negative"):
        formulas.double(Careless(), *point[:3])
