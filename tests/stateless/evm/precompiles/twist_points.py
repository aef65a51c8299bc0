"""Points of twists that are not in the subgroup G2, by py_ecc's arithmetic."""

import random
from typing import Any, Final

from tests.stateless.evm.precompiles.contracts import BLS, BN, Point

COFACTOR: Final[int] = 2 * BN.field_modulus - BN.curve_order
"""Points of bn254's twist for each point of G2."""
SMALL_ORDER: Final = 10069
"""Its least prime factor."""


def point_over(library: Any, x: tuple[int, int]) -> Point | None:
    """The point of a library's twist with this x, where y^2 = x^3 + b has a root.

    The norm of a square a + b u is a square n^2, and then a + b u = (c + d u)^2 with c^2 = (a + n) / 2, d = b / 2c.
    """
    p, field = library.field_modulus, library.FQ2
    at = field(x)
    square = at * at * at + library.b2
    a, b = (int(part) for part in square.coeffs)
    norm = pow(a * a + b * b, (p + 1) // 4, p)
    for sign in (norm, -norm):
        c = pow((a + sign) * pow(2, -1, p), (p + 1) // 4, p)
        if c:
            root = field((c, b * pow(2 * c, -1, p) % p))
            if root * root == square:
                return at, root, field.one()
    return None


def any_twist_point(rng: random.Random, library: Any = BN) -> Point:
    """A random point of the twist, of bn254 or BLS12-381; hardly ever in G2."""
    while True:
        point = point_over(library, (rng.randrange(library.field_modulus), rng.randrange(library.field_modulus)))
        if point is not None:
            return point


def any_bls_twist_point(rng: random.Random) -> Point:
    """A random point of the twist of BLS12-381."""
    return any_twist_point(rng, BLS)


def small_order_point(rng: random.Random) -> Point:
    """A random point of order 10069 of the twist of bn254."""
    while True:
        point: Point = BN.multiply(any_twist_point(rng), COFACTOR * BN.curve_order // SMALL_ORDER)
        if not BN.is_inf(point):
            return point
