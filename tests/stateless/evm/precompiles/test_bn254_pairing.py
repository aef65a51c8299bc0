"""The pairing's parts: the tower against py_ecc's Fp12 and slow powers, the test of membership, the value."""

import random
from math import gcd
from typing import Any

import pytest

from stateless.evm.precompiles import bn254_field as field
from stateless.evm.precompiles.bn254_field import FP12_ONE, Fp2, Fp6, Fp12, P
from stateless.evm.precompiles.bn254_group import R, X
from stateless.evm.precompiles.bn254_pairing import (
    LOOP,
    POWER_OF_X,
    TwistPoint,
    Walk,
    final_power,
    is_on_twist,
    lines,
    miller_loop,
    psi,
)
from tests.stateless.evm.precompiles.contracts import BN, Point
from tests.stateless.evm.precompiles.twist_points import COFACTOR, SMALL_ORDER, any_twist_point, small_order_point

G1, G2, multiply = BN.G1, BN.G2, BN.multiply

TRACE = 6 * X**2 + 1


def plain(point: Point) -> TwistPoint:
    """py_ecc's point of the twist as ours."""
    (x0, x1), (y0, y1) = (coordinate.coeffs for coordinate in BN.normalize(point))
    return (int(x0), int(x1)), (int(y0), int(y1))


def random_fp6(rng: random.Random) -> Fp6:
    edges = [0, 1, P - 1]
    a, b, c, d, e, f = (rng.choice([*edges, *[rng.randrange(P)] * 6]) for _ in range(6))
    return a, b, c, d, e, f


def random_fp12(seed: int) -> Fp12:
    rng = random.Random(seed)
    return random_fp6(rng), random_fp6(rng)


def to_py_ecc(f: Fp12) -> Any:
    """The sum of (a + b u) w^i, where u = w^6 - 9."""
    (a, b) = f
    coefficients = [0] * 12
    for power, (c0, c1) in zip((0, 2, 4, 1, 3, 5), (a[:2], a[2:4], a[4:], b[:2], b[2:4], b[4:]), strict=True):
        coefficients[power] += c0 - 9 * c1
        coefficients[power + 6] += c1
    return BN.FQ12([coefficient % P for coefficient in coefficients])


def of_py_ecc(f: Any) -> Fp12:
    c = [int(coefficient) for coefficient in f.coeffs]
    parts: list[Fp2] = [((c[i] + 9 * c[i + 6]) % P, c[i + 6]) for i in range(6)]
    return parts[0] + parts[2] + parts[4], parts[1] + parts[3] + parts[5]


def power(f: Fp12, exponent: int) -> Fp12:
    """Square and multiply: the slow twin of every power."""
    result = FP12_ONE
    for bit in f"{exponent:b}":
        result = field.fp12_square(result)
        if bit == "1":
            result = field.fp12_mul(result, f)
    return result


@pytest.mark.parametrize("seed", range(12))
def test_the_tower_is_py_eccs_field(seed: int) -> None:
    f, g = random_fp12(seed), random_fp12(seed + 100)
    assert of_py_ecc(to_py_ecc(f)) == f
    assert to_py_ecc(field.fp12_mul(f, g)) == to_py_ecc(f) * to_py_ecc(g)
    assert field.fp12_square(f) == field.fp12_mul(f, f)
    assert field.fp12_mul(f, field.fp12_inverse(f)) == FP12_ONE
    c0, c1, c3 = g[0][:2], g[0][2:4], g[0][4:]
    line: Fp12 = ((*c0, 0, 0, 0, 0), (*c1, *c3, 0, 0))
    assert field.fp12_mul_by_line(f, c0, c1, c3) == field.fp12_mul(f, line)


def test_zero_has_no_inverse() -> None:
    nothing = (0, 0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="not invertible"):
        field.fp12_inverse((nothing, nothing))


@pytest.mark.parametrize("seed", range(2))
def test_powers(seed: int) -> None:
    f = random_fp12(seed)
    assert field.fp12_frobenius(f) == power(f, P)
    conjugate = f
    for _ in range(6):
        conjugate = field.fp12_frobenius(conjugate)
    assert field.fp12_conjugate(f) == conjugate
    cyclotomic = power(field.fp12_mul(conjugate, field.fp12_inverse(f)), P**2 + 1)
    assert field.fp12_cyclotomic_square(cyclotomic) == field.fp12_square(cyclotomic)


