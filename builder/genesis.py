"""The first state: a genesis allocation as a Verkle tree, whole or stem by stem.

    genesis_tree       the tree, in memory
    account_values     what an account holds, stem by stem, for a database (`builder.making`)

Source: EIP-6800, "Tree embedding"; geth's `genesis.json`.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import Final

from builder.records import encode_values
from spec.containers import Account, Genesis, Header
from spec.params import VERKLE_NODE_WIDTH, Profile
from spec.types import TreeKey, Value
from verkle.embedding import (
    account_leaves,
    chunk_location,
    chunkify_code,
    header_leaves,
    storage_location,
    tree_keys,
)
from verkle.engine import Engine, P
from verkle.tree import Tree

REMEMBERED_CODES: Final = 256
"""Codes whose chunks are kept: many contracts of a state have the same one."""


def genesis_writes(genesis: Genesis, profile: Profile, engine: Engine[P]) -> dict[TreeKey, Value]:
    """Every leaf of the allocation under the profile's embedding."""
    leaves = [
        (address, location, value)
        for address, account in genesis.alloc.items()
        for location, value in account_leaves(profile, account).items()
    ]
    keys = tree_keys(engine, profile, [(address, location) for address, location, _ in leaves])
    return {key: value for key, (_, _, value) in zip(keys, leaves, strict=True)}


def genesis_tree(genesis: Genesis, profile: Profile, engine: Engine[P]) -> Tree[P]:
    """The tree that holds the allocation."""
    return Tree.empty(engine).update(genesis_writes(genesis, profile, engine))


def genesis_header(genesis: Genesis, tree: Tree[P]) -> Header:
    """Header 0 with the state root of the tree."""
    return replace(genesis.header, state_root=tree.state_root())


def account_values(profile: Profile, account: Account) -> Iterator[tuple[int, bytes]]:
    """What an account holds, by ascending tree_index: the values of one stem each, as `records.encode_values` has them.

    Twin: `account_leaves`. Code is cut into chunks once for all accounts that have it; its values stand behind all
    others of a stem, header fields and storage slots.
    """
    words: dict[int, dict[int, Value]] = {0: header_leaves(profile.leaf_layout, account)}
    for slot, word in account.storage.items():
        if word:
            tree_index, sub_index = storage_location(profile, slot)
            words.setdefault(tree_index, {})[sub_index] = Value(word.to_bytes(32, "big"))
    if not account.code:
        yield from ((tree_index, encode_values(words[tree_index])) for tree_index in sorted(words))
        return
    chunks = _chunk_values(account.code)
    for tree_index in sorted({*words, *chunks}):
        held, code = words.get(tree_index), chunks.get(tree_index)
        if held is None or code is None:
            yield tree_index, encode_values(held or {}) if code is None else code
        else:
            yield tree_index, _joined(encode_values(held), code)


@lru_cache(REMEMBERED_CODES)
def _chunk_values(code: bytes) -> dict[int, bytes]:
    """The chunks of a code, by tree_index."""
    placed = [(chunk_location(index), chunk) for index, chunk in enumerate(chunkify_code(code))]
    return {
        tree_index: encode_values({location.sub_index: chunk for location, chunk in group})
        for tree_index, group in groupby(placed, key=lambda entry: entry[0].tree_index)
    }


def _joined(low: bytes, high: bytes) -> bytes:
    """Two sets of values of one stem, the suffixes of the first below those of the second."""
    bitmap_bytes = VERKLE_NODE_WIDTH // 8
    bitmap = int.from_bytes(low[:bitmap_bytes], "little") | int.from_bytes(high[:bitmap_bytes], "little")
    return bitmap.to_bytes(bitmap_bytes, "little") + low[bitmap_bytes:] + high[bitmap_bytes:]
