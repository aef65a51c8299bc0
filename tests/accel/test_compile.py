"""Keeping compiled kernels: what counts as a change, where they are kept, and that processes may come together.

Each test that compiles does so in processes of its own, with a small kernel and a cache directory of its own.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import llvmlite.binding
import numba
import pytest

from accel import compile as keeping
from accel.compile import CACHE_VARIABLE, cache_directory, fingerprint, fingerprint_of

PROGRAM = """
    import sys
    from accel.compile import cache_directory, kernel
    sys.path.insert(0, sys.argv[1])
    from sums import total
    assert total(10) == 45, "wrong result"
    print(cache_directory(), sum(total.stats.cache_hits.values()), sum(total.stats.cache_misses.values()))
"""
KERNEL = """
    from accel.compile import kernel

    @kernel
    def total(n):
        s = 0
        for i in range(n):
            s += i
        return s
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(textwrap.dedent(KERNEL))
    return tmp_path


def start(program: Path, cache: Path | None, **more: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(Path(keeping.__file__).parents[1]), **more}
    environment.pop(CACHE_VARIABLE, None)
    if cache is not None:
        environment[CACHE_VARIABLE] = str(cache)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(program)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> tuple[str, int, int]:
    """(directory, cache hits, cache misses); no word on standard error."""
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    directory, hits, misses = out.split()
    return directory, int(hits), int(misses)


def files(directory: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}


def test_the_fingerprint_is_of_every_source(tmp_path: Path) -> None:
    sources = tmp_path / "accel"
    shutil.copytree(Path(keeping.__file__).parent, sources, ignore=shutil.ignore_patterns("__pycache__"))
    before = fingerprint_of(sources)
    assert before == fingerprint()
    for source in sorted(sources.glob("*.py")):
        text = source.read_bytes()
        source.write_bytes(text + b"\n")
        assert fingerprint_of(sources) != before, source.name
        source.write_bytes(text)
        assert fingerprint_of(sources) == before
    (sources / "another.py").touch()
    assert fingerprint_of(sources) != before
    (sources / "another.py").rename(sources / "renamed.py")
    assert fingerprint_of(sources) != before


def test_the_fingerprint_is_of_the_cpu_and_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Path(keeping.__file__).parent
    before = fingerprint_of(sources)
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_name", lambda: "another")
    assert fingerprint_of(sources) != before
    monkeypatch.undo()
    monkeypatch.setattr(numba, "__version__", "0")
    assert fingerprint_of(sources) != before


def test_the_second_process_compiles_nothing(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    directory, hits, misses = end(start(program, cache))
    assert Path(directory) == cache / fingerprint()
    assert (hits, misses) == (0, 1)
    kept = files(cache)
    assert kept
    assert end(start(program, cache)) == (directory, 1, 0)
    assert files(cache) == kept, "nothing was written again"


def test_where_kernels_are_kept(program: Path, tmp_path: Path) -> None:
    directory, _, _ = end(start(program, None, XDG_CACHE_HOME=str(tmp_path / "xdg")))
    assert Path(directory) == tmp_path / "xdg" / "stateless-verkle" / fingerprint()
    assert files(Path(directory))
    directory, _, _ = end(start(program, None, XDG_CACHE_HOME="", HOME=str(tmp_path / "home")))
    assert Path(directory) == tmp_path / "home" / ".cache" / "stateless-verkle" / fingerprint()


def test_a_directory_that_cannot_be_written_costs_only_time(program: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory")
    directory, hits, _ = end(start(program, in_the_way))
    assert (directory, hits) == ("None", 0)
    assert in_the_way.read_text() == "not a directory"
    assert end(start(program, Path("/proc/nowhere")))[0] == "None"


def test_processes_that_compile_at_once_do_not_disturb_each_other(program: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    together = [start(program, cache) for _ in range(4)]
    for process in together:
        end(process)
    assert end(start(program, cache))[1:] == (1, 0)


def test_a_damaged_file_is_compiled_anew(program: Path, tmp_path: Path) -> None:
    """A power cut may leave half a file: no wrong code runs, no command fails."""
    cache = tmp_path / "cache"
    directory, _, _ = end(start(program, cache))
    for path in files(cache):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert end(start(program, cache))[0] == directory
    assert end(start(program, cache))[1:] == (1, 0)


def test_what_is_kept_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    cache_directory.cache_clear()
    try:
        assert cache_directory() == tmp_path / fingerprint()
    finally:
        monkeypatch.undo()
        cache_directory.cache_clear()


def test_kernels_of_old_sources_are_removed(tmp_path: Path) -> None:
    """All but the newest, and nothing that is not ours."""
    for age, name in enumerate(["0" * 16, "1" * 16, "2" * 16, "other", "f" * 15]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.nbc").write_bytes(b"")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    current = tmp_path / ("a" * 16)
    current.mkdir()
    keeping.forget_old(current)
    assert {path.name for path in tmp_path.iterdir()} == {current.name, "0" * 16, "other", "f" * 15}
