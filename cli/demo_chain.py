"""The builder's part of the demonstration: a chain with some life on it, its blocks as files, and what they weigh."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from builder.baseline import Baseline
from builder.build import Attributes, build_block
from builder.chain import Chain
from cli import block_files, files
from cli.comparison import Weight
from cli.datadir import GENESIS_FILE
from cli.scenario import Scenario
from spec.codec import genesis_json, json_document, rlp
from spec.containers import NewPayloadRequest
from spec.params import VERKLE
from spec.types import Address, StateRoot
from stateless.transition import Signed
from verkle.engine import Engine

PROFILE: Final = VERKLE
FEE_RECIPIENT: Final = Address(b"verkle demonstration")
EXTRA_DATA: Final = b"verkle demo"

CHAIN: Final = "chain"
BLOCKS: Final = "blocks"
PARENT: Final = "parent.rlp"
DATABASE_FILES: Final = ("data.mdb", "lock.mdb", "writer.lock", GENESIS_FILE)


@dataclass(frozen=True, slots=True)
class Made:
    """A block that was built."""

    request: NewPayloadRequest
    path: Path
    weight: Weight
    seconds: float
    """To execute, prove, seal, verify and store it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What the chain begins with."""

    accounts: int
    state_root: StateRoot
    seconds: float


def clear(directory: Path, *, force: bool) -> None:
    """Make room for what is made. Raises: click.UsageError where something is there and `force` is not given."""
    for path in (directory / CHAIN / DATABASE_FILES[0], directory / BLOCKS, directory / PARENT):
        files.refuse_overwrite(path, force)
    for name in DATABASE_FILES:
        (directory / CHAIN / name).unlink(missing_ok=True)
    for pattern in ("block-*.ssz", "block-*.json"):
        for path in (directory / BLOCKS).glob(pattern):
            path.unlink()
    (directory / BLOCKS).mkdir(parents=True, exist_ok=True)


def build(directory: Path, scenario: Scenario, engine: Engine[Any], begun: Callable[[Begun], None]) -> Iterator[Made]:
    """Make the chain in a directory, block by block."""
    document = scenario.genesis_document()
    genesis = genesis_json.decode_genesis(document, PROFILE)
    since = time.perf_counter()
    chain = Chain.create(directory / CHAIN, genesis, PROFILE, engine)
    try:
        files.write(directory / CHAIN / GENESIS_FILE, json_document.write(document).encode() + b"\n", force=True)
        header = chain.head()
        files.write(directory / PARENT, rlp.encode_header(header), force=True)
        begun(Begun(len(genesis.alloc), header.state_root, time.perf_counter() - since))
        baseline = Baseline(genesis, PROFILE)
        waiting: list[Signed] = []
        for transactions in scenario.each_block():
            waiting += transactions
            made, waiting = _next(chain, baseline, waiting, directory)
            yield made
        while waiting:
            made, waiting = _next(chain, baseline, waiting, directory)
            yield made
    finally:
        chain.close()


def _next(chain: Chain[Any], baseline: Baseline, waiting: list[Signed], directory: Path) -> tuple[Made, list[Signed]]:
    """A block of what is waiting, and what it had no room for."""
    since = time.perf_counter()
    built = build_block(chain, waiting, Attributes(fee_recipient=FEE_RECIPIENT, extra_data=EXTRA_DATA), strict=True)
    chain.put(built.request, built.header, built.finished)
    spent = time.perf_counter() - since
    payload = built.request.execution_payload
    assert payload.execution_witness is not None, "the builder gives every block a witness"
    path = directory / BLOCKS / f"block-{payload.block_number:06}.ssz"
    files.write(path, block_files.encode(built.request, PROFILE, as_ssz=True), force=True)
    counts = (payload.block_number, len(payload.transactions), payload.gas_used)
    weight = Weight.of(*counts, payload.execution_witness, baseline.add(built.finished), PROFILE)
    return Made(built.request, path, weight, spent), [waiting[index] for index in built.later]


def name_of(path: Path) -> str:
    """A path as it is shown."""
    return click.format_filename(path)
