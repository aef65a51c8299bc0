"""Hostile witnesses made from real blocks of kaustinen6: every mutation of tests/fuzz on 50 of them.

The default run takes each mutation twice a block; `make test-slow` nine times more, over 10,000.
"""

import gzip
import json
import random
import resource
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from spec.types import StateRoot
from tests.fuzz.hostile import Target, attack
from tests.fuzz.mutations import MUTATIONS
from verkle.engine import Engine

SEED = 6800
BLOCKS = 50
PARTS = 10
PART_IN_PYTHON = 6
"""The part that plain Python takes where a compiled engine takes all."""
MEMORY_KIB = 1 << 20
"""A part may add at most 1 GiB to the process, whatever it is sent."""


def targets(vectors: Path) -> list[Target]:
    """Blocks from equal sections of the file, after the first of the chain (which is rejected as it stands)."""
    payloads: list[dict[str, Any]] = []
    with gzip.open(next((vectors / "kaustinen6").glob("blocks-*.jsonl.gz"))) as lines:
        payloads += (json.loads(line)["execution_payload"] for line in lines)
    rng = random.Random(SEED)
    usable = range(2, len(payloads))
    assert len(usable) >= BLOCKS, "too few blocks for the sample"
    edges = [usable[0] + i * len(usable) // BLOCKS for i in range(BLOCKS)] + [len(payloads)]
    chosen = [rng.randrange(low, high) for low, high in pairwise(edges)]
    return [
        Target(
            payloads[index]["execution_witness"],
            StateRoot(bytes.fromhex(payloads[index - 1]["state_root"][2:])),
            StateRoot(bytes.fromhex(payloads[index]["state_root"][2:])),
        )
        for index in chosen
    ]


def run_part(vectors: Path, engine: Engine[Any], part: int, rounds: int) -> None:
    own = targets(vectors)[part::PARTS]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdicts = attack(engine, own, rounds, random.Random(SEED + part), markers=False)
    print(f"seed {SEED + part}: {verdicts}")
    assert verdicts.total > len(own) * rounds * len(MUTATIONS) * 4 // 5
    assert not verdicts.silent
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutation_is_refused_or_equivalent(vectors: Path, engine: Engine[Any], in_full: bool, part: int) -> None:
    if not in_full and part != PART_IN_PYTHON:
        pytest.skip("in full with --engine auto")
    run_part(vectors, engine, part, rounds=2)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_mutations(vectors: Path, engine: Engine[Any], part: int) -> None:
    run_part(vectors, engine, part, rounds=9)
