"""The baseline: what the same accesses cost as Merkle-Patricia proofs, through py-trie.

A stateless client of today's state needs, for what a block touches, every node on the paths of the accounts and slots
(each once, as RLP) and the whole code of each contract that runs or is copied. Values stand in the last nodes.

    MerkleState        accounts in tries that py-trie keeps
    MerkleState.prove  the nodes and codes for some accesses

Shapes: keys of the account trie are keccak256(address), of a storage trie keccak256(slot as 32 bytes, big-endian).

Source: yellow paper, section 4.1 and appendix D; the idea of such witnesses: execution-specs, "stateless" (EIP-8025).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spec.codec.rlp_items import encode_items, number
from spec.containers import Account
from spec.crypto import keccak256
from spec.params import BASIC_DATA_LEAF_KEY, CODE_HASH_LEAF_KEY, CODE_OFFSET, HEADER_STORAGE_OFFSET, VERKLE_NODE_WIDTH
from spec.types import Address, Hash32
from witness.access import Leaf


@dataclass(slots=True)
class AccountAccess:
    """What is touched of one account; the account itself always is."""

    slots: set[int] = field(default_factory=set)
    code: bool = False
    """Whether any of its code is."""


def accesses(leaves: Iterable[Leaf], main_storage_offset: int) -> dict[Address, AccountAccess]:
    """Accesses of Verkle leaves, said of accounts, slots and code."""
    touched: dict[Address, AccountAccess] = {}
    for address, tree_index, sub_index in leaves:
        access = touched.setdefault(address, AccountAccess())
        position = tree_index * VERKLE_NODE_WIDTH + sub_index
        if position in (BASIC_DATA_LEAF_KEY, CODE_HASH_LEAF_KEY):
            continue
        if position >= main_storage_offset:
            access.slots.add(position - main_storage_offset)
        elif HEADER_STORAGE_OFFSET <= position < CODE_OFFSET:
            access.slots.add(position - HEADER_STORAGE_OFFSET)
        elif position >= CODE_OFFSET:
            access.code = True
    return touched


@dataclass(frozen=True, slots=True)
class MerkleWitness:
    """Trie nodes and codes, each once."""

    nodes: frozenset[bytes]
    codes: frozenset[bytes]

    @property
    def node_bytes(self) -> int:
        """Bytes of all nodes."""
        return sum(map(len, self.nodes))

    @property
    def code_bytes(self) -> int:
        """Bytes of all codes."""
        return sum(map(len, self.codes))


class MerkleState:
    """Accounts as Merkle-Patricia tries."""

    def __init__(self, accounts: Mapping[Address, Account]) -> None:
        from trie.hexary import HexaryTrie  # noqa: PLC0415  (a fifth of a second that most commands do without)

        self._new_trie: Final = HexaryTrie
        self._accounts: dict[Address, Account] = {}
        self._storage: dict[Address, Any] = {}
        self._trie: Any = HexaryTrie({}, prune=True)
        self.set(accounts)

    @property
    def root(self) -> Hash32:
        """The state root."""
        return Hash32(self._trie.root_hash)

    def set(self, accounts: Mapping[Address, Account | None]) -> None:
        """Set accounts with all their storage; None removes one."""
        for address, account in accounts.items():
            if account is None:
                self._accounts.pop(address, None)
                self._storage.pop(address, None)
                self._trie.delete(keccak256(address))
                continue
            storage = self._set_storage(address, account)
            self._accounts[address] = account
            fields = [number(account.nonce), number(account.balance), storage.root_hash, keccak256(account.code)]
            self._trie[keccak256(address)] = encode_items(fields)

    def _set_storage(self, address: Address, account: Account) -> Any:
        trie = self._storage.get(address)
        if trie is None:
            trie = self._storage[address] = self._new_trie({}, prune=True)
        before = self._accounts[address].storage if address in self._accounts else {}
        for slot in {*before, *account.storage}:
            value = account.storage.get(slot, 0)
            if value != before.get(slot, 0):
                key = keccak256(slot.to_bytes(32, "big"))
                if value:
                    trie[key] = encode_items(number(value))
                else:
                    trie.delete(key)
        return trie

    def prove(self, touched: Mapping[Address, AccountAccess]) -> MerkleWitness:
        """The nodes that show these accounts and slots, absent ones too, and the codes."""
        nodes: set[bytes] = set()
        codes: set[bytes] = set()
        for address, access in touched.items():
            nodes |= _path(self._trie, keccak256(address))
            account = self._accounts.get(address)
            if account is None:
                continue
            if access.code and account.code:
                codes.add(account.code)
            for slot in access.slots:
                nodes |= _path(self._storage[address], keccak256(slot.to_bytes(32, "big")))
        return MerkleWitness(frozenset(nodes), frozenset(codes))


def _path(trie: Any, key: bytes) -> set[bytes]:
    """The RLP of the nodes towards a key, the root first; nodes below 32 bytes stand inside their parents."""
    encoded = [encode_items(node) for node in trie.get_proof(key)]
    return {node for index, node in enumerate(encoded) if index == 0 or len(node) >= Hash32.LENGTH}
