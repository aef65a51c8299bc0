"""Execution witnesses: made from a whole tree, checked against a trusted root.

    prove(tree, keys, writes)       -> ExecutionWitness
    check(engine, witness, root)    -> the part of the tree that it proves, or a Rejection that names the rule
    post_state(tree, witness)       -> that tree after the witness's new values

`check` trusts nothing but the root. It sees that the state diff and the proof's fields are canonical, rebuilds the
tree that they claim, and then walks it exactly as the prover walked its own: the openings to verify come from
`witness.openings`.

Source: EIP-6800, "Verkle proofs"; consensus-specs, EIP-6800 feature (containers).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from spec.containers import ExecutionWitness, IPAProof, StateDiff, StemStateDiff, SuffixStateDiff, VerkleProof
from spec.errors import DecodeError, Reason, Rejection
from spec.params import STEM_BYTES
from spec.types import Bytes32, StateRoot, Stem, TreeKey, Value
from verkle import ipa, multiproof
from verkle.engine import Engine, P
from verkle.field import FR
from verkle.node import EMPTY, HALF_WIDTH, UNKNOWN, Gap, Half, InternalNode, Node, StemNode
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from verkle.tree import Tree
from witness.openings import STATUS_BITS, Status, Walk, polynomial, walk

T = TypeVar("T", bytes, int)


def prove(tree: Tree[P], keys: Iterable[TreeKey], writes: Mapping[TreeKey, Value] | None = None) -> ExecutionWitness:
    """A witness of `keys` and of all written keys: current values, new values where they differ, and the proof.

    Raises: UnknownNode where the tree is not whole enough; ValueError where no key is given.
    """
    written = writes or {}
    listed = sorted({*keys, *written})
    if not listed:
        raise ValueError("a witness lists at least one key")
    met = walk(tree.root, tree.engine.zero, listed)
    transcript = Transcript(TREE_PROOF_LABEL)
    polynomials = {path: polynomial(node) for path, node in met.nodes.items()}
    proof = multiproof.prove(
        tree.engine, transcript, list(met.openings.values()), [polynomials[path] for path, _ in met.openings]
    )
    return ExecutionWitness(_state_diff(tree, listed, written), _verkle_proof(tree.engine, met, proof))


def _state_diff(tree: Tree[P], keys: Sequence[TreeKey], writes: Mapping[TreeKey, Value]) -> StateDiff:
    by_stem: dict[Stem, list[SuffixStateDiff]] = {}
    for key in keys:
        current, new = tree.get(key), writes.get(key)
        diff = SuffixStateDiff(key.suffix, current, None if new == current else new)
        by_stem.setdefault(key.stem, []).append(diff)
    return tuple(StemStateDiff(stem, tuple(diffs)) for stem, diffs in by_stem.items())


def _verkle_proof(engine: Engine[P], met: Walk[P], proof: multiproof.MultiProof) -> VerkleProof:
    commitments = engine.encode([node.commitment for path, node in met.nodes.items() if path])
    last = Bytes32(FR.encode(proof.argument.last, "big"))
    return VerkleProof(
        tuple(met.other_stems),
        bytes(met.extensions),
        tuple(commitments),
        proof.d,
        IPAProof(proof.argument.left, proof.argument.right, last),
    )


def check(engine: Engine[P], witness: ExecutionWitness, root: StateRoot) -> Tree[P]:
    """The partial tree that the witness proves under the trusted root.

    Raises: Rejection with the broken rule; DecodeError where a point or scalar is not canonical.
    """
    if witness.parent_state_root not in (None, root):
        raise Rejection(Reason.PARENT_STATE_ROOT_MISMATCH, stated=witness.parent_state_root or b"", trusted=bytes(root))
    _check_state_diff(witness.state_diff)
    sketch = _Sketch.of(witness)
    tree = sketch.build(engine, witness, root)
    met = walk(tree.root, engine.zero, (key for key, _ in witness.locations()))
    proof = witness.verkle_proof
    argument = ipa.Argument(proof.ipa_proof.cl, proof.ipa_proof.cr, _decode_scalar(proof.ipa_proof.final_evaluation))
    openings = list(met.openings.values())
    multiproof.verify(engine, Transcript(TREE_PROOF_LABEL), openings, multiproof.MultiProof(proof.d, argument))
    return tree


def post_state(tree: Tree[P], witness: ExecutionWitness) -> Tree[P]:
    """The tree after the new values of a witness that `check` accepted for this tree."""
    new_values = {key: diff.new_value for key, diff in witness.locations() if diff.new_value is not None}
    return tree.update(new_values)


def _decode_scalar(final_evaluation: Bytes32) -> int:
    try:
        return FR.decode(final_evaluation, "big")
    except DecodeError as error:
        raise error.inside("verkle_proof.ipa_proof.final_evaluation") from None


def _require_ascending(values: Sequence[T], reason: Reason, place: str) -> None:
    for index, (left, right) in enumerate(pairwise(values)):
        if left >= right:
            raise Rejection(reason, at=f"{place}[{index + 1}]")


def _check_state_diff(state_diff: StateDiff) -> None:
    if not state_diff:
        raise Rejection(Reason.WITNESS_MISSING, rule="the state diff lists nothing")
    _require_ascending([diff.stem for diff in state_diff], Reason.STEMS_NOT_ASCENDING, "state_diff")
    for index, diff in enumerate(state_diff):
        place = f"state_diff[{index}].suffix_diffs"
        if not diff.suffix_diffs:
            raise Rejection(Reason.SUFFIXES_MISSING, at=place)
        _require_ascending([entry.suffix for entry in diff.suffix_diffs], Reason.SUFFIXES_NOT_ASCENDING, place)
        for entry in diff.suffix_diffs:
            if entry.new_value is not None and entry.new_value == entry.current_value:
                raise Rejection(Reason.NEW_VALUE_NOT_A_CHANGE, stem=bytes(diff.stem), suffix=entry.suffix)


@dataclass(frozen=True, slots=True)
class _StemClaim:
    """A stem node that the proof claims to stand somewhere; `diff` is there if its values are proven."""

    stem: Stem
    diff: StemStateDiff | None

    def sides(self) -> list[int]:
        """The halves whose commitments the proof gives."""
        return sorted({entry.suffix // HALF_WIDTH for entry in self.diff.suffix_diffs}) if self.diff else []


class _InternalClaim:
    """An internal node that the proof claims to stand somewhere."""


_INTERNAL = _InternalClaim()
_Claim = _StemClaim | _InternalClaim | Gap


@dataclass(slots=True)
class _Sketch:
    """The shape of the tree that a witness claims: what stands at each path, before any commitment is looked at."""

    claims: dict[bytes, _Claim]

    @classmethod
    def of(cls, witness: ExecutionWitness) -> "_Sketch":
        """Read the extensions and other stems. Raises: Rejection where they break a rule or contradict each other."""
        proof = witness.verkle_proof
        _require_ascending(proof.other_stems, Reason.OTHER_STEMS_NOT_ASCENDING, "other_stems")
        extensions = proof.depth_extension_present
        if len(extensions) != len(witness.state_diff):
            raise Rejection(Reason.EXTENSION_COUNT, stems=len(witness.state_diff), given=len(extensions))
        sketch = cls({b"": _INTERNAL})
        absent: list[tuple[bytes, Stem]] = []
        for diff, extension in zip(witness.state_diff, extensions, strict=True):
            status, path = _read_extension(diff, extension)
            for depth in range(len(path)):
                sketch._claim(path[:depth], _INTERNAL)
            if status is Status.PRESENT:
                sketch._claim(path, _StemClaim(diff.stem, diff))
            elif status is Status.EMPTY_SLOT:
                sketch._claim(path, EMPTY)
            else:
                absent.append((path, diff.stem))
        sketch._place_other_stems(absent, proof.other_stems)
        return sketch

    def _claim(self, path: bytes, claim: _Claim) -> None:
        if self.claims.setdefault(path, claim) != claim:
            raise Rejection(Reason.SHAPE_CONFLICT, path=path)

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

    def build(self, engine: Engine[P], witness: ExecutionWitness, root: StateRoot) -> Tree[P]:
        """The partial tree with these claims and the witness's commitments and current values."""
        paths = self.paths()
        encoded = witness.verkle_proof.commitments_by_path
        if len(encoded) != len(paths):
            raise Rejection(Reason.COMMITMENT_COUNT, expected=len(paths), given=len(encoded))
        try:
            points = engine.decode([root, *encoded])
        except DecodeError as error:
            raise _name_commitment(error) from None
        known = dict(zip([b"", *paths], zip(points, engine.to_scalars(points), strict=True), strict=True))
        nodes: dict[bytes, Node[P]] = {}
        children: dict[bytes, dict[int, Node[P]]] = {}
        for path in sorted(self.claims, key=len, reverse=True):
            claim = self.claims[path]
            if isinstance(claim, Gap):
                nodes[path] = claim
            elif isinstance(claim, _StemClaim):
                low, high = (_half(known.get(path + bytes((2 + side,))), claim, side) for side in (0, 1))
                nodes[path] = StemNode(*known[path], claim.stem, (low, high))
            else:
                nodes[path] = InternalNode(*known[path], children.pop(path, {}), UNKNOWN)
            if path:
                children.setdefault(path[:-1], {})[path[-1]] = nodes[path]
        top = nodes[b""]
        assert isinstance(top, InternalNode), "the root is claimed first, and claims cannot be changed"
        return Tree(engine, top)


