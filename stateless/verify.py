"""Verify a block from its execution witness and the parent's state root, and nothing else.

What is checked so far: the Verkle proof of the pre-state, and that the witness's new values lead to the header's
state root. Transactions are not re-executed yet, so the new values themselves are taken as stated.

Source: EIP-6800; house rule: verifying returns a value or raises a Rejection.
"""

from collections.abc import Callable

from spec.containers import ExecutionPayload, ExecutionWitness
from spec.errors import Reason, Rejection
from spec.types import StateRoot
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness.proof import check, post_state

Observer = Callable[[str], None]
"""Called with a stage's name when it has ended ("proof", "post_root"): for timing, without a clock down here."""


def verify_block(
    engine: Engine[P],
    payload: ExecutionPayload,
    parent_root: StateRoot,
    observe: Observer = lambda _: None,
    *,
    markers: bool,
) -> Tree[P]:
    """The post-state that the witness shows, its root equal to the header's.

    `markers`: as the profile's `internal_node_markers` says.
    Raises: Rejection; DecodeError where a point or scalar of the proof is not canonical.
    """
    if payload.execution_witness is None:
        raise Rejection(Reason.WITNESS_MISSING, block=payload.block_number)
    return verify_witness(engine, payload.execution_witness, parent_root, payload.state_root, observe, markers=markers)


def verify_witness(
    engine: Engine[P],
    witness: ExecutionWitness,
    parent_root: StateRoot,
    state_root: StateRoot,
    observe: Observer = lambda _: None,
    *,
    markers: bool,
) -> Tree[P]:
    """The post-state of a witness that is proven under `parent_root` and leads to `state_root`."""
    pre_state = check(engine, witness, parent_root, markers=markers)
    observe("proof")
    tree = post_state(pre_state, witness)
    root = tree.state_root()
    observe("post_root")
    if root != state_root:
        raise Rejection(Reason.STATE_ROOT_MISMATCH, computed=root, header=state_root)
    return tree
