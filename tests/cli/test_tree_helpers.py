"""`verkle verkle`: what execution-spec-tests' Verkle branch asks `evm verkle` for."""

import json
from pathlib import Path

import pytest

from spec.codec.text import to_hex
from spec.codec.transition_json import decode_accounts
from spec.params import VERKLE
from spec.types import Address, TreeKey
from tests.cli.conftest import Run, assert_one_line
from tests.stateless.worlds import World
from verkle.embedding import Location, chunk_location, chunkify_code, storage_location, tree_keys
from verkle.engine import ReferenceEngine

ADDRESS = Address(b"\xc0" * 20)
CODE = bytes.fromhex("60016000557f" + "11" * 32 + "5b00")
ALLOC = {
    to_hex(ADDRESS): {"balance": "0x5", "nonce": "0x1", "code": to_hex(CODE), "storage": {"0x1": "0x2", "0x50": "0x3"}}
}


def key(location: Location) -> str:
    (found,) = tree_keys(ReferenceEngine(), VERKLE, [(ADDRESS, location)])
    return to_hex(found)


def test_leaves_and_root_of_accounts(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "alloc.json"
    path.write_text(json.dumps(ALLOC))
    tree = World.of(VERKLE, ReferenceEngine(), decode_accounts(ALLOC)).tree
    leaves = json.loads(run("verkle", "tree-keys", "--input.alloc", str(path)).stdout)
    assert len(leaves) == 2 + 2 + 2
    assert {name: tree.get(TreeKey(bytes.fromhex(name[2:]))) for name in leaves} == {
        name: bytes.fromhex(value[2:]) for name, value in leaves.items()
    }
    assert run("verkle", "state-root", "--input.alloc", str(path)).stdout.strip() == to_hex(tree.state_root())


@pytest.mark.parametrize("slot", [None, 0, 63, 64, 2**256 - 1])
def test_a_single_key(run: Run, slot: int | None) -> None:
    location = Location(0, 0) if slot is None else storage_location(VERKLE, slot)
    arguments = [to_hex(ADDRESS), *([] if slot is None else [hex(slot)])]
    assert run("verkle", "single-key", *arguments).stdout.strip() == key(location)


@pytest.mark.parametrize("chunk", [0, 127, 128, 700])
def test_a_key_of_code(run: Run, chunk: int) -> None:
    assert run("verkle", "code-chunk-key", to_hex(ADDRESS), hex(chunk)).stdout.strip() == key(chunk_location(chunk))


def test_chunks_of_code(run: Run) -> None:
    assert run("verkle", "chunkify-code", to_hex(CODE)).stdout.strip() == to_hex(b"".join(chunkify_code(CODE)))
    assert run("verkle", "chunkify-code", "0x").stdout.strip() == "0x"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("single-key", "0x12"), "ADDRESS"),
        (("single-key", to_hex(ADDRESS), "0x"), "SLOT"),
        (("code-chunk-key", to_hex(ADDRESS), "0x1000000"), "no code is that long"),
        (("chunkify-code", "60"), "CODE"),
        (("tree-keys", "--input.alloc", "none.json"), "none.json"),
    ],
)
def test_bad_usage_is_one_line(run: Run, arguments: tuple[str, ...], part: str) -> None:
    assert_one_line(run("verkle", *arguments), 2, part)
