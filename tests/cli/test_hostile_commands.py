"""Commands over a database, in hostile or unlucky hands: one clear line, the right exit code, and nothing half done.

Exit codes: 0 valid, 1 rejected, 2 bad usage or input, 3 the environment failed, 130 interrupted, 141 nobody reads.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from builder import work
from builder.database import META, Batch, Database
from cli.main import verkle
from spec.containers import ExecutionWitness
from tests.builder.processes import as_nobody, in_a_child
from tests.cli.conftest import Run, assert_one_line, rows
from tests.cli.test_builder_commands import ADDRESSES, KEYS, STRANGER, fields, genesis_document
from witness.proof import prove

VERKLE = [sys.executable, "-m", "cli.main"]
ENVIRONMENT = {**os.environ, "VERKLE_ENGINE": "python"}
LONG = 60
"""Seconds after which a process is stuck."""


@dataclass(frozen=True)
class Place:
    """A chain of two blocks in a directory of its own, and files of all kinds beside it."""

    directory: Path

    def __truediv__(self, name: str) -> str:
        return str(self.directory / name)

    @property
    def datadir(self) -> str:
        return self / "chain"

    def data(self) -> dict[str, bytes]:
        """Everything that is there, but LMDB's table of who is reading."""
        found = (path for path in self.directory.rglob("*") if path.is_file() and path.name != "lock.mdb")
        return {str(path): path.read_bytes() for path in found}


def invoke(*arguments: str, data: str | None = None) -> Result:
    result = CliRunner().invoke(verkle, arguments, input=data)
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VERKLE_ENGINE", "python")
        place = Place(tmp_path_factory.mktemp("hostile"))
        (place.directory / "key").write_text(KEYS[0].hex())
        (place.directory / "genesis.json").write_text(json.dumps(genesis_document()))
        invoke("init", place / "genesis.json", "--datadir", place.datadir, "--with-system-contracts")
        lines = "".join(json.dumps(fields(nonce)) + "\n" for nonce in range(3))
        (place.directory / "txs.txt").write_text(
            invoke("tx", "sign", "-", "--key-file", place / "key", data=lines).stdout
        )
        invoke("block", "build", "--datadir", place.datadir, "--txs", place / "txs.txt", "--out", place / "1.ssz")
        invoke("block", "build", "--datadir", place.datadir, "--out", place / "2.json")
        invoke("chain", "export", "--datadir", place.datadir, "--out", place / "blocks.jsonl.gz")
        invoke("db", "export", place / "chain.dump", "--datadir", place.datadir)
    return place


@pytest.fixture
def place(original: Place, tmp_path: Path) -> Place:
    """A copy of one's own."""
    shutil.copytree(original.directory, tmp_path / "place")
    return Place(tmp_path / "place")


def on_a_chain(place: Place) -> list[list[str]]:
    """Every command that wants a database, without its --datadir."""
    return [
        ["block", "build", "--txs", place / "txs.txt"],
        ["block", "import", place / "blocks.jsonl.gz"],
        ["chain", "status"],
        ["chain", "export", "--out", place / "out.jsonl"],
        ["chain", "replay"],
        ["account", "show", STRANGER],
        ["db", "check"],
        ["db", "stats"],
        ["db", "export", place / "out.dump"],
        ["witness", "compare"],
    ]


def that_make_one(place: Place) -> list[list[str]]:
    return [["init", place / "genesis.json", "--with-system-contracts"], ["db", "import", place / "chain.dump"]]


# ---- directories


DIRECTORIES = {
    "missing": ("missing", "there is no database"),
    "a file": ("key", "key is not a directory"),
    "below a file": ("key/below", "there is no database"),
}


@pytest.mark.parametrize("name", DIRECTORIES)
def test_what_is_no_datadir(place: Place, run: Run, name: str) -> None:
    directory, said = DIRECTORIES[name]
    before = place.data()
    for arguments in on_a_chain(place):
        assert_one_line(run(*arguments, "--datadir", place / directory), 2, said)
    if name == "a file":
        for arguments in that_make_one(place):
            assert_one_line(run(*arguments, "--datadir", place / directory), 2, said)
    assert place.data() == before


