"""`check` finds every record that does not follow from the others, though its checksum is right; and statistics."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.database import (
    BLOCKS,
    CANONICAL,
    CODE,
    HEADERS,
    LEAVES,
    META,
    NODES,
    PREIMAGES,
    RECEIPTS,
    STEMS,
    TABLES,
    UNDO,
    Batch,
    Database,
)
from builder.maintenance import MOST_PROBLEMS, check, statistics
from builder.records import node_key
from spec.codec import rlp
from spec.errors import DecodeError
from spec.types import Uint64
from tests.builder.chains import TOY, contents, grow, new_chain, open_chain
from tests.builder.checking import no_child as no_child
from tests.builder.processes import Child

SEED = 77
RETAINED = 6


@pytest.fixture
def chain_at(tmp_path: Path) -> Path:
    """A chain of ten blocks."""
    chain = new_chain(tmp_path / "db", RETAINED, others=12)
    grow(chain, random.Random(SEED), 10)
    chain.close()
    return tmp_path / "db"


def problems(directory: Path) -> list[str]:
    return list(map(str, check(directory, TOY).problems))


def test_a_sound_one(chain_at: Path) -> None:
    told: list[tuple[str, int, int]] = []
    inspection = check(chain_at, TOY, on_progress=lambda *word: told.append(word))
    assert inspection.sound
    with Database(chain_at, write=False) as database:
        assert inspection.records == sum(map(len, contents(database).values()))
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == [
        *(f"records of {table.decode()}" for table in TABLES),
        "nodes",
        "preimages",
        "code",
        "blocks",
        "undo records",
    ]
    for stage in stages:
        *_, (_, done, of) = [word for word in told if word[0] == stage]
        assert done == of, stage


@pytest.mark.usefixtures("no_child")
@pytest.mark.parametrize("table", TABLES, ids=bytes.decode)
def test_any_record_changed(chain_at: Path, table: bytes) -> None:
    """One byte of one record of each table, with the right checksum: every byte of short ones, some of long ones."""
    rng = random.Random(f"{SEED} {table.decode()}")
    database = Database(chain_at, write=True)
    records = contents(database, [table])[table]
    assert records
    tried = 0
    for key in sorted(records, key=len)[:4] + rng.sample(sorted(records), min(4, len(records))):
        if (table, key) == (META, b"schema"):
            continue  # then nothing can be opened, see below
        content = records[key]
        for place in {0, len(content) // 2, len(content) - 1, *(rng.randrange(len(content)) for _ in range(2))}:
            changed = content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
            database.commit(Batch({table: {key: changed}}))
            database.close()
            found = problems(chain_at)
            assert found or harmless(table, key, place, content), f"{table!r}[{key.hex()}], byte {place}"
            database = Database(chain_at, write=True)
            database.commit(Batch({table: {key: content}}))
            tried += 1
    database.close()
    assert problems(chain_at) == []
    assert tried >= min(4, len(records))


def harmless(table: bytes, key: bytes, place: int, content: bytes) -> bool:
    """What nothing else in the database follows from: figures that only its maker knows, and the past's contents."""
    if table == META:
        return key in (b"chain_id", b"retained")
    if table == UNDO:
        return True  # that it can be read at all and leads back is looked at, not each value that it holds
    return table == BLOCKS and 0 <= place < len(content)  # the witness, which the block's hash does not cover


@pytest.mark.usefixtures("no_child")
@pytest.mark.parametrize("table", TABLES, ids=bytes.decode)
def test_any_record_removed_or_added(chain_at: Path, table: bytes) -> None:
    rng = random.Random(f"{SEED} {table.decode()}")
    database = Database(chain_at, write=True)
    records = contents(database, [table])[table]
    for key in rng.sample(sorted(records), min(5, len(records))):
        database.commit(Batch({table: {key: None}}))
        database.close()
        if table == META and key == b"schema":
            assert "schema none" in problems(chain_at)[0]
            return
        found = problems(chain_at)
        assert found, f"{table!r}[{key.hex()}] removed"
        database = Database(chain_at, write=True)
        database.commit(Batch({table: {key: records[key]}}))
    if table != META:
        added = {LEAVES: bytes(31), STEMS: bytes(31), PREIMAGES: bytes(31), NODES: b"\x02\xfe\xfe"}.get(
            table, b"\xff" * 8
        )
        database.commit(Batch({table: {added: next(iter(records.values()))}}))
        database.close()
        assert problems(chain_at), f"{table!r}[{added.hex()}] added"


