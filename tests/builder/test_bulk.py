"""A whole state in parts: the same records as node by node, whoever does the jobs."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder import bulk, making
from builder.bulk import Job, Maker, by_first_byte, parts
from builder.chain import Chain
from builder.database import CODE, LEAVES, NODES, PREIMAGES, STEMS
from builder.genesis import account_values, genesis_tree, genesis_writes
from builder.maintenance import check
from builder.records import encode_values
from builder.stored_tree import changed
from cli.pool import Pool
from spec.containers import Account
from spec.crypto import keccak256
from spec.params import KAUSTINEN6, KAUSTINEN7, PROFILES, VERKLE, Profile
from spec.types import Address, Uint64, Uint256
from tests.builder.chains import TOY, bystanders, contents, genesis
from tests.toy_engine import ToyEngine
from verkle.embedding import Location, account_leaves, stems, tree_keys

SEED = 1000


def some_accounts() -> Iterator[Account]:
    """With everything at its edges: no code, one byte, one chunk, the header's last chunk, the next stem; any slot."""
    rng = random.Random(SEED)
    lengths = [0, 1, 31, 32, 128 * 31, 128 * 31 + 1, 24576]
    for length in lengths:
        slots = {0, 63, 64, 65, 255, 256, 2**128, 2**256 - 1} if length % 2 else set()
        storage = {Uint256(slot): Uint256(rng.choice([0, 1, 2**256 - 1])) for slot in slots}
        yield Account(rng.choice([0, 2**128 - 1]), Uint64(rng.choice([0, 2**64 - 1])), rng.randbytes(length), storage)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_values_of_accounts(profile: Profile) -> None:
    """Stem by stem what `account_leaves` says leaf by leaf."""
    tried = 0
    for account in some_accounts():
        by_index: dict[int, dict[int, Any]] = {}
        for (tree_index, sub_index), value in account_leaves(profile, account).items():
            by_index.setdefault(tree_index, {})[sub_index] = value
        listed = list(account_values(profile, account))
        assert listed == [(tree_index, encode_values(by_index[tree_index])) for tree_index in sorted(by_index)]
        tried += len(listed)
    assert tried > 20


@pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: profile.name)
@pytest.mark.parametrize("part_bytes", [1, 5000, bulk.PART_BYTES])
def test_a_genesis_in_parts(tmp_path: Path, profile: Profile, part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stem a part or all in one: values, nodes, code, preimages and root are those of the tree in memory."""
    monkeypatch.setattr(bulk, "PART_BYTES", part_bytes)
    first = genesis(bystanders(60))
    chain = Chain.create(tmp_path / "db", first, profile, TOY)
    stored = contents(chain.database)
    assert chain.head().state_root == genesis_tree(first, profile, TOY).state_root()
    chain.close()
    writes = genesis_writes(first, profile, TOY)
    tree = genesis_tree(first, profile, TOY)
    batch = changed(tree, {key.stem for key in writes})
    for table in (LEAVES, STEMS, NODES):
        assert stored[table] == batch.changes[table]
    assert stored[CODE] == {keccak256(one.code): one.code for one in first.alloc.values() if one.code}
    places = {
        (address, location.tree_index): address + location.tree_index.to_bytes(32, "big")
        for address, account in first.alloc.items()
        for location in account_leaves(profile, account)
    }
    derived = stems(TOY, profile.key_hash, [(bytes(12) + address, index) for address, index in places])
    assert stored[PREIMAGES] == dict(zip(map(bytes, derived), places.values(), strict=True))


def make() -> Maker:
    return Maker(ToyEngine())


def test_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of processes makes the same database; so does a check with one."""
    monkeypatch.setattr(bulk, "PART_BYTES", 3000)
    monkeypatch.setattr(making, "PLACES", 16)
    first = genesis(bystanders(120))
    told: list[tuple[str, int, int]] = []
    alone = Chain.create(tmp_path / "alone", first, VERKLE, TOY)
    wanted = contents(alone.database)
    alone.close()
    pool: Pool[Job, Any] = Pool(2, make)
    try:
        chain = Chain.create(
            tmp_path / "db", first, VERKLE, TOY, run=pool.map, on_progress=lambda *word: told.append(word)
        )
        assert contents(chain.database) == wanted
        chain.close()
        assert check(tmp_path / "db", TOY, run=pool.map).sound
    finally:
        pool.close()
    assert {stage for stage, _, _ in told} == {"accounts", "nodes"}
    assert told[-1][1] == told[-1][2] == len(wanted[LEAVES])


def test_parts_end_at_first_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART_BYTES", 10_000)
    rng = random.Random(SEED)
    names = sorted(rng.randbytes(31) for _ in range(3000))
    listed = list(parts(by_first_byte((name, bytes(64)) for name in names)))
    assert [stem for part in listed for stem in part.stems] == names
    assert len(listed) > 10
    first_bytes = [{stem[0] for stem in part.stems} for part in listed]
    assert sum(map(len, first_bytes)) == len(set.union(*first_bytes))
    assert list(parts([])) == []


def test_an_empty_genesis(tmp_path: Path) -> None:
    """Nobody has anything: the root is the identity."""
    chain = Chain.create(tmp_path / "db", replace(genesis(), alloc={}), VERKLE, TOY)
    assert chain.head().state_root == bytes(32)
    chain.close()
    assert check(tmp_path / "db", TOY).sound


def test_keys_of_places() -> None:
    """A job of places derives what `tree_keys` does."""
    rng = random.Random(SEED)
    places = [(Address(rng.randbytes(20)), rng.choice([0, 1, 2**249])) for _ in range(40)]
    derived = Maker(TOY)(bulk.Places(VERKLE.key_hash, [(bytes(12) + address, index) for address, index in places]))
    keys = tree_keys(TOY, VERKLE, [(address, Location(index, 0)) for address, index in places])
    assert derived == [bytes(key.stem) for key in keys]
