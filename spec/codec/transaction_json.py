"""Transactions as JSON, signed or not: the form of JSON-RPC (`eth_getTransactionByHash`, `eth_signTransaction`).

    {"type": "0x2", "chainId": "0x1", "nonce": "0x0", "maxPriorityFeePerGas": "0x1", "maxFeePerGas": "0x2",
     "gas": "0x5208", "to": "0x..", "value": "0x1", "input": "0x", "accessList": [],
     "yParity": "0x0", "r": "0x..", "s": "0x.."}

Written by hand as well as by nodes, so integers may be JSON numbers or decimal strings, and what a transaction mostly
lacks may be left out: `value` 0, `input` empty, `to` (or null) for a creation, empty lists. `gasLimit` and `data` are
other names of `gas` and `input`. Where `type` is missing, it is the lowest one that has the members that are there.
What a node adds is left out: the block (blockHash, ...), and the gasPrice that a transaction with two fees came to pay.
Any other name is an error, so that no typing error changes a transaction. Members of another type are an error, too.

`v` may stand in place of yParity, or beside it if both agree: 27 and 28, or 35 + 2 * chain id and 36 + 2 * chain id, in
type 0; the parity in the others.

Source: execution-apis, schemas "TransactionSigned", "GenericTransaction"; EIP-155, 2718, 2930, 1559, 4844, 7702.
"""

from collections.abc import Mapping
from typing import Any, Final

from spec.codec.limits import MAX_BYTES_PER_TRANSACTION
from spec.codec.text import (
    Reader,
    Record,
    bytes_up_to,
    each,
    fixed,
    integer,
    member,
    member_or,
    optional_member,
    record,
    shown,
    to_hex,
    to_quantity,
)
from spec.containers import AccessTuple, Authorization, Transaction
from spec.errors import DecodeError
from spec.types import Address, Bytes32, Hash32, Uint64, Uint256

LAST_TYPE: Final = 4
MAX_LIST: Final = 2**16
"""Entries of any list of a transaction: gas pays for fewer."""

_UNPROTECTED_V: Final = 27
_PROTECTED_V: Final = 35

_COMMON: Final = ("type", "nonce", "gas", "to", "value", "input", "chainId")
_LEGACY_FEE: Final = ("gasPrice",)
_FEES: Final = ("maxPriorityFeePerGas", "maxFeePerGas")
_BLOBS: Final = ("maxFeePerBlobGas", "blobVersionedHashes")
_BY_TYPE: Final[Mapping[int, tuple[str, ...]]] = {
    0: (*_COMMON, *_LEGACY_FEE),
    1: (*_COMMON, *_LEGACY_FEE, "accessList"),
    2: (*_COMMON, *_FEES, "accessList"),
    3: (*_COMMON, *_FEES, "accessList", *_BLOBS),
    4: (*_COMMON, *_FEES, "accessList", "authorizationList"),
}
"""Members of each type, without the signature."""
_SIGNATURE: Final = ("v", "yParity", "r", "s")
_STATED: Final = ("from", "hash")
_OF_THE_BLOCK: Final = ("blockHash", "blockNumber", "blockTimestamp", "transactionIndex")
_EVERY: Final = dict.fromkeys(name for names in _BY_TYPE.values() for name in names)
_NAMES: Final = {
    **{name: name for name in (*_EVERY, *_SIGNATURE, *_STATED, *_OF_THE_BLOCK)},
    "gasLimit": "gas",
    "data": "input",
}

_AUTHORIZATION_NAMES: Final = {name: name for name in ("chainId", "address", "nonce", *_SIGNATURE)}
_UNSIGNED: Final = (0, Uint256(0), Uint256(0))

_read_uint64: Final = integer(Uint64)
_read_uint256: Final = integer(Uint256)
_read_address: Final = fixed(Address)


def decode_transaction(value: object) -> Transaction:
    """A signed transaction from a parsed JSON object. What it says of hash and sender is not compared (`stated`).

    Raises: DecodeError.
    """
    members = dict(record(value, _NAMES, closed=True))
    if members.get("maxFeePerGas") is not None:
        members.pop("gasPrice", None)
    kind = _type_of(members)
    chain_id, y_parity = _chain_and_parity(members, kind)
    r, s = member(members, "r", _read_uint256), member(members, "s", _read_uint256)
    return _made(members, kind, chain_id, _read_authorization, (y_parity, r, s))


