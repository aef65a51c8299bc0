"""Damaged files: cut off, overwritten, bits flipped anywhere. Told in one line each, and never mistaken for sound."""

import io
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder import dump, maintenance, pages, scan
from builder.chain import Chain
from builder.database import Database, DatabaseUnavailable
from builder.files import DATA_FILE, require_whole
from builder.maintenance import check
from spec.errors import DecodeError
from tests.builder.chains import TOY, contents, grow, new_chain, open_chain
from tests.builder.processes import Child

SEED = 53
FLIPS = int(os.environ.get("VERKLE_FLIPS", "25"))
"""Of each kind. `VERKLE_FLIPS=2000` takes some minutes."""
PAGE = os.sysconf("SC_PAGESIZE")
META_BYTES = 16 + 24 + 2 * 48 + 16


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a chain of some blocks, which also went back, so that pages are free."""
    directory = tmp_path_factory.mktemp("sound") / "db"
    chain, rng = new_chain(directory, retained=8, others=150), random.Random(SEED)
    grow(chain, rng, 12)
    with chain.database.reader() as reader:
        back = chain.hash_at(reader, 9)
    assert back is not None
    chain.rewind(back)
    grow(chain, rng, 5)
    chain.close()
    inspection = check(directory, TOY)
    assert inspection.sound, inspection
    assert inspection.records > 800
    return directory


def damaged(directory: Path, sound: Path, data: bytes) -> Path:
    """A copy with this data file."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / DATA_FILE).write_bytes(data)
    for path in sound.iterdir():
        if path.name != DATA_FILE:
            shutil.copy(path, directory)
    return directory


def test_cut_off_anywhere(sound: Path, tmp_path: Path) -> None:
    """Every page's end, and the bytes around it; within the meta pages every few bytes. Longer is harmless."""
    data = (sound / DATA_FILE).read_bytes()
    assert len(data) % PAGE == 0
    needed = pages_in_use(data) * PAGE
    lengths = {length for end in range(0, needed + 1, PAGE) for length in (end - 1, end, end + 1)}
    lengths |= set(range(0, 2 * PAGE, 97))
    tried = 0
    for length in sorted(length for length in lengths if 0 <= length < needed):
        directory = damaged(tmp_path / "db", sound, data[:length])
        for write in (False, True):
            with pytest.raises(DecodeError, match="cut off") as refused:
                Database(directory, write=write)
            assert str(directory) in str(refused.value)
        (problem,) = check(directory, TOY).problems
        assert problem.what.startswith("the file is cut off")
        tried += 1
    assert tried > 100
    for longer in (needed, len(data) + 1, len(data) + 3 * PAGE):
        directory = damaged(tmp_path / "db", sound, data.ljust(longer, b"\0")[:longer])
        assert check(directory, TOY).sound


def pages_in_use(data: bytes) -> int:
    """One more than the last page that the meta pages name."""
    place = META_BYTES - 16
    return 1 + max(int.from_bytes(data[start + place : start + place + 8], "little") for start in (0, PAGE))


def anywhere(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data))


def in_a_page_head(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) // PAGE) * PAGE + rng.randrange(64)


def in_a_meta_page(rng: random.Random, data: bytes) -> int:
    return rng.randrange(2) * PAGE + rng.randrange(META_BYTES)


@pytest.mark.parametrize("place", [anywhere, in_a_page_head, in_a_meta_page])
def test_flipped_bits(sound: Path, tmp_path: Path, place: Callable[[random.Random, bytes], int]) -> None:
    """A bit flipped: the check finds it, or every record is as it was, also after more blocks."""
    rng = random.Random(f"{SEED} {place.__name__}")
    data, digest = (sound / DATA_FILE).read_bytes(), digest_of(sound)
    found: Counter[str] = Counter()
    for _ in range(FLIPS):
        position, bit = place(rng, data), 1 << rng.randrange(8)
        flipped = bytearray(data)
        flipped[position] ^= bit
        directory = damaged(tmp_path / "db", sound, bytes(flipped))

        def look(
            say: Callable[[Any], None], _hear: Callable[[], Any], directory: Path = directory, where: int = position
        ) -> None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            verdict = looked_at(directory)
            say(verdict)
            if verdict == "sound":
                say(digest_of(directory) == digest)
                chain = open_chain(directory)
                grow(chain, random.Random(where), 3)
                chain.close()
                say(looked_at(directory))

        child = Child(look)
        words = child.heard()
        child.end()
        about = f"bit {bit} of byte {position % PAGE} of page {position // PAGE}: {words}, ended by {child.code}"
        assert child.code == 0, about
        assert len(words) == 1 or words == ["sound", True, "sound"], about
        found[words[0]] += 1
    print(dict(found))
    assert found["sound"] < FLIPS
    assert len(found) > 1


def looked_at(directory: Path) -> str:
    """What `check` does, in this process; what found it."""
    try:
        require_whole(directory)
    except (DecodeError, DatabaseUnavailable):
        return "by the file's length"
    try:
        if pages.look(directory, lambda _done, _of: None) is not None:
            return "by the pages"
    except DatabaseUnavailable:
        return "by the pages"
    words: list[scan.Word] = []
    scan.read_all(directory, 5, words.append)
    if any(isinstance(word, scan.Problem) for word in words):
        return "by the checksums"
    with Database(directory, write=False) as database, database.reader() as reader:
        for problems in maintenance._checks(reader, TOY, None, lambda _stage, _done, _of: None):
            if any(True for _ in problems):
                return "by the contents"
    return "sound"


def digest_of(directory: Path) -> bytes:
    with Database(directory, write=False) as database:
        return dump.export(database, io.BytesIO()).digest


def test_a_page_that_ends_the_process(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pages are not looked at first, one that cannot be makes LMDB end the process: only the child dies."""
    monkeypatch.setattr(maintenance, "look", lambda _directory, _on_page: None)
    data = (sound / DATA_FILE).read_bytes()
    died = told = 0
    for number in range(2, pages_in_use(data)):
        page = data[number * PAGE : (number + 1) * PAGE]
        if int.from_bytes(page[:8], "little") != number or page[10] != 1:
            continue
        short = bytearray(data)
        short[number * PAGE + 12 : number * PAGE + 14] = (18).to_bytes(2, "little")  # a branch with one child
        inspection = check(damaged(tmp_path / "db", sound, bytes(short)), TOY)
        told += not inspection.sound
        died += any("ends the process (SIG" in problem.what for problem in inspection.problems)
    print(f"{told} told, {died} of them by the child's death")
    assert told
    assert died


def test_a_child_that_dies_is_told(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it dies: here by a signal before its first word."""
    monkeypatch.setattr(scan, "_child", dies)
    (problem,) = check(sound, TOY).problems
    assert str(problem) == "the file: reading it ends the process (SIGKILL)"


def dies(_pipe: Any, _directory: Path, _most: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_opening_a_damaged_record(sound: Path, tmp_path: Path) -> None:
    """The record that is read is named; other records can be read, and nothing is taken for absent."""
    data = bytearray((sound / DATA_FILE).read_bytes())
    before = contents(Database(sound, write=False))
    head = before[b"meta"][b"head"]
    record = before[b"headers"][head]
    places = [start for start in range(len(data)) if data.startswith(record, start)]
    assert places
    for place in places:
        data[place + 100] ^= 4
    directory = damaged(tmp_path / "db", sound, bytes(data))
    with Database(directory, write=False) as database:
        chain = Chain(database, TOY)
        with pytest.raises(DecodeError, match="checksum") as refused:
            chain.head()
        assert str(refused.value).startswith(f"headers[0x{head.hex()}]")
