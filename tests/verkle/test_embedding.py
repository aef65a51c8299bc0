"""Where accounts, slots and code go: figures of other clients, edges of the EIP, and the differences of the devnets.

Figures: rust-verkle `verkle-spec` (smoke tests), geth `trie/utils/verkle_test.go`, besu `TrieKeyFactoryTest`.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.containers import Account
from spec.errors import DecodeError
from spec.params import KAUSTINEN2, KAUSTINEN5, KAUSTINEN6, VERKLE, KeyHash, LeafLayout
from spec.types import Address, TreeKey, Uint64, Uint256, Value
from verkle.embedding import (
    BasicData,
    Location,
    account_leaves,
    address32,
    chunk_location,
    chunkify_code,
    header_leaves,
    stems,
    storage_location,
    tree_keys,
)
from verkle.engine import Engine

PUSH1, PUSH32, STOP = b"\x60", b"\x7f", b"\x00"


def test_tree_keys_of_other_clients(engine: Engine[Any]) -> None:
    address = Address(bytes.fromhex("71562b71999873DB5b286dF957af199Ec94617f7"))
    assert tree_keys(engine, VERKLE, [(address, Location(0, 0))])[0].hex() == (
        "1540dfad7755b40be0768c6aa0a5096fbf0215e0e8cf354dd928a17834646600"
    )
    (stem,) = stems(engine, KeyHash.MAP_TO_SCALAR_FIELD, [(bytes.fromhex("00ff" * 16), 2**129 + 3)])
    assert TreeKey.at(stem, 1).hex() == "6ede905763d5856cd2d67936541e82aa78f7141bf8cd5ff6c962170f3e9dc201"
    zero = stems(engine, KeyHash.MAP_TO_SCALAR_FIELD, [(bytes(32), 0)])[0]
    assert zero.hex() == "1a100684fd68185060405f3f160e4bb6e034194336b547bdae323f888d5332"
    with pytest.raises(DecodeError, match="32 bytes of address"):
        stems(engine, KeyHash.MAP_TO_SCALAR_FIELD, [(bytes(20), 0)])


def test_key_hashes_differ_by_profile(engine: Engine[Any]) -> None:
    place = [(Address(b"\x01" * 20), Location(0, 7))]
    new, old = (tree_keys(engine, profile, place)[0] for profile in (KAUSTINEN6, KAUSTINEN5))
    assert new != old
    encoded = engine.encode(
        engine.commit([[(0, 16386), *((i + 1, int.from_bytes(piece, "little")) for i, piece in enumerate(_pieces()))]])
    )[0]
    assert old == TreeKey.at(encoded[::-1][:31], 7)


def _pieces() -> list[bytes]:
    data = address32(Address(b"\x01" * 20)) + bytes(32)
    return [data[i : i + 16] for i in range(0, 64, 16)]


@pytest.mark.parametrize(
    ("slot", "location"),
    [
        (0, Location(0, 64)),
        (63, Location(0, 127)),
        (64, Location(2**240, 64)),
        (255, Location(2**240, 255)),
        (256, Location(2**240 + 1, 0)),
        (2**256 - 1, Location(2**240 + 2**248 - 1, 255)),
    ],
)
def test_storage_locations(slot: int, location: Location) -> None:
    assert storage_location(VERKLE, slot) == location


def test_devnet_2_put_main_storage_at_2_to_the_39() -> None:
    assert storage_location(KAUSTINEN2, 64) == Location(2**31, 64)
    assert storage_location(KAUSTINEN2, 63) == storage_location(VERKLE, 63)


def test_chunk_locations() -> None:
    assert [chunk_location(i) for i in (0, 127, 128)] == [Location(0, 128), Location(0, 255), Location(1, 0)]


@pytest.mark.parametrize(
    ("code", "leading"),
    [
        (b"", []),
        (STOP, [0]),
        (STOP * 31, [0]),
        (STOP * 32, [0, 0]),
        (STOP * 30 + PUSH1 + STOP, [0, 1]),
        (STOP * 30 + PUSH32 + STOP * 33, [0, 31, 1]),
        (STOP * 29 + PUSH32 + STOP * 33, [0, 31, 0]),
        (PUSH32 + PUSH32 * 32, [0, 2]),
        (STOP * 30 + PUSH1 + PUSH1 + STOP, [0, 1]),
        (PUSH32, [0]),
    ],
)
def test_leading_push_data(code: bytes, leading: list[int]) -> None:
    """A PUSH32 in a chunk's last byte: 31 in the next chunk, 1 in the one after. Data that looks like PUSH is data."""
    assert [chunk[0] for chunk in chunkify_code(code)] == leading


