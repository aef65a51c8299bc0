"""G1 of bn254: the points of y^2 = x^3 + 3 over Fp, a group of prime order r.

A point is a pair (x, y), the identity (0, 0) as in EIP-196 (it is not on the curve). Inside, points are Jacobian:
(X, Y, Z) with x = X / Z^2, y = Y / Z^3; Z = 0 is the identity.

A multiple k P is k1 P + k2 phi(P), where phi(x, y) = (beta x, y) is multiplication by lambda, a cube root of 1 mod r,
and k = k1 + k2 lambda mod r with |k1|, |k2| < 2^127: half of the doublings.

Source: EIP-196; formulas dbl-2009-l and madd-2007-bl of the Explicit-Formulas Database; Gallant, Lambert and Vanstone
(CRYPTO 2001) for phi; IACR 2010/354, section 3, for p and r as polynomials in x (u there).
"""

from itertools import zip_longest
from typing import Final

from stateless.evm.precompiles.bn254_field import P

X: Final = 4965661367192848881
"""The parameter x of the curve: p = 36 x^4 + 36 x^3 + 24 x^2 + 6x + 1, and the trace of Frobenius is 6 x^2 + 1."""
R: Final = P - 6 * X**2
"""The order r = 36 x^4 + 36 x^3 + 18 x^2 + 6x + 1 of G1."""
B: Final = 3

BETA: Final = -(18 * X**3 + 18 * X**2 + 9 * X + 2) % P
"""A cube root of 1 mod p."""
SHORT_1: Final = (2 * X + 1, 6 * X**2 + 4 * X + 1)
SHORT_2: Final = (6 * X**2 + 2 * X, -2 * X - 1)
"""Two short pairs (a, b) with a + b lambda = 0 mod r, lambda = -(36 x^3 + 18 x^2 + 6x + 2)."""

Affine = tuple[int, int]
Jacobian = tuple[int, int, int]

IDENTITY: Final[Affine] = (0, 0)
_IDENTITY: Final[Jacobian] = (1, 1, 0)


def is_on_curve(point: Affine) -> bool:
    """y^2 = x^3 + 3; so the identity is not."""
    x, y = point
    return (y * y - x * x * x - B) % P == 0


def signed_digits(number: int) -> list[int]:
    """The non-adjacent form: number = sum of digit_i 2^i, digits -1, 0, 1, the least significant first."""
    digits = []
    while number:
        digit = 2 - number % 4 if number % 2 else 0
        digits.append(digit)
        number = (number - digit) // 2
    return digits


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    a, b = x * x % P, y * y % P
    d, e = 4 * x * b % P, 3 * a
    x3 = (e * e - 2 * d) % P
    return x3, (e * (d - x3) - 8 * b * b) % P, 2 * y * z % P


def _add(point: Jacobian, other: Affine) -> Jacobian:
    """The sum, also where the points are equal or opposite or one is the identity."""
    if other == IDENTITY:
        return point
    x1, y1, z1 = point
    x2, y2 = other
    if not z1:
        return x2, y2, 1
    zz = z1 * z1 % P
    h, s = (x2 * zz - x1) % P, (y2 * z1 % P * zz - y1) % P
    if not h:
        return _IDENTITY if s else _double(point)
    hh = h * h % P
    hhh, v = h * hh % P, x1 * hh % P
    x3 = (s * s - hhh - 2 * v) % P
    return x3, (s * (v - x3) - y1 * hhh) % P, z1 * h % P


def _affine(point: Jacobian) -> Affine:
    x, y, z = point
    if not z:
        return IDENTITY
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square % P * inverse % P


def add(left: Affine, right: Affine) -> Affine:
    """left + right. Shapes: both on the curve or the identity."""
    return _affine(_add((*left, 1) if left != IDENTITY else _IDENTITY, right))


def split(scalar: int) -> tuple[int, int]:
    """(k1, k2), both below 2^127 in size, with k1 + k2 lambda = scalar mod r: scalar less the nearest short vector."""
    (a1, b1), (a2, b2) = SHORT_1, SHORT_2
    c1, c2 = (2 * scalar * -b2 + R) // (2 * R), (2 * scalar * b1 + R) // (2 * R)
    return scalar - c1 * a1 - c2 * a2, -c1 * b1 - c2 * b2


def multiply(point: Affine, scalar: int) -> Affine:
    """scalar * point. Shapes: point on the curve or the identity; scalar >= 0."""
    x, y = point
    k1, k2 = split(scalar % R)
    phi_x = BETA * x % P
    steps_1 = {0: IDENTITY, 1: point, -1: (x, -y % P)}
    steps_2 = {0: IDENTITY, 1: (phi_x, y), -1: (phi_x, -y % P)}
    digits = [*zip_longest(signed_digits(k1), signed_digits(k2), fillvalue=0)]
    total = _IDENTITY
    for digit_1, digit_2 in reversed(digits):
        total = _add(_add(_double(total), steps_1[digit_1]), steps_2[digit_2])
    return _affine(total)
