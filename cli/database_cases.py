"""What `verkle bench` measures of a state on disk, by how many accounts it has (`cli.synthetic`).

| case | inside the timer |
|---|---|
| database-genesis-N | from accounts to a database, whole and on the disk: processes started, as `verkle init` does |
| database-open-N | opening it, and reading the header of its head |
| database-build-N | a block of 30 million gas on it: chosen, executed, proved, sealed, and verified by ourselves |
| database-import-N | that block executed and put on it, durable, without making its witness again |
| database-verify-N | that block verified without state, by a verifier that knows no stems yet |

The same block every time: what was imported is taken off again, untimed. Reading the disk is not in the figures: what
was just made is still in the system's memory.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.build import Attributes, Built, build_block
from builder.chain import Chain
from builder.database import Database
from builder.stored_tree import StoredLeaves
from cli import synthetic
from cli.cases import Inputs, Work
from cli.engines import EngineChoice
from cli.making import running
from spec.containers import Header
from spec.params import VERKLE
from stateless.header import Parent
from stateless.transition import Signed
from stateless.tree_view import TreeKeys, TreeView
from stateless.verify import verify_block
from verkle.engine import Engine


@dataclass(slots=True)
class _Kept:
    """The state that several cases share: the last one asked for."""

    engine: Engine[Any]
    accounts: int
    directory: tempfile.TemporaryDirectory[str]
    chain: Chain[Any]
    listed: list[Signed]
    parent: Header
    built: Built


_kept: list[_Kept] = []


def make(engine: Engine[Any], made: synthetic.State, directory: Path) -> None:
    """The database of a state."""
    with running(engine, EngineChoice(engine.name), None, len(made.genesis.alloc)) as run:
        Chain.create(directory, made.genesis, VERKLE, engine, run=run).close()


def _keep(inputs: Inputs, accounts: int) -> _Kept:
    if _kept and (_kept[0].engine is not inputs.engine or _kept[0].accounts != accounts):
        old = _kept.pop()
        old.chain.close()
        old.directory.cleanup()
    if not _kept:
        made, directory = synthetic.state(accounts), tempfile.TemporaryDirectory()
        make(inputs.engine, made, Path(directory.name) / "db")
        chain = Chain(Database(Path(directory.name) / "db", write=True), inputs.engine)
        with chain.database.reader() as reader:
            listed = synthetic.transactions(made, TreeView(StoredLeaves(reader), chain.keys).nonce)
        parent = chain.head()
        built = build_block(chain, listed, Attributes())
        _kept.append(_Kept(inputs.engine, accounts, directory, chain, listed, parent, built))
    return _kept[0]


def genesis(inputs: Inputs, count: int) -> Work:
    """Accounts to a database."""
    made, directory = synthetic.state(count), tempfile.TemporaryDirectory()
    runs = 0

    def ready() -> None:
        nonlocal runs
        (Path(directory.name) / f"{runs}" / "data.mdb").unlink(missing_ok=True)
        runs += 1

    def run() -> None:
        make(inputs.engine, made, Path(directory.name) / f"{runs}")

    about = f"{count:,} accounts, {len(made.contracts):,} of them contracts with code and slots"
    return Work(run, about, ready, (count, "accounts"))


def reopen(inputs: Inputs, count: int) -> Work:
    """Open the database, read its head."""
    kept = _keep(inputs, count)
    kept.chain.close()
    directory = Path(kept.directory.name) / "db"

    def run() -> None:
        kept.chain = Chain(Database(directory, write=True), inputs.engine)
        kept.chain.head()
        kept.chain.close()

    def ready() -> None:
        kept.chain.close()

    return Work(run, f"a state of {count:,} accounts", ready)


def _about(kept: _Kept) -> tuple[str, tuple[float, str]]:
    gas, number = kept.built.header.gas_used, len(kept.built.transactions)
    return f"{number:,} transactions on a state of {kept.accounts:,} accounts", (gas / 1e6, "Mgas")


def _opened(kept: _Kept) -> Chain[Any]:
    """The chain, whether or not another case has closed it, with the block not on it."""
    kept.chain.close()
    kept.chain = Chain(Database(Path(kept.directory.name) / "db", write=True), kept.engine)
    kept.chain.rewind(kept.built.header.parent_hash)
    return kept.chain


def build(inputs: Inputs, count: int) -> Work:
    """Build the block."""
    kept = _keep(inputs, count)
    chain = _opened(kept)
    return Work(lambda: build_block(chain, kept.listed, Attributes()), _about(kept)[0], amount=_about(kept)[1])


def import_block(inputs: Inputs, count: int) -> Work:
    """Execute the block on the state, and put it there."""
    kept = _keep(inputs, count)
    chain = _opened(kept)

    def ready() -> None:
        chain.rewind(kept.built.header.parent_hash)

    def run() -> None:
        chain.import_block(kept.built.request, proves=False)

    return Work(run, _about(kept)[0], ready, _about(kept)[1])


def verify(inputs: Inputs, count: int) -> Work:
    """Verify the block without state."""
    kept = _keep(inputs, count)

    def run() -> None:
        parent, keys = Parent.of_header(kept.parent), TreeKeys(inputs.engine, VERKLE)
        verify_block(inputs.engine, VERKLE, kept.built.request, parent, chain_id=synthetic.CHAIN_ID, keys=keys)

    return Work(run, _about(kept)[0], amount=_about(kept)[1])
