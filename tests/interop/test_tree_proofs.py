"""Proofs of key sets in small trees: made byte for byte, verified, and carried on to the post root."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from spec.codec.witness_json import decode_stem_state_diff, decode_verkle_proof, encode_verkle_proof
from spec.containers import ExecutionWitness, VerkleProof
from spec.errors import UnknownNode
from spec.types import StateRoot, TreeKey, Value
from tests.interop.cases import Case, cases, check_each, leaf, leaves, unhex
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import check, post_state, prove


def _whole(engine: Engine[Any], writes: Mapping[TreeKey, Value]) -> Tree[Any]:
    return Tree.empty(engine).update(writes)


def _keys(texts: Iterable[str]) -> list[TreeKey]:
    return [TreeKey(unhex(text)) for text in texts]


def _check_values(partial: Tree[Any], whole: Tree[Any], witness: ExecutionWitness) -> None:
    """What the witness shows is what the whole tree holds."""
    for key, diff in witness.locations():
        assert partial.get(key) == whole.get(key) == diff.current_value


def test_proofs_of_nethermind(vectors: Path, engine: Engine[Any]) -> None:
    """multiproof/verkle_proofs_nethermind_binary.json: the proof of each key set, byte for byte.

    In the binary form that preceded the structured witness, and in the witness's fields.
    """
    path = "multiproof/verkle_proofs_nethermind_binary.json"
    check_each(cases(vectors, path), lambda case: _check_binary(case, engine))


def _check_binary(case: Case, engine: Engine[Any]) -> None:
    tree = _whole(engine, leaves(case["tree"]))
    assert tree.state_root() == unhex(case["pre_state_root_computed_by_rust_verkle"])
    keys = _keys(case["proof_keys"])
    witness = prove(tree, keys, markers=False)
    values = [None if text is None else leaf(text) for text in case["proof_values"]]
    assert [tree.get(key) for key in keys] == values
    assert _binary(witness.verkle_proof) == unhex(case["serialized_proof"])
    fields = case["decoded_as_json_witness_fields"]
    assert encode_verkle_proof(witness.verkle_proof) == fields
    assert decode_verkle_proof(fields) == witness.verkle_proof
    _check_values(check(engine, witness, tree.state_root(), markers=False), tree, witness)


def _binary(proof: VerkleProof) -> bytes:
    """u32le n | n stems | u32le n | n status bytes | u32le n | n commitments | D | 8 L | 8 R | a (little-endian)."""
    argument = proof.ipa_proof
    return b"".join(
        (
            len(proof.other_stems).to_bytes(4, "little"),
            *proof.other_stems,
            len(proof.depth_extension_present).to_bytes(4, "little"),
            proof.depth_extension_present,
            len(proof.commitments_by_path).to_bytes(4, "little"),
            *proof.commitments_by_path,
            proof.d,
            *argument.cl,
            *argument.cr,
            argument.final_evaluation[::-1],
        )
    )


def test_proofs_of_go_verkle(vectors: Path, engine: Engine[Any]) -> None:
    """multiproof/verkle_proofs_go_verkle_jamduna.json: proofs made by go-verkle 0.2.2, up to depth 31.

    Their commitments begin with the root, which the witness's format leaves out. Where the state diff shows the whole
    tree, our prover makes the same proof.
    """
    path = "multiproof/verkle_proofs_go_verkle_jamduna.json"
    check_each(cases(vectors, path), lambda case: _check_fixture(case, engine))


def _check_fixture(case: Case, engine: Engine[Any]) -> None:
    fixture = case["fixture"]
    known = {"metadata", "name", "pre_state_root", "post_state_root", "verkle_proof", "state_diff"}
    assert set(fixture) <= known
    root = StateRoot(unhex(fixture["pre_state_root"]))
    proof: dict[str, Any] = fixture["verkle_proof"]
    commitments = proof["commitmentsByPath"]
    if commitments and unhex(commitments[0]) == root:
        commitments = commitments[1:]
    witness = ExecutionWitness(
        tuple(decode_stem_state_diff(diff) for diff in fixture["state_diff"]),
        decode_verkle_proof({**proof, "commitmentsByPath": commitments}),
    )
    partial = check(engine, witness, root, markers=False)
    assert post_state(partial, witness).state_root() == unhex(fixture["post_state_root"])
    current = {key: diff.current_value for key, diff in witness.locations()}
    new = {key: diff.new_value for key, diff in witness.locations() if diff.new_value is not None}
    assert {key: partial.get(key) for key in current} == current
    tree = _whole(engine, {key: value for key, value in current.items() if value is not None})
    if tree.state_root() == root:
        assert prove(tree, current, new, markers=False) == witness


def test_scenarios_of_go_verkle(vectors: Path, engine: Engine[Any]) -> None:
    """multiproof/go_verkle_proof_scenarios.json: presence, absence and updates.

    The proof verifies, the partial tree reaches the same post root as the whole one, and the published roots are met.
    """
    path = "multiproof/go_verkle_proof_scenarios.json"
    check_each(cases(vectors, path), lambda case: _check_scenario(case, engine))


def _check_scenario(case: Case, engine: Engine[Any]) -> None:
    tree = _whole(engine, leaves(case["tree"]))
    root = tree.state_root()
    assert root == unhex(case["pre_root_computed"])
    writes = leaves(case.get("update", ()))
    witness = prove(tree, _keys(case["prove"]), writes, markers=False)
    partial = check(engine, witness, root, markers=False)
    _check_values(partial, tree, witness)
    after = post_state(partial, witness).state_root()
    assert after == tree.update(writes).state_root()
    assert ("update" in case) == ("post_root_computed" in case)
    assert after == unhex(case.get("post_root_computed", root.hex()))
    queried = {diff.stem for diff in witness.state_diff}
    for stem in witness.verkle_proof.other_stems:
        assert stem not in queried
        with pytest.raises(UnknownNode):
            partial.get(TreeKey.at(stem, 0))
    for name, count in case.get("expect", {}).items():
        if name == "other_stems":
            assert len(witness.verkle_proof.other_stems) == count
        elif name == "extension_status_bytes":
            assert len(witness.verkle_proof.depth_extension_present) == count
        elif name in ("commitments", "commitments_by_path"):
            assert len(witness.verkle_proof.commitments_by_path) == count
        else:
            assert name == "note"


def test_key_sets(vectors: Path, engine: Engine[Any]) -> None:
    """tree_root/proof_key_sets.json: sets of present and absent keys that once broke other provers."""
    check_each(cases(vectors, "tree_root/proof_key_sets.json"), lambda case: _check_key_set(case, engine))


def _check_key_set(case: Case, engine: Engine[Any]) -> None:
    expected = {TreeKey(unhex(key)): None if text is None else leaf(text) for key, text in case["proof_keys_values"]}
    present = {key: value for key, value in expected.items() if value is not None}
    tree = _whole(engine, {**present, **leaves(case["extra_tree_entries_not_in_proof"])})
    root = tree.state_root()
    assert root == unhex(case["root_commitment_computed"])
    witness = prove(tree, expected, markers=False)
    partial = check(engine, witness, root, markers=False)
    assert {key: diff.current_value for key, diff in witness.locations()} == expected
    assert {key: partial.get(key) for key in expected} == expected
