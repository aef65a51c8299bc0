"""The reader of state tests: what it takes over, and what it refuses."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from spec.codec.state_test_json import MAINNET, decode_state_tests
from spec.errors import DecodeError
from spec.types import Address, Bytes32, Uint256

OTHER = "0x" + "0c" * 20
KEY = "0x" + "00" * 31 + "01"


def document() -> dict[str, Any]:
    """A test with two cases, of which each optional member is there."""
    return {
        "one": {
            "_info": {"comment": "whatever", "more": [1, 2]},
            "config": {
                "chainid": "0x07",
                "blobSchedule": {"Cancun": {"target": "0x03", "max": "0x06", "baseFeeUpdateFraction": "0x32f0ed"}},
            },
            "env": {
                "currentCoinbase": "0x" + "cb" * 20,
                "currentNumber": "0x01",
                "currentTimestamp": "1000",
                "currentGasLimit": "0x0f4240",
                "currentDifficulty": "0x020000",
                "currentRandom": "0x020000",
                "currentBaseFee": "0x0a",
                "currentExcessBlobGas": "0x00",
                "previousHash": "0x" + "00" * 32,
            },
            "pre": {OTHER: {"balance": "0x01", "nonce": "0x00", "code": "0x", "storage": {"0x00": "0x02"}}},
            "transaction": {
                "nonce": "0x00",
                "maxPriorityFeePerGas": "0x00",
                "maxFeePerGas": "0x0a",
                "gasLimit": ["0x5208", "0x061a80"],
                "to": OTHER,
                "value": ["0x00", "0x:bigint 0x1" + "00" * 32],
                "data": ["0x", "0x1234"],
                "accessLists": [None, [{"address": OTHER, "storageKeys": [KEY]}]],
                "maxFeePerBlobGas": "0x01",
                "blobVersionedHashes": [KEY],
                "sender": "0x" + "5e" * 20,
                "secretKey": KEY,
            },
            "post": {
                "Cancun": [
                    {
                        "hash": KEY,
                        "logs": KEY,
                        "indexes": {"data": 0, "gas": 0, "value": 0},
                        "txbytes": "0x02",
                        "state": {},
                    },
                    {
                        "hash": KEY,
                        "logs": KEY,
                        "indexes": {"data": 1, "gas": 1, "value": 1},
                        "expectException": "TransactionException.TYPE_3_TX_ZERO_BLOBS",
                    },
                ]
            },
        }
    }


def test_everything_is_taken_over() -> None:
    (test,) = decode_state_tests(document())
    assert test.name == "one"
    assert test.chain_id == 7
    assert test.environment.number == 1
    assert test.environment.timestamp == 1000
    assert test.environment.prev_randao == Bytes32((0x20000).to_bytes(32, "big"))
    assert test.pre[Address(b"\x0c" * 20)].storage == {Uint256(0): Uint256(2)}
    assert test.blob_figures["Cancun"].base_fee_update_fraction == 3338477
    first, second = test.cases["Cancun"]
    assert (first.transaction, first.exception) == (b"\x02", None)
    assert (second.transaction, second.exception) == (None, "TransactionException.TYPE_3_TX_ZERO_BLOBS")
    assert (second.data, second.gas, second.value) == (1, 1, 1)


def test_transactions_of_a_template() -> None:
    """An index picks data with its access list, gas and value; the type is the oldest that can say it."""
    value = document()
    template = decode_state_tests(value)[0].template
    blob = template.transaction(MAINNET, 1, 1, 0)
    assert (blob.type, blob.gas_limit, blob.value, blob.data) == (3, 400_000, 0, b"\x12\x34")
    assert blob.access_list[0].storage_keys == (Bytes32(bytes.fromhex(KEY[2:])),)
    assert template.transaction(MAINNET, 0, 0, 0).access_list == ()
    with pytest.raises(DecodeError):
        template.transaction(MAINNET, 0, 0, 1)
    described = value["one"]["transaction"]
    del described["maxFeePerBlobGas"], described["blobVersionedHashes"]
    assert decode_state_tests(value)[0].template.transaction(MAINNET, 0, 0, 0).type == 2
    del described["maxFeePerGas"], described["maxPriorityFeePerGas"]
    described["gasPrice"] = "0x0a"
    assert [decode_state_tests(value)[0].template.transaction(MAINNET, n, 0, 0).type for n in (0, 1)] == [0, 1]
    described["to"] = ""
    assert decode_state_tests(value)[0].template.transaction(MAINNET, 0, 0, 0).to is None
    described["authorizationList"] = [
        {"chainId": "0x00", "address": OTHER, "nonce": "0x01", "v": "0x01", "r": "0x02", "s": "0x03", "signer": OTHER}
    ]
    (authorization,) = decode_state_tests(value)[0].template.transaction(MAINNET, 0, 0, 0).authorization_list
    assert (authorization.nonce, authorization.y_parity, authorization.r) == (1, 1, 2)


def test_what_a_config_does_not_say() -> None:
    value = document()
    del value["one"]["config"], value["one"]["_info"]
    (test,) = decode_state_tests(value)
    assert (test.chain_id, test.blob_figures) == (1, {})


Change = Callable[[dict[str, Any]], object]

REFUSED: list[tuple[str, Change]] = [
    ("['one'].env.currentNumber: missing", lambda t: t["env"].pop("currentNumber")),
    ("['one'].env: unknown name 'currentSlot'", lambda t: t["env"].update(currentSlot="0x1")),
    ("['one']: unknown name 'out'", lambda t: t.update(out="0x")),
    ("['one'].transaction: unknown name 'initcodes'", lambda t: t["transaction"].update(initcodes=[])),
    ("['one'].transaction: neither gasPrice nor", lambda t: t["transaction"].pop("maxFeePerGas")),
    ("['one'].transaction.to: ", lambda t: t["transaction"].update(to="0x")),
    ("['one'].transaction.gasLimit[0]: ", lambda t: t["transaction"].update(gasLimit=["0x" + "f" * 17])),
    ("['one'].transaction.value[0]: ", lambda t: t["transaction"].update(value=["0x1 "])),
    ("['one'].transaction.data: expected an array", lambda t: t["transaction"].update(data="0x")),
    ("['one'].transaction.accessLists[0]: ", lambda t: t["transaction"].update(accessLists=["x", None])),
    (
        "['one'].post['Cancun'][1].indexes.data: there are 1 access lists",
        lambda t: t["transaction"].update(accessLists=[None]),
    ),
    ("['one'].transaction.secretKey: ", lambda t: t["transaction"].update(secretKey="0x01")),
    ("['one'].pre['0x0c']: ", lambda t: t["pre"].update({"0x0c": {"balance": "0x0"}})),
    ("['one'].post['Cancun'][0].hash: missing", lambda t: t["post"]["Cancun"][0].pop("hash")),
    ("['one'].post['Cancun'][0].txbytes: odd", lambda t: t["post"]["Cancun"][0].update(txbytes="0x123")),
    ("['one'].post['Cancun'][1].indexes.gas: there are 1", lambda t: t["transaction"].update(gasLimit=["0x0"])),
    ("['one'].post['Cancun'][1].indexes.value: there are 1", lambda t: t["transaction"].update(value=["0x0"])),
    ("['one'].post['Cancun'][1]: neither txbytes nor the sender", lambda t: t["transaction"].pop("sender")),
    ("['one'].post: expected an object", lambda t: t.update(post=[])),
    ("['one'].config: unknown name 'network'", lambda t: t["config"].update(network="x")),
    ("['one'].config.blobSchedule['Cancun'].max: missing", lambda t: t["config"]["blobSchedule"]["Cancun"].pop("max")),
]


@pytest.mark.parametrize(("said", "change"), REFUSED, ids=[said for said, _ in REFUSED])
def test_what_is_refused(said: str, change: Change) -> None:
    """Each error names its place."""
    value = document()
    change(value["one"])
    with pytest.raises(DecodeError) as refused:
        decode_state_tests(value)
    assert str(refused.value).startswith(said), str(refused.value)


@pytest.mark.parametrize("value", [None, [], 1, "x", {}, {"one": None}, {"one": {}}, {"one": []}])
def test_documents_that_are_no_tests(value: object) -> None:
    with pytest.raises(DecodeError):
        decode_state_tests(value)


def test_any_damage_is_refused_or_read() -> None:
    """Members taken away or replaced by anything, at random: DecodeError and nothing else."""
    rng = random.Random(7)
    print("seed 7")
    refused = 0
    for _ in range(2000):
        value: Any = copy.deepcopy(document())
        for _ in range(1 + rng.randrange(2)):
            place = value
            while True:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                if not keys:
                    break
                key = rng.choice(keys)
                if not isinstance(place[key], dict | list) or rng.randrange(5) == 0:
                    if isinstance(place, dict) and rng.randrange(2):
                        del place[key]
                    else:
                        place[key] = rng.choice(
                            (None, "", "0x", "0xzz", 0, -1, 2**70, [], {}, 1.5, True, "0x" + "f" * 65)
                        )
                    break
                place = place[key]
        try:
            decode_state_tests(value)
        except DecodeError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 500
