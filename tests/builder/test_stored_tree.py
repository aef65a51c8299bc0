"""The tree of a database against a model: a dictionary of leaves, and the EIP's definition of the root."""

import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.bulk import by_first_byte, made, parts, root_record
from builder.database import LEAVES, META, NODES, SCHEMA, STEMS, Batch, Database
from builder.making import Making
from builder.records import encode_values, node_key, opened
from builder.stored_tree import StoredLeaves, changed, load
from spec.errors import DecodeError
from spec.types import Stem, TreeKey, Value
from tests.builder.chains import TOY, contents
from tests.laws import defined_root
from tests.tree_strategies import tree_keys, writes
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import check, prove

Leaves = dict[TreeKey, Value]


def empty_database(directory: Path, engine: Engine[Any] = TOY) -> Database:
    """A database whose tree holds nothing."""
    batch = Batch()
    batch.put(META, b"schema", SCHEMA)
    with Making(directory) as making:
        making.put(batch)
        making.put(Batch({NODES: {node_key(b""): root_record(engine, [])[1]}}))
        making.finish()
    return Database(directory, write=True)


def of_leaves(leaves: Leaves, engine: Engine[Any] = TOY) -> dict[bytes, dict[bytes, bytes]]:
    """What the tables of the state hold, made in bulk from the leaves."""
    by_stem: dict[bytes, dict[int, Value]] = {}
    for key, value in leaves.items():
        by_stem.setdefault(bytes(key.stem), {})[key.suffix] = value
    tables: dict[bytes, dict[bytes, bytes]] = {LEAVES: {}, STEMS: {}, NODES: {}}
    links = []
    for part in parts(by_first_byte((stem, encode_values(by_stem[stem])) for stem in sorted(by_stem))):
        result = made(engine, part)
        links += result.links
        for table, records in result.records.items():
            tables[table].update({key: opened(table, key, record) for key, record in records})
    tables[NODES][node_key(b"")] = root_record(engine, links)[1]
    return tables


def require_model(database: Database, model: Leaves, asked: Iterable[TreeKey]) -> None:
    """The database holds these leaves and nothing else."""
    keys = {*model, *asked}
    with database.reader() as reader:
        stored = StoredLeaves(reader)
        tree = load(reader, TOY, [key.stem for key in keys])
        lazy = load(reader, TOY, [])
        for key in keys:
            assert stored.get(key) == tree.get(key) == lazy.get(key) == model.get(key)
            assert stored.has_stem(key.stem) == tree.has_stem(key.stem) == any(k.stem == key.stem for k in model)
        assert tree.state_root() == defined_root(TOY, model)
    assert contents(database, [LEAVES, STEMS, NODES]) == of_leaves(model)


Step = Leaves | int


@given(st.lists(writes(max_size=12) | st.integers(1, 3), min_size=1, max_size=9), st.lists(tree_keys(), max_size=4))
@settings(max_examples=60)
def test_any_sequence(steps: list[Step], asked: list[TreeKey]) -> None:
    """Batches of writes, and some of them taken back: leaves, root and every record are the model's, at every step."""
    with tempfile.TemporaryDirectory() as directory, empty_database(Path(directory) / "db") as database:
        models: list[Leaves] = [{}]
        for step in steps:
            if isinstance(step, int):
                for _ in range(min(step, len(models) - 1)):
                    database.rewind(len(models).to_bytes(2, "big"))
                    models.pop()
            else:
                models.append({**models[-1], **step})
                write(database, step, len(models).to_bytes(2, "big"))
            require_model(database, models[-1], asked)


def write(database: Database, values: Leaves, undo_key: bytes | None = None, engine: Engine[Any] = TOY) -> None:
    stems = {key.stem for key in values}
    with database.reader() as reader:
        batch = changed(load(reader, engine, stems).update(values), stems)
    database.commit(batch, undo_key)


@given(writes(min_size=1, max_size=20), st.data())
@settings(max_examples=60)
def test_proofs_over_a_database(leaves: Leaves, data: st.DataObject) -> None:
    """A loaded tree proves as the whole one does, byte for byte, also what was not loaded before."""
    with tempfile.TemporaryDirectory() as directory, empty_database(Path(directory) / "db") as database:
        write(database, leaves)
        keys = data.draw(st.lists(st.sampled_from(sorted(leaves)) | tree_keys(), min_size=1, max_size=6, unique=True))
        written = {key: Value(bytes(31) + b"\x01") for key in data.draw(st.sets(st.sampled_from(keys)))}
        written = {key: value for key, value in written.items() if leaves.get(key) != value}
        whole = Tree.empty(TOY).update(leaves)
        wanted = prove(whole, keys, written, markers=True)
        with database.reader() as reader:
            for loaded in (keys, keys[:1], []):
                tree = load(reader, TOY, [key.stem for key in loaded])
                assert prove(tree, keys, written, markers=True) == wanted
        check(TOY, wanted, whole.state_root(), markers=True)


def test_with_banderwagon(tmp_path: Path, engine: Engine[Any]) -> None:
    """The same over the real group: records after updates are those made in bulk."""
    rng = random.Random(29)
    model: Leaves = {}
    with empty_database(tmp_path / "db", engine) as database:
        for _ in range(3):
            stems = [*(bytes([rng.randrange(3)]) + rng.randbytes(30) for _ in range(6)), *(key.stem for key in model)]
            values = {TreeKey.at(Stem(rng.choice(stems)), rng.choice([0, 1, 200])): Value(rng.randbytes(32))
                      for _ in range(12)}  # fmt: skip
            write(database, values, engine=engine)
            model.update(values)
            assert contents(database, [LEAVES, STEMS, NODES]) == of_leaves(model, engine)
        with database.reader() as reader:
            assert load(reader, engine, []).state_root() == defined_root(engine, model)


@pytest.mark.parametrize("table", [STEMS, NODES], ids=bytes.decode)
def test_a_record_of_another_node_is_found(tmp_path: Path, table: bytes) -> None:
    """Sound in itself, under the right key with the right checksum, and yet not the child that its parent links to."""
    stems = [Stem(bytes((first, k)) + bytes(29)) for first in (1, 2) for k in range(2)]
    keys = [TreeKey.at(stem, 0) for stem in stems]
    with empty_database(tmp_path / "db") as database:
        write(database, {key: Value(bytes(31) + bytes((k,))) for k, key in enumerate(keys)})
        held = contents(database, [table])[table]
        here, there = [stems[0], stems[1]] if table == STEMS else [node_key(b"\x01"), node_key(b"\x02")]
        assert held[here] != held[there]
        database.commit(Batch({table: {here: held[there]}}))
        with database.reader() as reader:
            with pytest.raises(DecodeError, match="its parent has"):
                load(reader, TOY, [stems[0]])
            with pytest.raises(DecodeError, match="its parent has"):
                load(reader, TOY, []).get(keys[0])
