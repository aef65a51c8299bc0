"""A block executed over a tree: what comes of it, what it touches and what it writes.

Builder and verifier share this. The builder's tree is whole; the verifier's is the part that a witness shows, and so
execution may ask it for what it cannot answer.

Source: EIP-4762 (touched leaves); EIP-6800 (written leaves); EIP-2718 (transactions).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spec.codec import rlp
from spec.containers import NewPayloadRequest, Withdrawal
from spec.errors import DecodeError, Reason, Rejection
from spec.forks import Execution
from spec.params import Profile
from spec.types import Address, Value
from stateless.evm.block import BlockEnvironment
from stateless.evm.calls import create_address
from stateless.evm.machine import Tracer
from stateless.fees import blob_base_fee
from stateless.schedules import schedule_of
from stateless.transition import Outcome, Signed, apply_block
from stateless.tree_view import TreeKeys, TreeView
from verkle.embedding import storage_location
from verkle.engine import P
from verkle.tree import Tree
from witness.access import AccessWitness, Leaf


@dataclass(frozen=True, slots=True)
class Replay:
    """What executing a block over a tree comes to."""

    outcome: Outcome
    touched: Mapping[Leaf, bool]
    """Every leaf that an execution witness lists, and whether an event wrote it."""
    written: Mapping[Leaf, Value]
    """Every leaf that differs afterwards, with what it holds then."""


def signed(encoded: Iterable[bytes]) -> tuple[Signed, ...]:
    """Transactions with their senders.

    Raises: Rejection, naming the first one that is not a canonical encoding, or that nobody can have signed.
    """
    found = []
    for index, one in enumerate(encoded):
        try:
            found.append(Signed(*rlp.decode_signed(one)))
        except DecodeError as error:
            raise Rejection(Reason.TRANSACTION_MALFORMED, transaction=index, why=str(error)) from None
    return tuple(found)


def environment(rules: Execution, request: NewPayloadRequest, chain_id: int) -> BlockEnvironment:
    """What code can learn of a block, from the request that holds it."""
    payload = request.execution_payload
    excess = payload.excess_blob_gas
    return BlockEnvironment(
        number=payload.block_number,
        timestamp=payload.timestamp,
        coinbase=payload.fee_recipient,
        gas_limit=payload.gas_limit,
        prev_randao=payload.prev_randao,
        base_fee=payload.base_fee_per_gas,
        chain_id=chain_id,
        blob_base_fee=1 if rules.blobs is None or excess is None else blob_base_fee(rules.blobs, excess),
        parent_hash=payload.parent_hash,
        parent_beacon_block_root=request.parent_beacon_block_root,
    )


def replay(
    keys: TreeKeys[P],
    tree: Tree[P],
    block: BlockEnvironment,
    transactions: Sequence[Signed],
    withdrawals: Sequence[Withdrawal],
    tracer: Tracer | None = None,
) -> Replay:
    """Execute a block over a tree, whole or not, under the rules of the profile that `keys` belong to.

    Raises: Rejection; UnknownNode where the tree does not show what is needed; DecodeError where the profile has no
    rules of execution.
    """
    rules = keys.profile.require_execution()
    keys.prepare(_places(keys.profile, block, transactions, withdrawals))
    access = AccessWitness()
    view = TreeView(tree, keys)
    schedule = schedule_of(keys.profile, access, view.leaf)
    outcome = apply_block(rules, schedule, view, block, transactions, withdrawals, tracer)
    keys.prepare((address, index) for address, index, _ in access.block)
    return Replay(outcome, access.block, view.new_leaves(outcome.state.changes()))


def _places(
    profile: Profile, block: BlockEnvironment, transactions: Sequence[Signed], withdrawals: Sequence[Withdrawal]
) -> list[tuple[Address, int]]:
    """Stems that the block will ask for, as far as they are known before it runs: one batch in place of many."""
    history = storage_location(profile, (block.number - 1) % profile.history_window)
    places = [(profile.history_address, history.tree_index), (block.coinbase, 0)]
    places += [(withdrawal.address, 0) for withdrawal in withdrawals]
    for one in transactions:
        transaction = one.transaction
        target = create_address(one.sender, transaction.nonce) if transaction.to is None else transaction.to
        places += [(one.sender, 0), (target, 0)]
    return places
