"""The database as earlier blocks left it: the same records, and proofs, as there were at that time."""

import random
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder import undo
from builder.chain import Chain
from builder.database import META, TABLES, UNDO, Batch, Reader
from builder.files import DATA_FILE
from builder.past import PastReader
from builder.stored_tree import StoredLeaves, load
from spec.codec import rlp
from spec.containers import ExecutionWitness
from spec.errors import DecodeError, Reason, Rejection
from spec.types import Hash32, Stem, TreeKey
from stateless.tree_view import TreeView
from tests.builder.chains import ACTORS, TOY, actor_address, grow, new_chain
from witness.proof import prove

SEED = 1207
RETAINED = 12
BLOCKS = 20
Records = dict[bytes, dict[bytes, bytes]]


def records(reader: Reader) -> Records:
    return {table: dict(reader.items(table)) for table in TABLES}


def some_keys(held: Records, rng: random.Random) -> set[TreeKey]:
    """Of some stems that are there, and of some that are not."""
    stems = [*rng.sample(sorted(held[b"leaves"]), 6), rng.randbytes(31), rng.randbytes(31)]
    return {TreeKey.at(Stem(stem), suffix) for stem in stems for suffix in (0, 1, 70)}


def proof(reader: Reader, keys: set[TreeKey]) -> ExecutionWitness:
    return prove(load(reader, TOY, {key.stem for key in keys}), keys, markers=True)


@dataclass(frozen=True)
class Moment:
    """What there was when a block was the head."""

    head: Hash32
    held: Records
    keys: set[TreeKey]
    witness: ExecutionWitness


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A chain, and a moment for each block; some blocks were taken off and others put in their place."""
    rng = random.Random(SEED)
    chain = new_chain(tmp_path_factory.mktemp("past") / "db", RETAINED, others=60)
    moments: list[Moment] = []
    for number in range(BLOCKS + 1):
        if number in (9, 15):
            grow(chain, rng, 3)
            chain.rewind(moments[-1].head)
        if number:
            grow(chain, rng, 1)
        with chain.database.reader() as reader:
            held = records(reader)
            keys = some_keys(held, rng)
            moments.append(Moment(rlp.block_hash(chain.head(reader)), held, keys, proof(reader, keys)))
    yield chain, moments
    chain.close()


def test_every_record_is_as_it_was(history: tuple[Chain[Any], list[Moment]]) -> None:
    """All tables byte for byte, back to the oldest block; of undo records those that were not dropped since."""
    chain, moments = history
    file = chain.database.directory / DATA_FILE
    before = file.read_bytes()
    for number in range(BLOCKS - RETAINED, BLOCKS + 1):
        then = moments[number]
        with chain.database.reader() as reader:
            past = chain.at(reader, then.head)
            assert chain.head(past).number == number
            now = records(past)
            for table in TABLES:
                assert past.count(table) == len(now[table])
                if table != UNDO:
                    assert now[table] == then.held[table], (number, table)
            assert now[UNDO].items() <= then.held[UNDO].items()
            assert len(now[UNDO]) == number - (BLOCKS - RETAINED)
            absent = {key for moment in moments for key in moment.held[b"leaves"]} - set(then.held[b"leaves"])
            assert all(past.get(b"leaves", key) is None for key in absent)
    assert file.read_bytes() == before


def test_proofs_are_those_of_that_time(history: tuple[Chain[Any], list[Moment]]) -> None:
    chain, moments = history
    for then in moments[BLOCKS - RETAINED :]:
        with chain.database.reader() as reader:
            past = chain.at(reader, then.head)
            assert proof(past, then.keys) == then.witness
            assert load(past, TOY, []).state_root() == chain.head(past).state_root


def test_accounts_have_what_they_had(history: tuple[Chain[Any], list[Moment]]) -> None:
    """Nonces never fall from block to block, and balances differ: not the head's values are shown."""
    chain, moments = history
    seen = []
    for then in moments[BLOCKS - RETAINED :]:
        with chain.database.reader() as reader:
            view = TreeView(StoredLeaves(chain.at(reader, then.head)), chain.keys)
            seen.append(
                [(view.nonce(actor_address(actor)), view.balance(actor_address(actor))) for actor in range(ACTORS)]
            )
    nonces = [sum(nonce for nonce, _ in each) for each in seen]
    assert nonces == sorted(nonces)
    assert nonces[0] < nonces[-1]
    assert len({tuple(each) for each in seen}) > RETAINED // 2


def test_what_cannot_be_shown(history: tuple[Chain[Any], list[Moment]]) -> None:
    chain, moments = history
    with chain.database.reader() as reader:
        for block_hash, reason in (
            (moments[BLOCKS - RETAINED - 1].head, Reason.BLOCK_NOT_RETAINED),
            (moments[0].head, Reason.BLOCK_NOT_RETAINED),
            (Hash32(bytes(32)), Reason.PARENT_UNKNOWN),
        ):
            with pytest.raises(Rejection) as rejected:
                chain.at(reader, block_hash)
            assert rejected.value.reason is reason
        assert chain.at(reader, moments[-1].head) is reader
        with pytest.raises(DecodeError, match="no longer"):
            PastReader(reader, [bytes(32)])


def test_undo_records_that_do_not_fit(tmp_path: Path) -> None:
    """Told, and not mistaken for what was there: entries of no table and no kind, differences that are cut off."""
    with new_chain(tmp_path / "db", others=60).database as database:
        chain: Chain[Any] = Chain(database, TOY)
        first = rlp.block_hash(chain.head())
        grow(chain, random.Random(SEED), 1)
        head = rlp.block_hash(chain.head())
        place = bytes((TABLES.index(META),)) + (4).to_bytes(4, "big") + b"head"
        for record, line in (
            (bytes((len(TABLES),)) + place[1:] + bytes(5), f"an entry of table {len(TABLES)}"),
            (place + b"\3" + bytes(4), "an entry of kind 3"),
            (place + b"\2" + (1).to_bytes(4, "big") + b"x", "does not fit"),
            (place + b"\2" + bytes(4), "does not fit"),
            (place + b"\1" + (9).to_bytes(4, "big") + b"x", "cut off"),
        ):
            database.commit(Batch({UNDO: {head: record}}))
            with database.reader() as reader, pytest.raises(DecodeError, match=line):
                chain.head(chain.at(reader, first))
            with pytest.raises(DecodeError, match=line):
                chain.rewind(first)


def test_a_difference_is_not_taken_apart_without_bound() -> None:
    """A short entry that would become a gigabyte is refused; so is one with something behind its end."""
    compressor = zlib.compressobj(zdict=b"now")
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(1 << 5)) + compressor.flush()
    assert len(bomb) < 1 << 18
    compressor = zlib.compressobj(zdict=b"now")
    short = compressor.compress(b"before") + compressor.flush()
    assert undo.before(undo.Entry(0, b"key", undo.DIFFERENCE, short), b"now") == b"before"
    for content in (bomb, short + b"\0", short[:-1]):
        with pytest.raises(DecodeError, match="does not fit"):
            undo.before(undo.Entry(0, b"key", undo.DIFFERENCE, content), b"now")
