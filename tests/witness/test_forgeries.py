"""Forged absence, with Banderwagon: the hole in the devnets' proof format, and the markers that close it.

A stem node commits to (1, stem, map(C1), map(C2), 0, 0, ...). A prover who passes it off as an internal node can open
any entry from 4 on as "an empty slot", and so prove absent what is there. rust-verkle accepts such proofs too
(verkle-cryptography-wasm 0.4.8, `verifyExecutionWitnessPreState`, tried with a witness made by `forge`).
"""

from dataclasses import replace
from typing import Any

import pytest

from spec.containers import ExecutionWitness
from spec.errors import Reason, Rejection
from spec.types import TreeKey, Value
from verkle.engine import Engine, P, Shown
from verkle.multiproof import prove as prove_openings
from verkle.node import EMPTY, InternalNode, Node, StemNode
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from verkle.tree import Tree
from witness import proof as witness_proof
from witness.openings import entries, entry_zero, walk
from witness.proof import check, post_state

VICTIM = TreeKey(bytes.fromhex("07" + "55" * 30 + "03"))
NEIGHBOUR = TreeKey(bytes.fromhex("08" + "55" * 30 + "03"))
VALUE = Value(b"\x2a" * 32)


def replaced(node: Node[P], path: bytes, new: Node[P]) -> Node[P]:
    """The same nodes, with another one put at `path`, commitments untouched."""
    if not path:
        return new
    assert isinstance(node, InternalNode)
    children = {**node.children, path[0]: replaced(node.child(path[0]), path[1:], new)}
    return InternalNode(node.commitment, node.scalar, children, node.rest)


def forge(
    tree: Tree[P], path: bytes, disguised: InternalNode[P], vector: dict[int, int], *, markers: bool
) -> ExecutionWitness:
    """A witness that VICTIM is absent, made with all that a dishonest prover knows: `vector` opens `disguised`."""
    root = replaced(tree.root, path, disguised)
    assert isinstance(root, InternalNode)
    engine = tree.engine
    met = walk(root, engine.zero, [VICTIM], entry_zero if markers else None)
    rows = engine.vectors.polynomials([vector if at == path else entries(node) for at, node in met.nodes])
    shown = Shown(met.openings(engine), rows, bytes(met.extensions), (), tuple(met.markers), [None])
    made = prove_openings(engine, Transcript(TREE_PROOF_LABEL), shown.openings, rows)
    diff = witness_proof._state_diff([VICTIM], [None], {})
    return ExecutionWitness(diff, witness_proof._verkle_proof(engine, shown, made))


@pytest.fixture(scope="module")
def tree(engine: Engine[Any]) -> Tree[Any]:
    return Tree.empty(engine).update({VICTIM: VALUE, NEIGHBOUR: VALUE})


def disguise(tree: Tree[P]) -> tuple[InternalNode[P], dict[int, int]]:
    """The victim's stem node as an internal node with nothing below path byte 0x55, and its true vector."""
    stem = tree.root.child(VICTIM[0])
    assert isinstance(stem, StemNode)
    return InternalNode(stem.commitment, stem.scalar, {}, EMPTY), entries(stem)


def test_the_devnet_format_lets_absence_be_forged(tree: Tree[Any]) -> None:
    """A known hole, kept in view: without markers the verifier must accept this, as the devnets' clients do."""
    node, vector = disguise(tree)
    forged = forge(tree, VICTIM[:1], node, vector, markers=False)
    view = check(tree.engine, forged, tree.state_root(), markers=False)
    assert tree.get(VICTIM) == VALUE
    assert view.get(VICTIM) is None
    assert post_state(view, forged).state_root() == tree.state_root()


def test_markers_need_an_honest_entry(tree: Tree[Any]) -> None:
    """The same forgery where markers are asked for: no marker, a true one and a false one are each rejected by name."""
    node, vector = disguise(tree)
    root = tree.state_root()
    unmarked = forge(tree, VICTIM[:1], node, vector, markers=False)
    with pytest.raises(Rejection) as rejection:
        check(tree.engine, unmarked, root, markers=True)
    assert rejection.value.reason is Reason.MARKER_COUNT

    honest_entry = replace(node, children={0: replace(node, scalar=vector[0])})
    with pytest.raises(Rejection) as rejection:
        forge(tree, VICTIM[:1], honest_entry, vector, markers=True)
    assert rejection.value.reason is Reason.MARKER_OF_STEM_NODE

    lie = {**vector, 0: 0}
    with pytest.raises(Rejection) as rejection:
        check(tree.engine, forge(tree, VICTIM[:1], node, lie, markers=True), root, markers=True)
    assert rejection.value.reason is Reason.PROOF_INVALID


@pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])
def test_honest_absence_below_an_internal_node(engine: Engine[Any], markers: bool) -> None:
    """The honest case that the markers are for: an empty slot below an internal node whose stems nobody asked for."""
    shared = [TreeKey(bytes([7, last]) + bytes(30)) for last in (1, 2)]
    whole = Tree.empty(engine).update(dict.fromkeys(shared, VALUE))
    witness = witness_proof.prove(whole, [VICTIM], {VICTIM: VALUE}, markers=markers)
    assert len(witness.verkle_proof.internal_node_markers) == int(markers)
    view = check(engine, witness, whole.state_root(), markers=markers)
    assert view.get(VICTIM) is None
    assert post_state(view, witness).state_root() == whole.update({VICTIM: VALUE}).state_root()


@pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])
def test_an_empty_slot_is_not_an_internal_node(engine: Engine[Any], markers: bool) -> None:
    """The identity maps to 0, an empty slot's entry: shown as an internal node, it would put new stems too deep."""
    whole = Tree.empty(engine).update({NEIGHBOUR: VALUE})
    nothing = InternalNode(engine.zero, 0, {}, EMPTY)
    forged = forge(whole, VICTIM[:1], nothing, {}, markers=markers)
    assert forged.verkle_proof.depth_extension_present == bytes([2 << 3])
    with pytest.raises(Rejection) as rejection:
        check(engine, forged, whole.state_root(), markers=markers)
    assert rejection.value.reason is Reason.INTERNAL_NODE_EMPTY
