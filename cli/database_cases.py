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

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

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

Peaks = dict[str, int]
"""Most bytes of memory that processes ever had, by who they are."""


class StateOnDisk:
    """The database of a synthetic state in a temporary directory, and a block of its transactions.

    The block is built once, and not on the chain to begin with.
    """

    def __init__(self, engine: Engine[Any], choice: EngineChoice, accounts: int) -> None:
        """Make all of it: for a million accounts that is a minute, and a gigabyte."""
        self.accounts: Final = accounts
        self._engine: Final = engine
        self._chain: Chain[Any] | None = None
        with ExitStack() as making:
            self.directory: Final = Path(making.enter_context(tempfile.TemporaryDirectory())) / "db"
            making.callback(self.shut)
            state = synthetic.state(accounts)
            make_database(engine, choice, state, self.directory)
            chain = self.chain()
            self.parent: Final[Header] = chain.head()
            with chain.database.reader() as reader:
                nonces = TreeView(StoredLeaves(reader), chain.keys).nonce
                self.transactions: Final[list[Signed]] = synthetic.transactions(state, nonces)
            self.built: Final[Built] = build_block(chain, self.transactions, Attributes())
            self._held: Final = making.pop_all()

    def chain(self) -> Chain[Any]:
        """The chain; its database is opened where it is not open."""
        if self._chain is None:
            self._chain = Chain(Database(self.directory, write=True), self._engine)
        return self._chain

    def shut(self) -> None:
        """Close the database; it stays on the disk."""
        if self._chain is not None:
            self._chain.close()
            self._chain = None

    def build(self) -> Built:
        """Build the block again."""
        return build_block(self.chain(), self.transactions, Attributes())

    def put_on(self) -> None:
        """Import the block."""
        self.chain().import_block(self.built.request, proves=False)

    def take_off(self) -> None:
        """Take the block off, where it was imported."""
        self.chain().rewind(self.built.header.parent_hash)

    def verify(self) -> None:
        """Verify the block from its witness and the header before it. Raises: Rejection."""
        keys = TreeKeys(self._engine, VERKLE)
        parent = Parent.of_header(self.parent)
        verify_block(self._engine, VERKLE, self.built.request, parent, chain_id=synthetic.CHAIN_ID, keys=keys)

    def close(self) -> None:
        """Remove it."""
        self._held.close()


def make_database(engine: Engine[Any], choice: EngineChoice, state: synthetic.State, directory: Path) -> Peaks:
    """Make the database of a state, as `verkle init` does; the memory that this process and its helpers ever had."""
    with running(engine, choice, None, len(state.genesis.alloc)) as run:
        Chain.create(directory, state.genesis, VERKLE, engine, run=run).close()
        helpers = [_peak(helper.pid) for helper in multiprocessing.active_children() if helper.pid is not None]
    return {"this process": _peak(os.getpid()), f"the largest of {len(helpers)} helpers": max(helpers, default=0)}


def _peak(process: int) -> int:
    """Most bytes of memory that a process ever had; 0 where the system does not say.

    Not `getrusage`, which counts what a new process had before it was a program of its own: its parent's memory.
    Source: Linux, proc(5), VmHWM.
    """
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(found[0]) if found else 0


def on_disk(inputs: Inputs, accounts: int) -> StateOnDisk:
    """The state of so many accounts, which cases one after the other share."""
    return inputs.kept(StateOnDisk, accounts, lambda: StateOnDisk(inputs.engine, inputs.choice, accounts))


def genesis(inputs: Inputs, count: int) -> Work:
    """Accounts to a database. The one of the run before is removed first."""
    state, place = synthetic.state(count), tempfile.TemporaryDirectory()
    directory = Path(place.name) / "db"
    peaks: Peaks = {}

    def ready() -> None:
        if directory.exists():
            shutil.rmtree(directory)

    def run() -> None:
        peaks.update(make_database(inputs.engine, inputs.choice, state, directory))

    def memory() -> str:
        said = [f"{most / 2**20:,.0f} MiB in {who}" for who, most in peaks.items() if most]
        return f"most memory since the start: {', '.join(said)}" if said else ""

    about = f"{count:,} accounts, {len(state.contracts):,} of them contracts with code and slots"
    return Work(run, about, ready, (count, "accounts"), noticed=memory, close=place.cleanup)


def reopen(inputs: Inputs, count: int) -> Work:
    """Open the database, read its head."""
    state = on_disk(inputs, count)
    return Work(lambda: state.chain().head(), f"a state of {count:,} accounts", state.shut)


def build(inputs: Inputs, count: int) -> Work:
    """Build the block."""
    state = on_disk(inputs, count)
    return _of_block(state, state.build)


def import_block(inputs: Inputs, count: int) -> Work:
    """Execute the block on the state, and put it there."""
    state = on_disk(inputs, count)
    return _of_block(state, state.put_on)


def verify(inputs: Inputs, count: int) -> Work:
    """Verify the block without state."""
    state = on_disk(inputs, count)
    return _of_block(state, state.verify)


def _of_block(state: StateOnDisk, run: Callable[[], object]) -> Work:
    number, gas = len(state.built.transactions), state.built.header.gas_used
    about = f"{number:,} transactions on a state of {state.accounts:,} accounts"
    return Work(run, about, state.take_off, (gas / 1e6, "Mgas"))


VERBS: Final = {"genesis": genesis, "open": reopen, "build": build, "import": import_block, "verify": verify}
"""The cases, by the middle of their names."""