def changed_values(database: Database) -> str:
    stem, content = next(iter(contents(database, [LEAVES])[LEAVES].items()))
    database.commit(Batch({LEAVES: {stem: content[:40] + b"\xaa" + content[41:]}}))
    return f"stems[0x{stem.hex()}]: it is not what the values below it lead to"


def no_values(database: Database) -> str:
    stem = next(iter(contents(database, [LEAVES])[LEAVES]))
    database.commit(Batch({LEAVES: {stem: bytes(64)}}))
    return f"leaves[0x{stem.hex()}]: this is no set of values"


def stray_node(database: Database) -> str:
    database.commit(Batch({NODES: {node_key(b"\1\2\3"): bytes(64)}}))
    return "nodes: records that no value leads to: 1"


def another_address(database: Database) -> str:
    (one, content), (other, _), *_ = contents(database, [PREIMAGES])[PREIMAGES].items()
    database.commit(Batch({PREIMAGES: {other: content}}))
    return f"preimages[0x{other.hex()}]: address and tree index lead to stem 0x{one.hex()}"


def no_code(database: Database) -> str:
    key, _ = next(iter(contents(database, [CODE])[CODE].items()))
    database.commit(Batch({CODE: {key: None}}))
    return f"code[0x{key.hex()}]: the code of account 0x"


def other_code(database: Database) -> str:
    key, _ = next(iter(contents(database, [CODE])[CODE].items()))
    database.commit(Batch({CODE: {key: b"\0"}}))
    return f"code[0x{key.hex()}]: the code has another hash"


def a_gap(database: Database) -> str:
    database.commit(Batch({CANONICAL: {(4).to_bytes(8, "big"): None}}))
    return "block 5: it does not follow block 3"


def another_header(database: Database) -> str:
    block_hash = contents(database, [CANONICAL])[CANONICAL][(4).to_bytes(8, "big")]
    header = rlp.decode_header(contents(database, [HEADERS])[HEADERS][block_hash])
    content = rlp.encode_header(replace(header, gas_used=Uint64(header.gas_used + 1)))
    database.commit(Batch({HEADERS: {block_hash: content}}))
    return "block 4: its header has another hash"


def receipts_of_another(database: Database) -> str:
    by_number = contents(database, [CANONICAL])[CANONICAL]
    receipts = contents(database, [RECEIPTS])[RECEIPTS]
    listed = [by_number[number.to_bytes(8, "big")] for number in range(1, 11)]
    other = next(block for block in listed if receipts[block] != receipts[listed[3]])
    database.commit(Batch({RECEIPTS: {listed[3]: receipts[other]}}))
    return "block 4: its receipts have another root"


def block_of_another(database: Database) -> str:
    by_number = contents(database, [CANONICAL])[CANONICAL]
    blocks = contents(database, [BLOCKS])[BLOCKS]
    fourth, fifth = (by_number[number.to_bytes(8, "big")] for number in (4, 5))
    database.commit(Batch({BLOCKS: {fourth: blocks[fifth]}}))
    return "block 4: the block is not that of its header"


def another_head(database: Database) -> str:
    by_number = contents(database, [CANONICAL])[CANONICAL]
    database.commit(Batch({META: {b"head": by_number[(9).to_bytes(8, "big")]}}))
    return "the head: the last block is not the head that the database names"


def another_genesis(database: Database) -> str:
    database.commit(Batch({META: {b"genesis": bytes(32)}}))
    return "block 0: it is not the genesis that the database names"


