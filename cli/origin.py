"""--parent, --parent-root and --genesis: what the first block builds on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files
from cli.parameters import PATH, root_option
from spec.types import StateRoot
from verkle.engine import Engine

if TYPE_CHECKING:
    from cli.chain import Rules
    from stateless.header import Parent

HEADER_SUFFIX: Final = ".rlp"
"""A header alone, as `verkle chain export --parent-header` writes it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What was given of the three; at most one may be."""

    parent_path: Path | None
    parent_root: StateRoot | None
    genesis_path: Path | None

    def require(self, *, optional: bool) -> None:
        """Exactly one, or at most one where the blocks themselves can tell. Raises: click.UsageError."""
        given = sum(origin is not None for origin in (self.parent_path, self.parent_root, self.genesis_path))
        if given > 1 or (not given and not optional):
            raise click.UsageError("give exactly one of --parent, --parent-root and --genesis")

    def parent(self, rules: "Rules", engine: Engine[Any]) -> tuple["Parent | None", "Rules"]:
        """The parent of the first block, if any is given; and the rules, with the chain id that a genesis tells.

        Raises: DecodeError; Rejection where the parent block's hash is not that of its header.
        """
        from stateless.header import Parent  # noqa: PLC0415  (loads rlp)

        if self.parent_root is not None:
            return Parent(self.parent_root), rules
        if self.parent_path is not None:
            return self._parent_in(self.parent_path, rules), rules
        if self.genesis_path is None:
            return None, rules
        from builder.genesis import genesis_header, genesis_tree  # noqa: PLC0415  (only this way needs it)

        genesis = files.read_genesis(self.genesis_path, rules.profile)
        header = genesis_header(genesis, genesis_tree(genesis, rules.profile, engine))
        chain_id = genesis.chain_id if rules.chain_id is None else rules.chain_id
        return Parent.of_header(header), replace(rules, chain_id=chain_id)

    @staticmethod
    def _parent_in(path: Path, rules: "Rules") -> "Parent":
        from cli.chain import trusted  # noqa: PLC0415  (loads the machine)

        name = click.format_filename(path)
        if path.suffix == HEADER_SUFFIX:
            from spec.codec import rlp  # noqa: PLC0415  (see parent)
            from stateless.header import Parent  # noqa: PLC0415

            data = files.read(path)
            with files.located(name):
                return Parent.of_header(rlp.decode_header(data))
        if files.is_stream(path):
            raise click.UsageError(f"--parent takes one block (.json or .ssz) or a header (.rlp), not {name}")
        (document,) = files.documents(path)
        return trusted(rules.execution(), document.request(rules.profile), document.place)


def origin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The three options, passed on as one `origin`."""

    @functools.wraps(command)
    def with_origin(
        *arguments: Any, parent_path: Path | None, parent_root: StateRoot | None, genesis_path: Path | None, **more: Any
    ) -> Any:
        return command(*arguments, origin=Origin(parent_path, parent_root, genesis_path), **more)

    options = (
        click.option(
            "--genesis", "genesis_path", type=PATH, help="genesis.json of the chain, where the first block is 1."
        ),
        root_option("--parent-root", "State root of the parent block, where nothing else of it is known."),
        click.option(
            "--parent", "parent_path", type=PATH, help="The parent block (.json or .ssz), or its header (.rlp)."
        ),
    )
    decorated: Callable[..., Any] = with_origin
    for option in options:
        decorated = option(decorated)
    return decorated