def test_an_empty_name_is_not_the_directory_that_one_is_in(place: Place, run: Run, monkeypatch: Any) -> None:
    (place.directory / "here").mkdir()
    monkeypatch.chdir(place.directory / "here")
    for arguments in [*on_a_chain(place), *that_make_one(place)]:
        assert_one_line(run(*arguments, "--datadir", ""), 2, "--datadir", "the name is empty")
    assert list((place.directory / "here").iterdir()) == []
    assert run("db", "import", place / "chain.dump", "--datadir", ".").exit_code == 0
    assert run("chain", "status", "--datadir", ".").exit_code == 0


def test_a_database_of_a_later_version(place: Place, run: Run) -> None:
    """It is not damaged, and says so whatever is asked; nothing is written to it."""
    with Database(Path(place.datadir), write=True) as database:
        database.commit(Batch({META: {b"schema": b"2"}}))
    before = place.data()
    for arguments in on_a_chain(place):
        assert_one_line(run(*arguments, "--datadir", place.datadir), 2, "has schema 2, this version reads 1")
    assert place.data() == before


def test_a_directory_that_cannot_be_written(place: Place) -> None:
    """Who only reads can; who would write is told why not."""
    arguments = [
        ([*one, "--datadir", place.datadir], one[:2] in (["block", "build"], ["block", "import"]))
        for one in on_a_chain(place)
        if one[:2] not in (["chain", "export"], ["db", "export"], ["db", "check"])
    ]
    arguments += [([*one, "--datadir", place / "new"], True) for one in that_make_one(place)]
    arguments += [(["chain", "export", "--out", place / "x.jsonl", "--datadir", place.datadir], True)]
    arguments += [(["db", "export", place / "x.dump", "--datadir", place.datadir], True)]

    def ask(say: Callable[[Any], None], _hear: Callable[[], Any]) -> None:
        for one, _ in arguments:
            result = CliRunner().invoke(verkle, one)
            say((result.exit_code, result.stderr))

    before = place.data()
    (place.directory / "kept").mkdir()
    arguments += [(["chain", "export", "--out", place / "kept", "--datadir", place.datadir], True)]
    with as_nobody(place.directory), in_a_child(ask) as child:
        answers = child.heard()
    assert len(answers) == len(arguments)
    for (one, writes), (code, said) in zip(arguments, answers, strict=True):
        assert code == (3 if writes else 0), (one, said)
        assert said.count("\n") == (1 if writes else said.count("note:")), said
        assert not writes or "ermission denied" in said
    assert place.data() == before


# ---- outputs


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb", "writer.lock", "genesis.json"])
def test_a_database_is_never_overwritten_by_an_output(place: Place, run: Run, name: str) -> None:
    own = place / f"chain/../chain/{name}"
    before, bytes_before = place.data(), Path(own).read_bytes()
    commands = [
        ["db", "export", own],
        ["chain", "export", "--to", "1", "--out", place / "x.json", "--parent-header", own],
    ]
    if name == "genesis.json":
        commands += [
            ["chain", "export", "--to", "1", "--out", own],
            ["block", "build", "--out", own],
            ["account", "show", STRANGER, "--out", own],
        ]
    for arguments in commands:
        assert_one_line(run(*arguments, "--datadir", place.datadir, "--force"), 2, name, "belongs to the database")
    assert (place.data(), Path(own).read_bytes()) == (before, bytes_before)


