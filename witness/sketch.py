"""The shape of the tree that a witness claims: what stands at each path, before any commitment is looked at.

Every extension byte claims internal nodes at the proper prefixes of its path, and at the path itself the stem
(present), another stem, or an empty slot. Claims must agree wherever they meet; then the commitments, in path order,
turn them into a partial tree.

Source: consensus-specs, EIP-6800 feature (fields); go-verkle's `PreStateTreeFromProof` for the corner cases.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

from spec.containers import ExecutionWitness, StemStateDiff
from spec.errors import Reason, Rejection
from spec.params import STEM_BYTES
from spec.types import Bytes32, Stem, Value
from verkle.engine import Engine, P, decode_at
from verkle.node import EMPTY, HALF_WIDTH, UNKNOWN, Gap, Half, InternalNode, Node, StemNode
from verkle.tree import Tree
from witness.openings import STATUS_BITS, Status

T = TypeVar("T", bytes, int)


def require_ascending(values: Sequence[T], reason: Reason, place: str) -> None:
    """Strictly ascending, so also unique. Raises: Rejection(reason) naming the first item that is not."""
    for index, (left, right) in enumerate(pairwise(values)):
        if left >= right:
            raise Rejection(reason, at=f"{place}[{index + 1}]")


class _StemClaim(NamedTuple):
    """A stem node that the proof claims to stand somewhere; `diff` is there if its values are proven."""

    stem: Stem
    diff: StemStateDiff | None

    def sides(self) -> list[int]:
        """The halves whose commitments the proof gives."""
        if self.diff is None:
            return []
        if len(self.diff.suffix_diffs) == 1:
            return [self.diff.suffix_diffs[0].suffix // HALF_WIDTH]
        return sorted({entry.suffix // HALF_WIDTH for entry in self.diff.suffix_diffs})


class _InternalClaim:
    """An internal node that the proof claims to stand somewhere."""


_INTERNAL = _InternalClaim()
_Claim = _StemClaim | _InternalClaim | Gap


@dataclass(slots=True)
class Sketch:
    """The shape of the tree that a witness claims: what stands at each path, before any commitment is looked at."""

    claims: dict[bytes, _Claim]

    @classmethod
    def of(cls, witness: ExecutionWitness) -> "Sketch":
        """Read the extensions and other stems. Raises: Rejection where they break a rule or contradict each other."""
        proof = witness.verkle_proof
        require_ascending(proof.other_stems, Reason.OTHER_STEMS_NOT_ASCENDING, "other_stems")
        extensions = proof.depth_extension_present
        if len(extensions) != len(witness.state_diff):
            raise Rejection(Reason.EXTENSION_COUNT, stems=len(witness.state_diff), given=len(extensions))
        sketch = cls({b"": _INTERNAL})
        absent: list[tuple[bytes, Stem]] = []
        for diff, extension in zip(witness.state_diff, extensions, strict=True):
            status, path = _read_extension(diff, extension)
            sketch._claim_above(path)
            if status is Status.PRESENT:
                sketch._claim(path, _StemClaim(diff.stem, diff))
            elif status is Status.EMPTY_SLOT:
                sketch._claim(path, EMPTY)
            else:
                absent.append((path, diff.stem))
        sketch._place_other_stems(absent, proof.other_stems)
        return sketch

    def _claim(self, path: bytes, claim: _Claim) -> None:
        held = self.claims.setdefault(path, claim)
        if held is not claim and held != claim:
            raise Rejection(Reason.SHAPE_CONFLICT, path=path)

    def _claim_above(self, path: bytes) -> None:
        """Internal nodes at all proper prefixes. An internal node that is claimed already has its own above it."""
        for depth in range(len(path) - 1, -1, -1):
            held = self.claims.get(path[:depth])
            if held is _INTERNAL:
                break
            self._claim(path[:depth], _INTERNAL)

    def _place_other_stems(self, absent: list[tuple[bytes, Stem]], other_stems: Sequence[Stem]) -> None:
        """Find which stem makes each one absent: a present one at its path, or one of `other_stems`."""
        unused = set(other_stems)
        for path, stem in absent:
            claim = self.claims.get(path)
            if isinstance(claim, _StemClaim) and claim.diff is not None:
                continue
            index = bisect_left(other_stems, path)
            if index == len(other_stems) or other_stems[index][: len(path)] != path:
                raise Rejection(Reason.OTHER_STEM_MISSING, stem=bytes(stem), path=path)
            other = other_stems[index]
            if other == stem:
                raise Rejection(Reason.OTHER_STEM_IS_QUERIED_STEM, stem=bytes(stem))
            unused.discard(other)
            self._claim(path, _StemClaim(other, None))
        if unused:
            raise Rejection(Reason.OTHER_STEM_UNUSED, stem=bytes(min(unused)))

    def paths(self) -> list[bytes]:
        """Where the proof gives commitments: all nodes and halves below the root, by ascending path."""
        paths = []
        for path, claim in self.claims.items():
            if path and not isinstance(claim, Gap):
                paths.append(path)
            if isinstance(claim, _StemClaim):
                paths += [path + bytes((2 + side,)) for side in claim.sides()]
        return sorted(paths)

    def build(self, engine: Engine[P], root: P, encoded: Sequence[Bytes32]) -> Tree[P]:
        """The partial tree with these claims, the trusted root and the commitments of `commitments_by_path`.

        The entry of an empty slot is 0, and so is the map of the identity: an internal node that maps to 0 would be an
        empty slot made to look deeper, with every absence below it "proven" and new stems put in the wrong place.
        Raises: Rejection(COMMITMENT_COUNT), Rejection(INTERNAL_NODE_EMPTY); DecodeError.
        """
        paths = self.paths()
        if len(encoded) != len(paths):
            raise Rejection(Reason.COMMITMENT_COUNT, expected=len(paths), given=len(encoded))
        points = [root, *decode_at(engine, "commitments_by_path", encoded)]
        known = dict(zip([b"", *paths], zip(points, engine.to_scalars(points), strict=True), strict=True))
        for path, (_, scalar) in known.items():
            if path and scalar == 0 and self.claims.get(path) is _INTERNAL:
                raise Rejection(Reason.INTERNAL_NODE_EMPTY, path=path)
        children: dict[bytes, list[tuple[int, Node[P]]]] = {}
        node: Node[P] = EMPTY
        for path in sorted(self.claims, reverse=True):  # below comes behind above
            claim = self.claims[path]
            if claim is _INTERNAL:
                node = InternalNode(*known[path], dict(reversed(children.pop(path, []))), UNKNOWN)
            elif isinstance(claim, _StemClaim):
                node = StemNode(*known[path], claim.stem, _halves(known, path, claim))
            else:
                node = EMPTY
            children.setdefault(path[:-1], []).append((path[-1] if path else 0, node))
        assert isinstance(node, InternalNode), "the root is claimed first, and claims cannot be changed"
        return Tree(engine, node)


_STATUSES: Final = {int(status): status for status in Status}


def _read_extension(diff: StemStateDiff, extension: int) -> tuple[Status, bytes]:
    """Status and path of a stem's extension byte."""
    depth, code = extension >> STATUS_BITS, extension & ((1 << STATUS_BITS) - 1)
    if code not in _STATUSES:
        raise Rejection(Reason.EXTENSION_STATUS, stem=bytes(diff.stem), status=code)
    if not 1 <= depth <= STEM_BYTES:
        raise Rejection(Reason.EXTENSION_DEPTH, stem=bytes(diff.stem), depth=depth)
    status = _STATUSES[code]
    if status is not Status.PRESENT and any(entry.current_value is not None for entry in diff.suffix_diffs):
        raise Rejection(Reason.ABSENT_STEM_HAS_VALUE, stem=bytes(diff.stem))
    return status, bytes(diff.stem[:depth])


def _halves(known: dict[bytes, tuple[P, int]], path: bytes, claim: _StemClaim) -> tuple[Half[P] | Gap, Half[P] | Gap]:
    """The halves that are asked for; nothing is known of others."""
    halves: list[Half[P] | Gap] = [UNKNOWN, UNKNOWN]
    if claim.diff is not None:
        values: tuple[dict[int, Value | Gap], dict[int, Value | Gap]] = ({}, {})
        for entry in claim.diff.suffix_diffs:
            current = entry.current_value
            values[entry.suffix // HALF_WIDTH][entry.suffix] = EMPTY if current is None else current
        for side in (0, 1):
            if values[side]:
                halves[side] = Half(*known[path + bytes((2 + side,))], values[side], UNKNOWN)
    return halves[0], halves[1]
