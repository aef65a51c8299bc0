"""The database as such: batches, growth, readers beside a writer, and everything that keeps it from being opened."""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from builder import database as module
from builder.chain import Chain
from builder.database import CODE, META, SCHEMA, UNDO, Batch, Database, DatabaseUnavailable
from builder.maintenance import check
from builder.making import Making
from spec.codec import rlp
from spec.errors import DecodeError
from spec.params import VERKLE
from tests.builder.chains import TOY, contents, grow, new_chain, open_chain
from tests.builder.chains import genesis as chains_genesis
from tests.builder.processes import as_nobody, in_a_child

SMALL_MAP = 1 << 17


def made(directory: Path, map_bytes: int = module.FIRST_MAP_BYTES) -> Database:
    """A database that holds nothing but its schema."""
    batch = Batch()
    batch.put(META, b"schema", SCHEMA)
    with Making(directory, map_bytes) as making:
        making.put(batch)
        making.finish()
    return Database(directory, write=True)


def one_record(key: bytes, content: bytes) -> Batch:
    batch = Batch()
    batch.put(CODE, key, content)
    return batch


def test_a_batch_is_taken_back(tmp_path: Path) -> None:
    """Set, changed and removed records are what they were; contents long and short, alike and not."""
    rng = random.Random(1)
    with made(tmp_path / "db") as database:
        before = [contents(database)]
        keys = [rng.randbytes(rng.randrange(1, 40)) for _ in range(30)]
        for number in range(40):
            batch = Batch()
            for key in rng.sample(keys, 12):
                old = before[-1][CODE].get(key, b"")
                near = old[:-1] + rng.randbytes(1)
                new = rng.choice([near, rng.randbytes(rng.randrange(2000)), b""])
                if rng.random() < 0.2:
                    batch.delete(CODE, key)
                else:
                    batch.put(CODE, key, new)
            database.commit(batch, bytes([number]))
            before.append(contents(database))
        assert len(before[-1][CODE]) > 10
        for number in reversed(range(40)):
            assert contents(database) == before[number + 1]
            database.rewind(bytes([number]))
            assert contents(database) == before[number]
        with pytest.raises(DecodeError, match="no longer"):
            database.rewind(b"\0")


def test_nothing_happens_where_work_raises(tmp_path: Path) -> None:
    with made(tmp_path / "db") as database:
        before = contents(database)

        def work(writer: module.Writer) -> None:
            writer.apply(one_record(b"k", b"v"), b"u")
            assert writer.get(CODE, b"k") == b"v"
            raise KeyError

        with pytest.raises(KeyError):
            database.atomically(work)
        assert contents(database) == before


