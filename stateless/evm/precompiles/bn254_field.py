"""The fields of the bn254 pairing: Fp, and the tower over it up to Fp12.

    Fp2  = Fp[u] / (u^2 + 1)      (c0, c1)          = c0 + c1 u
    Fp6  = Fp2[v] / (v^3 - xi)    (c0, ..., c5)     = (c0 + c1 u) + (c2 + c3 u) v + (c4 + c5 u) v^2,    xi = 9 + u
    Fp12 = Fp6[w] / (w^2 - v)     (a, b)            = a + b w

An element is a tuple of plain integers. An element of Fp12 has six coefficients in Fp2: of w^0, w^2, w^4 in a, and of
w^1, w^3, w^5 in b; and w^6 = xi.

Reduction is late. A division by p costs as much as two products, and Python's integers hold any sum; so a product in
Fp6 is a sum of products in Fp that nobody divides, and an operation of Fp12 ends with one division per coefficient. A
*wide* integer is only congruent to its value mod p, and of any sign. Functions whose names end in `_wide` return such,
all others 0..p-1. Arguments may be wide. Formulas are spelled out by coefficient, because a loop would cost more than
its body: hence the length of this module.

Source: EIP-197, "Definition of the groups" (u, xi); IACR 2010/526, section 5 (the tower, late reduction); IACR
2006/471, sections 3 and 4 (products in extensions of degree 2 and 3).
"""

from typing import Final

P: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""The prime p. Source: EIP-196, "Encoding"."""

Fp2 = tuple[int, int]
Fp6 = tuple[int, int, int, int, int, int]
Fp12 = tuple[Fp6, Fp6]

FP2_ZERO: Final[Fp2] = (0, 0)
FP2_ONE: Final[Fp2] = (1, 0)
FP6_ZERO: Final[Fp6] = (0, 0, 0, 0, 0, 0)
FP12_ONE: Final[Fp12] = ((1, 0, 0, 0, 0, 0), FP6_ZERO)
XI: Final[Fp2] = (9, 1)
"""xi, neither a square nor a cube of Fp2."""


def fp2_mul(a: Fp2, b: Fp2) -> Fp2:
    """a b."""
    a0, a1 = a
    b0, b1 = b
    return (a0 * b0 - a1 * b1) % P, (a0 * b1 + a1 * b0) % P


def fp2_square(a: Fp2) -> Fp2:
    """a^2 = (a0 + a1) (a0 - a1) + 2 a0 a1 u."""
    a0, a1 = a
    return (a0 + a1) * (a0 - a1) % P, 2 * a0 * a1 % P


def fp2_add(a: Fp2, b: Fp2) -> Fp2:
    """a + b."""
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P


def fp2_sub(a: Fp2, b: Fp2) -> Fp2:
    """a - b."""
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


def fp2_negate(a: Fp2) -> Fp2:
    """-a."""
    return -a[0] % P, -a[1] % P


def fp2_scale(a: Fp2, factor: int) -> Fp2:
    """a times a number of Fp."""
    return a[0] * factor % P, a[1] * factor % P


def fp2_conjugate(a: Fp2) -> Fp2:
    """a^p = a0 - a1 u."""
    return a[0] % P, -a[1] % P


def fp2_inverse(a: Fp2) -> Fp2:
    """1 / a = (a0 - a1 u) / (a0^2 + a1^2). Raises: ValueError for 0."""
    return fp2_scale(fp2_conjugate(a), pow(a[0] * a[0] + a[1] * a[1], -1, P))


def fp2_power(a: Fp2, exponent: int) -> Fp2:
    """a^exponent, for exponents >= 0."""
    power = FP2_ONE
    for bit in f"{exponent:b}":
        power = fp2_square(power)
        if bit == "1":
            power = fp2_mul(power, a)
    return power


def _product_wide(a0: int, a1: int, b0: int, b1: int) -> Fp2:
    """(a0 + a1 u) (b0 + b1 u)."""
    return a0 * b0 - a1 * b1, a0 * b1 + a1 * b0


def _fp6_sum_wide(a: Fp6, b: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4, a5 + b5


def _fp6_sum_by_v_wide(a: Fp6, b: Fp6) -> Fp6:
    """a + v b = (a0 + xi b2) + (a1 + b0) v + (a2 + b1) v^2, in coefficients of Fp2."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    return a0 + 9 * b4 - b5, a1 + 9 * b5 + b4, a2 + b0, a3 + b1, a4 + b2, a5 + b3


