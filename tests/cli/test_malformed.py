"""Input that is not what it claims to be: one line, exit code 2, nothing written."""

import gzip
import json
import random
import tracemalloc
from pathlib import Path

import pytest

from cli import files
from spec.errors import DecodeError
from tests.cli.conftest import Made, Run, assert_one_line

ROOT = "0x" + bytes(32).hex()
BAD_JSON = {
    "empty": b"",
    "cut off": b'{"blockNumber": "0x1", "parentHa',
    "null": b"null",
    "an array": b"[]",
    "a number": b"7",
    "an empty object": b"{}",
    "wrong types": b'{"blockNumber": [], "parentHash": {}}',
    "nested": b"[" * 10_000_000,
    "nested objects": b'{"a":' * 1_000_000,
    "binary noise": random.Random(1).randbytes(5000),
    "nan": b'{"a": NaN}',
    "a name twice": b'{"a": 1, "a": 2}',
    "a huge integer": b'{"blockNumber": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "input.json"
    path.write_bytes(BAD_JSON[name])
    out = tmp_path / "out.ssz"
    for arguments in (
        ("block", "verify", str(path), "--parent-root", ROOT),
        ("block", "verify", str(path), "--parent", str(path)),
        ("genesis", "root", str(path)),
        ("witness", "show", str(path)),
        ("witness", "convert", str(path), str(out)),
        ("tree", "verify", str(path), "--root", ROOT),
        ("tree", "prove", str(path), "--keys-from", str(path), "--out", str(out)),
    ):
        result = run(*arguments)
        assert_one_line(result, 2, "input.json")
        assert result.stdout == ""
    assert [one.name for one in tmp_path.iterdir()] == ["input.json"]


@pytest.mark.parametrize("suffix", ["ssz", "jsonl", "jsonl.gz"])
@pytest.mark.parametrize("content", [b"", b"\0" * 600, random.Random(2).randbytes(5000), b"\n\n"])
def test_bad_bytes(run: Run, tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"input.{suffix}"
    path.write_bytes(content)
    assert_one_line(run("block", "verify", str(path), "--parent-root", ROOT), 2, path.name)
    assert_one_line(run("witness", "show", str(path), *(() if suffix == "ssz" else ("--block", "1"))), 2, path.name)


def test_missing_unreadable_and_unknown_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d.json").mkdir()
    for name, part in (("no.json", "no such file"), ("d.json", "is a directory"), ("x.txt", "unknown extension")):
        assert_one_line(run("block", "verify", str(tmp_path / name), "--parent-root", ROOT), 2, name, part)
        assert_one_line(run("witness", "show", str(tmp_path / name)), 2, name, part)
    assert_one_line(run("genesis", "root", str(tmp_path / "d.json")), 2, "is a directory")


def test_a_compressed_stream_that_is_cut_off(run: Run, made: Made, tmp_path: Path) -> None:
    whole = gzip.compress(Path(made.path("blocks.jsonl")).read_bytes())
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    result = run("block", "verify", str(path), "--parent-root", made.root, "--json")
    assert_one_line(result, 2, "cut.jsonl.gz:", "cut off")
    path.write_bytes(whole[:200] + b"\0" * 20 + whole[220:])
    assert_one_line(run("block", "verify", str(path), "--parent-root", made.root), 2, "cut.jsonl.gz")


def test_a_line_is_bounded_after_decompression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 2**20)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"[" * 2**26))
    tracemalloc.start()
    with pytest.raises(DecodeError, match=r"bomb.jsonl.gz:1: line has more than 1048576 bytes"):
        list(files.documents(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_a_bad_line_in_the_middle_comes_after_the_verdicts_before_it(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, _ = Path(made.path("blocks.jsonl")).read_text().splitlines()
    path = tmp_path / "b.jsonl"
    path.write_text(f"{first}\n{second[:5000]}\n")
    result = run("block", "verify", str(path), "--parent-root", made.root, "--json")
    assert_one_line(result, 2, "b.jsonl:2")
    assert [json.loads(line)["number"] for line in result.stdout.splitlines()] == [1]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), ["--parent", "--parent-root", "--genesis"]),
        (("--parent", "{made}/block1.json", "--parent-root", ROOT), ["exactly one"]),
        (("--parent-root", "0x12"), ["--parent-root", "32 bytes"]),
        (("--parent-root", ROOT[2:]), ["--parent-root", "0x"]),
        (("--parent-root", "0x" + "zz" * 32), ["--parent-root", "hex digits"]),
        (("--parent-root", "0x" + "ff" * 32), ["--parent-root"]),
        (("--parent", "{made}/blocks.jsonl"), ["--parent", "blocks.jsonl"]),
        (("--parent", "{made}/none.json"), ["none.json", "no such file"]),
        (("--genesis", "{made}/block1.json"), ["block1.json"]),
        (("--parent-root", ROOT, "--profile", "nonsense"), ["--profile", "nonsense"]),
        (("--parent-root", ROOT, "--jobs", "0"), ["--jobs"]),
        (("--parent-root", ROOT, "--from", "x"), ["--from"]),
        (("--nonsense",), ["--nonsense"]),
    ],
)
def test_bad_options(run: Run, made: Made, options: tuple[str, ...], parts: list[str]) -> None:
    given = [option.replace("{made}", str(made.directory)) for option in options]
    assert_one_line(run("block", "verify", made.path("block2.json"), *given), 2, *parts)


def test_bad_usage_of_the_rest(run: Run, made: Made) -> None:
    assert_one_line(run("nonsense"), 2, "nonsense")
    assert_one_line(run("block"), 2, "Missing command")
    assert_one_line(run("block", "verify"), 2, "PATH")
    assert_one_line(run("genesis", "root"), 2, "GENESIS.json")
    assert_one_line(run("witness", "show", made.path("blocks.jsonl")), 2, "--block")
    assert_one_line(run("witness", "show", made.path("block1.json"), "--address", "0x1"), 2, "--address")
    assert_one_line(run("witness", "show", made.path("blocks.jsonl"), "--block", "77"), 2, "77")
    assert_one_line(run("witness", "convert", made.path("block1.json"), "x.jsonl"), 2, "x.jsonl")
    assert_one_line(run("tree", "verify", made.path("blocks.jsonl"), "--root", ROOT), 2, "blocks.jsonl")
    assert_one_line(run("tree", "verify", made.path("block1.json")), 2, "--root")
    assert_one_line(run("bench", "nonsense"), 2, "nonsense")
