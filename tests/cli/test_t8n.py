"""`verkle t8n`: what fillers rely on, state tests of strangers as its input, and EELS's own tool beside it."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from cli.main import verkle
from spec.codec import rlp
from spec.codec.rlp_items import Encodable, encode_items
from spec.codec.text import hex_bytes, to_hex
from spec.codec.transition_json import decode_accounts, decode_leaves
from spec.codec.witness_json import decode_witness
from spec.crypto import address_of, keccak256
from spec.forks import WITHDRAWAL_REQUESTS_ADDRESS
from spec.params import VERKLE
from spec.system_contracts import SYSTEM_CODES
from spec.types import StateRoot
from stateless.tries import ordered_root, state_root
from tests.bench.peers.client import EELS_PYTHON
from tests.cli.conftest import assert_one_line
from verkle.engine import ReferenceEngine
from verkle.tree import Tree
from witness.proof import check, post_state

VECTORS: Final = os.environ.get("VERKLE_VECTORS")
SECRET: Final = bytes(31) + b"\1"
SENDER: Final = to_hex(address_of(SECRET))
CONTRACT: Final = "0x" + "c0" * 20
COINBASE: Final = "0x" + "cb" * 20
FORKS: Final = ("London", "Paris", "Merge", "Shanghai", "Cancun", "Prague", "Osaka")
STREAMS: Final = tuple(
    word
    for name in ("input.alloc", "input.env", "input.txs", "output.alloc", "output.result", "output.body")
    for word in (f"--{name}", "stdin" if name.startswith("input") else "stdout")
)
ON_TREE: Final = (*STREAMS, "--output.vkt", "stdout", "--output.witness", "stdout")


def call(document: Any, *arguments: str) -> Result:
    """`verkle t8n` with a document on standard input."""
    result = CliRunner().invoke(verkle, ["t8n", *arguments], input=json.dumps(document))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def outputs(document: Any, *arguments: str) -> dict[str, Any]:
    """The JSON object on standard output of a call that succeeds."""
    result = call(document, *arguments)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def unsigned(nonce: int, **members: Any) -> dict[str, Any]:
    """A transaction that the tool signs."""
    plain = {"nonce": hex(nonce), "gasPrice": "0x10", "gas": "0x30d40", "to": CONTRACT, "value": "0x1", "input": "0x11"}
    return {**plain, "v": "0x0", "r": "0x0", "s": "0x0", "secretKey": to_hex(SECRET), **members}


def alloc() -> dict[str, Any]:
    """A sender, a contract that stores, logs and returns, and the system contracts."""
    accounts: dict[str, Any] = {
        SENDER: {"balance": "0xde0b6b3a7640000"},
        CONTRACT: {"balance": "0x0", "nonce": "0x1", "code": "0x600160005560aa60005260206000a060206000f3"},
    }
    for address, code in SYSTEM_CODES.items():
        accounts[to_hex(address)] = {"balance": "0x0", "nonce": "0x1", "code": to_hex(code)}
    return accounts


def environment(**members: Any) -> dict[str, Any]:
    """Block 5, with its figures in several spellings."""
    return {
        "currentCoinbase": COINBASE,
        "currentGasLimit": "30000000",
        "currentNumber": "0x05",
        "currentTimestamp": 1000,
        "currentRandom": "0x123",
        "parentBaseFee": "0x8",
        "parentGasUsed": "0x0",
        "parentGasLimit": "0x1c9c380",
        "parentExcessBlobGas": "0x20000",
        "parentBlobGasUsed": "0x20000",
        "parentBeaconBlockRoot": "0x" + "be" * 32,
        "blockHashes": {"0x4": "0x" + "44" * 32, "3": "0x" + "33" * 32},
        "withdrawals": [{"index": "0x0", "validatorIndex": "0x1", "address": "0x" + "dd" * 20, "amount": "0x5"}],
        **members,
    }


def transactions() -> list[dict[str, Any]]:
    """All kinds but set-code; the second cannot be executed."""
    fees = {"gasPrice": None, "maxPriorityFeePerGas": "0x1", "maxFeePerGas": "0x10"}
    blob = {**fees, "maxFeePerBlobGas": "0x10", "blobVersionedHashes": ["0x01" + "22" * 31], "input": "0x"}
    request = {"to": to_hex(WITHDRAWAL_REQUESTS_ADDRESS), "input": "0x" + "11" * 48 + "00000000000000ff"}
    return [
        unsigned(0, **fees, chainId="0x1", type="0x2", accessList=[]),
        unsigned(7),
        unsigned(1, **request),
        unsigned(2, **blob),
        unsigned(3, to=None, value="0x0", input="0x6001600155", protected=False),
    ]


# ---- what fillers rely on


def test_a_block_and_all_that_is_said_of_it() -> None:
    document = {"alloc": alloc(), "env": environment(), "txs": transactions()}
    found = outputs(document, *STREAMS, "--state.fork", "Osaka")
    result, accounts = found["result"], decode_accounts(found["alloc"])
    assert result["stateRoot"] == to_hex(state_root(accounts))
    assert accounts[address_of(SECRET)].nonce == 4
    assert found["alloc"]["0x" + "dd" * 20] == {"balance": hex(5 * 10**9)}
    body = rlp.decode_body(hex_bytes(found["body"]))
    assert [rlp.decode_transaction(raw).type for raw in body] == [2, 0, 3, 0]
    assert result["txRoot"] == to_hex(ordered_root(body))
    assert [receipt["transactionHash"] for receipt in result["receipts"]] == [to_hex(keccak256(raw)) for raw in body]
    assert [receipt["status"] for receipt in result["receipts"]] == ["0x1"] * 4
    assert [receipt["transactionIndex"] for receipt in result["receipts"]] == ["0x0", "0x1", "0x2", "0x3"]
    assert sum(int(receipt["gasUsed"], 16) for receipt in result["receipts"]) == int(result["gasUsed"], 16)
    assert result["receipts"][-1]["cumulativeGasUsed"] == result["gasUsed"]
    logs = [log for receipt in result["receipts"] for log in receipt["logs"]]
    assert [log["logIndex"] for log in logs] == [hex(index) for index in range(len(logs))]
    listed: list[Encodable] = [
        [hex_bytes(log["address"]), [*map(hex_bytes, log["topics"])], hex_bytes(log["data"])] for log in logs
    ]
    assert result["logsHash"] == to_hex(keccak256(encode_items(listed)))
    assert result["rejected"] == [{"index": 1, "error": f"nonce-mismatch: sender {SENDER}, nonce 7, account 1"}]
    assert result["currentBaseFee"] == "0x7"
    assert result["currentExcessBlobGas"] == "0x0"
    assert result["blobGasUsed"] == "0x20000"
    assert result["currentDifficulty"] is None
    assert result["receipts"][-1]["contractAddress"] != "0x" + "00" * 20
    (request,) = result["requests"]
    assert request.startswith("0x01") and SENDER[2:] in request and "11" * 48 in request


def test_one_block_in_every_form_of_input(tmp_path: Path) -> None:
    expected = outputs({"alloc": alloc(), "env": environment(), "txs": transactions()}, *STREAMS)
    signed = {"alloc": alloc(), "env": environment()}
    expected["result"].pop("rejected")
    for changed in ({"txs": expected["body"]}, {"txs": [], "txsRlp": expected["body"]}):
        found = outputs({**signed, **changed}, *STREAMS, "--state.fork", "osaka", "--state.chainid", "1")
        assert found["result"].pop("rejected") == []
        assert found == expected
    for name, member in (("alloc", signed["alloc"]), ("env", signed["env"]), ("txs", expected["body"])):
        (tmp_path / f"{name}.json").write_text(json.dumps(member))
    paths = [word for name in ("alloc", "env", "txs") for word in (f"--input.{name}", str(tmp_path / f"{name}.json"))]
    result = call(None, *paths, "--output.basedir", str(tmp_path / "out"), "--output.body", "below/txs.rlp", "--trace")
    assert (result.exit_code, result.stdout) == (0, "")
    written = {path.name: path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert json.loads(written.pop("alloc.json").read_text()) == expected["alloc"]
    assert json.loads(written.pop("txs.rlp").read_text()) == expected["body"]
    rejecting = json.loads(written.pop("result.json").read_text())
    assert rejecting.pop("rejected") == []
    assert rejecting == expected["result"]
    receipts = expected["result"]["receipts"]
    assert sorted(written) == [f"trace-{i}-{one['transactionHash']}.jsonl" for i, one in enumerate(receipts)]
    lines = [json.loads(line) for line in written[sorted(written)[0]].read_text().splitlines()]
    assert [line["opName"] for line in lines[:3]] == ["PUSH1", "PUSH1", "SSTORE"]
    assert "stack" in lines[0] and "returnData" not in lines[0]
    assert lines[-1]["output"].endswith("aa")


def test_traces_leave_out_what_is_not_wanted(tmp_path: Path) -> None:
    document = {"alloc": alloc(), "env": environment(), "txs": transactions()[:1]}
    place = ("--output.basedir", str(tmp_path), "--trace", "--trace.nostack", "--trace.returndata", "--trace.memory")
    result = call(document, *STREAMS, *place)
    assert result.exit_code == 0
    assert result.stderr == "note: memory is not written to traces\n"
    (trace,) = tmp_path.glob("trace-0-*.jsonl")
    first = json.loads(trace.read_text().splitlines()[0])
    assert "returnData" in first and "stack" not in first


def test_nothing_but_transactions_happens_in_a_state_test() -> None:
    document = {"alloc": alloc(), "env": environment(), "txs": []}
    found = outputs(document, *STREAMS, "--state-test")
    assert decode_accounts(found["alloc"]) == decode_accounts(alloc())
    assert found["result"]["requests"] == []
    with_block = outputs(document, *STREAMS)
    assert with_block["result"]["stateRoot"] != found["result"]["stateRoot"]


def test_block_zero_calls_nobody() -> None:
    document = {"alloc": {}, "env": environment(currentNumber="0", currentGasLimit="0x0", withdrawals=[]), "txs": []}
    result = outputs(document, *STREAMS, "--state.reward", "-1")["result"]
    assert "blockException" not in result
    assert result["stateRoot"] == to_hex(state_root({}))


def test_a_block_that_no_transaction_can_save() -> None:
    accounts = alloc()
    del accounts[to_hex(WITHDRAWAL_REQUESTS_ADDRESS)]
    result = outputs({"alloc": accounts, "env": environment(), "txs": []}, *STREAMS)["result"]
    assert result["blockException"].startswith("system-call-failed")
    assert "requests" not in result


def test_a_reward_before_the_merge() -> None:
    ommers = [{"delta": "0x2", "address": "0x" + "ee" * 20}]
    env = environment(currentDifficulty="0x20000", currentBaseFee="0x7", ommers=ommers)
    document = {"alloc": {SENDER: {"balance": "0xde0b6b3a7640000"}}, "env": env, "txs": []}
    found = outputs(document, *STREAMS, "--state.fork", "London", "--state.reward", str(32 * 10**9))
    assert found["alloc"][COINBASE] == {"balance": hex(33 * 10**9)}
    assert found["alloc"]["0x" + "ee" * 20] == {"balance": hex(24 * 10**9)}
    assert found["result"]["currentDifficulty"] == "0x20000"
    assert "withdrawalsRoot" not in found["result"]
    for reward in ("0", "-1"):
        found = outputs(document, *STREAMS, "--state.fork", "London", "--state.reward", reward)
        assert COINBASE not in found["alloc"]
        assert ("0x" + "ee" * 20) not in found["alloc"]


def test_what_cannot_be_read_of_one_transaction_is_told_of_it() -> None:
    broken = [
        unsigned(0, gas="0x10000000000000000"),
        unsigned(0, type="0x5"),
        "0x",
        unsigned(0, secretKey="0x" + "00" * 32),
        unsigned(0, v="0x1c"),
        unsigned(0, v="0x1", r="0x1", s="0x1"),
        unsigned(0),
    ]
    result = outputs({"alloc": alloc(), "env": environment(), "txs": broken}, *STREAMS)["result"]
    assert [one["index"] for one in result["rejected"]] == [0, 1, 2, 3, 4, 5]
    assert [one["error"].split(":")[0] for one in result["rejected"]] == [
        "gas",
        "type",
        "expected an object, got a string",
        "a private key is a number in 1..n-1, of 32 bytes",
        "signature values are out of range",
        "v",
    ]
    assert len(result["receipts"]) == 1


@pytest.mark.parametrize(
    ("arguments", "document", "part"),
    [
        (("--state.fork", "Berlin"), {}, "unknown: Berlin, expected one of"),
        (("--state.reward", "-2"), {}, "--state.reward"),
        ((), {"env": environment(currentRandom=None)}, "env.currentRandom: missing"),
        (("--state.fork", "London"), {"env": environment()}, "env.currentDifficulty: missing"),
        ((), {"env": environment(parentBaseFee=None)}, "env.currentBaseFee: neither it nor"),
        ((), {"env": environment(parentGasLimit="0x1")}, "env.parentGasLimit"),
        ((), {"env": environment(currentExcessBlobGas=hex(2**64 - 1))}, "env.currentExcessBlobGas: at most"),
        ((), {"env": environment(parentExcessBlobGas=hex(2**64 - 1))}, "env.parentExcessBlobGas: at most"),
        ((), {"env": environment(blockHashes={"4": "0x" + "44" * 32, "0x4": "0x" + "44" * 32})}, "two spellings"),
        ((), {"env": environment(currentNumber="-1")}, "env: currentNumber"),
        ((), {"env": None}, "env: expected an object, got null"),
        ((), {"env": environment(), "alloc": {"0x1": {}}}, "alloc"),
        ((), {"env": environment(), "txs": {}}, "txs: expected an array of transactions"),
        ((), {"env": environment(), "txs": "0xc1"}, "txs: RLP item reaches beyond its container"),
        ((), [], "stdin: expected an object, got an array"),
        (
            ("--state.fork", "Verkle"),
            {"env": environment(currentConversionStarted=True, currentConversionEnded=False)},
            "env.currentConversionEnded: blocks of an ongoing conversion cannot be executed",
        ),
        (("--state.fork", "Verkle", "--input.vkt", "stdin"), {"env": environment(), "vkt": {"0x": "0x"}}, "vkt: "),
    ],
)
def test_input_that_makes_no_sense_is_one_line(arguments: tuple[str, ...], document: Any, part: str) -> None:
    assert_one_line(call(document, *STREAMS, *arguments), 2, part)


def test_a_missing_file_and_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    assert_one_line(call({}, "--input.env", str(tmp_path / "none.json")), 2, "none.json")
    (tmp_path / "file").write_text("")
    document = {"alloc": alloc(), "env": environment(), "txs": []}
    assert_one_line(call(document, *STREAMS, "--output.basedir", str(tmp_path / "file")), 3, "file")
    result = call(document, *STREAMS, "--output.result", "file/result.json", "--output.basedir", str(tmp_path))
    assert_one_line(result, 3, "file")


# ---- Verkle trees


@pytest.mark.parametrize("fork", ["verkle", "Verkle", "kaustinen6"])
def test_blocks_on_a_tree_follow_each_other(fork: str) -> None:
    """The second block from the leaves of the first, and each witness proves what its block needs."""
    engine = ReferenceEngine()
    accounts = {address: account for address, account in alloc().items() if address in (SENDER, CONTRACT)}
    first = {"alloc": accounts, "env": environment(), "txs": [unsigned(0)]}
    found = outputs(first, *ON_TREE, "--state.fork", fork)
    assert found["alloc"][SENDER]["nonce"] == "0x1"
    second = {"vkt": found["vkt"], "env": environment(currentNumber="0x6"), "txs": [unsigned(1), unsigned(1)]}
    after = outputs(second, *ON_TREE, "--state.fork", fork, "--input.vkt", "stdin")
    assert after["alloc"] == {}
    assert after["result"]["parentStateRoot"] == found["result"]["stateRoot"]
    assert [one["index"] for one in after["result"]["rejected"]] == [1]
    for one in (found, after):
        result = one["result"]
        whole = Tree.empty(engine).update(decode_leaves(one["vkt"]))
        assert result["stateRoot"] == to_hex(whole.state_root())
        assert result["currentConversionEnded"] is True
        assert len(result["receipts"]) == 1 and result["receipts"][0]["status"] == "0x1"
        witness = decode_witness(one["witness"])
        assert result["stateDiff"] == one["witness"]["stateDiff"]
        root = StateRoot(hex_bytes(result["parentStateRoot"]))
        proven = check(engine, witness, root, markers=fork == VERKLE.name)
        if one is after:
            assert to_hex(post_state(proven, witness).state_root()) == result["stateRoot"]


def test_a_block_on_a_tree_with_no_tree_wanted() -> None:
    document = {"alloc": alloc(), "env": environment(), "txs": []}
    silent = ("--output.vkt", "", "--output.witness", "")
    assert set(outputs(document, *STREAMS, *silent, "--state.fork", "verkle")) == {"alloc", "result", "body"}


# ---- strangers


def _state_tests(*directories: str) -> Iterator[tuple[str, dict[str, Any]]]:
    assert VECTORS is not None
    with tarfile.open(Path(VECTORS) / "general_state_tests.tar.xz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.name.split("/")[-2] in directories else None
            if stream is not None:
                yield from json.loads(stream.read()).items()


@pytest.mark.skipif(VECTORS is None, reason="VERKLE_VECTORS names no vectors")
def test_state_tests_of_strangers() -> None:
    """Post root and logs of published cases, through the tool."""
    run = 0
    for name, test in _state_tests("stExample", "stRefundTest"):
        for fork, cases in test["post"].items():
            for case in cases[:2] if fork in FORKS else ():
                env = {"currentRandom": "0x0", **test["env"]}
                encoded = to_hex(rlp.encode_body([hex_bytes(case["txbytes"])]))
                document = {"alloc": test["pre"], "env": env, "txs": encoded}
                result = outputs(document, *STREAMS, "--state.fork", fork, "--state-test")["result"]
                run += 1
                if "expectException" in case:
                    assert [one["index"] for one in result["rejected"]] == [0], name
                else:
                    assert (result["stateRoot"], result["logsHash"]) == (case["hash"], case["logs"]), (name, fork)
    print(f"{run} cases")
    assert run >= 20


@pytest.mark.parametrize("fork", ["London", "Paris", "Shanghai", "Cancun", "Prague", "Osaka"])
def test_eels_s_own_tool_says_the_same(fork: str) -> None:
    """Everything but what EELS does not tell (blobGasUsed), and receipts, whose form is go-ethereum's here."""
    tool = Path(EELS_PYTHON).parent / "ethereum-spec-evm"
    if not tool.exists():
        pytest.skip("no EELS here: run make peers, or set EELS_PYTHON")
    known = [one for index, one in enumerate(transactions()) if index not in (1, 3)]
    known[2]["nonce"] = "0x2"
    env = environment(currentDifficulty="0x20000" if fork == "London" else "0x0", ommers=[])
    arguments = [*STREAMS, "--state.fork", fork, "--state.reward", "-1"]
    signed = outputs({"alloc": alloc(), "env": env, "txs": known}, *arguments)["body"]
    document = {"alloc": alloc(), "env": env, "txs": signed}
    ours, text = outputs(document, *arguments), json.dumps(document).encode()
    theirs = json.loads(subprocess.run([tool, "t8n", *arguments], input=text, capture_output=True, check=True).stdout)
    assert ours["body"] == theirs["body"]
    assert decode_accounts(ours["alloc"]) == decode_accounts(theirs["alloc"])
    for one in (ours, theirs):
        one["result"].pop("blobGasUsed", None)
        one["receipts"] = one["result"].pop("receipts")
    assert ours["result"] == theirs["result"]
    assert [receipt["cumulativeGasUsed"] for receipt in ours["receipts"]] == [
        receipt["cumulativeGasUsed"] for receipt in theirs["receipts"]
    ]
    assert len(ours["receipts"]) == 3
