"""Execution witnesses: honest ones are accepted and equal the whole tree; each broken rule is rejected by its name.

Structure is tested in the toy group; soundness only with Banderwagon (test_forgeries.py).
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.containers import ExecutionWitness, StemStateDiff, SuffixStateDiff, VerkleProof
from spec.errors import DecodeError, Reason, Rejection, UnknownNode
from spec.types import Bytes32, StateRoot, Stem, TreeKey, Value
from tests.toy_engine import ToyEngine
from tests.tree_strategies import tree_keys, values, writes
from verkle.field import FR
from verkle.tree import Tree
from witness.openings import Status
from witness.proof import check, post_state, prove

TOY = ToyEngine()
MARKERS = pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])


@MARKERS
@given(state=writes(), changes=writes(max_size=8), reads=st.lists(tree_keys(), max_size=8), data=st.data())
@settings(max_examples=200)
def test_honest_witnesses(
    markers: bool, state: dict[TreeKey, Value], changes: dict[TreeKey, Value], reads: list[TreeKey], data: st.DataObject
) -> None:
    """Completeness, equality, minimality (house properties 2, 3, 4) on any tree, any keys, any writes."""
    if state:
        known = st.sampled_from(sorted(state))
        reads = reads + data.draw(st.lists(known, max_size=4))
        changes = changes | data.draw(st.dictionaries(known, values(), max_size=4))
    keys = sorted({*reads, *changes})
    if not keys:
        return
    whole = Tree.empty(TOY).update(state)
    witness = prove(whole, reads, changes, markers=markers)
    view = check(TOY, witness, whole.state_root(), markers=markers)
    assert [view.get(key) for key in keys] == [state.get(key) for key in keys]
    assert [key for key, _ in witness.locations()] == keys
    assert post_state(view, witness).state_root() == whole.update(changes).state_root()
    assert all(left.stem < right.stem for left, right in pairwise(witness.state_diff))

    missing = data.draw(st.sampled_from(keys))
    rest = [key for key in keys if key != missing]
    if rest:
        smaller = check(TOY, prove(whole, rest, markers=markers), whole.state_root(), markers=markers)
        try:
            assert smaller.get(missing) == state.get(missing), "shown by the other keys' proof, and so true"
        except UnknownNode as unknown:
            assert unknown.key == missing


def key(*head: int, suffix: int = 0) -> TreeKey:
    return TreeKey(bytes(head) + bytes(31 - len(head)) + bytes([suffix]))


ONE, TWO = Value(b"\x01" * 32), Value(b"\x02" * 32)
STATE = {key(1): ONE, key(1, suffix=1): TWO, key(2, 1): ONE, key(2, 2): TWO, key(2, 2, suffix=200): ONE, key(9, 9): TWO}
"""Stems at depth 1 (01.., 09 09..) and at depth 2 (02 01.., 02 02..)."""


@pytest.mark.parametrize(
    ("asked", "extensions", "others"),
    [
        pytest.param([key(1)], [(1, Status.PRESENT)], [], id="present"),
        pytest.param([key(1, suffix=200)], [(1, Status.PRESENT)], [], id="absent suffix in an empty half"),
        pytest.param([key(5)], [(1, Status.EMPTY_SLOT)], [], id="empty slot at the root"),
        pytest.param([key(2, 7)], [(2, Status.EMPTY_SLOT)], [], id="empty slot below"),
        pytest.param([key(1, 1)], [(1, Status.OTHER_STEM)], [key(1)], id="other stem"),
        pytest.param(
            [key(1), key(1, 1)], [(1, Status.PRESENT), (1, Status.OTHER_STEM)], [], id="told by a present one"
        ),
        pytest.param(
            [key(9, 1), key(9, 8)], [(1, Status.OTHER_STEM)] * 2, [key(9, 9)], id="two absent by the same other stem"
        ),
        pytest.param([key(5), key(5, 1)], [(1, Status.EMPTY_SLOT)] * 2, [], id="two absent at one slot"),
        pytest.param(
            [key(2, 2), key(2, 3), key(2, 1, 1)],
            [(2, Status.OTHER_STEM), (2, Status.PRESENT), (2, Status.EMPTY_SLOT)],
            [key(2, 1)],
            id="deeper than another's empty slot",
        ),
    ],
)
def test_extensions_and_other_stems(
    asked: list[TreeKey], extensions: list[tuple[int, Status]], others: list[TreeKey]
) -> None:
    """The absence corner cases of go-verkle #326, #398, #412, #414 and rust-verkle #48, #50, #53."""
    tree = Tree.empty(TOY).update(STATE)
    witness = prove(tree, asked, markers=False)
    assert list(witness.verkle_proof.depth_extension_present) == [depth << 3 | status for depth, status in extensions]
    assert list(witness.verkle_proof.other_stems) == [other.stem for other in others]
    view = check(TOY, witness, tree.state_root(), markers=False)
    assert {k: view.get(k) for k in asked} == {k: STATE.get(k) for k in asked}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({key(1): TWO}, id="present value"),
        pytest.param({key(1, suffix=200): TWO}, id="new suffix of a present stem"),
        pytest.param({key(5): ONE}, id="empty slot"),
        pytest.param({key(5): ONE, key(5, 1): TWO, key(5, 0, 1): TWO}, id="several new stems under one slot"),
        pytest.param({key(1, 1): ONE}, id="other stem"),
        pytest.param({key(9, 9, 0, 0, 1): ONE}, id="a chain of new internal nodes"),
        pytest.param({key(9, 9, *[0] * 28, 1): ONE}, id="a chain down to depth 31"),
        pytest.param({key(9, 1): ONE, key(9, 2): TWO}, id="two new stems beside another"),
        pytest.param({key(9, 9): ONE, key(9, 9, 1): TWO}, id="another that is written to as well"),
        pytest.param({key(1): TWO, key(1, 1): ONE, key(2, 2, suffix=7): ONE, key(200): ONE}, id="all at once"),
    ],
)
def test_post_state_roots(changes: dict[TreeKey, Value]) -> None:
    """Every way in which new values change the shape: the partial tree ends at the whole tree's root."""
    whole = Tree.empty(TOY).update(STATE)
    witness = prove(whole, [], changes, markers=True)
    view = check(TOY, witness, whole.state_root(), markers=True)
    assert post_state(view, witness).state_root() == whole.update(changes).state_root()


