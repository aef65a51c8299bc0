"""State roots and headers of genesis states: devnets, clients' tests, execution-spec-tests."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from builder.genesis import genesis_header, genesis_tree
from spec.codec import rlp
from spec.codec.genesis_json import decode_alloc, decode_genesis
from spec.codec.witness_json import decode_stem_state_diff
from spec.containers import Account, Genesis, Header, StemStateDiff
from spec.params import KAUSTINEN5, KAUSTINEN7, KeyHash, LeafLayout, Profile
from spec.types import TreeKey, Uint64, Value
from tests.interop.cases import Case, cases, check_each, documents, integer, leaves, profile_of, unhex
from verkle.embedding import header_leaves, storage_location, tree_keys
from verkle.engine import Engine
from verkle.tree import Tree


def test_genesis_of_networks(vectors: Path, engine: Engine[Any]) -> None:
    """genesis/*.json: the state root of every network under its layout, header 0 and its hash."""
    check_each(documents(vectors, "genesis/*.json"), lambda case: _check_network(case, engine))


def _check_network(case: Case, engine: Engine[Any]) -> None:
    expected = case["expected"]
    assert set(expected) <= {"state_root", "block_hash", "header_rlp"}
    meta = case["meta"]
    profile = profile_of(", ".join(meta["layout"]))
    genesis = decode_genesis(case["genesis"], profile)
    tree = genesis_tree(genesis, profile, engine)
    assert tree.state_root() == unhex(expected["state_root"])
    header = genesis_header(genesis, tree)
    assert rlp.encode_header(header) == unhex(expected["header_rlp"])
    assert rlp.decode_header(unhex(expected["header_rlp"])) == header
    assert rlp.block_hash(header) == unhex(expected["block_hash"])
    assert (header.withdrawals_root is not None) == ("withdrawals_root present" in meta["header_note"])


def test_genesis_of_execution_spec_tests(vectors: Path, engine: Engine[Any]) -> None:
    """gas_4762/eest_verkle_scenarios.json: the pre-state's root and the genesis block's hash, packed layout."""
    listed = cases(vectors, "gas_4762/eest_verkle_scenarios.json")
    check_each(_of_interest(listed), lambda case: _check_scenario(case, engine))


def _of_interest(listed: Iterable[Case]) -> Iterator[Case]:
    """The members that this file's tests read; the rest describes blocks and their execution."""
    members = ("id", "pre", "genesis_gas_limit", "genesis_base_fee")
    roots = ("genesis_state_root_computed", "genesis_block_hash_computed")
    for case in listed:
        yield Case({name: case[name] for name in (*members, *roots)}, case.name)


def _check_scenario(case: Case, engine: Engine[Any]) -> None:
    document = {
        "config": {"londonBlock": 0, "shanghaiTime": 0},
        "difficulty": 0,
        "extraData": "0x00",
        "gasLimit": case["genesis_gas_limit"],
        "baseFeePerGas": case["genesis_base_fee"],
        "alloc": case["pre"],
    }
    genesis = decode_genesis(document, KAUSTINEN7)
    header = genesis_header(genesis, genesis_tree(genesis, KAUSTINEN7, engine))
    assert header.state_root == unhex(case["genesis_state_root_computed"])
    assert rlp.block_hash(header) == unhex(case["genesis_block_hash_computed"])


def _tree_of(alloc: object, header: Header, profile: Profile, engine: Engine[Any]) -> Tree[Any]:
    return genesis_tree(Genesis(decode_alloc(alloc), header), profile, engine)


def _check_header(data: bytes, block_hash: bytes) -> Header:
    header = rlp.decode_header(data)
    assert rlp.encode_header(header) == data
    assert rlp.block_hash(header) == block_hash
    return header


def test_block_of_invalid_creations(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/geth_invalid_contract_creation/*.json: genesis root, then block 1's writes to its state root.

    The same block under four rule sets; its transactions, headers and hashes are those that geth pins.
    """
    pattern = "blocks/geth_invalid_contract_creation/*.json"
    check_each(documents(vectors, pattern), lambda case: _check_invalid_creations(case, engine))


def _check_invalid_creations(case: Case, engine: Engine[Any]) -> None:
    rules = case["rules"]
    profile = profile_of(f"{rules['layout']}, {rules['key_hash']} key hash")
    assert (profile.leaf_layout is LeafLayout.PACKED) == rules["layout"].startswith("packed")
    assert (profile.key_hash is KeyHash.SERIALIZE) == (rules["key_hash"] == "legacy")
    genesis = _check_header(unhex(case["genesis_header_rlp"]), unhex(case["genesis_hash"]))
    tree = _tree_of(case["genesis_alloc"], genesis, profile, engine)
    assert tree.state_root() == genesis.state_root == unhex(case["genesis_state_root"])
    block = case["block1"]
    header = _check_header(unhex(block["header_rlp"]), unhex(block["block_hash"]))
    assert header.parent_hash == rlp.block_hash(genesis)
    assert header.gas_used == integer(block["gas_used"])
    transactions = [unhex(text) for text in block["transactions"]]
    decoded = [rlp.decode_transaction(data) for data in transactions]
    assert [rlp.encode_transaction(transaction) for transaction in decoded] == transactions
    assert [rlp.sender(transaction) for transaction in decoded] == [unhex(text) for text in block["senders"]]
    after = tree.update(leaves(block["tree_writes"]))
    assert after.state_root() == unhex(block["state_root"]) == header.state_root
    for text in case["block2"]["transactions"]:
        data = unhex(text)
        assert rlp.encode_transaction(rlp.decode_transaction(data)) == data
    case.get("expected_witness_facts_packed")


def test_blocks_of_process_verkle(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/geth_testprocessverkle_*/blocks_and_statediffs.json: genesis root, and every state diff to its post root.

    There is no proof, so current values are those of the whole tree. The first block also makes the history account,
    whose header the state diff does not list.
    """
    pattern = "blocks/geth_testprocessverkle_*/blocks_and_statediffs.json"
    check_each(documents(vectors, pattern), lambda case: _check_process_verkle(case, engine))


def _check_process_verkle(case: Case, engine: Engine[Any]) -> None:
    assert "legacy key hash, leaf-per-field" in case["chain"]
    assert case["verified"]["post_roots_by_full_tree"]
    assert case["genesis_alloc_source"]
    headers = []
    for number in range(len(case["statediffs"]) + 1):
        header, transactions, withdrawals = rlp.decode_block(unhex(case[f"block{number}_rlp"]))
        assert rlp.encode_block(header, transactions, withdrawals) == unhex(case[f"block{number}_rlp"])
        assert rlp.block_hash(header) == unhex(case[f"block{number}_hash"])
        assert len(transactions) == case[f"block{number}_tx_count"]
        assert len(case[f"block{number}_header"]) == 17
        assert unhex(case[f"block{number}_header"][3]) == header.state_root
        assert header.number == number
        headers.append(header)
    tree = _tree_of(case["genesis_alloc"], headers[0], KAUSTINEN5, engine)
    assert tree.state_root() == headers[0].state_root
    for header, given in zip(headers[1:], case["statediffs"], strict=True):
        tree = _apply(tree, [decode_stem_state_diff(diff) for diff in given], header, engine)
        assert tree.state_root() == header.state_root, f"block {header.number}"


def _apply(tree: Tree[Any], diffs: list[StemStateDiff], header: Header, engine: Engine[Any]) -> Tree[Any]:
    profile = KAUSTINEN5
    entries = [(TreeKey.at(diff.stem, entry.suffix), entry) for diff in diffs for entry in diff.suffix_diffs]
    assert entries
    for key, entry in entries:
        assert tree.get(key) == entry.current_value
    writes = {key: entry.new_value for key, entry in entries if entry.new_value is not None}
    slot = storage_location(profile, header.number - 1)
    (history,) = tree_keys(engine, profile, [(profile.history_address, slot)])
    assert bytes(writes[history]) == header.parent_hash
    fields = header_leaves(profile.leaf_layout, Account(0, Uint64(0), b"", {}))
    unlisted = {TreeKey.at(history.stem, suffix): value for suffix, value in fields.items()}
    missing: dict[TreeKey, Value] = {} if tree.get(min(unlisted)) is not None else unlisted
    assert bool(missing) == (header.number == 1)
    return tree.update({**writes, **missing})
