"""The group law of Bandersnatch, written once over any field arithmetic.

A formula is a function of an `Arithmetic` and of field elements in that arithmetic's own form. The same text is

- emitted as LLVM instructions for eight lanes or for one (`accel.ifma`, `accel.wide`),
- run on plain integers and on *bounds*, in tests: every intermediate value must stay inside what the multiplier takes.

Notation: extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z; a table entry is affine, (x, y, d x y).
Values are not canonical: `lift(v, k)` adds k p, so that a difference stays positive. Bounds are in multiples of p: a
point's coordinates are in [0, 3.5), a table entry's in [0, 1); a product of values below a and b is below a b p / R +
1, R = 2^260 = 35.3 p. `tests/accel/test_formulas.py` computes them.

Source: add-2008-hwcd and dbl-2008-hwcd of Hisil, Wong, Carter, Dawson (IACR 2008/522), with a = -5.
"""

from typing import Protocol, TypeVar

V = TypeVar("V")
M_contra = TypeVar("M_contra", contravariant=True)


class Arithmetic(Protocol[V, M_contra]):
    """What a formula needs of a field."""

    def mul(self, a: V, b: V) -> V:
        """The (Montgomery) product, uncarried."""

    def add(self, a: V, b: V) -> V:
        """a + b, uncarried."""

    def sub(self, a: V, b: V) -> V:
        """a - b, uncarried; may be negative."""

    def lift(self, a: V, k: int) -> V:
        """a + k p."""

    def negate_if(self, mask: M_contra, a: V) -> V:
        """-a where the mask is set (uncarried, may be negative), a elsewhere."""

    def factor(self, a: V) -> V:
        """A value fit to be multiplied: not negative, carried as far as the multiplier needs."""

    def carried(self, a: V) -> V:
        """A value fit to be stored."""

    def reduced(self, a: V) -> V:
        """`carried`, and 2 p less where that leaves it positive: below 2 p for a below 4 p."""

    def curve_d(self) -> V:
        """The curve's d, in this form."""


Point = tuple[V, V, V, V]
"""X, Y, Z, T."""


def _times_five(f: Arithmetic[V, M_contra], a: V) -> V:
    twice = f.add(a, a)
    return f.add(f.add(twice, twice), a)


def mixed_add(f: Arithmetic[V, M_contra], point: Point[V], entry: tuple[V, V, V], negative: M_contra) -> Point[V]:
    """point + entry, or point - entry where `negative` is set: 8 products.

    A, B, C < 1.1, or their opposites; M < 1.6; E, F, G > 0 with lifts 3, 2, 2; H with lift 6; results < 3.4.
    """
    X1, Y1, Z1, T1 = point
    x2, y2, t2 = entry
    A = f.negate_if(negative, f.mul(X1, x2))
    B = f.mul(Y1, y2)
    C = f.negate_if(negative, f.mul(T1, t2))
    sum2 = f.factor(f.lift(f.add(y2, f.negate_if(negative, x2)), 1))
    M = f.mul(f.factor(f.add(X1, Y1)), sum2)
    E = f.factor(f.lift(f.sub(f.sub(M, A), B), 3))
    F = f.factor(f.lift(f.sub(Z1, C), 2))
    G = f.factor(f.lift(f.add(Z1, C), 2))
    H = f.factor(f.lift(f.add(B, _times_five(f, A)), 6))
    return f.carried(f.mul(E, F)), f.carried(f.mul(G, H)), f.carried(f.mul(F, G)), f.carried(f.mul(E, H))


def add(f: Arithmetic[V, M_contra], left: Point[V], right: Point[V]) -> Point[V]:
    """left + right, equal or opposite ones included: 9 products.

    A, B, D < 1.4; C < 1.1; M < 2.4; E, F > 0 with lifts 3, 2; results < 2.3.
    """
    X1, Y1, Z1, T1 = left
    X2, Y2, Z2, T2 = right
    A, B, D = f.mul(X1, X2), f.mul(Y1, Y2), f.mul(Z1, Z2)
    C = f.mul(f.factor(f.mul(T1, T2)), f.curve_d())
    M = f.mul(f.factor(f.add(X1, Y1)), f.factor(f.add(X2, Y2)))
    E = f.factor(f.lift(f.sub(f.sub(M, A), B), 3))
    F = f.factor(f.lift(f.sub(D, C), 2))
    G = f.factor(f.add(D, C))
    H = f.factor(f.add(B, _times_five(f, A)))
    return f.carried(f.mul(E, F)), f.carried(f.mul(G, H)), f.carried(f.mul(F, G)), f.carried(f.mul(E, H))


def double(f: Arithmetic[V, M_contra], X1: V, Y1: V, Z1: V) -> Point[V]:
    """point + point: 8 products; T of the argument is not needed.

    A, B, C < 1.4; E, G, F > 0 with lifts 3, 7, 2; H < 8.2; results < 4, and Z below 2 again by `reduced`. F and H are
    the opposites of those in the formula, so that all four results are: the same point.
    """
    A, B, C = f.mul(X1, X1), f.mul(Y1, Y1), f.mul(Z1, Z1)
    S = f.factor(f.add(X1, Y1))
    five = _times_five(f, A)
    E = f.factor(f.lift(f.sub(f.sub(f.mul(S, S), A), B), 3))
    G = f.factor(f.lift(f.sub(B, five), 7))
    F = f.factor(f.lift(f.sub(f.add(f.add(C, C), five), B), 2))
    H = f.factor(f.add(five, B))
    return f.carried(f.mul(E, F)), f.carried(f.mul(G, H)), f.reduced(f.mul(F, G)), f.carried(f.mul(E, H))
