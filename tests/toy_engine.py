"""A group for tests of structure: Z_r, where a commitment is an inner product in the clear.

The same laws as Banderwagon's (prime order r, linear, 0 maps to 0, canonical encodings), no hardness at all: thousands
of times faster, and never for tests of soundness. Bases are fixed by a seed.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from spec.errors import DecodeError
from spec.types import Bytes32
from verkle.engine import Q_INDEX, Row, T, unpacked
from verkle.field import FR
from verkle.vectors import LIST_VECTORS

R: Final = FR.modulus


class ToyEngine:
    """Elements are integers in [0, r)."""

    name: Final = "toy"
    zero: Final = 0
    vectors: Final = LIST_VECTORS

    def __init__(self) -> None:
        rng = random.Random(6800)
        self.q = rng.randrange(1, R)
        self.bases = [*(rng.randrange(1, R) for _ in range(256)), self.q]

    def commit(self, rows: Sequence[Row]) -> list[int]:
        return [sum(self.bases[index] * value for index, value in row) % R for row in rows]

    def commit_vectors(self, vectors: Sequence[list[int]], along_q: Sequence[int]) -> list[int]:
        return self.commit([[*enumerate(v), (Q_INDEX, q)] for v, q in zip(vectors, along_q, strict=True)])

    def grow(self, root: object, writes: object) -> None:
        """Node by node."""

    def packed(self, leaves: object) -> None:
        """Node by node."""

    def commit_packed(self, width: int, size: int, rows: bytes) -> list[int]:
        return self.commit(unpacked(width, size, rows))

    def show(self, root: object, keys: object, *, markers: bool) -> None:
        """Node by node."""

    def msm(self, scalars: Sequence[int], points: Sequence[int]) -> int:
        return sum(s * p for s, p in zip(scalars, points, strict=True)) % R

    def msm_vector(self, scalars: list[int], points: Sequence[int]) -> int:
        return self.msm(scalars, points)

    def add(self, left: Sequence[int], right: Sequence[int]) -> list[int]:
        return [(a + b) % R for a, b in zip(left, right, strict=True)]

    def to_scalars(self, points: Sequence[int]) -> list[int]:
        return [p * p * 7 % R for p in points]

    def encode(self, points: Sequence[int]) -> list[Bytes32]:
        return [Bytes32(p.to_bytes(32, "big")) for p in points]

    def encode_joined(self, points: Sequence[int]) -> bytes:
        return b"".join(self.encode(points))

    def decode(self, encoded: Sequence[bytes]) -> list[int]:
        points = []
        for index, data in enumerate(encoded):
            try:
                points.append(FR.decode(data, "big"))
            except DecodeError as error:
                raise error.inside(f"[{index}]") from None
        return points

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        return [call() for call in calls]
