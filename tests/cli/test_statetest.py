import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, assert_one_line

ARCHIVE = "general_state_tests.tar.xz"
EXAMPLES = "GeneralStateTests/stExample"


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ethereum/tests' examples, as files."""
    directory = os.environ.get("VERKLE_VECTORS")
    if not directory:
        pytest.skip("VERKLE_VECTORS is not set")
    place = tmp_path_factory.mktemp("examples")
    with tarfile.open(Path(directory) / ARCHIVE) as stream:
        for member in stream:
            content = stream.extractfile(member)
            if member.name.startswith(EXAMPLES) and content is not None:
                (place / Path(member.name).name).write_bytes(content.read())
    return place


def changed(path: Path, target: Path, **members: Any) -> Path:
    """A copy whose first case has other members."""
    document = json.loads(path.read_bytes())
    (test,) = document.values()
    test["post"]["Cancun"][0].update(members)
    target.write_text(json.dumps(document))
    return target


def test_a_directory(run: Run, examples: Path) -> None:
    result = run("statetest", str(examples))
    *lines, totals = result.stdout.splitlines()
    assert result.exit_code == 0
    assert result.stderr == ""
    assert len(lines) == 10
    assert all(line.startswith("pass  Cancun  ") for line in lines)
    assert lines[2].split("  ")[2:] == [
        "add11",
        "data 0, gas 0, value 0",
        "0xe8010ce590f401c9d61fef8ab05bea9bcec24281b795e5868809bc4e515aa530",
    ]
    assert totals == "10 passed, 0 failed"


def test_json_is_one_array_with_gos_members(run: Run, examples: Path) -> None:
    result = run("statetest", str(examples / "add11.json"), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {
            "name": "add11",
            "pass": True,
            "fork": "Cancun",
            "stateRoot": "0xe8010ce590f401c9d61fef8ab05bea9bcec24281b795e5868809bc4e515aa530",
        }
    ]


def test_processes_give_the_same_lines(run: Run, examples: Path) -> None:
    assert run("statetest", str(examples), "--jobs", "2").output == run("statetest", str(examples)).output


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("hash", "0x" + "11" * 32, "post state root mismatch: got 0xe8010c"),
        ("logs", "0x" + "11" * 32, "post state logs hash mismatch: got 0x1dcc4d"),
        ("expectException", "TransactionException.INITCODE_SIZE_EXCEEDED", "executed, but must be refused"),
        ("txbytes", "0x00", "refused: transaction-malformed"),
    ],
)
def test_cases_that_fail(run: Run, examples: Path, tmp_path: Path, member: str, value: str, said: str) -> None:
    path = changed(examples / "add11.json", tmp_path / "t.json", **{member: value})
    result = run("statetest", str(path))
    assert result.exit_code == 1
    line, totals = result.stdout.splitlines()
    assert line.startswith("FAIL  Cancun  add11  data 0, gas 0, value 0  0x")
    assert said in line
    assert totals == "0 passed, 1 failed"
    (row,) = json.loads(run("statetest", str(path), "--json").stdout)
    assert row["pass"] is False
    assert row["error"].startswith("data 0, gas 0, value 0: ")
    assert said in row["error"]


def test_refusals_for_another_reason_fail(run: Run, examples: Path, tmp_path: Path) -> None:
    path = changed(
        examples / "invalidTr.json", tmp_path / "t.json", expectException="TransactionException.SENDER_NOT_EOA"
    )
    result = run("statetest", str(path))
    assert result.exit_code == 1
    assert "but for another reason: TransactionException.SENDER_NOT_EOA" in result.stdout
    path = changed(
        examples / "invalidTr.json", tmp_path / "t.json", expectException="TransactionException.SOMETHING_NEW"
    )
    assert run("statetest", str(path)).exit_code == 0


def test_quiet_prints_failures_only(run: Run, examples: Path, tmp_path: Path) -> None:
    bad = changed(examples / "add11.json", tmp_path / "t.json", hash="0x" + "11" * 32)
    result = run("statetest", str(examples), str(bad), "--quiet")
    assert result.exit_code == 1
    line, totals = result.stdout.splitlines()
    assert line.startswith("FAIL")
    assert totals == "10 passed, 1 failed"


