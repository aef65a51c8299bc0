"""The command `verkle`: its map of commands, and the one place where failures become lines and exit codes.

Commands are loaded when they are called, by name, so `verkle --help` imports none of them.

| what happened | exit code |
|---|---|
| done, valid | 0 |
| `Rejection`, or a command that found something invalid | 1 |
| wrong usage, `DecodeError` (an input that cannot be read is one too) | 2 |
| `EngineUnavailable`, any other failure of the system (output that cannot be written) | 3 |
| interrupted (Ctrl-C) | 130 |
| the reader of our output has gone (`| head`), silently | 141 |
"""

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import click

from cli.collecting import collect_seldom
from cli.failure import Failed
from spec.errors import DecodeError, EngineUnavailable, Rejection, UnknownNode

PROGRAM: Final = "verkle"
DISTRIBUTION: Final = "stateless-verkle"


class ExitCode(IntEnum):
    """What the process tells its caller. The last two are what a shell makes of SIGINT and SIGPIPE."""

    VALID = 0
    REJECTED = 1
    BAD_INPUT = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


COMMANDS: Final = {
    "block": ("cli.block", "Verify blocks from their execution witnesses, without state; build and import them."),
    "init": ("cli.init", "Make a database with the state of a genesis."),
    "chain": ("cli.chain_commands", "Look into a chain's database, export its blocks, execute them again."),
    "account": ("cli.account", "Show an account of a chain's database, with a proof."),
    "tx": ("cli.tx", "Decode and sign transactions."),
    "db": ("cli.db", "Check a chain's database, measure it, write it to a file and read it back."),
    "genesis": ("cli.genesis", "Compute the state root of a genesis.json."),
    "witness": (
        "cli.witness",
        "Look into execution witnesses, convert them, weigh them beside Merkle proofs.",
    ),
    "tree": ("cli.tree", "Prove single keys of a Verkle tree, and verify such proofs."),
    "statetest": ("cli.statetest", "Run the general state tests of mainnet's forks."),
    "t8n": ("cli.t8n", "Execute a block of given transactions over a given state, for test fillers."),
    "verkle": ("cli.tree_helpers", "Print keys and roots of trees of accounts, for test fillers."),
    "warmup": ("cli.warmup", "Compile the engine's kernels now, so that no later command has to."),
    "bench": ("cli.bench", "Measure verification, proofs and trees on this machine."),
    "demo": ("cli.demo", "See a builder and a stateless client at work, from genesis to a tampered block."),
}
"""Module and one line of help by command; the module holds the command under the same name."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and that owns the exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (the signature is click's)
        """The commands in the order of the map."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the map without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> Any:
        """Run the command line `args` and leave the process with an exit code. Never raises anything else."""
        _complete(self)
        try:
            code = _run(self, list(sys.argv[1:] if args is None else args))
        except BrokenPipeError:
            _silence_output()
            code = ExitCode.BROKEN_PIPE
        except (KeyboardInterrupt, click.Abort):
            code = _say("interrupted", ExitCode.INTERRUPTED)
        except (click.ClickException, Rejection, DecodeError, UnknownNode, EngineUnavailable, OSError) as error:
            code = _say(f"error: {explain(error)}", exit_code(error))
        except MemoryError:
            code = _say("error: out of memory", ExitCode.ENVIRONMENT)
        except ImportError as error:
            code = _say(f"error: this installation is not complete: {error}", ExitCode.ENVIRONMENT)
        sys.exit(int(code))


def _run(group: click.Group, args: list[str]) -> int:
    if sys.stdout is None:  # as Python has it where the descriptor was closed: nothing is done whose result is lost
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        with group.make_context(PROGRAM, args) as context:
            group.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return ExitCode.VALID


def explain(error: Exception) -> str:
    """One line: what, where, which rule."""
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else PROGRAM
        line = f"{error.format_message()} (see '{path} --help')"
    elif isinstance(error, click.ClickException):
        line = error.format_message()
    elif isinstance(error, OSError) and error.strerror is None:
        line = str(error) or type(error).__name__.lower()
    elif isinstance(error, OSError):
        place = "output: " if error.filename is None else f"{click.format_filename(error.filename)}: "
        line = place + (error.strerror or type(error).__name__).lower()
    else:
        line = str(error)
    return " ".join(line.split())


def exit_code(error: Exception) -> ExitCode:
    """The family of a failure as an exit code."""
    if isinstance(error, Rejection | UnknownNode | Failed):
        return ExitCode.REJECTED
    if isinstance(error, EngineUnavailable | OSError):
        return ExitCode.ENVIRONMENT
    return ExitCode.BAD_INPUT


def _say(line: str, code: ExitCode) -> ExitCode:
    with contextlib.suppress(OSError):
        click.echo(line, err=True)
    return code


def _silence_output() -> None:
    """Let nothing more be written to a pipe that nobody reads, not even when the interpreter flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complete(group: click.Group) -> None:
    """Answer the shell where it asks for completions."""
    variable = f"_{PROGRAM.upper()}_COMPLETE"
    instruction = os.environ.get(variable)
    if instruction:
        from click.shell_completion import shell_complete  # noqa: PLC0415  (seldom needed)

        sys.exit(shell_complete(group, {}, PROGRAM, variable, instruction))


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        try:
            number = version(DISTRIBUTION)
        except PackageNotFoundError:
            number = "(not installed)"
        click.echo(f"{PROGRAM} {number}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 valid or done, 1 rejected, 2 wrong usage or unreadable input, 3 the environment failed.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@click.pass_context
def verkle(ctx: click.Context) -> None:
    """Verify Ethereum blocks without state, by Verkle proofs (EIP-6800).

    A block comes with an execution witness: the state that it touches, and a proof of it. Whoever holds the parent's
    state root, 32 bytes, can check the block with that alone.

    \b
      verkle demo                                           the whole story, on data made here
      verkle init GENESIS.json --datadir DIR                a database with the first state of a chain
      verkle block build --datadir DIR --txs FILE           blocks with witnesses, on its head
      verkle block verify BLOCKS.jsonl --parent-root 0x..   verify blocks from their witnesses
      verkle genesis root GENESIS.json                      the root that a chain starts from
      verkle witness show BLOCK.json                        what a block touches, and what it costs
      verkle tree prove VALUES.json --key 0x..              prove one key of a tree

    Results go to standard output (one JSON object a line with --json), everything else to standard error.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(ExitCode.BAD_INPUT)


def main() -> None:
    """The entry point of the installed command."""
    collect_seldom()
    verkle()


if __name__ == "__main__":
    main()
