"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from spec.codec.text import fixed
from spec.errors import DecodeError
from spec.params import PROFILES, VERKLE
from spec.types import FixedBytes, StateRoot

F = TypeVar("F", bound=FixedBytes)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH: Final = click.Path(path_type=Path)
"""Existence is checked when the file is opened: once, and with the same words everywhere."""

_read_root: Final = fixed(StateRoot)


def hex_option(name: str, kind: type[F], text: str, *, multiple: bool = False) -> Decorator:
    """An option of 0x and exactly as many hex digits as the type has."""
    read = fixed(kind)

    def convert(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if multiple:
                return tuple(read(one) for one in value)
            return None if value is None else read(value)
        except DecodeError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return click.option(name, callback=convert, metavar="HEX", help=text, multiple=multiple)


def root_option(name: str, text: str, *, required: bool = False) -> Decorator:
    """An option of a state root: 32 bytes that encode a group element, since nothing else can be trusted as a root."""

    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        from verkle import curve  # noqa: PLC0415  (loaded where a root is given)

        try:
            root = None if value is None else _read_root(value)
            curve.decode([] if root is None else [root])
        except DecodeError as error:
            raise click.BadParameter(error.message, ctx, param) from None
        return root

    return click.option(name, callback=check, metavar="HEX", help=text, required=required)


profile_option: Final[Decorator] = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default=VERKLE.name,
    show_default=True,
    callback=lambda _ctx, _param, name: PROFILES[name],
    help="Rules of the network that the data comes from.",
)
json_option: Final[Decorator] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, one object a line, instead of text."
)
force_option: Final[Decorator] = click.option("--force", is_flag=True, help="Overwrite files that exist.")
chain_id_option: Final[Decorator] = click.option(
    "--chain-id",
    type=click.IntRange(0, 2**64 - 1),
    metavar="N",
    help="What transactions are signed for; else the genesis tells, else the profile.",
)