def _fp6_difference(a: Fp6, b: Fp6, c: Fp6) -> Fp6:
    """a - b - c."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    c0, c1, c2, c3, c4, c5 = c
    return (
        (a0 - b0 - c0) % P,
        (a1 - b1 - c1) % P,
        (a2 - b2 - c2) % P,
        (a3 - b3 - c3) % P,
        (a4 - b4 - c4) % P,
        (a5 - b5 - c5) % P,
    )


def _fp6_reduce(a: Fp6) -> Fp6:
    a0, a1, a2, a3, a4, a5 = a
    return a0 % P, a1 % P, a2 % P, a3 % P, a4 % P, a5 % P


def fp6_product_wide(a: Fp6, b: Fp6) -> Fp6:
    """a b, with six products of coefficients in Fp2 (Karatsuba).

    a0 b0 + xi ((a1 + a2)(b1 + b2) - a1 b1 - a2 b2)
        + ((a0 + a1)(b0 + b1) - a0 b0 - a1 b1 + xi a2 b2) v
        + ((a0 + a2)(b0 + b2) - a0 b0 - a2 b2 + a1 b1) v^2
    """
    a0, a1, a2, a3, a4, a5 = a
    b0, b1, b2, b3, b4, b5 = b
    p0, p1 = _product_wide(a0, a1, b0, b1)
    q0, q1 = _product_wide(a2, a3, b2, b3)
    r0, r1 = _product_wide(a4, a5, b4, b5)
    x0, x1 = _product_wide(a2 + a4, a3 + a5, b2 + b4, b3 + b5)
    y0, y1 = _product_wide(a0 + a2, a1 + a3, b0 + b2, b1 + b3)
    z0, z1 = _product_wide(a0 + a4, a1 + a5, b0 + b4, b1 + b5)
    x0, x1 = x0 - q0 - r0, x1 - q1 - r1
    return (
        p0 + 9 * x0 - x1,
        p1 + 9 * x1 + x0,
        y0 - p0 - q0 + 9 * r0 - r1,
        y1 - p1 - q1 + 9 * r1 + r0,
        z0 - p0 - r0 + q0,
        z1 - p1 - r1 + q1,
    )


def _fp6_product_by_line_wide(a: Fp6, b: Fp2, c: Fp2) -> Fp6:
    """a (b + c v), with five products: a0 b + xi a2 c + ((a0 + a1)(b + c) - a0 b - a1 c) v + (a2 b + a1 c) v^2."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1 = b
    c0, c1 = c
    p0, p1 = _product_wide(a0, a1, b0, b1)
    q0, q1 = _product_wide(a2, a3, c0, c1)
    x0, x1 = _product_wide(a4, a5, c0, c1)
    y0, y1 = _product_wide(a0 + a2, a1 + a3, b0 + c0, b1 + c1)
    z0, z1 = _product_wide(a4, a5, b0, b1)
    return p0 + 9 * x0 - x1, p1 + 9 * x1 + x0, y0 - p0 - q0, y1 - p1 - q1, z0 + q0, z1 + q1


def _fp6_scale_wide(a: Fp6, b: Fp2) -> Fp6:
    """a b for b of Fp2."""
    a0, a1, a2, a3, a4, a5 = a
    b0, b1 = b
    return _product_wide(a0, a1, b0, b1) + _product_wide(a2, a3, b0, b1) + _product_wide(a4, a5, b0, b1)


def fp6_inverse(a: Fp6) -> Fp6:
    """1 / a = (t0 + t1 v + t2 v^2) / (a0 t0 + xi (a2 t1 + a1 t2)), in coefficients of Fp2. Raises: ValueError for 0.

    t0 = a0^2 - xi a1 a2,    t1 = xi a2^2 - a0 a1,    t2 = a1^2 - a0 a2
    """
    a0, a1, a2 = a[0:2], a[2:4], a[4:6]
    t0 = fp2_sub(fp2_square(a0), fp2_mul(XI, fp2_mul(a1, a2)))
    t1 = fp2_sub(fp2_mul(XI, fp2_square(a2)), fp2_mul(a0, a1))
    t2 = fp2_sub(fp2_square(a1), fp2_mul(a0, a2))
    norm = fp2_add(fp2_mul(a0, t0), fp2_mul(XI, fp2_add(fp2_mul(a2, t1), fp2_mul(a1, t2))))
    return _fp6_reduce(_fp6_scale_wide(t0 + t1 + t2, fp2_inverse(norm)))


def fp12_mul(f: Fp12, g: Fp12) -> Fp12:
    """(a + b w)(c + d w) = a c + v b d + ((a + b)(c + d) - a c - b d) w."""
    (a, b), (c, d) = f, g
    ac, bd = fp6_product_wide(a, c), fp6_product_wide(b, d)
    cross = fp6_product_wide(_fp6_sum_wide(a, b), _fp6_sum_wide(c, d))
    return _fp6_reduce(_fp6_sum_by_v_wide(ac, bd)), _fp6_difference(cross, ac, bd)


