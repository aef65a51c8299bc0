"""geth's genesis.json: accounts in every spelling, and header 0 of every fork."""

from typing import Any

import pytest

from spec.codec import genesis_json
from spec.codec.genesis_json import DEFAULT_GAS_LIMIT, EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, INITIAL_BASE_FEE
from spec.crypto import keccak256, sha256
from spec.errors import DecodeError
from spec.params import KAUSTINEN6, VERKLE

SHANGHAI = {"londonBlock": 0, "shanghaiTime": 0}


def genesis(**members: object) -> dict[str, Any]:
    return {"config": SHANGHAI, "gasLimit": "0x1", "difficulty": "0x0", "alloc": {}} | members


def test_constants_are_what_they_say() -> None:
    assert keccak256(b"\x80") == EMPTY_TRIE_ROOT
    assert keccak256(b"\xc0") == EMPTY_OMMERS_HASH
    assert sha256(b"") == genesis_json.EMPTY_REQUESTS_HASH


def test_accounts_in_every_spelling() -> None:
    document = genesis(
        alloc={
            "0x" + "Ab" * 20: {"balance": "10", "nonce": "0x01", "code": "0x00", "storage": {"0x00": "0xff", "01": ""}},
            "cd" * 20: {"balance": "0x0a"},
            "0x" + "ee" * 20: {"balance": 10, "nonce": 3, "code": "", "storage": None},
        }
    )
    accounts = list(genesis_json.decode_genesis(document, VERKLE).alloc.items())
    assert [(address[0], account.balance, account.nonce) for address, account in accounts] == [
        (0xAB, 10, 1),
        (0xCD, 10, 0),
        (0xEE, 10, 3),
    ]
    assert accounts[0][1].storage == {0: 255, 1: 0}
    assert accounts[0][1].code == b"\0"
    assert genesis_json.decode_alloc({"00" * 20: {"balance": str(2**256 - 1)}})


@pytest.mark.parametrize(
    "alloc",
    [
        None,
        [],
        {"0x" + "ab" * 20: {"balance": 1}, "AB" * 20: {"balance": 1}},
        {"0x" + "ab" * 20: {"balance": 1}, "0x" + "aB" * 20: {"balance": 1}},
        {"ab" * 19: {"balance": 1}},
        {"0X" + "ab" * 20: {"balance": 1}},
        {"ab" * 20: None},
        {"ab" * 20: {}},
        {"ab" * 20: {"balance": None}},
        {"ab" * 20: {"balance": -1}},
        {"ab" * 20: {"balance": 1.0}},
        {"ab" * 20: {"balance": "0x"}},
        {"ab" * 20: {"balance": 2**256}},
        {"ab" * 20: {"balance": "0x1" + "0" * 64}},
        {"ab" * 20: {"balance": 0, "nonce": 2**64}},
        {"ab" * 20: {"balance": 0, "code": "00"}},
        {"ab" * 20: {"balance": 0, "storage": {"0x0": "0x00"}}},
        {"ab" * 20: {"balance": 0, "storage": {"0x00": "0x" + "00" * 33}}},
        {"ab" * 20: {"balance": 0, "storage": {"0x00": 1}}},
        {"ab" * 20: {"balance": 0, "storage": {"0x00": "0x01", "0x0000": "0x02"}}},
    ],
)
def test_accounts_refused(alloc: object) -> None:
    with pytest.raises(DecodeError) as caught:
        genesis_json.decode_genesis(genesis(alloc=alloc), VERKLE)
    assert caught.value.where.startswith("alloc")


def test_header_of_each_fork() -> None:
    cancun = SHANGHAI | {"cancunTime": 0}
    prague = cancun | {"pragueTime": 0}
    later = SHANGHAI | {"cancunTime": 0, "pragueTime": 1}

    def header(config: object, profile: Any = VERKLE, **members: object) -> Any:
        return genesis_json.decode_genesis(genesis(config=config, **members), profile).header

    assert header(None).base_fee_per_gas is None
    assert header({"londonBlock": 1}).base_fee_per_gas is None
    assert header({"londonBlock": 0}).base_fee_per_gas == INITIAL_BASE_FEE
    assert header({"londonBlock": 0}, baseFeePerGas="0x7").base_fee_per_gas == 7
    assert header({"londonBlock": 0}).withdrawals_root is None
    assert header({"londonBlock": 0, "shanghaiTime": 9}, timestamp=8).withdrawals_root is None
    assert header({"londonBlock": 0, "shanghaiTime": 9}, timestamp="9").withdrawals_root == EMPTY_TRIE_ROOT
    assert header(SHANGHAI).blob_gas_used is None
    assert (header(cancun).blob_gas_used, header(cancun).excess_blob_gas) == (0, 0)
    assert header(cancun, excessBlobGas="0x20000").excess_blob_gas == 0x20000
    assert header(cancun).parent_beacon_block_root == bytes(32)
    assert header(later).requests_hash is None
    assert header(prague).requests_hash == sha256(b"")
    assert header(prague, KAUSTINEN6).blob_gas_used is None
    assert header(prague, KAUSTINEN6).requests_hash is None


def test_header_fields() -> None:
    header = genesis_json.decode_genesis(
        genesis(
            nonce="0x1234",
            timestamp="1712918460",
            extraData="",
            gasLimit="0x0",
            difficulty="0x01",
            mixhash="0x" + "11" * 32,
            coinbase="0x" + "22" * 20,
        ),
        VERKLE,
    ).header
    assert header.nonce == bytes.fromhex("0000000000001234")
    assert (header.timestamp, header.gas_limit, header.difficulty) == (1712918460, DEFAULT_GAS_LIMIT, 1)
    assert (header.prev_randao, header.fee_recipient) == (b"\x11" * 32, b"\x22" * 20)
    assert header.state_root == bytes(32)


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"mixHash": "0x" + "00" * 32, "mixhash": "0x" + "00" * 32}, ""),
        ({"nonce": "0x1" + "0" * 16}, "nonce"),
        ({"config": []}, "config"),
        ({"config": {"londonBlock": "soon"}}, "config.londonBlock"),
        ({"gasLimit": True}, "gasLimit"),
        ({"difficulty": None}, "difficulty"),
        ({"extraData": "00"}, "extraData"),
        ({"timestamp": "010"}, "timestamp"),
    ],
)
def test_members_refused(members: dict[str, object], where: str) -> None:
    with pytest.raises(DecodeError) as caught:
        genesis_json.decode_genesis(genesis(**members), VERKLE)
    assert caught.value.where == where


@pytest.mark.parametrize("name", ["gasLimit", "difficulty", "alloc"])
def test_what_geth_requires(name: str) -> None:
    document = genesis()
    del document[name]
    with pytest.raises(DecodeError, match=f"{name}: missing"):
        genesis_json.decode_genesis(document, VERKLE)


def test_the_chain_id_is_the_configs() -> None:
    for config, expected in (({"chainId": 7}, 7), ({"chainId": "0x1"}, 1), ({}, None), ({"chainId": None}, None)):
        assert genesis_json.decode_genesis(genesis(config=SHANGHAI | config), VERKLE).chain_id == expected
    with pytest.raises(DecodeError, match=r"config\.chainId"):
        genesis_json.decode_genesis(genesis(config={"chainId": -1}), VERKLE)
