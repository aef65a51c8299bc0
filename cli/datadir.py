"""--datadir: the directory of a chain's database, opened for one command.

DIR/data.mdb        the database (builder.database)
DIR/genesis.json    the genesis that it began with: what `chain replay` and `witness compare` begin with again
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files
from cli.parameters import PATH, Decorator
from spec.containers import Genesis
from spec.errors import DecodeError
from verkle.engine import Engine, ReferenceEngine

if TYPE_CHECKING:
    from builder.chain import Chain

GENESIS_FILE: Final = "genesis.json"
VARIABLE: Final = "VERKLE_DATADIR"

datadir_option: Final[Decorator] = click.option(
    "--datadir",
    type=PATH,
    metavar="DIR",
    required=True,
    envvar=VARIABLE,
    show_envvar=True,
    help="Directory of the chain's database.",
)
genesis_option: Final[Decorator] = click.option(
    "--genesis", "genesis_path", type=PATH, help=f"The chain's genesis, where DIR/{GENESIS_FILE} is not there."
)


@contextmanager
def opened(directory: Path, engine: Engine[Any] | None = None, *, write: bool = False) -> "Iterator[Chain[Any]]":
    """The chain in a directory. `engine`: None for commands that compute nothing.

    Raises: DecodeError where there is none, or it is damaged; DatabaseUnavailable where another process writes to it,
    or it cannot be read.
    """
    from builder.chain import Chain  # noqa: PLC0415  (loads the machine and LMDB)
    from builder.database import Database  # noqa: PLC0415

    database = Database(directory, write=write)
    try:
        yield Chain(database, ReferenceEngine() if engine is None else engine)
    finally:
        database.close()


def block_range(head: int, first: int, last: int | None) -> int:
    """The last block of --from and --to; the head where it is not given. Raises: click.UsageError."""
    if not head:
        raise click.UsageError("the chain has no block yet but its genesis")
    found = head if last is None else last
    if not first <= found <= head:
        raise click.UsageError(f"there are blocks 1 to {head}, not {first} to {found}")
    return found


def genesis_of(chain: "Chain[Any]", given: Path | None) -> Genesis:
    """The genesis of a chain: the file that is given, or the copy beside the database. Raises: DecodeError."""
    path = chain.database.directory / GENESIS_FILE if given is None else given
    if given is None and not path.exists():
        raise DecodeError(
            f"there is no {GENESIS_FILE}, which the chain began with; --genesis names one",
            click.format_filename(chain.database.directory),
        )
    return files.read_genesis(path, chain.profile)
