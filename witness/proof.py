"""Execution witnesses: made from a whole tree, checked against a trusted root.

    prove(tree, keys, writes)       -> ExecutionWitness
    check(engine, witness, root)    -> the part of the tree that it proves, or a Rejection that names the rule
    post_state(tree, witness)       -> that tree after the witness's new values

`check` trusts nothing but the root. It sees that the state diff and the proof's fields are canonical, rebuilds the
tree that they claim, and then walks it exactly as the prover walked its own: the openings to verify come from
`witness.openings`.

Source: consensus-specs, EIP-6800 feature (containers); go-verkle and rust-verkle (the EIP leaves proofs open).
"""

from collections.abc import Iterable, Mapping, Sequence

from spec.containers import ExecutionWitness, IPAProof, StateDiff, StemStateDiff, SuffixStateDiff, VerkleProof
from spec.errors import DecodeError, Reason, Rejection
from spec.params import STEM_BYTES
from spec.types import Bytes32, StateRoot, Stem, TreeKey, Value
from verkle import ipa, multiproof
from verkle.engine import Engine, P, Shown, decode_at
from verkle.field import FR, ByteOrder
from verkle.node import InternalNode
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from verkle.tree import Tree
from witness.openings import Marker, show, walk
from witness.sketch import Sketch, require_ascending


def prove(
    tree: Tree[P], keys: Iterable[TreeKey], writes: Mapping[TreeKey, Value] | None = None, *, markers: bool
) -> ExecutionWitness:
    """A witness of `keys` and of all written keys: current values, new values where they differ, and the proof.

    `markers`: as the profile's `internal_node_markers` says.
    Raises: UnknownNode where the tree is not whole enough; ValueError where no key is given.
    """
    written = writes or {}
    listed = sorted({*keys, *written})
    if not listed:
        raise ValueError("a witness lists at least one key")
    engine = tree.engine
    shown = engine.show(tree.root, listed, markers=markers) or show(tree, listed, markers=markers)
    made = multiproof.prove(engine, Transcript(TREE_PROOF_LABEL), shown.openings, shown.polynomials)
    return ExecutionWitness(_state_diff(listed, shown.values, written), _verkle_proof(engine, shown, made))


def _state_diff(keys: Sequence[TreeKey], values: Sequence[Value | None], writes: Mapping[TreeKey, Value]) -> StateDiff:
    by_stem: dict[bytes, list[SuffixStateDiff]] = {}
    for key, current in zip(keys, values, strict=True):
        new = writes.get(key)
        diff = SuffixStateDiff(key[STEM_BYTES], current, None if new == current else new)
        by_stem.setdefault(key[:STEM_BYTES], []).append(diff)
    return tuple(StemStateDiff(Stem(stem), tuple(diffs)) for stem, diffs in by_stem.items())


def _verkle_proof(engine: Engine[P], shown: Shown[P], proof: multiproof.MultiProof) -> VerkleProof:
    last = Bytes32(FR.encode(proof.argument.last, "big"))
    return VerkleProof(
        shown.other_stems,
        shown.extensions,
        tuple(engine.encode(shown.openings.commitments[1:])),
        proof.d,
        IPAProof(proof.argument.left, proof.argument.right, last),
        tuple(Bytes32(FR.encode(marker, "little")) for marker in shown.markers),
    )


def check(engine: Engine[P], witness: ExecutionWitness, root: StateRoot, *, markers: bool) -> Tree[P]:
    """The partial tree that the witness proves under the trusted root.

    `markers`: as the profile's `internal_node_markers` says; without them absence can be forged (spec/witness.md).
    Raises: Rejection with the broken rule; DecodeError where a point or scalar is not canonical.
    """
    stated = witness.parent_state_root
    if stated is not None and stated != root:
        raise Rejection(Reason.PARENT_STATE_ROOT_MISMATCH, stated=stated, trusted=root)
    _check_state_diff(witness.state_diff)
    (top,) = decode_at(engine, "parent state root", [root])
    proof = witness.verkle_proof
    try:
        tree = Sketch.of(witness).build(engine, top, proof.commitments_by_path)
        _check_openings(tree, witness, _given_markers(proof) if markers else None)
    except DecodeError as error:
        raise error.inside("verkle_proof") from None
    return tree


def _check_openings(tree: Tree[P], witness: ExecutionWitness, marker: Marker[P] | None) -> None:
    """Walk the rebuilt tree as the prover walked its own, and verify the multiproof of what is opened."""
    proof = witness.verkle_proof
    met = walk(tree.root, tree.engine.zero, (key for key, _ in witness.locations()), marker)
    if len(met.markers) != len(proof.internal_node_markers):
        raise Rejection(Reason.MARKER_COUNT, expected=len(met.markers), given=len(proof.internal_node_markers))
    last = _decode_scalar(proof.ipa_proof.final_evaluation, "big", "ipa_proof.final_evaluation")
    argument = ipa.Argument(proof.ipa_proof.cl, proof.ipa_proof.cr, last)
    sent = multiproof.MultiProof(proof.d, argument)
    multiproof.verify(tree.engine, Transcript(TREE_PROOF_LABEL), met.openings(tree.engine), sent)


def post_state(tree: Tree[P], witness: ExecutionWitness) -> Tree[P]:
    """The tree after the new values of a witness that `check` accepted for this tree."""
    new_values = {key: diff.new_value for key, diff in witness.locations() if diff.new_value is not None}
    return tree.update(new_values)


def _given_markers(proof: VerkleProof) -> Marker[P]:
    """The verifier's `Marker`: the proof's markers one after the other."""
    markers = enumerate(proof.internal_node_markers)

    def next_marker(path: bytes, _: InternalNode[P]) -> int:
        index, encoded = next(markers, (0, None))
        if encoded is None:
            raise Rejection(Reason.MARKER_COUNT, missing_for=path)
        return _decode_scalar(encoded, "little", f"internal_node_markers[{index}]")

    return next_marker


def _decode_scalar(encoded: bytes, order: ByteOrder, place: str) -> int:
    """An element of Fr, naming the field it comes from. Raises: DecodeError."""
    try:
        return FR.decode(encoded, order)
    except DecodeError as error:
        raise error.inside(place) from None


def _check_state_diff(state_diff: StateDiff) -> None:
    if not state_diff:
        raise Rejection(Reason.WITNESS_MISSING, rule="the state diff lists nothing")
    require_ascending([diff.stem for diff in state_diff], Reason.STEMS_NOT_ASCENDING, "state_diff")
    for index, diff in enumerate(state_diff):
        place = f"state_diff[{index}].suffix_diffs"
        if not diff.suffix_diffs:
            raise Rejection(Reason.SUFFIXES_MISSING, at=place)
        if len(diff.suffix_diffs) > 1:
            require_ascending([entry.suffix for entry in diff.suffix_diffs], Reason.SUFFIXES_NOT_ASCENDING, place)
        for entry in diff.suffix_diffs:
            if entry.new_value is not None and entry.new_value == entry.current_value:
                raise Rejection(Reason.NEW_VALUE_NOT_A_CHANGE, stem=bytes(diff.stem), suffix=entry.suffix)
