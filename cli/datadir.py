"""--datadir: the directory of a chain's database, opened for one command.

DIR/data.mdb        the database (builder.database)
DIR/genesis.json    the genesis that it began with: what `chain replay` and `witness compare` begin with again
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files, output
from cli.parameters import PATH, Decorator
from spec.codec.text import fixed, whole_number
from spec.containers import Genesis
from spec.errors import DecodeError, Reason, Rejection
from spec.types import Hash32, Uint64
from verkle.engine import Engine, ReferenceEngine

if TYPE_CHECKING:
    from builder.chain import Chain
    from builder.database import Reader

GENESIS_FILE: Final = "genesis.json"
VARIABLE: Final = "VERKLE_DATADIR"
HASH_CHARACTERS: Final = 66
"""0x and 64 hex digits: longer than any number of a block."""

OWN_FILES: Final = ("data.mdb", "lock.mdb", "writer.lock", GENESIS_FILE)
"""As `builder.files` has them: never an output of a command."""


def _directory(ctx: click.Context, param: click.Parameter, name: str) -> Path:
    """A directory, there or not. The empty name of a shell's unset variable would be the one that somebody is in."""
    if not name:
        raise click.BadParameter("the name is empty; . is the directory that you are in", ctx, param)
    path = Path(name)
    if path.exists() and not path.is_dir():
        raise click.BadParameter(f"{click.format_filename(path)} is not a directory", ctx, param)
    return path


datadir_option: Final[Decorator] = click.option(
    "--datadir",
    callback=_directory,
    metavar="DIR",
    required=True,
    envvar=VARIABLE,
    show_envvar=True,
    help="Directory of the chain's database.",
)
genesis_option: Final[Decorator] = click.option(
    "--genesis", "genesis_path", type=PATH, help=f"The chain's genesis, where DIR/{GENESIS_FILE} is not there."
)


def _block(ctx: click.Context, param: click.Parameter, text: str | None) -> Uint64 | Hash32 | None:
    if text is None:
        return None
    try:
        return fixed(Hash32)(text) if len(text) == HASH_CHARACTERS else Uint64(whole_number(text))
    except DecodeError as error:
        raise click.BadParameter(f"neither a block's number nor its hash: {error}", ctx, param) from None


block_option: Final[Decorator] = click.option(
    "--block", callback=_block, metavar="NUMBER|HASH", help="An earlier block than the head, that is retained."
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


def refuse_own_files(directory: Path, *outputs: Path | None) -> None:
    """Raise a usage error where an output would take the place of a file of the database, --force or not."""
    for out in outputs:
        if out is not None and out.name in OWN_FILES and out.parent.resolve() == directory.resolve():
            raise click.UsageError(f"{click.format_filename(out)} belongs to the database")


def reader_at(chain: "Chain[Any]", reader: "Reader", block: Uint64 | Hash32 | None) -> "Reader":
    """The database as it was when a block was the head; None: as it is.

    Raises: click.UsageError where there is no such block, or it is not retained; DecodeError.
    """
    if block is None:
        return reader
    head = chain.head(reader).number
    found = block if isinstance(block, Hash32) else chain.hash_at(reader, block)
    shown = f"0x{block.hex()}" if isinstance(block, Hash32) else str(block)
    try:
        if found is not None:
            return chain.at(reader, found)
    except Rejection as rejection:
        if rejection.reason is Reason.BLOCK_NOT_RETAINED:
            raise click.UsageError(
                f"block {shown} is too old: the head is block {head}, and "
                f"{output.count(chain.retained, 'block')} can be taken off at most"
            ) from None
    raise click.UsageError(f"there is no block {shown} in the chain; the head is block {head}")


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
