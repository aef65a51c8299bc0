"""Headers, transactions and blocks as RLP: canonical in, canonical out.

Every field has one reader (`spec.codec.rlp_items`) that accepts one encoding of each value, so whatever decodes encodes
to itself. Signatures are read, not verified: `sender` does that.

Over 400 lines: the tables of fields of three kinds of documents, and little besides.

Source: yellow paper, section 4; EIP-155, 2718, 2930, 1559, 4844, 4895, 7702.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from spec.codec.limits import MAX_BYTES_PER_TRANSACTION, MAX_TRANSACTIONS_PER_PAYLOAD, MAX_WITHDRAWALS_PER_PAYLOAD
from spec.codec.rlp_items import (
    Encodable,
    Item,
    List,
    Reader,
    each,
    encode_items,
    fixed,
    inside,
    integer,
    items_of,
    list_item,
    list_of_encoded,
    number,
    read_all_fields,
    read_fields,
    single_item,
    string,
)
from spec.containers import AccessTuple, Authorization, Header, Transaction, Withdrawal
from spec.crypto import keccak256, recover_address
from spec.errors import DecodeError
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, Uint64, Uint256

LEGACY: Final = 0
ACCESS_LIST: Final = 1
DYNAMIC_FEE: Final = 2
BLOB: Final = 3
SET_CODE: Final = 4

_FIRST_LIST_BYTE: Final = 0xC0
"""Bytes below begin a transaction's type, bytes from here on a legacy transaction. Source: EIP-2718."""
_LAST_TYPE_BYTE: Final = 0x7F
"""Source: EIP-2718, "Specification"."""
_AUTHORIZATION_MAGIC: Final = b"\x05"
"""Source: EIP-7702, MAGIC."""
_NONCE_BYTES: Final = 8
"""Length of a header's nonce. Source: yellow paper, section 4.4."""
_UNPROTECTED_V: Final = 27
_PROTECTED_V: Final = 35
"""v = 35 + 2 * chain id + parity; 27 + parity without replay protection. Source: EIP-155."""
_PROTECTED_ENDING: Final = b"\x80\x80"
"""Two zeros as RLP, behind the chain id in what is signed of a protected legacy transaction. Source: EIP-155."""


def decode_header(data: bytes) -> Header:
    """A header of any fork: 15 fields, 16 (London), 17 (Shanghai), 20 (Cancun) or 21 (Prague).

    Raises: DecodeError.
    """
    return _read_header(single_item(data))


def encode_header(header: Header) -> bytes:
    """The RLP of a header.

    Raises: ValueError where a field is absent before a present one: no fork has such a header.
    """
    return encode_items(_header_items(header))


def block_hash(header: Header) -> Hash32:
    """keccak256 of the header's RLP."""
    return keccak256(encode_header(header))


def decode_transaction(data: bytes) -> Transaction:
    """A signed transaction: a type byte and a list, or the list of a legacy transaction alone.

    Raises: DecodeError, for types other than 0 to 4 too.
    Source: EIP-2718, "Transactions".
    """
    return _decode_transaction(data)[0]


def decode_signed(data: bytes) -> tuple[Transaction, Address]:
    """A transaction and who signed it: `decode_transaction` and `sender` in one, at three quarters of their time.

    A transaction encodes to what it was decoded from, so what was signed need not be encoded again: it is what was read
    but for the last three items. Raises: DecodeError, as the two do.
    """
    transaction, item = _decode_transaction(data)
    parity, r, s = transaction.y_parity, transaction.r, transaction.s
    kind, ending = data[:1], b""
    if transaction.type == LEGACY:
        kind = b""
        if transaction.chain_id is not None:
            ending = encode_items(number(transaction.chain_id)) + _PROTECTED_ENDING
    signature = _encoded_length(_signed_parity(transaction)) + _encoded_length(r) + _encoded_length(s)
    signed = list_of_encoded(item.payload[:-signature] + ending)
    return transaction, recover_address(keccak256(kind + signed), parity, r, s)


