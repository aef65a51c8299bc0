import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli import files, sample
from cli.chain import STAGES
from cli.sample import PROFILE
from spec.codec import payload_json, rlp, ssz
from spec.containers import ExecutionWitness, NewPayloadRequest
from spec.params import KAUSTINEN6, VERKLE
from spec.types import Hash32, StateRoot, Uint64, Value
from stateless.transaction import intrinsic_gas
from stateless.verdict import Assumption, Check
from tests.cli.conftest import Made, Run, assert_one_line, rows, text_of
from verkle.engine import ReferenceEngine
from witness.proof import prove

VERDICT_MEMBERS = [
    "number",
    "hash",
    "verdict",
    "reason",
    "detail",
    "checks",
    "assumed",
    "transactions",
    "gas_used",
    "mgas_per_second",
    "unneeded",
    "witness_bytes",
    "proof_bytes",
    "stems",
    "openings",
    "seconds",
    "place",
]


ALL_CHECKS = [str(check) for check in Check]


def write_stream(path: Path, requests: list[NewPayloadRequest]) -> str:
    path.write_text("".join(text_of(request) + "\n" for request in requests))
    return str(path)


def with_payload(request: NewPayloadRequest, **fields: Any) -> NewPayloadRequest:
    return replace(request, execution_payload=replace(request.execution_payload, **fields))


def witness_of(request: NewPayloadRequest) -> ExecutionWitness:
    witness = request.execution_payload.execution_witness
    assert witness is not None
    return witness


def with_value_changed(request: NewPayloadRequest, *, after: bool) -> NewPayloadRequest:
    witness = request.execution_payload.execution_witness
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
    return with_payload(request, execution_witness=replace(witness, state_diff=tuple(diffs)))


def test_one_block_is_told_in_a_few_lines(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("block2.json"), "--parent", made.path("block1.json"))
    assert result.exit_code == 0
    assert result.stdout.startswith("block 2: valid\n")
    assert "executed  21 transactions, 441,000 gas, " in result.stdout
    assert "Checked: header and block hash; the proof of the pre-state; transactions, executed" in result.stdout
    assert "state root is known" not in result.stdout
    assert result.stderr == ""


def test_json_shape(run: Run, made: Made) -> None:
    result = run("block", "verify", made.path("blocks.jsonl"), "--parent-root", made.root, "--json")
    *verdicts, end = rows(result)
    assert result.exit_code == 0
    assert [list(verdict) for verdict in verdicts] == [VERDICT_MEMBERS] * 3
    assert [verdict["number"] for verdict in verdicts] == [1, 2, 3]
    assert [verdict["verdict"] for verdict in verdicts] == ["valid"] * 3
    assert [verdict["hash"] for verdict in verdicts] == ["0x" + payload.block_hash.hex() for payload in made.payloads]
    assert verdicts[0]["checks"] == [check for check in ALL_CHECKS if check != Check.PARENT]
    assert verdicts[0]["assumed"] == [Assumption.PARENT_STATE, Assumption.PARENT_HEADER, Assumption.CONSENSUS]
    assert verdicts[1]["checks"] == ALL_CHECKS
    assert verdicts[1]["assumed"] == [Assumption.PARENT_STATE, Assumption.CONSENSUS]
    assert [verdict["transactions"] for verdict in verdicts] == [6, 21, 1]
    assert [verdict["gas_used"] for verdict in verdicts] == [payload.gas_used for payload in made.payloads]
    assert all(verdict["mgas_per_second"] > 0 and verdict["unneeded"] == 0 for verdict in verdicts)
    assert list(verdicts[0]["seconds"]) == list(STAGES)
    assert all(spent > 0 for spent in verdicts[0]["seconds"].values())
    totals = end["totals"]
    assert (totals["valid"], totals["rejected"], totals["skipped"]) == (3, 0, 0)
    assert totals["witness_bytes"]["total"] == sum(verdict["witness_bytes"] for verdict in verdicts)
    assert totals["seconds"]["proof"]["total"] > 0
    assert totals["blocks_per_second"] > 0
    assert totals["checks"] == ALL_CHECKS
    assert (totals["transactions"], totals["gas_used"]) == (28, sum(payload.gas_used for payload in made.payloads))
    assert totals["mgas_per_second"] > 0
    assert totals["assumed"] == [Assumption.PARENT_STATE, Assumption.PARENT_HEADER, Assumption.CONSENSUS]


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
    first, second, third = made.requests
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


