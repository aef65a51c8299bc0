"""Access events: what a block touched in the tree, and what that costs.

    cost(event)     what it would cost now, by what the transaction has touched so far
    record(event)   from now on it is touched

Two steps and never one: an event that cannot be paid for is not recorded. Nothing is taken back: a reverted frame has
still made the witness larger. Every transaction begins with nothing touched; the block's witness is the union of its
transactions' and of what the protocol itself touches.

An event is on one leaf of an account, (address, tree_index, sub_index):

    WITNESS_BRANCH_COST   the first event on (address, tree_index)
    WITNESS_CHUNK_COST    the first event on the leaf
    SUBTREE_EDIT_COST     the first write below (address, tree_index)
    CHUNK_EDIT_COST       the first write of the leaf
    CHUNK_FILL_COST       the first write of a leaf that was absent; see below

A write event is always an access event too, and pays for both or not at all. The fill cost is the one exception: it is
asked for after the event is recorded, because who holds no state can only know that a leaf was absent if the witness
lists it (decision 14).

Source: EIP-4762, "Access events", "Write events", "Gas costs".
"""

from collections.abc import Callable
from typing import Final

from spec.types import Address
from verkle.embedding import Location

WITNESS_BRANCH_COST: Final = 1900
WITNESS_CHUNK_COST: Final = 200
SUBTREE_EDIT_COST: Final = 3000
CHUNK_EDIT_COST: Final = 500

Leaf = tuple[Address, int, int]
"""(address, tree_index, sub_index)."""
Observer = Callable[[Leaf, bool, int], None]
"""Sees an event that is new to the transaction: its leaf, whether it writes, its price."""


class AccessWitness:
    """The events of a block, and of its current transaction."""

    __slots__ = ("_edited", "_edited_subtrees", "_filled", "_leaves", "_subtrees", "block", "observer")

    def __init__(self) -> None:
        self._subtrees: set[tuple[Address, int]] = set()
        self._leaves: set[Leaf] = set()
        self._edited_subtrees: set[tuple[Address, int]] = set()
        self._edited: set[Leaf] = set()
        self._filled: set[Leaf] = set()
        self.block: Final[dict[Leaf, bool]] = {}
        """Every leaf that the block touched, and whether an event wrote it."""
        self.observer: Observer | None = None
        """Looks on, for traces: called for each event before it is recorded, and for each leaf that is filled."""

    def cost(self, leaf: Leaf, *, write: bool = False) -> int:
        """The price of an event, in gas, fill cost left out."""
        gas = 0
        if leaf not in self._leaves:
            gas = WITNESS_CHUNK_COST
            if leaf[:2] not in self._subtrees:
                gas += WITNESS_BRANCH_COST
        if write and leaf not in self._edited:
            gas += CHUNK_EDIT_COST
            if leaf[:2] not in self._edited_subtrees:
                gas += SUBTREE_EDIT_COST
        return gas

    def record(self, leaf: Leaf, *, write: bool = False) -> None:
        """Take an event, paid for or free, into the transaction's and the block's witness."""
        if self.observer is not None and (leaf not in self._leaves or (write and leaf not in self._edited)):
            self.observer(leaf, write, self.cost(leaf, write=write))
        if leaf not in self._leaves:
            self._leaves.add(leaf)
            self._subtrees.add(leaf[:2])
        if write:
            if leaf not in self._edited:
                self._edited.add(leaf)
                self._edited_subtrees.add(leaf[:2])
            self.block[leaf] = True
        else:
            self.block.setdefault(leaf, False)

    def is_settled(self, leaf: Leaf, *, write: bool = False) -> bool:
        """Whether the transaction has paid for the event before, fill cost included: it costs and changes nothing."""
        return leaf in self._filled if write else leaf in self._leaves

    def record_fill(self, leaf: Leaf, paid: int = 0) -> None:
        """A write's fill cost is paid, or is not due."""
        if self.observer is not None and paid:
            self.observer(leaf, True, paid)
        self._filled.add(leaf)

    def record_for_block(self, leaf: Leaf, *, write: bool = False) -> None:
        """Take an event of the protocol itself into the block's witness: it makes nothing warm."""
        if write:
            self.block[leaf] = True
        else:
            self.block.setdefault(leaf, False)

    def end_transaction(self) -> None:
        """Nothing is touched any more, for the next transaction."""
        self._subtrees.clear()
        self._leaves.clear()
        self._edited_subtrees.clear()
        self._edited.clear()
        self._filled.clear()

    def locations(self) -> list[tuple[Address, Location]]:
        """Where every touched leaf of the block stands."""
        return [(address, Location(tree_index, sub_index)) for address, tree_index, sub_index in self.block]