def test_outputs_that_cannot_be(place: Place, run: Run) -> None:
    """A missing directory, a file as a directory, a directory as a file, a file that is there: no part is written."""
    before = place.data()
    nowhere, below, there = place / "nowhere/x", place / "key/x", place / "1.ssz"
    cases = [
        (["db", "export", nowhere], 3, "no such file or directory"),
        (["db", "export", below], 3, "not a directory"),
        (["db", "export", there], 2, "--force"),
        (["db", "export", place / "chain", "--force"], 3, "is a directory"),
        (["chain", "export", "--out", nowhere + ".jsonl"], 3, "no such file or directory"),
        (["chain", "export", "--out", below], 3, "not a directory"),
        (["chain", "export", "--out", place / "key"], 3, "file exists"),
        (["chain", "export", "--out", place / "blocks.jsonl.gz"], 2, "--force"),
        (["chain", "export", "--out", place / "y.jsonl", "--parent-header", nowhere], 3, "no such file or directory"),
        (["chain", "export", "--out", place / "y.jsonl", "--parent-header", place / "y.jsonl"], 2, "are one file"),
        (["account", "show", STRANGER, "--out", nowhere + ".json"], 3, "no such file or directory"),
        (["witness", "compare", "--plot", nowhere + ".svg"], 3, "no such file or directory"),
        (["block", "build", "--out", nowhere + ".ssz"], 3, "no such file or directory"),
        (["block", "build", "--out", below + ".ssz"], 3, "not a directory"),
        (["block", "build", "--out", there], 2, "--force"),
    ]
    for arguments, code, said in cases:
        assert_one_line(run(*arguments, "--datadir", place.datadir), code, said)
    assert place.data() == before


# ---- genesis files


def with_(**members: Any) -> bytes:
    return json.dumps({**genesis_document(), **members}).encode()


def holding(**members: Any) -> bytes:
    return with_(alloc={STRANGER: {"balance": "1", **members}})


GENESES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "cut off": (with_()[:-9], "line 1 column"),
    "not UTF-8": (b'{"alloc": "\xff"}', "not UTF-8"),
    "an array": (b"[]", "expected an object, got an array"),
    "no allocation": (b'{"config": {}}', "alloc: missing"),
    "an allocation that is an array": (with_(alloc=[]), "alloc: expected an object"),
    "an account that is null": (with_(alloc={STRANGER: None}), "expected an object, got null"),
    "an address of another length": (with_(alloc={"0x12": {"balance": "1"}}), "Address has 20 bytes"),
    "one account twice": (with_(alloc={STRANGER: {"balance": "1"}, STRANGER[2:]: {"balance": "2"}}), "two spellings"),
    "a negative balance": (holding(balance=-1), "balance: Uint256 must be"),
    "a balance of 17 bytes": (holding(balance=str(2**128)), f"alloc[{STRANGER}]: its balance has more than 16 bytes"),
    "a balance of 33 bytes": (holding(balance=hex(2**256)), "balance: Uint256 must be"),
    "a balance that is no whole number": (holding(balance=1.5), "expected an integer"),
    "a huge nonce": (holding(nonce=str(2**64)), "nonce: Uint64 must be"),
    "too much code": (holding(code="0x" + "00" * 2**24), "its code has 2^24 bytes or more"),
    "a slot that is none": (holding(storage={"zz": "1"}), "hex"),
    "another number": (with_(number="0x5"), "number: the genesis is block 0, not 5"),
    "a gas limit below all": (with_(gasLimit="0x1"), "gasLimit: the gas limit of a block is 5000 to 2^63-1, not 1"),
    "a gas limit above all": (with_(gasLimit=hex(2**64 - 1)), "gasLimit: the gas limit of a block"),
    "the end of time": (with_(timestamp=hex(2**64 - 1)), "timestamp: no time is left"),
    "a negative chain id": (with_(config={"chainId": -1}), "config.chainId: Uint64 must be"),
}


@pytest.mark.parametrize("name", GENESES)
def test_what_is_no_genesis(tmp_path: Path, run: Run, name: str) -> None:
    data, said = GENESES[name]
    path = tmp_path / "genesis.json"
    path.write_bytes(data)
    assert_one_line(run("init", str(path), "--datadir", str(tmp_path / "new"), "--with-system-contracts"), 2, said)
    assert not (tmp_path / "new").exists()