def test_the_map_grows(tmp_path: Path) -> None:
    """From far too small, in the making and afterwards; another process sees what is written beyond its own map."""
    made(tmp_path / "db", SMALL_MAP).close()

    def keep_reading(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        hear()
        with Database(tmp_path / "db", write=False, map_bytes=SMALL_MAP) as reading:
            say(reading.map_bytes())
            while hear():
                with reading.reader() as reader:
                    say((reader.count(CODE), sum(len(content) for _, content in reader.items(CODE))))

    rng = random.Random(2)
    written: dict[bytes, bytes] = {}
    with in_a_child(keep_reading) as child, Database(tmp_path / "db", write=True, map_bytes=SMALL_MAP) as database:
        first = database.map_bytes()
        child.say("open")
        small = child.hear()
        for _ in range(30):
            more: dict[bytes, bytes | None] = {rng.randbytes(8): rng.randbytes(50_000) for _ in range(4)}
            written.update({key: content for key, content in more.items() if content is not None})
            database.commit(Batch({CODE: more}), rng.randbytes(4))
            child.say(True)
            assert child.hear() == (len(written), sum(map(len, written.values())))
        assert database.map_bytes() > 8 * max(first, small)
        child.say(False)
        assert contents(database, [CODE])[CODE] == written


def test_what_is_thrown_away_is_not_waited_for(tmp_path: Path) -> None:
    """Asked for, and only then: the disk is not waited for; the end of the process, by SIGKILL too, loses no block."""
    directory = tmp_path / "db"
    chain = new_chain(directory)
    assert chain.database._environment.flags()["sync"]
    genesis = rlp.block_hash(chain.head())
    chain.close()
    again = Chain.create(tmp_path / "again", chains_genesis(), VERKLE, TOY, durable=False)
    assert not again.database._environment.flags()["sync"]
    assert rlp.block_hash(again.head()) == genesis
    again.close()

    def build(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        with Database(tmp_path / "again", write=True, durable=False) as database:
            chain = Chain(database, TOY)
            grow(chain, random.Random(4), 5)
            say(chain.head())
            hear()

    with in_a_child(build) as child:
        head = child.hear()
        child.kill()
    assert check(tmp_path / "again", TOY).sound
    with Database(tmp_path / "again", write=False) as database:
        assert Chain(database, TOY).head() == head


def test_a_reader_sees_one_state(tmp_path: Path) -> None:
    """While another process writes: what a reader has begun to read does not change, and the next one sees all."""
    new_chain(tmp_path / "db").close()

    def keep_writing(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        chain = open_chain(tmp_path / "db")
        rng = random.Random(3)
        while hear():
            grow(chain, rng, 2)
            say(chain.head().number)
        chain.close()

    with in_a_child(keep_writing) as child, Database(tmp_path / "db", write=False) as database:
        chain = Chain(database, TOY)
        for turn in range(1, 6):
            with database.reader() as reader:
                before = dict(reader.items(module.LEAVES))
                child.say(True)
                assert child.hear() == 2 * turn
                assert chain.head(reader).number == 2 * turn - 2
                assert dict(reader.items(module.LEAVES)) == before
            assert chain.head().number == 2 * turn
        child.say(False)


def test_one_writer(tmp_path: Path) -> None:
    """A second writer is refused, in this process and in another; readers are not."""
    new_chain(tmp_path / "db").close()

    def attempt(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        hear()
        for opening in (lambda: Database(tmp_path / "db", write=True), lambda: Making(tmp_path / "db")):
            with pytest.raises(DatabaseUnavailable, match="another process is writing to this database"):
                opening()
        with Database(tmp_path / "db", write=False) as reading:
            say(Chain(reading, TOY).head())

    with in_a_child(attempt) as child:
        chain = open_chain(tmp_path / "db")
        with pytest.raises(DatabaseUnavailable, match="another process is writing"):
            Database(tmp_path / "db", write=True)
        child.say("now")
        assert child.hear() == chain.head()
        chain.close()
    Database(tmp_path / "db", write=True).close()


def test_a_killed_readers_place_is_taken_back(tmp_path: Path) -> None:
    """A reader that dies would keep every page from being used again; the next writer forgets it."""
    new_chain(tmp_path / "db").close()

    def hang(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        with Database(tmp_path / "db", write=False) as database, database.reader():
            say("reading")
            hear()

    with in_a_child(hang) as child:
        assert child.hear() == "reading"
        child.kill()
    with Database(tmp_path / "db", write=True) as database:
        assert "(no active readers)" in database._environment.readers()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """It can be read; writing is refused in one line; nothing is made in it."""
    chain = new_chain(tmp_path / "db")
    head = chain.head()
    chain.close()
    (tmp_path / "db" / "lock.mdb").unlink()
    before = sorted(path.name for path in (tmp_path / "db").iterdir())

    def look(say: Callable[[Any], None], hear: Callable[[], Any]) -> None:
        with Database(tmp_path / "db", write=False) as database:
            say(Chain(database, TOY).head())
        for attempt in (lambda: Database(tmp_path / "db", write=True), lambda: Making(tmp_path / "db" / "new")):
            with pytest.raises(DatabaseUnavailable, match="Permission denied") as refused:
                attempt()
            assert "\n" not in str(refused.value)

    with as_nobody(tmp_path), in_a_child(look) as child:
        assert child.hear() == head
    assert sorted(path.name for path in (tmp_path / "db").iterdir()) == before


def nothing(directory: Path) -> None:
    directory.rmdir()


def empty(directory: Path) -> None:
    """As it is."""


def foreign(directory: Path) -> None:
    (directory / "data.mdb").write_bytes(os.urandom(20_000))


def a_directory(directory: Path) -> None:
    (directory / "data.mdb").mkdir()


def somebody_elses(directory: Path) -> None:
    with lmdb.open(str(directory), max_dbs=3) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"hello", b"world")


def of_another_schema(directory: Path) -> None:
    made(directory).commit(Batch({META: {b"schema": b"9"}}))


def cut_off_in_the_making(directory: Path) -> None:
    making = Making(directory)
    making.put(one_record(b"a", b"b"))
    making._held.pop_all()  # as after SIGKILL: nothing is tidied up
    making._environment.close()


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (nothing, "there is no database"),
        (empty, "there is no database"),
        (foreign, "not LMDB's"),
        (a_directory, "Is a directory"),
        (somebody_elses, "this is no database of a chain"),
        (of_another_schema, "the database has schema 9, this version reads 1"),
        (cut_off_in_the_making, "never finished; make it again"),
    ],
)
@pytest.mark.parametrize("write", [False, True])
def test_what_is_no_database(tmp_path: Path, prepare: Callable[[Path], None], line: str, write: bool) -> None:
    """One line that names the place; nothing is held, so that the next attempt says the same."""
    directory = tmp_path / "db"
    directory.mkdir()
    prepare(directory)
    for _ in range(2):
        with pytest.raises((DecodeError, DatabaseUnavailable), match=line) as refused:
            Database(directory, write=write)
        assert str(directory) in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_is_a_database_of_nobody(tmp_path: Path) -> None:
    """Records are missing that every chain's database has."""
    made(tmp_path / "db").close()
    with Database(tmp_path / "db", write=False) as database, pytest.raises(DecodeError, match="profile"):
        Chain(database, TOY)


def test_making_again(tmp_path: Path) -> None:
    """After a cut off making a database can be made; over a database none can."""
    (tmp_path / "db").mkdir()
    cut_off_in_the_making(tmp_path / "db")
    chain = new_chain(tmp_path / "db")
    assert sorted(path.name for path in (tmp_path / "db").iterdir()) == ["data.mdb", "lock.mdb", "writer.lock"]
    chain.close()
    before = (tmp_path / "db" / "data.mdb").read_bytes()
    with pytest.raises(DecodeError, match="there is a database already"):
        new_chain(tmp_path / "db")
    assert (tmp_path / "db" / "data.mdb").read_bytes() == before


def test_making_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Making(tmp_path / "db") as making:
        making.put(one_record(b"a", b"b"))
        raise KeyError
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["writer.lock"]
    new_chain(tmp_path / "db").close()


def test_undo_records_are_kept_out_of_undo_records(tmp_path: Path) -> None:
    with made(tmp_path / "db") as database:
        database.commit(one_record(b"a", b"1"), b"first")
        batch = one_record(b"a", b"2")
        batch.delete(UNDO, b"first")
        database.commit(batch, b"second")
        database.rewind(b"second")
        assert contents(database, [CODE, UNDO]) == {CODE: {b"a": b"1"}, UNDO: {}}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_stays_open(tmp_path: Path) -> None:
    """Neither after closing nor after an opening that failed."""
    new_chain(tmp_path / "db").close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        open_chain(tmp_path / "db").close()
        with pytest.raises(DecodeError):
            Database(tmp_path, write=False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
