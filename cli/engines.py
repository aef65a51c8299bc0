"""Which engine a command computes with, and what is said about the choice. The only door to `accel`.

Everything is looked up when a command runs, so that help stays quick; without `accel` there is plain Python.
"""

import functools
import gc
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from cli import output
from spec.errors import EngineUnavailable
from verkle.engine import Engine, ReferenceEngine

NAMES: Final = ("auto", "numba-ifma", "numba", "python")
"""As `accel.select` has them."""
VARIABLE: Final = "VERKLE_ENGINE"
MIB: Final = 1 << 20
MOST_THREADS: Final = 256
LEAST_MEMORY: Final = 16
"""MiB: what the small table takes, and a little more."""


OPTIMIZATION: Final = ("NUMBA_OPT", "1")
"""How much LLVM is to optimise: Numba asks the environment when it is imported. The kernels say themselves what is
unrolled, inlined and run in lanes: with more than this they take a quarter longer to compile, and run no faster."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What was asked for. Can be sent to another process, which then makes its own engine."""

    name: str = "auto"
    memory: int | None = None
    """Ceiling of the tables in MiB; None leaves it to the engine."""
    threads: int = 1
    """That compiled engines share long work out to."""

    def make(self, *, quiet: bool = False) -> Engine[Any]:
        """The engine. Unless `quiet`, remarks go to standard error, in one line each.

        Raises: EngineUnavailable where the one asked for by name cannot run.
        """
        os.environ.setdefault(*OPTIMIZATION)
        try:
            selection = importlib.import_module("accel.select")
        except ModuleNotFoundError as error:
            if error.name not in ("accel", "accel.select"):
                raise
            return self._without_accel(quiet=quiet)
        memory = None if self.memory is None else self.memory * MIB
        with _nothing_collected():
            chosen = selection.select(self.name, memory, (lambda _: None) if quiet else _say_compiling, self.threads)
        engine: Engine[Any] = chosen.engine
        if chosen.remarks and not quiet:
            output.note(f"computing with engine {engine.name} ({'; '.join(chosen.remarks)})")
        return engine

    def _without_accel(self, *, quiet: bool) -> Engine[Any]:
        if self.name not in ("auto", ReferenceEngine.name):
            raise EngineUnavailable(f"{self.name}: this installation has no compiled engines")
        if self.name == "auto" and not quiet:
            output.note("computing with engine python (this installation has no compiled engines)")
        return ReferenceEngine()


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """What is loaded here stays: no garbage collector looks at it now, or later."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _say_compiling(directory: Path | None) -> None:
    where = "in no directory: VERKLE_CACHE_DIR names one to write to" if directory is None else f"in {directory}"
    output.note(f"compiling kernels, which takes some 20 seconds and is done once; they are kept {where}")


def engine_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--engine NAME and --threads N, passed on as one `engine`, an `EngineChoice`."""

    @functools.wraps(command)
    def chosen(*arguments: Any, engine: str, threads: int, **more: Any) -> Any:
        return command(*arguments, engine=EngineChoice(engine, threads=threads), **more)

    named = click.option(
        "--engine",
        type=click.Choice(NAMES),
        default=NAMES[0],
        envvar=VARIABLE,
        show_default=True,
        show_envvar=True,
        help="What computes; auto takes the fastest that runs here.",
    )
    shared = click.option(
        "--threads",
        type=click.IntRange(1, MOST_THREADS),
        default=1,
        metavar="N",
        show_default=True,
        help="Threads that long computations are shared out to, where the engine is a compiled one.",
    )
    return named(shared(chosen))


def bounded_engine_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`engine_option` and --table-memory MIB, passed on as one `engine`."""

    @functools.wraps(command)
    def bounded(*arguments: Any, engine: EngineChoice, table_memory: int | None, **more: Any) -> Any:
        return command(*arguments, engine=replace(engine, memory=table_memory), **more)

    memory = click.option(
        "--table-memory",
        type=click.IntRange(LEAST_MEMORY),
        metavar="MIB",
        help="Most memory that tables of multiples may take (13 MiB, or 114 MiB with the large table).",
    )
    return memory(engine_option(bounded))
