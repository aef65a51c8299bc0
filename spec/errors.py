"""The five families of failure, and `Reason`: the closed list of why something is rejected.

A caller decides by family what to do:

- `DecodeError`: bytes or text are not a canonical encoding of what they claim to be;
- `UnknownNode`: a partial view of the state cannot answer (never the same as "absent");
- `Rejection`: a rule of the protocol is broken; carries a `Reason` and the facts;
- `ExceptionalHalt`: an EVM frame loses its gas (caught inside the machine only);
- `EngineUnavailable`: an engine asked for by name cannot run here, or fails its self-test.
"""

from enum import StrEnum, unique
from typing import Final


@unique
class Reason(StrEnum):
    """Why a block, witness or proof is rejected. Values are stable: users match on them."""

    STEMS_NOT_ASCENDING = "stems-not-ascending"
    """state_diff: stems must be strictly ascending (so also unique)."""
    SUFFIXES_NOT_ASCENDING = "suffixes-not-ascending"
    """suffix_diffs: suffixes must be strictly ascending within a stem."""
    SUFFIXES_MISSING = "suffixes-missing"
    """A stem is listed with no suffix: it would prove nothing."""
    NEW_VALUE_NOT_A_CHANGE = "new-value-not-a-change"
    """new_value is given only where it differs from current_value (protocol: null means unchanged)."""
    EXTENSION_COUNT = "extension-count"
    """depth_extension_present must hold one byte per distinct stem of the state diff."""
    EXTENSION_STATUS = "extension-status"
    """Status bits are 0 (empty slot), 1 (other stem) or 2 (present); 3 and bit 2 mean nothing."""
    EXTENSION_DEPTH = "extension-depth"
    """Depth counts path bytes below the root: 1 to 31."""
    ABSENT_STEM_HAS_VALUE = "absent-stem-has-value"
    """A stem proven absent can hold no current value."""
    SHAPE_CONFLICT = "shape-conflict"
    """Two claims disagree on what stands at one path of the tree."""
    OTHER_STEMS_NOT_ASCENDING = "other-stems-not-ascending"
    """other_stems must be strictly ascending (so also unique)."""
    OTHER_STEM_MISSING = "other-stem-missing"
    """Status 1 names no stem: none of other_stems or of the present stems stands at that path."""
    OTHER_STEM_UNUSED = "other-stem-unused"
    """An entry of other_stems that no absence needs, or that a present stem already tells."""
    OTHER_STEM_IS_QUERIED_STEM = "other-stem-is-queried-stem"
    """A stem is claimed absent because the very same stem stands at its place."""
    INTERNAL_NODE_EMPTY = "internal-node-empty"
    """A claimed internal node below the root maps to 0, as the identity does: an empty slot passed off as a node."""
    MARKER_COUNT = "marker-count"
    """internal_node_markers must hold one entry per internal node that nothing else shows to be one."""
    MARKER_OF_STEM_NODE = "marker-of-stem-node"
    """A claimed internal node has 1 as entry 0: it is a stem node, and the absence below it is forged."""
    COMMITMENT_COUNT = "commitment-count"
    """commitments_by_path must hold one commitment per distinct path below the root."""
    PROOF_INVALID = "proof-invalid"
    """The multiproof does not verify against the trusted root."""
    CHALLENGE_IN_DOMAIN = "challenge-in-domain"
    """The evaluation challenge fell into 0..255 (probability 2^-245): no quotient exists there."""
    STATE_ROOT_MISMATCH = "state-root-mismatch"
    """The post-state root computed from the witness is not the header's state root."""
    PARENT_STATE_ROOT_MISMATCH = "parent-state-root-mismatch"
    """The witness states a parent state root that is not the trusted one."""
    PARENT_MISMATCH = "parent-mismatch"
    """The block does not follow its predecessor in the file (number, or parent hash)."""
    WITNESS_MISSING = "witness-missing"
    """The block carries no execution witness."""

    WITNESS_INCOMPLETE = "witness-incomplete"
    """Execution needs a location that the witness does not list."""
    WITNESS_NOT_MINIMAL = "witness-not-minimal"
    """The witness lists a location that execution never accesses."""
    WRITE_MISMATCH = "write-mismatch"
    """A new value of the witness is not what execution writes there."""
    GAS_USED_MISMATCH = "gas-used-mismatch"
    """The transactions use another amount of gas than the header says."""
    RECEIPTS_ROOT_MISMATCH = "receipts-root-mismatch"
    """The receipts have another root than the header says."""
    LOGS_BLOOM_MISMATCH = "logs-bloom-mismatch"
    """The logs have another bloom than the header says."""
    REQUESTS_HASH_MISMATCH = "requests-hash-mismatch"
    """Execution leads to other requests than the block carries (EIP-7685)."""
    BLOB_GAS_MISMATCH = "blob-gas-mismatch"
    """The header's blob gas fields are not what transactions and parent lead to (EIP-4844)."""
    BLOB_HASHES_MISMATCH = "blob-hashes-mismatch"
    """The versioned hashes beside the payload are not those of its transactions, in order (EIP-4844)."""
    BLOCK_HASH_MISMATCH = "block-hash-mismatch"
    """The block hash is not that of the header."""
    HEADER_FIELD = "header-field"
    """A header field has a value that no block of this network can have."""
    TIMESTAMP_NOT_AFTER_PARENT = "timestamp-not-after-parent"
    """A block's time must be later than its parent's."""
    GAS_LIMIT_STEP = "gas-limit-step"
    """The gas limit moved further from the parent's than 1/1024 of it, or is below 5000."""
    BASE_FEE_MISMATCH = "base-fee-mismatch"
    """The base fee is not what the parent's header leads to (EIP-1559)."""
    EXTRA_DATA_TOO_LONG = "extra-data-too-long"
    """Extra data has at most 32 bytes."""
    GAS_LIMIT_EXCEEDED = "gas-limit-exceeded"
    """A transaction asks for more gas than the block has left."""
    GAS_FROM_NOTHING = "gas-from-nothing"
    """A transaction ends with more gas than it began with (possible in devnets that give stipends away)."""
    TRANSACTION_MALFORMED = "transaction-malformed"
    """A transaction of the block is not a canonical encoding, or its signature is impossible."""
    TRANSACTION_TYPE = "transaction-type"
    """The network does not know this type of transaction yet."""
    TRANSACTION_FORM = "transaction-form"
    """A transaction lacks what its type asks for, or has what its type forbids."""
    CHAIN_ID_MISMATCH = "chain-id-mismatch"
    """The transaction is signed for another chain."""
    NONCE_MISMATCH = "nonce-mismatch"
    """The transaction's nonce is not its sender's."""
    NONCE_OVERFLOW = "nonce-overflow"
    """A nonce of 2^64 - 1 cannot be used (EIP-2681)."""
    INSUFFICIENT_FUNDS = "insufficient-funds"
    """The sender cannot pay for gas and value."""
    SENDER_NOT_EOA = "sender-not-eoa"
    """The sender has code that is no delegation (EIP-3607)."""
    FEE_TOO_LOW = "fee-too-low"
    """The most that the transaction pays per gas, or per blob gas, is below the base fee."""
    PRIORITY_FEE_ABOVE_FEE = "priority-fee-above-fee"
    """The priority fee is above the most that the transaction pays per gas (EIP-1559)."""
    INTRINSIC_GAS = "intrinsic-gas"
    """The transaction's gas limit is below what it costs before it runs."""
    TRANSACTION_GAS_LIMIT = "transaction-gas-limit"
    """The transaction asks for more gas than one may (EIP-7825)."""
    INITCODE_TOO_LONG = "initcode-too-long"
    """Initcode has at most 49152 bytes (EIP-3860)."""
    BLOB_COUNT = "blob-count"
    """A transaction or block carries too many blobs, or a blob transaction none."""
    BLOB_VERSION = "blob-version"
    """A blob's versioned hash is of an unknown version."""
    STATE_VALUE = "state-value"
    """A leaf of the state holds, or would hold, what its place has no form for: a balance of 2^128 wei, say."""
    SYSTEM_CALL_FAILED = "system-call-failed"
    """A system contract that must answer is missing or fails (EIP-7002, EIP-7251)."""
    DEPOSIT_MALFORMED = "deposit-malformed"
    """A log of the deposit contract does not have the layout of a deposit (EIP-6110)."""

    PARENT_UNKNOWN = "parent-unknown"
    """The block's parent is not in the chain that it is to be put on."""
    BLOCK_NOT_RETAINED = "block-not-retained"
    """The chain cannot go back so far: what later blocks replaced is no longer kept."""
    WITNESS_DIFFERS = "witness-differs"
    """The block's witness is not the one that its state gives."""