def test_a_genesis_of_ones_own_is_not_overwritten(tmp_path: Path, run: Run) -> None:
    """The file that is read may stand where the copy belongs; what would be another one is not put in its place."""
    path = tmp_path / "genesis.json"
    arguments = ["init", str(path), "--datadir", str(tmp_path)]
    path.write_text(json.dumps({"genesis": genesis_document()}, indent=1))
    before = path.read_bytes()
    assert_one_line(run(*arguments, "--with-system-contracts"), 2, "genesis.json exists and says something else")
    assert [one.name for one in tmp_path.iterdir()] == ["genesis.json"]
    assert run(*arguments, "--profile", "kaustinen6").exit_code == 0
    assert path.read_bytes() == before
    assert run("chain", "replay", "--datadir", str(tmp_path)).exit_code == 0


def test_a_price_of_blobs_that_would_take_for_ever(tmp_path: Path) -> None:
    """e to the power of 2^64 / 5 million is summed up term by term: the genesis is refused before anybody begins."""
    (tmp_path / "genesis.json").write_bytes(with_(excessBlobGas=hex(2**64 - 1)))
    arguments = ["init", str(tmp_path / "genesis.json"), "--datadir", str(tmp_path / "new"), "--with-system-contracts"]
    process = subprocess.run(
        [*VERKLE, *arguments], capture_output=True, text=True, check=False, timeout=LONG, env=ENVIRONMENT
    )
    assert process.returncode == 2
    assert process.stderr.endswith("genesis.json: excessBlobGas: the price of a blob would have more than 256 bits\n")


# ---- transactions


def test_the_same_transaction_twice(place: Place, run: Run) -> None:
    """It is in the block once; the other one is left out with its place."""
    fourth = json.dumps(fields(3))
    (place.directory / "f.json").write_text(fourth)
    raw = run("tx", "sign", place / "f.json", "--key-file", place / "key").stdout.strip()
    (place.directory / "twice.txt").write_text(f"{raw}\n{raw}\n")
    before = run("chain", "status", "--datadir", place.datadir, "--json").stdout
    refused = run("block", "build", "--datadir", place.datadir, "--txs", place / "twice.txt", "--strict")
    assert_one_line(refused, 1, "nonce-mismatch", "twice.txt:2")
    assert run("chain", "status", "--datadir", place.datadir, "--json").stdout == before
    built = run("block", "build", "--datadir", place.datadir, "--txs", place / "twice.txt", "--json")
    told = rows(built)
    assert told[0]["left_out"]["place"].endswith("twice.txt:2")
    assert told[-1]["totals"]["transactions"] == 1


