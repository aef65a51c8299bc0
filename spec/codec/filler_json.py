"""Transactions as test fillers hand them to transition tools: signed, or with the key to sign them with.

    {"type": "0x2", "chainId": "0x1", "nonce": "0x0", "maxPriorityFeePerGas": "0x0", "maxFeePerGas": "0x7",
     "gas": "0x5208", "to": "0x..", "value": "0x1", "input": "0x", "accessList": [],
     "v": "0x0", "r": "0x..", "s": "0x.."}                                              or "secretKey": "0x.."

The tolerant sister of `transaction_json`, as fillers write transactions on purpose that no node would: integers as in
`transition_json`, unknown members ignored (fillers add the sender), and nothing refused that can be told in RLP, such
as blobs for nobody. Other spellings: "gasLimit" for gas, "data" for input, "yParity" for v, an empty string or null for
no receiver. The type may be left out: then it is the oldest one that has all members given. A legacy transaction is
signed for the chain unless it says "protected": false.

Source: go-ethereum, `cmd/evm/internal/t8ntool/tx_iterator.go` and `core/types/transaction_marshalling.go`; EIP-155.
"""

from dataclasses import replace
from typing import Any, Final

from spec.codec import rlp
from spec.codec.limits import MAX_BYTES_PER_TRANSACTION
from spec.codec.text import (
    Record,
    an_object,
    bytes_up_to,
    each,
    fixed,
    member,
    member_or,
    optional_member,
)
from spec.codec.transition_json import read_number
from spec.containers import AccessTuple, Authorization, Transaction
from spec.crypto import sign
from spec.errors import DecodeError
from spec.types import Address, Bytes32, Uint64, Uint256

MAX_ENTRIES: Final = 2**16
"""Entries of an access list, keys of an entry, blobs, authorizations."""

_UNPROTECTED_V: Final = 27
_PROTECTED_V: Final = 35


def decode_transaction(value: object, chain_id: int) -> Transaction:
    """A signed transaction from a parsed JSON object. `chain_id`: what an unsigned one is signed for.

    Raises: DecodeError.
    """
    members = an_object(value)
    unsigned = _read(members, chain_id)
    r, s = (member_or(members, name, _read_uint256, Uint256(0)) for name in ("r", "s"))
    v = member_or(members, "v" if members.get("v") is not None else "yParity", _read_uint256, Uint256(0))
    secret = optional_member(members, "secretKey", fixed(Bytes32))
    if secret is not None and not (r or s or v):
        return _signed(unsigned, secret, protected=members.get("protected") is not False)
    if unsigned.type == rlp.LEGACY:
        chain, parity = _legacy_signature(v)
        return replace(unsigned, chain_id=chain, y_parity=parity, r=r, s=s)
    if v > 1:
        raise DecodeError("y_parity is 0 or 1", "v")
    return replace(unsigned, y_parity=int(v), r=r, s=s)


def _signed(unsigned: Transaction, secret: Bytes32, *, protected: bool) -> Transaction:
    if unsigned.type == rlp.LEGACY and not protected:
        unsigned = replace(unsigned, chain_id=None)
    parity, r, s = sign(rlp.signing_hash(unsigned), secret)
    return replace(unsigned, y_parity=parity, r=Uint256(r), s=Uint256(s))


