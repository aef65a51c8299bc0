"""Our prover on real blocks: the witnesses that the network carried, byte for byte."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_tree
from spec.codec import json_document
from spec.codec.genesis_json import decode_genesis
from spec.codec.witness_json import decode_witness, encode_witness
from spec.containers import ExecutionPayload, ExecutionWitness
from spec.params import KAUSTINEN6
from spec.types import TreeKey, Value
from tests.interop.real_blocks import GENESIS, chain_lines, follows, history_header, is_empty, new_values, read_payload
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import check, post_state, prove

SEED = 6800
PARTS = 2
"""The sample is dealt out to so many tests, which can run at the same time; each replays the whole chain."""
SAMPLE = 100
"""Blocks that are proved in the default run."""
SAMPLE_IN_PYTHON = 16
"""Blocks that plain Python proves where a compiled engine proves all; half a second each."""
LARGE_SAMPLE = 200
SHAPES = 10


@dataclass(frozen=True, slots=True)
class RealBlock:
    """One block of the chain: its document as published, and what our codec reads from it."""

    document: dict[str, Any]
    payload: ExecutionPayload

    @property
    def witness(self) -> ExecutionWitness:
        """The block's witness, which every block but the beacon genesis's has."""
        assert self.payload.execution_witness is not None
        return self.payload.execution_witness

    def published_text(self) -> str:
        """go-verkle's text of the witness, made from the published document without our codec.

        The archive sorts names and writes suffixes as strings; nothing else differs.
        """
        given = self.document["execution_payload"]["execution_witness"]
        diffs = [
            {
                "stem": diff["stem"],
                "suffixDiffs": [
                    {
                        "suffix": int(entry["suffix"]),
                        "currentValue": entry["currentValue"],
                        "newValue": entry["newValue"],
                    }
                    for entry in diff["suffixDiffs"]
                ],
            }
            for diff in given["stateDiff"]
        ]
        proof = given["verkleProof"]
        names = ("otherStems", "depthExtensionPresent", "commitmentsByPath", "d")
        argument = {name: proof["ipaProof"][name] for name in ("cl", "cr", "finalEvaluation")}
        ordered = {**{name: proof[name] for name in names}, "ipaProof": argument}
        return json.dumps({"stateDiff": diffs, "verkleProof": ordered}, separators=(",", ":"))


def _blocks(vectors: Path) -> list[RealBlock]:
    blocks = [RealBlock(*read_payload(line)) for line in chain_lines(vectors)]
    assert blocks, "no blocks"
    return blocks


def _sample(count: int, size: int) -> list[int]:
    """`size` numbers below `count` (all of them where they are fewer), one from each of as many equal stretches."""
    generator = random.Random(SEED)
    edges = [count * index // size for index in range(size + 1)]
    return sorted({generator.randrange(low, high) for low, high in pairwise(edges) if low < high})


def _text(witness: ExecutionWitness) -> str:
    return json_document.write(encode_witness(witness))


def _check_text(block: RealBlock, made: ExecutionWitness) -> None:
    """The text of what we made is the published one, and survives a round trip."""
    text = _text(made)
    assert text == block.published_text()
    assert _text(decode_witness(json_document.parse(text))) == text


def _replay(vectors: Path, engine: Engine[Any], blocks: list[RealBlock]) -> Iterator[tuple[RealBlock, Tree[Any]]]:
    """Every block of the chain with the whole tree before it. Each block's post root is the header's."""
    genesis = decode_genesis(json_document.parse((vectors / GENESIS).read_bytes()), KAUSTINEN6)
    tree = genesis_tree(genesis, KAUSTINEN6, engine)
    if KAUSTINEN6.history_address in genesis.alloc:
        unlisted: dict[TreeKey, Value] = {}
    else:
        unlisted = history_header(engine, KAUSTINEN6)
    for before, block in zip([None, *blocks], blocks, strict=False):
        if is_empty(block.payload):
            continue
        assert block.payload.block_number == 1 or (before is not None and follows(block.payload, before.payload))
        yield block, tree
        tree = tree.update({**new_values(block.witness), **unlisted})
        unlisted = {}
        assert tree.state_root() == block.payload.state_root, f"block {block.payload.block_number}"


def _check_sample(vectors: Path, engine: Engine[Any], size: int, part: int) -> None:
    blocks = _blocks(vectors)
    if not is_empty(blocks[0].payload) and blocks[0].payload.block_number != 1:
        pytest.skip("the chain in these files does not begin with its genesis, so no whole tree can be made")
    listed = [block for block in blocks if not is_empty(block.payload)]
    chosen = set(_sample(len(listed), size)[part::PARTS])
    assert chosen
    for index, (block, tree) in enumerate(_replay(vectors, engine, blocks)):
        if index not in chosen:
            continue
        made = prove(tree, [key for key, _ in block.witness.locations()], new_values(block.witness), markers=False)
        assert made == block.witness, f"block {block.payload.block_number}"
        _check_text(block, made)


@pytest.mark.parametrize("part", range(PARTS))
def test_witnesses_are_made_again(vectors: Path, engine: Engine[Any], in_full: bool, part: int) -> None:
    """kaustinen6/blocks-*.jsonl.gz: from genesis, the whole tree follows every block to its header's state root.

    And proving a block's locations in the tree before it gives the witness that the network carried, byte for byte: the
    proof is a function of the tree and the locations alone.
    """
    if not in_full and part:
        pytest.skip("in full with --engine auto")
    _check_sample(vectors, engine, SAMPLE if in_full else SAMPLE_IN_PYTHON, part)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_many_witnesses_are_made_again(vectors: Path, engine: Engine[Any], part: int) -> None:
    """kaustinen6/blocks-*.jsonl.gz: as above, for more blocks."""
    _check_sample(vectors, engine, LARGE_SAMPLE, part)


def test_trees_of_a_witness_alone(vectors: Path, engine: Engine[Any]) -> None:
    """kaustinen6/blocks-*.jsonl.gz: trees that hold what one witness shows, and no more, prove the same state diff."""
    _check_shapes(vectors, engine, SHAPES)


@pytest.mark.slow
def test_many_trees_of_a_witness_alone(vectors: Path, engine: Engine[Any]) -> None:
    """kaustinen6/blocks-*.jsonl.gz: as above, for 200 blocks."""
    _check_shapes(vectors, engine, LARGE_SAMPLE)


def _check_shapes(vectors: Path, engine: Engine[Any], size: int) -> None:
    blocks = [block for block in _blocks(vectors) if not is_empty(block.payload)]
    for index in _sample(len(blocks), size):
        _check_shape(engine, blocks[index].witness)


def _check_shape(engine: Engine[Any], real: ExecutionWitness) -> None:
    """Prove the real witness's locations in a tree of its values, with a leaf below each of its other stems.

    Stems that the real proof does not show are missing here, so depths differ, and with them the proof.
    """
    held = {key: diff.current_value for key, diff in real.locations() if diff.current_value is not None}
    others = {TreeKey.at(stem, 0): Value(bytes(32)) for stem in real.verkle_proof.other_stems}
    tree = Tree.empty(engine).update({**held, **others})
    writes = new_values(real)
    made = prove(tree, [key for key, _ in real.locations()], writes, markers=False)
    assert made.state_diff == real.state_diff
    partial = check(engine, made, tree.state_root(), markers=False)
    assert post_state(partial, made).state_root() == tree.update(writes).state_root()
    text = _text(made)
    assert decode_witness(json_document.parse(text)) == made
    assert _text(decode_witness(json_document.parse(text))) == text
