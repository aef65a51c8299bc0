"""The door to py-trie: tries of many entries at once, in which each node is encoded and hashed once.

py-trie encodes and hashes the nodes on the way to an entry whenever one is set, and reads them back for the next one.
Who puts in a whole list or state asks for none of the tries in between. Here a node's children are the nodes
themselves until all entries are in; how entries share nodes is py-trie's.

    root_of   the root alone: a block's transactions, receipts, withdrawals
    seeded    the trie itself, to be asked for proofs and changed entry by entry

Source: yellow paper, appendix D.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from trie.constants import BLANK_NODE
from trie.hexary import HexaryTrie
from trie.utils.nibbles import bytes_to_nibbles

from spec.codec.rlp_items import encode_items
from spec.crypto import keccak256
from spec.types import Hash32

HASH_BYTES: Final = 32
"""Nodes of fewer bytes stand in their parent; others are named there by their hash."""

Entries = Iterable[tuple[bytes, bytes]]
"""Keys and values; no value is empty. A later value of a key replaces an earlier one."""


class _Nested(HexaryTrie):
    """py-trie with nodes in place of their names."""

    def get_node(self, node_hash: Any) -> Any:
        """A child is the node already."""
        return node_hash

    def _persist_node(self, node: Any) -> Any:
        return node

    def holding(self, entries: Entries) -> Any:
        """The top node of the trie of these entries."""
        node = BLANK_NODE
        for key, value in entries:
            node = self._set(node, bytes_to_nibbles(key), value)  # type: ignore[no-untyped-call]
        return node


def root_of(entries: Entries) -> Hash32:
    """The root of the trie that holds just these entries."""
    return keccak256(encode_items(_sealed(_Nested({}).holding(entries), keccak256)))


def seeded(entries: Entries) -> HexaryTrie:
    """A trie with these entries that forgets nodes which no entry needs any more."""
    top = _Nested({}).holding(entries)
    if top == BLANK_NODE:
        return HexaryTrie({}, prune=True)
    database: dict[bytes, bytes] = {}
    references: Counter[bytes] = Counter()

    def kept(encoded: bytes) -> bytes:
        node_hash = keccak256(encoded)
        database[node_hash] = encoded
        references[node_hash] += 1
        return node_hash

    return HexaryTrie(database, kept(encode_items(_sealed(top, kept))), prune=True, ref_count=references)


def _sealed(node: Any, name: Callable[[bytes], bytes]) -> Any:
    """A node with its children as its encoding has them: short ones whole, others by `name` of their encoding."""
    if not isinstance(node, list):
        return node
    parts = []
    for part in node:
        if isinstance(part, list):
            inside = _sealed(part, name)
            encoded = encode_items(inside)
            parts.append(inside if len(encoded) < HASH_BYTES else name(encoded))
        else:
            parts.append(part)
    return parts
