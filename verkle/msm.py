"""Multi-scalar multiplication in plain Python: fixed bases by tables, free bases by buckets.

Notation: sum of s_i * P_i. A scalar is cut into signed digits of w bits, s = sum of d_j * 2^(w j), with
-2^(w-1) <= d_j < 2^(w-1) (the last digit takes the carry), so a table or a set of buckets has 2^(w-1) entries, and
a negative digit uses (-x, y).

Definition: `sum(s * P)` with `Point.__rmul__`. Source: Brickell et al. (fixed bases); Pippenger (buckets).
"""

from collections.abc import Sequence
from typing import Final

from verkle.curve import (
    IDENTITY_COORDINATES,
    Coordinates,
    D,
    add_affine,
    add_coordinates,
    affine,
    double_coordinates,
    negate_coordinates,
)
from verkle.field import FP, FR

_P: Final = FP.modulus
_HALF_ORDER: Final = FR.modulus // 2

AffineEntry = tuple[int, int, int]
"""(x, y, d x y) of a table entry."""


def signed_digits(scalar: int, width: int) -> list[int]:
    """Digits d_j of a non-negative integer, lowest first: scalar = sum of d_j 2^(width j)."""
    full, half = 1 << width, 1 << (width - 1)
    digits = []
    while scalar:
        digit = scalar & (full - 1)
        scalar >>= width
        if digit >= half:
            digit -= full
            scalar += 1
        digits.append(digit)
    return digits


class FixedBase:
    """Multiples of one point: entry k of window j is (k + 1) * 2^(w j) * P. About 800 points with w = 5."""

    WIDTH: Final = 5

    def __init__(self, base: Coordinates) -> None:
        windows = FR.modulus.bit_length() // self.WIDTH + 1
        size = 1 << (self.WIDTH - 1)
        entries: list[Coordinates] = []
        for _ in range(windows):
            multiple = base
            for _ in range(size - 1):
                entries.append(multiple)
                multiple = add_coordinates(multiple, base)
            entries.append(multiple)
            base = double_coordinates(multiple)
        table = [(x, y, x * y % _P * D % _P) for x, y in affine(entries)]
        self.windows: list[list[AffineEntry]] = [table[j * size : (j + 1) * size] for j in range(windows)]

    def accumulate(self, total: Coordinates, scalar: int) -> Coordinates:
        """total + scalar * P, for 0 <= scalar < r. A scalar above r/2 counts as scalar - r, which is often short."""
        sign = 1
        if scalar > _HALF_ORDER:
            scalar, sign = FR.modulus - scalar, -1
        for digit, window in zip(signed_digits(scalar, self.WIDTH), self.windows, strict=False):
            if digit:
                x, y, t = window[abs(digit) - 1]
                total = add_affine(total, x, y, t) if digit * sign > 0 else add_affine(total, -x, y, -t)
        return total


def bucket_width(count: int) -> int:
    """The window that costs fewest additions for `count` points: (253 / w) * (count + 2^w)."""
    return min(range(2, 12), key=lambda w: -(-(FR.modulus.bit_length() + 1) // w) * (count + (1 << w)))


def pippenger(scalars: Sequence[int], points: Sequence[Coordinates]) -> Coordinates:
    """Sum of s_i * P_i for 0 <= s_i < r.

    Per window of digits: points are gathered into buckets by |digit|, and sum of k * bucket_k is a double running sum.
    """
    if len(scalars) != len(points):
        raise ValueError(f"{len(scalars)} scalars for {len(points)} points")
    width = bucket_width(len(scalars))
    rows: list[tuple[list[int], Coordinates]] = []
    for scalar, point in zip(scalars, points, strict=True):
        if scalar > _HALF_ORDER:
            rows.append((signed_digits(FR.modulus - scalar, width), negate_coordinates(point)))
        elif scalar:
            rows.append((signed_digits(scalar, width), point))
    total = IDENTITY_COORDINATES
    for position in range(max((len(digits) for digits, _ in rows), default=0) - 1, -1, -1):
        for _ in range(width):
            total = double_coordinates(total)
        buckets: list[Coordinates | None] = [None] * (1 << (width - 1))
        for digits, point in rows:
            if position < len(digits) and (digit := digits[position]):
                term, slot = (point, digit - 1) if digit > 0 else (negate_coordinates(point), -digit - 1)
                held = buckets[slot]
                buckets[slot] = term if held is None else add_coordinates(held, term)
        running, window_sum = None, None
        for bucket in reversed(buckets):
            if bucket is not None:
                running = bucket if running is None else add_coordinates(running, bucket)
            if running is not None:
                window_sum = running if window_sum is None else add_coordinates(window_sum, running)
        if window_sum is not None:
            total = add_coordinates(total, window_sum)
    return total
