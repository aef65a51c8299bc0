"""Single real blocks of other networks, good and bad, from their witnesses."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_tree, genesis_writes
from spec.codec import rlp
from spec.codec.genesis_json import decode_alloc, decode_genesis
from spec.codec.payload_json import decode_payload
from spec.codec.witness_json import decode_witness, encode_witness
from spec.containers import ExecutionPayload, ExecutionWitness, Genesis, Header
from spec.errors import DecodeError, Reason, Rejection
from spec.params import KAUSTINEN7, Profile
from spec.types import StateRoot
from stateless.verify import verify_witness
from tests.interop.cases import Case, UnknownCase, check_each, documents, profile_of, unhex
from tests.interop.real_blocks import new_values, verify
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import prove


@dataclass(frozen=True, slots=True)
class Block:
    """What verifying needs of one block. `witness` is a function: some of them must not even decode."""

    name: str
    profile: Profile
    witness: Callable[[], ExecutionWitness]
    state_root: StateRoot | None
    parent_root: StateRoot | None
    """None where nobody knows it."""
    valid: bool
    payload: Callable[[], ExecutionPayload] | None = None
    """The whole block, where the file has it."""


def _blocks(case: Case) -> list[Block]:
    """The blocks of one file, in any of the forms that the sources have."""
    profile = profile_of(case["chain"])
    if "blocks" in case:
        blocks = []
        for entry in case["blocks"]:
            inner = Case(entry, f"{case.name}[{entry['number']}]")
            blocks.append(_block_of_payload(inner, profile))
        return blocks
    if "execution_payload" in case:
        return [_block_of_payload(case, profile)]
    if "data" in case:
        return [_block_of_data(case, profile)]
    if "execution_witness" in case:
        document = _without_comments(case["execution_witness"])
        root = _root(case["root_given_by_test"])
        valid = bool(case["proof_verifies_under_that_root_in_rust_verkle"])
        return [Block(case.name, profile, lambda: decode_witness(document), None, root, valid)]
    raise UnknownCase(f"no block among {sorted(case.members)}")


def _block_of_payload(case: Case, profile: Profile) -> Block:
    document = case["execution_payload"]
    payload = decode_payload(document)
    assert payload.block_number == case.get("number", payload.block_number)
    parent_root = _root(case["parent_state_root"])
    parent = case.get("parent_execution_payload")
    if parent is not None:
        before = decode_payload(parent)
        assert before.block_hash == payload.parent_hash
        assert before.state_root == parent_root

    def witness() -> ExecutionWitness:
        assert payload.execution_witness is not None
        return payload.execution_witness

    valid = bool(case.get("expected_proof_valid", True))
    return Block(case.name, profile, witness, payload.state_root, parent_root, valid, lambda: payload)


def _block_of_data(case: Case, profile: Profile) -> Block:
    """rust-verkle's and ethereumjs' form: {header, executionWitness}, or the witness inside the header."""
    data = _without_comments(case["data"])
    header = data["header"]
    assert int(header["blockNumber"], 16) == case["number"]
    document = data["executionWitness"] if "executionWitness" in data else header["executionWitness"]
    valid = bool(case.get("expected_proof_valid", True))
    state_root, parent_root = _root(header["stateRoot"]), _root(case["parent_state_root"])
    return Block(case.name, profile, lambda: decode_witness(document), state_root, parent_root, valid)


def _root(text: str | None) -> StateRoot | None:
    return None if text is None else StateRoot(unhex(text))


def _without_comments(value: Any) -> Any:
    """Comments that were put into a document by hand; our decoder refuses unknown names inside a witness."""
    if isinstance(value, dict):
        return {name: _without_comments(member) for name, member in value.items() if name != "comment"}
    return [_without_comments(element) for element in value] if isinstance(value, list) else value


def _check_block(engine: Engine[Any], block: Block) -> None:
    assert block.parent_root is not None
    if not block.valid:
        with pytest.raises((DecodeError, Rejection)) as refused:
            verify_witness(
                engine, block.witness(), block.parent_root, block.state_root or block.parent_root, markers=False
            )
        error = refused.value
        assert not (isinstance(error, Rejection) and error.reason is Reason.STATE_ROOT_MISMATCH), "the proof is wrong"
        return
    assert block.state_root is not None
    incomplete = verify(engine, block.profile, block.witness(), block.parent_root, block.state_root)
    if block.payload is not None and not incomplete:
        wrong = StateRoot(bytes(31) + b"\1")
        with pytest.raises((DecodeError, Rejection)):
            verify_witness(engine, block.witness(), wrong, block.state_root, markers=False)


def test_blocks_of_devnets(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/kaustinen*/*.json: the proof holds under the parent's root, and the new values lead to the header's root.

    Except the first block of Kaustinen 4 and 6: their witnesses leave out the header of the history account, and with
    it they reach the header's root. Files that say so hold a proof that is wrong.
    """

    def check_file(case: Case) -> None:
        blocks = _blocks(case)
        assert blocks
        for block in blocks:
            _check_block(engine, block)

    check_each(documents(vectors, "blocks/kaustinen*/*.json"), check_file, every_member=False)