def _decode_transaction(data: bytes) -> tuple[Transaction, List]:
    """The list that it was read from comes with it."""
    if not data:
        raise DecodeError("a transaction is not empty")
    if data[0] >= _FIRST_LIST_BYTE:
        item = list_item(data)
        return _read_legacy(item), item
    if data[0] not in _TYPED:
        raise DecodeError(f"unknown transaction type {data[0]}")
    item = list_item(data[1:])
    return _read_typed(data[0], item), item


def encode_transaction(transaction: Transaction) -> bytes:
    """The EIP-2718 encoding of a signed transaction."""
    signature = _signed_parity(transaction), transaction.r, transaction.s
    encoded = encode_items(_unsigned_items(transaction) + [number(value) for value in signature])
    return encoded if transaction.type == LEGACY else bytes((transaction.type,)) + encoded


def signing_hash(transaction: Transaction) -> Bytes32:
    """What the sender signs: keccak256 of the encoding without signature.

    Replay-protected legacy transactions end in (chain id, 0, 0) instead. Source: EIP-155.
    """
    items = _unsigned_items(transaction)
    if transaction.type == LEGACY:
        if transaction.chain_id is not None:
            items += [number(transaction.chain_id), b"", b""]
        return keccak256(encode_items(items))
    return keccak256(bytes((transaction.type,)) + encode_items(items))


def sender(transaction: Transaction) -> Address:
    """Who signed the transaction.

    Raises: DecodeError where no key can have made the signature, or s is in the upper half (EIP-2).
    """
    return recover_address(signing_hash(transaction), transaction.y_parity, transaction.r, transaction.s)


def authority(authorization: Authorization) -> Address:
    """Who signed an authorization: keccak256(0x05 || rlp([chain id, address, nonce])).

    Raises: DecodeError where no key can have made the signature. Source: EIP-7702, "Set code transaction".
    """
    items: list[Encodable] = [number(authorization.chain_id), authorization.address, number(authorization.nonce)]
    message_hash = keccak256(_AUTHORIZATION_MAGIC + encode_items(items))
    return recover_address(message_hash, authorization.y_parity, authorization.r, authorization.s)


def decode_block(data: bytes) -> tuple[Header, tuple[bytes, ...], tuple[Withdrawal, ...] | None]:
    """Header, transactions (EIP-2718 encodings) and withdrawals (None before Shanghai) of a block.

    Ommers must be an empty list, as in every block since the merge.
    Raises: DecodeError. The header's roots are not compared with the lists.
    """
    items = items_of(single_item(data))
    if len(items) not in (3, 4):
        raise DecodeError(f"a block has 3 or 4 items, got {len(items)}")
    header = inside("header", _read_header, items[0])
    transactions = inside("transactions", each(_read_block_transaction, MAX_TRANSACTIONS_PER_PAYLOAD), items[1])
    inside("ommers", each(_read_header, 0), items[2])
    if len(items) == 3:
        return header, transactions, None
    return header, transactions, inside("withdrawals", each(_read_withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD), items[3])


def decode_body(data: bytes) -> tuple[bytes, ...]:
    """The transactions (EIP-2718 encodings) of a block's list of them, alone. Raises: DecodeError."""
    return each(_read_block_transaction, MAX_TRANSACTIONS_PER_PAYLOAD)(single_item(data))


def encode_body(transactions: Iterable[bytes]) -> bytes:
    """The list of a block's transactions, alone. Typed ones stand in it as strings, legacy ones as lists."""
    return list_of_encoded(b"".join(map(_wrapped, transactions)))


def _wrapped(transaction: bytes) -> bytes:
    return transaction if transaction[0] >= _FIRST_LIST_BYTE else encode_items(transaction)


def encode_block(header: Header, transactions: Sequence[bytes], withdrawals: Sequence[Withdrawal] | None) -> bytes:
    """The RLP of a block without ommers."""
    payload = encode_header(header) + encode_body(transactions) + list_of_encoded(b"")
    if withdrawals is not None:
        payload += encode_items([_write(withdrawal) for withdrawal in withdrawals])
    return list_of_encoded(payload)