Fact = str | int | bytes


def _say(fact: Fact) -> str:
    return "0x" + fact.hex() if isinstance(fact, bytes) else str(fact)


class DecodeError(ValueError):
    """Bytes or text that are not a canonical encoding. One line: where, what, which rule."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message, where)
        self.message: Final = message
        self.where: Final = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def inside(self, place: str) -> "DecodeError":
        """The same error, seen from the container that holds the faulty part."""
        joint = "" if not self.where or self.where.startswith("[") else "."
        return DecodeError(self.message, f"{place}{joint}{self.where}")


class UnknownNode(LookupError):
    """The view cannot say what stands here: a partial tree was asked beyond what its witness shows."""

    def __init__(self, path: bytes, key: bytes) -> None:
        super().__init__(path, key)
        self.path: Final = path
        self.key: Final = key

    def __str__(self) -> str:
        return f"nothing is known at path 0x{self.path.hex()} (asked for key 0x{self.key.hex()})"


class Rejection(Exception):
    """A rule is broken. `facts` are the values that show it, by name."""

    def __init__(self, reason: Reason, **facts: Fact) -> None:
        super().__init__(reason, facts)
        self.reason: Final = reason
        self.facts: Final = facts

    def __str__(self) -> str:
        shown = ", ".join(f"{name.replace('_', ' ')} {_say(fact)}" for name, fact in self.facts.items())
        return f"{self.reason}: {shown}" if shown else str(self.reason)


class ExceptionalHalt(Exception):
    """An EVM frame halts and loses its gas. Never leaves the machine."""


class EngineUnavailable(RuntimeError):
    """An engine that was asked for cannot run here, with the reason in one line."""