def test_blocks_of_devnets_follow_each_other(vectors: Path) -> None:
    """blocks/kaustinen2_test/blocks_1_8.json and its like: each parent root is the state root before, where known."""

    def check_file(case: Case) -> None:
        blocks = _blocks(case)
        payloads = [block.payload() for block in blocks if block.payload is not None]
        assert len(payloads) == len(blocks) > 0
        for block, before, payload in zip(blocks[1:], payloads, payloads[1:], strict=False):
            assert payload.block_number > before.block_number
            if payload.block_number == before.block_number + 1:
                assert payload.parent_hash == before.block_hash
                assert block.parent_root == before.state_root

    listed = [case for case in documents(vectors, "blocks/kaustinen*/*.json") if "blocks" in case]
    check_each(listed, check_file, every_member=False)


def test_standalone_blocks(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/standalone/*.json: every witness is read, or refused with a clear reason; verified where a root is known.

    Kaustinen 1 wrote "0x" for an absent value, which is refused.
    """

    def check_file(case: Case) -> None:
        try:
            blocks = [(block, block.witness()) for block in _blocks(case)]
        except DecodeError as error:
            assert error.where, "the error does not say where"
            assert error.message
            return
        assert blocks
        for block, witness in blocks:
            assert decode_witness(encode_witness(witness)) == witness
            assert witness.state_diff
            if block.parent_root is not None:
                _check_block(engine, block)

    check_each(documents(vectors, "blocks/standalone/*.json"), check_file, every_member=False)


def _genesis_trees(vectors: Path, engine: Engine[Any]) -> Callable[[StateRoot, Profile], Tree[Any] | None]:
    """Genesis trees by their root, made when asked for."""
    listed = {}
    for case in documents(vectors, "genesis/*.json"):
        profile = profile_of(", ".join(case["meta"]["layout"]))
        listed[StateRoot(unhex(case["expected"]["state_root"])), profile] = case["genesis"]

    @cache
    def find(root: StateRoot, profile: Profile) -> Tree[Any] | None:
        if (root, profile) not in listed:
            return None
        return genesis_tree(decode_genesis(listed[root, profile], profile), profile, engine)

    return find


def test_witnesses_of_first_blocks_are_made_again(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/*/*.json whose parent state is a genesis of genesis/*.json: our prover makes the very same witness."""
    trees = _genesis_trees(vectors, engine)
    made = 0
    for case in documents(vectors, "blocks/kaustinen*/*.json"):
        for block in _blocks(case):
            tree = None if block.parent_root is None or not block.valid else trees(block.parent_root, block.profile)
            if tree is None:
                continue
            witness = block.witness()
            keys = [key for key, _ in witness.locations()]
            assert encode_witness(prove(tree, keys, new_values(witness), markers=False)) == encode_witness(witness), (
                block.name
            )
            made += 1
    if not made:
        pytest.skip("no block of these files follows a genesis of these files")


def test_blocks_of_execution_spec_tests(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/packed_eest/*.json: the packed layout from genesis to post root.

    The filler drops null values and a leading zero digit of the status bytes. Headers are those of the blocks' RLP.
    """
    check_each(
        documents(vectors, "blocks/packed_eest/*.json"), lambda case: _check_fixture(case, engine), every_member=False
    )


def _check_fixture(case: Case, engine: Engine[Any]) -> None:
    profile = profile_of(case["chain"])
    assert profile is KAUSTINEN7
    fixture = case["fixture"]
    assert set(fixture) <= {
        "genesisBlockHeader",
        "pre",
        "lastblockhash",
        "genesisRLP",
        "blocks",
        "postState",
        "network",
    }
    header = _check_header(fixture["genesisRLP"], fixture["genesisBlockHeader"])
    tree = Tree.empty(engine).update(genesis_writes(Genesis(decode_alloc(fixture["pre"]), header), profile, engine))
    assert tree.state_root() == header.state_root == unhex(case["parent_state_root"])
    assert fixture["blocks"]
    for entry in fixture["blocks"]:
        before, header = header, _check_header(entry["rlp"], entry["blockHeader"])
        assert header.parent_hash == rlp.block_hash(before)
        _check_senders(entry)
        witness = decode_witness(entry["witness"])
        assert not verify(engine, profile, witness, before.state_root, header.state_root)
        keys = [key for key, _ in witness.locations()]
        assert prove(tree, keys, new_values(witness), markers=False) == witness
        tree = tree.update(new_values(witness))
        assert tree.state_root() == header.state_root
    assert rlp.block_hash(header) == unhex(fixture["lastblockhash"])


def _check_header(encoded: str, given: dict[str, str]) -> Header:
    header, transactions, withdrawals = rlp.decode_block(unhex(encoded))
    assert rlp.encode_block(header, transactions, withdrawals) == unhex(encoded)
    assert rlp.block_hash(header) == unhex(given["hash"])
    assert header.state_root == unhex(given["stateRoot"])
    assert header.gas_used == int(given["gasUsed"], 16)
    return header


def _check_senders(entry: dict[str, Any]) -> None:
    _, transactions, _ = rlp.decode_block(unhex(entry["rlp"]))
    senders = [rlp.sender(rlp.decode_transaction(data)) for data in transactions]
    assert senders == [unhex(transaction["sender"]) for transaction in entry["transactions"]]


def test_comments_are_refused(vectors: Path) -> None:
    """blocks/kaustinen6_valid_invalid/*.json: a name that nobody knows inside a witness is not read over."""

    def check_file(case: Case) -> None:
        document = case["data"]["executionWitness"]
        assert decode_witness(_without_comments(document)).state_diff
        if document != _without_comments(document):
            with pytest.raises(DecodeError, match="unknown name 'comment'"):
                decode_witness(document)

    check_each(documents(vectors, "blocks/kaustinen6_valid_invalid/*.json"), check_file, every_member=False)