_hash: Final = fixed(Hash32)
_bytes32: Final = fixed(Bytes32)
_address: Final = fixed(Address)
_uint64: Final = integer(Uint64)
_uint256: Final = integer(Uint256)


def _read_parity(item: Item) -> int:
    parity = _uint64(item)
    if parity > 1:
        raise DecodeError("y_parity is 0 or 1")
    return parity


def _read_byte(item: Item) -> int:
    """An integer below 2^8: EIP-7702 skips authorizations with a y_parity above 1, it does not refuse them."""
    value = _uint64(item)
    if value > 255:
        raise DecodeError("must be in 0..255")
    return value


def _read_to(item: Item) -> Address | None:
    """The receiver; the empty string creates a contract."""
    receiver = string(item)
    return Address(receiver) if receiver else None


def _read_nonce(item: Item) -> bytes:
    nonce = string(item)
    if len(nonce) != _NONCE_BYTES:
        raise DecodeError(f"a header's nonce has {_NONCE_BYTES} bytes, got {len(nonce)}")
    return nonce


def _read_access_tuple(item: Item) -> AccessTuple:
    return AccessTuple(**read_all_fields(_ACCESS_TUPLE, item))


def _read_authorization(item: Item) -> Authorization:
    return Authorization(**read_all_fields(_AUTHORIZATION, item))


def _read_withdrawal(item: Item) -> Withdrawal:
    return Withdrawal(**read_all_fields(_WITHDRAWAL, item))


_HEADER: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("parent_hash", _hash),
    ("ommers_hash", _hash),
    ("fee_recipient", _address),
    ("state_root", fixed(StateRoot)),
    ("transactions_root", _hash),
    ("receipts_root", _hash),
    ("logs_bloom", fixed(Bloom)),
    ("difficulty", _uint256),
    ("number", _uint64),
    ("gas_limit", _uint64),
    ("gas_used", _uint64),
    ("timestamp", _uint64),
    ("extra_data", string),
    ("prev_randao", _bytes32),
    ("nonce", _read_nonce),
    ("base_fee_per_gas", _uint256),
    ("withdrawals_root", _hash),
    ("blob_gas_used", _uint64),
    ("excess_blob_gas", _uint64),
    ("parent_beacon_block_root", _bytes32),
    ("requests_hash", _bytes32),
)
_HEADER_LENGTHS: Final = (15, 16, 17, 20, 21)
"""Fields of a header before London, from London, Shanghai, Cancun and Prague on."""

_ACCESS_TUPLE: Final[tuple[tuple[str, Reader[Any]], ...]] = (("address", _address), ("storage_keys", each(_bytes32)))
_AUTHORIZATION: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("chain_id", _uint256),
    ("address", _address),
    ("nonce", _uint64),
    ("y_parity", _read_byte),
    ("r", _uint256),
    ("s", _uint256),
)
_WITHDRAWAL: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("index", _uint64),
    ("validator_index", _uint64),
    ("address", _address),
    ("amount", _uint64),
)

_LEGACY: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("nonce", _uint64),
    ("gas_price", _uint256),
    ("gas_limit", _uint64),
    ("to", _read_to),
    ("value", _uint256),
    ("data", string),
)
_ACCESSES: Final = ("access_list", each(_read_access_tuple))
_FEES: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("max_priority_fee_per_gas", _uint256),
    ("max_fee_per_gas", _uint256),
)
_CALL: Final[tuple[tuple[str, Reader[Any]], ...]] = (
    ("gas_limit", _uint64),
    ("to", _address),
    ("value", _uint256),
    ("data", string),
    _ACCESSES,
)
_SIGNATURE: Final[tuple[tuple[str, Reader[Any]], ...]] = (("y_parity", _read_parity), ("r", _uint256), ("s", _uint256))

