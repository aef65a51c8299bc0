"""Work on a whole state, side by side in processes where there is enough of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from cli.engines import EngineChoice
from cli.parameters import Decorator
from cli.pool import Pool
from verkle.engine import Engine

if TYPE_CHECKING:
    from builder.bulk import Job, Maker, Run

WORTH_IT: Final = 20_000
"""Accounts: for fewer, processes take longer to start than they save."""

making_jobs_option: Final[Decorator] = click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help=f"Processes to work in; else one a core where there are {WORTH_IT:,} accounts or more, and 1 for fewer.",
)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def running(engine: Engine[Any], choice: EngineChoice, jobs: int | None, accounts: int) -> "Iterator[Run]":
    """How the jobs of a whole state are done: here, or in processes that make the same engine for themselves."""
    from builder.bulk import Maker  # noqa: PLC0415  (loads LMDB)

    workers = (cores() if accounts >= WORTH_IT else 1) if jobs is None else jobs
    if workers == 1:
        yield Maker(engine).in_turn
        return
    pool: Pool[Job, Any] = Pool(workers, partial(_maker, replace(choice, name=engine.name)))
    try:
        yield pool.map
    finally:
        pool.close()


def _maker(choice: EngineChoice) -> "Maker | Callable[[Job], Any]":
    from builder.bulk import Maker  # noqa: PLC0415  (see running)

    return Maker(choice.make(quiet=True))
