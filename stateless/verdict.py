"""What a verifier says of a valid block: what it has checked, and what it takes for granted.

Source: spec/verification.md; decision 8 (verdicts are conditional), decision 10 (absence).
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Generic

from stateless.transition import Outcome
from verkle.engine import P
from verkle.tree import Tree


@unique
class Check(StrEnum):
    """What a verdict rests on, in the order of checking. Values are stable: users match on them."""

    HEADER = "header"
    """Which fields there are, and what they can be."""
    PARENT = "parent"
    """Number, parent hash, time, gas limit, base fee and excess blob gas follow from the parent's header."""
    BLOCK_HASH = "block-hash"
    """The hash of the header is the block hash; transactions and withdrawals are bound by it."""
    TRANSACTIONS = "transactions"
    """Each is canonical, signed, allowed where it stands, and executed."""
    BLOBS = "blobs"
    """Blob gas used, and the versioned hashes beside the payload, are those of the transactions."""
    PROOF = "proof"
    """The witness's current values are the parent state's."""
    COMPLETE = "witness-complete"
    """The witness lists all that the block touches."""
    GAS_USED = "gas-used"
    """The transactions use the gas that the header says."""
    RECEIPTS_ROOT = "receipts-root"
    """The receipts have the root that the header says."""
    LOGS_BLOOM = "logs-bloom"
    """The logs have the bloom that the header says."""
    REQUESTS = "requests"
    """Execution leads to the requests beside the payload."""
    MINIMAL = "witness-minimal"
    """The witness lists nothing that the block does not touch."""
    WRITES = "writes"
    """The witness's new values are what the block writes."""
    POST_ROOT = "post-root"
    """The new values lead to the header's state root."""


@unique
class Assumption(StrEnum):
    """What a verdict takes for granted. Values are stable: users match on them."""

    PARENT_STATE = "parent-state"
    """The parent's state root (or the header that holds it) is that of a valid block."""
    PARENT_HEADER = "parent-header"
    """Only the state root is known of the parent: what the rest of its header leads to is taken as the block says."""
    CONSENSUS = "consensus"
    """What consensus decides: time slot, randomness, fee recipient, withdrawals, beacon root; that blobs exist."""
    ABSENCE = "absence"
    """What the proof says of absence: its format does not show that internal nodes are internal."""
    EXECUTION = "execution"
    """All that execution would tell: nothing was executed."""


PROOF_CHECKS: Final = (Check.PROOF, Check.POST_ROOT)
"""What is checked where nothing is executed."""


def checks_of(*, header: bool, minimal: bool) -> tuple[Check, ...]:
    """All checks but those on the parent's header, where there is none, and on a witness that lists too much."""
    left_out = {Check.PARENT: not header, Check.MINIMAL: not minimal}
    return tuple(check for check in Check if not left_out.get(check))


def assumptions_of(*, header: bool, markers: bool, executed: bool = True) -> tuple[Assumption, ...]:
    """What is assumed with or without the parent's header, and with or without markers in the proof."""
    made = {
        Assumption.PARENT_STATE: True,
        Assumption.PARENT_HEADER: not header,
        Assumption.CONSENSUS: True,
        Assumption.ABSENCE: not markers,
        Assumption.EXECUTION: not executed,
    }
    return tuple(assumption for assumption, is_made in made.items() if is_made)


@dataclass(frozen=True, slots=True)
class Verified(Generic[P]):
    """A block that is valid, if what is assumed holds."""

    post_state: Tree[P]
    """The part of the tree that the witness shows, after the block."""
    outcome: Outcome
    checks: tuple[Check, ...]
    assumed: tuple[Assumption, ...]
    transactions: int
    locations: int
    """That the block touches: those that its witness must list."""
    writes: int
    """Locations whose value changes."""
    unneeded: int
    """Locations that the witness lists for nothing; 0 unless the verifier was lenient."""

    @property
    def gas_used(self) -> int:
        """By the transactions, in units of gas."""
        return self.outcome.gas_used
