"""The baseline: what the same accesses cost as Merkle-Patricia proofs, through py-trie.

A stateless client of today's state needs, for what a block touches, every node on the paths of the accounts and slots
(each once, as RLP) and the whole code of each contract that runs or is copied. Values stand in the last nodes.

    MerkleState          accounts in tries that py-trie keeps
    MerkleState.prove    the nodes and codes for some accesses
    MerkleState.update   what a block changed of an account

This is the least that such a client can do with: a deletion may ask for siblings beside the paths, which are not
counted. What is not counted favours the baseline.

Shapes: keys of the account trie are keccak256(address), of a storage trie keccak256(slot as 32 bytes, big-endian).

Source: yellow paper, section 4.1 and appendix D; EIP-161 (there are no empty accounts); the idea of such witnesses:
execution-specs, "stateless" (EIP-8025).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spec.codec.rlp_items import encode_items, number
from spec.containers import Account
from spec.crypto import keccak256
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    EMPTY_CODE_HASH,
    HEADER_STORAGE_OFFSET,
    VERKLE_NODE_WIDTH,
)
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


@dataclass(slots=True)
class _Held:
    """One account, with its storage trie."""

    storage: Any
    balance: int = 0
    nonce: int = 0
    code: bytes = b""

    def encode(self) -> bytes:
        code_hash = keccak256(self.code) if self.code else EMPTY_CODE_HASH
        return encode_items([number(self.nonce), number(self.balance), self.storage.root_hash, code_hash])


class MerkleState:
    """Accounts as Merkle-Patricia tries."""

    def __init__(self, accounts: Mapping[Address, Account]) -> None:
        from witness.merkle_trie import seeded  # noqa: PLC0415  (a fifth of a second that most commands do without)

        self._seeded: Final = seeded
        self._held: dict[Address, _Held] = {
            address: _Held(seeded(_slots(account.storage)), account.balance, account.nonce, account.code)
            for address, account in accounts.items()
            if account.balance or account.nonce or account.code
        }
        self._trie: Any = seeded((keccak256(address), held.encode()) for address, held in self._held.items())

    @property
    def root(self) -> Hash32:
        """The state root."""
        return Hash32(self._trie.root_hash)

    def update(
        self,
        address: Address,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        storage: Iterable[tuple[int, int]] = (),
        *,
        wipes: bool = False,
    ) -> None:
        """Set what is not None of an account, and these slots. One that is empty afterwards is gone.

        `wipes`: what its storage held before is gone.
        """
        held = self._held.get(address) or _Held(self._seeded(()))
        if wipes:
            held.storage = self._seeded(())
        held.balance = held.balance if balance is None else balance
        held.nonce = held.nonce if nonce is None else nonce
        held.code = held.code if code is None else code
        with held.storage.squash_changes() as trie:
            for slot, value in storage:
                key = _slot_key(slot)
                if value:
                    trie[key] = encode_items(number(value))
                elif key in trie:
                    del trie[key]
        if held.balance or held.nonce or held.code:
            self._held[address] = held
            self._trie[keccak256(address)] = held.encode()
        else:
            self.remove(address)

    def remove(self, address: Address) -> None:
        """An account that is there no more, with its storage."""
        if self._held.pop(address, None) is not None:
            del self._trie[keccak256(address)]

    def prove(self, touched: Mapping[Address, AccountAccess]) -> MerkleWitness:
        """The nodes that show these accounts and slots, absent ones too, and the codes."""
        nodes: set[bytes] = set()
        codes: set[bytes] = set()
        for address, access in touched.items():
            nodes |= _path(self._trie, keccak256(address))
            held = self._held.get(address)
            if held is None:
                continue
            if access.code and held.code:
                codes.add(held.code)
            for slot in access.slots:
                nodes |= _path(held.storage, _slot_key(slot))
        return MerkleWitness(frozenset(nodes), frozenset(codes))


def _slots(storage: Mapping[Any, int]) -> Iterable[tuple[bytes, bytes]]:
    """The entries of a storage trie."""
    return ((_slot_key(slot), encode_items(number(value))) for slot, value in storage.items() if value)


def _slot_key(slot: int) -> bytes:
    return keccak256(slot.to_bytes(32, "big"))


def _path(trie: Any, key: bytes) -> set[bytes]:
    """The RLP of the nodes towards a key, the root first; nodes below 32 bytes stand inside their parents."""
    encoded = [encode_items(node) for node in trie.get_proof(key)]
    return {node for index, node in enumerate(encoded) if index == 0 or len(node) >= Hash32.LENGTH}
