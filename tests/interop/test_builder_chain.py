"""A real chain put on its genesis, block by block, on a state on disk: what we would have built is what was built.

Every block is executed on the whole state, and the witness that we make of it is compared with the real one: state
diff and Verkle proof are equal byte for byte. State root, receipts root, logs bloom and gas are the header's.
"""

import io
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builder.chain import Chain
from builder.database import LEAVES, PREIMAGES, TABLES, Database
from builder.dump import export, import_
from builder.maintenance import check
from builder.records import decode_values
from spec.codec import rlp, ssz
from spec.containers import ExecutionPayload, ExecutionWitness, NewPayloadRequest
from spec.params import KAUSTINEN6
from spec.types import Address, Hash32, TreeKey
from stateless.tries import ordered_root
from tests.builder.chains import contents
from tests.interop.real_blocks import chain_lines, history_header, is_empty, read_payload
from tests.interop.test_kaustinen6_chain import genesis_of
from verkle.engine import Engine

SEED = 4762
FIRST = 60
"""Blocks that plain Python puts on, where a compiled engine takes all."""
PROVED = 2
"""Of these, so many with transactions and so many without have their witness made, besides block 1."""
BACK = 64
"""Blocks that are taken off again at the end."""


@dataclass(frozen=True)
class Replayed:
    """A chain in a database, and the blocks that are on it."""

    chain: Chain[Any]
    payloads: tuple[ExecutionPayload, ...]
    proved: tuple[int, ...]
    written: dict[int, set[bytes]]
    """The keys of leaves that differ after block 1."""


@pytest.fixture(scope="module")
def replayed(vectors: Path, engine: Engine[Any], in_full: bool, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """kaustinen6/genesis.json and blocks-*.jsonl.gz: every block is imported, and made again while it is."""
    directory = tmp_path_factory.mktemp("kaustinen6") / "db"
    chain = Chain.create(directory, genesis_of(vectors), KAUSTINEN6, engine)
    payloads = [payload for _, payload in map(read_payload, chain_lines(vectors)) if not is_empty(payload)]
    rng = random.Random(SEED)
    if not in_full:
        payloads = payloads[:FIRST]
    proved = [payload.block_number for payload in payloads]
    if not in_full:
        busy = {payload.block_number for payload in payloads if payload.transactions}
        assert len(busy) >= PROVED
        idle = sorted({*proved[1:]} - busy)
        proved = sorted({proved[0], *rng.sample(sorted(busy), PROVED), *rng.sample(idle, PROVED)})
    written: dict[int, set[bytes]] = {}
    for payload in payloads:
        number, stated = payload.block_number, payload.execution_witness
        assert stated is not None
        before = contents(chain.database, [LEAVES])[LEAVES] if number == 1 else {}
        imported = chain.import_block(NewPayloadRequest(payload), proves=number in proved)
        outcome, made = imported.finished.outcome, imported.finished.witness
        assert outcome.gas_used == payload.gas_used, number
        assert ordered_root(receipt.encode() for receipt in outcome.receipts) == payload.receipts_root, number
        assert outcome.logs_bloom == payload.logs_bloom, number
        assert imported.finished.state_root == chain.head().state_root == payload.state_root, number
        assert rlp.block_hash(chain.head()) == payload.block_hash, number
        if number in proved:
            assert made is not None, number
            assert as_bytes(made) == as_bytes(stated), number
        if number == 1:
            after = contents(chain.database, [LEAVES])[LEAVES]
            written[1] = {key for stem, content in after.items() for key in changed_keys(stem, before, content)}
    assert len(payloads) == (665 if in_full else FIRST)
    return Replayed(chain, tuple(payloads), tuple(proved), written)


def as_bytes(witness: ExecutionWitness) -> bytes:
    """State diff and proof. (The real ones may say the parent's root beside them, or not.)"""
    return ssz.encode_witness(replace(witness, parent_state_root=None), markers=False)


def changed_keys(stem: bytes, before: dict[bytes, bytes], content: bytes) -> list[bytes]:
    old = decode_values(before[stem]) if stem in before else {}
    return [TreeKey.at(stem, suffix) for suffix, value in decode_values(content).items() if old.get(suffix) != value]


def test_every_block_is_as_we_would_have_built_it(replayed: Replayed) -> None:
    """The fixture has compared them; here is what it went over."""
    transactions = sum(len(payload.transactions) for payload in replayed.payloads)
    print(f"{len(replayed.payloads)} blocks, {len(replayed.proved)} witnesses, {transactions} transactions")
    assert replayed.proved[0] == 1
    assert len(replayed.proved) > 2 * PROVED
    assert transactions
    assert replayed.chain.head().number == replayed.payloads[-1].block_number


def test_block_1_writes_beside_its_witness(replayed: Replayed, engine: Engine[Any]) -> None:
    """Four leaves of the history account's header, which the real witness leaves out too (spec/gas.md, "Devnet 6")."""
    witness = replayed.payloads[0].execution_witness
    assert witness is not None
    stated = {key for key, diff in witness.locations() if diff.new_value is not None}
    beside = replayed.written[1] - {bytes(key) for key in stated}
    assert beside == {bytes(key) for key in history_header(engine, KAUSTINEN6)}
    assert len(beside) == 4


def test_the_database_is_sound(replayed: Replayed, engine: Engine[Any], tmp_path: Path) -> None:
    """Every record; and a dump comes back as the same database."""
    file = io.BytesIO()
    dumped = export(replayed.chain.database, file)
    wanted = contents(replayed.chain.database)
    file.seek(0)
    assert import_(tmp_path / "db", file, engine) == dumped
    inspection = check(tmp_path / "db", engine)
    assert inspection.sound, inspection
    with Database(tmp_path / "db", write=False) as database:
        assert contents(database) == wanted


def test_stems_are_known_by_address(replayed: Replayed) -> None:
    """Every stem of the state has its preimage; the accounts of the genesis and of senders are among them."""
    tables = contents(replayed.chain.database, [LEAVES, PREIMAGES])
    assert set(tables[LEAVES]) == set(tables[PREIMAGES])
    addresses = {Address(content[:20]) for content in tables[PREIMAGES].values()}
    assert {payload.fee_recipient for payload in replayed.payloads if payload.transactions} <= addresses


def test_off_and_on_again(replayed: Replayed) -> None:
    """The last blocks taken off and put on again: every table is byte for byte as it was."""
    chain, payloads = replayed.chain, replayed.payloads[-BACK:]
    before = contents(chain.database)
    back = min(BACK, len(replayed.payloads))
    assert chain.rewind(Hash32(payloads[0].parent_hash)) == back
    for payload in payloads:
        chain.import_block(NewPayloadRequest(payload), proves=False)
    after = contents(chain.database)
    for table in TABLES:
        assert after[table] == before[table], table
