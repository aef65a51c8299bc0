"""The engine on Numba kernels: the operations of `verkle.engine.Engine`, with either CPU backend.

A group element is its 16 words as `bytes` (see `accel.limbs`): immutable, compact, and an array without copying when
many are joined.

Tables: a small one (4 windows a base, 12.7 MB) is made at the start and serves dense rows; the large one (32 windows,
101 MB, no doublings) is made when enough sparse entries have gone by to pay for it, and only below the memory
ceiling.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, pairwise
from types import ModuleType
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from accel import export, store
from accel.limbs import POINT_BYTES, POINT_WORDS, Indices, Words, aligned, integers_of, point_words, words_of
from accel.team import T, Team
from accel.vectors import ArrayVector, ArrayVectors
from spec.errors import DecodeError
from spec.types import Bytes32, TreeKey, Value
from verkle import crs
from verkle.domain import SIZE
from verkle.engine import Row, Shown
from verkle.field import FP, FR
from verkle.node import InternalNode
from verkle.packed import PackedLeaves, PackedNodes

LANES: Final = 8
SMALL_TABLES: Final = 4
LARGE_TABLES: Final = 32
LARGE_AFTER: Final = 50_000
"""Sparse entries after which the large table is made: making it takes as long as it saves on so many."""
SHARED: Final = 512
"""Least rows of points that a thread is given."""
SHARED_ENTRIES: Final = 400
"""Least entries of commitments that a thread is given."""
SHARED_POINTS: Final = 500
"""Least free points that a thread is given."""
DEFAULT_MEMORY: Final = 256 << 20
"""Bytes that tables may take in all."""

_ORDER: Final = FR.modulus
FP_BYTES: Final = 32
_FP_MODULUS: Final = FP.modulus.to_bytes(FP_BYTES, "big")
"""Bytes compare as the big-endian integers that they are."""


class Points(Sequence[bytes]):
    """Elements as rows of 16 words: a sequence to others, one array to kernels."""

    __slots__ = ("words",)

    def __init__(self, words: Words) -> None:
        self.words: Final = words

    def __len__(self) -> int:
        return len(self.words)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> "Points": ...
    def __getitem__(self, index: int | slice) -> "bytes | Points":
        return Points(self.words[index]) if isinstance(index, slice) else self.words[index].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        data = self.words.tobytes()
        return (data[i : i + POINT_BYTES] for i in range(0, len(data), POINT_BYTES))


class NumbaEngine:
    """Banderwagon on compiled kernels. One instance may serve several threads: tables are made once and only read."""

    def __init__(
        self, name: str, kernels: ModuleType, vector_kernels: ModuleType, memory: int = DEFAULT_MEMORY, threads: int = 1
    ) -> None:
        self.name: Final = name
        self.team: Final = Team(threads)
        self.vectors: Final = ArrayVectors(vector_kernels, self.team)
        self.kernels: Final = kernels
        self.memory: Final = memory
        behind = point_words([crs.Q.coordinates] * LANES)
        self._bases = np.concatenate([_generators(kernels), behind]).reshape(-1)
        """G_0..G_255, then Q (index 256), repeated to fill the lanes."""
        self._small = self._make_table(SMALL_TABLES)
        self._large: Words | None = None
        self._sparse_entries = 0
        self._making: Final = threading.Lock()
        self.zero: Final = point_words([(0, 1, 0, 1)]).tobytes()
        self.q: Final = point_words([crs.Q.coordinates]).tobytes()

    def _make_table(self, tables: int) -> Words:
        table = aligned(self._bases.size // POINT_WORDS * tables * self.kernels.WINDOW_WORDS)
        self.kernels.build_tables(self._bases, tables, table)
        return table

    def table_bytes(self) -> int:
        """What the tables take now."""
        return self._small.nbytes + (0 if self._large is None else self._large.nbytes)

    def commit(self, rows: Sequence[Row]) -> Points:
        """Per row: sum of value * G_index."""
        return Points(self.commit_arrays(*self.row_arrays(rows))) if rows else NO_POINTS

    def grow(self, root: InternalNode[bytes], writes: Mapping[TreeKey, Value]) -> InternalNode[bytes] | None:
        """The root of a tree after these writes, in arrays; None for partial trees, which are made node by node."""
        return store.grow(self, root, writes)

    def packed(self, leaves: PackedLeaves) -> PackedNodes:
        """All nodes of a tree, in columns."""
        return export.packed(self, leaves)

    def commit_packed(self, width: int, size: int, rows: bytes) -> Points:
        """Per row of `width` scalars: sum of s_i G_i. A scalar: `size` bytes, 8 to 32; little-endian, canonical."""
        given = np.frombuffer(rows, dtype=np.uint64).reshape(-1, size // 8)
        scalars = np.zeros((len(given), 4), dtype=np.uint64)
        scalars[:, : size // 8] = given
        count = len(scalars) // width
        starts, indices = np.arange(count + 1, dtype=np.int64) * width, np.arange(width, dtype=np.int64)
        return Points(self.commit_arrays(starts, np.tile(indices, count), scalars)) if count else NO_POINTS

    def show(self, root: InternalNode[bytes], keys: Sequence[TreeKey], *, markers: bool) -> Shown[bytes] | None:
        """What a proof of these keys shows of a tree in arrays; None for others, which are walked node by node."""
        return store.show(self, root, keys, markers=markers)

    def commit_vectors(self, vectors: Sequence[ArrayVector], along_q: Sequence[int]) -> Points:
        """Per vector of 256: sum of v_i G_i + q Q."""
        count = len(vectors)
        scalars = np.empty((count, SIZE + 1, 4), dtype=np.uint64)
        for row, vector in zip(scalars, vectors, strict=True):
            row[:SIZE] = vector.words[:SIZE]
        scalars[:, SIZE] = _scalar_words(along_q)
        starts = np.arange(count + 1, dtype=np.int64) * (SIZE + 1)
        indices = np.tile(np.arange(SIZE + 1, dtype=np.int64), count)
        return Points(self.commit_arrays(starts, indices, scalars.reshape(-1, 4)))

    def _refuse(self, encoded: Sequence[bytes]) -> None:
        """Raises: DecodeError for the first of all faults, where one is not canonical."""
        for index, data in enumerate(encoded):
            try:
                FP.decode(data, "big")
            except DecodeError as error:
                self.decode(encoded[:index])
                raise error.inside(f"[{index}]") from None

    @staticmethod
    def row_arrays(rows: Sequence[Row]) -> tuple[Indices, Indices, Words]:
        """Rows in CSR form, as `commit_arrays` takes them."""
        listed = [list(row) for row in rows]
        starts = np.zeros(len(listed) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in listed], out=starts[1:])
        entries = list(chain.from_iterable(listed))
        indices = np.fromiter((index for index, _ in entries), dtype=np.int64, count=len(entries))
        return starts, indices, _scalar_words(value for _, value in entries)

    @staticmethod
    def point_array(points: Sequence[bytes]) -> Words:
        """Points as rows of 16 words."""
        if isinstance(points, Points):
            return np.ascontiguousarray(points.words)
        return np.frombuffer(bytearray().join(points), dtype=np.uint64).reshape(-1, POINT_WORDS)

    @staticmethod
    def points(words: Words) -> Points:
        """Rows of 16 words as points."""
        return Points(words)

    def add_arrays(self, left: Words, right: Words) -> Words:
        """`add` on rows of points."""
        return self.team.rows(self.kernels.add, [left, right], SHARED)

    def scalar_arrays(self, points: Words) -> Words:
        """`to_scalars` on rows of points; makes (n, 4)."""
        return self.team.rows(self.kernels.to_scalars, [points], 4 * SHARED)

    def commit_arrays(self, starts: Indices, indices: Indices, scalars: Words) -> Words:
        """`commit` in CSR form: starts (rows + 1), indices (entries), scalars (entries, 4); makes (rows, 16)."""
        table, tables = self._table_for(len(indices), len(starts) - 1)
        parts = self.team.parts(len(indices), SHARED_ENTRIES)
        if len(parts) == 1:
            made: Words = self.kernels.commit(table, tables, starts, indices, scalars)
            return made
        ends = np.searchsorted(starts, [last for _, last in parts[:-1]]).tolist()
        bounds = sorted({0, *ends, len(starts) - 1})

        def commit(first: int, last: int) -> Words:
            entries = slice(starts[first], starts[last])
            own: Words = self.kernels.commit(
                table, tables, starts[first : last + 1] - starts[first], indices[entries], scalars[entries]
            )
            return own

        return np.concatenate(self.team.each([partial(commit, *run) for run in pairwise(bounds)]))

    def _table_for(self, entries: int, rows: int) -> tuple[Words, int]:
        """The large table, made when many short rows make it pay and it fits; the small one until then."""
        if self._large is None and entries < 64 * rows:
            with self._making:
                self._sparse_entries += entries
                size = self._small.nbytes // SMALL_TABLES * LARGE_TABLES
                affordable = self._small.nbytes + size <= self.memory
                if self._large is None and self._sparse_entries > LARGE_AFTER and affordable:
                    self._large = self._make_table(LARGE_TABLES)
        return (self._small, SMALL_TABLES) if self._large is None else (self._large, LARGE_TABLES)

    def msm(self, scalars: Sequence[int], points: Sequence[bytes]) -> bytes:
        """Sum of scalar * point, free bases."""
        return self._msm(_scalar_words(scalars), points)

    def msm_vector(self, scalars: ArrayVector, points: Sequence[bytes]) -> bytes:
        """`msm` with the scalars as a vector."""
        return self._msm(scalars.words[: scalars.size], points)

    def _msm(self, scalars: Words, points: Sequence[bytes]) -> bytes:
        if len(scalars) != len(points):
            raise ValueError(f"{len(scalars)} scalars for {len(points)} points")
        if not len(points):
            return self.zero
        made = self.team.split(self.kernels.msm, [self.point_array(points), scalars], SHARED_POINTS)
        total = made[0]
        for more in made[1:]:
            total = self.kernels.add(total, more)
        return bytes(total.tobytes())

    def add(self, left: Sequence[bytes], right: Sequence[bytes]) -> Points:
        """left_i + right_i."""
        if len(left) != len(right):
            raise ValueError(f"{len(left)} points for {len(right)} points")
        return Points(self.add_arrays(self.point_array(left), self.point_array(right))) if len(left) else NO_POINTS

    def to_scalars(self, points: Sequence[bytes]) -> list[int]:
        """map_to_scalar_field of each; 0 for the identity."""
        return integers_of(self.scalar_arrays(self.point_array(points))) if len(points) else []

    def encode(self, points: Sequence[bytes]) -> list[Bytes32]:
        """The compressed encodings; 32 zero bytes for the identity."""
        data = self.encode_joined(points)
        return [Bytes32(data[i : i + 32]) for i in range(0, len(data), 32)]

    def encode_joined(self, points: Sequence[bytes]) -> bytes:
        """The compressed encodings, one behind the other."""
        return _encode(self.kernels, self.point_array(points)) if len(points) else b""

    def decode(self, encoded: Sequence[bytes]) -> Points:
        """Strict: canonical and in the group. Raises: DecodeError with `where` = "[i]"."""
        if not encoded:
            return NO_POINTS
        if any(len(data) != FP_BYTES for data in encoded) or max(encoded) >= _FP_MODULUS:
            self._refuse(encoded)
        points, faults = _decode(self.kernels, encoded)
        if faults.any():
            index = int(np.flatnonzero(faults)[0])
            raise DecodeError(self.kernels.FAULTS[int(faults[index])], f"[{index}]")
        return Points(points)

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of calls that do not depend on each other, shared out to the threads."""
        return self.team.each(calls)


