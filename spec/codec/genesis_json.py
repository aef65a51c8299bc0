"""geth's genesis.json: the accounts that a chain starts with, and header 0.

Written by hand and by many tools, so this is the most tolerant reader here, and no more tolerant than geth: top-level
names in any case of letters (mixHash and mixhash both occur), integers as JSON numbers, decimal strings or hex with or
without leading zeros, addresses with or without 0x, storage words shorter than 32 bytes. Two spellings of one name,
address or slot are refused. Unknown members are ignored. Addresses' EIP-55 checksums are not verified.

Header 0: empty lists of everything; base fee 10^9 where London is on and none is given; a withdrawals root where
Shanghai is on at its time. Blob fields follow Cancun, the requests hash Prague, in profiles with blob gas only: devnets
2 to 6 wrote `pragueTime` for the Verkle fork, which brought neither.

Source: go-ethereum, `core/genesis.go` and `core/types/account.go`; EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685.
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from spec.codec.text import (
    Reader,
    Record,
    an_object,
    fixed,
    hex_bytes,
    member,
    member_or,
    optional_member,
    shown,
    string,
    whole_number,
)
from spec.containers import Account, Genesis, Header
from spec.errors import DecodeError
from spec.params import Profile
from spec.types import Address, Bloom, BoundedInt, Bytes32, Hash32, StateRoot, Uint64, Uint256

EMPTY_TRIE_ROOT: Final = Hash32(bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"))
"""keccak256(rlp(b"")): the root of no transactions, receipts or withdrawals. Source: yellow paper, section 4.4.3."""
EMPTY_OMMERS_HASH: Final = Hash32(bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"))
"""keccak256(rlp([])). Source: yellow paper, section 4.4.3."""
EMPTY_REQUESTS_HASH: Final = Bytes32(hashlib.sha256(b"").digest())
"""The hash of no requests. Source: EIP-7685, "Block header"."""
INITIAL_BASE_FEE: Final = 10**9
"""Wei per gas of the first block with a base fee. Source: EIP-1559, INITIAL_BASE_FEE."""
DEFAULT_GAS_LIMIT: Final = 4_712_388
"""What geth writes for a gas limit of 0. Source: go-ethereum, params.GenesisGasLimit."""

_NO_HASH: Final = Hash32(bytes(32))
_NO_STATE_ROOT: Final = StateRoot(bytes(32))
_NO_BLOOM: Final = Bloom(bytes(Bloom.LENGTH))
_NO_ADDRESS: Final = Address(bytes(Address.LENGTH))

_HEX_NUMBER: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HEX_WORD: Final = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2}){0,32})")

_NAMES: Final = {
    name.lower(): name
    for name in (
        "config",
        "nonce",
        "timestamp",
        "extraData",
        "gasLimit",
        "difficulty",
        "mixHash",
        "coinbase",
        "alloc",
        "number",
        "gasUsed",
        "parentHash",
        "baseFeePerGas",
        "excessBlobGas",
        "blobGasUsed",
    )
}

K = TypeVar("K")
V = TypeVar("V")
N = TypeVar("N", bound=BoundedInt)


def decode_genesis(value: object, profile: Profile) -> Genesis:
    """Accounts and header 0 from a parsed genesis.json.

    The header's state root is thirty-two zero bytes: only a tree can tell it. Fill it in by
    `dataclasses.replace(genesis.header, state_root=root)`.
    Raises: DecodeError.
    """
    members = _members(value)
    return Genesis(
        alloc=member(members, "alloc", decode_alloc),
        header=_decode_header(members, profile),
        chain_id=member_or(members, "config", _read_chain_id, None),
    )


def decode_alloc(value: object) -> Mapping[Address, Account]:
    """Accounts by address, in the order of the document. Storage is kept as written, zero values too."""
    return _read_map(value, _read_address, _read_account)


def _decode_header(members: Record, profile: Profile) -> Header:
    config: Record = member_or(members, "config", an_object, {})
    timestamp = member_or(members, "timestamp", _read_uint64, Uint64(0))
    base_fee = member_or(members, "baseFeePerGas", _read_uint256, Uint256(INITIAL_BASE_FEE))
    london = _is_on(config, "londonBlock", 0)
    shanghai = london and _is_on(config, "shanghaiTime", timestamp)
    cancun = shanghai and profile.blob_gas and _is_on(config, "cancunTime", timestamp)
    prague = cancun and _is_on(config, "pragueTime", timestamp)
    return Header(
        parent_hash=member_or(members, "parentHash", fixed(Hash32), _NO_HASH),
        ommers_hash=EMPTY_OMMERS_HASH,
        fee_recipient=member_or(members, "coinbase", fixed(Address), _NO_ADDRESS),
        state_root=_NO_STATE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=_NO_BLOOM,
        difficulty=member(members, "difficulty", _read_uint256),
        number=member_or(members, "number", _read_uint64, Uint64(0)),
        gas_limit=member(members, "gasLimit", _read_uint64) or Uint64(DEFAULT_GAS_LIMIT),
        gas_used=member_or(members, "gasUsed", _read_uint64, Uint64(0)),
        timestamp=timestamp,
        extra_data=member_or(members, "extraData", _read_bytes, b""),
        prev_randao=member_or(members, "mixHash", fixed(Bytes32), Bytes32(_NO_HASH)),
        nonce=member_or(members, "nonce", _read_uint64, Uint64(0)).to_bytes(8, "big"),
        base_fee_per_gas=base_fee if london else None,
        withdrawals_root=EMPTY_TRIE_ROOT if shanghai else None,
        blob_gas_used=member_or(members, "blobGasUsed", _read_uint64, Uint64(0)) if cancun else None,
        excess_blob_gas=member_or(members, "excessBlobGas", _read_uint64, Uint64(0)) if cancun else None,
        parent_beacon_block_root=_NO_HASH if cancun else None,
        requests_hash=EMPTY_REQUESTS_HASH if prague else None,
    )


def _read_chain_id(config: object) -> Uint64 | None:
    return optional_member(an_object(config), "chainId", _read_uint64)


def _members(value: object) -> Record:
    members: dict[str, object] = {}
    for spelling, member_value in an_object(value).items():
        name = _NAMES.get(spelling.lower())
        if name in members:
            raise DecodeError(f"{name} occurs in two spellings")
        if name is not None:
            members[name] = member_value
    return members


def _is_on(config: Record, fork: str, now: int) -> bool:
    try:
        start = optional_member(config, fork, _read_uint64)
    except DecodeError as error:
        raise error.inside("config") from None
    return start is not None and start <= now


def _read_account(value: object) -> Account:
    members = an_object(value)
    return Account(
        balance=member(members, "balance", _read_uint256),
        nonce=member_or(members, "nonce", _read_uint64, Uint64(0)),
        code=member_or(members, "code", _read_bytes, b""),
        storage=member_or(members, "storage", _read_storage, {}),
    )


def _read_storage(value: object) -> Mapping[Uint256, Uint256]:
    return _read_map(value, _read_word, _read_word)


def _read_map(value: object, read_key: Reader[K], read: Reader[V]) -> Mapping[K, V]:
    entries: dict[K, V] = {}
    for spelling, element in an_object(value).items():
        try:
            key = read_key(spelling)
            if key in entries:
                raise DecodeError("occurs in two spellings")
            entries[key] = read(element)
        except DecodeError as error:
            raise error.inside(f"[{shown(spelling)}]") from None
    return MappingProxyType(entries)


def _read_address(value: object) -> Address:
    text = string(value)
    return fixed(Address)(text if text.startswith("0x") else "0x" + text)


def _read_bytes(value: object) -> bytes:
    return b"" if value == "" else hex_bytes(value)


def _read_word(value: object) -> Uint256:
    """A storage key or value: up to 32 bytes of hex, the first ones lost where there are fewer."""
    match = _HEX_WORD.fullmatch(string(value))
    if match is None:
        raise DecodeError(f"expected up to 32 bytes of hex, got {shown(string(value))}")
    return Uint256(int(match[1] or "0", 16))


def _integer(kind: type[N]) -> Reader[N]:
    def read(value: object) -> N:
        if isinstance(value, str) and _HEX_NUMBER.fullmatch(value):
            return kind(int(value[2:], 16))
        return kind(whole_number(value))

    return read


_read_uint64: Final = _integer(Uint64)
_read_uint256: Final = _integer(Uint256)