GOOD = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""Source: EIP-55."""
TO_SIGN: dict[str, tuple[Any, str]] = {
    "no object": (5, "expected a JSON object"),
    "an array in an array": ([[fields(0)]], "expected a JSON object"),
    "nothing": ([], "there is no transaction"),
    "a number for text": (fields(0, to=7), "to: expected a string, got a number"),
    "a wrong digit in an address": (fields(0, to=GOOD[:-1] + "e"), "to: a digit is wrong"),
    "a wrong case in an address": (fields(0, to=GOOD[:-1] + "D"), f"EIP-55 writes {GOOD}"),
    "an address of another length": (fields(0, to="0x12"), "to: Address has 20 bytes"),
    "a negative value": (fields(0, value=-1), "value: Uint256 must be"),
    "a huge value": (fields(0, value=2**256), "value: Uint256 must be"),
    "a huge nonce": (fields(2**64), "nonce: Uint64 must be"),
    "gas that is no whole number": (fields(0, gas=1.5), "gas: expected an integer"),
    "a truth for a number": (fields(0, gas=True), "gas: expected an integer, got a boolean"),
    "another type": (fields(0, type=9), "type: unknown transaction type 9"),
    "an access list of numbers": (fields(0, accessList=[1]), "accessList[0]: expected an object"),
}


@pytest.mark.parametrize("name", TO_SIGN)
def test_what_is_not_signed(place: Place, run: Run, name: str) -> None:
    value, said = TO_SIGN[name]
    (place.directory / "f.json").write_text(json.dumps(value))
    result = run("tx", "sign", place / "f.json", "--key-file", place / "key")
    assert_one_line(result, 2, "f.json", said)
    assert result.stdout == ""


@pytest.mark.parametrize("text", [GOOD, GOOD.lower(), "0x" + GOOD[2:].upper()])
def test_addresses_in_every_case_that_means_one(place: Place, run: Run, text: str) -> None:
    (place.directory / "f.json").write_text(json.dumps(fields(0, to=text)))
    (made,) = rows(run("tx", "sign", place / "f.json", "--key-file", place / "key", "--json"))
    assert made["to"] == GOOD.lower()
    assert run("account", "show", text, "--datadir", place.datadir).exit_code == 0


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", GOOD + "00", GOOD[2:], GOOD[:-1] + "e", "0x" + "g" * 40, "\u0661" * 42]
)
def test_what_is_no_address(place: Place, run: Run, text: str) -> None:
    assert_one_line(run("account", "show", text, "--datadir", place.datadir), 2, "ADDRESS")


def test_an_encoding_and_members_that_contradict_it(place: Place, run: Run) -> None:
    first, second, _ = Path(place / "txs.txt").read_text().split()
    decoded = rows(run("tx", "decode", first, "--json"))[0]
    for members, said in (
        ({"nonce": 7}, "two transactions"),
        ({"gasLimit": 7}, "two transactions"),
        ({"rawTransaction": second}, "two transactions"),
        ({"to": ADDRESSES[1]}, "two transactions"),
    ):
        (place.directory / "t.json").write_text(json.dumps({"raw": first, **members}))
        assert_one_line(run("tx", "decode", place / "t.json"), 2, "t.json:1", said)
    (place.directory / "t.json").write_text(json.dumps({"raw": first, "rawTransaction": first, **decoded}))
    assert rows(run("tx", "decode", place / "t.json", "--json")) == [decoded]


LINES: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b"\xff\xfe\n", "t.txt:1: neither hex digits nor a JSON object"),
    "JSON that is not UTF-8": (b'{"a": "\xff"}', "t.txt:1: byte 7: not UTF-8"),
    "zeros": (b"\0" * 100, "t.txt:1: neither hex digits"),
    "null": (b"[null]", "[0]: expected a string, got null"),
    "a number": (b"[7]", "[0]: expected a string, got a number"),
    "an array in an array": (b"[[]]", "[0]: expected a string, got an array"),
    "two on a line": (b"0x01 0x02\n", "t.txt:1: neither hex digits"),
    "deep": (b"[" * 100_000, "nested deeper than 64"),
    "a hundred times too large": (b"0x02" + b"00" * 2**20, "t.txt:1: "),
    "a huge number": (b'{"nonce": ' + b"9" * 100_000 + b"}", "t.txt:1: integer has more than 78 digits"),
    "a negative number": (b'{"v": 27, "nonce": -1, "r": 1, "s": 1, "gas": 1, "gasPrice": 1}', "nonce: Uint64"),
}


@pytest.mark.parametrize("name", LINES)
def test_what_is_no_list_of_transactions(place: Place, run: Run, name: str) -> None:
    data, said = LINES[name]
    (place.directory / "t.txt").write_bytes(data)
    before = place.data()
    for arguments in (
        ["tx", "decode", place / "t.txt"],
        ["block", "build", "--datadir", place.datadir, "--txs", place / "t.txt"],
    ):
        assert_one_line(run(*arguments), 2, said)
    assert place.data() == before


def test_extra_data_of_any_bytes(place: Place, run: Run) -> None:
    """A name in another encoding is bytes for the shell, and bytes in the block."""
    built = run(
        "block",
        "build",
        "--datadir",
        place.datadir,
        "--extra-data",
        os.fsdecode(b"\xff\xfe"),
        "--out",
        place / "3.json",
    )
    assert built.exit_code == 0
    assert json.loads(Path(place / "3.json").read_text())["executionPayload"]["extraData"] == "0xfffe"
    too_long = run("block", "build", "--datadir", place.datadir, "--extra-data", "x" * 33)
    assert_one_line(too_long, 2, "--extra-data", "at most 32 bytes")


def test_the_end_of_time(place: Place, run: Run) -> None:
    assert run("block", "build", "--datadir", place.datadir, "--timestamp", str(2**64 - 2)).exit_code == 0
    assert_one_line(run("block", "build", "--datadir", place.datadir), 2, "timestamp: the head's time", "leaves none")
    last = run("block", "build", "--datadir", place.datadir, "--timestamp", str(2**64 - 1))
    assert last.exit_code == 0


# ---- blocks


def changed(place: Place, **members: Any) -> bytes:
    """Block 2, with other members and the hash that it had."""
    document = json.loads(Path(place / "2.json").read_text())
    document["executionPayload"].update(members)
    return json.dumps(document).encode()


BLOCKS: dict[str, tuple[str, Callable[[Place], bytes], int, str]] = {
    "empty": ("b.json", lambda _: b"", 2, "the file is empty"),
    "empty SSZ": ("b.ssz", lambda _: b"", 2, "the file is empty"),
    "nothing compressed": ("b.jsonl.gz", lambda _: gzip.compress(b""), 2, "holds no block"),
    "cut off": ("b.ssz", lambda place: Path(place / "1.ssz").read_bytes()[:-50], 2, "neither a request"),
    "too long": ("b.ssz", lambda place: Path(place / "1.ssz").read_bytes() + b"\0", 2, "neither a request"),
    "a hundred times": ("b.ssz", lambda place: 100 * Path(place / "1.ssz").read_bytes(), 2, "neither a request"),
    "cut off in the compression": (
        "b.jsonl.gz", lambda place: Path(place / "blocks.jsonl.gz").read_bytes()[:-30], 2, "b.jsonl.gz:2",
    ),
    "not UTF-8": ("b.jsonl", lambda _: b"\xff\n", 2, "b.jsonl:1: byte 0: not UTF-8"),
    "null": ("b.json", lambda _: b"null", 2, "expected an object, got null"),
    "another kind of file": ("b.txt", lambda _: b"x", 2, "unknown extension"),
    "a negative number": ("b.json", lambda place: changed(place, blockNumber="-0x1"), 2, "block_number"),
    "a huge number": ("b.json", lambda place: changed(place, blockNumber=hex(2**64)), 2, "block_number"),
    "transactions of another type": ("b.json", lambda place: changed(place, transactions=[7]), 2, "transactions[0]"),
    "a witness of nothing": ("b.json", lambda place: changed(place, executionWitness={}), 2, "execution_witness"),
    "a known hash over another time": (
        "b.json", lambda place: changed(place, timestamp=hex(2**63)), 1, "block-hash-mismatch",
    ),
    "a known hash over other transactions": (
        "b.json", lambda place: changed(place, transactions=["0x02"]), 1, "block-hash-mismatch",
    ),
    "a known hash over no withdrawals": ("b.json", lambda place: changed(place, withdrawals=None), 1, "header-field"),
    "a known hash over another parent": (
        "b.json", lambda place: changed(place, parentHash="0x" + "00" * 32), 1, "block-hash-mismatch",
    ),
    "an impossible gas limit": ("b.json", lambda place: changed(place, gasLimit=hex(2**64 - 1)), 1, "gas_limit"),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_not_imported(place: Place, run: Run, name: str) -> None:
    """Also where it claims to be a block that is in the chain already."""
    file, make, code, said = BLOCKS[name]
    (place.directory / file).write_bytes(make(place))
    before = run("chain", "status", "--datadir", place.datadir, "--json").stdout
    assert_one_line(run("block", "import", place / file, "--datadir", place.datadir), code, file, said)
    assert run("chain", "status", "--datadir", place.datadir, "--json").stdout == before


def test_a_datadir_of_another_chain(place: Place, run: Run) -> None:
    (place.directory / "other.json").write_bytes(
        with_(config={**genesis_document()["config"], "chainId": 5}, timestamp="0x7")
    )
    assert run("init", place / "other.json", "--datadir", place / "other", "--with-system-contracts").exit_code == 0
    other = place / "other"
    assert_one_line(
        run("block", "import", place / "blocks.jsonl.gz", "--datadir", other), 1, "parent-unknown", "block 1"
    )
    strict = run("block", "build", "--datadir", other, "--txs", place / "txs.txt", "--strict")
    assert_one_line(strict, 1, "chain-id-mismatch", "txs.txt:1")
    for arguments in (["chain", "replay"], ["witness", "compare"]):
        result = run(*arguments, "--datadir", place.datadir, "--genesis", place / "other.json")
        assert_one_line(result, 2, "this genesis")
    assert json.loads(run("chain", "status", "--datadir", other, "--json").stdout)["number"] == 0


def test_a_builder_with_a_defect_gives_nothing_away(place: Place, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its prover forgets one entry: the real verifier rejects the block, which is neither written nor stored."""

    def forgetful(tree: Any, keys: Any, writes: Any, *, markers: bool) -> ExecutionWitness:
        left_out = sorted(keys)[0]
        shown = {key: value for key, value in writes.items() if key != left_out}
        return prove(tree, keys - {left_out}, shown, markers=markers)

    before = place.data()
    monkeypatch.setattr(work, "prove", forgetful)
    for out in ("3.ssz", "3.jsonl"):
        result = run("block", "build", "--datadir", place.datadir, "--out", place / out)
        assert_one_line(result, 1, "witness-incomplete")
    monkeypatch.undo()
    assert place.data() == before


