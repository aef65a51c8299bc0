"""Chains with life on them for tests, in any engine; and what a database says of all its accounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.build import Attributes, Built, build_block
from builder.chain import Chain
from builder.database import CODE, LEAVES, PREIMAGES
from builder.records import decode_values
from cli.scenario import Scenario
from spec.codec.genesis_json import decode_genesis
from spec.containers import Account, Genesis
from spec.params import (
    BASIC_DATA_LEAF_KEY,
    CODE_HASH_LEAF_KEY,
    CODE_OFFSET,
    EMPTY_CODE_HASH,
    HEADER_STORAGE_OFFSET,
    VERKLE,
    VERKLE_NODE_WIDTH,
)
from spec.types import Address, Uint64, Uint256, Value
from stateless.header import Parent
from verkle.embedding import BasicData
from verkle.engine import Engine


@dataclass(frozen=True)
class Site:
    """A chain that was built, block by block."""

    chain: Chain[Any]
    genesis: Genesis
    parents: tuple[Parent, ...]
    """What each block builds on."""
    blocks: tuple[Built, ...]


def scenario_genesis(scenario: Scenario) -> Genesis:
    return decode_genesis(scenario.genesis_document(), VERKLE)


def each_built(chain: Chain[Any], scenario: Scenario) -> Iterator[tuple[Parent, Built]]:
    """Build the scenario's blocks on a chain; each block's parent comes with it."""
    for transactions in scenario.each_block():
        parent = Parent.of_header(chain.head())
        built = build_block(chain, transactions, Attributes(), strict=True)
        yield parent, built
        chain.put(built.request, built.header, built.finished)


def site(directory: Path, engine: Engine[Any], scenario: Scenario, retained: int = 128) -> Site:
    """The scenario's chain, in a directory."""
    genesis = scenario_genesis(scenario)
    chain = Chain.create(directory, genesis, VERKLE, engine, retained=retained)
    parents, blocks = zip(*each_built(chain, scenario), strict=True)
    return Site(chain, genesis, parents, blocks)


def accounts_in(chain: Chain[Any]) -> dict[Address, Account]:
    """Every account of a chain's state (packed layout), read from values and preimages alone."""
    found: dict[Address, dict[int, Value]] = {}
    with chain.database.reader() as reader:
        for stem, place in reader.items(PREIMAGES):
            content = reader.get(LEAVES, stem)
            if content is not None:
                first = int.from_bytes(place[20:], "big") * VERKLE_NODE_WIDTH
                leaves = found.setdefault(Address(place[:20]), {})
                leaves.update({first + suffix: value for suffix, value in decode_values(content).items()})
        codes = dict(reader.items(CODE)) | {EMPTY_CODE_HASH: b""}
    return {address: _account(leaves, codes) for address, leaves in found.items()}


def _account(leaves: dict[int, Value], codes: dict[bytes, bytes]) -> Account:
    data = BasicData.unpack(leaves.get(BASIC_DATA_LEAF_KEY, Value(bytes(32))))
    offset = VERKLE.main_storage_offset
    storage = {}
    for position, value in leaves.items():
        if position >= offset or HEADER_STORAGE_OFFSET <= position < CODE_OFFSET:
            slot = position - (offset if position >= offset else HEADER_STORAGE_OFFSET)
            storage[Uint256(slot)] = Uint256(int.from_bytes(value, "big"))
    code = codes[leaves.get(CODE_HASH_LEAF_KEY, EMPTY_CODE_HASH)]
    return Account(data.balance, Uint64(data.nonce), code, storage)
