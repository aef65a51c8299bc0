"""State as plain accounts: what networks with a Merkle-Patricia trie execute on here, and what a pre-state file holds.

Source: yellow paper, section 4.1; EIP-161.
"""

from collections.abc import Mapping

from spec.containers import Account
from spec.crypto import keccak256
from spec.params import EMPTY_CODE_HASH
from spec.types import Address, Uint64, Uint256
from stateless.evm.code import NO_CODE, Code, WholeCode
from stateless.state import AccountChange

NOBODY = Account(0, Uint64(0), b"", {})

Accounts = Mapping[Address, Account]


class AccountsView:
    """A `StateView` of accounts that are all at hand."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def exists(self, address: Address) -> bool:
        """See `StateView`."""
        return address in self._accounts

    def balance(self, address: Address) -> int:
        """See `StateView`."""
        return self._accounts.get(address, NOBODY).balance

    def nonce(self, address: Address) -> int:
        """See `StateView`."""
        return self._accounts.get(address, NOBODY).nonce

    def code(self, address: Address) -> Code:
        """See `StateView`."""
        code = self._accounts.get(address, NOBODY).code
        return WholeCode(code) if code else NO_CODE

    def code_hash(self, address: Address) -> bytes:
        """See `StateView`."""
        code = self._accounts.get(address, NOBODY).code
        return keccak256(code) if code else EMPTY_CODE_HASH

    def storage(self, address: Address, slot: int) -> int:
        """See `StateView`."""
        return self._accounts.get(address, NOBODY).storage.get(Uint256(slot), 0)

    def has_storage(self, address: Address) -> bool:
        """See `StateView`."""
        return any(self._accounts.get(address, NOBODY).storage.values())


def changed(accounts: Accounts, changes: Mapping[Address, AccountChange]) -> dict[Address, Account]:
    """The accounts after a block's changes; slots that hold 0 are left out."""
    after = dict(accounts)
    for address, change in changes.items():
        if not change.exists:
            after.pop(address, None)
            continue
        old = accounts.get(address, NOBODY)
        storage = {} if change.wiped else dict(old.storage)
        storage.update({Uint256(slot): Uint256(value) for slot, value in change.storage.items()})
        after[address] = Account(
            old.balance if change.balance is None else change.balance,
            old.nonce if change.nonce is None else Uint64(change.nonce),
            old.code if change.code is None else change.code,
            {slot: value for slot, value in storage.items() if value},
        )
    return after