# ---- dumps


DUMPS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "cut off"),
    "cut off": (lambda dump: dump[:-20], "cut off"),
    "cut in half": (lambda dump: dump[: len(dump) // 2], "cut off"),
    "not compressed": (gzip.decompress, "damaged"),
    "a hundred times": (lambda dump: 100 * dump, "something follows the end"),
    "one bit": (lambda dump: dump[:500] + bytes([dump[500] ^ 1]) + dump[501:], "d.dump"),
    "of a later version": (
        lambda dump: gzip.compress(gzip.decompress(dump).replace(b"database\x011", b"database\x012", 1)),
        "has schema 2",
    ),
    "zeros": (lambda _: gzip.compress(bytes(10**6)), "this is no dump"),
}  # fmt: skip


@pytest.mark.parametrize("name", DUMPS)
def test_what_is_no_dump(place: Place, run: Run, name: str) -> None:
    change, said = DUMPS[name]
    (place.directory / "d.dump").write_bytes(change(Path(place / "chain.dump").read_bytes()))
    assert_one_line(run("db", "import", place / "d.dump", "--datadir", place / "new"), 2, "d.dump", said)
    assert_one_line(run("chain", "status", "--datadir", place / "new"), 2, "there is no database")
    assert run("db", "import", place / "chain.dump", "--datadir", place / "new").exit_code == 0


# ---- processes


def shell(line: str) -> subprocess.CompletedProcess[str]:
    command = line.replace("verkle", " ".join(VERKLE), 1)
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=LONG, env=ENVIRONMENT
    )