def _legacy_signature(v: int) -> tuple[Uint64 | None, int]:
    """(chain id, parity): v = 35 + 2 * chain id + parity; 27 + parity without replay protection (EIP-155)."""
    if v in (_UNPROTECTED_V, _UNPROTECTED_V + 1):
        return None, v - _UNPROTECTED_V
    if v < _PROTECTED_V:
        raise DecodeError(f"v is 27, 28 or at least {_PROTECTED_V}, got {v}", "v")
    return Uint64((v - _PROTECTED_V) // 2), (v - _PROTECTED_V) % 2


def _read(members: Record, chain_id: int) -> Transaction:
    kind = member_or(members, "type", _read_uint64, Uint64(_oldest_type(members)))
    if kind > rlp.SET_CODE:
        raise DecodeError(f"unknown transaction type {kind}", "type")
    priced, blobs, sets_code = kind < rlp.DYNAMIC_FEE, kind == rlp.BLOB, kind == rlp.SET_CODE
    gas = "gas" if "gas" in members else "gasLimit"
    data = "input" if "input" in members else "data"
    nothing: tuple[Any, ...] = ()
    return Transaction(
        type=int(kind),
        chain_id=member_or(members, "chainId", _read_uint64, Uint64(chain_id)),
        nonce=member(members, "nonce", _read_uint64),
        gas_price=member(members, "gasPrice", _read_uint256) if priced else None,
        max_priority_fee_per_gas=None if priced else member(members, "maxPriorityFeePerGas", _read_uint256),
        max_fee_per_gas=None if priced else member(members, "maxFeePerGas", _read_uint256),
        gas_limit=member(members, gas, _read_uint64),
        to=optional_member(members, "to", _read_to),
        value=member_or(members, "value", _read_uint256, Uint256(0)),
        data=member_or(members, data, _read_bytes, b""),
        access_list=nothing if kind == rlp.LEGACY else member_or(members, "accessList", _read_access_list, nothing),
        max_fee_per_blob_gas=member(members, "maxFeePerBlobGas", _read_uint256) if blobs else None,
        blob_versioned_hashes=member(members, "blobVersionedHashes", _read_hashes) if blobs else nothing,
        authorization_list=member(members, "authorizationList", _read_authorizations) if sets_code else nothing,
    )


def _oldest_type(members: Record) -> int:
    """The oldest type that has all members given."""
    for names, kind in (
        (("authorizationList",), rlp.SET_CODE),
        (("blobVersionedHashes", "maxFeePerBlobGas"), rlp.BLOB),
        (("maxFeePerGas", "maxPriorityFeePerGas"), rlp.DYNAMIC_FEE),
        (("accessList",), rlp.ACCESS_LIST),
    ):
        if any(members.get(name) is not None for name in names):
            return kind
    return rlp.LEGACY


def _read_uint64(value: object) -> Uint64:
    return Uint64(read_number(value))


def _read_uint256(value: object) -> Uint256:
    return Uint256(read_number(value))


_read_address: Final = fixed(Address)
_read_some_bytes: Final = bytes_up_to(MAX_BYTES_PER_TRANSACTION)


def _read_to(value: object) -> Address | None:
    return None if value in ("", "0x") else _read_address(value)


def _read_bytes(value: object) -> bytes:
    return b"" if value == "" else _read_some_bytes(value)


def _read_access_tuple(value: object) -> AccessTuple:
    members = an_object(value)
    nothing: tuple[Bytes32, ...] = ()
    return AccessTuple(
        address=member(members, "address", _read_address),
        storage_keys=member_or(members, "storageKeys", _read_hashes, nothing),
    )


def _read_authorization(value: object) -> Authorization:
    members = an_object(value)
    parity = "yParity" if members.get("yParity") is not None else "v"
    return Authorization(
        chain_id=member(members, "chainId", _read_uint256),
        address=member(members, "address", _read_address),
        nonce=member(members, "nonce", _read_uint64),
        y_parity=member(members, parity, _read_byte),
        r=member(members, "r", _read_uint256),
        s=member(members, "s", _read_uint256),
    )


def _read_byte(value: object) -> int:
    """Below 2^8: EIP-7702 skips authorizations with a y_parity above 1, it does not refuse them."""
    number = read_number(value)
    if not 0 <= number < 256:
        raise DecodeError("must be in 0..255")
    return number


_read_hashes: Final = each(fixed(Bytes32), MAX_ENTRIES)
_read_access_list: Final = each(_read_access_tuple, MAX_ENTRIES)
_read_authorizations: Final = each(_read_authorization, MAX_ENTRIES)
