"""Groups of which some subcommands are imported when they are called, so that help and the others stay quick."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazySubgroup(click.Group):
    """A group that knows subcommands by module, attribute and one line of help, beside those that are added to it."""

    def __init__(self, *arguments: Any, subcommands: Mapping[str, tuple[str, str, str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands: those that were added, then the others in the order given."""
        return [*super().list_commands(ctx), *self._subcommands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A subcommand; its module is imported where that was not done yet."""
        if cmd_name not in self._subcommands:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = self._subcommands[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the lines without importing anything."""
        added = [(name, command.get_short_help_str(limit=90)) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(added + [(name, line) for name, (_, _, line) in self._subcommands.items()])