def leading_by_definition(code: bytes) -> list[int]:
    """Mark every byte that is push data by walking the code once, then count per chunk."""
    data = [False] * (len(code) + 33)
    position = 0
    while position < len(code):
        pushed = code[position] - 0x5F if 0x60 <= code[position] <= 0x7F else 0
        data[position + 1 : position + 1 + pushed] = [True] * pushed
        position += 1 + pushed
    counts = []
    for start in range(0, len(code), 31):
        count = 0
        while count < 31 and data[start + count]:
            count += 1
        counts.append(count)
    return counts


@given(st.lists(st.sampled_from([0x00, 0x5B, 0x60, 0x61, 0x7E, 0x7F]), max_size=200).map(bytes))
def test_chunks_hold_the_code_and_count_by_definition(code: bytes) -> None:
    chunks = chunkify_code(code)
    assert b"".join(chunk[1:] for chunk in chunks)[: len(code)] == code
    assert len(chunks) == -(-len(code) // 31)
    assert not any(b"".join(chunk[1:] for chunk in chunks)[len(code) :])
    expected = leading_by_definition(code)
    spilled = [min(31, count) for count in expected]
    assert [chunk[0] for chunk in chunks] == spilled


@given(st.integers(0, 255), st.integers(0, 2**24 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**128 - 1))
def test_basic_data_round_trips(version: int, code_size: int, nonce: int, balance: int) -> None:
    data = BasicData(version, code_size, nonce, balance)
    assert BasicData.unpack(data.pack()) == data


def test_basic_data_has_its_bytes() -> None:
    assert BasicData(1, 0x020304, 0x05, 0x06).pack().hex() == "01" + "00000000" + "020304" + f"{5:016x}" + f"{6:032x}"
    for field, too_much in {"version": 2**8, "code_size": 2**24, "nonce": 2**64, "balance": 2**128}.items():
        with pytest.raises(DecodeError, match=field.replace("_", " ")):
            BasicData(**{"version": 0, "code_size": 0, "nonce": 0, "balance": 0, field: too_much}).pack()
    with pytest.raises(DecodeError, match="reserved"):
        BasicData.unpack(Value(b"\x00\x01" + bytes(30)))


def test_header_leaves_of_both_layouts() -> None:
    plain = Account(2, Uint64(3), b"", {})
    contract = Account(2, Uint64(3), STOP, {})
    packed = header_leaves(LeafLayout.PACKED, plain)
    assert sorted(packed) == [0, 1]
    assert packed[1].hex().startswith("c5d24601")
    assert sorted(header_leaves(LeafLayout.FIELDS, plain)) == [0, 1, 2, 3], "no code size leaf without code"
    fields = header_leaves(LeafLayout.FIELDS, contract)
    assert [fields[i][0] for i in (0, 1, 2, 4)] == [0, 2, 3, 1], "integers of a leaf per field are little-endian"


def test_account_leaves() -> None:
    account = Account(0, Uint64(1), STOP * 32, {Uint256(1): Uint256(0x0102), Uint256(2): Uint256(0)})
    leaves = account_leaves(VERKLE, account)
    assert leaves[Location(0, 65)] == Value(bytes(30) + b"\x01\x02"), "storage values are big-endian"
    assert Location(0, 66) not in leaves, "a slot that a genesis sets to zero was never written"
    assert {Location(0, 128), Location(0, 129)} <= set(leaves)
