"""Vectors over Fr: the arithmetic of proofs as operations on whole vectors.

A vector is the engine's own: opaque to everyone else, immutable. So are polynomials, made together by `polynomials`
from their non-zero values on the domain. Scalars that cross are canonical integers. `ListVectors` is the definition of
every operation, on lists of integers; an engine may bring another that is faster.

Notation: see `verkle.domain`, `verkle.ipa` and `verkle.multiproof`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from verkle import domain
from verkle.field import FR

V = TypeVar("V")

_R = FR.modulus

Polynomials = Any
"""Polynomials in a row, as `polynomials` makes them."""

Gathered = Any
"""F_z = sum of r^i f_i over the openings i at z, for each z that occurs, as `gather` makes them."""


class Vectors(Protocol[V]):
    """Operations on vectors over Fr; 256 long where a polynomial's values are meant."""

    def of(self, values: Iterable[int]) -> V:
        """The vector of these canonical scalars."""

    def integers(self, a: V) -> list[int]:
        """The scalars of a vector."""

    def equal(self, a: V, b: V) -> bool:
        """Whether two vectors are the same."""

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> Polynomials:
        """Polynomials from their values on the domain; those not listed are 0."""

    def values_at(self, polynomials: Polynomials, groups: Sequence[int], points: Sequence[int]) -> V:
        """f_i(z_i), where f_i = polynomials[groups[i]]."""

    def statement(self, commitments: bytes, groups: Sequence[int], points: Sequence[int], values: V) -> bytes:
        """What a transcript absorbs: "C" || C_i || "z" || LE(z_i) || "y" || LE(y_i).

        C_i: bytes 32 k to 32 k + 31 of `commitments`, k = groups[i].
        """

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

    def gather(
        self, polynomials: Polynomials, groups: Sequence[int], points: Sequence[int], powers_of: int
    ) -> Gathered:
        """F_z = sum of r^i f_i over the i with z_i = z, where f_i = polynomials[groups[i]]."""

    def quotients(self, gathered: Gathered) -> V:
        """Sum over z of (F_z - F_z(z)) / (X - z), on the domain."""

    def combination(self, gathered: Gathered, t: int) -> V:
        """Sum over z of F_z / (t - z), on the domain; t outside of it."""


class ListVectors:
    """The definition: lists of integers."""

    def of(self, values: Iterable[int]) -> list[int]:
        """The vector of these canonical scalars."""
        return list(values)

    def integers(self, a: list[int]) -> list[int]:
        """The scalars of a vector."""
        return a

    def equal(self, a: list[int], b: list[int]) -> bool:
        """Whether two vectors are the same."""
        return a == b

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> list[Mapping[int, int]]:
        """Polynomials from their values on the domain."""
        return list(values)

    def values_at(self, polynomials: Polynomials, groups: Sequence[int], points: Sequence[int]) -> list[int]:
        """f_i(z_i)."""
        return [polynomials[group].get(z, 0) % _R for group, z in zip(groups, points, strict=True)]

    def statement(self, commitments: bytes, groups: Sequence[int], points: Sequence[int], values: list[int]) -> bytes:
        """What a transcript absorbs of openings."""
        return b"".join(
            b"C"
            + commitments[32 * group : 32 * group + 32]
            + b"z"
            + FR.encode(z, "little")
            + b"y"
            + FR.encode(y, "little")
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

    def gather(
        self, polynomials: Polynomials, groups: Sequence[int], points: Sequence[int], powers_of: int
    ) -> dict[int, list[int]]:
        """F_z by z."""
        gathered: dict[int, list[int]] = {}
        power = 1
        for group, z in zip(groups, points, strict=True):
            total = gathered.setdefault(z, [0] * domain.SIZE)
            for index, value in polynomials[group].items():
                total[index] += power * value
            power = power * powers_of % _R
        return {z: [value % _R for value in total] for z, total in gathered.items()}

    def quotients(self, gathered: dict[int, list[int]]) -> list[int]:
        """Sum over z of (F_z - F_z(z)) / (X - z)."""
        result = [0] * domain.SIZE
        for z, total in gathered.items():
            result = [left + right for left, right in zip(result, domain.quotient(total, z), strict=True)]
        return [value % _R for value in result]

    def combination(self, gathered: dict[int, list[int]], t: int) -> list[int]:
        """Sum over z of F_z / (t - z)."""
        result = [0] * domain.SIZE
        for z, total in gathered.items():
            inverse = FR.inverse(t - z)
            result = [left + inverse * right for left, right in zip(result, total, strict=True)]
        return [value % _R for value in result]


LIST_VECTORS: Vectors[Any] = ListVectors()