def test_final_power() -> None:
    f = random_fp12(5)
    multiple = 2 * X * (6 * X**2 + 3 * X + 1)
    assert gcd(multiple, R) == 1
    assert final_power(f) == power(f, multiple * (P**12 - 1) // R)


def test_digits() -> None:
    for digits, number in ((LOOP, 6 * X + 2), (POWER_OF_X, X)):
        value = 1
        for digit in digits:
            value = 2 * value + digit
        assert value == number


def test_numbers_of_the_curve() -> None:
    assert BN.curve_order == R == 36 * X**4 + 36 * X**3 + 18 * X**2 + 6 * X + 1
    assert P == 36 * X**4 + 36 * X**3 + 24 * X**2 + 6 * X + 1
    assert R == P + 1 - TRACE
    assert COFACTOR % SMALL_ORDER == 0


def test_what_the_end_of_the_walk_proves() -> None:
    """The resultant of F = Z^3 - Z^2 + Z + 6x + 2 and psi's polynomial shares nothing but r with the twist's order.

    F mod Z^2 - t Z + p is a Z + b; the resultant is the norm b^2 + a b t + a^2 p.
    """
    assert (6 * X + 2 + P - P**2 + P**3) % R == 0
    a = TRACE**2 - P - TRACE + 1
    b = 6 * X + 2 + P - TRACE * P
    assert gcd(b * b + a * b * TRACE + a * a * P, COFACTOR * R) == R


def test_the_walk_of_a_member_meets_no_exception() -> None:
    """In G2 psi is multiplication by p: T = k Q never is the point it is added to, its opposite, or the identity."""
    k = 1
    for digit in LOOP:
        k = 2 * k
        if digit:
            assert (k - digit) % R and (k + digit) % R
            k += digit
    assert k == 6 * X + 2
    for step in (P, -(P**2)):
        assert (k - step) % R and (k + step) % R
        k += step
    assert (k + P**3) % R == 0


@pytest.mark.parametrize("seed", range(3))
def test_psi(seed: int) -> None:
    """psi^2 - t psi + p = 0 everywhere on the twist; psi = p in G2."""
    rng = random.Random(seed)
    point = any_twist_point(rng)
    q = plain(point)
    assert is_on_twist(q)
    assert is_on_twist(psi(q))
    left = plain(multiply(point, P))
    walk = Walk(psi(psi(q)))
    walk.add(left)
    psi_of_t = psi(plain(multiply(point, TRACE)))
    assert walk.has_come_to(psi_of_t)
    member = multiply(G2, rng.randrange(1, R))
    assert psi(plain(member)) == plain(multiply(member, P % R))


@pytest.mark.parametrize("seed", range(3))
def test_the_walks_steps(seed: int) -> None:
    point = small_order_point(random.Random(seed)) if seed else G2
    q = plain(point)
    walk = Walk(q)
    walk.double()
    assert walk.has_come_to(plain(multiply(point, 2)))
    walk.add(q)
    assert walk.has_come_to(plain(multiply(point, 3)))
    walk.double()
    assert walk.has_come_to(plain(multiply(point, 6)))


def test_exceptions_end_at_nothing_for_good() -> None:
    q = plain(G2)
    walk = Walk(q)
    walk.add(q)
    assert walk.z == (0, 0)
    walk.double()
    walk.add(plain(multiply(G2, 5)))
    assert walk.z == (0, 0)
    assert not walk.has_come_to(q)
    assert not walk.has_come_to(((0, 0), (0, 0)))


@pytest.mark.parametrize("seed", range(2))
def test_the_value_is_py_eccs(seed: int) -> None:
    """The final power has a further factor, so py_ecc's value is raised to it."""
    rng = random.Random(seed)
    p, q = multiply(G1, rng.randrange(1, R)), multiply(G2, rng.randrange(1, R))
    x, y = BN.normalize(p)
    value = final_power(miller_loop([((int(x), int(y)), lines(plain(q)))]))
    assert value == power(of_py_ecc(BN.pairing(q, p)), 2 * X * (6 * X**2 + 3 * X + 1))
    assert value != FP12_ONE
    assert power(value, R) == FP12_ONE
