"""A chain's state as Merkle-Patricia tries, beside the Verkle tree: what its blocks' witnesses would weigh there.

    baseline = Baseline(genesis, profile)
    baseline.add(finished)                  the Merkle witness of a block's accesses; then the block's changes are made

Blocks are added in order. The accesses are those that EIP-4762 lists, so both trees answer the same questions.
"""

from collections.abc import Mapping

from builder.work import Finished
from spec.containers import Genesis
from spec.params import Profile
from spec.types import Address
from stateless.state import AccountChange
from witness.mpt import MerkleState, MerkleWitness, accesses


class Baseline:
    """Merkle-Patricia tries that follow a chain."""

    def __init__(self, genesis: Genesis, profile: Profile) -> None:
        self._main_storage_offset = profile.main_storage_offset
        self.state = MerkleState(genesis.alloc)

    def add(self, finished: Finished, *, measures: bool = True) -> MerkleWitness:
        """The next block: its witness, empty unless it `measures`."""
        touched = accesses(finished.accessed, self._main_storage_offset) if measures else {}
        witness = self.state.prove(touched)
        self._make(finished.changes)
        return witness

    def _make(self, changes: Mapping[Address, AccountChange]) -> None:
        for address, change in changes.items():
            if change.exists:
                slots = change.storage.items()
                self.state.update(address, change.balance, change.nonce, change.code, slots, wipes=change.wiped)
            else:
                self.state.remove(address)