@pytest.mark.parametrize(
    "command", ["tx decode -", "tx sign - --key-file {key}", "block build --datadir {chain} --txs -"]
)
def test_closed_standard_input(place: Place, command: str) -> None:
    process = shell("verkle " + command.format(key=place / "key", chain=place.datadir) + " <&-")
    assert (process.returncode, process.stderr) == (2, "error: standard input: it is closed\n")


def test_closed_standard_output(place: Place) -> None:
    """Nothing is done whose result is lost; a closed standard error loses remarks only."""
    before = place.data()
    process = shell(f"verkle block build --datadir {place.datadir} >&-")
    assert (process.returncode, process.stderr) == (3, "error: output: bad file descriptor\n")
    assert place.data() == before
    process = shell(f"verkle chain replay --datadir {place.datadir} 2>&-")
    assert (process.returncode, process.stdout[:8]) == (0, "2 blocks")
    assert shell("verkle chain status --datadir nowhere 2>&-").returncode == 2


def test_a_reader_that_has_seen_enough(place: Place) -> None:
    (place.directory / "many.txt").write_text(Path(place / "txs.txt").read_text() * 300)
    process = shell(f"verkle tx decode {place / 'many.txt'} --json | head -1; echo ${{PIPESTATUS[0]}}")
    assert (process.stdout.splitlines()[1:], process.stderr) == (["141"], "")