def decode_unsigned(value: object, chain_id: Uint64 | None = None) -> Transaction:
    """A transaction to be signed; its signature is 0, 0, 0. `chain_id`: where the object does not tell.

    Authorizations may lack their signatures as well, and then have 0, 0, 0.
    Raises: DecodeError where there is a signature already, too.
    """
    members = record(value, _NAMES, closed=True)
    kind = _type_of(members)
    for name in _SIGNATURE:
        if members.get(name) is not None:
            raise DecodeError("there is a signature already", name)
    told = optional_member(members, "chainId", _read_uint64)
    return _made(members, kind, chain_id if told is None else told, _read_unsigned_authorization, _UNSIGNED)


def stated(value: object) -> tuple[Hash32 | None, Address | None]:
    """The hash and the sender that a JSON object states, if any. Raises: DecodeError."""
    members = record(value, _NAMES, closed=False)
    return optional_member(members, "hash", fixed(Hash32)), optional_member(members, "from", _read_address)


def encode_transaction(transaction: Transaction) -> dict[str, object]:
    """The JSON object of a signed transaction, with both `v` and `yParity` in types other than 0."""
    values: dict[str, object] = {
        "type": to_quantity(transaction.type),
        "chainId": None if transaction.chain_id is None else to_quantity(transaction.chain_id),
        "nonce": to_quantity(transaction.nonce),
        "gasPrice": _quantity(transaction.gas_price),
        "maxPriorityFeePerGas": _quantity(transaction.max_priority_fee_per_gas),
        "maxFeePerGas": _quantity(transaction.max_fee_per_gas),
        "gas": to_quantity(transaction.gas_limit),
        "to": None if transaction.to is None else to_hex(transaction.to),
        "value": to_quantity(transaction.value),
        "input": to_hex(transaction.data),
        "accessList": [_encode_access(entry) for entry in transaction.access_list],
        "maxFeePerBlobGas": _quantity(transaction.max_fee_per_blob_gas),
        "blobVersionedHashes": [to_hex(one) for one in transaction.blob_versioned_hashes],
        "authorizationList": [_encode_authorization(one) for one in transaction.authorization_list],
    }
    encoded = {name: value for name, value in values.items() if name in _BY_TYPE[transaction.type]}
    if transaction.chain_id is None:
        del encoded["chainId"]
    if transaction.type:
        encoded["yParity"] = to_quantity(transaction.y_parity)
    encoded["v"] = to_quantity(_v_of(transaction))
    return encoded | {"r": to_quantity(transaction.r), "s": to_quantity(transaction.s)}


def _read_authorization(value: object) -> Authorization:
    members = record(value, _AUTHORIZATION_NAMES, closed=True)
    parity = member(members, "v" if members.get("yParity") is None and "v" in members else "yParity", _read_uint64)
    if parity > 255:
        raise DecodeError("must be in 0..255", "yParity")
    return _authorization(
        members, (int(parity), member(members, "r", _read_uint256), member(members, "s", _read_uint256))
    )


def _read_unsigned_authorization(value: object) -> Authorization:
    """One that the sender of the transaction is to sign, or one that is signed."""
    members = record(value, _AUTHORIZATION_NAMES, closed=True)
    if any(members.get(name) is not None for name in _SIGNATURE):
        return _read_authorization(value)
    return _authorization(members, _UNSIGNED)


def _authorization(members: Record, signature: tuple[int, Uint256, Uint256]) -> Authorization:
    chain_id = member(members, "chainId", _read_uint256)
    address, nonce = member(members, "address", _read_address), member(members, "nonce", _read_uint64)
    return Authorization(chain_id, address, nonce, *signature)


def _type_of(members: Record) -> int:
    """The type, as told or as the members tell. Raises: DecodeError where a member does not belong to it."""
    given = {name for name in members if members[name] is not None}
    told = optional_member(members, "type", _read_uint64)
    if told is not None and told > LAST_TYPE:
        raise DecodeError(f"unknown transaction type {told}", "type")
    kind = _lowest_type(given) if told is None else int(told)
    for name in sorted(given & _EVERY.keys()):
        if name not in _BY_TYPE[kind]:
            raise DecodeError(f"a transaction of type {kind} has no {shown(name)}")
    return kind


def _lowest_type(given: set[str]) -> int:
    """The first type that has all the members which not every type has; there always is one for a sound object."""
    telling = given & _EVERY.keys()
    return next((kind for kind, names in _BY_TYPE.items() if telling <= set(names)), 2)