def test_a_wrong_new_value_is_not_what_execution_writes(run: Run, made: Made, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(text_of(with_value_changed(made.requests[0], after=True)))
    result = run("block", "verify", str(path), "--parent-root", made.root)
    assert result.exit_code == 1
    assert "block 1: REJECTED" in result.stdout
    assert "reason   write-mismatch: at " in result.stdout
    result = run("block", "verify", str(path), "--parent-root", made.root, "--checks", "proof")
    assert result.exit_code == 1
    assert "reason   state-root-mismatch" in result.stdout


def test_blocks_that_do_not_follow_are_rejected(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, third = made.requests
    stranger = with_payload(second, parent_hash=Hash32(b"\x11" * 32))
    path = write_stream(tmp_path / "b.jsonl", [first, third, stranger])
    result = run("block", "verify", path, "--parent-root", made.root, "--json")
    assert result.exit_code == 1
    assert [row["reason"] for row in rows(result)[:-1]] == [None, "parent-mismatch", "parent-mismatch"]
    result = run("block", "verify", path, "--parent-root", made.root, "--json", "--checks", "proof")
    assert result.exit_code == 1
    assert [row["reason"] for row in rows(result)[:-1]] == [None, "parent-mismatch", "parent-mismatch"]
    result = run("block", "verify", made.path("block2.json"), "--genesis", made.path("genesis.json"))
    assert (result.exit_code, "parent-mismatch" in result.stdout) == (1, True)


def test_points_and_witnesses_that_are_not_there(run: Run, made: Made, tmp_path: Path) -> None:
    first = made.requests[0]
    witness = witness_of(first)
    bad_point = replace(witness, verkle_proof=replace(witness.verkle_proof, d=StateRoot(b"\xff" * 32)))
    reasons = []
    for index, found in enumerate([bad_point, None]):
        path = write_stream(tmp_path / f"{index}.jsonl", [with_payload(first, execution_witness=found)])
        for checks in ("full", "proof"):
            result = run("block", "verify", path, "--parent-root", made.root, "--json", "--checks", checks)
            reasons.append(rows(result)[0]["reason"])
    assert reasons == ["decode-error", "decode-error", "witness-missing", "witness-missing"]


def test_a_rejected_block_does_not_condemn_the_next(run: Run, made: Made, tmp_path: Path) -> None:
    first, second, _ = made.requests
    path = write_stream(tmp_path / "b.jsonl", [with_value_changed(first, after=False), second])
    result = run("block", "verify", path, "--parent-root", made.root, "--verbose")
    assert result.exit_code == 1
    assert "block 1  REJECTED  proof-invalid" in result.stdout
    assert "block 2  valid" in result.stdout
    assert run("block", "verify", path, "--parent-root", made.root, "--quiet").output == ""


def test_the_payload_of_a_genesis_slot_is_skipped(run: Run, made: Made, tmp_path: Path) -> None:
    zero = StateRoot(bytes(32))
    first = made.requests[0]
    empty = with_payload(first, block_number=Uint64(0), block_hash=Hash32(zero), state_root=zero)
    path = write_stream(tmp_path / "b.jsonl", [empty, first])
    result = run("block", "verify", path, "--genesis", made.path("genesis.json"))
    assert result.exit_code == 0
    assert "1 valid, 0 rejected, 1 skipped" in result.stdout
    assert result.stderr.startswith("note: ")


def test_a_beacon_wrapper_is_read(run: Run, made: Made, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    first = made.requests[0]
    beside = {
        "versioned_hashes": [],
        "parent_beacon_block_root": "0x" + (first.parent_beacon_block_root or b"").hex(),
        "execution_requests": [],
    }
    payload = payload_json.encode_payload(first.execution_payload)
    path.write_text(json.dumps({"slot": 1, "execution_payload": payload, **beside}))
    assert run("block", "verify", str(path), "--parent-root", made.root, "--quiet").exit_code == 0


def test_a_payload_alone_does_not_tell_its_hash(run: Run, made: Made, tmp_path: Path) -> None:
    """In networks with beacon roots and requests; the proof needs neither."""
    first = made.payloads[0]
    names = [str(tmp_path / "b.json"), str(tmp_path / "b.ssz")]
    Path(names[0]).write_text(json.dumps(payload_json.encode_payload(first)))
    Path(names[1]).write_bytes(ssz.encode_payload(first, PROFILE))
    for name in names:
        result = run("block", "verify", name, "--parent-root", made.root)
        assert_one_line(result, 2, name, "parent_beacon_block_root", "execution_requests", "--checks proof")
        assert_one_line(run("block", "verify", made.path("block2.json"), "--parent", name), 2, name, "--checks proof")
        result = run("block", "verify", name, "--parent-root", made.root, "--checks", "proof", "--json")
        assert result.exit_code == 0
        verdict, end = rows(result)
        assert verdict["checks"] == end["totals"]["checks"] == ["proof", "post-root"]
        assert verdict["assumed"][-1] == Assumption.EXECUTION
        assert verdict["gas_used"] is end["totals"]["gas_used"] is None
        assert [stage for stage, spent in verdict["seconds"].items() if spent] == ["read", "proof", "post_root"]
        text = run("block", "verify", name, "--parent-root", made.root, "--checks", "proof").stdout
        assert "(as stated)" in text
        assert "Nothing was executed" in text


def test_a_parent_whose_hash_is_not_its_own(run: Run, made: Made, tmp_path: Path) -> None:
    """A parent that no one verifies must at least be the block whose hash it states."""
    first, second, _ = made.requests
    wrong = with_payload(first, gas_used=Uint64(1))
    path = tmp_path / "parent.json"
    path.write_text(text_of(wrong))
    result = run("block", "verify", made.path("block2.json"), "--parent", str(path))
    assert_one_line(result, 1, "block-hash-mismatch")
    stream = write_stream(tmp_path / "b.jsonl", [wrong, second])
    assert_one_line(run("block", "verify", stream, "--from", "2"), 1, "block-hash-mismatch")
    assert run("block", "verify", stream, "--from", "2", "--checks", "proof").exit_code == 0


def test_profiles_without_rules_of_execution(run: Run, made: Made) -> None:
    for number in range(2, 6):
        profile = f"kaustinen{number}"
        arguments = ("block", "verify", made.path("block1.json"), "--parent-root", made.root, "--profile", profile)
        assert_one_line(run(*arguments), 2, profile, "gas rules are not known", "--checks proof")
        assert run(*arguments, "--checks", "proof").exit_code == 0


def test_the_chain_id_comes_from_option_genesis_or_profile(run: Run, made: Made, tmp_path: Path) -> None:
    """The blocks are signed for chain 1, as the profile says."""
    other = json.loads(Path(made.path("genesis.json")).read_text())
    other["genesis"]["config"]["chainId"] = 77
    path = tmp_path / "genesis.json"
    path.write_text(json.dumps(other))
    block = ("block", "verify", made.path("block1.json"), "--json")
    assert run(*block, "--parent-root", made.root).exit_code == 0
    for origin in (("--genesis", str(path)), ("--parent-root", made.root, "--chain-id", "77")):
        (verdict, _) = rows(run(*block, *origin))
        assert (verdict["reason"], verdict["detail"]) == (
            "chain-id-mismatch",
            "chain-id-mismatch: transaction 0, signed 1, chain 77",
        )
    assert run(*block, "--genesis", str(path), "--chain-id", "1").exit_code == 0


def test_a_witness_that_lists_too_much(run: Run, made: Made, tmp_path: Path) -> None:
    """Rejected, or told by --lenient."""
    engine = ReferenceEngine()
    chain = sample.Chain.begin(sample.genesis_document(24), engine)
    root, tree = "0x" + chain.root.hex(), chain.tree
    request = chain.add(sample.steps()[4])
    witness = witness_of(request)
    extra = chain.keys.key((sample.address(5), 0, 1))
    keys = {*(key for key, _ in witness.locations()), extra}
    writes = {key: entry.new_value for key, entry in witness.locations() if entry.new_value is not None}
    longer = with_payload(request, execution_witness=prove(tree, keys, writes, markers=True))
    path = tmp_path / "b.json"
    path.write_text(text_of(longer))
    arguments = ("block", "verify", str(path), "--parent-root", root)
    result = run(*arguments)
    assert result.exit_code == 1
    assert (
        f"witness-not-minimal: lists a place of no account that the block touches, key 0x{extra.hex()}" in result.stdout
    )
    result = run(*arguments, "--lenient")
    assert result.exit_code == 0
    assert "(1 location listed for nothing)" in result.stdout
    verdict, end = rows(run(*arguments, "--lenient", "--json"))
    assert verdict["unneeded"] == end["totals"]["unneeded"] == 1
    assert Check.MINIMAL not in verdict["checks"]
    assert_one_line(run(*arguments, "--lenient", "--checks", "proof"), 2, "--lenient")


def test_a_trace_is_that_of_the_block(run: Run, made: Made) -> None:
    """EIP-3155 records: gas adds up, events are told, transactions are numbered, one can be chosen."""
    arguments = ("block", "trace", made.path("block3.json"), "--parent", made.path("block2.json"))
    steps = rows(run(*arguments, "--tx", "0"))
    *instructions, end = steps
    (encoded,) = made.payloads[2].transactions
    before = intrinsic_gas(rlp.decode_transaction(encoded), VERKLE.require_execution())
    assert before + int(end["gasUsed"], 16) == made.payloads[2].gas_used
    assert [step["opName"] for step in instructions[:3]] == ["PUSH0", "JUMPDEST", "CALLDATASIZE"]
    assert {step["opName"] for step in instructions} >= {"SSTORE", "SLOAD", "LOG1", "STOP"}
    stored = next(step for step in instructions if step["opName"] == "SSTORE")
    events = stored["accesses"]
    assert {(event["treeIndex"], event["subIndex"], event["write"]) for event in events} == {("0x0", 66, True)}
    assert sum(int(event["gas"], 16) for event in events) == 200 + 3000 + 500 + 6200
    numbered = rows(run(*arguments))
    assert [{"transaction": 0, **step} for step in steps] == numbered
    stream = ("block", "trace", made.path("blocks.jsonl"), "--block", "3")
    assert rows(run(*stream)) == numbered
    transfers = rows(run("block", "trace", made.path("blocks.jsonl"), "--block", "2"))
    assert [record["transaction"] for record in transfers] == list(range(21))


def test_traces_that_cannot_be(run: Run, made: Made, tmp_path: Path) -> None:
    block = ("block", "trace", made.path("block3.json"))
    assert_one_line(run(*block), 2, "--parent-root")
    assert_one_line(run(*block, "--parent", made.path("block2.json"), "--tx", "1"), 2, "no transaction 1")
    assert_one_line(run("block", "trace", made.path("blocks.jsonl")), 2, "--block")
    assert_one_line(run("block", "trace", made.path("blocks.jsonl"), "--block", "9"), 2, "block 9")
    assert_one_line(run(*block, "--parent-root", made.root), 1, "proof-invalid")
    assert_one_line(run(*block, "--parent-root", made.root, "--profile", "kaustinen4"), 2, "gas rules")
    path = tmp_path / "b.json"
    path.write_text(text_of(with_payload(made.requests[2], execution_witness=None)))
    assert_one_line(run("block", "trace", str(path), "--parent-root", made.root), 2, "no execution witness")
    path.write_text(text_of(with_payload(made.requests[2], transactions=(b"\x02",))))
    assert_one_line(run("block", "trace", str(path), "--parent", made.path("block2.json")), 1, "transaction-malformed")


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
    assert [row["reason"] for row in rows(result)[:-1]] == ["witness-incomplete"]
    assert "needs version of 0xff" in rows(result)[0]["detail"]
    result = run(*common, "--genesis", str(vectors() / "genesis.json"), "--to", "1", "--checks", "proof")
    assert [row["reason"] for row in rows(result)[:-1]] == ["state-root-mismatch"]


def test_a_real_trace(run: Run) -> None:
    """Block 655 calls deployed code: the gas of its transactions is the header's."""
    path = vectors() / "blocks-0000-0665.jsonl.gz"
    records = rows(run("block", "trace", str(path), "--block", "655", "--profile", "kaustinen6"))
    (document,) = (one for one in files.documents(path) if one.payload(KAUSTINEN6).block_number == 655)
    payload, rules = document.payload(KAUSTINEN6), KAUSTINEN6.require_execution()
    gas = sum(intrinsic_gas(rlp.decode_transaction(one), rules) for one in payload.transactions)
    gas += sum(int(record["gasUsed"], 16) for record in records if "gasUsed" in record)
    assert gas == payload.gas_used
    assert len({record["opName"] for record in records if "opName" in record}) > 20


def test_figures_of_a_real_witness(run: Run) -> None:
    """Block 72: 5 stems, 21 keys, 65 openings, a proof of 997 bytes (counted by another implementation)."""
    blocks = str(vectors() / "blocks-0000-0665.jsonl.gz")
    result = run("block", "verify", blocks, "--profile", "kaustinen6", "--json", "--from", "72", "--to", "72")
    verdict = rows(result)[0]
    assert (verdict["stems"], verdict["openings"], verdict["proof_bytes"]) == (5, 65, 997)
