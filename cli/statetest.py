"""`verkle statetest`: the general state tests of mainnet's forks, as `evm statetest` runs them."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import files, output
from cli.parameters import PATH
from cli.pool import Pool
from spec.codec import json_document
from spec.errors import DecodeError

if TYPE_CHECKING:
    from spec.codec.state_test_json import StateTest
    from stateless.state_test import Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cases of a file are run, and how."""

    pattern: str | None
    """Regular expression that a test's name must match somewhere."""
    fork: str | None
    """As spec/forks.py names it."""
    trace: bool


@dataclass(frozen=True, slots=True)
class Row:
    """The verdict on one case, as it is printed."""

    name: str
    fork: str
    place: str
    """Which elements of the transaction's arrays the case takes."""
    state_root: str
    error: str

    @property
    def passed(self) -> bool:
        """Whether the case came out as it must."""
        return not self.error

    def as_json(self) -> dict[str, object]:
        """The members that `evm statetest` prints: no error where there is none."""
        row: dict[str, object] = {
            "name": self.name,
            "pass": self.passed,
            "fork": self.fork,
            "stateRoot": self.state_root,
        }
        return row if self.passed else {**row, "error": f"{self.place}: {self.error}"}

    def line(self) -> str:
        """The same for people."""
        verdict = "pass" if self.passed else "FAIL"
        text = f"{verdict}  {self.fork}  {self.name}  {self.place}  {self.state_root}"
        return text if self.passed else f"{text}  {self.error}"


@dataclass(frozen=True, slots=True)
class FileRows:
    """What became of one file."""

    path: Path
    rows: tuple[Row, ...]
    skipped: int
    """Cases of forks whose rules are not known."""
    failure: DecodeError | None
    """Why it cannot be read."""


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@click.option("--run", "pattern", metavar="REGEX", help="Run the tests whose name matches this somewhere.")
@click.option("--fork", metavar="NAME", help="Run the cases of this fork only.")
@click.option("--trace", is_flag=True, help="Write what every case does to standard error, a step a line (EIP-3155).")
@click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N", default=1, show_default=True, help="Processes to run files in."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Print failed cases only.")
def statetest(
    paths: tuple[Path, ...], pattern: str | None, fork: str | None, trace: bool, jobs: int, as_json: bool, quiet: bool
) -> None:
    """Run general state tests: one transaction each, under the rules of a fork, down to the state root.

    PATH is a .json file in the format of ethereum/tests' GeneralStateTests, or a directory: then every .json file below
    it. Cases of London, Paris (Merge), Shanghai, Cancun, Prague and Osaka are run; those of other forks are counted.

    A line tells verdict, fork, name, which elements of the transaction's data, gasLimit and value arrays the case
    takes, the state root that came out, and what differs. --json prints one array instead, with the members that
    go-ethereum's `evm statetest` prints: [{"name", "pass", "fork", "stateRoot", "error"}].

    --trace writes an object a line for every step of the machine, one with output and gasUsed at the end of the
    transaction, and one with the state root.

    Exit codes: 0 all passed, 1 a case failed, 2 wrong usage or a file that cannot be read.

    \b
    verkle statetest GeneralStateTests/stExample --jobs 4
    verkle statetest add11.json --fork cancun --trace 2>trace.jsonl
    verkle statetest GeneralStateTests --run 'Blake2f' --json
    """
    if trace and jobs > 1:
        raise click.UsageError("--trace needs --jobs 1: steps of several processes would mix")
    choice = Choice(_checked_pattern(pattern), _checked_fork(fork), trace)
    found = list(_files(paths))
    printed: list[Row] = []
    passed = failed = skipped = 0
    with output.watching("reading", len(found), quiet=trace) as watcher, _runner(jobs, choice) as run_all:
        for number, outcome in enumerate(run_all(iter(found)), start=1):
            watcher.advance_to(number, outcome.path.name)
            if outcome.failure is not None:
                raise outcome.failure
            passed += sum(row.passed for row in outcome.rows)
            failed += sum(not row.passed for row in outcome.rows)
            skipped += outcome.skipped
            shown = [row for row in outcome.rows if not (quiet and row.passed)]
            if as_json:
                printed += shown
            else:
                for row in shown:
                    watcher.line(row.line())
    if not passed and not failed:
        raise DecodeError(f"no case to run in {output.count(len(found), 'file')}")
    if as_json:
        output.json_line([row.as_json() for row in printed])
    else:
        others = f", {output.count(skipped, 'case')} of other forks" if skipped else ""
        click.echo(f"{passed:,} passed, {failed:,} failed{others}")
    if failed:
        click.get_current_context().exit(1)


