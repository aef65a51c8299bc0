"""Real blocks and their witnesses: how a block is verified, and the one thing that its witness may leave out.

The first block that writes to the history account also makes the account's header, and the devnets' witnesses do not
list those leaves: from the witness alone that block's post root cannot be reached.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spec.codec import json_document
from spec.codec.payload_json import decode_payload
from spec.containers import Account, ExecutionPayload, ExecutionWitness
from spec.errors import Reason, Rejection, UnknownNode
from spec.params import Profile
from spec.types import StateRoot, TreeKey, Uint64, Value
from stateless.verify import verify_witness
from verkle.embedding import account_leaves, tree_keys
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import check

CHAIN = "kaustinen6/blocks-*.jsonl.gz"
GENESIS = "kaustinen6/genesis.json"

_NO_ACCOUNT = Account(0, Uint64(0), b"", {})


def new_values(witness: ExecutionWitness) -> dict[TreeKey, Value]:
    """What the block writes, as far as its witness tells."""
    return {key: diff.new_value for key, diff in witness.locations() if diff.new_value is not None}


def history_header(engine: Engine[Any], profile: Profile) -> dict[TreeKey, Value]:
    """The header leaves that the history account gets when it is made: all fields zero, and the hash of no code."""
    leaves = account_leaves(profile, _NO_ACCOUNT)
    keys = tree_keys(engine, profile, [(profile.history_address, location) for location in leaves])
    return dict(zip(keys, leaves.values(), strict=True))


def unlisted_leaves(
    engine: Engine[Any], profile: Profile, pre_state: Tree[Any], witness: ExecutionWitness
) -> dict[TreeKey, Value]:
    """The history account's header, where this block makes the account: it writes to a stem that was absent."""
    header = history_header(engine, profile)
    stems = {key.stem for key in new_values(witness)}
    if not any(key.stem in stems for key in header):
        return {}
    try:
        present = any(pre_state.get(key) is not None for key in header)
    except UnknownNode:
        return {}
    return {} if present else header


def verify(
    engine: Engine[Any], profile: Profile, witness: ExecutionWitness, parent_root: StateRoot, state_root: StateRoot
) -> bool:
    """Verify a block as it must come out; whether its witness is one of those that leave the history header out."""
    try:
        post_state = verify_witness(engine, witness, parent_root, state_root, markers=False)
    except Rejection as rejection:
        if rejection.reason is not Reason.STATE_ROOT_MISMATCH:
            raise
        pre_state = check(engine, witness, parent_root, markers=False)
        unlisted = unlisted_leaves(engine, profile, pre_state, witness)
        assert unlisted, f"{rejection}, and the block does not make the history account"
        assert pre_state.update({**new_values(witness), **unlisted}).state_root() == state_root
        return True
    assert post_state.state_root() == state_root
    for key, diff in witness.locations():
        assert post_state.get(key) == (diff.current_value if diff.new_value is None else diff.new_value)
    return False


def chain_lines(vectors: Path) -> Iterator[bytes]:
    """The lines of the files that hold the chain, one beacon block each."""
    for path in sorted(vectors.glob(CHAIN)):
        with gzip.open(path) as lines:
            yield from lines


def read_payload(line: bytes) -> tuple[dict[str, Any], ExecutionPayload]:
    """The document of one line, and its payload."""
    document: Any = json_document.parse(line)
    return document, decode_payload(document)


def follows(payload: ExecutionPayload, parent: ExecutionPayload) -> bool:
    """Whether `parent` is the block before this one. The beacon genesis holds an empty payload in place of block 0."""
    if is_empty(parent):
        return payload.block_number == 1
    return payload.block_number == parent.block_number + 1 and payload.parent_hash == parent.block_hash


def is_empty(payload: ExecutionPayload) -> bool:
    """Whether this is the beacon genesis's payload, which stands for the execution layer's genesis."""
    return payload.block_number == 0 and not any(payload.block_hash)
