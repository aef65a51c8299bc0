"""Blocks from their witness and the parent's root alone: verdicts, their order, and what an observer is told."""

from dataclasses import replace

import pytest

from spec.containers import ExecutionPayload
from spec.errors import Reason, Rejection
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, TreeKey, Uint64, Uint256, Value
from stateless.verify import verify_block
from tests.toy_engine import ToyEngine
from verkle.tree import Tree
from witness.proof import prove

TOY = ToyEngine()
KEY, OTHER = TreeKey(bytes(32)), TreeKey(b"\x01" * 32)


def block() -> tuple[ExecutionPayload, StateRoot]:
    """A block that writes two keys, and its parent's root."""
    tree = Tree.empty(TOY).update({KEY: Value(bytes(32))})
    writes = {KEY: Value(b"\x02" * 32), OTHER: Value(b"\x03" * 32)}
    nothing = Hash32(bytes(32))
    payload = ExecutionPayload(
        parent_hash=nothing,
        fee_recipient=Address(bytes(20)),
        state_root=tree.update(writes).state_root(),
        receipts_root=nothing,
        logs_bloom=Bloom(bytes(256)),
        prev_randao=Bytes32(bytes(32)),
        block_number=Uint64(7),
        gas_limit=Uint64(0),
        gas_used=Uint64(0),
        timestamp=Uint64(0),
        extra_data=b"",
        base_fee_per_gas=Uint256(0),
        block_hash=nothing,
        transactions=(),
        withdrawals=None,
        blob_gas_used=None,
        excess_blob_gas=None,
        execution_witness=prove(tree, [], writes, markers=True),
    )
    return payload, tree.state_root()


def test_a_valid_block_gives_its_post_state() -> None:
    payload, parent_root = block()
    stages: list[str] = []
    tree = verify_block(TOY, payload, parent_root, stages.append, markers=True)
    assert tree.state_root() == payload.state_root
    assert tree.get(OTHER) == b"\x03" * 32
    assert stages == ["proof", "post_root"]


def test_a_block_without_a_witness() -> None:
    payload, parent_root = block()
    with pytest.raises(Rejection) as rejection:
        verify_block(TOY, replace(payload, execution_witness=None), parent_root, markers=True)
    assert rejection.value.reason is Reason.WITNESS_MISSING
    assert rejection.value.facts == {"block": 7}


def test_a_wrong_header_root_is_named_with_the_computed_one() -> None:
    payload, parent_root = block()
    with pytest.raises(Rejection) as rejection:
        verify_block(TOY, replace(payload, state_root=parent_root), parent_root, markers=True)
    assert rejection.value.reason is Reason.STATE_ROOT_MISMATCH
    assert rejection.value.facts == {"computed": payload.state_root, "header": parent_root}


def test_a_wrong_parent_root_never_reaches_the_post_root() -> None:
    payload, _ = block()
    stages: list[str] = []
    with pytest.raises(Rejection) as rejection:
        verify_block(TOY, payload, StateRoot(bytes(32)), stages.append, markers=True)
    assert rejection.value.reason is Reason.PROOF_INVALID
    assert stages == []
