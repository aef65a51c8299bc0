"""Vectors over Fr as arrays: `verkle.vectors.Vectors` on compiled kernels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from accel.limbs import RADIX_BITS, Indices, Words, integers_of, words_of
from accel.team import Team
from verkle import domain
from verkle.field import FR

_R: Final = FR.modulus
_RADIX: Final = pow(2, RADIX_BITS, _R)
PADDING_ROWS: Final = 9
SHARED_OPENINGS: Final = 200
"""Openings from which threads share them out."""
_PADDING: Final = bytes(32 * PADDING_ROWS)


@dataclass(frozen=True, slots=True)
class ArrayVector:
    """`size` canonical scalars, followed by padding rows that lanes may read."""

    words: Words
    size: int


@dataclass(frozen=True, slots=True)
class ArrayPolynomials:
    """Polynomials in CSR form: where each begins, its indices (ascending), and canonical scalars as rows of 4 words."""

    starts: Indices
    indices: Indices
    values: Words
    """Followed by padding rows that lanes may read."""

    @classmethod
    def of(cls, starts: Indices, indices: Indices, values: Words) -> "ArrayPolynomials":
        """From entries without padding, indices in any order."""
        places = np.repeat(np.arange(len(starts) - 1, dtype=np.int64) * domain.SIZE, np.diff(starts)) + indices
        if (places[1:] < places[:-1]).any():
            order = np.argsort(places)
            indices, values = indices[order], values[order]
        padded = np.empty((len(values) + PADDING_ROWS, 4), dtype=np.uint64)
        padded[: len(values)], padded[len(values) :] = values, 0
        return cls(starts, indices, padded)


@dataclass(frozen=True, slots=True)
class ArrayGathered:
    """F_z, in the kernels' own layout, and the z that they belong to."""

    points: Indices
    rows: Words


class ArrayVectors:
    """Each operation is one call of a kernel."""

    def __init__(self, kernels: ModuleType, team: Team) -> None:
        self.kernels: Final = kernels
        self.team: Final = team

    def of(self, values: Iterable[int]) -> ArrayVector:
        """The vector of these canonical scalars."""
        data = bytearray().join(value.to_bytes(32, "little") for value in values)
        return ArrayVector(np.frombuffer(data + _PADDING, dtype=np.uint64).reshape(-1, 4), len(data) // 32)

    def integers(self, a: ArrayVector) -> list[int]:
        """The scalars of a vector."""
        return integers_of(a.words[: a.size])

    def equal(self, a: ArrayVector, b: ArrayVector) -> bool:
        """Whether two vectors are the same."""
        return a.size == b.size and bool((a.words[: a.size] == b.words[: b.size]).all())

    def polynomials(self, values: Sequence[Mapping[int, int]]) -> ArrayPolynomials:
        """Polynomials from their values on the domain; those not listed are 0."""
        starts = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum([len(polynomial) for polynomial in values], out=starts[1:])
        indices = np.fromiter(chain.from_iterable(values), dtype=np.int64, count=int(starts[-1]))
        entries = chain.from_iterable(polynomial.values() for polynomial in values)
        return ArrayPolynomials.of(starts, indices, words_of(value % _R for value in entries))

    def values_at(self, polynomials: ArrayPolynomials, groups: Sequence[int], points: Sequence[int]) -> ArrayVector:
        """f_i(z_i)."""
        p = polynomials
        made = self.kernels.values_at(p.starts, p.indices, p.values, _indices(groups), _points(points))
        return ArrayVector(made, len(points))

    def statement(self, commitments: bytes, groups: Sequence[int], points: Sequence[int], values: ArrayVector) -> bytes:
        """What a transcript absorbs of openings."""
        table = np.zeros((len(points), 99), dtype=np.uint8)
        table[:, 0], table[:, 33], table[:, 66] = b"Czy"
        table[:, 1:33] = np.frombuffer(commitments, dtype=np.uint8).reshape(-1, 32)[_indices(groups)]
        table[:, 34] = _points(points)
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
        return ArrayVector(self.kernels.weights(_scalar(powers_of), _scalar(t), _points(points)), len(points))

    def group_sums(self, a: ArrayVector, groups: Sequence[int], count: int) -> ArrayVector:
        """Element k: the sum of the a_i with groups[i] = k."""
        return ArrayVector(self.kernels.group_sums(a.words, _indices(groups), count), count)

    def gather(
        self, polynomials: ArrayPolynomials, groups: Sequence[int], points: Sequence[int], powers_of: int
    ) -> ArrayGathered:
        """F_z by z: each polynomial is read once for each of its openings."""
        p, factor = polynomials, _scalar(powers_of)
        opened, at = _indices(groups), _points(points)
        runs = self.team.parts(domain.SIZE, domain.SIZE if len(at) < SHARED_OPENINGS else 1)
        made = self.team.each(
            [partial(self.kernels.gather, p.starts, p.indices, p.values, opened, at, factor, *run) for run in runs]
        )
        if len(made) == 1:
            return ArrayGathered(*made[0])
        return ArrayGathered(*(np.concatenate(column) for column in zip(*made, strict=True)))

    def quotients(self, gathered: ArrayGathered) -> ArrayVector:
        """Sum over z of (F_z - F_z(z)) / (X - z)."""
        return ArrayVector(self.kernels.quotients(gathered.points, gathered.rows), domain.SIZE)

    def combination(self, gathered: ArrayGathered, t: int) -> ArrayVector:
        """Sum over z of F_z / (t - z)."""
        return ArrayVector(self.kernels.combination(gathered.points, gathered.rows, _scalar(t)), domain.SIZE)


def _scalar(value: int) -> Words:
    """A scalar in Montgomery form, with the padding that a load may read."""
    return words_of([value * _RADIX % _R, 0])


def _indices(values: Sequence[int]) -> Indices:
    if isinstance(values, range):
        return np.arange(values.start, values.stop, values.step, dtype=np.int64)
    return np.asarray(values, dtype=np.int64)


def _points(points: Sequence[int]) -> NDArray[np.uint8]:
    """Elements of the domain, one byte each."""
    if isinstance(points, bytes | bytearray):
        return np.frombuffer(bytearray(points), dtype=np.uint8)
    return np.asarray(points, dtype=np.uint8)
