"""`check` without a process of its own, for tests that look at hundreds of databases."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builder import maintenance, scan
from builder.scan import Begun, Problem, Read, Scanned, Word


def scan_here(directory: Path, most: int, on_progress: Callable[[bytes, int, int], None]) -> Scanned:
    """`scan.scan`, in this process: only where no page can be damaged."""
    words: list[Word] = []
    scan.read_all(directory, most, words.append)
    table, of = b"", 0
    for word in words:
        if isinstance(word, Begun):
            table, of = word.table, word.records
        elif isinstance(word, Read):
            on_progress(table, word.records, of)
    last = words[-1]
    assert isinstance(last, scan.Ended)
    assert last.unavailable is None
    return Scanned(tuple(word for word in words if isinstance(word, Problem)), last.readable)


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks read records in this process."""
    monkeypatch.setattr(maintenance, "scan", scan_here)
