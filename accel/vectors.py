"""Vectors over Fr as arrays: `verkle.vectors.Vectors` on compiled kernels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from types import ModuleType
from typing import Final

import numpy as np

from accel.limbs import RADIX_BITS, Indices, Words, integers_of, words_of
from verkle import domain
from verkle.field import FR

_R: Final = FR.modulus
_RADIX: Final = pow(2, RADIX_BITS, _R)
_PADDING: Final = bytes(32 * 9)


@dataclass(frozen=True, slots=True)
class ArrayVector:
    """`size` canonical scalars, followed by padding rows that lanes may read."""

    words: Words
    size: int


@dataclass(frozen=True, slots=True)
class ArrayPolynomial:
    """Values on the domain, those not listed being 0: indices, and canonical scalars as rows of 4 words."""

    indices: Indices
    values: Words


@dataclass(frozen=True, slots=True)
class ArrayPolynomials:
    """Distinct polynomials in CSR form (starts, indices, values), and which one each opening is of."""

    rows: tuple[Indices, Indices, Words]
    which: Indices


class ArrayVectors:
    """Each operation is one call of a kernel."""

    def __init__(self, kernels: ModuleType) -> None:
        self.kernels: Final = kernels

    def of(self, values: Iterable[int]) -> ArrayVector:
        """The vector of these canonical scalars."""
        data = bytearray().join(value.to_bytes(32, "little") for value in values)
        return ArrayVector(np.frombuffer(data + _PADDING, dtype=np.uint64).reshape(-1, 4), len(data) // 32)

    def integers(self, a: ArrayVector) -> list[int]:
        """The scalars of a vector."""
        return integers_of(a.words[: a.size])

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> list[ArrayPolynomial]:
        """Polynomials from their values on the domain; those not listed are 0. One array for all, cut in views."""
        ends = np.cumsum([len(polynomial) for polynomial in values], dtype=np.int64).tolist()
        indices = np.fromiter(chain.from_iterable(values), dtype=np.int64, count=ends[-1] if ends else 0)
        entries = chain.from_iterable(polynomial.values() for polynomial in values)
        words = words_of(value % _R for value in entries)
        return [ArrayPolynomial(indices[start:end], words[start:end]) for start, end in pairwise([0, *ends])]

    def gather(self, polynomials: Sequence[ArrayPolynomial]) -> ArrayPolynomials:
        """Polynomials, one an opening: each one's rows once."""
        identities = [id(polynomial) for polynomial in polynomials]
        distinct = dict(zip(identities, polynomials, strict=True))
        places = {identity: place for place, identity in enumerate(distinct)}
        which = np.array([places[identity] for identity in identities], dtype=np.int64)
        listed = list(distinct.values())
        starts = np.zeros(len(listed) + 1, dtype=np.int64)
        np.cumsum([len(polynomial.indices) for polynomial in listed], out=starts[1:])
        indices = np.concatenate([polynomial.indices for polynomial in listed])
        values = np.concatenate([*(polynomial.values for polynomial in listed), np.zeros((9, 4), dtype=np.uint64)])
        return ArrayPolynomials((starts, indices, values), which)

    def values_at(self, polynomials: ArrayPolynomials, points: Sequence[int]) -> ArrayVector:
        """f_i(z_i)."""
        rows = polynomials.rows
        return ArrayVector(self.kernels.values_at(*rows, polynomials.which, _indices(points)), len(points))

    def statement(
        self, commitments: Sequence[bytes], groups: Sequence[int], points: Sequence[int], values: ArrayVector
    ) -> bytes:
        """What a transcript absorbs of openings."""
        table = np.zeros((len(groups), 99), dtype=np.uint8)
        table[:, 0], table[:, 33], table[:, 66] = b"Czy"
        encoded = np.frombuffer(b"".join(commitments), dtype=np.uint8).reshape(-1, 32)
        table[:, 1:33] = encoded[_indices(groups)]
        table[:, 34] = _indices(points)
        table[:, 67:] = np.ascontiguousarray(values.words[: values.size]).view(np.uint8).reshape(-1, 32)
        return table.tobytes()

    def inner_product(self, a: ArrayVector, b: ArrayVector) -> int:
        """Sum of a_i b_i."""
        return integers_of(self.kernels.inner_product(a.words, b.words, a.size)[:1])[0]

    def halves(self, a: ArrayVector) -> tuple[ArrayVector, ArrayVector]:
        """(a_L, a_R): views; what lanes read past the left half is not used."""
        half = a.size // 2
        return ArrayVector(a.words, half), ArrayVector(a.words[half:], half)

    def fold(self, low: ArrayVector, high: ArrayVector, x: int) -> ArrayVector:
        """low + x high."""
        return ArrayVector(self.kernels.fold(low.words, high.words, low.size, _scalar(x)), low.size)

    def difference(self, a: ArrayVector, b: ArrayVector) -> ArrayVector:
        """a - b."""
        return ArrayVector(self.kernels.difference(a.words, b.words, a.size), a.size)

    def scale(self, a: ArrayVector, k: int) -> ArrayVector:
        """k a."""
        zeros = np.zeros_like(a.words)
        return ArrayVector(self.kernels.fold(zeros, a.words, a.size, _scalar(k)), a.size)

    def branch(self, factors: ArrayVector, x: int) -> ArrayVector:
        """(s_0, s_0 x, s_1, s_1 x, ...)."""
        return ArrayVector(self.kernels.branch(factors.words, factors.size, _scalar(x)), 2 * factors.size)

    def spread(self, factors: ArrayVector, half: ArrayVector, side: int) -> ArrayVector:
        """Per factor a block of factor * half and zeros."""
        made = self.kernels.spread(factors.words, factors.size, half.words, half.size, side)
        return ArrayVector(made, 2 * factors.size * half.size)

    def evaluation_weights(self, t: int) -> ArrayVector:
        """b_0..b_255 with f(t) = <f, b>."""
        if t < domain.SIZE:
            return self.of(domain.evaluation_weights(t))
        return ArrayVector(self.kernels.evaluation_weights(_scalar(t)), domain.SIZE)

    def weights(self, powers_of: int, t: int, points: Sequence[int]) -> ArrayVector:
        """r^i / (t - z_i)."""
        return ArrayVector(self.kernels.weights(_scalar(powers_of), _scalar(t), _indices(points)), len(points))

    def group_sums(self, a: ArrayVector, groups: Sequence[int], count: int) -> ArrayVector:
        """Element k: the sum of the a_i with groups[i] = k."""
        return ArrayVector(self.kernels.group_sums(a.words, _indices(groups), count), count)

    def combination(self, polynomials: ArrayPolynomials, weights: ArrayVector) -> ArrayVector:
        """Sum of weight_i f_i: weights of one polynomial are added first."""
        rows = polynomials.rows
        factors = self.kernels.group_sums(weights.words, polynomials.which, len(rows[0]) - 1)
        made = self.kernels.combination(*rows, self.kernels.to_montgomery(factors, len(rows[0]) - 1))
        return ArrayVector(made, domain.SIZE)

    def quotients(self, polynomials: ArrayPolynomials, points: Sequence[int], powers_of: int) -> ArrayVector:
        """Sum of r^i (f_i - f_i(z_i)) / (X - z_i)."""
        made = self.kernels.quotients(*polynomials.rows, polynomials.which, _indices(points), _scalar(powers_of))
        return ArrayVector(made, domain.SIZE)


def _scalar(value: int) -> Words:
    """A scalar in Montgomery form, with the padding that a load may read."""
    return words_of([value * _RADIX % _R, 0])


def _indices(values: Sequence[int]) -> Indices:
    return np.fromiter(values, dtype=np.int64, count=len(values))