def honest() -> tuple[ExecutionWitness, StateRoot]:
    tree = Tree.empty(TOY).update(STATE)
    asked = [key(1), key(1, suffix=200), key(2, 2), key(2, 7), key(5), key(5, 1), key(9, 1)]
    return prove(tree, asked, {key(1): TWO}, markers=False), tree.state_root()


def with_proof(witness: ExecutionWitness, **changes: Any) -> ExecutionWitness:
    return replace(witness, verkle_proof=replace(witness.verkle_proof, **changes))


def with_diff(witness: ExecutionWitness, index: int, diff: StemStateDiff) -> ExecutionWitness:
    return replace(witness, state_diff=(*witness.state_diff[:index], diff, *witness.state_diff[index + 1 :]))


def with_extension(index: int, extension: int) -> Callable[[ExecutionWitness], ExecutionWitness]:
    def change(witness: ExecutionWitness) -> ExecutionWitness:
        extensions = bytearray(witness.verkle_proof.depth_extension_present)
        extensions[index] = extension
        return with_proof(witness, depth_extension_present=bytes(extensions))

    return change


def first_suffixes(witness: ExecutionWitness, *diffs: SuffixStateDiff) -> ExecutionWitness:
    return with_diff(witness, 0, replace(witness.state_diff[0], suffix_diffs=diffs))


OTHER = key(9, 9).stem
BROKEN: list[tuple[Reason, Callable[[ExecutionWitness], ExecutionWitness]]] = [
    (Reason.STEMS_NOT_ASCENDING, lambda w: replace(w, state_diff=w.state_diff[::-1])),
    (Reason.STEMS_NOT_ASCENDING, lambda w: replace(w, state_diff=(w.state_diff[0], *w.state_diff))),
    (
        Reason.SUFFIXES_NOT_ASCENDING,
        lambda w: with_diff(w, 0, replace(w.state_diff[0], suffix_diffs=w.state_diff[0].suffix_diffs[::-1])),
    ),
    (Reason.SUFFIXES_NOT_ASCENDING, lambda w: first_suffixes(w, *w.state_diff[0].suffix_diffs[:1] * 2)),
    (Reason.SUFFIXES_MISSING, first_suffixes),
    (Reason.NEW_VALUE_NOT_A_CHANGE, lambda w: first_suffixes(w, SuffixStateDiff(0, ONE, ONE))),
    (Reason.WITNESS_MISSING, lambda w: replace(w, state_diff=())),
    (Reason.EXTENSION_COUNT, lambda w: with_proof(w, depth_extension_present=b"")),
    (
        Reason.EXTENSION_COUNT,
        lambda w: with_proof(w, depth_extension_present=w.verkle_proof.depth_extension_present + b"\x08"),
    ),
    (Reason.EXTENSION_STATUS, with_extension(0, 1 << 3 | 3)),
    (Reason.EXTENSION_STATUS, with_extension(0, 1 << 3 | 7)),
    (Reason.EXTENSION_DEPTH, with_extension(0, 0 << 3 | 2)),
    (Reason.ABSENT_STEM_HAS_VALUE, with_extension(0, 1 << 3 | 0)),
    (Reason.ABSENT_STEM_HAS_VALUE, with_extension(1, 2 << 3 | 1)),
    (Reason.SHAPE_CONFLICT, with_extension(2, 1 << 3 | 0)),
    (Reason.SHAPE_CONFLICT, with_extension(4, 2 << 3 | 0)),
    (Reason.OTHER_STEM_MISSING, lambda w: with_proof(w, other_stems=())),
    (Reason.OTHER_STEM_MISSING, lambda w: with_proof(w, other_stems=(key(8).stem,))),
    (Reason.OTHER_STEM_UNUSED, lambda w: with_proof(w, other_stems=(key(8).stem, OTHER))),
    (Reason.OTHER_STEM_UNUSED, lambda w: with_proof(w, other_stems=(key(9, 9).stem, key(9, 9, 1).stem))),
    (Reason.OTHER_STEMS_NOT_ASCENDING, lambda w: with_proof(w, other_stems=(OTHER, OTHER))),
    (Reason.OTHER_STEMS_NOT_ASCENDING, lambda w: with_proof(w, other_stems=(OTHER, key(8).stem))),
    (Reason.OTHER_STEM_IS_QUERIED_STEM, lambda w: with_proof(w, other_stems=(key(9, 1).stem,))),
    (Reason.OTHER_STEM_UNUSED, lambda w: with_proof(w, other_stems=(key(1).stem, OTHER))),
    (
        Reason.COMMITMENT_COUNT,
        lambda w: with_proof(w, commitments_by_path=w.verkle_proof.commitments_by_path[:-1]),
    ),
    (
        Reason.COMMITMENT_COUNT,
        lambda w: with_proof(w, commitments_by_path=(*w.verkle_proof.commitments_by_path, Bytes32(bytes(32)))),
    ),
    (Reason.MARKER_COUNT, lambda w: with_proof(w, internal_node_markers=(Bytes32(bytes(32)),))),
    (Reason.PARENT_STATE_ROOT_MISMATCH, lambda w: replace(w, parent_state_root=StateRoot(bytes(32)))),
    (Reason.PROOF_INVALID, lambda w: with_proof(w, d=Bytes32(bytes(32)))),
]


