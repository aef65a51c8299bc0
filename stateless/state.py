"""State as execution sees it: a read-only view, and the changes on top of it.

    StateView   what stands behind: a whole tree, the part of one that a witness shows, or plain accounts
    State       reads through to the view once, keeps every change, and takes changes back

Taking back: every change appends (map, key, old value) to a journal; `rollback` pops entries down to a mark. What must
survive a revert (EIP-4762 access events) is not kept here.

Values: balances and storage values below 2^256, nonces below 2^64. An account that does not exist has balance 0,
nonce 0 and no code. "Exists" means that the view has it, or that this block made it (an empty account that a
transaction made exists until that transaction ends).

Source: yellow paper, section 4.1; EIP-161 (empty accounts), EIP-6780 (SELFDESTRUCT), EIP-1153 (transient storage).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from spec.crypto import keccak256
from spec.params import EMPTY_CODE_HASH
from spec.types import Address
from stateless.evm.code import Code, WholeCode

Slot = tuple[Address, int]


class StateView(Protocol):
    """Reads of the state before the block. Every method may raise UnknownNode."""

    def exists(self, address: Address) -> bool:
        """Whether there is an account, be it empty."""

    def balance(self, address: Address) -> int:
        """In wei."""

    def nonce(self, address: Address) -> int:
        """The account's nonce."""

    def code(self, address: Address) -> Code:
        """The account's code."""

    def code_hash(self, address: Address) -> bytes:
        """keccak256 of the code; that of no code where there is no account."""

    def storage(self, address: Address, slot: int) -> int:
        """A storage value; 0 where nothing is stored."""

    def has_storage(self, address: Address) -> bool:
        """Whether any slot is not 0, where that is known: a tree keyed by stem does not say, and answers no."""


