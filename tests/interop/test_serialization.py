"""The codecs against what other clients wrote: exact JSON text, headers, hashes, blocks, senders.

Tests hold for every case that a file has; files that are not there are passed over.
"""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spec.codec import genesis_json, json_document, payload_json, rlp, ssz, witness_json
from spec.containers import ExecutionPayload, ExecutionWitness
from spec.crypto import keccak256
from spec.errors import DecodeError
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE
from spec.types import Address, StateRoot

SENDER_STRIDE = 12
"""Of the payloads, every such many have the senders of their transactions recovered."""
SSZ_STRIDE = 20
"""Of the payloads, every such many go through SSZ."""
ABSENT_BY_EMPTY_HEX = '"currentValue":"0x"'
"""How devnet 1 wrote an absent value; a strict reader refuses it."""


def read(path: Path) -> Any:
    return json_document.parse(path.read_bytes())


def files(vectors: Path, pattern: str) -> list[Path]:
    found = sorted(vectors.glob(pattern))
    if not found:
        pytest.skip(f"the vectors have no {pattern}")
    return found


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def objects_within(document: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object inside a document, outermost first."""
    if isinstance(document, dict):
        yield document
    for element in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects_within(element)


def payloads_within(document: Any) -> Iterator[dict[str, Any]]:
    """Every object that has the members of a payload."""
    for candidate in objects_within(document):
        if {"transactions", "prev_randao"} <= candidate.keys() or {"transactions", "prevRandao"} <= candidate.keys():
            yield candidate


def witnesses_within(document: Any) -> Iterator[dict[str, Any]]:
    """Every object that has the members of a witness."""
    for candidate in objects_within(document):
        if {"stateDiff", "verkleProof"} <= candidate.keys() or {"state_diff", "verkle_proof"} <= candidate.keys():
            yield candidate


@pytest.fixture(scope="module")
def chain(vectors: Path) -> list[ExecutionPayload]:
    """Every payload of devnet 6, from the form in which its beacon API gave them."""
    (path, *_) = files(vectors, "kaustinen6/*.jsonl.gz")
    with gzip.open(path) as lines:
        return [payload_json.decode_payload(json_document.parse(line)) for line in lines]


def test_go_verkle_text_is_written_exactly(vectors: Path) -> None:
    for path in files(vectors, "serialization/go_verkle_json.json"):
        for case in read(path)["cases"]:
            if "stem" in case["object"]:
                decoded = witness_json.encode_stem_state_diff(witness_json.decode_stem_state_diff(case["object"]))
            else:
                decoded = witness_json.encode_suffix_state_diff(witness_json.decode_suffix_state_diff(case["object"]))
            assert decoded == case["object"], case["id"]
            if "exact_json" in case:
                assert json_document.write(decoded) == case["exact_json"], case["id"]


def test_every_dialect_is_read(vectors: Path) -> None:
    for path in files(vectors, "serialization/witness_json_variants.json"):
        for case in read(path)["cases"]:
            check_witness_forms(witness_json.decode_witness(case["witness"]))


def check_witness_forms(witness: ExecutionWitness) -> None:
    """JSON -> SSZ -> JSON gives the same text, and the library's reader the same root."""
    data = ssz.encode_witness(witness, markers=False)
    back = ssz.decode_witness(data, markers=False)
    text = json_document.write(witness_json.encode_witness(replace(witness, parent_state_root=None)))
    assert json_document.write(witness_json.encode_witness(back)) == text
    assert witness_json.decode_witness(json_document.parse(text)) == back
    assert ssz.form(False, False).execution_witness.decode_bytes(data).hash_tree_root() == ssz.witness_root(
        witness, markers=False
    )


def test_witnesses_and_payloads_in_files_of_blocks(vectors: Path) -> None:
    for path in files(vectors, "blocks/**/*.json"):
        document = read(path)
        for member in witnesses_within(document):
            if any("comment" in candidate for candidate in objects_within(member)):
                with pytest.raises(DecodeError, match="unknown name 'comment'"):
                    witness_json.decode_witness(member)
            elif ABSENT_BY_EMPTY_HEX in json_document.write(member):
                with pytest.raises(DecodeError, match="current_value: Value has 32 bytes, got 0"):
                    witness_json.decode_witness(member)
            else:
                check_witness_forms(witness_json.decode_witness(member))
        for member in payloads_within(document):
            payload = payload_json.decode_payload(member)
            assert payload_json.decode_payload(payload_json.encode_payload(payload)) == payload
            for data in payload.transactions:
                assert rlp.encode_transaction(rlp.decode_transaction(data)) == data


def test_tampered_witnesses_are_read_or_refused(vectors: Path) -> None:
    for path in files(vectors, "proofs_negative/tampered_witnesses.json"):
        for member in witnesses_within(read(path)):
            try:
                witness = witness_json.decode_witness(member)
            except DecodeError:
                continue
            assert ssz.decode_witness(ssz.encode_witness(witness, markers=False), markers=False) == replace(
                witness, parent_state_root=None
            )


def test_header_zero(vectors: Path) -> None:
    for path in files(vectors, "genesis/*.json"):
        document = read(path)
        expected = document["expected"]
        header = genesis_json.decode_genesis(document["genesis"], KAUSTINEN7).header
        header = replace(header, state_root=StateRoot(unhex(expected["state_root"])))
        assert rlp.encode_header(header) == unhex(expected["header_rlp"]), path.name
        assert rlp.block_hash(header) == unhex(expected["block_hash"]), path.name
        assert rlp.decode_header(unhex(expected["header_rlp"])) == header, path.name


def test_accounts_of_genesis(vectors: Path) -> None:
    for path in files(vectors, "genesis/*.json"):
        document = read(path)["genesis"]
        alloc = genesis_json.decode_genesis(document, KAUSTINEN7).alloc
        assert len(alloc) == len(document["alloc"])
        for address, account in document["alloc"].items():
            decoded = alloc[Address(unhex(address))]
            assert decoded.code == unhex(account.get("code", "0x"))
            assert decoded.balance == int(account["balance"], 0)
            assert len(decoded.storage) == len(account.get("storage", {}))


def test_the_devnets_verkle_fork_brings_no_cancun_fields(vectors: Path) -> None:
    for path in files(vectors, "kaustinen6/genesis.json"):
        header = genesis_json.decode_genesis(read(path), KAUSTINEN6).header
        assert header.withdrawals_root is not None
        assert header.blob_gas_used is None


def test_accounts_of_scenarios(vectors: Path) -> None:
    for path in files(vectors, "gas_4762/eest_verkle_scenarios.json"):
        for case in read(path)["cases"]:
            assert len(genesis_json.decode_alloc(case["pre"])) == len(case["pre"])
            for block in case["blocks"]:
                for transaction in block["txs"]:
                    decoded = rlp.decode_transaction(unhex(transaction["raw"]))
                    assert rlp.encode_transaction(decoded) == unhex(transaction["raw"])


def test_headers_and_senders_of_rebuilt_blocks(vectors: Path) -> None:
    for path in files(vectors, "blocks/geth_invalid_contract_creation/*.json"):
        document = read(path)
        block = document["block1"]
        for data, block_hash in (
            (document["genesis_header_rlp"], document["genesis_hash"]),
            (block["header_rlp"], block["block_hash"]),
        ):
            header = rlp.decode_header(unhex(data))
            assert rlp.encode_header(header) == unhex(data)
            assert rlp.block_hash(header) == unhex(block_hash)
        for raw, sender in zip(block["transactions"], block["senders"], strict=True):
            transaction = rlp.decode_transaction(unhex(raw))
            assert rlp.encode_transaction(transaction) == unhex(raw)
            assert rlp.sender(transaction) == unhex(sender)


def test_blocks_of_geth(vectors: Path) -> None:
    for path in files(vectors, "blocks/geth_testprocessverkle_202404/*.json"):
        document = read(path)
        for name, text in document.items():
            if name.endswith("_rlp"):
                header, transactions, withdrawals = rlp.decode_block(unhex(text))
                assert rlp.encode_block(header, transactions, withdrawals) == unhex(text)
                assert rlp.block_hash(header) == unhex(document[name.removesuffix("_rlp") + "_hash"])
                assert len(transactions) == document[name.removesuffix("_rlp") + "_tx_count"]
                for data in transactions:
                    assert rlp.sender(rlp.decode_transaction(data))


def test_fixtures_of_execution_spec_tests(vectors: Path) -> None:
    for path in files(vectors, "blocks/packed_eest/*.json"):
        fixture = read(path)["fixture"]
        given: list[tuple[str, dict[str, str], list[dict[str, str]]]]
        given = [(fixture["genesisRLP"], fixture["genesisBlockHeader"], [])]
        given += [(block["rlp"], block["blockHeader"], block["transactions"]) for block in fixture["blocks"]]
        for text, fields, listed in given:
            header, transactions, withdrawals = rlp.decode_block(unhex(text))
            assert rlp.encode_block(header, transactions, withdrawals) == unhex(text)
            assert rlp.block_hash(header) == unhex(fields["hash"])
            assert header.state_root == unhex(fields["stateRoot"])
            senders = [rlp.sender(rlp.decode_transaction(data)) for data in transactions]
            assert senders == [unhex(transaction["sender"]) for transaction in listed]
        assert genesis_json.decode_alloc(fixture["pre"])


def test_chain_payloads_survive_every_form(chain: list[ExecutionPayload]) -> None:
    for payload in chain:
        engine = payload_json.encode_payload(payload)
        assert payload_json.decode_payload(engine) == payload
    for payload in chain[::SSZ_STRIDE]:
        data = ssz.encode_payload(payload, KAUSTINEN6)
        assert ssz.decode_payload(data, KAUSTINEN6) == payload
        with pytest.raises(DecodeError):
            ssz.decode_payload(data, VERKLE)
        assert payload.execution_witness is not None
        check_witness_forms(payload.execution_witness)


def test_chain_transactions(chain: list[ExecutionPayload]) -> None:
    for payload in chain:
        for data in payload.transactions:
            assert rlp.encode_transaction(rlp.decode_transaction(data)) == data


def test_senders_sign_what_they_sent(chain: list[ExecutionPayload]) -> None:
    """A recovered sender proves nothing alone; but who sends several times does so with rising nonces."""
    nonces: dict[bytes, int] = {}
    for payload in chain[::SENDER_STRIDE]:
        for data in payload.transactions:
            transaction = rlp.decode_transaction(data)
            sender = rlp.sender(transaction)
            assert transaction.nonce > nonces.get(sender, -1), keccak256(data).hex()
            nonces[sender] = transaction.nonce
    assert len(nonces) < sum(len(payload.transactions) for payload in chain[::SENDER_STRIDE])
