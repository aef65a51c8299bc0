"""Vectors over Fr: the arithmetic of proofs as operations on whole vectors.

A vector is the engine's own: opaque to everyone else, immutable. So is a polynomial, made once by `polynomial` from
its non-zero values on the domain. Scalars that cross are canonical integers. `ListVectors` is the definition of every
operation, on lists of integers; an engine may bring another that is faster.

Notation: see `verkle.domain`, `verkle.ipa` and `verkle.multiproof`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from verkle import domain
from verkle.field import FR

V = TypeVar("V")

_R = FR.modulus

Polynomials = Any
"""Polynomials, one an opening, as gathered by `gather`."""


class Vectors(Protocol[V]):
    """Operations on vectors over Fr; 256 long where a polynomial's values are meant."""

    def of(self, values: Iterable[int]) -> V:
        """The vector of these canonical scalars."""

    def integers(self, a: V) -> list[int]:
        """The scalars of a vector."""

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> list[Any]:
        """Polynomials from their values on the domain; those not listed are 0."""

    def gather(self, polynomials: Sequence[Any]) -> Polynomials:
        """Polynomials of `polynomials`, one an opening; the same object may occur many times."""

    def values_at(self, polynomials: Polynomials, points: Sequence[int]) -> V:
        """f_i(z_i)."""

    def statement(self, commitments: Sequence[bytes], groups: Sequence[int], points: Sequence[int], values: V) -> bytes:
        """What a transcript absorbs: "C" || C_i || "z" || LE(z_i) || "y" || LE(y_i); C_i = commitments[groups[i]]."""

    def inner_product(self, a: V, b: V) -> int:
        """Sum of a_i b_i."""

    def halves(self, a: V) -> tuple[V, V]:
        """(a_L, a_R)."""

    def fold(self, low: V, high: V, x: int) -> V:
        """low + x high."""

    def difference(self, a: V, b: V) -> V:
        """a - b."""

    def scale(self, a: V, k: int) -> V:
        """k a."""

    def branch(self, factors: V, x: int) -> V:
        """(s_0, s_0 x, s_1, s_1 x, ...): twice as long."""

    def spread(self, factors: V, half: V, side: int) -> V:
        """One block a factor: factor * half in its left (side 0) or right (side 1) part, zeros in the other."""

    def evaluation_weights(self, t: int) -> V:
        """b_0..b_255 with f(t) = <f, b>."""

    def weights(self, powers_of: int, t: int, points: Sequence[int]) -> V:
        """r^i / (t - z_i), from r^0; t outside the domain."""

    def group_sums(self, a: V, groups: Sequence[int], count: int) -> V:
        """Element k: the sum of the a_i with groups[i] = k, for k below count."""

    def combination(self, polynomials: Polynomials, weights: V) -> V:
        """Sum of weight_i f_i, on the domain."""

    def quotients(self, polynomials: Polynomials, points: Sequence[int], powers_of: int) -> V:
        """Sum of r^i (f_i - f_i(z_i)) / (X - z_i), on the domain."""


class ListVectors:
    """The definition: lists of integers."""

    def of(self, values: Iterable[int]) -> list[int]:
        """The vector of these canonical scalars."""
        return list(values)

    def integers(self, a: list[int]) -> list[int]:
        """The scalars of a vector."""
        return a

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> list[Mapping[int, int]]:
        """Polynomials from their values on the domain."""
        return list(values)

    def gather(self, polynomials: Sequence[Mapping[int, int]]) -> Sequence[Mapping[int, int]]:
        """Polynomials, one an opening."""
        return polynomials

    def values_at(self, polynomials: Polynomials, points: Sequence[int]) -> list[int]:
        """f_i(z_i)."""
        return [polynomial.get(z, 0) for polynomial, z in zip(polynomials, points, strict=True)]

    def statement(
        self, commitments: Sequence[bytes], groups: Sequence[int], points: Sequence[int], values: list[int]
    ) -> bytes:
        """What a transcript absorbs of openings."""
        return b"".join(
            b"C" + commitments[group] + b"z" + FR.encode(z, "little") + b"y" + FR.encode(y, "little")
            for group, z, y in zip(groups, points, values, strict=True)
        )

    def inner_product(self, a: list[int], b: list[int]) -> int:
        """Sum of a_i b_i."""
        return domain.inner_product(a, b)

    def halves(self, a: list[int]) -> tuple[list[int], list[int]]:
        """(a_L, a_R)."""
        half = len(a) // 2
        return a[:half], a[half:]

    def fold(self, low: list[int], high: list[int], x: int) -> list[int]:
        """low + x high."""
        return [(left + x * right) % _R for left, right in zip(low, high, strict=True)]

    def difference(self, a: list[int], b: list[int]) -> list[int]:
        """a - b."""
        return [(left - right) % _R for left, right in zip(a, b, strict=True)]

    def scale(self, a: list[int], k: int) -> list[int]:
        """k a."""
        return [k * value % _R for value in a]

    def branch(self, factors: list[int], x: int) -> list[int]:
        """(s_0, s_0 x, s_1, s_1 x, ...)."""
        return [value for s in factors for value in (s, s * x % _R)]

    def spread(self, factors: list[int], half: list[int], side: int) -> list[int]:
        """One block a factor."""
        zeros = [0] * len(half)
        row: list[int] = []
        for factor in factors:
            scaled = self.scale(half, factor)
            row += [*zeros, *scaled] if side else [*scaled, *zeros]
        return row

    def evaluation_weights(self, t: int) -> list[int]:
        """b_0..b_255 with f(t) = <f, b>."""
        return domain.evaluation_weights(t)

    def weights(self, powers_of: int, t: int, points: Sequence[int]) -> list[int]:
        """r^i / (t - z_i)."""
        inverses = FR.batch_inverse([(t - z) % _R for z in range(domain.SIZE)])
        power, result = 1, []
        for z in points:
            result.append(power * inverses[z] % _R)
            power = power * powers_of % _R
        return result

    def group_sums(self, a: list[int], groups: Sequence[int], count: int) -> list[int]:
        """Element k: the sum of the a_i with groups[i] = k."""
        sums = [0] * count
        for value, group in zip(a, groups, strict=True):
            sums[group] += value
        return [value % _R for value in sums]

    def combination(self, polynomials: Polynomials, weights: list[int]) -> list[int]:
        """Sum of weight_i f_i."""
        total = [0] * domain.SIZE
        for polynomial, weight in zip(polynomials, weights, strict=True):
            for index, value in polynomial.items():
                total[index] += weight * value
        return [value % _R for value in total]

    def quotients(self, polynomials: Polynomials, points: Sequence[int], powers_of: int) -> list[int]:
        """Sum of r^i (f_i - f_i(z_i)) / (X - z_i): openings of one z are gathered before dividing."""
        gathered: dict[int, list[int]] = {}
        power = 1
        for polynomial, z in zip(polynomials, points, strict=True):
            total = gathered.setdefault(z, [0] * domain.SIZE)
            for index, value in polynomial.items():
                total[index] += power * value
            power = power * powers_of % _R
        result = [0] * domain.SIZE
        for z, total in gathered.items():
            divided = domain.quotient([value % _R for value in total], z)
            result = [left + right for left, right in zip(result, divided, strict=True)]
        return [value % _R for value in result]


LIST_VECTORS: Vectors[Any] = ListVectors()
