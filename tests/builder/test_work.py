"""A block's work is done without searches for cycles, and leaves the collector as it was."""

import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.build import Attributes, build_block
from builder.database import NODES, Batch
from builder.records import node_key
from builder.work import STAGES, uncollected
from spec.errors import DecodeError
from tests.builder.chains import new_chain, some_transactions


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """On again behind a test, whatever it did."""
    yield
    gc.enable()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is enabled
    with pytest.raises(ValueError, match="inside"), uncollected():
        raise ValueError("inside")
    assert gc.isenabled() is enabled


def test_a_block_is_the_same_with_and_without(tmp_path: Path) -> None:
    """Only loading, proving and updating are without; the block does not depend on it."""
    rng = random.Random(20)
    chain = new_chain(tmp_path / "db", others=40)
    listed = some_transactions(chain, rng, 30)
    seen: dict[str, bool] = {}

    def observe(stage: str) -> None:
        seen[stage] = gc.isenabled()

    built = build_block(chain, listed, Attributes(), observe=observe)
    assert len(built.transactions) >= 10
    assert {stage for stage, enabled in seen.items() if not enabled} == set(STAGES)
    assert gc.isenabled()
    gc.disable()
    again = build_block(chain, listed, Attributes())
    assert again.header == built.header
    assert again.request == built.request
    assert again.finished.batch == built.finished.batch
    chain.close()


def test_nothing_is_in_a_circle(tmp_path: Path) -> None:
    """Nothing waits for the collector of what is made and dropped between execution and the end."""
    chain = new_chain(tmp_path / "db", others=40)
    listed = some_transactions(chain, random.Random(21), 30)
    found: dict[str, int] = {}

    def observe(stage: str) -> None:
        found[stage] = gc.collect()

    build_block(chain, listed, Attributes(), observe=observe)
    assert [found[stage] for stage in STAGES[1:]] == [0, 0, 0], found
    chain.close()


def test_damage_leaves_the_collector_on(tmp_path: Path) -> None:
    chain = new_chain(tmp_path / "db")
    chain.database.commit(Batch({NODES: {node_key(b""): None}}))
    with pytest.raises(DecodeError, match="a node of the tree is missing"):
        build_block(chain, some_transactions(chain, random.Random(22), 3), Attributes())
    assert gc.isenabled()
    chain.close()
