"""Words on the screen: JSON lines, plain text, notes, and progress where somebody is watching."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from spec.codec import json_document

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID


def json_line(document: object) -> None:
    """One JSON object on a line of standard output."""
    click.echo(json_document.write(document))


def note(text: str) -> None:
    """A remark on standard error."""
    click.echo(f"note: {text}", err=True)


def hexed(data: bytes | None) -> str | None:
    """0x and digits, None for None."""
    return None if data is None else "0x" + data.hex()


def seconds(value: float) -> str:
    """A duration for people: 1.23 s, 45.6 ms, 7.8 us."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1000:.1f} ms" if value >= 0.001 else f"{value * 1_000_000:.1f} us"


def rounded(value: float) -> float:
    """A duration for JSON: microseconds suffice."""
    return round(value, 6)


def count(number: int, singular: str, plural: str = "") -> str:
    """1 block, 2 blocks."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def columns(rows: list[tuple[str, str]]) -> list[str]:
    """Name and text, the texts under each other."""
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in rows]


class Stopwatch:
    """Seconds by stage, in the order in which the stages end."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """The time since the last lap belongs to `stage`."""
        now = time.perf_counter()
        self.stages[stage] = now - self._last
        self._last = now


class Watcher:
    """A line of progress on standard error; nothing at all where that is not a terminal."""

    def __init__(self, progress: "Progress | None", task: "TaskID | None") -> None:
        self._progress = progress
        self._task = task

    def advance_to(self, position: int, text: str) -> None:
        """So far `position` of the total is done."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=position, description=text)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Of a stage, `done` of `total`: what long work in `builder` tells."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=stage, completed=done, total=total)

    def line(self, text: str) -> None:
        """A line of results, not torn by the progress beneath it."""
        if self._progress is not None and sys.stdout.isatty():
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text)

    def note(self, text: str) -> None:
        """A remark, not torn by the progress beneath it."""
        if self._progress is not None:
            self._progress.console.print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)
        else:
            note(text)

    def json(self, document: object) -> None:
        """A result as JSON."""
        self.line(json_document.write(document))


@contextmanager
def watching(text: str, total: int | None, *, quiet: bool = False) -> Iterator[Watcher]:
    """Show progress towards `total` (None: unknown) while the block runs."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield Watcher(None, None)
        return
    from rich.console import Console  # noqa: PLC0415  (a twentieth of a second, for terminals only)
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with progress:
        yield Watcher(progress, progress.add_task(text, total=total))


def render(*parts: "RenderableType") -> None:
    """Trees and tables on standard output: colours on a terminal, whole lines without them in a pipe."""
    from rich.console import Console  # noqa: PLC0415  (see watching)

    console = (
        Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, color_system=None, width=400)
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
