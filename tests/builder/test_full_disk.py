"""A disk that fills up: one line, the block before it stands, and work goes on when there is room again."""

import random
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builder.database import DatabaseUnavailable
from builder.dump import export
from builder.files import DATA_FILE
from builder.maintenance import check
from tests.builder.chains import TOY, contents, grow, new_chain, open_chain
from tests.builder.processes import in_a_child

SEED = 28
ROOM = 600_000
"""Bytes of a small disk beyond what the genesis takes: a few dozen blocks."""


@contextmanager
def small_disk(directory: Path, size: int) -> Iterator[None]:
    """A file system of this size, mounted at the directory; the test is skipped where that is not allowed."""
    directory.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def until_full(directory: Path, say: Callable[[Any], None]) -> None:
    """Build blocks until the disk is full, telling each that is durable; then the line."""
    chain, rng = open_chain(directory), random.Random(SEED)
    try:
        for _ in range(2000):
            grow(chain, rng, 1)
            say(chain.head())
    except DatabaseUnavailable as full:
        say(str(full))
    say(chain.head())


def require_sound(directory: Path, words: list[Any]) -> None:
    """All that was said is there, and the chain goes on."""
    *heads, line, head_afterwards = words
    assert isinstance(line, str), words[-2:]
    assert "\n" not in line
    assert str(directory) in line
    assert len(heads) > 3
    assert head_afterwards == heads[-1]
    assert check(directory, TOY).sound
    chain = open_chain(directory)
    assert chain.head() == heads[-1]
    chain.close()


def test_a_small_disk(tmp_path: Path) -> None:
    """No space left: refused; with room again the same database goes on."""
    disk = tmp_path / "disk"
    with small_disk(disk, 1 << 26):
        new_chain(disk / "db").close()
        ballast = disk / "ballast"
        ballast.write_bytes(bytes((1 << 26) - 8192 - ROOM - (disk / "db" / DATA_FILE).stat().st_size))

        def body(say: Callable[[Any], None], _hear: Callable[[], Any]) -> None:
            until_full(disk / "db", say)

        with in_a_child(body) as child:
            words = child.heard()
        assert re.search("No space left|the disk is full", words[-2])
        require_sound(disk / "db", words)
        ballast.unlink()
        chain = open_chain(disk / "db")
        grow(chain, random.Random(SEED), 5)
        chain.close()
        assert check(disk / "db", TOY).sound


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The same by a limit on the file's size, which needs no rights."""
    new_chain(tmp_path / "db").close()
    size = (tmp_path / "db" / DATA_FILE).stat().st_size

    def body(say: Callable[[Any], None], _hear: Callable[[], Any]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + ROOM, size + ROOM))
        until_full(tmp_path / "db", say)

    with in_a_child(body) as child:
        words = child.heard()
    assert re.search("File too large|the disk is full", words[-2])
    require_sound(tmp_path / "db", words)
    chain = open_chain(tmp_path / "db")
    grow(chain, random.Random(SEED), 5)
    chain.close()
    assert check(tmp_path / "db", TOY).sound


@pytest.mark.parametrize("room", [0, 4096, 20_000, 50_000])
def test_making_on_a_full_disk(tmp_path: Path, room: int) -> None:
    """One line, and no database; where there is room it can be made."""

    def body(say: Callable[[Any], None], _hear: Callable[[], Any]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            new_chain(tmp_path / "db")
        except DatabaseUnavailable as full:
            say(str(full))

    with in_a_child(body) as child:
        (line,) = child.heard()
    assert str(tmp_path / "db") in line
    assert "\n" not in line
    assert [path.name for path in (tmp_path / "db").iterdir()] == ["writer.lock"]
    new_chain(tmp_path / "db").close()
    assert check(tmp_path / "db", TOY).sound


def test_exporting_to_a_full_disk(tmp_path: Path) -> None:
    """The failure is the system's, and the database stays as it is."""
    new_chain(tmp_path / "db", others=50).close()

    def body(say: Callable[[Any], None], _hear: Callable[[], Any]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        chain = open_chain(tmp_path / "db", write=False)
        before = contents(chain.database)
        try:
            with (tmp_path / "dump").open("wb") as file:
                export(chain.database, file)
        except OSError as full:
            say(full.strerror)
        say(before == contents(chain.database))

    with in_a_child(body) as child:
        assert child.heard() == ["File too large", True]
