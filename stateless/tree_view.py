"""State as a Verkle tree, whole or the part of one that a witness shows.

Which leaf answers which question is the profile's leaf layout. An account exists if its header stem is in the tree
(as every client has it; no leaf of the stem is asked).

    TreeView      a `StateView` over a tree
    TreeKeys      tree keys of locations, each stem derived once
    new_leaves    the leaves that a block's changes write

What a proven leaf holds can still be nonsense (a tree that no chain leads to): basic data that is none is refused by
name, and every other value has a meaning.

The system contracts that the network's protocol calls exist, and have their code's length, whatever the tree says of
their headers; their chunks are read from the tree like any other's. A genesis should hold them.

Source: EIP-6800, "Tree embedding", "Header values".
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Generic, Protocol

from spec.crypto import keccak256
from spec.errors import DecodeError, Reason, Rejection
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_HASH_LEAF_KEY,
    EMPTY_CODE_HASH,
    LeafLayout,
    Profile,
)
from spec.system_contracts import known_codes
from spec.types import Address, Stem, TreeKey, Value
from stateless.evm.code import NO_CODE, ChunkedCode, Code
from stateless.state import AccountChange
from verkle.embedding import (
    BALANCE_LEAF_KEY,
    CODE_SIZE_LEAF_KEY,
    FIELD_CODE_HASH_LEAF_KEY,
    NONCE_LEAF_KEY,
    VERSION_LEAF_KEY,
    BasicData,
    address32,
    chunk_location,
    chunkify_code,
    stems,
    storage_location,
)
from verkle.engine import Engine, P
from witness.access import Leaf

NO_DATA: Final = BasicData(0, 0, 0, 0)
FIELD_BYTES: Final = {BALANCE_LEAF_KEY: 16, NONCE_LEAF_KEY: 8, CODE_SIZE_LEAF_KEY: 3}
"""The bytes that a field fills at most, as in packed basic data: no chain has had larger ones."""


@contextmanager
def _values_of(address: Address) -> Iterator[None]:
    """Basic data that has no form, or is none. Raises: Rejection."""
    try:
        yield
    except DecodeError as error:
        raise Rejection(Reason.STATE_VALUE, account=address, why=str(error)) from None


class TreeKeys(Generic[P]):
    """Tree keys under one profile. Stems are remembered: the same ones are asked for again and again."""

    def __init__(self, engine: Engine[P], profile: Profile, remembered: int = 2**16) -> None:
        """`remembered`: how many stems at most."""
        self.profile: Final = profile
        self._engine: Final = engine
        self._remembered: Final = remembered
        self._stems: dict[tuple[Address, int], Stem] = {}

    def stem(self, address: Address, tree_index: int) -> Stem:
        """The stem of one group of 256 leaves of an account."""
        found = self._stems.get((address, tree_index))
        if found is None:
            self.prepare([(address, tree_index)])
            found = self._stems[address, tree_index]
        return found

    def key(self, leaf: Leaf) -> TreeKey:
        """The tree key of a leaf."""
        return TreeKey.at(self.stem(leaf[0], leaf[1]), leaf[2])

    def place(self, stem: Stem) -> tuple[Address, int] | None:
        """Address and tree index of a stem that was derived here, where it is still remembered."""
        return next((place for place, derived in self._stems.items() if derived == stem), None)

    def prepare(self, places: Iterable[tuple[Address, int]]) -> None:
        """Derive stems in one batch, before they are asked for one by one."""
        missing = [place for place in dict.fromkeys(places) if place not in self._stems]
        if len(self._stems) + len(missing) > self._remembered:
            self._stems.clear()
        derived = stems(
            self._engine, self.profile.key_hash, [(address32(address), index) for address, index in missing]
        )
        self._stems.update(zip(missing, derived, strict=True))


class Leaves(Protocol):
    """Values by tree key: a tree, whole or not, or a database that keeps values apart."""

    def get(self, key: TreeKey) -> Value | None:
        """The value at `key`, None where it is absent. Raises: UnknownNode."""

    def has_stem(self, stem: Stem) -> bool:
        """Whether anything is stored at a stem. Raises: UnknownNode."""


class TreeView(Generic[P]):
    """A `StateView` over a Verkle tree."""

    def __init__(self, leaves: Leaves, keys: TreeKeys[P]) -> None:
        self._leaves: Final = leaves
        self._keys: Final = keys
        self._profile: Final = keys.profile
        self._packed: Final = keys.profile.leaf_layout is LeafLayout.PACKED
        rules = keys.profile.execution
        self._known: Final[Mapping[Address, bytes]] = {} if rules is None else known_codes(rules)
        self._basic_data: dict[Address, BasicData] = {}

    def leaf(self, leaf: Leaf) -> Value | None:
        """What a leaf holds; None where it is absent. Raises: UnknownNode."""
        return self._leaves.get(self._keys.key(leaf))

    def _basic(self, address: Address) -> BasicData:
        found = self._basic_data.get(address)
        if found is None:
            leaf = self.leaf((address, 0, BASIC_DATA_LEAF_KEY))
            with _values_of(address):
                found = self._basic_data[address] = NO_DATA if leaf is None else BasicData.unpack(leaf)
        return found

    def _field(self, address: Address, field: int) -> int:
        leaf = self.leaf((address, 0, field))
        if leaf is None:
            return 0
        if any(leaf[FIELD_BYTES[field] :]):
            raise Rejection(Reason.STATE_VALUE, account=address, why=f"field {field} has {FIELD_BYTES[field]} bytes")
        return int.from_bytes(leaf, "little")

    def exists(self, address: Address) -> bool:
        """See `StateView`."""
        return address in self._known or self._leaves.has_stem(self._keys.stem(address, 0))

    def balance(self, address: Address) -> int:
        """See `StateView`."""
        return self._basic(address).balance if self._packed else self._field(address, BALANCE_LEAF_KEY)

    def nonce(self, address: Address) -> int:
        """See `StateView`."""
        return self._basic(address).nonce if self._packed else self._field(address, NONCE_LEAF_KEY)

    def code(self, address: Address) -> Code:
        """See `StateView`: chunks are read when they are asked for."""
        if address in self._known:
            size = len(self._known[address])
        else:
            size = self._basic(address).code_size if self._packed else self._field(address, CODE_SIZE_LEAF_KEY)
        return ChunkedCode(size, lambda chunk: self._chunk(address, chunk)) if size else NO_CODE

    def _chunk(self, address: Address, chunk: int) -> Value:
        place = chunk_location(chunk)
        leaf = self.leaf((address, place.tree_index, place.sub_index))
        return Value(bytes(32)) if leaf is None else leaf

    def code_hash(self, address: Address) -> bytes:
        """See `StateView`."""
        leaf = self.leaf((address, 0, CODE_HASH_LEAF_KEY if self._packed else FIELD_CODE_HASH_LEAF_KEY))
        return EMPTY_CODE_HASH if leaf is None else leaf

    def storage(self, address: Address, slot: int) -> int:
        """See `StateView`."""
        place = storage_location(self._profile, slot)
        leaf = self.leaf((address, place.tree_index, place.sub_index))
        return 0 if leaf is None else int.from_bytes(leaf, "big")

    def has_storage(self, address: Address) -> bool:
        """A tree keyed by stem cannot say: no."""
        return False

    # ---- what a block writes

    def new_leaves(self, changes: Mapping[Address, AccountChange]) -> dict[Leaf, Value]:
        """The leaves that differ after a block's changes, with what they hold then."""
        leaves: dict[Leaf, Value] = {}
        for address, change in changes.items():
            if change.existed or change.exists:
                header = self._packed_header(address, change) if self._packed else self._fields(change)
                leaves.update({(address, 0, suffix): value for suffix, value in header.items()})
            for index, chunk in enumerate(chunkify_code(change.code or b"")):
                place = chunk_location(index)
                leaves[address, place.tree_index, place.sub_index] = chunk
            for slot, word in change.storage.items():
                place = storage_location(self._profile, slot)
                leaves[address, place.tree_index, place.sub_index] = Value(word.to_bytes(32, "big"))
        return {leaf: value for leaf, value in leaves.items() if self.leaf(leaf) != value}

    def _packed_header(self, address: Address, change: AccountChange) -> dict[int, Value]:
        leaves: dict[int, Value] = {}
        made = change.exists and not change.existed
        if made or (change.balance, change.nonce, change.code) != (None, None, None):
            old = self._basic(address)
            data = BasicData(
                old.version,
                old.code_size if change.code is None else len(change.code),
                old.nonce if change.nonce is None else change.nonce,
                old.balance if change.balance is None else change.balance,
            )
            with _values_of(address):
                leaves[BASIC_DATA_LEAF_KEY] = data.pack()
        if made or change.code is not None:
            leaves[CODE_HASH_LEAF_KEY] = Value(keccak256(change.code or b""))
        return leaves

    @staticmethod
    def _fields(change: AccountChange) -> dict[int, Value]:
        leaves: dict[int, Value] = {}
        made = change.exists and not change.existed
        if made:
            leaves[VERSION_LEAF_KEY] = Value(bytes(32))
        if made or change.balance is not None:
            leaves[BALANCE_LEAF_KEY] = Value((change.balance or 0).to_bytes(32, "little"))
        if made or change.nonce is not None:
            leaves[NONCE_LEAF_KEY] = Value((change.nonce or 0).to_bytes(32, "little"))
        if made or change.code is not None:
            leaves[FIELD_CODE_HASH_LEAF_KEY] = Value(keccak256(change.code or b""))
        if change.code:
            leaves[CODE_SIZE_LEAF_KEY] = Value(len(change.code).to_bytes(32, "little"))
        return leaves
