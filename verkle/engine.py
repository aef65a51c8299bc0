"""The one seam: what the tree and the proofs ask of the group, always in batches.

An engine is passed in from the top and is never global. `P` is the engine's own type of group element: opaque to
everyone else, immutable, and never compared or hashed outside the engine (compare encodings).

`ReferenceEngine` is the definition of every operation, in plain Python.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from spec.errors import DecodeError
from spec.types import Bytes32, Stem, Value
from verkle import crs, curve, msm
from verkle.field import FR
from verkle.vectors import LIST_VECTORS, Vectors

P = TypeVar("P")
T = TypeVar("T")

Row = Iterable[tuple[int, int]]
"""A sparse vector: (index 0..256, value in Fr). An index may occur more than once: its values add up."""

Q_INDEX: Final = 256
"""The index of Q, the base of inner products, behind G_0..G_255."""

IDENTITY: Final = Bytes32(bytes(32))
"""The encoding of the group's identity, in every engine."""


@dataclass(frozen=True, slots=True)
class Openings(Generic[P]):
    """Openings column by column: f_i(points[i]) = values[i] for f_i committed to in commitments[groups[i]].

    A commitment that is opened often stands once where it can: the result is the same, and sooner there.
    """

    commitments: Sequence[P]
    groups: Sequence[int]
    points: Sequence[int]
    values: Any
    """A vector of the engine's."""


@dataclass(frozen=True, slots=True)
class Shown(Generic[P]):
    """What a proof of some keys shows of a whole tree: everything of a witness but the proof itself."""

    openings: Openings[P]
    """By ascending (path, z), so that the commitments ascend by path, too; the root's is the first."""
    polynomials: Any
    """The vectors that the commitments are to, as `multiproof.prove` takes them."""
    extensions: bytes
    """One byte per distinct stem, by ascending stem."""
    other_stems: tuple[Stem, ...]
    """The stems that stand where a queried one is absent, unless they are told already; ascending."""
    markers: tuple[int, ...]
    """Entry 0 of the marked nodes, by ascending path, where no queried stem opens it anyway."""
    values: Sequence[Value | None]
    """What each key holds."""


