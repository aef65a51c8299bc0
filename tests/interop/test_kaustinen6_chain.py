"""Every block of a real chain, verified from its witness and its parent's state root."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_header, genesis_tree
from spec.codec import json_document
from spec.codec.genesis_json import decode_genesis
from spec.codec.rlp import block_hash
from spec.containers import ExecutionPayload, Genesis
from spec.errors import Reason, Rejection
from spec.params import KAUSTINEN6
from stateless.verify import verify_block
from tests.interop.real_blocks import GENESIS, chain_lines, follows, is_empty, read_payload, verify
from verkle.engine import Engine

PARTS = 8
"""Blocks are dealt out to so many tests, which can run at the same time."""
SAMPLE = 3
"""The part that plain Python takes where a compiled engine takes all."""


def _genesis(vectors: Path) -> Genesis:
    return decode_genesis(json_document.parse((vectors / GENESIS).read_bytes()), KAUSTINEN6)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_block(vectors: Path, engine: Engine[Any], in_full: bool, part: int) -> None:
    """kaustinen6/blocks-*.jsonl.gz: every proof verifies, and every witness leads to the header's state root.

    Only the block that makes the history account does not reach its root, since its witness leaves the account's header
    out. The parent's root comes from the line before, and for block 1 from the genesis.
    """
    if not in_full and part != SAMPLE:
        pytest.skip("in full with --engine auto")
    verified, failed = 0, []
    for index, (before, line) in enumerate(pairwise(chain_lines(vectors))):
        if index % PARTS != part:
            continue
        _, parent = read_payload(before)
        _, payload = read_payload(line)
        if not follows(payload, parent):
            continue
        verified += 1
        try:
            _check(vectors, engine, payload, parent)
        except (AssertionError, ValueError, LookupError, Rejection) as error:
            failed.append(f"block {payload.block_number}: {type(error).__name__}: {error}")
    assert verified, "no blocks"
    assert not failed, f"{len(failed)} of {verified} blocks:\n" + "\n".join(failed)


def _check(vectors: Path, engine: Engine[Any], payload: ExecutionPayload, parent: ExecutionPayload) -> None:
    assert payload.execution_witness is not None
    root = parent.state_root
    if is_empty(parent):
        root = genesis_tree(_genesis(vectors), KAUSTINEN6, engine).state_root()
    incomplete = verify(engine, KAUSTINEN6, payload.execution_witness, root, payload.state_root)
    if incomplete:
        assert is_empty(parent), "only the first block makes the history account"
        assert KAUSTINEN6.history_address not in _genesis(vectors).alloc


def test_the_chain_begins_with_genesis(vectors: Path, engine: Engine[Any]) -> None:
    """kaustinen6/blocks-*.jsonl.gz: lines follow each other, the first after kaustinen6/genesis.json.

    The first line may be the empty payload of the beacon chain's genesis: it carries no witness to verify.
    """
    payloads = [read_payload(line)[1] for line in chain_lines(vectors)]
    assert payloads, "no blocks"
    assert all(follows(payload, parent) for parent, payload in pairwise(payloads))
    if not is_empty(payloads[0]):
        return
    genesis = _genesis(vectors)
    header = genesis_header(genesis, genesis_tree(genesis, KAUSTINEN6, engine))
    with pytest.raises(Rejection) as rejected:
        verify_block(engine, payloads[0], header.state_root, markers=False)
    assert rejected.value.reason is Reason.WITNESS_MISSING
    assert payloads[1].parent_hash == block_hash(header)