def _chain_and_parity(members: Record, kind: int) -> tuple[Uint64 | None, int]:
    """The chain id and the parity that a signature says. Raises: DecodeError where two members disagree."""
    chain_id = optional_member(members, "chainId", _read_uint64)
    parity = optional_member(members, "yParity", _read_uint64)
    if kind:
        v = optional_member(members, "v", _read_uint64)
        if chain_id is None:
            raise DecodeError("missing", "chainId")
    else:
        of_v, v = _split(member(members, "v", _read_uint256))
        if chain_id is not None and chain_id != of_v:
            raise DecodeError(f"v says {'no chain' if of_v is None else f'chain {of_v}'}, chainId {chain_id}", "v")
        chain_id = of_v
    found = v if parity is None else parity
    if found is None:
        raise DecodeError("missing", "yParity")
    if (v is not None and v != found) or found > 1:
        raise DecodeError("yParity and v are one parity, 0 or 1", "yParity")
    return chain_id, int(found)


def _split(v: int) -> tuple[Uint64 | None, Uint64]:
    """Chain id and parity of a legacy transaction's v."""
    if v in (_UNPROTECTED_V, _UNPROTECTED_V + 1):
        return None, Uint64(v - _UNPROTECTED_V)
    if v < _PROTECTED_V:
        raise DecodeError(f"v is 27, 28 or at least {_PROTECTED_V}, got {v}", "v")
    return Uint64((v - _PROTECTED_V) // 2), Uint64((v - _PROTECTED_V) % 2)


def _made(
    members: Record,
    kind: int,
    chain_id: Uint64 | None,
    read_authorization: Reader[Authorization],
    signature: tuple[int, Uint256, Uint256],
) -> Transaction:
    wanted = _BY_TYPE[kind]
    if kind and chain_id is None:
        raise DecodeError("missing", "chainId")

    def fee(name: str) -> Uint256 | None:
        return member(members, name, _read_uint256) if name in wanted else None

    to = optional_member(members, "to", _read_address)
    if to is None and kind in (3, 4):
        raise DecodeError(f"a transaction of type {kind} cannot create a contract", "to")
    nothing: tuple[Any, ...] = ()
    return Transaction(
        type=kind,
        chain_id=chain_id,
        nonce=member(members, "nonce", _read_uint64),
        gas_price=fee("gasPrice"),
        max_priority_fee_per_gas=fee("maxPriorityFeePerGas"),
        max_fee_per_gas=fee("maxFeePerGas"),
        gas_limit=member(members, "gas", _read_uint64),
        to=to,
        value=member_or(members, "value", _read_uint256, Uint256(0)),
        data=member_or(members, "input", bytes_up_to(MAX_BYTES_PER_TRANSACTION), b""),
        access_list=member_or(members, "accessList", _read_access_list, nothing),
        max_fee_per_blob_gas=fee("maxFeePerBlobGas"),
        blob_versioned_hashes=member_or(members, "blobVersionedHashes", _read_hashes, nothing),
        authorization_list=member_or(members, "authorizationList", each(read_authorization, MAX_LIST), nothing),
        y_parity=signature[0],
        r=signature[1],
        s=signature[2],
    )


def _read_access(value: object) -> AccessTuple:
    members = record(value, {"address": "address", "storageKeys": "storageKeys"}, closed=True)
    nothing: tuple[Bytes32, ...] = ()
    keys = member_or(members, "storageKeys", _read_hashes, nothing)
    return AccessTuple(member(members, "address", _read_address), keys)


_read_hashes: Final = each(fixed(Bytes32), MAX_LIST)
_read_access_list: Final = each(_read_access, MAX_LIST)


def _encode_access(entry: AccessTuple) -> dict[str, object]:
    return {"address": to_hex(entry.address), "storageKeys": [to_hex(key) for key in entry.storage_keys]}


def _encode_authorization(one: Authorization) -> dict[str, object]:
    numbers = {"yParity": one.y_parity, "r": one.r, "s": one.s}
    return {
        "chainId": to_quantity(one.chain_id),
        "address": to_hex(one.address),
        "nonce": to_quantity(one.nonce),
        **{name: to_quantity(value) for name, value in numbers.items()},
    }


def _quantity(value: int | None) -> str | None:
    return None if value is None else to_quantity(value)


def _v_of(transaction: Transaction) -> int:
    """`v` as JSON-RPC has it: the parity, or the one of type 0 with the chain id in it."""
    if transaction.type:
        return transaction.y_parity
    if transaction.chain_id is None:
        return _UNPROTECTED_V + transaction.y_parity
    return _PROTECTED_V + 2 * transaction.chain_id + transaction.y_parity