class Engine(Protocol[P]):
    """Batch operations of a group of prime order r with bases G_0..G_255 and Q. Results in the order of inputs."""

    @property
    def name(self) -> str:
        """What `--engine` calls it."""

    @property
    def zero(self) -> P:
        """The identity."""

    @property
    def q(self) -> P:
        """Q, the base of inner products."""

    @property
    def vectors(self) -> Vectors[Any]:
        """Vectors over Fr, in the form that `commit_vectors` takes."""

    def commit(self, rows: Sequence[Row]) -> Sequence[P]:
        """Per row: sum of value * G_index, where G_256 is Q."""

    def commit_vectors(self, vectors: Sequence[Any], along_q: Sequence[int]) -> Sequence[P]:
        """Per vector of 256: sum of v_i G_i + q Q."""

    def grow(self, root: Any, writes: Mapping[Any, Any]) -> Any:
        """The root node of a tree after these writes (values by key), or None to have it made node by node."""

    def packed(self, leaves: Any) -> Any:
        """`verkle.packed.PackedNodes` of `PackedLeaves` (at least one), or None to have them made node by node."""

    def commit_packed(self, width: int, size: int, rows: bytes) -> Sequence[P]:
        """Per row of `width` scalars: sum of s_i G_i. A scalar: `size` bytes, 8 to 32; little-endian, canonical."""

    def show(self, root: Any, keys: Sequence[Any], *, markers: bool) -> "Shown[P] | None":
        """What a proof of these keys (ascending, each once) shows of the whole tree below a root node, or None.

        The definition is `witness.openings.show`.
        """

    def msm(self, scalars: Sequence[int], points: Sequence[P]) -> P:
        """Sum of scalar * point, free bases."""

    def msm_vector(self, scalars: Any, points: Sequence[P]) -> P:
        """`msm` with the scalars as a vector."""

    def add(self, left: Sequence[P], right: Sequence[P]) -> Sequence[P]:
        """left_i + right_i."""

    def to_scalars(self, points: Sequence[P]) -> list[int]:
        """map_to_scalar_field of each; 0 for the identity."""

    def encode(self, points: Sequence[P]) -> list[Bytes32]:
        """The compressed encodings; 32 zero bytes for the identity."""

    def encode_joined(self, points: Sequence[P]) -> bytes:
        """The compressed encodings, one behind the other."""

    def decode(self, encoded: Sequence[bytes]) -> Sequence[P]:
        """Strict: canonical and in the group. Raises: DecodeError with `where` = "[i]"."""

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of calls that do not depend on each other; side by side where there are threads."""


def decode_at(engine: Engine[P], place: str, encoded: Sequence[bytes]) -> Sequence[P]:
    """`engine.decode`, naming the field that the encodings come from, and the item where there are several."""
    try:
        return engine.decode(encoded)
    except DecodeError as error:
        raise (DecodeError(error.message, place) if len(encoded) == 1 else error.inside(place)) from None


def unpacked(width: int, size: int, rows: bytes) -> list[Row]:
    """Rows for `commit` from rows of `width` scalars of `size` bytes each, little-endian."""
    scalars = [int.from_bytes(rows[i : i + size], "little") for i in range(0, len(rows), size)]
    return [list(enumerate(scalars[i : i + width])) for i in range(0, len(scalars), width)]


class ReferenceEngine:
    """Banderwagon in plain Python: the definition that other engines are compared with."""

    name: Final = "python"
    zero: Final = curve.Point.IDENTITY
    q: Final = crs.Q
    vectors: Final = LIST_VECTORS

    DENSE: Final = 64
    """A row with more entries than this goes through buckets, which need no tables."""

    def __init__(self) -> None:
        self._tables: dict[int, msm.FixedBase] = {}

    def _table(self, index: int) -> msm.FixedBase:
        """The table of G_index, made when first used (some 2 ms and 0.2 MB each)."""
        table = self._tables.get(index)
        if table is None:
            base = self.q if index == Q_INDEX else crs.generators()[index]
            table = self._tables[index] = msm.FixedBase(base.coordinates)
        return table

    def commit(self, rows: Sequence[Row]) -> list[curve.Point]:
        """Per row: sum of value * G_index, where G_256 is Q."""
        return [self._commit_row(row) for row in rows]

    def commit_vectors(self, vectors: Sequence[list[int]], along_q: Sequence[int]) -> list[curve.Point]:
        """Per vector of 256: sum of v_i G_i + q Q."""
        return self.commit([[*enumerate(v), (Q_INDEX, q)] for v, q in zip(vectors, along_q, strict=True)])

    def grow(self, root: Any, writes: Mapping[Any, Any]) -> None:
        """Trees grow node by node: the definition."""

    def packed(self, leaves: Any) -> None:
        """Columns are made node by node: the definition."""

    def commit_packed(self, width: int, size: int, rows: bytes) -> list[curve.Point]:
        """Per row of `width` scalars of `size` bytes each: sum of s_i G_i."""
        return self.commit(unpacked(width, size, rows))

    def show(self, root: Any, keys: Sequence[Any], *, markers: bool) -> None:
        """Trees are walked node by node: the definition."""

    def _commit_row(self, row: Row) -> curve.Point:
        entries = [(index, scalar) for index, value in row if (scalar := value % FR.modulus)]
        if len(entries) > self.DENSE:
            bases = (*crs.generators(), self.q)
            points = [bases[index].coordinates for index, _ in entries]
            return curve.Point.from_coordinates(msm.pippenger([scalar for _, scalar in entries], points))
        total = curve.IDENTITY_COORDINATES
        for index, scalar in entries:
            total = self._table(index).accumulate(total, scalar)
        return curve.Point.from_coordinates(total)

    def msm(self, scalars: Sequence[int], points: Sequence[curve.Point]) -> curve.Point:
        """Sum of scalar * point, free bases."""
        reduced = [scalar % FR.modulus for scalar in scalars]
        return curve.Point.from_coordinates(msm.pippenger(reduced, [point.coordinates for point in points]))

    def msm_vector(self, scalars: list[int], points: Sequence[curve.Point]) -> curve.Point:
        """`msm` with the scalars as a vector."""
        return self.msm(scalars, points)

    def add(self, left: Sequence[curve.Point], right: Sequence[curve.Point]) -> list[curve.Point]:
        """left_i + right_i."""
        return [a + b for a, b in zip(left, right, strict=True)]

    def to_scalars(self, points: Sequence[curve.Point]) -> list[int]:
        """map_to_scalar_field of each; 0 for the identity."""
        return curve.to_scalars(points)

    def encode(self, points: Sequence[curve.Point]) -> list[Bytes32]:
        """The compressed encodings; 32 zero bytes for the identity."""
        return curve.encode(points)

    def encode_joined(self, points: Sequence[curve.Point]) -> bytes:
        """The compressed encodings, one behind the other."""
        return b"".join(self.encode(points))

    def decode(self, encoded: Sequence[bytes]) -> list[curve.Point]:
        """Strict: canonical and in the group. Raises: DecodeError with `where` = "[i]"."""
        return curve.decode(encoded)

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of calls that do not depend on each other: one after the other."""
        return [call() for call in calls]