def _read_extension(diff: StemStateDiff, extension: int) -> tuple[Status, bytes]:
    """Status and path of a stem's extension byte."""
    depth, code = extension >> STATUS_BITS, extension & ((1 << STATUS_BITS) - 1)
    if code not in set(Status):
        raise Rejection(Reason.EXTENSION_STATUS, stem=bytes(diff.stem), status=code)
    if not 1 <= depth <= STEM_BYTES:
        raise Rejection(Reason.EXTENSION_DEPTH, stem=bytes(diff.stem), depth=depth)
    status = Status(code)
    if status is not Status.PRESENT and any(entry.current_value is not None for entry in diff.suffix_diffs):
        raise Rejection(Reason.ABSENT_STEM_HAS_VALUE, stem=bytes(diff.stem))
    return status, bytes(diff.stem[:depth])


def _half(known: tuple[P, int] | None, claim: _StemClaim, side: int) -> Half[P] | Gap:
    if known is None or claim.diff is None:
        return UNKNOWN
    values: dict[int, Value | Gap] = {
        entry.suffix: EMPTY if entry.current_value is None else entry.current_value
        for entry in claim.diff.suffix_diffs
        if entry.suffix // HALF_WIDTH == side
    }
    return Half(*known, values, UNKNOWN)


def _name_commitment(error: DecodeError) -> DecodeError:
    """Say which field the n-th decoded point came from: the root was put in front."""
    index = int(error.where.strip("[]"))
    if index == 0:
        return DecodeError(error.message, "parent state root")
    return DecodeError(error.message, f"verkle_proof.commitments_by_path[{index - 1}]")