def test_interrupted_in_the_making(place: Place, run: Run) -> None:
    """No database, no part of one; and it can be made at once."""
    alloc = {f"0x{number:040x}": {"balance": "1"} for number in range(1, 30_000)}
    (place.directory / "large.json").write_bytes(with_(alloc=alloc))
    arguments = ["init", place / "large.json", "--datadir", place / "new", "--with-system-contracts", "--jobs", "1"]
    process = subprocess.Popen([*VERKLE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    until((place.directory / "new" / "unfinished" / "data.mdb").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")
    assert [path.name for path in (place.directory / "new").iterdir()] == ["writer.lock"]
    assert run("init", place / "genesis.json", "--datadir", place / "new", "--with-system-contracts").exit_code == 0


def until(is_so: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < LONG
        time.sleep(0.01)


def test_interrupted_while_importing_beside_another_builder(place: Place, run: Run) -> None:
    """What was acknowledged stays, another writer is refused meanwhile, and then goes on at once."""
    assert run("init", place / "genesis.json", "--datadir", place / "new", "--with-system-contracts").exit_code == 0
    stream = place.directory / "endless.jsonl"
    os.mkfifo(stream)
    arguments = ["block", "import", str(stream), "--datadir", place / "new", "--verbose"]
    process = subprocess.Popen([*VERKLE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdout is not None
    with stream.open("wb") as writing:
        writing.write(gzip.decompress(Path(place / "blocks.jsonl.gz").read_bytes()).splitlines(keepends=True)[0])
        writing.flush()
        assert process.stdout.readline().startswith(b"block 1  3 transactions")
        for other in (["block", "build"], ["block", "import", place / "2.json"]):
            assert_one_line(run(*other, "--datadir", place / "new"), 3, "another process is writing to this database")
        assert run("chain", "status", "--datadir", place / "new").stdout.startswith("head         block 1,")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (130, b"interrupted\n")
    assert run("block", "import", place / "2.json", "--datadir", place / "new").exit_code == 0
    assert run("db", "check", "--datadir", place / "new").exit_code == 0


def test_two_builders_at_once(place: Place, run: Run) -> None:
    """Each builds its block or is told that it cannot: the head says how many did."""
    arguments = [*VERKLE, "block", "build", "--datadir", place.datadir]
    both = [
        subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT) for _ in range(2)
    ]
    said = [one.communicate(timeout=LONG)[1] for one in both]
    codes = [one.returncode for one in both]
    assert set(codes) <= {0, 3}
    assert 0 in codes
    for code, line in zip(codes, said, strict=True):
        assert code == 0 or (line.count(b"\n") == 1 and b"another process is writing" in line)
    head = json.loads(run("chain", "status", "--datadir", place.datadir, "--json").stdout)["number"]
    assert head == 2 + codes.count(0)
    assert run("db", "check", "--datadir", place.datadir).exit_code == 0
