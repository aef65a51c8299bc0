"""Roots of Merkle-Patricia tries.

    ordered_root(items)      of a list: keys are the RLP of the index (transactions, receipts, withdrawals)
    state_root(accounts)     of accounts: keys are keccak256 of the address, of the slot

Source: yellow paper, appendix D and section 4.1.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from spec.codec.rlp_items import encode_items, number
from spec.containers import Account
from spec.crypto import keccak256
from spec.types import Address, Hash32

EMPTY_TRIE_ROOT: Final = Hash32(bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"))
"""keccak256(rlp(b"")). Source: yellow paper, appendix D."""


def ordered_root(items: Iterable[bytes]) -> Hash32:
    """The root of a list of byte strings by index."""
    return _root((encode_items(number(index)), item) for index, item in enumerate(items))


def state_root(accounts: Mapping[Address, Account]) -> Hash32:
    """The root of all accounts, each with its storage's root."""
    return _root((keccak256(address), _account(account)) for address, account in accounts.items())


def _account(account: Account) -> bytes:
    storage = _root(
        (keccak256(slot.to_bytes(32, "big")), encode_items(number(value)))
        for slot, value in account.storage.items()
        if value
    )
    return encode_items([number(account.nonce), number(account.balance), storage, keccak256(account.code)])


def _root(entries: Iterable[tuple[bytes, bytes]]) -> Hash32:
    from witness.merkle_trie import root_of  # noqa: PLC0415  (a fifth of a second that most commands do without)

    return root_of(entries)
