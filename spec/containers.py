"""Shapes only: what a block, its witness and a genesis consist of. Rules live where they are checked.

Names are those of consensus-specs (EIP-6800 feature) and the Engine API, in snake_case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, Stem, TreeKey, Uint64, Uint256, Value


@dataclass(frozen=True, slots=True)
class SuffixStateDiff:
    """One location of a stem: what it held before the block, and what it holds after if that differs."""

    suffix: int
    current_value: Value | None
    """None: absent before the block."""
    new_value: Value | None
    """None: not changed by the block (never "deleted")."""


@dataclass(frozen=True, slots=True)
class StemStateDiff:
    """The locations of one stem that the block touched, by ascending suffix."""

    stem: Stem
    suffix_diffs: tuple[SuffixStateDiff, ...]


StateDiff = tuple[StemStateDiff, ...]
"""Every location that the block touched, by ascending stem."""


@dataclass(frozen=True, slots=True)
class IPAProof:
    """One inner product argument: eight rounds of L and R, and the last scalar.

    Byte order: points compressed big-endian; final_evaluation **big-endian** here, as in JSON and SSZ
    (the 576-byte binary multiproof has it little-endian).
    """

    cl: tuple[Bytes32, ...]
    cr: tuple[Bytes32, ...]
    final_evaluation: Bytes32


@dataclass(frozen=True, slots=True)
class VerkleProof:
    """What proves a state diff's current values against the parent's state root."""

    other_stems: tuple[Stem, ...]
    depth_extension_present: bytes
    """One byte per stem of the state diff: depth << 3 | status (0 empty slot, 1 other stem, 2 present)."""
    commitments_by_path: tuple[Bytes32, ...]
    """Compressed commitments by ascending path, the root left out."""
    d: Bytes32
    ipa_proof: IPAProof
    internal_node_markers: tuple[Bytes32, ...] = ()
    """Entry 0 of internal nodes that no stem node below shows to be internal, by ascending path; little-endian.

    Not in the devnets' format (a profile says which): see spec/witness.md, "Forged absence".
    """


@dataclass(frozen=True, slots=True)
class ExecutionWitness:
    """A state diff and its proof: all a stateless node needs besides the block."""

    state_diff: StateDiff
    verkle_proof: VerkleProof
    parent_state_root: StateRoot | None = None
    """Stated by devnet 7's JSON only. Never trusted; compared where given."""

    def locations(self) -> Iterator[tuple[TreeKey, SuffixStateDiff]]:
        """Every location with its tree key, in the order of the state diff."""
        for diff in self.state_diff:
            for suffix_diff in diff.suffix_diffs:
                yield TreeKey.at(diff.stem, suffix_diff.suffix), suffix_diff


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A validator's withdrawal (EIP-4895). Amount in Gwei."""

    index: Uint64
    validator_index: Uint64
    address: Address
    amount: Uint64


@dataclass(frozen=True, slots=True)
class ExecutionPayload:
    """A block as the Engine API and beacon blocks carry it, with its execution witness (EIP-6800)."""

    parent_hash: Hash32
    fee_recipient: Address
    state_root: StateRoot
    receipts_root: Hash32
    logs_bloom: Bloom
    prev_randao: Bytes32
    block_number: Uint64
    gas_limit: Uint64
    gas_used: Uint64
    timestamp: Uint64
    extra_data: bytes
    base_fee_per_gas: Uint256
    block_hash: Hash32
    transactions: tuple[bytes, ...]
    """EIP-2718 encodings."""
    withdrawals: tuple[Withdrawal, ...] | None
    """None before Shanghai."""
    blob_gas_used: Uint64 | None
    """None before Cancun."""
    excess_blob_gas: Uint64 | None
    execution_witness: ExecutionWitness | None


