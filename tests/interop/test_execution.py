"""Blocks of the packed layout, and of devnet 6's client at home: executed, from the genesis that their files give.

The real chain of devnet 6 has a file of its own (test_kaustinen6_chain.py).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from builder.genesis import genesis_tree
from spec.codec import rlp
from spec.codec.genesis_json import decode_alloc
from spec.codec.witness_json import decode_witness
from spec.containers import ExecutionPayload, ExecutionWitness, Genesis, Header, NewPayloadRequest
from spec.params import KAUSTINEN6, KAUSTINEN7, KeyHash
from spec.types import StateRoot, Uint64, Uint256
from stateless.evm.block import BlockEnvironment
from stateless.header import Parent
from stateless.replay import replay, signed
from stateless.tree_view import TreeKeys
from stateless.tries import ordered_root
from stateless.verdict import Check
from stateless.verify import verify_block
from tests.interop.cases import Case, check_each, documents, profile_of, unhex
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import check, prove

EEST_CHAIN_ID = 1
DEVNET_CHAIN_ID = 69420


def payload_of(encoded: bytes, witness: ExecutionWitness) -> ExecutionPayload:
    """The payload of a block as RLP."""
    header, transactions, withdrawals = rlp.decode_block(encoded)
    assert header.base_fee_per_gas is not None
    return ExecutionPayload(
        parent_hash=header.parent_hash,
        fee_recipient=header.fee_recipient,
        state_root=header.state_root,
        receipts_root=header.receipts_root,
        logs_bloom=header.logs_bloom,
        prev_randao=header.prev_randao,
        block_number=header.number,
        gas_limit=header.gas_limit,
        gas_used=header.gas_used,
        timestamp=header.timestamp,
        extra_data=header.extra_data,
        base_fee_per_gas=header.base_fee_per_gas,
        block_hash=rlp.block_hash(header),
        transactions=transactions,
        withdrawals=withdrawals,
        blob_gas_used=None,
        excess_blob_gas=None,
        execution_witness=witness,
    )


def test_blocks_of_execution_spec_tests(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/packed_eest/*.json: every check, with the filler's witness and the genesis header as the parent."""

    def check_file(case: Case) -> None:
        fixture = case["fixture"]
        assert profile_of(case["chain"]) is KAUSTINEN7
        parent, _, _ = rlp.decode_block(unhex(fixture["genesisRLP"]))
        for entry in fixture["blocks"]:
            encoded = unhex(entry["rlp"])
            request = NewPayloadRequest(payload_of(encoded, decode_witness(entry["witness"])))
            known = Parent.of_header(parent)
            verified = verify_block(engine, KAUSTINEN7, request, known, chain_id=EEST_CHAIN_ID)
            assert verified.checks == tuple(Check)
            assert verified.transactions == len(entry["transactions"]) > 0
            assert verified.gas_used == int(entry["blockHeader"]["gasUsed"], 16)
            parent, _, _ = rlp.decode_block(encoded)

    check_each(documents(vectors, "blocks/packed_eest/*.json"), check_file, every_member=False)


ERAS = {
    "packed": KAUSTINEN7,
    "leaf_per_field_eip6800_hash": KAUSTINEN6,
    "leaf_per_field_legacy_hash": replace(KAUSTINEN6, key_hash=KeyHash.SERIALIZE),
}
"""By the beginning of a file's name. What the block does costs the same in the two older eras."""


def test_a_block_that_gives_its_genesis_only(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/geth_invalid_contract_creation/*.json: gas, receipts, tree writes, state root and hash as geth pins them.

    There is no witness: the block runs over the whole tree, and again over what a witness of our own proves of it.
    """

    def check_file(case: Case) -> None:
        (profile,) = (profile for name, profile in ERAS.items() if case.name.startswith(name))
        genesis_header, header = (
            rlp.decode_header(unhex(text)) for text in (case["genesis_header_rlp"], case["block1"]["header_rlp"])
        )
        tree = genesis_tree(Genesis(decode_alloc(case["genesis_alloc"]), genesis_header), profile, engine)
        assert tree.state_root() == unhex(case["genesis_state_root"]) == genesis_header.state_root
        block = _environment(header)
        keys = TreeKeys(engine, profile)
        whole = _run(keys, tree, block, header, case)
        touched = [keys.key(leaf) for leaf in {**whole.touched, **dict.fromkeys(whole.written)}]
        writes = {keys.key(leaf): value for leaf, value in whole.written.items()}
        stated = {(unhex(key), unhex(value)) for key, value in case["block1"]["tree_writes"]}
        assert {(bytes(key), bytes(value)) for key, value in writes.items()} == stated
        witness = prove(tree, touched, writes, markers=False)
        partial = check(engine, witness, genesis_header.state_root, markers=False)
        again = _run(keys, partial, block, header, case)
        assert again.touched == whole.touched
        assert again.written == whole.written

    check_each(documents(vectors, "blocks/geth_invalid_contract_creation/*.json"), check_file, every_member=False)


def _environment(header: Header) -> BlockEnvironment:
    return BlockEnvironment(
        number=header.number,
        timestamp=header.timestamp,
        coinbase=header.fee_recipient,
        gas_limit=header.gas_limit,
        prev_randao=header.prev_randao,
        base_fee=header.base_fee_per_gas or 0,
        chain_id=DEVNET_CHAIN_ID,
        parent_hash=header.parent_hash,
    )


def _run(keys: TreeKeys[Any], tree: Tree[Any], block: BlockEnvironment, header: Header, case: Case) -> Any:
    """The block over a tree; what comes of it is what the file and geth's header say."""
    stated = case["block1"]
    encoded = [unhex(text) for text in stated["transactions"]]
    transactions = signed(encoded)
    assert [one.sender for one in transactions] == [unhex(text) for text in stated["senders"]]
    replayed = replay(keys, tree, block, transactions, ())
    outcome = replayed.outcome
    found = [(int(receipt.success), receipt.cumulative_gas_used) for receipt in outcome.receipts]
    assert found == [(receipt["status"], receipt["cumulative_gas_used"]) for receipt in stated["receipts"]]
    after = tree.update({keys.key(leaf): value for leaf, value in replayed.written.items()})
    computed = replace(
        header,
        state_root=StateRoot(after.state_root()),
        transactions_root=ordered_root(encoded),
        receipts_root=ordered_root(receipt.encode() for receipt in outcome.receipts),
        logs_bloom=outcome.logs_bloom,
        gas_used=Uint64(outcome.gas_used),
        base_fee_per_gas=Uint256(stated["base_fee"]),
    )
    assert computed == header
    assert rlp.block_hash(computed) == unhex(stated["block_hash"])
    return replayed
