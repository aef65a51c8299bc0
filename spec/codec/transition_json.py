"""What a transition tool is given besides transactions, and gives back of a state: environment, accounts, tree leaves.

Written by test fillers, each with habits of its own, so this reader is as tolerant as geth's: integers as hex with or
without leading zeros, decimal strings or JSON numbers; unknown members are ignored. Strict where a value is used: no
two spellings of one block number, address or slot.

    environment   the block to be executed, and figures of its parent for what is not stated
    accounts      by address: balance, nonce, code, storage; each may be missing
    leaves        "vkt": tree key to value, both 32 bytes

Source: go-ethereum, `cmd/evm/README.md` ("State transition tool"); execution-spec-tests, `src/ethereum_clis` and its
Verkle branch.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from spec.codec.limits import MAX_WITHDRAWALS_PER_PAYLOAD
from spec.codec.payload_json import decode_withdrawal
from spec.codec.text import (
    Reader,
    an_object,
    each,
    fixed,
    hex_bytes,
    member,
    member_or,
    optional_member,
    shown,
    string,
    to_hex,
    to_quantity,
    whole_number,
)
from spec.containers import Account, Withdrawal
from spec.errors import DecodeError
from spec.types import Address, Bytes32, Hash32, TreeKey, Uint64, Uint256, Value

MAX_BLOCK_HASHES: Final = 2**16
"""Hashes of earlier blocks in one document; BLOCKHASH reaches 256, the history contract 8192."""
MAX_OMMERS: Final = 2
"""Source: yellow paper, section 11.1."""

K = TypeVar("K")
V = TypeVar("V")

_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class Ommer:
    """An ommer of a block before the merge: by how many blocks it came too late, and who is rewarded."""

    delta: Uint64
    address: Address


@dataclass(frozen=True, slots=True)
class Environment:
    """The block to be executed. None: not stated."""

    coinbase: Address
    gas_limit: Uint64
    number: Uint64
    timestamp: Uint64
    difficulty: Uint256 | None
    prev_randao: Bytes32 | None
    base_fee: Uint256 | None
    parent_base_fee: Uint256 | None
    parent_gas_used: Uint64
    parent_gas_limit: Uint64 | None
    excess_blob_gas: Uint64 | None
    parent_excess_blob_gas: Uint64
    parent_blob_gas_used: Uint64
    parent_beacon_block_root: Bytes32 | None
    parent_hash: Hash32 | None
    block_hashes: Mapping[int, Hash32]
    """Of earlier blocks, by number."""
    withdrawals: tuple[Withdrawal, ...] | None
    ommers: tuple[Ommer, ...]
    conversion_started: bool
    """Whether the tree is taking over the accounts of a Merkle-Patricia trie (EIP-7748)."""
    conversion_ended: bool | None


def decode_environment(value: object) -> Environment:
    """The environment from a parsed JSON object ("env"). Raises: DecodeError."""
    members = an_object(value)
    return Environment(
        coinbase=member(members, "currentCoinbase", _read_address),
        gas_limit=member(members, "currentGasLimit", _read_uint64),
        number=member(members, "currentNumber", _read_uint64),
        timestamp=member(members, "currentTimestamp", _read_uint64),
        difficulty=optional_member(members, "currentDifficulty", _read_uint256),
        prev_randao=optional_member(members, "currentRandom", _read_word),
        base_fee=optional_member(members, "currentBaseFee", _read_uint256),
        parent_base_fee=optional_member(members, "parentBaseFee", _read_uint256),
        parent_gas_used=member_or(members, "parentGasUsed", _read_uint64, Uint64(0)),
        parent_gas_limit=optional_member(members, "parentGasLimit", _read_uint64),
        excess_blob_gas=optional_member(members, "currentExcessBlobGas", _read_uint64),
        parent_excess_blob_gas=member_or(members, "parentExcessBlobGas", _read_uint64, Uint64(0)),
        parent_blob_gas_used=member_or(members, "parentBlobGasUsed", _read_uint64, Uint64(0)),
        parent_beacon_block_root=optional_member(members, "parentBeaconBlockRoot", fixed(Bytes32)),
        parent_hash=optional_member(members, "parentHash", fixed(Hash32)),
        block_hashes=member_or(members, "blockHashes", _read_block_hashes, {}),
        withdrawals=optional_member(members, "withdrawals", _read_withdrawals),
        ommers=member_or(members, "ommers", _read_ommers, ()),
        conversion_started=member_or(members, "currentConversionStarted", _read_flag, default=False),
        conversion_ended=optional_member(members, "currentConversionEnded", _read_flag),
    )


def decode_accounts(value: object) -> Mapping[Address, Account]:
    """Accounts from a parsed JSON object ("alloc"). Raises: DecodeError."""
    return {} if value is None else _read_map(value, _read_address, _read_account)


def encode_accounts(accounts: Mapping[Address, Account]) -> dict[str, object]:
    """The JSON object of accounts, by ascending address; members that are zero or empty are left out, as in geth."""
    return {to_hex(address): _encode_account(accounts[address]) for address in sorted(accounts)}


def decode_leaves(value: object) -> Mapping[TreeKey, Value]:
    """The leaves of a tree from a parsed JSON object ("vkt"). Raises: DecodeError."""
    return _read_map(value, fixed(TreeKey), fixed(Value))


def encode_leaves(leaves: Mapping[TreeKey, Value]) -> dict[str, object]:
    """The JSON object of leaves, by ascending key."""
    return {to_hex(key): to_hex(leaves[key]) for key in sorted(leaves)}


def read_number(value: object) -> int:
    """An integer below 2^256 in any spelling that fillers use."""
    if isinstance(value, str) and _HEX.fullmatch(value):
        return int(value[2:], 16)
    return whole_number(value)


def _read_uint64(value: object) -> Uint64:
    return Uint64(read_number(value))


def _read_uint256(value: object) -> Uint256:
    return Uint256(read_number(value))


def _read_word(value: object) -> Bytes32:
    """A number of at most 32 bytes: fillers write randomness as one."""
    return Bytes32(_read_uint256(value).to_bytes(32, "big"))


def _read_address(value: object) -> Address:
    text = string(value)
    return fixed(Address)(text if text.startswith("0x") else "0x" + text)


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise DecodeError("expected true or false")
    return value


def _read_height(value: object) -> int:
    return _read_uint64(value)


def _read_block_hashes(value: object) -> Mapping[int, Hash32]:
    hashes: dict[int, Hash32] = _read_map(value, _read_height, fixed(Hash32))
    if len(hashes) > MAX_BLOCK_HASHES:
        raise DecodeError(f"at most {MAX_BLOCK_HASHES} block hashes are allowed, got {len(hashes)}")
    return hashes


def _read_account(value: object) -> Account:
    members = an_object(value)
    nothing: Mapping[Uint256, Uint256] = {}
    return Account(
        balance=member_or(members, "balance", _read_uint256, Uint256(0)),
        nonce=member_or(members, "nonce", _read_uint64, Uint64(0)),
        code=member_or(members, "code", _read_bytes, b""),
        storage=member_or(members, "storage", _read_storage, nothing),
    )


def _read_storage(value: object) -> Mapping[Uint256, Uint256]:
    return _read_map(value, _read_uint256, _read_uint256)


def _read_bytes(value: object) -> bytes:
    return b"" if value == "" else hex_bytes(value)


def _read_map(value: object, read_key: Reader[K], read: Reader[V]) -> dict[K, V]:
    """An object whose names are values themselves. Raises: DecodeError on two spellings of one."""
    entries: dict[K, V] = {}
    for spelling, element in an_object(value).items():
        try:
            key = read_key(spelling)
            if key in entries:
                raise DecodeError("occurs in two spellings")
            entries[key] = read(element)
        except DecodeError as error:
            raise error.inside(f"[{shown(spelling)}]") from None
    return entries


def _read_ommer(value: object) -> Ommer:
    members = an_object(value)
    return Ommer(member(members, "delta", _read_uint64), member(members, "address", _read_address))


_read_withdrawals: Final[Reader[tuple[Withdrawal, ...]]] = each(
    decode_withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD, "withdrawals"
)
_read_ommers: Final[Reader[tuple[Ommer, ...]]] = each(_read_ommer, MAX_OMMERS, "ommers")


def _encode_account(account: Account) -> dict[str, object]:
    encoded: dict[str, object] = {"balance": to_quantity(account.balance)}
    if account.nonce:
        encoded["nonce"] = to_quantity(account.nonce)
    if account.code:
        encoded["code"] = to_hex(account.code)
    storage = {slot: value for slot, value in account.storage.items() if value}
    if storage:
        encoded["storage"] = {
            to_hex(slot.to_bytes(32, "big")): to_hex(storage[slot].to_bytes(32, "big")) for slot in sorted(storage)
        }
    return encoded