@dataclass(frozen=True, slots=True)
class NewPayloadRequest:
    """A block as the consensus layer hands it over: the payload, and what the header commits to besides.

    Source: consensus-specs, `NewPayloadRequest` (Bellatrix, Deneb, Electra); execution-apis, `engine_newPayloadV4`.
    """

    execution_payload: ExecutionPayload
    versioned_hashes: tuple[Bytes32, ...] | None = None
    """Of all blobs of the block's transactions, in order. None before Cancun."""
    parent_beacon_block_root: Bytes32 | None = None
    """None before Cancun."""
    execution_requests: tuple[bytes, ...] | None = None
    """Each a type byte and the requests of that type, by ascending type, none empty (EIP-7685). None before Prague."""


@dataclass(frozen=True, slots=True)
class StatelessInput:
    """All that a guest program needs to verify a block. Source: EIP-8025, with a Verkle witness in the payload."""

    new_payload_request: NewPayloadRequest
    parent_header: bytes
    """RLP. Its hash is the payload's parent hash, and so its state root is bound to the block."""
    chain_id: Uint64


@dataclass(frozen=True, slots=True)
class StatelessResult:
    """What a guest program says of its input. Source: EIP-8025, with a reason."""

    new_payload_request_root: Bytes32
    """Hash tree root of the request; zeros where the input holds none."""
    successful_validation: bool
    chain_id: Uint64
    """As the input says; 0 where it says nothing."""
    reason: str
    """The value of a `Reason`, or "decode-error"; empty for a valid block. At most 32 ASCII letters."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. Optional fields are absent before the fork that brought them, in this order."""

    parent_hash: Hash32
    ommers_hash: Hash32
    fee_recipient: Address
    state_root: StateRoot
    transactions_root: Hash32
    receipts_root: Hash32
    logs_bloom: Bloom
    difficulty: Uint256
    number: Uint64
    gas_limit: Uint64
    gas_used: Uint64
    timestamp: Uint64
    extra_data: bytes
    prev_randao: Bytes32
    nonce: bytes
    base_fee_per_gas: Uint256 | None = None
    withdrawals_root: Hash32 | None = None
    blob_gas_used: Uint64 | None = None
    excess_blob_gas: Uint64 | None = None
    parent_beacon_block_root: Bytes32 | None = None
    requests_hash: Bytes32 | None = None


@dataclass(frozen=True, slots=True)
class AccessTuple:
    """One address of an access list with its storage keys (EIP-2930)."""

    address: Address
    storage_keys: tuple[Bytes32, ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed delegation (EIP-7702)."""

    chain_id: Uint256
    address: Address
    nonce: Uint64
    y_parity: int
    r: Uint256
    s: Uint256


_UNSIGNED: Final = Uint256(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction of any type. Fields that a type lacks are None or empty, and so they are unless given.

    `gas_price` belongs to types 0 and 1, the two fees to types 2, 3 and 4. Without a signature `y_parity`, `r` and `s`
    are 0, which no signature is.
    """

    type: int
    chain_id: Uint64 | None = None
    """None for a legacy transaction without replay protection (EIP-155)."""
    nonce: Uint64
    gas_price: Uint256 | None = None
    max_priority_fee_per_gas: Uint256 | None = None
    max_fee_per_gas: Uint256 | None = None
    gas_limit: Uint64
    to: Address | None
    """None creates a contract."""
    value: Uint256
    data: bytes
    access_list: tuple[AccessTuple, ...] = ()
    max_fee_per_blob_gas: Uint256 | None = None
    blob_versioned_hashes: tuple[Bytes32, ...] = ()
    authorization_list: tuple[Authorization, ...] = ()
    y_parity: int = 0
    r: Uint256 = _UNSIGNED
    s: Uint256 = _UNSIGNED


@dataclass(frozen=True, slots=True)
class Account:
    """An account as a genesis allocates it."""

    balance: int
    nonce: Uint64
    code: bytes
    storage: Mapping[Uint256, Uint256]


@dataclass(frozen=True, slots=True)
class Genesis:
    """A geth-style genesis: the first accounts and the fields of header 0."""

    alloc: Mapping[Address, Account]
    header: Header
    """Header 0 without its state root, which the allocation and a profile decide."""
    chain_id: Uint64 | None = None
    """None where the file's config does not say."""
