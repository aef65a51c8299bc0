"""Verify a block from its execution witness and its parent, and nothing else.

    verify_block     everything: header, proof, execution, gas, receipts, witness, post-state root
    verify_witness   the proof, and that the witness's new values lead to the state root; nothing is executed

The steps of `verify_block`; each broken rule is a `Rejection` with a `Reason` of its own:

    header         fields that the network has, bounds, what the parent leads to, and the block hash
    transactions   decoded strictly, senders recovered; blobs
    proof          the witness proves its current values under the parent's state root
    execution      over the part of the tree that the witness shows; asking for more is WITNESS_INCOMPLETE
    outcome        gas used, receipts root, logs bloom and requests are what the block says
    witness        lists what execution touches, no less and no more; its new values are what execution writes
    post root      the tree after those writes has the header's state root

Source: EIP-6800; EIP-4762; spec/verification.md for each check.
"""

from collections.abc import Callable, Sequence
from typing import NoReturn

from spec.containers import ExecutionWitness, NewPayloadRequest
from spec.errors import Reason, Rejection, UnknownNode
from spec.params import STEM_BYTES, Profile
from spec.types import StateRoot, Stem, TreeKey, Value
from stateless.evm.machine import Tracer
from stateless.header import Parent, check_block_hash, check_parent, check_shape
from stateless.replay import Replay, environment, replay, signed
from stateless.system import requests_hash
from stateless.transaction import blob_gas
from stateless.transition import Outcome, Signed
from stateless.tree_view import TreeKeys
from stateless.tries import ordered_root
from stateless.verdict import Verified as Verified
from stateless.verdict import assumptions_of, checks_of
from stateless.words import leaf_in_words
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness.access import Leaf
from witness.proof import check, post_state

Observer = Callable[[str], None]
"""Called with a stage's name when it has ended: for timing, without a clock down here."""

STAGES = ("header", "senders", "proof", "execution", "outcome", "post_root")
"""Of `verify_block`, in this order; `verify_witness` has "proof" and "post_root"."""


def verify_block(
    engine: Engine[P],
    profile: Profile,
    request: NewPayloadRequest,
    parent: Parent,
    *,
    chain_id: int | None = None,
    lenient: bool = False,
    keys: TreeKeys[P] | None = None,
    tracer: Tracer | None = None,
    observe: Observer = lambda _: None,
) -> Verified[P]:
    """What a block comes to, if it keeps every rule.

    `chain_id`: the profile's, where it is not given. `lenient`: the witness may list more than is touched.
    `keys`: of this engine and profile, kept from block to block, so that stems are derived once.
    Raises: Rejection; DecodeError where a point or scalar of the proof is not canonical, or where the profile has no
    rules of execution.
    """
    rules, payload, witness = profile.require_execution(), request.execution_payload, _witness_of(request)
    check_shape(rules, request)
    if parent.header is not None:
        check_parent(rules, payload, parent.header)
    check_block_hash(request)
    observe("header")
    transactions = signed(payload.transactions)
    _check_blobs(request, transactions)
    observe("senders")
    tree = check(engine, witness, parent.state_root, markers=profile.internal_node_markers)
    observe("proof")
    known = keys or TreeKeys(engine, profile)
    replayed = execute(known, tree, request, transactions, chain_id=chain_id, tracer=tracer)
    observe("execution")
    _check_outcome(request, replayed.outcome)
    observe("outcome")
    writes, unneeded = _check_witness(known, witness, replayed, lenient=lenient)
    post = _reach(tree.update(writes), payload.state_root)
    observe("post_root")
    header = parent.header is not None
    return Verified(
        post_state=post,
        outcome=replayed.outcome,
        checks=checks_of(header=header, minimal=not unneeded),
        assumed=assumptions_of(header=header, markers=profile.internal_node_markers),
        transactions=len(transactions),
        locations=sum(len(diff.suffix_diffs) for diff in witness.state_diff) - unneeded,
        writes=len(writes),
        unneeded=unneeded,
    )


def execute(
    keys: TreeKeys[P],
    tree: Tree[P],
    request: NewPayloadRequest,
    transactions: Sequence[Signed],
    *,
    chain_id: int | None = None,
    tracer: Tracer | None = None,
) -> Replay:
    """Execute a block over what its witness proves of the state. Raises: Rejection; as `verify_block`, DecodeError."""
    profile, withdrawals = keys.profile, request.execution_payload.withdrawals or ()
    block = environment(profile.require_execution(), request, profile.chain_id if chain_id is None else chain_id)
    try:
        return replay(keys, tree, block, transactions, withdrawals, tracer)
    except UnknownNode as unknown:
        _reject_incomplete(keys, unknown)


def verify_witness(
    engine: Engine[P],
    witness: ExecutionWitness,
    parent_root: StateRoot,
    state_root: StateRoot,
    observe: Observer = lambda _: None,
    *,
    markers: bool,
) -> Tree[P]:
    """The post-state of a witness that is proven under `parent_root` and leads to `state_root`.

    `markers`: as the profile's `internal_node_markers` says. Raises: as `verify_block`.
    """
    pre_state = check(engine, witness, parent_root, markers=markers)
    observe("proof")
    tree = _reach(post_state(pre_state, witness), state_root)
    observe("post_root")
    return tree


