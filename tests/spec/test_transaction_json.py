"""Transactions as JSON: what is written is read again, and every doubtful spelling is refused by name."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from spec.codec import json_document, transaction_json
from spec.codec.transaction_json import decode_transaction, decode_unsigned, encode_transaction
from spec.containers import Transaction
from spec.errors import DecodeError
from spec.types import Uint64, Uint256
from tests.strategies import transactions

ADDRESS = "0x" + "11" * 20
WORD = "0x" + "22" * 32
LEGACY: dict[str, Any] = {"nonce": 1, "gasPrice": "5", "gas": "0x5208", "to": ADDRESS}
SIGNATURE = {"r": "0x1", "s": "0x2"}
SIGNED_LEGACY = {**LEGACY, **SIGNATURE, "v": "0x1b"}
FEES = {"nonce": "0x0", "gas": 21000, "maxFeePerGas": 9, "maxPriorityFeePerGas": 1, "chainId": 1, "to": ADDRESS}
SIGNED = {**FEES, **SIGNATURE, "yParity": 1}


@given(transactions())
def test_round_trip(transaction: Transaction) -> None:
    document = json_document.parse(json_document.write(encode_transaction(transaction)))
    assert decode_transaction(document) == transaction


@given(transactions())
def test_fields_to_sign(transaction: Transaction) -> None:
    encoded = encode_transaction(transaction)
    fields = {name: value for name, value in encoded.items() if name not in ("r", "s", "v", "yParity")}
    assert decode_unsigned(fields) == replace(transaction, y_parity=0, r=Uint256(0), s=Uint256(0))


def test_what_may_be_missing() -> None:
    made = decode_unsigned(LEGACY)
    assert (made.type, made.chain_id, made.value, made.data, made.gas_limit) == (0, None, 0, b"", 21000)
    assert decode_unsigned({**LEGACY, "to": None}).to is None
    assert decode_unsigned({**LEGACY, "to": ADDRESS}, Uint64(7)).chain_id == 7
    assert decode_unsigned({**LEGACY, "data": "0x01", "chainId": "3"}, Uint64(7)).chain_id == 3


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({}, 2),
        ({"accessList": [{"address": ADDRESS, "storageKeys": [WORD]}]}, 2),
        ({"maxFeePerBlobGas": 1, "blobVersionedHashes": [WORD]}, 3),
        ({"authorizationList": [{"chainId": 1, "address": ADDRESS, "nonce": 0}]}, 4),
    ],
)
def test_the_type_follows_from_the_members(members: dict[str, object], kind: int) -> None:
    assert decode_unsigned({**FEES, **members}).type == kind
    assert decode_unsigned({**FEES, **members, "type": hex(kind)}).type == kind


def test_a_list_of_accesses_makes_type_1() -> None:
    assert decode_unsigned({**LEGACY, "accessList": [], "chainId": 1}).type == 1


def test_authorizations_may_be_unsigned_where_the_transaction_is() -> None:
    one = {"chainId": 1, "address": ADDRESS, "nonce": 0}
    (made,) = decode_unsigned({**FEES, "authorizationList": [one]}).authorization_list
    assert (made.y_parity, made.r, made.s) == (0, 0, 0)
    (made,) = decode_unsigned({**FEES, "authorizationList": [{**one, "v": 1, **SIGNATURE}]}).authorization_list
    assert (made.y_parity, made.r, made.s) == (1, 1, 2)
    with pytest.raises(DecodeError, match=r"authorizationList\[0\].yParity: missing"):
        decode_transaction({**SIGNED, "authorizationList": [one]})


def test_what_nodes_add() -> None:
    added = {"blockHash": WORD, "blockNumber": "0x1", "transactionIndex": "0x0", "gasPrice": "0x7", "hash": WORD}
    assert decode_transaction({**SIGNED, **added, "from": ADDRESS, "v": "0x1"}) == decode_transaction(SIGNED)
    assert transaction_json.stated({**added, "from": ADDRESS}) == (bytes.fromhex("22" * 32), bytes.fromhex("11" * 20))
    assert transaction_json.stated({}) == (None, None)


@pytest.mark.parametrize(
    ("v", "chain_id", "parity"), [(27, None, 0), (28, None, 1), (35, 0, 0), (37, 1, 0), (38, 1, 1)]
)
def test_v_of_legacy_transactions(v: int, chain_id: int | None, parity: int) -> None:
    made = decode_transaction({**LEGACY, **SIGNATURE, "v": hex(v)})
    assert (made.chain_id, made.y_parity) == (chain_id, parity)
    assert encode_transaction(made)["v"] == hex(v)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "expected an object"),
        ({**SIGNED, "gasprice": 1}, "unknown name 'gasprice'"),
        ({**SIGNED, "type": 5}, "type: unknown transaction type 5"),
        ({**SIGNED, "type": 0}, "a transaction of type 0 has no 'maxFeePerGas'"),
        ({**SIGNED_LEGACY, "maxFeePerBlobGas": 1}, "has no"),
        ({**SIGNED, "gas": 1, "gasLimit": 1}, "gas occurs in two spellings"),
        ({**SIGNED, "data": "0x", "input": "0x"}, "input occurs in two spellings"),
        ({**SIGNED, "nonce": 2**64}, "nonce: Uint64"),
        ({**SIGNED, "nonce": "0x00"}, "nonce: expected an integer"),
        ({**SIGNED, "to": "0x11"}, "to: Address has 20 bytes"),
        ({**SIGNED, "input": "0x1"}, "input: odd number"),
        ({**SIGNED, "yParity": 2}, "yParity: yParity and v are one parity"),
        ({**SIGNED, "v": 0}, "yParity: yParity and v are one parity"),
        ({**SIGNED, "yParity": None}, "yParity: missing"),
        ({**SIGNED, "chainId": None}, "chainId: missing"),
        ({**SIGNED_LEGACY, "v": None}, "v: "),
        ({**SIGNED_LEGACY, "v": 29}, "v: v is 27, 28 or at least 35"),
        ({**SIGNED_LEGACY, "chainId": 1}, "v: v says no chain, chainId 1"),
        ({**SIGNED_LEGACY, "v": 37, "chainId": 2}, "v: v says chain 1, chainId 2"),
        ({name: value for name, value in SIGNED.items() if name != "r"}, "r: missing"),
        ({name: value for name, value in SIGNED.items() if name != "maxFeePerGas"}, "maxFeePerGas: missing"),
        ({**SIGNED, "to": None, "blobVersionedHashes": [WORD], "maxFeePerBlobGas": 1}, "cannot create a contract"),
        ({**SIGNED, "accessList": [{"address": ADDRESS, "keys": []}]}, "unknown name 'keys'"),
    ],
)
def test_refusals(value: object, said: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_transaction(json.loads(json.dumps(value)))
    assert said in str(refused.value)


def test_what_is_signed_is_not_signed_again() -> None:
    with pytest.raises(DecodeError, match="there is a signature already"):
        decode_unsigned(SIGNED)
    with pytest.raises(DecodeError, match="chainId: missing"):
        decode_unsigned({name: value for name, value in FEES.items() if name != "chainId"})
