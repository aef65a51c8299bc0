"""Roots of trees, from single leaves to whole genesis states and real blocks' writes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spec.params import KAUSTINEN7
from spec.types import TreeKey, Value
from tests.interop.cases import Case, UnknownCase, cases, check_each, documents, leaf, leaves, read, unhex
from verkle.embedding import storage_location, tree_keys
from verkle.engine import Engine
from verkle.field import FR
from verkle.tree import Tree

PRNG = "tree_root/prng_batches.json"


def _hash(tree: Tree[Any]) -> bytes:
    """map_to_scalar_field of the root, little-endian: what some libraries call the root hash."""
    return FR.encode(tree.root.scalar, "little")


def test_small_trees(vectors: Path, engine: Engine[Any]) -> None:
    """tree_root/small_trees.json: sequences of inserts, updates and deletes, and the roots in between.

    Deleting is those libraries' own operation, a leaf that was never there: the tree is made anew without it.
    """
    check_each(cases(vectors, "tree_root/small_trees.json"), lambda case: _check_sequence(case, engine))


def _check_sequence(case: Case, engine: Engine[Any]) -> None:
    tree = Tree.empty(engine)
    held: dict[TreeKey, Value] = {}
    marks: dict[str, bytes] = {}
    checked = 0
    for kind, *arguments in case["ops"]:
        if kind == "put":
            writes = leaves([(arguments[0], arguments[1])])
            held.update(writes)
            tree = tree.update(writes)
        elif kind == "delete":
            held.pop(TreeKey(unhex(arguments[0])), None)
            tree = Tree.empty(engine).update(held)
        elif kind in ("expect_root", "expect_root_commitment"):
            assert tree.state_root() == unhex(arguments[0])
            checked += 1
        elif kind in ("expect_root_hash", "expect_root_hash_le"):
            assert _hash(tree) == unhex(arguments[0])
            checked += 1
        elif kind == "expect_get":
            expected = None if arguments[1] is None else leaf(arguments[1])
            assert tree.get(TreeKey(unhex(arguments[0]))) == expected
        elif kind == "mark_root":
            marks[arguments[0]] = tree.state_root()
        elif kind == "expect_root_equals_mark":
            assert tree.state_root() == marks[arguments[0]]
            checked += 1
        else:
            raise UnknownCase(kind)
    assert {key: tree.get(key) for key in held} == held
    assert tree.state_root() == Tree.empty(engine).update(held).state_root()
    if "root_commitment" in case:
        assert tree.state_root() == unhex(case["root_commitment"])
        checked += 1
    if "root_hash_le" in case:
        assert _hash(tree) == unhex(case["root_hash_le"])
        checked += 1
    assert checked, "the case gives no root"


def test_random_trees(vectors: Path, engine: Engine[Any]) -> None:
    """tree_root/prng_batches.json: trees of up to some thousand random keys, grown batch by batch."""
    batches = sorted(cases(vectors, PRNG), key=lambda case: int(case["n"]))
    tree, size = Tree.empty(engine), 0

    def grow(case: Case) -> None:
        nonlocal tree, size
        keys = [_random_key(index) for index in range(size, case["n"])]
        tree, size = tree.update({key: Value(key) for key in keys}), case["n"]
        assert _hash(tree) == unhex(case["root_hash_le"])

    check_each(batches, grow)


def _random_key(index: int) -> TreeKey:
    return TreeKey(hashlib.sha256(index.to_bytes(8, "little") + bytes(32)).digest())


def test_random_keys(vectors: Path) -> None:
    """tree_root/prng_batches.json, first_500_keys: the random keys are those of the file."""
    listed = read(vectors, PRNG)["first_500_keys"]
    assert listed
    assert [unhex(text) for text in listed] == [_random_key(index) for index in range(len(listed))]


def _pairs(given: Sequence[Sequence[str]]) -> dict[TreeKey, Value]:
    return leaves((pair[0], pair[1]) for pair in given)


def test_flattened_genesis_trees(vectors: Path, engine: Engine[Any]) -> None:
    """tree_root/gen_devnet_*_key_values.json: every leaf of a devnet's genesis, given as key and value."""
    check_each(documents(vectors, "tree_root/gen_devnet_*_key_values.json"), lambda case: _check_leaves(case, engine))


def _check_leaves(case: Case, engine: Engine[Any]) -> None:
    assert case["meta"]
    pairs = case["cases"]
    assert pairs
    tree = Tree.empty(engine).update(_pairs(pairs))
    assert tree.state_root() == unhex(case["root_commitment"])


def test_writes_of_devnet_7(vectors: Path, engine: Engine[Any]) -> None:
    """tree_root/devnet_7_blocks_1_7_writes.json: real blocks' writes on top of the genesis of devnet 7.

    Every block writes its parent's hash into the history account. Roots are followed from genesis as far as the file's
    blocks are consecutive: what a missing block wrote is not known.
    """
    document = read(vectors, "tree_root/devnet_7_blocks_1_7_writes.json")
    blocks = sorted(document["cases"], key=lambda block: int(block["block"]))
    assert blocks, "no cases"
    for block in blocks:
        assert set(block) == {"block", "writes", "state_root"}
        location = storage_location(KAUSTINEN7, (block["block"] - 1) % KAUSTINEN7.history_window)
        (key,) = tree_keys(engine, KAUSTINEN7, [(KAUSTINEN7.history_address, location)])
        assert key in _pairs(block["writes"])
        engine.decode([unhex(block["state_root"])])
        if block["block"] == 1:
            assert _pairs(block["writes"])[key] == unhex(document["genesis_block_hash"])
    if blocks[0]["block"] != 1:
        return
    genesis = read(vectors, "tree_root/gen_devnet_7_key_values.json")
    tree = Tree.empty(engine).update(_pairs(genesis["cases"]))
    assert tree.state_root() == unhex(document["genesis_root"])
    for number, block in enumerate(blocks, start=1):
        if block["block"] != number:
            break
        tree = tree.update(_pairs(block["writes"]))
        assert tree.state_root() == unhex(block["state_root"]), f"block {number}"
