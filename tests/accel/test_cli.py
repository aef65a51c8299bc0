"""Commands and engines: the same answers from each, what is said about the choice, and what is compiled when."""

import json
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding
import pytest
from click.testing import CliRunner, Result

from accel import compile as keeping
from accel import select as selection
from cli import engines, sample
from cli.engines import EngineChoice
from cli.main import verkle
from spec.codec import json_document, request_json
from tests.accel.conftest import COMPILED, engine_called
from tests.accel.test_select import features_without

LEAVES = {"0x" + bytes([k, *[7] * 31]).hex(): "0x" + bytes([k] * 32).hex() for k in range(20)}
KEYS = ["--key", "0x" + bytes([3, *[7] * 31]).hex(), "--key", "0x" + bytes([3, *[8] * 31]).hex()]


@pytest.fixture
def values(tmp_path: Path) -> str:
    path = tmp_path / "values.json"
    path.write_text(json.dumps(LEAVES))
    return str(path)


def run(*arguments: str, **environment: str) -> Result:
    result = CliRunner(env={engines.VARIABLE: None, **environment}).invoke(verkle, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_names_are_those_of_accel() -> None:
    assert engines.NAMES == selection.NAMES


@pytest.mark.parametrize("name", ["auto", *COMPILED])
def test_every_engine_prints_the_same(values: str, tmp_path: Path, name: str) -> None:
    if name != "auto":
        engine_called(name)
    slow = run("tree", "prove", values, *KEYS, "--engine", "python")
    fast = run("tree", "prove", values, *KEYS, "--engine", name)
    assert (slow.exit_code, fast.exit_code) == (0, 0)
    assert fast.stdout == slow.stdout
    root = slow.stderr.split()[-1]
    proof = tmp_path / "proof.json"
    proof.write_text(slow.stdout)
    verdicts = [run("tree", "verify", str(proof), "--root", root, "--engine", one) for one in ("python", name)]
    assert verdicts[0].stdout == verdicts[1].stdout
    assert [verdict.exit_code for verdict in verdicts] == [0, 0]


def test_the_environment_names_an_engine(values: str) -> None:
    made = run("warmup", "--json", VERKLE_ENGINE="python")
    assert json.loads(made.stdout)["engine"] == "python"
    assert json.loads(run("warmup", "--json", "--engine", "python", VERKLE_ENGINE="numba").stdout)["engine"] == "python"
    refused = run("tree", "prove", values, *KEYS, VERKLE_ENGINE="abacus")
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "abacus" in refused.stderr


def test_a_remark_is_said_once_and_only_to_people(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", features_without("avx512ifma"))
    said = run("tree", "prove", values, *KEYS).stderr.splitlines()
    notes = [line for line in said if line.startswith("note: computing with engine")]
    assert len(notes) == 1
    assert "numba-ifma: the CPU has no avx512ifma" in notes[0]
    assert run("tree", "prove", values, *KEYS, "--json").stderr == ""
    asked = run("tree", "prove", values, *KEYS, "--engine", "numba-ifma")
    assert (asked.exit_code, asked.stdout) == (3, "")
    assert asked.stderr == "error: the CPU has no avx512ifma\n"


def test_compiling_is_announced(values: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_called("numba")
    assert "compiling" not in run("tree", "prove", values, *KEYS, "--engine", "numba").stderr
    monkeypatch.setattr(keeping, "is_cached", lambda _: False)
    first = run("tree", "prove", values, *KEYS, "--engine", "numba").stderr.splitlines()[0]
    assert first.startswith("note: compiling kernels")
    assert str(keeping.cache_directory()) in first
    assert "compiling" not in run("tree", "prove", values, *KEYS, "--engine", "numba", "--json").stderr
    assert "compiling" not in run("tree", "prove", values, *KEYS, "--engine", "python").stderr


def test_a_backend_is_cached_when_its_self_test_has_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "cache_directory", lambda: tmp_path)
    assert not keeping.is_cached("ifma")
    (tmp_path / "ifma_kernels.commit.1.nbc").touch()
    assert not keeping.is_cached("ifma")
    (tmp_path / "ifma_vectors.fold.1.nbc").touch()
    assert keeping.is_cached("ifma")
    assert not keeping.is_cached("wide")
    monkeypatch.setattr(keeping, "cache_directory", lambda: None)
    assert not keeping.is_cached("ifma")


def test_without_accel_there_is_plain_python(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accel.select", None)
    made = run("tree", "prove", values, *KEYS)
    assert made.exit_code == 0
    assert (
        made.stderr.splitlines()[0] == "note: computing with engine python (this installation has no compiled engines)"
    )
    assert run("tree", "prove", values, *KEYS, "--engine", "python", "--json").exit_code == 0
    refused = run("tree", "prove", values, *KEYS, "--engine", "numba")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("name", COMPILED)
def test_the_memory_of_tables_has_a_ceiling(name: str) -> None:
    engine_called(name)
    made: Any = EngineChoice(name, memory=16).make(quiet=True)
    assert made.memory == 16 << 20
    assert made.table_bytes() <= made.memory
    assert run("warmup", "--table-memory", "15").exit_code == 2


@pytest.mark.parametrize("name", COMPILED)
def test_after_a_warmup_nothing_more_is_compiled(name: str, values: str, tmp_path: Path) -> None:
    engine_called(name)
    made = json.loads(run("warmup", "--json", "--engine", name).stdout)
    assert made["engine"] == name
    directory = Path(made["cache"])
    kept = {path.name for path in directory.glob("*.nbc")}
    assert len(kept) == made["files"] > 20
    proof = tmp_path / "proof.json"
    proved = run("tree", "prove", values, *KEYS, "--out", str(proof), "--engine", name)
    assert run("tree", "verify", str(proof), "--root", proved.stderr.split()[-1], "--engine", name).exit_code == 0
    cases = ["commit-256", "ipa-prove", "ipa-verify", "multiproof-verify-100", "genesis-root", "block-verify"]
    assert run("bench", *cases, "--json", "--engine", name).exit_code == 0
    new = {path.name for path in directory.glob("*.nbc")} - kept
    assert not new


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_blocks_are_verified_with_every_engine_in_one_process_or_two(name: str, jobs: str, tmp_path: Path) -> None:
    engine = engine_called(name)
    chain = sample.Chain.begin(sample.genesis_document(24), engine)
    root = "0x" + chain.root.hex()
    requests = [request_json.encode_request(chain.add(step)) for step in sample.steps()[:3]]
    blocks = tmp_path / "blocks.jsonl"
    blocks.write_text("".join(json_document.write(request) + "\n" for request in requests))
    arguments = ["block", "verify", str(blocks), "--parent-root", root, "--json", "--jobs", jobs]
    found = [json.loads(line) for line in run(*arguments, "--engine", name).stdout.splitlines()]
    assert [verdict["verdict"] for verdict in found[:-1]] == ["valid"] * 3
    assert found[-1]["totals"]["valid"] == 3
    blocks.write_text(blocks.read_text().replace("0xfee", "0xfed"))
    broken = run(*arguments, "--engine", name)
    assert broken.exit_code == run(*arguments, "--engine", "python").exit_code


def test_warming_plain_python_keeps_nothing() -> None:
    made = json.loads(run("warmup", "--json", "--engine", "python").stdout)
    assert (made["cache"], made["files"], made["bytes"]) == (None, 0, 0)
    assert "nothing is kept" in run("warmup", "--engine", "python").stdout
