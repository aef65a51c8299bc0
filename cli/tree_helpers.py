"""`verkle verkle`: keys and roots of accounts' trees, as go-ethereum's `evm verkle` prints them for test fillers."""

from typing import Any, Final

import click

from cli import output
from cli.engines import EngineChoice, engine_option
from cli.t8n import Inputs, input_option
from spec.codec.text import fixed, hex_bytes, to_hex
from spec.codec.transition_json import encode_leaves, read_number
from spec.errors import DecodeError
from spec.params import CODE_CHUNK_BYTES, VERKLE
from spec.types import Address, Uint256

LAST_CHUNK: Final = 2**24 // CODE_CHUNK_BYTES
"""Code sizes have three bytes in the tree. Source: EIP-6800, "Header values"."""


def _address(ctx: click.Context, param: click.Parameter, text: str) -> Address:
    try:
        return fixed(Address)(text)
    except DecodeError as error:
        raise click.BadParameter(error.message, ctx, param) from None


def _number(ctx: click.Context, param: click.Parameter, text: str | None) -> Uint256 | None:
    try:
        return None if text is None else Uint256(read_number(text))
    except DecodeError as error:
        raise click.BadParameter(error.message, ctx, param) from None


@click.group()
def verkle() -> None:
    """Keys and roots of the trees of plain accounts, as `evm verkle` of go-ethereum's Verkle branch prints them.

    Test fillers ask for them. The layout is the packed one, of devnet 7 and of our own profile.
    """


@verkle.command("tree-keys")
@input_option("alloc", "alloc.json", "The accounts.")
@engine_option
def tree_keys(input_alloc: str, engine: EngineChoice) -> None:
    """Print the leaves of the tree of accounts: a JSON object of values by tree key."""
    from builder.transition_state import leaves_of  # noqa: PLC0415  (loads the machine)

    accounts = Inputs({"alloc": input_alloc}).accounts()
    output.json_line(encode_leaves(leaves_of(VERKLE, engine.make(quiet=True), accounts)))


@verkle.command("state-root")
@input_option("alloc", "alloc.json", "The accounts.")
@engine_option
def tree_root(input_alloc: str, engine: EngineChoice) -> None:
    """Print the root of the tree of accounts."""
    from builder.transition_state import leaves_of  # noqa: PLC0415  (loads the machine)
    from verkle.tree import Tree  # noqa: PLC0415

    computing = engine.make(quiet=True)
    leaves = leaves_of(VERKLE, computing, Inputs({"alloc": input_alloc}).accounts())
    click.echo(to_hex(Tree.empty(computing).update(leaves).state_root()))


@verkle.command("single-key")
@click.argument("address", callback=_address)
@click.argument("slot", required=False, callback=_number)
@engine_option
def single_key(address: Address, slot: int | None, engine: EngineChoice) -> None:
    """Print the tree key of an account's basic data, or of one of its storage slots."""
    from verkle.embedding import Location, storage_location  # noqa: PLC0415

    location = Location(0, 0) if slot is None else storage_location(VERKLE, slot)
    click.echo(to_hex(_key(engine, address, location)))


@verkle.command("code-chunk-key")
@click.argument("address", callback=_address)
@click.argument("chunk", callback=_number)
@engine_option
def code_chunk_key(address: Address, chunk: int, engine: EngineChoice) -> None:
    """Print the tree key of a chunk of an account's code."""
    from verkle.embedding import chunk_location  # noqa: PLC0415

    if chunk > LAST_CHUNK:
        raise click.BadParameter(f"at most {LAST_CHUNK}: no code is that long", param_hint="'CHUNK'")
    click.echo(to_hex(_key(engine, address, chunk_location(chunk))))


@verkle.command("chunkify-code")
@click.argument("code")
def chunkify(code: str) -> None:
    """Print the chunks of code, one after the other."""
    from verkle.embedding import chunkify_code  # noqa: PLC0415

    try:
        chunks = chunkify_code(hex_bytes(code))
    except DecodeError as error:
        raise click.BadParameter(error.message, param_hint="'CODE'") from None
    click.echo(to_hex(b"".join(chunks)))


def _key(engine: EngineChoice, address: Address, location: Any) -> bytes:
    from verkle.embedding import tree_keys as keys_of  # noqa: PLC0415

    (key,) = keys_of(engine.make(quiet=True), VERKLE, [(address, location)])
    return key
