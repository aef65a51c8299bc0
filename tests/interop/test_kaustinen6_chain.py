"""Every block of a real chain, verified in full from its witness and its parent's header: executed without state.

Gas used, receipts root, logs bloom, state root and block hash are the header's, and the witness lists exactly what our
execution touches and writes, in every block but the first, whose witness leaves out what it writes to the history
account.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_header, genesis_tree
from spec.codec import json_document
from spec.codec.genesis_json import decode_genesis
from spec.containers import ExecutionPayload, Genesis, NewPayloadRequest
from spec.errors import Reason, Rejection
from spec.params import KAUSTINEN6
from stateless.header import Parent, header_of
from stateless.tree_view import TreeKeys
from stateless.verdict import Assumption, Check
from stateless.verify import verify_block
from tests.interop.real_blocks import GENESIS, chain_lines, follows, is_empty, new_values, read_payload, unlisted_leaves
from verkle.engine import Engine
from witness.proof import check, prove

PARTS = 8
"""Blocks are dealt out to so many tests, which can run at the same time."""
SAMPLE = 3
"""The part that plain Python takes where a compiled engine takes all."""


def genesis_of(vectors: Path) -> Genesis:
    return decode_genesis(json_document.parse((vectors / GENESIS).read_bytes()), KAUSTINEN6)


def parent_of(vectors: Path, engine: Engine[Any], parent: ExecutionPayload) -> Parent:
    """What a block builds on: the payload of the line before, or the genesis."""
    if not is_empty(parent):
        return Parent.of_header(header_of(NewPayloadRequest(parent)))
    genesis = genesis_of(vectors)
    return Parent.of_header(genesis_header(genesis, genesis_tree(genesis, KAUSTINEN6, engine)))


@pytest.mark.parametrize("part", range(PARTS))
def test_every_block(vectors: Path, engine: Engine[Any], in_full: bool, part: int) -> None:
    """kaustinen6/blocks-*.jsonl.gz: every check on every block."""
    if not in_full and part != SAMPLE:
        pytest.skip("in full with --engine auto")
    keys = TreeKeys(engine, KAUSTINEN6)
    verified, gas, transactions, failed = 0, 0, 0, []
    for index, (before, line) in enumerate(pairwise(chain_lines(vectors))):
        if index % PARTS != part:
            continue
        (_, parent), (_, payload) = read_payload(before), read_payload(line)
        if not follows(payload, parent):
            continue
        verified += 1
        try:
            made = verify_block(
                engine, KAUSTINEN6, NewPayloadRequest(payload), parent_of(vectors, engine, parent), keys=keys
            )
        except Rejection as rejection:
            if payload.block_number != 1 or rejection.reason is not Reason.WITNESS_INCOMPLETE:
                failed.append(f"block {payload.block_number}: {rejection}")
            continue
        gas += made.gas_used
        transactions += made.transactions
        assert payload.block_number != 1
        assert made.checks == tuple(Check)
        assert made.assumed == (Assumption.PARENT_STATE, Assumption.CONSENSUS, Assumption.ABSENCE)
        assert made.unneeded == 0
    print(f"part {part}: {verified} blocks, {transactions} transactions, {gas} gas")
    assert verified, "no blocks"
    assert gas > 50 * 10**6
    assert not failed, f"{len(failed)} of {verified} blocks:\n" + "\n".join(failed)


@pytest.mark.parametrize("lenient", [False, True])
def test_the_first_block_lists_less_than_it_writes(vectors: Path, engine: Engine[Any], lenient: bool) -> None:
    """Incomplete is never accepted; with the history account's four leaves in the witness, the block is valid."""
    lines = chain_lines(vectors)
    (_, parent), (_, payload) = read_payload(next(lines)), read_payload(next(lines))
    assert payload.block_number == 1
    known, request = parent_of(vectors, engine, parent), NewPayloadRequest(payload)
    with pytest.raises(Rejection) as rejected:
        verify_block(engine, KAUSTINEN6, request, known, lenient=lenient)
    assert rejected.value.reason is Reason.WITNESS_INCOMPLETE
    assert rejected.value.facts["needs"] == "version of 0x" + KAUSTINEN6.history_address.hex()
    witness = payload.execution_witness
    assert witness is not None
    pre_state = check(engine, witness, known.state_root, markers=False)
    missing = unlisted_leaves(engine, KAUSTINEN6, pre_state, witness)
    assert len(missing) == 4
    tree = genesis_tree(genesis_of(vectors), KAUSTINEN6, engine)
    listed = [key for key, _ in witness.locations()]
    whole = prove(tree, listed, {**new_values(witness), **missing}, markers=False)
    complete = replace(request, execution_payload=replace(payload, execution_witness=whole))
    made = verify_block(engine, KAUSTINEN6, complete, known)
    assert (made.locations, made.writes) == (len(listed) + 4, len(new_values(witness)) + 4)


def test_the_chain_begins_with_genesis(vectors: Path, engine: Engine[Any]) -> None:
    """kaustinen6/blocks-*.jsonl.gz: lines follow each other, the first after kaustinen6/genesis.json.

    The first line may be the empty payload of the beacon chain's genesis: no block at all, with a gas limit of 0.
    """
    payloads = [read_payload(line)[1] for line in chain_lines(vectors)]
    assert payloads, "no blocks"
    assert all(follows(payload, parent) for parent, payload in pairwise(payloads))
    if not is_empty(payloads[0]):
        return
    known = parent_of(vectors, engine, payloads[0])
    with pytest.raises(Rejection) as rejected:
        verify_block(engine, KAUSTINEN6, NewPayloadRequest(payloads[0]), known)
    assert rejected.value.reason is Reason.GAS_LIMIT_STEP
    assert rejected.value.facts["gas_limit"] == 0
    assert known.header is not None
    assert payloads[1].parent_hash == known.header.block_hash