NO_POINTS: Final = Points(np.empty((0, POINT_WORDS), dtype=np.uint64))


def _encode(kernels: ModuleType, points: Words) -> bytes:
    data: bytes = kernels.encode(points)[:, ::-1].byteswap().tobytes()
    return data


def _decode(kernels: ModuleType, encoded: Sequence[bytes]) -> tuple[Words, NDArray[np.uint8]]:
    """The points, and what is wrong with each (0: nothing). Every x is below p."""
    words = np.frombuffer(b"".join(encoded), dtype=">u8").reshape(-1, 4)[:, ::-1].astype(np.uint64)
    points = np.empty((len(encoded), POINT_WORDS), dtype=np.uint64)
    faults = np.empty(len(encoded), dtype=np.uint8)
    kernels.decode(np.ascontiguousarray(words), points, faults)
    return points, faults


def _generators(kernels: ModuleType) -> Words:
    """G_0..G_255 as `verkle.crs` defines them, all candidates decoded at once; the digest is checked."""
    points, faults = _decode(kernels, [crs.candidate(counter) for counter in range(crs.TRIED)])
    kept: Words = points[faults == 0]
    data = _encode(kernels, kept)
    crs.require_digest([data[i : i + 32] for i in range(0, len(data), 32)])
    return kept


def _scalar_words(values: Iterable[int]) -> Words:
    return words_of(value % _ORDER for value in values)
