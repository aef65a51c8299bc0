"""Blocks executed twice: over a whole tree, and over what their own witness proves of it.

    World.of(profile, engine, accounts)   a tree that holds the accounts
    world.run(block)                      the block over the whole tree: outcome, access events, leaves written
    world.proven(run)                     the partial tree that a witness of the run's events proves
    world.after(run)                      the world after the block

A run over the partial tree must come out as the one over the whole tree did, with nothing asked for that is not proven.

A run also notes every read of a leaf (or of an account's existence) before there was an event for it: `unannounced`.
The sender's header is the one thing that may be read before, to see whether the transaction is valid at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from spec.containers import Account, ExecutionWitness, Withdrawal
from spec.crypto import keccak256
from spec.errors import Rejection
from spec.params import Profile
from spec.types import Address, TreeKey, Value
from stateless.evm.block import BlockEnvironment
from stateless.evm.code import Code, WholeCode
from stateless.evm.frame import Frame, Message, Result
from stateless.evm.machine import Tracer
from stateless.schedules import schedule_of
from stateless.state import AccountChange
from stateless.transition import BlockExecution, Outcome, Signed, apply_block
from stateless.tree_view import TreeKeys, TreeView
from verkle.embedding import account_leaves, tree_keys
from verkle.engine import Engine
from verkle.tree import Tree
from witness.access import AccessWitness, Leaf
from witness.proof import check, prove

EXISTENCE: Final = -1
"""In place of a leaf's sub index: whether the header stem is there."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a block consists of, as far as execution asks."""

    environment: BlockEnvironment
    transactions: tuple[Signed, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a block did, and what it touched."""

    outcome: Outcome
    access: dict[Leaf, bool]
    """Every leaf with an event, in order, and whether an event wrote it."""
    changes: dict[Address, AccountChange]
    leaves: dict[Leaf, Value]
    """What the block writes to the tree."""
    unannounced: list[Leaf]
    """Leaves that were read before any event on them; (address, 0, EXISTENCE) for whether there is an account."""

    @property
    def gas(self) -> list[int]:
        """Gas used, by transaction."""
        total = [0, *(receipt.cumulative_gas_used for receipt in self.outcome.receipts)]
        return [after - before for before, after in pairwise(total)]

    @property
    def status(self) -> list[bool]:
        """Success, by transaction."""
        return [receipt.success for receipt in self.outcome.receipts]

    def facts(self) -> tuple[Any, ...]:
        """Everything that two runs of one block must agree on, in its order."""
        outcome = self.outcome
        receipts = [receipt.encode() for receipt in outcome.receipts]
        figures = outcome.gas_used, outcome.blob_gas_used, receipts, outcome.logs_bloom, outcome.requests
        return *figures, list(self.access.items()), list(self.changes.items()), list(self.leaves.items())


@dataclass(frozen=True)
class World:
    """A state as a tree, under one profile and engine."""

    profile: Profile
    tree: Tree[Any]
    keys: TreeKeys[Any]
    known: Mapping[Address, bytes]
    """Code that every node of the network knows by heart, besides what the profile says."""

    @classmethod
    def of(
        cls,
        profile: Profile,
        engine: Engine[Any],
        accounts: Mapping[Address, Account],
        known: Mapping[Address, bytes] | None = None,
    ) -> "World":
        """The world of these accounts."""
        placed = [
            (address, location, value)
            for address, account in accounts.items()
            for location, value in account_leaves(profile, account).items()
        ]
        keys = tree_keys(engine, profile, [(address, location) for address, location, _ in placed])
        writes = {key: value for key, (_, _, value) in zip(keys, placed, strict=True)}
        return cls(profile, Tree.empty(engine).update(writes), TreeKeys(engine, profile), known or {})

    def run(self, block: Block, tracer: Tracer | None = None) -> Run:
        """Execute a block. Raises: Rejection; UnknownNode where the tree is partial."""
        witness = AccessWitness()
        view = WatchedView(self, witness, {signed.sender for signed in block.transactions})
        rules = self.profile.require_execution()
        schedule = schedule_of(self.profile, witness, view.leaf)
        outcome = apply_block(rules, schedule, view, block.environment, block.transactions, block.withdrawals, tracer)
        changes = outcome.state.changes()
        leaves = view.new_leaves(changes)
        return Run(outcome, dict(witness.block), changes, leaves, view.unannounced)

    def fill(
        self,
        environment: BlockEnvironment,
        drafts: Sequence[Callable[[Callable[[Address], int]], Signed]],
        withdrawals: Sequence[Withdrawal] = (),
    ) -> Block:
        """A block of those transactions that are valid one after the other. A draft makes one when told nonces."""
        view = TreeView(self.tree, self.keys)
        schedule = schedule_of(self.profile, AccessWitness(), view.leaf)
        execution = BlockExecution(self.profile.require_execution(), schedule, view, environment)
        execution.begin()
        included = []
        for draft in drafts:
            signed = draft(execution.machine.state.nonce)
            try:
                execution.apply(signed)
            except Rejection:
                continue
            included.append(signed)
        return Block(environment, tuple(included), tuple(withdrawals))

    def view(self) -> TreeView[Any]:
        """The state."""
        return TreeView(self.tree, self.keys)

    def key(self, leaf: Leaf) -> TreeKey:
        """The tree key of a leaf."""
        return self.keys.key(leaf)

    def witness(self, run: Run, *, without: Leaf | None = None) -> ExecutionWitness:
        """The witness of a run: its access events, and what it writes to them."""
        keys = [self.key(leaf) for leaf in run.access if leaf != without]
        listed = set(keys)
        writes = {self.key(leaf): value for leaf, value in run.leaves.items() if self.key(leaf) in listed}
        return prove(self.tree, keys, writes, markers=self.profile.internal_node_markers)

    def proven(self, run: Run, *, without: Leaf | None = None) -> "World":
        """What a verifier knows of this world from the run's witness."""
        witness = self.witness(run, without=without)
        markers = self.profile.internal_node_markers
        return replace(self, tree=check(self.tree.engine, witness, self.tree.state_root(), markers=markers))

    def after(self, run: Run) -> "World":
        """The world after a block. Raises: UnknownNode where the tree is partial."""
        return replace(self, tree=self.tree.update({self.key(leaf): value for leaf, value in run.leaves.items()}))


class Onlooker:
    """A tracer that does nothing: others see what they want to see."""

    def watch(self, witness: AccessWitness) -> None:
        """See `Tracer`."""

    def begin(self, message: Message) -> None:
        """See `Tracer`."""

    def enter(self, frame: Frame) -> None:
        """See `Tracer`."""

    def step(self, frame: Frame) -> None:
        """See `Tracer`."""

    def stepped(self, frame: Frame, cost: int) -> None:
        """See `Tracer`."""

    def leave(self, frame: Frame, result: Result) -> None:
        """See `Tracer`."""

    def end(self, result: Result, gas_used: int = 0) -> None:
        """See `Tracer`."""


class WatchedView(TreeView[Any]):
    """A tree that notes what is read of it too early."""

    def __init__(self, world: World, witness: AccessWitness, senders: Collection[Address]) -> None:
        super().__init__(world.tree, world.keys)
        self.unannounced: list[Leaf] = []
        self._witness = witness
        self._senders = senders
        self._by_heart = world.known

    def leaf(self, leaf: Leaf) -> Value | None:
        """See `TreeView`."""
        if leaf not in self._witness.block and leaf[0] not in self._senders:
            self.unannounced.append(leaf)
        return super().leaf(leaf)

    def exists(self, address: Address) -> bool:
        """See `TreeView`."""
        if not any(leaf[:2] == (address, 0) for leaf in self._witness.block):
            self.unannounced.append((address, 0, EXISTENCE))
        return super().exists(address)

    def code(self, address: Address) -> Code:
        """See `TreeView`."""
        known = self._by_heart.get(address)
        return super().code(address) if known is None else WholeCode(known)

    def code_hash(self, address: Address) -> bytes:
        """See `TreeView`."""
        known = self._by_heart.get(address)
        return super().code_hash(address) if known is None else keccak256(known)
