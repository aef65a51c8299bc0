"""Blocks taken off and put on: the same database comes of the same blocks, whatever stood there in between."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.chain import Chain
from builder.database import CANONICAL, LEAVES, TABLES, UNDO, Reader
from builder.maintenance import check
from builder.stored_tree import load
from spec.codec import rlp
from spec.containers import NewPayloadRequest
from spec.errors import Reason, Rejection
from spec.types import Hash32, StateRoot, Stem, TreeKey, Value
from stateless.header import header_of
from tests.builder.chains import TOY, build, contents, grow, new_chain, put
from tests.laws import defined_root

SEED = 64
DEPTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 64)


def hash_at(chain: Chain[Any], number: int) -> Hash32:
    with chain.database.reader() as reader:
        found = chain.hash_at(reader, number)
    assert found is not None
    return found


def replay(chain: Chain[Any], requests: list[NewPayloadRequest]) -> None:
    for request in requests:
        chain.import_block(request, proves=False)


@pytest.fixture(scope="module")
def long_chain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A chain of 80 blocks, with all of them."""
    chain = new_chain(tmp_path_factory.mktemp("long") / "db", retained=70, others=30)
    requests = grow(chain, random.Random(SEED), 80)
    yield chain, requests
    chain.close()


@pytest.mark.parametrize("depth", DEPTHS)
def test_forks(long_chain: tuple[Chain[Any], list[NewPayloadRequest]], depth: int) -> None:
    """A fork of any depth, then the first branch again: every table is byte for byte as it was, undo records too."""
    chain, requests = long_chain
    rng = random.Random(f"{SEED} {depth}")
    before, head = contents(chain.database), chain.head()
    assert set(before) == set(TABLES)
    chain.rewind(hash_at(chain, 80 - depth))
    assert chain.head().number == 80 - depth
    grow(chain, rng, min(depth, rng.randrange(1, 7)))
    assert chain.head() != head
    assert contents(chain.database)[LEAVES] != before[LEAVES]
    replay(chain, requests[80 - depth :])
    after = contents(chain.database)
    for table in TABLES:
        assert after[table] == before[table], table
    assert chain.head() == head
    with chain.database.reader() as reader:
        assert state_root(chain, reader) == head.state_root


def state_root(chain: Chain[Any], reader: Reader) -> bytes:
    return load(reader, chain.engine, [Stem(stem) for stem, _ in reader.items(LEAVES)]).state_root()


def test_a_block_that_replaces_many(tmp_path: Path) -> None:
    """One import takes off what stands above its parent, in the same batch; a block that is rejected takes off none."""
    rng = random.Random(SEED + 1)
    chain = new_chain(tmp_path / "db")
    first = grow(chain, rng, 9)
    fork = build_on(chain, hash_at(chain, 4), rng)
    replay(chain, first[4:])
    before = contents(chain.database)
    with pytest.raises(Rejection):
        chain.import_block(with_false_root(fork), proves=False)
    assert contents(chain.database) == before
    imported = chain.import_block(fork, proves=True)
    assert (imported.taken_off, chain.head().number) == (5, 5)
    assert set(contents(chain.database, [CANONICAL])[CANONICAL].values()) == {hash_at(chain, n) for n in range(6)}
    replay(chain, first[4:])
    assert contents(chain.database) == before
    chain.close()
    assert check(tmp_path / "db", TOY).sound


def build_on(chain: Chain[Any], parent: Hash32, rng: random.Random) -> NewPayloadRequest:
    chain.rewind(parent)
    return build(chain, rng, 3).request


def with_false_root(request: NewPayloadRequest) -> NewPayloadRequest:
    payload = replace(request.execution_payload, state_root=StateRoot(bytes(32)))
    request = replace(request, execution_payload=payload)
    block_hash = rlp.block_hash(header_of(request))
    return replace(request, execution_payload=replace(payload, block_hash=block_hash))


@pytest.mark.parametrize("retained", [0, 1, 5])
def test_what_is_not_retained(tmp_path: Path, retained: int) -> None:
    """Exactly so many blocks can be taken off; one more is refused by name, and takes off none."""
    chain = new_chain(tmp_path / "db", retained)
    for number in range(1, 9):
        grow(chain, random.Random(number), 1)
        records = contents(chain.database, [UNDO])[UNDO]
        assert set(records) == {hash_at(chain, n) for n in range(max(number - retained, 0) + 1, number + 1)}
    before = contents(chain.database)
    with pytest.raises(Rejection) as refused:
        chain.rewind(hash_at(chain, 8 - retained - 1))
    assert refused.value.reason is Reason.BLOCK_NOT_RETAINED
    assert contents(chain.database) == before
    assert chain.rewind(hash_at(chain, 8 - retained)) == retained
    assert contents(chain.database, [UNDO])[UNDO] == {}
    with pytest.raises(Rejection) as unknown:
        chain.rewind(Hash32(b"\7" * 32))
    assert unknown.value.reason is Reason.PARENT_UNKNOWN
    chain.close()
    assert check(tmp_path / "db", TOY).sound


@pytest.mark.parametrize("seed", range(6))
def test_random_forks(tmp_path: Path, seed: int) -> None:
    """Random walks over a tree of blocks: wherever a head comes back, everything is as it was there before.

    Undo records of old blocks are pruned on the way up and do not come back, so they are compared by the rule.
    """
    rng = random.Random(f"{SEED} {seed}")
    retained = rng.choice([3, 10, 40])
    chain = new_chain(tmp_path / "db", retained, others=5)
    tables = [table for table in TABLES if table != UNDO]
    seen = {rlp.block_hash(chain.head()): contents(chain.database, tables)}
    children: dict[Hash32, list[NewPayloadRequest]] = {}
    came_back = 0
    for _ in range(60):
        head = rlp.block_hash(chain.head())
        known = children.setdefault(head, [])
        undo = contents(chain.database, [UNDO])[UNDO]
        action = rng.choice(["new", "new", "known", "back", "back far"])
        if action == "new" or (action == "known" and not known):
            known.append(put(chain, build(chain, rng)))
        elif action == "known":
            chain.import_block(rng.choice(known), proves=rng.random() < 0.2)
        elif undo:
            steps = 1 if action == "back" else rng.randrange(1, len(undo) + 1)
            chain.rewind(hash_at(chain, chain.head().number - steps))
        head = rlp.block_hash(chain.head())
        now = contents(chain.database, tables)
        came_back += head in seen
        assert seen.setdefault(head, now) == now
        number = chain.head().number
        kept = {hash_at(chain, number - back) for back in range(len(contents(chain.database, [UNDO])[UNDO]))}
        assert set(contents(chain.database, [UNDO])[UNDO]) == kept
        assert len(kept) <= retained
    print(f"seed {seed}: {len(seen)} heads, {came_back} times one came back")
    assert came_back > 5
    values = {
        TreeKey.at(stem, suffix): Value(content[32 + 32 * place : 64 + 32 * place])
        for stem, content in contents(chain.database, [LEAVES])[LEAVES].items()
        for place, suffix in enumerate(s for s in range(256) if content[s // 8] >> s % 8 & 1)
    }
    assert defined_root(TOY, values) == chain.head().state_root
    chain.close()
    assert check(tmp_path / "db", TOY).sound