class Log(NamedTuple):
    """A log entry."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class Mark(NamedTuple):
    """A place in the journal to go back to."""

    entries: int
    logs: int
    refund: int


@dataclass(slots=True)
class AccountChange:
    """What a block did to one account. None: not changed."""

    existed: bool
    exists: bool
    """Both are true where nothing but storage changed."""
    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    wiped: bool = False
    """Storage from before the block is gone (an account destroyed by the rules before EIP-6780)."""
    storage: dict[int, int] = field(default_factory=dict)


class State:
    """The changes of a block over a view, transaction by transaction."""

    __slots__ = (
        "_balances", "_code_hashes", "_codes", "_created", "_destroyed", "_exists", "_journal", "_nonces", "_originals",
        "_storage", "_touched", "_transient", "_view", "_wiped", "_written", "_written_slots", "logs", "refund", "warm",
    )  # fmt: skip

    def __init__(self, view: StateView) -> None:
        self._view: Final = view
        self._exists: dict[Address, bool] = {}
        self._balances: dict[Address, int] = {}
        self._nonces: dict[Address, int] = {}
        self._codes: dict[Address, Code] = {}
        self._code_hashes: dict[Address, bytes] = {}
        self._storage: dict[Slot, int] = {}
        self._written: dict[Address, None] = {}
        self._written_slots: dict[Slot, None] = {}
        self._wiped: set[Address] = set()
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        # of the current transaction
        self._originals: dict[Slot, int] = {}
        self._transient: dict[Slot, int] = {}
        self._touched: dict[Address, bool] = {}
        self._created: dict[Address, bool] = {}
        self._destroyed: dict[Address, bool] = {}
        self.warm: dict[Address | Slot, bool] = {}
        """What EIP-2929 calls accessed: addresses and slots. Change it with `make_warm`."""
        self.logs: list[Log] = []
        self.refund = 0

    # ---- taking back

    def mark(self) -> Mark:
        """Where to roll back to."""
        return Mark(len(self._journal), len(self.logs), self.refund)

    def rollback(self, mark: Mark) -> None:
        """Undo every change since `mark`, the newest first."""
        journal = self._journal
        while len(journal) > mark.entries:
            changed, key, old = journal.pop()
            if old is None:
                del changed[key]
            else:
                changed[key] = old
        del self.logs[mark.logs :]
        self.refund = mark.refund

    def _set(self, changed: dict[Any, Any], key: Any, value: Any) -> None:
        self._journal.append((changed, key, changed.get(key)))
        changed[key] = value

    # ---- accounts

    def exists(self, address: Address) -> bool:
        """Whether there is an account."""
        found = self._exists.get(address)
        if found is None:
            found = self._exists[address] = self._view.exists(address)
        return found

    def existed(self, address: Address) -> bool:
        """Whether there was an account when the transaction began."""
        found = self._touched.get(address)
        return self.exists(address) if found is None else found

    def balance(self, address: Address) -> int:
        """In wei."""
        found = self._balances.get(address)
        if found is None:
            found = self._balances[address] = self._view.balance(address)
        return found

    def nonce(self, address: Address) -> int:
        """The account's nonce."""
        found = self._nonces.get(address)
        if found is None:
            found = self._nonces[address] = self._view.nonce(address)
        return found

    def code(self, address: Address) -> Code:
        """The account's code."""
        found = self._codes.get(address)
        if found is None:
            found = self._codes[address] = self._view.code(address)
        return found

    def code_hash(self, address: Address) -> bytes:
        """keccak256 of the code; that of no code where there is no account."""
        found = self._code_hashes.get(address)
        if found is None:
            found = self._code_hashes[address] = self._view.code_hash(address)
        return found

    def is_empty(self, address: Address) -> bool:
        """Nonce 0, balance 0, no code (EIP-161); so also an account that does not exist."""
        if not self.exists(address):
            return True
        return not self.balance(address) and not self.nonce(address) and not self.code(address).size

    def has_storage(self, address: Address) -> bool:
        """Whether the account has storage from before this block (EIP-7610)."""
        return address not in self._wiped and self._view.has_storage(address)

    def touch(self, address: Address) -> None:
        """See that the account exists, and have it looked at when the transaction ends (EIP-161)."""
        existed = self.exists(address)
        if address not in self._touched:
            self._set(self._touched, address, existed)
        if not existed:
            self._set(self._exists, address, True)
            self._written[address] = None

    def make_account(self, address: Address) -> None:
        """See that the account exists, for good, be it empty."""
        if not self.exists(address):
            self._exists[address] = True
            self._written[address] = None

    def set_balance(self, address: Address, balance: int) -> None:
        """Set a balance; the account exists from then on."""
        balances = self._balances
        old = balances.get(address)
        self._journal.append((balances, address, self.balance(address) if old is None else old))
        balances[address] = balance
        if address not in self._touched or not self._exists[address]:
            self.touch(address)
        self._written[address] = None

    def transfer(self, sender: Address, recipient: Address, value: int) -> None:
        """Move `value` wei, which the sender has."""
        self.set_balance(sender, self.balance(sender) - value)
        self.set_balance(recipient, self.balance(recipient) + value)

    def set_nonce(self, address: Address, nonce: int) -> None:
        """Set a nonce; the account exists from then on."""
        self._journal.append((self._nonces, address, self.nonce(address)))
        self._nonces[address] = nonce
        if address not in self._touched or not self._exists[address]:
            self.touch(address)
        self._written[address] = None

    def set_code(self, address: Address, code: bytes) -> None:
        """Set the code."""
        self._set(self._codes, address, WholeCode(code))
        self._set(self._code_hashes, address, keccak256(code) if code else EMPTY_CODE_HASH)
        self._written[address] = None

    # ---- storage

    def storage(self, address: Address, slot: int) -> int:
        """A storage value; 0 where nothing is stored."""
        found = self._storage.get((address, slot))
        if found is None:
            found = 0 if address in self._wiped else self._view.storage(address, slot)
            self._storage[address, slot] = found
        return found

    def original_storage(self, address: Address, slot: int) -> int:
        """The value at the start of the transaction (EIP-2200)."""
        found = self._originals.get((address, slot))
        return self.storage(address, slot) if found is None else found

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        """Store a value."""
        key = (address, slot)
        old = self.storage(address, slot)
        if key not in self._originals:
            self._originals[key] = old
        self._journal.append((self._storage, key, old))
        self._storage[key] = value
        self._written_slots[key] = None

    def transient(self, address: Address, slot: int) -> int:
        """A value of transient storage."""
        return self._transient.get((address, slot), 0)

    def set_transient(self, address: Address, slot: int, value: int) -> None:
        """Store a value until the transaction ends."""
        self._set(self._transient, (address, slot), value)

    # ---- life of an account, within a transaction

    def make_warm(self, entry: Address | Slot) -> bool:
        """Add to the accessed addresses or slots; whether it was cold (EIP-2929)."""
        if entry in self.warm:
            return False
        self._journal.append((self.warm, entry, None))
        self.warm[entry] = True
        return True

    def mark_created(self, address: Address) -> None:
        """Remember that this transaction made the account (EIP-6780)."""
        self._set(self._created, address, True)

    def was_created(self, address: Address) -> bool:
        """Whether this transaction made the account."""
        return address in self._created

    def mark_destroyed(self, address: Address) -> bool:
        """Have the account deleted when the transaction ends; whether it was not marked yet."""
        if address in self._destroyed:
            return False
        self._set(self._destroyed, address, True)
        return True

    def end_transaction(self, *, deletes_empty: bool, clears_destroyed: bool) -> None:
        """Delete what is to be deleted, and forget what lives for one transaction only.

        `deletes_empty`: a touched empty account goes even if it was there before (EIP-161); otherwise only one that
        this transaction made, and a destroyed account stays too if it was there before. `clears_destroyed`: a
        destroyed account's own leaves become zero; otherwise an account destroyed by the transaction that created it
        is as if it had never been made.
        """
        for address in list(self._destroyed):
            stays = self._touched[address] and not deletes_empty
            self._delete(address, as_before=not clears_destroyed)
            self._exists[address] = self._exists[address] or stays
        for address, existed in self._touched.items():
            if (deletes_empty or not existed) and self.exists(address) and self.is_empty(address):
                self._exists[address] = False
                self._wiped.add(address)
        self._journal.clear()
        self._originals.clear()
        self._transient.clear()
        self._touched.clear()
        self._created.clear()
        self._destroyed.clear()
        self.warm.clear()
        self.logs = []
        self.refund = 0

    def _delete(self, address: Address, *, as_before: bool) -> None:
        if as_before:
            for changed, key, old in reversed(self._journal):
                if key == address or (isinstance(key, tuple) and key[0] == address):
                    if old is None:
                        changed.pop(key, None)
                    else:
                        changed[key] = old
            return
        for key in [key for key in self._storage if key[0] == address]:
            del self._storage[key]
            self._written_slots.pop(key, None)
        self._wiped.add(address)
        self._balances[address] = 0
        self._nonces[address] = 0
        self._codes[address] = WholeCode(b"")
        self._code_hashes[address] = EMPTY_CODE_HASH
        self._exists[address] = False

    # ---- the outcome

    def changes(self) -> dict[Address, AccountChange]:
        """What differs from the view, by account."""
        view = self._view
        changes: dict[Address, AccountChange] = {}
        for address in self._written:
            change = AccountChange(view.exists(address), self.exists(address), wiped=address in self._wiped)
            if self.balance(address) != view.balance(address):
                change.balance = self.balance(address)
            if self.nonce(address) != view.nonce(address):
                change.nonce = self.nonce(address)
            if address in self._codes and self._changed_code(address):
                code = self._codes[address]
                change.code = code.read(0, code.size)
            if change != AccountChange(change.existed, change.existed):
                changes[address] = change
        for address, slot in self._written_slots:
            value = self._storage[address, slot]
            if value != (0 if address in self._wiped else view.storage(address, slot)):
                if address not in changes:
                    changes[address] = AccountChange(existed=True, exists=True)
                changes[address].storage[slot] = value
        return changes

    def _changed_code(self, address: Address) -> bool:
        """Whether code was set, and to other than the view's. No hash is known of code that was only read."""
        code_hash = self._code_hashes.get(address)
        return code_hash is not None and code_hash != self._view.code_hash(address)
