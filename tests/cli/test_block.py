import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from spec.codec import payload_json
from spec.containers import ExecutionPayload
from spec.types import Hash32, StateRoot, Value
from tests.cli.conftest import Made, Run, assert_one_line, rows, text_of

VERDICT_MEMBERS = [
    "number",
    "hash",
    "verdict",
    "reason",
    "detail",
    "checks",
    "witness_bytes",
    "proof_bytes",
    "stems",
    "openings",
    "seconds",
    "place",
]


def write_stream(path: Path, payloads: list[ExecutionPayload]) -> str:
    path.write_text("".join(text_of(payload) + "\n" for payload in payloads))
    return str(path)


def with_value_changed(payload: ExecutionPayload, *, after: bool) -> ExecutionPayload:
    witness = payload.execution_witness
    assert witness is not None
    wanted = next(
        (i, j)
        for i, diff in enumerate(witness.state_diff)
        for j, entry in enumerate(diff.suffix_diffs)
        if (entry.new_value if after else entry.current_value) is not None
    )
    diffs = list(witness.state_diff)
    entries = list(diffs[wanted[0]].suffix_diffs)
    entry = entries[wanted[1]]
    false = Value(b"\x77" * 32)
    entries[wanted[1]] = replace(entry, new_value=false) if after else replace(entry, current_value=false)
    diffs[wanted[0]] = replace(diffs[wanted[0]], suffix_diffs=tuple(entries))
    return replace(payload, execution_witness=replace(witness, state_diff=tuple(diffs)))


def test_one_block_is_told_in_a_few_lines(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("block2.json"), "--parent", made.path("block1.json"))
    assert result.exit_code == 0
    assert result.stdout.startswith("block 2: valid\n")
    assert "Transactions are not re-executed yet" in result.stdout
    assert result.stderr == ""


def test_json_shape(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("blocks.jsonl"), "--parent-root", made.root, "--json")
    *verdicts, end = rows(result)
    assert result.exit_code == 0
    assert [list(verdict) for verdict in verdicts] == [VERDICT_MEMBERS] * 3
    assert [verdict["number"] for verdict in verdicts] == [1, 2, 3]
    assert [verdict["verdict"] for verdict in verdicts] == ["valid"] * 3
    assert [verdict["hash"] for verdict in verdicts] == ["0x" + payload.block_hash.hex() for payload in made.payloads]
    assert verdicts[0]["checks"] == ["proof", "post-root"]
    assert verdicts[0]["seconds"].keys() == {"read", "proof", "post_root"}
    totals = end["totals"]
    assert (totals["valid"], totals["rejected"], totals["skipped"]) == (3, 0, 0)
    assert totals["witness_bytes"]["total"] == sum(verdict["witness_bytes"] for verdict in verdicts)
    assert totals["seconds"]["proof"]["total"] > 0
    assert totals["blocks_per_second"] > 0


def test_many_blocks_end_in_totals(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("blocks.jsonl"), "--genesis", made.path("genesis.json"))
    assert result.exit_code == 0
    assert "3 valid, 0 rejected" in result.stdout
    assert "block 2" not in result.stdout


def test_ssz_continued_by_json(run: Run, made: Made) -> None:
    paths = [made.path(name) for name in ("block1.ssz", "block2.json")]
    result = run("block", "verify", *paths, "--parent-root", made.root, "--json")
    assert result.exit_code == 0
    assert [row["verdict"] for row in rows(result)[:-1]] == ["valid", "valid"]


