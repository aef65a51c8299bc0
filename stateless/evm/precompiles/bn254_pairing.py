"""The optimal ate pairing of bn254, as a check: is a product of pairings one?

    e(P, Q) = (f_{6x+2, Q}(P) l1 l2)^((p^12 - 1) / r)        f: Miller's loop, along T = Q, 2Q, ... [6x + 2] Q
    l1: the line at P through T and psi(Q);    l2: the line at P through T + psi(Q) and -psi^2(Q)

P is of G1. Q is of G2, the subgroup of order r of the twist y^2 = x^3 + 3 / xi over Fp2, which has r (2p - r) points.
(x, y) -> (x w^2, y w^3) takes the twist to the curve over Fp12, and psi is the Frobenius map seen from the twist:
psi(x, y) = (conjugate(x) xi^((p-1)/3), conjugate(y) xi^((p-1)/2)).

Work is shared: lines depend on Q alone, all pairs of a product share the squarings of one loop, and one final power
ends the product.

**That Q is in G2 shows where the walk along the lines ends.** There psi is multiplication by p, and
6x + 2 + p - p^2 + p^3 = 0 mod r, so

    T + psi(Q) - psi^2(Q) = -psi^3(Q).

No other point of the twist has this property. It says F(psi) Q = 0 for F = Z^3 - Z^2 + Z + 6x + 2; on the whole twist
psi^2 - t psi + p = 0, t = 6 x^2 + 1; hence N Q = 0 for the resultant N of both polynomials, and the greatest common
divisor of N and r (2p - r) is r (a test computes it). Source of the method: IACR 2022/352, section 4.

Source: EIP-197; Vercauteren, IACR 2008/096, section IV (the loop); IACR 2010/526, section 4 (formulas of the lines).
"""

from collections.abc import Sequence
from typing import Final

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bn254_field import (
    FP2_ONE,
    FP2_ZERO,
    FP12_ONE,
    GAMMA,
    XI,
    Fp2,
    Fp12,
    P,
    fp2_add,
    fp2_conjugate,
    fp2_inverse,
    fp2_mul,
    fp2_negate,
    fp2_scale,
    fp2_square,
    fp2_sub,
    fp12_conjugate,
    fp12_cyclotomic_square,
    fp12_frobenius,
    fp12_inverse,
    fp12_mul,
    fp12_mul_by_line,
    fp12_square,
)
from stateless.evm.precompiles.bn254_group import Affine, B, X, signed_digits

TwistPoint = tuple[Fp2, Fp2]
"""(x, y), not the point at infinity."""
Line = tuple[Fp2, Fp2, Fp2]
"""(l0, l1, l3), wide: at P the line is l0 y_P + l1 x_P w + l3 w^3, but for a factor of Fp2, which ends as 1."""

TWIST_B: Final = fp2_mul((B, 0), fp2_inverse(XI))
"""b' = 3 / xi. Source: EIP-197, "Definition of the groups"."""
TWIST_3B: Final = fp2_scale(TWIST_B, 3)

LOOP: Final = tuple(reversed(signed_digits(6 * X + 2)[:-1]))
"""The digits of 6x + 2 below the first, which is 1."""
POWER_OF_X: Final = tuple(reversed(signed_digits(X)[:-1]))
"""The digits of x below the first, which is 1."""


def is_on_twist(q: TwistPoint) -> bool:
    """y^2 = x^3 + b'."""
    x, y = q
    return fp2_square(y) == fp2_add(fp2_mul(fp2_square(x), x), TWIST_B)


def psi(q: TwistPoint) -> TwistPoint:
    """The Frobenius map, seen from the twist."""
    x, y = q
    return fp2_mul(fp2_conjugate(x), GAMMA[2]), fp2_mul(fp2_conjugate(y), GAMMA[3])


def _negate(q: TwistPoint) -> TwistPoint:
    return q[0], fp2_negate(q[1])


