"""The state of a transition tool, before and after a block: plain accounts, or a Verkle tree.

Source: go-ethereum, `cmd/evm/internal/t8ntool`, and its branch `kaustinen-with-shapella` for trees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spec.containers import Account, ExecutionWitness
from spec.params import Profile
from spec.types import Address, StateRoot, TreeKey, Value
from stateless.accounts import AccountsView, changed
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.schedule import Schedule
from stateless.schedules import schedule_of
from stateless.state import StateView
from stateless.transition import BlockExecution
from stateless.tree_view import TreeKeys, TreeView
from stateless.tries import state_root
from verkle.embedding import account_leaves, tree_keys
from verkle.engine import Engine
from verkle.tree import Tree
from witness.access import AccessWitness
from witness.proof import prove


@dataclass(frozen=True, slots=True)
class TreeResult:
    """What a block does to a Verkle tree."""

    parent_root: StateRoot
    leaves: Mapping[TreeKey, Value]
    """All of them, afterwards."""
    witness: ExecutionWitness | None
    """None where the block touches nothing."""


@dataclass(frozen=True, slots=True)
class Post:
    """The state after a block."""

    root: bytes
    accounts: Mapping[Address, Account]
    tree: TreeResult | None


class AccountState:
    """Plain accounts, and the root of their Merkle-Patricia trie."""

    def __init__(self, accounts: Mapping[Address, Account]) -> None:
        self._accounts = accounts
        self.view: StateView = AccountsView(accounts)
        self.schedule: Schedule = AccountSchedule()

    def after(self, execution: BlockExecution) -> Post:
        """The accounts after the block."""
        accounts = changed(self._accounts, execution.machine.state.changes())
        return Post(state_root(accounts), accounts, None)


class TreeState:
    """A Verkle tree: of leaves, or of accounts where no leaves are given."""

    def __init__(
        self,
        profile: Profile,
        engine: Engine[Any],
        accounts: Mapping[Address, Account],
        leaves: Mapping[TreeKey, Value] | None,
    ) -> None:
        self._profile = profile
        self._given = accounts if leaves is None else None
        self._leaves = leaves_of(profile, engine, accounts) if leaves is None else dict(leaves)
        self._tree = Tree.empty(engine).update(self._leaves)
        self._keys = TreeKeys(engine, profile)
        self._access = AccessWitness()
        self._tree_view = TreeView(self._tree, self._keys)
        self.view: StateView = self._tree_view
        self.schedule: Schedule = schedule_of(profile, self._access, self._tree_view.leaf)

    def after(self, execution: BlockExecution) -> Post:
        """The tree after the block, and the witness of it.

        What a devnet writes without an event on it is not in the witness, as it was not in theirs.
        """
        changes = execution.machine.state.changes()
        written = {self._keys.key(leaf): value for leaf, value in self._tree_view.new_leaves(changes).items()}
        self._keys.prepare((address, index) for address, index, _ in self._access.block)
        touched = {self._keys.key(leaf) for leaf in self._access.block}
        witness = None
        if touched:
            listed = {key: value for key, value in written.items() if key in touched}
            witness = prove(self._tree, touched, listed, markers=self._profile.internal_node_markers)
        parent_root, root = self._tree.state_root(), self._tree.update(written).state_root()
        accounts = {} if self._given is None else changed(self._given, changes)
        return Post(root, accounts, TreeResult(parent_root, {**self._leaves, **written}, witness))


def leaves_of(profile: Profile, engine: Engine[Any], accounts: Mapping[Address, Account]) -> dict[TreeKey, Value]:
    """The leaves of accounts."""
    placed = [
        (address, location, value)
        for address, account in accounts.items()
        for location, value in account_leaves(profile, account).items()
    ]
    keys = tree_keys(engine, profile, [(address, location) for address, location, _ in placed])
    return {key: value for key, (_, _, value) in zip(keys, placed, strict=True)}
