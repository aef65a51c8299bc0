"""Payloads as JSON: the Engine API's form, the beacon API's, mixtures, and wrappers."""

from typing import Any

import pytest
from hypothesis import given

from spec.codec import json_document, payload_json
from spec.codec.limits import MAX_TRANSACTIONS_PER_PAYLOAD
from spec.codec.text import camel
from spec.containers import ExecutionPayload, Withdrawal
from spec.errors import DecodeError
from tests.strategies import payloads


def beacon(payload: ExecutionPayload) -> dict[str, object]:
    """The beacon API's form: snake_case, decimal strings; the witness stays in camelCase, as archives have it."""
    engine = payload_json.encode_payload(payload)
    form: dict[str, object] = {}
    for name in ExecutionPayload.__slots__:
        if camel(name) in engine:
            value = getattr(payload, name)
            form[name] = str(value) if isinstance(value, int) else engine[camel(name)]
    if payload.withdrawals is not None:
        form["withdrawals"] = [
            {
                name: str(value) if isinstance(value := getattr(withdrawal, name), int) else "0x" + value.hex()
                for name in Withdrawal.__slots__
            }
            for withdrawal in payload.withdrawals
        ]
    return form


@given(payloads())
def test_round_trip(payload: ExecutionPayload) -> None:
    document = json_document.parse(json_document.write(payload_json.encode_payload(payload)))
    assert payload_json.decode_payload(document) == payload
    assert payload_json.encode_payload(payload_json.decode_payload(document)) == document


@given(payloads())
def test_the_beacon_form_and_wrappers_mean_the_same(payload: ExecutionPayload) -> None:
    form = beacon(payload)
    assert payload_json.decode_payload(form) == payload
    assert payload_json.decode_payload({"slot": "1", "execution_payload": form}) == payload
    assert payload_json.decode_payload({"executionPayload": form, "x": {}}) == payload
    assert payload_json.decode_payload(form | {"unknown": 1}) == payload


@given(payloads())
def test_null_is_missing(payload: ExecutionPayload) -> None:
    optional = ("withdrawals", "blob_gas_used", "excess_blob_gas", "execution_witness")
    form: dict[str, object] = dict.fromkeys(optional) | beacon(payload)
    assert payload_json.decode_payload(form) == payload


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    zero = "0x" + "00" * 32
    return {
        "parentHash": zero,
        "feeRecipient": "0x" + "aB" * 20,
        "stateRoot": zero,
        "receiptsRoot": zero,
        "logsBloom": "0x" + "00" * 256,
        "prevRandao": zero,
        "blockNumber": "0x1",
        "gasLimit": "0x0",
        "gasUsed": 0,
        "timestamp": "12",
        "extraData": "0x",
        "baseFeePerGas": hex(2**256 - 1),
        "blockHash": zero,
        "transactions": ["0x01"],
        "withdrawals": [],
    }


def test_letter_case_of_addresses_is_free(document: dict[str, Any]) -> None:
    assert payload_json.decode_payload(document).fee_recipient == bytes([0xAB]) * 20


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("block_number", "1", ""),
        ("execution_payload", {}, "execution_payload.parent_hash"),
        ("blockNumber", "0x01", "block_number"),
        ("blockNumber", None, "block_number"),
        ("blockNumber", 2**64, "block_number"),
        ("baseFeePerGas", 2**256, "base_fee_per_gas"),
        ("extraData", "0x" + "00" * 33, "extra_data"),
        ("transactions", ["0x01", "02"], "transactions[1]"),
        ("transactions", "0x", "transactions"),
        ("transactions", [None] * (MAX_TRANSACTIONS_PER_PAYLOAD + 1), "transactions"),
        ("withdrawals", [None] * 17, "withdrawals"),
        ("withdrawals", [{}], "withdrawals[0].index"),
        ("blobGasUsed", "0x0", ""),
        ("executionWitness", {}, "execution_witness.state_diff"),
        ("logsBloom", "0x", "logs_bloom"),
    ],
)
def test_refusals_name_the_place(document: dict[str, Any], name: str, value: object, where: str) -> None:
    with pytest.raises(DecodeError) as caught:
        payload_json.decode_payload(document | {name: value})
    assert caught.value.where == where


@pytest.mark.parametrize("value", [None, [], "payload", 1, {}, {"execution_payload": None}, {"execution_payload": []}])
def test_what_is_not_a_payload(value: object) -> None:
    with pytest.raises(DecodeError):
        payload_json.decode_payload(value)


def test_every_member_of_wrong_type_is_a_decode_error(document: dict[str, Any]) -> None:
    for name in (*document, "executionWitness"):
        wrong: list[object] = [True, -1, 1.5, "", "0xz", "x", [[]], {"a": 1}, [None]]
        for value in wrong:
            with pytest.raises(DecodeError):
                payload_json.decode_payload(document | {name: value})
