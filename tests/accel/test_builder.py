"""Blocks that are built under every engine that runs here: the same bytes from each, and valid under each."""

from pathlib import Path
from typing import Any

import pytest

from builder.replay import differing
from cli.scenario import CHAIN_ID, Scenario
from spec.codec import ssz_request
from spec.params import VERKLE
from stateless.verify import verify_block
from tests.accel.conftest import COMPILED, REFERENCE, engine_called
from tests.builder.built import Site, site

BLOCKS = 4
"""One more than the scenario takes to set the stage."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("reference") / "chain", REFERENCE, Scenario(48, 10, blocks=BLOCKS))


@pytest.mark.parametrize("name", COMPILED)
def test_built_blocks_are_the_same_bytes(reference: Site, tmp_path: Path, name: str) -> None:
    engine: Any = engine_called(name)
    made = site(tmp_path / "chain", engine, Scenario(48, 10, blocks=BLOCKS))
    assert len(made.blocks) == BLOCKS
    for parent, ours, theirs in zip(reference.parents, made.blocks, reference.blocks, strict=True):
        encoded = [ssz_request.encode_request(block.request, VERKLE) for block in (ours, theirs)]
        assert encoded[0] == encoded[1]
        for verifier in (engine, REFERENCE):
            verified = verify_block(verifier, VERKLE, ours.request, parent, chain_id=CHAIN_ID)
            assert verified.post_state.state_root() == ours.header.state_root == theirs.finished.state_root
            assert verified.unneeded == 0
    with made.chain.database.reader() as left, reference.chain.database.reader() as right:
        assert differing(left, right) == []