def test_choosing_by_name_and_fork(run: Run, examples: Path, tmp_path: Path) -> None:
    assert run("statetest", str(examples), "--run", "^add11$").stdout.endswith("\n1 passed, 0 failed\n")
    assert run("statetest", str(examples), "--fork", "CANCUN").stdout.endswith("10 passed, 0 failed\n")
    assert_one_line(run("statetest", str(examples), "--fork", "london"), 2, "no case to run in 9 files")
    assert_one_line(run("statetest", str(examples), "--fork", "berlin"), 2, "--fork", "unknown", "osaka")
    assert_one_line(run("statetest", str(examples), "--run", "("), 2, "--run", "not a regular expression")
    document = json.loads((examples / "add11.json").read_bytes())
    document["add11"]["post"]["Berlin"] = document["add11"]["post"]["Cancun"]
    document["add11"]["post"]["Merge"] = document["add11"]["post"]["Cancun"]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(document))
    assert run("statetest", str(path)).stdout.endswith("2 passed, 0 failed, 1 case of other forks\n")
    assert run("statetest", str(path), "--fork", "paris").stdout.endswith("1 passed, 0 failed\n")


def test_a_trace_goes_to_standard_error(run: Run, examples: Path) -> None:
    result = run("statetest", str(examples / "add11.json"), "--trace")
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert [record.get("opName") for record in records] == [
        "PUSH1",
        "PUSH1",
        "ADD",
        "PUSH1",
        "SSTORE",
        "STOP",
        None,
        None,
    ]
    assert records[4]["gasCost"] == hex(22_100)
    assert records[-2] == {"output": "", "gasUsed": hex(22_100 + 12)}
    assert records[-1] == {"stateRoot": "0xe8010ce590f401c9d61fef8ab05bea9bcec24281b795e5868809bc4e515aa530"}
    assert result.stdout.startswith("pass")
    assert_one_line(run("statetest", str(examples), "--trace", "--jobs", "2"), 2, "--trace needs --jobs 1")


def test_files_that_cannot_be_read(run: Run, examples: Path, tmp_path: Path) -> None:
    """One line, exit code 2, and what came before it."""
    good = (examples / "add11.json").read_text()
    malformed = {
        "missing.json": (None, "no such file"),
        "empty.json": ("", "the file is empty"),
        "cut.json": (good[:-200], "line"),
        "list.json": ("[]", "expected an object"),
        "none.json": ("{}", "the file holds no test"),
        "other.json": ('{"a": {"env": {}}}', "['a'].env.currentCoinbase: missing"),
        "twice.json": ('{"a": 1, "a": 2}', "occurs twice"),
        "number.json": (
            good.replace('"0x5f5e100"', '"100"').replace("currentNumber", "currentNummer"),
            "currentNummer",
        ),
    }
    document = json.loads(good)
    document["add11"]["env"]["currentExcessBlobGas"] = hex(2**64 - 1)  # a price of blobs that would never be computed
    malformed["price.json"] = (json.dumps(document), "env.currentExcessBlobGas: at most")
    for name, (text, said) in malformed.items():
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        assert_one_line(run("statetest", str(path)), 2, name, said)
    assert_one_line(run("statetest", str(tmp_path / "cut.json"), "--json", "--jobs", "2"), 2, "cut.json")
    result = run("statetest", str(examples / "add11.json"), str(tmp_path / "none.json"))
    assert_one_line(result, 2, "none.json")
    assert result.stdout.startswith("pass")
    (tmp_path / "directory").mkdir()
    assert_one_line(run("statetest", str(tmp_path / "directory")), 2, "no .json file below")
    assert_one_line(run("statetest"), 2, "PATH")


def test_help_teaches(run: Run) -> None:
    result = run("statetest", "--help")
    assert result.exit_code == 0
    for word in ("GeneralStateTests", "EIP-3155", "Exit codes", "verkle statetest"):
        assert word in result.stdout