def fp12_mul_by_line(f: Fp12, c0: Fp2, c1: Fp2, c3: Fp2) -> Fp12:
    """f (c0 + c1 w + c3 w^3), as in `fp12_mul`: 13 products in Fp2 where that takes 18."""
    a, b = f
    ac, bd = _fp6_scale_wide(a, c0), _fp6_product_by_line_wide(b, c1, c3)
    cross = _fp6_product_by_line_wide(_fp6_sum_wide(a, b), (c0[0] + c1[0], c0[1] + c1[1]), c3)
    return _fp6_reduce(_fp6_sum_by_v_wide(ac, bd)), _fp6_difference(cross, ac, bd)


def fp12_square(f: Fp12) -> Fp12:
    """(a + b w)^2 = (a + b)(a + v b) - a b - v a b + 2 a b w."""
    a, b = f
    ab = fp6_product_wide(a, b)
    square = fp6_product_wide(_fp6_sum_wide(a, b), _fp6_sum_by_v_wide(a, b))
    return _fp6_difference(square, ab, _fp6_sum_by_v_wide(FP6_ZERO, ab)), _fp6_reduce(_fp6_sum_wide(ab, ab))


def _fp4_square_wide(a0: int, a1: int, b0: int, b1: int) -> tuple[int, int, int, int]:
    """(a + b s)^2 = (a + b)(a + xi b) - a b - xi a b + 2 a b s, where s^2 = xi."""
    t0, t1 = _product_wide(a0, a1, b0, b1)
    x0, x1 = _product_wide(a0 + b0, a1 + b1, a0 + 9 * b0 - b1, a1 + 9 * b1 + b0)
    return x0 - 10 * t0 + t1, x1 - 10 * t1 - t0, 2 * t0, 2 * t1


def fp12_cyclotomic_square(f: Fp12) -> Fp12:
    """f^2 where f^(p^4 - p^2 + 1) = 1: six products in Fp2 where `fp12_square` takes twelve.

    As f = A + B w + C w^2 with A, B, C in Fp4 = Fp2[s], s = w^3:
    f^2 = (3 A^2 - 2 A') + (3 s C^2 + 2 B') w + (3 B^2 - 2 C') w^2, where ' turns the sign of s.
    Source: Granger and Scott, IACR 2009/565, section 3.2.
    """
    (a0, a1, c0, c1, d0, d1), (b0, b1, e0, e1, g0, g1) = f
    r0, r1, s0, s1 = _fp4_square_wide(a0, a1, e0, e1)
    t0, t1, u0, u1 = _fp4_square_wide(b0, b1, d0, d1)
    x0, x1, y0, y1 = _fp4_square_wide(c0, c1, g0, g1)
    return (
        (
            (3 * r0 - 2 * a0) % P,
            (3 * r1 - 2 * a1) % P,
            (3 * t0 - 2 * c0) % P,
            (3 * t1 - 2 * c1) % P,
            (3 * x0 - 2 * d0) % P,
            (3 * x1 - 2 * d1) % P,
        ),
        (
            (3 * (9 * y0 - y1) + 2 * b0) % P,
            (3 * (9 * y1 + y0) + 2 * b1) % P,
            (3 * s0 + 2 * e0) % P,
            (3 * s1 + 2 * e1) % P,
            (3 * u0 + 2 * g0) % P,
            (3 * u1 + 2 * g1) % P,
        ),
    )


def fp12_conjugate(f: Fp12) -> Fp12:
    """f^(p^6) = a - b w: the inverse, where f^(p^6 + 1) = 1."""
    a, (b0, b1, b2, b3, b4, b5) = f
    return a, (-b0 % P, -b1 % P, -b2 % P, -b3 % P, -b4 % P, -b5 % P)


def fp12_inverse(f: Fp12) -> Fp12:
    """1 / (a + b w) = (a - b w) / (a^2 - v b^2). Raises: ValueError for 0."""
    a, b = f
    vbb = _fp6_sum_by_v_wide(FP6_ZERO, fp6_product_wide(b, b))
    factor = fp6_inverse(_fp6_difference(fp6_product_wide(a, a), vbb, FP6_ZERO))
    return fp12_conjugate((_fp6_reduce(fp6_product_wide(a, factor)), fp6_product_wide(b, factor)))


GAMMA: Final = tuple(fp2_power(XI, i * (P - 1) // 6) for i in range(6))
"""xi^(i (p - 1) / 6) = w^(i (p - 1)): w^i becomes GAMMA[i] w^i under the Frobenius map."""


def fp12_frobenius(f: Fp12) -> Fp12:
    """f^p: the sum over i of conjugate(c_i) GAMMA[i] w^i."""
    (a0, a1, c0, c1, d0, d1), (b0, b1, e0, e1, g0, g1) = f
    return (
        fp2_conjugate((a0, a1)) + fp2_mul((c0, -c1), GAMMA[2]) + fp2_mul((d0, -d1), GAMMA[4]),
        fp2_mul((b0, -b1), GAMMA[1]) + fp2_mul((e0, -e1), GAMMA[3]) + fp2_mul((g0, -g1), GAMMA[5]),
    )
