"""Accounts, storage and code as leaves: keys, values and the roots of single accounts."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spec.containers import Account
from spec.errors import DecodeError
from spec.params import BASIC_DATA_LEAF_KEY, CODE_HASH_LEAF_KEY, KAUSTINEN6, KAUSTINEN7, KeyHash, Profile
from spec.types import Address, TreeKey, Uint64, Uint256, Value
from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, profile_of, read, unhex
from verkle.embedding import (
    BALANCE_LEAF_KEY,
    CODE_SIZE_LEAF_KEY,
    FIELD_CODE_HASH_LEAF_KEY,
    KEY_MARKER,
    NONCE_LEAF_KEY,
    VERSION_LEAF_KEY,
    BasicData,
    Location,
    account_leaves,
    chunk_location,
    chunkify_code,
    stems,
    storage_location,
    tree_keys,
)
from verkle.engine import Engine
from verkle.field import FR
from verkle.tree import Tree

HASHES = {"eip6800": KeyHash.MAP_TO_SCALAR_FIELD, "legacy": KeyHash.SERIALIZE}


@pytest.mark.parametrize("path", ["tree_embedding/get_tree_key.json", "tree_embedding/get_tree_key_legacy_hash.json"])
def test_tree_keys(vectors: Path, engine: Engine[Any], path: str) -> None:
    """tree_embedding/get_tree_key*.json: the key of an address and a tree index, with today's hash and the devnets'."""
    key_hash = HASHES[read(vectors, path)["meta"]["hash"]]
    check_each(cases(vectors, path), lambda case: _check_key(case, engine, key_hash))


def _check_key(case: Case, engine: Engine[Any], key_hash: KeyHash) -> None:
    address, tree_index = unhex(case["address32"]), integer(case["tree_index_dec"])
    expected = unhex(case["tree_key"])
    (stem,) = stems(engine, key_hash, [(address, tree_index)])
    if "sub_index" in case:
        assert TreeKey.at(stem, case["sub_index"]) == expected
        return
    assert stem == expected[:31]
    note = case.members.get("note", "")
    if "full 32-byte hash" in note:
        assert key_hash is KeyHash.MAP_TO_SCALAR_FIELD
        data = address + tree_index.to_bytes(32, "little")
        pieces = [int.from_bytes(data[i : i + 16], "little") for i in range(0, 64, 16)]
        (scalar,) = engine.to_scalars(engine.commit([enumerate([KEY_MARKER, *pieces])]))
        assert FR.encode(scalar, "little") == expected
    elif (match := re.search(r"sub_index (\d+)", note)) is not None:
        assert TreeKey.at(stem, int(match[1])) == expected


def test_account_keys(vectors: Path, engine: Engine[Any]) -> None:
    """tree_embedding/account_keys.json: keys of header values, storage slots and code chunks.

    The position of a storage slot may exceed 2^256: it never wraps around.
    """
    path = "tree_embedding/account_keys.json"
    assert HASHES[read(vectors, path)["meta"]["hash"]] is KAUSTINEN7.key_hash
    check_each(cases(vectors, path), lambda case: _check_account_key(case, engine))


def _check_account_key(case: Case, engine: Engine[Any]) -> None:
    kind, argument = case["kind"], case["arg"]
    if kind == "storage":
        location = storage_location(KAUSTINEN7, integer(argument))
    elif kind == "code_chunk":
        location = chunk_location(integer(argument))
    elif kind in _HEADER_VALUES:
        assert argument is None
        location = Location(0, _HEADER_VALUES[kind])
    else:
        raise UnknownCase(kind)
    keys = tree_keys(engine, KAUSTINEN7, [(Address(unhex(case["address"])), location)])
    assert keys == [unhex(case["tree_key"])]


_HEADER_VALUES = {
    "basic_data": BASIC_DATA_LEAF_KEY,
    "header": BASIC_DATA_LEAF_KEY,
    "code_hash": CODE_HASH_LEAF_KEY,
    "code_keccak": CODE_HASH_LEAF_KEY,
    "version": VERSION_LEAF_KEY,
    "balance": BALANCE_LEAF_KEY,
    "nonce": NONCE_LEAF_KEY,
    "code_hash_legacy": FIELD_CODE_HASH_LEAF_KEY,
    "code_size": CODE_SIZE_LEAF_KEY,
}


def test_basic_data(vectors: Path) -> None:
    """tree_embedding/basic_data_packing.json: setting one field of packed basic data leaves the others.

    Some leaves have reserved bytes set; those are kept there, and refused by our reader.
    """
    check_each(cases(vectors, "tree_embedding/basic_data_packing.json"), _check_packing)


def _check_packing(case: Case) -> None:
    fields = {"set_version": "version", "set_code_size": "code_size", "set_nonce": "nonce", "set_balance": "balance"}
    if case["op"] not in fields:
        raise UnknownCase(case["op"])
    before, after = Value(unhex(case["leaf_before"])), Value(unhex(case["leaf_after"]))
    given = unhex(case["value_be"])
    reserved = before[1:5]
    assert after[1:5] == reserved
    if any(reserved):
        with pytest.raises(DecodeError):
            BasicData.unpack(before)
    cleared = BasicData.unpack(_without_reserved(before))
    changes: dict[str, Any] = {fields[case["op"]]: int.from_bytes(given, "big")}
    changed = replace(cleared, **changes)
    assert changed.pack() == _without_reserved(after)
    assert BasicData.unpack(changed.pack()) == changed


def _without_reserved(leaf: Value) -> Value:
    return Value(leaf[:1] + bytes(4) + leaf[5:])


def test_code_chunks(vectors: Path) -> None:
    """tree_embedding/code_chunks.json: 31 bytes of code behind the count of leading push data."""
    check_each(cases(vectors, "tree_embedding/code_chunks.json"), _check_chunks)


def _check_chunks(case: Case) -> None:
    code = unhex(case["code"])
    chunks = chunkify_code(code)
    assert "chunks" in case or "chunk_leading_bytes" in case
    assert b"".join(chunk[1:] for chunk in chunks)[: len(code)] == code
    if "chunks" in case:
        assert chunks == [unhex(text) for text in case["chunks"]]
    if "chunk_leading_bytes" in case:
        assert [chunk[0] for chunk in chunks] == case["chunk_leading_bytes"]


def test_code_of_a_contract(vectors: Path, engine: Engine[Any]) -> None:
    """tree_embedding/contract_code_keys_values.json: keys and values of all chunks of a contract."""
    path = "tree_embedding/contract_code_keys_values.json"
    assert HASHES[read(vectors, path)["meta"]["hash"]] is KAUSTINEN7.key_hash
    check_each(cases(vectors, path), lambda case: _check_code(case, engine))


def _check_code(case: Case, engine: Engine[Any]) -> None:
    address = Address(unhex(case["address"]))
    chunks = chunkify_code(unhex(case["code"]))
    keys = tree_keys(engine, KAUSTINEN7, [(address, chunk_location(index)) for index in range(len(chunks))])
    expected = [(unhex(entry["key"]), unhex(entry["value"])) for entry in case["chunks"]]
    assert list(zip(keys, chunks, strict=True)) == expected


def test_accounts_packed(vectors: Path, engine: Engine[Any]) -> None:
    """tree_embedding/besu_account_state_roots_packed.json: a whole account's root.

    A slot that was set to zero holds a leaf of zeros.
    """
    path = "tree_embedding/besu_account_state_roots_packed.json"
    profile = profile_of(read(vectors, path)["meta"]["layout"])
    check_each(cases(vectors, path), lambda case: _check_accounts(case, engine, profile))


def _check_accounts(case: Case, engine: Engine[Any], profile: Profile) -> None:
    writes: dict[TreeKey, Value] = {}
    for given in case["accounts"]:
        assert set(given) <= {"address", "nonce", "balance", "code", "storage"}
        slots = {Uint256(integer(slot)): Uint256(integer(value)) for slot, value in given["storage"].items()}
        account = Account(integer(given["balance"]), Uint64(integer(given["nonce"])), unhex(given["code"]), slots)
        leaves = account_leaves(profile, account)
        for slot, value in slots.items():
            leaves[storage_location(profile, slot)] = Value(value.to_bytes(32, "big"))
        writes |= _at(engine, profile, Address(unhex(given["address"])), leaves)
    assert Tree.empty(engine).update(writes).state_root() == unhex(case["root_commitment"])


def _at(engine: Engine[Any], profile: Profile, address: Address, leaves: dict[Location, Value]) -> dict[TreeKey, Value]:
    keys = tree_keys(engine, profile, [(address, location) for location in leaves])
    return dict(zip(keys, leaves.values(), strict=True))


def test_account_inserts(vectors: Path, engine: Engine[Any]) -> None:
    """tree_embedding/jsign_account_inserts.json: one account or nine slots in an empty tree, a leaf for each field."""
    path = "tree_embedding/jsign_account_inserts.json"
    profile = profile_of(read(vectors, path)["meta"]["layout"])
    assert profile is KAUSTINEN6
    check_each(cases(vectors, path), lambda case: _check_insert(case, engine, profile))


def _check_insert(case: Case, engine: Engine[Any], profile: Profile) -> None:
    if "storage_slots" in case:
        value = Value(unhex(case["value_for_each_slot"]))
        leaves = {storage_location(profile, integer(slot)): value for slot in case["storage_slots"]}
    else:
        account = Account(integer(case["balance"]), Uint64(integer(case["nonce"])), unhex(case["code"]), {})
        leaves = account_leaves(profile, account)
    writes = _at(engine, profile, Address(unhex(case["address"])), leaves)
    assert Tree.empty(engine).update(writes).state_root() == unhex(case["root_commitment"])
