"""Every number of the protocol that is not mathematics, and the fork profiles: differences are data.

A `Profile` says how one network embeds accounts into the tree and where it keeps history. Code never asks for
the name of a fork; it reads the field that differs.

| profile | networks | source |
|---|---|---|
| `verkle` | none yet: the EIPs' final text | EIP-6800, EIP-2935 |
| `kaustinen7` | devnet 7 (2024-11), execution-spec-tests "Verkle" | packed leaf |
| `kaustinen6` | devnet 6 (2024-04) | leaf per field |
| `kaustinen3` .. `kaustinen5` | devnets 3 to 5 | leaf per field, old key hash |
| `kaustinen2` | devnets 1 and 2 (2023) | the same, storage offset 2^39 |
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from spec.errors import DecodeError
from spec.forks import (
    DEVNET_HISTORY_ADDRESS,
    HISTORY_ADDRESS,
    KAUSTINEN6_EXECUTION,
    KAUSTINEN7_EXECUTION,
    VERKLE_EXECUTION,
    Execution,
)
from spec.types import Address

VERKLE_NODE_WIDTH: Final = 256
"""Children of an internal node, values of a stem. Source: EIP-6800, "Tree embedding"."""

STEM_BYTES: Final = 31
"""Path bytes of a stem; so also the greatest depth of a stem node."""

BASIC_DATA_LEAF_KEY: Final = 0
"""Suffix of version, code size, nonce and balance, packed. Source: EIP-6800, "Header values"."""
CODE_HASH_LEAF_KEY: Final = 1
"""Suffix of the code hash in the packed layout. Source: EIP-6800, "Header values"."""

HEADER_STORAGE_OFFSET: Final = 64
"""Position of storage slot 0 in the account's header stem. Source: EIP-6800, "Tree embedding"."""
CODE_OFFSET: Final = 128
"""Position of code chunk 0. Source: EIP-6800, "Tree embedding"."""
MAIN_STORAGE_OFFSET: Final = 256**31
"""Position of slot 0 of the main storage (slots 64 and up). Source: EIP-6800, "Tree embedding"."""
KAUSTINEN2_MAIN_STORAGE_OFFSET: Final = 256 << 31
"""2^39: devnets 1 and 2 shifted where the EIP takes a power; kept because their roots depend on it."""

CODE_CHUNK_BYTES: Final = 31
"""Code bytes of one chunk; the 32nd byte counts leading push data. Source: EIP-6800, "Code"."""

EMPTY_CODE_HASH: Final = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak256 of no code: the code hash of accounts without code."""

HISTORY_SERVE_WINDOW: Final = 8191
"""Parent hashes that the history contract keeps. Source: EIP-2935, "Parameters"."""
DEVNET_HISTORY_SERVE_WINDOW: Final = 8192
"""The devnets' ring; the EIP's final text has 8191."""

MAX_STEMS: Final = 2**16
"""Stems in one state diff. Source: consensus-specs, EIP-6800 feature, "Preset"."""
MAX_COMMITMENTS_PER_STEM: Final = 33
"""30 internal nodes below the root, a stem node, two halves. Source: consensus-specs, EIP-6800 feature, "Preset"."""
IPA_PROOF_DEPTH: Final = 8
"""Rounds of the inner product argument: log2 of VERKLE_NODE_WIDTH."""


class LeafLayout(StrEnum):
    """How an account's header values are spread over leaves."""

    PACKED = "packed"
    """Suffix 0: basic data, big-endian; suffix 1: code hash. Source: EIP-6800."""
    FIELDS = "fields"
    """Suffixes 0..4: version, balance, nonce, code hash, code size; integers little-endian (devnets 1 to 6)."""


class KeyHash(StrEnum):
    """How the commitment to address and tree index becomes a stem."""

    MAP_TO_SCALAR_FIELD = "map-to-scalar-field"
    """LE32(map_to_scalar_field(P))[:31]. Source: EIP-6800 since 2024-03."""
    SERIALIZE = "serialize"
    """reverse(compress(P))[:31] (devnets 1 to 5)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one network, as data."""

    name: str
    chain_id: int
    """What transactions are signed for, where nothing else tells (EIP-155)."""
    leaf_layout: LeafLayout
    key_hash: KeyHash
    main_storage_offset: int
    history_address: Address
    history_window: int
    blob_gas: bool
    """Whether payloads and headers carry blob gas fields (Cancun and later)."""
    execution: Execution | None
    """By which rules blocks execute. None: only proofs can be checked (the oldest devnets' gas is not known here)."""
    internal_node_markers: bool
    """Whether proofs show that internal nodes are internal. The devnets' do not, and absence can be forged in them."""

    def require_execution(self) -> Execution:
        """The rules of execution. Raises: DecodeError where there are none."""
        if self.execution is None:
            raise DecodeError("blocks of this network cannot be executed: its gas rules are not known", self.name)
        return self.execution


VERKLE: Final = Profile(
    name="verkle",
    chain_id=1,
    leaf_layout=LeafLayout.PACKED,
    key_hash=KeyHash.MAP_TO_SCALAR_FIELD,
    main_storage_offset=MAIN_STORAGE_OFFSET,
    history_address=HISTORY_ADDRESS,
    history_window=HISTORY_SERVE_WINDOW,
    blob_gas=True,
    execution=VERKLE_EXECUTION,
    internal_node_markers=True,
)
"""The EIPs' final text: the product."""

KAUSTINEN7: Final = replace(
    VERKLE,
    name="kaustinen7",
    chain_id=69420,
    history_address=DEVNET_HISTORY_ADDRESS,
    history_window=DEVNET_HISTORY_SERVE_WINDOW,
    blob_gas=False,
    execution=KAUSTINEN7_EXECUTION,
    internal_node_markers=False,
)
KAUSTINEN6: Final = replace(
    KAUSTINEN7, name="kaustinen6", leaf_layout=LeafLayout.FIELDS, execution=KAUSTINEN6_EXECUTION
)
KAUSTINEN5: Final = replace(KAUSTINEN6, name="kaustinen5", key_hash=KeyHash.SERIALIZE, execution=None)
KAUSTINEN4: Final = replace(KAUSTINEN5, name="kaustinen4")
KAUSTINEN3: Final = replace(KAUSTINEN5, name="kaustinen3", chain_id=69421)
KAUSTINEN2: Final = replace(KAUSTINEN5, name="kaustinen2", main_storage_offset=KAUSTINEN2_MAIN_STORAGE_OFFSET)

PROFILES: Final = MappingProxyType(
    {
        profile.name: profile
        for profile in (VERKLE, KAUSTINEN7, KAUSTINEN6, KAUSTINEN5, KAUSTINEN4, KAUSTINEN3, KAUSTINEN2)
    }
)
"""Profiles by name, the default first."""