def _checked_pattern(pattern: str | None) -> str | None:
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise click.BadParameter(f"not a regular expression: {error}", param_hint="'--run'") from None
    return pattern


def _checked_fork(fork: str | None) -> str | None:
    if fork is None:
        return None
    from spec.forks import FORKS  # noqa: PLC0415  (the machine is loaded when there is work)
    from stateless.state_test import canonical  # noqa: PLC0415

    known = canonical(fork)
    if known is None:
        raise click.BadParameter(f"unknown, expected one of {', '.join(FORKS)}", param_hint="'--fork'")
    return known


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those below the directories that are named. Raises: DecodeError for none."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = sorted(path.rglob("*.json"))
        if not below:
            raise DecodeError("no .json file below this directory", click.format_filename(path))
        yield from below


@contextmanager
def _runner(jobs: int, choice: Choice) -> Iterator[Callable[[Iterator[Path]], Iterator[FileRows]]]:
    """How files are run: here, or side by side in processes."""
    if jobs == 1:
        yield lambda found: map(partial(run_file, choice), found)
        return
    pool: Pool[Path, FileRows] = Pool(jobs, partial(_worker, choice))
    try:
        yield pool.map
    finally:
        pool.close()


def _worker(choice: Choice) -> Callable[[Path], FileRows]:
    return partial(run_file, choice)


def run_file(choice: Choice, path: Path) -> FileRows:
    """Run the chosen cases of a file. What keeps it from being read, or them from being run, is told in the result."""
    from spec.codec.state_test_json import decode_state_tests  # noqa: PLC0415  (loaded when there is work)

    try:
        value = files.read_json(path)
        with files.located(click.format_filename(path)):
            rows, skipped = _run_all(choice, decode_state_tests(value))
    except DecodeError as error:
        return FileRows(path, (), 0, error)
    return FileRows(path, tuple(rows), skipped if choice.fork is None else 0, None)


def _run_all(choice: Choice, tests: "Iterable[StateTest]") -> tuple[list[Row], int]:
    """Rows of the chosen cases, and how many are of other forks. Raises: DecodeError for what no block can have."""
    from stateless.state_test import canonical  # noqa: PLC0415

    rows: list[Row] = []
    skipped = 0
    for test in tests:
        if choice.pattern is not None and not re.search(choice.pattern, test.name):
            continue
        for fork, cases in test.cases.items():
            known = canonical(fork)
            if known is None:
                skipped += len(cases)
            elif choice.fork in (None, known):
                rows += (_row(verdict) for verdict in _verdicts(test, fork, trace=choice.trace))
    return rows, skipped


def _verdicts(test: "StateTest", fork: str, *, trace: bool) -> "Iterator[Verdict]":
    from stateless.evm.trace import StepTracer  # noqa: PLC0415
    from stateless.state_test import run_fork  # noqa: PLC0415

    for verdict in run_fork(test, fork, StepTracer(_trace) if trace else None):
        if trace:
            _trace({"stateRoot": output.hexed(verdict.state_root)})
        yield verdict


def _trace(record: dict[str, object]) -> None:
    click.echo(json_document.write(record), err=True)


def _row(verdict: "Verdict") -> Row:
    case = verdict.case
    place = f"data {case.data}, gas {case.gas}, value {case.value}"
    return Row(verdict.name, verdict.fork, place, "0x" + verdict.state_root.hex(), verdict.error)
