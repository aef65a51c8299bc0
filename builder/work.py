"""One block on the state of a database: executed, proved, and turned into the records that it changes.

Execution reads values only; nodes are loaded when everything that the block touched is known (`builder.stored_tree`).

    Work(...)            begin a block
    work.execution       apply its transactions (stateless.transition)
    work.finish(...)     the outcome, the new state root, the witness, the batch
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic

from builder.database import CODE, PREIMAGES, Batch, Reader
from builder.stored_tree import StoredLeaves, changed, load
from spec.containers import ExecutionWitness, Withdrawal
from spec.crypto import keccak256
from spec.types import Address, StateRoot, TreeKey, Value
from stateless.evm.block import BlockEnvironment
from stateless.evm.calls import create_address
from stateless.schedules import schedule_of
from stateless.state import AccountChange
from stateless.transition import BlockExecution, Outcome, Signed
from stateless.tree_view import TreeKeys, TreeView
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness.access import AccessWitness, Leaf
from witness.proof import prove

TREE_INDEX_BYTES: Final = 32

STAGES: Final = ("execute", "load", "prove", "update")
"""What an observer of `Work.finish` is told of, in this order."""

Observer = Callable[[str], None]
"""Told the name of a stage when it has ended, for timing and progress."""


def unobserved(_: str) -> None:
    """Where nobody looks on."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a block came to on this state."""

    outcome: Outcome
    state_root: StateRoot
    accessed: tuple[Leaf, ...]
    """What the witness lists."""
    changes: Mapping[Address, AccountChange]
    witness: ExecutionWitness | None
    batch: Batch
    """State only: values, nodes, code, preimages of stems."""


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles inside, which goes through everything that lives, again and again.

    A block's records and nodes are some hundred thousand objects, none of them in a circle: looking for some took more
    than half of the time of loading and of updating. What counting of references frees is freed as ever.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Work(Generic[P]):
    """A block while it is executed on the state that a reader sees."""

    def __init__(self, reader: Reader, engine: Engine[P], keys: TreeKeys[P], block: BlockEnvironment) -> None:
        self._reader: Final = reader
        self._engine: Final = engine
        self._keys: Final = keys
        self._access: Final = AccessWitness()
        self._view: Final = TreeView(StoredLeaves(reader), keys)
        schedule = schedule_of(keys.profile, self._access, self._view.leaf)
        self.execution: Final = BlockExecution(keys.profile.require_execution(), schedule, self._view, block)

    @uncollected()
    def finish(self, withdrawals: Sequence[Withdrawal], *, proves: bool, observe: Observer = unobserved) -> Finished:
        """End the block. `proves`: whether to make its witness. Raises: Rejection; DecodeError."""
        outcome = self.execution.end(withdrawals)
        observe("execute")
        changes = outcome.state.changes()
        leaves = self._view.new_leaves(changes)
        accessed = tuple(self._access.block)
        self._keys.prepare(leaf[:2] for leaf in (*accessed, *leaves))
        listed = {self._keys.key(leaf) for leaf in accessed}
        writes = {self._keys.key(leaf): value for leaf, value in leaves.items()}
        tree = load(self._reader, self._engine, {key.stem for key in (*(listed if proves else ()), *writes)})
        observe("load")
        witness = self._prove(tree, listed, writes) if proves else None
        observe("prove")
        after = tree.update(writes)
        batch = changed(after, {key.stem for key in writes})
        for leaf in leaves:
            batch.put(PREIMAGES, self._keys.stem(*leaf[:2]), leaf[0] + leaf[1].to_bytes(TREE_INDEX_BYTES, "big"))
        for change in changes.values():
            if change.code:
                batch.put(CODE, keccak256(change.code), change.code)
        observe("update")
        return Finished(outcome, after.state_root(), accessed, changes, witness, batch)

    def _prove(self, tree: Tree[P], listed: set[TreeKey], writes: dict[TreeKey, Value]) -> ExecutionWitness:
        """The witness lists what events touched; a devnet's block may write beside them (spec/gas.md, "Devnet 6")."""
        shown = {key: value for key, value in writes.items() if key in listed}
        return prove(tree, listed, shown, markers=self._keys.profile.internal_node_markers)


def header_places(coinbase: Address, transactions: Iterable[Signed]) -> list[tuple[Address, int]]:
    """The header stems that a block's transactions touch for certain, to be derived in one batch."""
    places = [(coinbase, 0)]
    for signed in transactions:
        target = signed.transaction.to
        places.append((signed.sender, 0))
        if target is None:
            target = create_address(signed.sender, signed.transaction.nonce)
        places.append((target, 0))
    return places