def _witness_of(request: NewPayloadRequest) -> ExecutionWitness:
    payload = request.execution_payload
    if payload.execution_witness is None:
        raise Rejection(Reason.WITNESS_MISSING, block=payload.block_number)
    return payload.execution_witness


def _reach(tree: Tree[P], header_root: StateRoot) -> Tree[P]:
    """A tree whose root must be the header's."""
    root = tree.state_root()
    if root != header_root:
        raise Rejection(Reason.STATE_ROOT_MISMATCH, computed=root, header=header_root)
    return tree


def _check_blobs(request: NewPayloadRequest, transactions: Sequence[Signed]) -> None:
    """Blob gas and versioned hashes are the transactions'. Source: EIP-4844, "Execution layer validation"."""
    stated = request.execution_payload.blob_gas_used
    used = sum(blob_gas(one.transaction) for one in transactions)
    if stated is not None and stated != used:
        raise Rejection(Reason.BLOB_GAS_MISMATCH, computed=used, header=stated)
    hashes = tuple(one for each in transactions for one in each.transaction.blob_versioned_hashes)
    if request.versioned_hashes is not None and request.versioned_hashes != hashes:
        raise Rejection(Reason.BLOB_HASHES_MISMATCH, given=len(request.versioned_hashes), of_transactions=len(hashes))


def _check_outcome(request: NewPayloadRequest, outcome: Outcome) -> None:
    """What execution came to is what the block says."""
    payload = request.execution_payload
    if outcome.gas_used != payload.gas_used:
        raise Rejection(Reason.GAS_USED_MISMATCH, computed=outcome.gas_used, header=payload.gas_used)
    root = ordered_root(receipt.encode() for receipt in outcome.receipts)
    if root != payload.receipts_root:
        raise Rejection(Reason.RECEIPTS_ROOT_MISMATCH, computed=root, header=payload.receipts_root)
    if outcome.logs_bloom != payload.logs_bloom:
        raise Rejection(Reason.LOGS_BLOOM_MISMATCH, computed=outcome.logs_bloom, header=payload.logs_bloom)
    stated = request.execution_requests
    if stated is not None and stated != outcome.requests:
        computed = requests_hash(outcome.requests)
        raise Rejection(Reason.REQUESTS_HASH_MISMATCH, computed=computed, stated=requests_hash(stated))


def _check_witness(
    keys: TreeKeys[P], witness: ExecutionWitness, replayed: Replay, *, lenient: bool
) -> tuple[dict[TreeKey, Value], int]:
    """The writes by key, and how many locations are listed for nothing.

    Every touched leaf is listed, even where its stem is proven absent; what is written counts as touched.
    Raises: Rejection.
    """
    listed = {diff.stem: {entry.suffix: entry for entry in diff.suffix_diffs} for diff in witness.state_diff}
    nothing: dict[int, object] = {}
    touched = {**replayed.touched, **dict.fromkeys(replayed.written)}
    for leaf in touched:
        if leaf[2] not in listed.get(keys.stem(leaf[0], leaf[1]), nothing):
            _reject_unlisted(keys, leaf)
    writes: dict[TreeKey, Value] = {}
    for leaf, value in replayed.written.items():
        stem = keys.stem(leaf[0], leaf[1])
        stated = listed[stem][leaf[2]].new_value
        if stated != value:
            place = leaf_in_words(keys.profile, leaf)
            raise Rejection(Reason.WRITE_MISMATCH, at=place, computed=value, stated=_shown(stated))
        writes[TreeKey.at(stem, leaf[2])] = value
    for key, entry in witness.locations():
        if entry.new_value is not None and key not in writes:
            raise Rejection(
                Reason.WRITE_MISMATCH, at=_in_words(keys, key), computed="no change", stated=entry.new_value
            )
    unneeded = sum(map(len, listed.values())) - len(touched)
    if unneeded and not lenient:
        needed = {keys.key(leaf) for leaf in touched}
        first = next(key for key, _ in witness.locations() if key not in needed)
        raise Rejection(Reason.WITNESS_NOT_MINIMAL, lists=_in_words(keys, first), key=first, unneeded=unneeded)
    return writes, unneeded


def _shown(value: Value | None) -> bytes | str:
    return "no change" if value is None else value


def _in_words(keys: TreeKeys[P], key: bytes) -> str:
    """What a key, or a stem alone, stands for, if this verifier derived its stem: a key does not tell its address."""
    place = keys.place(Stem(key[:STEM_BYTES]))
    if place is None:
        return "a place of no account that the block touches"
    if len(key) == STEM_BYTES:
        return f"whether there is an account 0x{place[0].hex()}"
    return leaf_in_words(keys.profile, (*place, key[STEM_BYTES]))


def _reject_unlisted(keys: TreeKeys[P], leaf: Leaf) -> NoReturn:
    raise Rejection(Reason.WITNESS_INCOMPLETE, needs=leaf_in_words(keys.profile, leaf), key=keys.key(leaf))


def _reject_incomplete(keys: TreeKeys[P], unknown: UnknownNode) -> NoReturn:
    raise Rejection(Reason.WITNESS_INCOMPLETE, needs=_in_words(keys, unknown.key), key=unknown.key) from None
