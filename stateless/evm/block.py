"""What code can learn of its block.

Source: yellow paper, section 9.3; EIPs 2935, 4399, 4788, 7516.
"""

from dataclasses import dataclass

from spec.types import Address, Bytes32


@dataclass(frozen=True, slots=True)
class BlockEnvironment:
    """What code can learn of its block, and what the protocol stores at its start."""

    number: int
    timestamp: int
    coinbase: Address
    gas_limit: int
    prev_randao: bytes
    base_fee: int
    chain_id: int
    difficulty: int = 0
    blob_base_fee: int = 1
    parent_hash: Bytes32 | None = None
    parent_beacon_block_root: Bytes32 | None = None
    hashes: tuple[tuple[int, bytes], ...] = ()
    """Hashes of earlier blocks by number, in networks that keep them outside the state."""

    def hash_of(self, number: int) -> bytes:
        """The hash of an earlier block; zeros where it is not given."""
        return dict(self.hashes).get(number, bytes(32))