@pytest.mark.parametrize(("reason", "change"), BROKEN, ids=[str(reason) for reason, _ in BROKEN])
def test_each_rule_is_rejected_by_its_name(
    reason: Reason, change: Callable[[ExecutionWitness], ExecutionWitness]
) -> None:
    witness, root = honest()
    check(TOY, witness, root, markers=False)
    with pytest.raises(Rejection) as rejection:
        check(TOY, change(witness), root, markers=False)
    assert rejection.value.reason is reason, str(rejection.value)


def test_the_stated_parent_root_may_be_right() -> None:
    witness, root = honest()
    check(TOY, replace(witness, parent_state_root=root), root, markers=False)


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (
            r"commitments_by_path\[1\]",
            lambda p: {"commitments_by_path": (p.d, b"\xff" * 32, *p.commitments_by_path[2:])},
        ),
        (r"final_evaluation", lambda p: {"ipa_proof": replace(p.ipa_proof, final_evaluation=Bytes32(b"\xff" * 32))}),
        (r"verkle_proof\.d:", lambda p: {"d": Bytes32(b"\xff" * 32)}),
        (
            r"verkle_proof\.ipa_proof\.cr\[7\]",
            lambda p: {"ipa_proof": replace(p.ipa_proof, cr=(*p.ipa_proof.cr[:7], Bytes32(b"\xff" * 32)))},
        ),
    ],
)
def test_encodings_that_are_not_canonical_say_where(
    place: str, change: Callable[[VerkleProof], dict[str, Any]]
) -> None:
    witness, root = honest()
    with pytest.raises(DecodeError, match=place):
        check(TOY, with_proof(witness, **change(witness.verkle_proof)), root, markers=False)


def test_markers_are_canonical_scalars() -> None:
    tree = Tree.empty(TOY).update(STATE)
    witness = prove(tree, [key(2, 7)], markers=True)
    assert len(witness.verkle_proof.internal_node_markers) == 1
    check(TOY, witness, tree.state_root(), markers=True)
    bad = with_proof(witness, internal_node_markers=(Bytes32(FR.modulus.to_bytes(32, "little")),))
    with pytest.raises(DecodeError, match=r"internal_node_markers\[0\]"):
        check(TOY, bad, tree.state_root(), markers=True)
    with pytest.raises(Rejection) as rejection:
        check(TOY, with_proof(witness, internal_node_markers=()), tree.state_root(), markers=True)
    assert rejection.value.reason is Reason.MARKER_COUNT


def test_a_root_that_is_no_point_is_not_a_witness_error() -> None:
    witness, _ = honest()
    with pytest.raises(DecodeError, match="parent state root"):
        check(TOY, witness, StateRoot(b"\xff" * 32), markers=False)


def test_a_witness_lists_at_least_one_key_and_needs_a_whole_tree() -> None:
    tree = Tree.empty(TOY).update(STATE)
    with pytest.raises(ValueError, match="at least one key"):
        prove(tree, [], markers=False)
    view = check(TOY, prove(tree, [key(1)], markers=False), tree.state_root(), markers=False)
    for asked in (key(1), key(5), key(1, suffix=9)):
        with pytest.raises(UnknownNode):
            prove(view, [asked], markers=False)


def test_the_stem_type_of_other_stems() -> None:
    witness, _ = honest()
    assert all(isinstance(stem, Stem) for stem in witness.verkle_proof.other_stems)