class Walk:
    """The point T = (X / Z, Y / Z) on its way; each step returns the line that it took.

    A step that meets an exception of its formula (T = Q or T = -Q in `add`, T of order 2 in `double`) leads to Z = 0,
    and Z stays 0. On the way of a point of order r there is none.
    """

    def __init__(self, start: TwistPoint) -> None:
        self.x, self.y = start
        self.z = FP2_ONE

    def double(self) -> Line:
        """T becomes 2 T; the line is the tangent (-H, 3 X^2, E - B).

        B = Y^2, E = 3 b' Z^2, H = 2 Y Z:    X' = 2 X Y (B - 3 E),    Y' = (B + 3 E)^2 - 12 E^2,    Z' = 4 B H
        """
        x, y, z = self.x, self.y, self.z
        b0, b1 = fp2_square(y)
        e0, e1 = fp2_mul(TWIST_3B, fp2_square(z))
        f0, f1 = fp2_square((e0, e1))
        g0, g1 = fp2_square((b0 + 3 * e0, b1 + 3 * e1))
        h0, h1 = fp2_mul(y, (2 * z[0], 2 * z[1]))
        j0, j1 = fp2_square(x)
        self.x = fp2_mul(fp2_mul(x, y), (2 * b0 - 6 * e0, 2 * b1 - 6 * e1))
        self.y = (g0 - 12 * f0) % P, (g1 - 12 * f1) % P
        self.z = fp2_mul((4 * b0, 4 * b1), (h0, h1))
        return (-h0, -h1), (3 * j0, 3 * j1), (e0 - b0, e1 - b1)

    def add(self, q: TwistPoint) -> Line:
        """T becomes T + Q; the line through both is (L, -K, K x_Q - L y_Q).

        K = Y - y_Q Z, L = X - x_Q Z, E = L^3, G = X L^2, H = E + Z K^2 - 2 G:
        X' = L H,    Y' = K (G - H) - E Y,    Z' = Z E
        """
        x, y, z = self.x, self.y, self.z
        x_q, y_q = q
        k = fp2_sub(y, fp2_mul(y_q, z))
        l = fp2_sub(x, fp2_mul(x_q, z))  # noqa: E741  (the formula's letter)
        ll = fp2_square(l)
        e, g = fp2_mul(l, ll), fp2_mul(x, ll)
        h = fp2_sub(fp2_add(e, fp2_mul(z, fp2_square(k))), fp2_add(g, g))
        self.x = fp2_mul(l, h)
        self.y = fp2_sub(fp2_mul(k, fp2_sub(g, h)), fp2_mul(e, y))
        self.z = fp2_mul(z, e)
        return l, fp2_negate(k), fp2_sub(fp2_mul(k, x_q), fp2_mul(l, y_q))

    def has_come_to(self, q: TwistPoint) -> bool:
        """Whether T = Q, and no formula met an exception."""
        x_q, y_q = q
        return self.z != FP2_ZERO and self.x == fp2_mul(x_q, self.z) and self.y == fp2_mul(y_q, self.z)


def lines(q: TwistPoint) -> list[Line]:
    """The lines of Miller's loop for Q, as the loop takes them.

    Shapes: q on the twist.
    Raises: ExceptionalHalt where Q is not in G2.
    """
    minus_q = _negate(q)
    walk = Walk(q)
    taken = []
    for digit in LOOP:
        taken.append(walk.double())
        if digit:
            taken.append(walk.add(q if digit > 0 else minus_q))
    q1 = psi(q)
    q2 = psi(q1)
    taken += [walk.add(q1), walk.add(_negate(q2))]
    if not walk.has_come_to(_negate(psi(q2))):
        raise ExceptionalHalt("a point of the twist is not in G2")
    return taken


def miller_loop(pairs: Sequence[tuple[Affine, list[Line]]]) -> Fp12:
    """The product of f_{6x+2, Q}(P) l1 l2 over pairs of P and the lines of Q, up to a factor of Fp2."""
    paths = [(x, y, iter(taken)) for (x, y), taken in pairs]

    def step(f: Fp12) -> Fp12:
        """f times the next line of each pair."""
        for x, y, path in paths:
            l0, l1, l3 = next(path)
            f = fp12_mul_by_line(f, fp2_scale(l0, y), fp2_scale(l1, x), l3)
        return f

    f = FP12_ONE
    for digit in LOOP:
        f = step(fp12_square(f))
        if digit:
            f = step(f)
    return step(step(f))


def _power_of_x(f: Fp12) -> Fp12:
    """f^x, where f^(p^4 - p^2 + 1) = 1."""
    inverse = fp12_conjugate(f)
    power = f
    for digit in POWER_OF_X:
        power = fp12_cyclotomic_square(power)
        if digit:
            power = fp12_mul(power, f if digit > 0 else inverse)
    return power


def final_power(f: Fp12) -> Fp12:
    """f^(m (p^12 - 1) / r) with m = 2x (6 x^2 + 3x + 1): m is prime to r, so this is 1 exactly where it is 1 without m.

    (p^12 - 1) / r = (p^6 - 1) (p^2 + 1) h,    m h = a0 + a1 p + a2 p^2 + a3 p^3,
    a2 = 12 x^3 + 6 x^2 + 6x,    a1 = a2 - 2x,    a0 = a2 + 6 x^2 + 1,    a3 = a1 - 1

    Raises: ValueError for f = 0.
    Source: Fuentes-Castaneda, Knapp and Rodriguez-Henriquez, "Faster hashing to G2" (SAC 2011), section 5.
    """
    f = fp12_mul(fp12_conjugate(f), fp12_inverse(f))
    f = fp12_mul(fp12_frobenius(fp12_frobenius(f)), f)
    f_x = _power_of_x(f)
    f_2x = fp12_cyclotomic_square(f_x)
    f_6x = fp12_mul(fp12_cyclotomic_square(f_2x), f_2x)
    f_6xx = _power_of_x(f_6x)
    f_12xxx = _power_of_x(fp12_cyclotomic_square(f_6xx))
    f_a2 = fp12_mul(fp12_mul(f_12xxx, f_6xx), f_6x)
    f_a1 = fp12_mul(f_a2, fp12_conjugate(f_2x))
    f_a0 = fp12_mul(fp12_mul(f_a2, f_6xx), f)
    power = fp12_mul(f_a1, fp12_conjugate(f))
    for factor in (f_a2, f_a1, f_a0):
        power = fp12_mul(fp12_frobenius(power), factor)
    return power


def product_is_one(pairs: Sequence[tuple[Affine, list[Line]]]) -> bool:
    """Whether the product of e(P, Q) over pairs of P and the lines of Q is 1. Shapes: no P is the identity."""
    return final_power(miller_loop(pairs)) == FP12_ONE