_TYPED: Final[dict[int, tuple[tuple[str, Reader[Any]], ...]]] = {
    ACCESS_LIST: (("chain_id", _uint64), *_LEGACY, _ACCESSES),
    DYNAMIC_FEE: (("chain_id", _uint64), _LEGACY[0], *_FEES, *_LEGACY[2:], _ACCESSES),
    BLOB: (
        ("chain_id", _uint64),
        _LEGACY[0],
        *_FEES,
        *_CALL,
        ("max_fee_per_blob_gas", _uint256),
        ("blob_versioned_hashes", each(_bytes32)),
    ),
    SET_CODE: (
        ("chain_id", _uint64),
        _LEGACY[0],
        *_FEES,
        *_CALL,
        ("authorization_list", each(_read_authorization)),
    ),
}
"""Fields of each type in order, without the signature. Types 3 and 4 always have a receiver."""
_SIGNED: Final = {kind: (*table, *_SIGNATURE) for kind, table in _TYPED.items()}


def _read_header(item: Item) -> Header:
    items = items_of(item)
    if len(items) not in _HEADER_LENGTHS:
        raise DecodeError(f"no fork's header has {len(items)} fields")
    return Header(**read_fields(_HEADER, items))


def _read_legacy(item: Item) -> Transaction:
    values = read_all_fields((*_LEGACY, ("v", _uint256), *_SIGNATURE[1:]), item)
    v = values.pop("v")
    if v in (_UNPROTECTED_V, _UNPROTECTED_V + 1):
        values["y_parity"] = v - _UNPROTECTED_V
    elif v >= _PROTECTED_V:
        chain_id, values["y_parity"] = divmod(v - _PROTECTED_V, 2)
        values["chain_id"] = Uint64(chain_id)
    else:
        raise DecodeError(f"v is 27, 28 or at least {_PROTECTED_V}, got {v}")
    return Transaction(type=LEGACY, **values)


def _read_typed(kind: int, item: Item) -> Transaction:
    return Transaction(type=kind, **read_all_fields(_SIGNED[kind], item))


def _read_block_transaction(item: Item) -> bytes:
    if isinstance(item, List):
        return item.encoded
    if not item or item[0] > _LAST_TYPE_BYTE:
        raise DecodeError("a typed transaction begins with a byte in 0..0x7f")
    if len(item) > MAX_BYTES_PER_TRANSACTION:
        raise DecodeError(f"a transaction has at most {MAX_BYTES_PER_TRANSACTION} bytes")
    return item


def _write(value: object) -> Encodable:
    """Any field, by its type: integers without leading zeros, None as the empty string, records as lists."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return number(value)
    if isinstance(value, tuple):
        return [_write(element) for element in value]
    if isinstance(value, AccessTuple | Authorization | Withdrawal):
        return [_write(getattr(value, field.name)) for field in fields(value)]
    raise TypeError(f"no RLP of a {type(value).__name__}")


def _unsigned_items(transaction: Transaction) -> list[Encodable]:
    table = _LEGACY if transaction.type == LEGACY else _TYPED[transaction.type]
    return [_write(getattr(transaction, name)) for name, _ in table]


def _signed_parity(transaction: Transaction) -> int:
    """The first item of the signature: parity, or v in a legacy transaction."""
    if transaction.type != LEGACY:
        return transaction.y_parity
    v = _UNPROTECTED_V if transaction.chain_id is None else _PROTECTED_V + 2 * transaction.chain_id
    return v + transaction.y_parity


def _encoded_length(value: int) -> int:
    """Bytes of an integer below 2^256 as RLP."""
    return 1 if value < 0x80 else 1 + (value.bit_length() + 7) // 8


def _header_items(header: Header) -> list[Encodable]:
    values = [getattr(header, name) for name, _ in _HEADER]
    while values[-1] is None:
        values.pop()
    if None in values:
        raise ValueError("a header's optional fields are present from the first to the last one given")
    return [_write(value) for value in values]
