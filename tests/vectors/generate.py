"""Our own conformance vectors: witnesses of small trees, each a complete case that any client can check.

    python -m tests.vectors.generate > tests/vectors/witnesses.json

A case gives the pre-state, the keys read, the writes, whether internal nodes are marked, both roots, and the witness in
go-verkle's JSON. They fix what the devnets' data does not: deep trees, every absence, and markers.
`tests/vectors/test_vectors.py` makes them again and compares byte by byte.
"""

import json
import random
import sys
from typing import Any

from spec.codec.witness_json import encode_witness
from spec.types import TreeKey, Value
from verkle.engine import Engine, P, ReferenceEngine
from verkle.tree import Tree
from witness.proof import prove

SEED = 6800


def scenario(rng: random.Random, depth: int, *, markers: bool) -> dict[str, Any]:
    """Stems that agree on `depth` bytes beside scattered ones; reads and writes of every kind."""

    def near(last: int) -> bytes:
        return bytes([7] * depth + [last]) + rng.randbytes(30 - depth)

    def key(stem: bytes, suffix: int) -> TreeKey:
        return TreeKey.at(stem, suffix)

    def value() -> Value:
        return Value(rng.randbytes(32))

    here, there, far = near(1), near(2), rng.randbytes(31)
    state = {key(here, 0): value(), key(here, 64): Value(bytes(32)), key(there, 255): value(), key(far, 3): value()}
    other = there[: depth + 1] + bytes(30 - depth)
    reads = [key(here, 0), key(here, 200), key(near(9), 0), key(other, 1), key(rng.randbytes(31), 5)]
    writes = {key(here, 64): value(), key(there, 0): value(), key(other, 2): value(), key(near(10), 128): value()}
    return {"state": state, "keys": reads, "writes": writes, "markers": markers}


def only_absent(rng: random.Random, *, markers: bool) -> dict[str, Any]:
    """Two stems share an internal node and nobody asks for them: what markers are for."""
    stems = [bytes([7, last]) + rng.randbytes(29) for last in (1, 2)]
    return {
        "state": {TreeKey.at(stem, 0): Value(rng.randbytes(32)) for stem in stems},
        "keys": [TreeKey.at(bytes([7, 9]) + rng.randbytes(29), 0)],
        "writes": {},
        "markers": markers,
    }


def scenarios() -> dict[str, dict[str, Any]]:
    """All cases by id, made from the seed."""
    rng = random.Random(SEED)
    cases = {f"depth-{depth}": scenario(rng, depth, markers=False) for depth in (0, 1, 3, 29)}
    cases |= {f"depth-{depth}-marked": scenario(rng, depth, markers=True) for depth in (1, 3)}
    cases |= {"only-absent": only_absent(rng, markers=False), "only-absent-marked": only_absent(rng, markers=True)}
    key = TreeKey(rng.randbytes(32))
    cases["empty-tree"] = {"state": {}, "keys": [], "writes": {key: Value(rng.randbytes(32))}, "markers": True}
    return cases


def case(engine: Engine[P], name: str, scene: dict[str, Any]) -> dict[str, Any]:
    """One case as it stands in the file."""

    def text(values: dict[TreeKey, Value]) -> dict[str, str]:
        return {"0x" + key.hex(): "0x" + value.hex() for key, value in values.items()}

    tree = Tree.empty(engine).update(scene["state"])
    witness = prove(tree, scene["keys"], scene["writes"], markers=scene["markers"])
    return {
        "id": name,
        "state": text(scene["state"]),
        "keys": ["0x" + key.hex() for key in scene["keys"]],
        "writes": text(scene["writes"]),
        "internalNodeMarkers": scene["markers"],
        "preStateRoot": "0x" + tree.state_root().hex(),
        "postStateRoot": "0x" + tree.update(scene["writes"]).state_root().hex(),
        "witness": encode_witness(witness),
    }


def document(engine: Engine[P]) -> str:
    """The whole file."""
    made = [case(engine, name, scene) for name, scene in scenarios().items()]
    return json.dumps({"seed": SEED, "cases": made}, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(ReferenceEngine()))
