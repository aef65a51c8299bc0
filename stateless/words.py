"""Leaves in words: what stands at a place of an account, for messages.

Source: EIP-6800, "Tree embedding"; spec/embedding.md for the leaf-per-field layout.
"""

from typing import Final

from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    HEADER_STORAGE_OFFSET,
    VERKLE_NODE_WIDTH,
    LeafLayout,
    Profile,
)
from verkle import embedding
from witness.access import Leaf

_PACKED_NAMES: Final = {BASIC_DATA_LEAF_KEY: "basic data", CODE_HASH_LEAF_KEY: "code hash"}
_FIELD_NAMES: Final = {
    embedding.VERSION_LEAF_KEY: "version",
    embedding.BALANCE_LEAF_KEY: "balance",
    embedding.NONCE_LEAF_KEY: "nonce",
    embedding.FIELD_CODE_HASH_LEAF_KEY: "code hash",
    embedding.CODE_SIZE_LEAF_KEY: "code size",
}


def name_at(profile: Profile, tree_index: int, sub_index: int) -> str:
    """What stands at a place of an account: "basic data", "slot 5", "code chunk 12"."""
    position = tree_index * VERKLE_NODE_WIDTH + sub_index
    if position >= profile.main_storage_offset:
        return f"slot {position - profile.main_storage_offset}"
    if position >= CODE_OFFSET:
        return f"code chunk {position - CODE_OFFSET}"
    if position >= HEADER_STORAGE_OFFSET:
        return f"slot {position - HEADER_STORAGE_OFFSET}"
    names = _PACKED_NAMES if profile.leaf_layout is LeafLayout.PACKED else _FIELD_NAMES
    return names.get(sub_index, "reserved")


def leaf_in_words(profile: Profile, leaf: Leaf) -> str:
    """ "basic data of 0x.."."""
    address, tree_index, sub_index = leaf
    return f"{name_at(profile, tree_index, sub_index)} of 0x{address.hex()}"