def undo_missing(database: Database) -> str:
    by_number = contents(database, [CANONICAL])[CANONICAL]
    database.commit(Batch({UNDO: {by_number[(8).to_bytes(8, "big")]: None}}))
    return "undo: 5 undo records; 2 lead back from the head, 6 are retained"


def undo_of_another(database: Database) -> str:
    by_number = contents(database, [CANONICAL])[CANONICAL]
    undo = contents(database, [UNDO])[UNDO]
    last, before = (by_number[number.to_bytes(8, "big")] for number in (10, 9))
    database.commit(Batch({UNDO: {last: undo[before]}}))
    return f"undo[0x{last.hex()}]: "


def undo_cut_off(database: Database) -> str:
    (key, content), *_ = contents(database, [UNDO])[UNDO].items()
    database.commit(Batch({UNDO: {key: content[:-1]}}))
    return f"undo[0x{key.hex()}]: "


def unknown_profile(database: Database) -> str:
    database.commit(Batch({META: {b"profile": b"berlin"}}))
    return "the database is of profile 'berlin', which this version does not know"


@pytest.mark.usefixtures("no_child")
@pytest.mark.parametrize(
    "tamper",
    [
        changed_values,
        no_values,
        stray_node,
        another_address,
        no_code,
        other_code,
        a_gap,
        another_header,
        receipts_of_another,
        block_of_another,
        another_head,
        another_genesis,
        undo_missing,
        undo_of_another,
        undo_cut_off,
        unknown_profile,
    ],
)
def test_what_is_told(chain_at: Path, tamper: Callable[[Database], str]) -> None:
    with Database(chain_at, write=True) as database:
        line = tamper(database)
    found = problems(chain_at)
    assert any(one.startswith(line) for one in found), found
    assert not any("\n" in one for one in found)


def test_many_problems(chain_at: Path) -> None:
    """Where everything is wrong, some of each kind are told."""
    with Database(chain_at, write=True) as database:
        leaves = contents(database, [LEAVES])[LEAVES]
        database.commit(Batch({LEAVES: {stem: content[:-1] + b"\x55" for stem, content in leaves.items()}}))
        assert len(leaves) > MOST_PROBLEMS
    assert MOST_PROBLEMS <= len(problems(chain_at)) <= 3 * MOST_PROBLEMS


def test_while_somebody_writes(chain_at: Path) -> None:
    """Another process adds blocks all the while: each check sees one state, and that is sound."""

    def keep_writing(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        chain = open_chain(chain_at)
        rng = random.Random(SEED)
        while chain.head().number < 200:
            grow(chain, rng, 1)
            say(chain.head().number)

    child = Child(keep_writing)
    before = child.hear()
    seen = set()
    for _ in range(4):
        inspection = check(chain_at, TOY)
        assert inspection.sound, inspection
        seen.add(inspection.records)
    child.kill()
    assert (child.heard() or [before])[-1] > before
    child.end()
    assert len(seen) > 1


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="there is no database"):
        check(tmp_path, TOY)


def test_statistics(chain_at: Path) -> None:
    """Against a walk over everything."""
    with Database(chain_at, write=False) as database:
        numbers = statistics(database)
        everything: Any = contents(database)
    assert {table.name: table.records for table in numbers.tables} == {
        table.decode(): len(everything[table]) for table in TABLES
    }
    for table in numbers.tables:
        held = sum(len(key) + len(content) for key, content in everything[table.name.encode()].items())
        assert held <= table.bytes <= numbers.file_bytes
    assert sum(numbers.stems_by_depth.values()) == len(everything[STEMS])
    assert sum(numbers.internal_by_depth.values()) == len(everything[NODES])
    assert numbers.internal_by_depth[0] == 1
    assert (numbers.about.number, numbers.about.retained, numbers.can_be_taken_off) == (10, RETAINED, RETAINED)
    assert numbers.about.head == everything[META][b"head"]
    assert numbers.file_bytes == (chain_at / "data.mdb").stat().st_size <= numbers.map_bytes