def test_processes_give_the_same_verdicts_in_order(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, third = made.payloads
    stream = tmp_path / "blocks.jsonl.gz"
    tampered = [first, with_value_changed(second, after=False), third]
    stream.write_bytes(gzip.compress("".join(text_of(one) + "\n" for one in tampered).encode() + b"{\n"))
    result = run("block", "verify", str(stream), "--parent-root", made.root, "--jobs", "2", "--json")
    assert_one_line(result, 2, "blocks.jsonl.gz:4")
    assert [(row["number"], row["reason"]) for row in rows(result)] == [(1, None), (2, "proof-invalid"), (3, None)]


def test_a_range_needs_no_parent_of_its_own(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("blocks.jsonl"), "--from", "2", "--to", "2", "--json")
    assert result.exit_code == 0
    assert [row.get("number") for row in rows(result)] == [2, None]
    result = run("block", "verify", made.path("blocks.jsonl"), "--from", "1")
    assert_one_line(result, 2, "blocks.jsonl:1", "--parent-root")
    assert_one_line(run("block", "verify", made.path("blocks.jsonl"), "--from", "9"), 2, "no block to verify")


def test_a_wrong_new_value_misses_the_root(run: Run, made: Made, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(text_of(with_value_changed(made.payloads[0], after=True)))
    result = run("block", "verify", str(path), "--parent-root", made.root)
    assert result.exit_code == 1
    assert "block 1: REJECTED" in result.stdout
    assert "reason   state-root-mismatch" in result.stdout


def test_blocks_that_do_not_follow_are_rejected(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, third = made.payloads
    stranger = replace(second, parent_hash=Hash32(b"\x11" * 32))
    path = write_stream(tmp_path / "b.jsonl", [first, third, stranger])
    result = run("block", "verify", path, "--parent-root", made.root, "--json")
    assert result.exit_code == 1
    assert [row["reason"] for row in rows(result)[:-1]] == [None, "parent-mismatch", "parent-mismatch"]
    result = run("block", "verify", made.path("block2.json"), "--genesis", made.path("genesis.json"))
    assert (result.exit_code, "parent-mismatch" in result.stdout) == (1, True)


def test_points_and_witnesses_that_are_not_there(run: Run, made: Made, tmp_path: Path) -> None:
    first = made.payloads[0]
    witness = first.execution_witness
    assert witness is not None
    bad_point = replace(witness, verkle_proof=replace(witness.verkle_proof, d=StateRoot(b"\xff" * 32)))
    blocks = [replace(first, execution_witness=bad_point), replace(first, execution_witness=None)]
    reasons = []
    for index, payload in enumerate(blocks):
        path = write_stream(tmp_path / f"{index}.jsonl", [payload])
        reasons.append(rows(run("block", "verify", path, "--parent-root", made.root, "--json"))[0]["reason"])
    assert reasons == ["decode-error", "witness-missing"]


def test_a_rejected_block_does_not_condemn_the_next(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, _ = made.payloads
    path = write_stream(tmp_path / "b.jsonl", [with_value_changed(first, after=False), second])
    result = run("block", "verify", path, "--parent-root", made.root, "--verbose")
    assert result.exit_code == 1
    assert "block 1  REJECTED  proof-invalid" in result.stdout
    assert "block 2  valid" in result.stdout
    assert run("block", "verify", path, "--parent-root", made.root, "--quiet").output == ""


def test_the_payload_of_a_genesis_slot_is_skipped(run: Run, made: Made, tmp_path: Path) -> None:
    zero = StateRoot(bytes(32))
    empty = replace(made.payloads[0], block_number=0, block_hash=Hash32(zero), state_root=zero)  # type: ignore[arg-type]
    path = write_stream(tmp_path / "b.jsonl", [empty, made.payloads[0]])
    result = run("block", "verify", path, "--genesis", made.path("genesis.json"))
    assert result.exit_code == 0
    assert "1 valid, 0 rejected, 1 skipped" in result.stdout
    assert result.stderr.startswith("note: ")


def test_a_beacon_wrapper_is_read(run: Run, made: Made, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"slot": 1, "execution_payload": payload_json.encode_payload(made.payloads[0])}))
    assert run("block", "verify", str(path), "--parent-root", made.root, "--quiet").exit_code == 0


def vectors() -> Path:
    directory = os.environ.get("VERKLE_VECTORS")
    if not directory:
        pytest.skip("VERKLE_VECTORS is not set")
    return Path(directory) / "kaustinen6"


def test_real_blocks(run: Run) -> None:
    blocks = str(vectors() / "blocks-0000-0665.jsonl.gz")
    common = ("block", "verify", blocks, "--profile", "kaustinen6", "--json")
    result = run(*common, "--from", "2", "--to", "5")
    assert result.exit_code == 0
    assert [row["verdict"] for row in rows(result)[:-1]] == ["valid"] * 4
    result = run(*common, "--genesis", str(vectors() / "genesis.json"), "--to", "1")
    assert result.exit_code == 1
    assert [row["reason"] for row in rows(result)[:-1]] == ["state-root-mismatch"]


def test_figures_of_a_real_witness(run: Run) -> None:
    """Block 72: 5 stems, 21 keys, 65 openings, a proof of 997 bytes (counted by another implementation)."""
    blocks = str(vectors() / "blocks-0000-0665.jsonl.gz")
    result = run("block", "verify", blocks, "--profile", "kaustinen6", "--json", "--from", "72", "--to", "72")
    verdict = rows(result)[0]
    assert (verdict["stems"], verdict["openings"], verdict["proof_bytes"]) == (5, 65, 997)
