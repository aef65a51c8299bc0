import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, assert_one_line, rows

PRESENT = "0x" + "03" * 32
ABSENT_SUFFIX = "0x" + "03" * 31 + "ff"
ABSENT_STEM = "0x" + "aa" * 32
UNCOVERED = "0x" + "05" * 32


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.json"
    path.write_text(json.dumps({"0x" + f"{i % 7:02x}" * 31 + f"{i:02x}": f"{i:#066x}" for i in range(20)}))
    return path


def prove(run: Run, values: Path, *keys: str) -> tuple[str, str]:
    """The proof's path and the root."""
    out = values.parent / "proof.json"
    options = [option for key in keys for option in ("--key", key)]
    (row,) = rows(run("tree", "prove", str(values), *options, "--out", str(out), "--force", "--json"))
    return str(out), row["root"]


def test_present_and_absent(run: Run, values: Path) -> None:
    proof, root = prove(run, values, PRESENT, ABSENT_STEM, ABSENT_SUFFIX)
    result = run("tree", "verify", proof, "--root", root)
    assert result.exit_code == 0
    expected = [f"{PRESENT} {3:#066x}", f"{ABSENT_SUFFIX} absent", f"{ABSENT_STEM} absent"]
    assert result.stdout.splitlines() == expected
    (row,) = rows(run("tree", "verify", proof, "--root", root, "--key", PRESENT, "--json"))
    assert row == {"verdict": "valid", "root": root, "keys": [{"key": PRESENT, "value": f"{3:#066x}"}]}


def test_the_proof_goes_to_standard_output_and_the_root_beside_it(run: Run, values: Path) -> None:
    keys = values.parent / "keys.txt"
    keys.write_text(f"{PRESENT}\n\n{ABSENT_STEM}\n")
    result = run("tree", "prove", str(values), "--keys-from", str(keys))
    assert result.exit_code == 0
    assert list(rows(result)[0]) == ["stateDiff", "verkleProof"]
    assert result.stderr.startswith("root 0x")


def test_a_wrong_root_is_rejected(run: Run, values: Path) -> None:
    proof, _ = prove(run, values, PRESENT)
    other = "0x" + bytes(32).hex()
    result = run("tree", "verify", proof, "--root", other, "--json")
    assert result.exit_code == 1
    assert rows(result)[0]["reason"] == "proof-invalid"
    assert result.stderr.startswith("rejected: proof-invalid")


def test_an_uncovered_key_is_not_absent(run: Run, values: Path) -> None:
    proof, root = prove(run, values, PRESENT)
    result = run("tree", "verify", proof, "--root", root, "--key", UNCOVERED)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not cover" in result.stderr


def test_a_changed_value_is_rejected(run: Run, values: Path) -> None:
    proof, root = prove(run, values, PRESENT)
    text = Path(proof).read_text()
    Path(proof).write_text(text.replace(f"{3:064x}", f"{4:064x}"))
    assert run("tree", "verify", proof, "--root", root).exit_code == 1


def test_the_empty_tree(run: Run, values: Path) -> None:
    values.write_text("{}")
    proof, root = prove(run, values, PRESENT)
    assert root == "0x" + bytes(32).hex()
    assert run("tree", "verify", proof, "--root", root).stdout == f"{PRESENT} absent\n"


def test_markers_are_those_of_the_profile(run: Run, values: Path) -> None:
    """Two stems below path 0x01, and a third one asked for that is not there: only a marker shows an internal node."""
    values.write_text(json.dumps({"0x01" + f"{i:02x}" * 31: f"{i:#066x}" for i in (1, 2)}))
    asked = "0x01" + "09" * 31
    proof, root = prove(run, values, asked)
    assert len(json.loads(Path(proof).read_text())["verkleProof"]["internalNodeMarkers"]) == 1
    assert run("tree", "verify", proof, "--root", root).stdout == f"{asked} absent\n"
    result = run("tree", "verify", proof, "--root", root, "--profile", "kaustinen7")
    assert (result.exit_code, "marker-count" in result.stderr) == (1, True)
    out = values.parent / "w.ssz"
    assert run("witness", "convert", proof, str(out)).exit_code == 0
    assert run("tree", "verify", str(out), "--root", root).exit_code == 0
    assert_one_line(run("witness", "convert", proof, str(out), "--force", "--profile", "kaustinen7"), 2, "markers")


def test_bad_files_and_keys(run: Run, values: Path) -> None:
    assert_one_line(run("tree", "prove", str(values)), 2, "--key")
    assert_one_line(run("tree", "prove", str(values), "--key", "0x12"), 2, "--key", "32 bytes")
    values.write_text(json.dumps({"0x" + "ab" * 32: ABSENT_STEM, "0x" + "AB" * 32: ABSENT_STEM}))
    assert_one_line(run("tree", "prove", str(values), "--key", PRESENT), 2, "two spellings")
    values.write_text(json.dumps({"0x" + "ab" * 32: 7}))
    assert_one_line(run("tree", "prove", str(values), "--key", PRESENT), 2, "expected a string")
    values.write_text(f"{PRESENT}\nnonsense\n")
    assert_one_line(run("tree", "prove", str(values), "--keys-from", str(values)), 2, "values.json:2")
