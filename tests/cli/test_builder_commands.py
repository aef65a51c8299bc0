"""Commands over a chain's database: from a genesis to blocks, files, other databases, proofs and comparisons."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from builder.database import Database
from cli import demo
from cli.comparison import Weight
from cli.contracts import contract
from cli.demo_chain import Made
from cli.failure import Failed
from cli.main import verkle
from spec.codec import ssz_request
from spec.crypto import address_of
from spec.params import VERKLE as VERKLE_PROFILE
from tests.cli.conftest import Run, assert_one_line, rows

VERKLE = [sys.executable, "-m", "cli.main"]
ENGINE = ["--engine", "python"]
KEYS = [bytes(31) + bytes((number,)) for number in range(1, 5)]
ADDRESSES = ["0x" + address_of(key).hex() for key in KEYS]
STRANGER = "0x" + "77" * 20
ETHER = 10**18
HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"


def genesis_document() -> dict[str, Any]:
    return {
        "config": {"chainId": 1, "londonBlock": 0, "shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0},
        "difficulty": "0x0",
        "gasLimit": "0x1c9c380",
        "alloc": {address: {"balance": str(100 * ETHER)} for address in ADDRESSES},
    }


def fields(nonce: int, **more: Any) -> dict[str, Any]:
    plain = {"nonce": nonce, "to": STRANGER, "value": str(nonce + 1), "gas": 60_000, "chainId": 1}
    return {**plain, "maxFeePerGas": "10000000000", "maxPriorityFeePerGas": 1, **more}


def invoke(*arguments: str, data: str | None = None) -> Result:
    """For fixtures of the session: the engine is named, and it must go well."""
    result = CliRunner().invoke(verkle, arguments, input=data)
    assert result.exit_code == 0, result.stderr
    return result


@dataclass(frozen=True)
class Site:
    """A chain of three blocks, made by commands."""

    directory: Path
    built: list[dict[str, Any]]
    """What `block build --json` printed of the blocks."""
    left_out: list[dict[str, Any]]

    @property
    def datadir(self) -> str:
        return str(self.directory / "chain")

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def key(self, number: int) -> str:
        return self.path(f"key{number}")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    directory = tmp_path_factory.mktemp("site")
    made = Site(directory, [], [])
    for number, key in enumerate(KEYS):
        (directory / f"key{number}").write_text("0x" + key.hex() + "\n")
    (directory / "genesis.json").write_text(json.dumps(genesis_document()))
    invoke("init", made.path("genesis.json"), "--datadir", made.datadir, "--with-system-contracts", *ENGINE)
    lines = "".join(json.dumps(fields(nonce)) + "\n" for nonce in (0, 1, 2, 9))
    first = invoke("tx", "sign", "-", "--key-file", made.key(0), data=lines).stdout
    other = invoke("tx", "sign", "-", "--key-file", made.key(1), "--json", data=json.dumps(fields(0))).stdout
    (directory / "txs.txt").write_text(f"# payments\n\n{first}{other}")
    creation = fields(1, to=None, value=0, data="0x" + contract("token").deploy(1000).hex(), gas=3_000_000)
    (directory / "creation.txt").write_text(
        invoke("tx", "sign", "-", "--key-file", made.key(1), data=json.dumps(creation)).stdout
    )
    withdrawals = [{"index": "0x1", "validatorIndex": "0x2", "address": STRANGER, "amount": "0x3"}]
    (directory / "withdrawals.json").write_text(json.dumps(withdrawals))
    blocks = str(directory / "blocks")
    for arguments in (
        ["--txs", made.path("txs.txt"), "--fee-recipient", STRANGER],
        ["--txs", made.path("creation.txt"), "--extra-data", "of ours", "--gas-limit", "40000000"],
        ["--withdrawals", made.path("withdrawals.json"), "--timestamp", "1000"],
    ):
        result = invoke("block", "build", "--datadir", made.datadir, "--out", blocks, *arguments, "--json", *ENGINE)
        for row in rows(result):
            if "left_out" in row and isinstance(row["left_out"], dict):
                made.left_out.append(row["left_out"])
            elif "totals" not in row:
                made.built.append(row)
    invoke("chain", "export", "--datadir", made.datadir, "--out", made.path("blocks.jsonl.gz"))
    return made


@pytest.fixture
def copy(site: Site, tmp_path: Path) -> str:
    """The chain in a directory of one's own."""
    shutil.copytree(site.datadir, tmp_path / "copy")
    return str(tmp_path / "copy")


@pytest.fixture
def fresh(site: Site, tmp_path: Path, run: Run) -> str:
    """The genesis of the chain alone, in a directory of one's own."""
    directory = str(tmp_path / "fresh")
    assert run("init", site.path("genesis.json"), "--datadir", directory, "--with-system-contracts").exit_code == 0
    return directory


def status(run: Run, datadir: str) -> dict[str, Any]:
    (row,) = rows(run("chain", "status", "--datadir", datadir, "--json"))
    return row


# ---- building


def test_what_is_said_of_a_built_block(site: Site, run: Run) -> None:
    assert [block["number"] for block in site.built] == [1, 2, 3]
    assert [block["transactions"] for block in site.built] == [4, 1, 0]
    assert [list(block) for block in site.built] == [
        [
            "number", "hash", "state_root", "transactions", "gas_used", "gas_limit", "base_fee_per_gas", "timestamp",
            "left_out", "stems", "keys", "proof_bytes", "witness_bytes", "seconds", "file",
        ]
    ] * 3  # fmt: skip
    assert [block["timestamp"] for block in site.built] == [12, 24, 1000]
    limits = [block["gas_limit"] for block in site.built]
    assert limits[0] == 30_000_000 < limits[1] == limits[2] < 40_000_000
    assert [Path(block["file"]).name for block in site.built] == [f"block-{n:06}.ssz" for n in (1, 2, 3)]
    head = status(run, site.datadir)
    assert (head["number"], head["state_root"], head["back_to"]) == (3, site.built[-1]["state_root"], 0)


def test_one_that_does_not_fit_is_told_with_its_place(site: Site) -> None:
    assert [one["reason"] for one in site.left_out] == ["nonce-mismatch"]
    assert site.left_out[0]["place"] == site.path("txs.txt") + ":6"


def test_a_separate_process_verifies_with_the_parent_header_alone(site: Site, tmp_path: Path, run: Run) -> None:
    header, blocks = str(tmp_path / "parent.rlp"), str(tmp_path / "late.jsonl")
    result = run(
        "chain", "export", "--datadir", site.datadir, "--from", "2", "--out", blocks, "--parent-header", header
    )
    assert (result.exit_code, result.stdout) == (0, f"2 blocks, 2 to 3: {blocks}\n")
    assert len(Path(header).read_bytes()) < 700
    process = subprocess.run(
        [*VERKLE, "block", "verify", blocks, "--parent", header, "--json", *ENGINE],
        capture_output=True, text=True, check=False, cwd=Path.cwd(),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    *verdicts, end = map(json.loads, process.stdout.splitlines())
    assert [(one["number"], one["verdict"]) for one in verdicts] == [(2, "valid"), (3, "valid")]
    assert [one["hash"] for one in verdicts] == [one["hash"] for one in site.built[1:]]
    assert end["totals"]["gas_used"] == sum(one["gas_used"] for one in site.built[1:])


def test_files_of_the_build_are_what_is_exported(site: Site, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run("chain", "export", "--datadir", site.datadir, "--out", str(out), "--json").exit_code == 0
    for name in (f"block-{number:06}.ssz" for number in (1, 2, 3)):
        assert (out / name).read_bytes() == (site.directory / "blocks" / name).read_bytes()
    one = tmp_path / "one.json"
    assert (
        run("chain", "export", "--datadir", site.datadir, "--from", "2", "--to", "2", "--out", str(one)).exit_code == 0
    )
    stream = gzip.decompress(Path(site.path("blocks.jsonl.gz")).read_bytes()).splitlines()
    assert one.read_bytes().strip() == stream[1]
    result = run("chain", "export", "--datadir", site.datadir, "--out", str(one), "--force")
    assert_one_line(result, 2, "one.json holds one block")
    assert_one_line(run("chain", "export", "--datadir", site.datadir, "--to", "4", "--out", str(out)), 2, "1 to 3")
    assert_one_line(run("chain", "export", "--datadir", site.datadir, "--out", str(one)), 2, "--force")


def test_a_chain_without_blocks(fresh: str, tmp_path: Path, run: Run) -> None:
    for arguments in (["chain", "export", "--out", str(tmp_path / "none.jsonl")], ["witness", "compare"]):
        assert_one_line(run(*arguments, "--datadir", fresh), 2, "no block yet")
    assert run("chain", "replay", "--datadir", fresh).stdout.startswith("0 blocks executed again, every root equal")


def test_what_is_no_header(site: Site, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "parent.rlp"
    blocks = site.path("blocks.jsonl.gz")
    assert_one_line(run("block", "verify", blocks, "--parent", str(path)), 2, "error: " + str(path) + ": no such file")
    path.write_bytes(b"\xc0")
    assert_one_line(run("block", "verify", blocks, "--parent", str(path)), 2, "no fork's header has 0 fields")


def test_strict_refuses_and_leaves_the_chain(site: Site, copy: str, tmp_path: Path, run: Run) -> None:
    before = status(run, copy)
    out = tmp_path / "block.ssz"
    result = run("block", "build", "--datadir", copy, "--txs", site.path("txs.txt"), "--strict", "--out", str(out))
    assert_one_line(result, 1, "nonce-mismatch", "txs.txt:3")
    assert status(run, copy) == before
    assert not out.exists()


def test_an_output_that_cannot_be_written_is_found_before_anything_is_built(site: Site, copy: str, run: Run) -> None:
    for name in ("blocks.jsonl", "block.ssz"):
        result = run("block", "build", "--datadir", copy, "--out", str(Path(copy) / "missing" / name))
        assert_one_line(result, 3, name, "no such file or directory")
    result = run("block", "build", "--datadir", copy, "--out", site.path("blocks.jsonl.gz"))
    assert_one_line(result, 2, "--force")
    (Path(copy) / "block-000004.json").write_text("something else")
    result = run("block", "build", "--datadir", copy, "--out", copy, "--format", "json")
    assert_one_line(result, 2, "block-000004.json", "--force")
    assert status(run, copy)["number"] == 3


def test_leniently_a_block_of_nothing_is_not_built(site: Site, copy: str, run: Run) -> None:
    result = run("block", "build", "--datadir", copy, "--txs", site.path("txs.txt"))
    assert result.exit_code == 0
    assert result.stdout.startswith("0 blocks of 0 transactions, 5 left out")
    assert [line.split(": left out: ")[0].rsplit(":", 1)[1] for line in result.stderr.splitlines()] == list("34567")
    assert status(run, copy)["number"] == 3


def test_signing_piped_into_building(site: Site, copy: str, tmp_path: Path) -> None:
    """As a shell does it: one process writes, the other reads; nothing else than the results is on the way."""
    out = tmp_path / "block.json"
    (tmp_path / "fields.json").write_text(json.dumps([fields(0), fields(1)], indent=1))
    signing = subprocess.Popen(
        [*VERKLE, "tx", "sign", str(tmp_path / "fields.json"), "--key-env", "A_KEY"],
        stdout=subprocess.PIPE, env={**os.environ, "A_KEY": KEYS[2].hex()},
    )  # fmt: skip
    building = subprocess.run(
        [*VERKLE, "block", "build", "--datadir", copy, "--txs", "-", "--out", str(out), *ENGINE],
        stdin=signing.stdout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (signing.wait(), building.returncode, building.stderr) == (0, 0, "")
    assert building.stdout.startswith("block 4  0x")
    assert len(json.loads(out.read_text())["executionPayload"]["transactions"]) == 2


# ---- bad input


BAD_TRANSACTIONS: dict[str, tuple[str, str]] = {
    "nothing": ("# nothing\n\n", "there is no transaction"),
    "an empty file": ("", "the file is empty"),
    "no hex": ("\n0xzz\n", "txs.txt:2: neither hex digits nor a JSON object"),
    "odd": ("0x021\n", "txs.txt:1: odd number of hex digits"),
    "no transaction": ("0xff00\n", "txs.txt:1: "),
    "an unknown type": ("0x05c0\n", "txs.txt:1: unknown transaction type 5"),
    "cut off JSON": ('{"nonce": 0}\n{"nonce": \n', "txs.txt:2: line 1 column"),
    "unsigned": (json.dumps(fields(0)), "txs.txt:1: yParity: missing"),
    "an unknown name": (json.dumps({**fields(0), "nonse": 1}), "txs.txt:1: unknown name 'nonse'"),
    "an impossible signature": (json.dumps({**fields(0), "yParity": 0, "r": 0, "s": 1}), "txs.txt:1: signature values"),
    "an array": ('[\n"0xff"\n]', "txs.txt: [0]: "),
    "raw that is none": ('{"raw": 7}', "txs.txt:1: expected a string"),
}


@pytest.mark.parametrize("name", BAD_TRANSACTIONS)
def test_what_is_no_transaction(site: Site, tmp_path: Path, run: Run, name: str) -> None:
    text, said = BAD_TRANSACTIONS[name]
    path = tmp_path / "txs.txt"
    path.write_text(text)
    for arguments in (("block", "build", "--datadir", site.datadir, "--txs", str(path)), ("tx", "decode", str(path))):
        assert_one_line(run(*arguments), 2, said)


def test_an_object_that_contradicts_its_signature(site: Site, tmp_path: Path, run: Run) -> None:
    document = rows(run("tx", "decode", site.path("txs.txt"), "--json"))[0]
    path = tmp_path / "txs.txt"
    for changed, said in (({"from": STRANGER}, "has signed this"), ({"hash": "0x" + "11" * 32}, "hash is 0x")):
        path.write_text(json.dumps({**document, **changed}))
        assert_one_line(run("tx", "decode", str(path)), 2, "txs.txt:1", said)


def on_chain(datadir: str) -> list[list[str]]:
    return [
        ["chain", "status", "--datadir", datadir],
        ["chain", "export", "--datadir", datadir, "--out", "never.jsonl"],
        ["chain", "replay", "--datadir", datadir],
        ["block", "build", "--datadir", datadir],
        ["account", "show", STRANGER, "--datadir", datadir],
        ["witness", "compare", "--datadir", datadir],
        ["db", "check", "--datadir", datadir],
        ["db", "stats", "--datadir", datadir],
        ["db", "export", "never.dump", "--datadir", datadir],
    ]


def test_directories_without_a_database(tmp_path: Path, run: Run) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "data.mdb").write_bytes(b"something else")
    for directory, said in (("missing", "there is no database"), ("other", "not LMDB's")):
        for arguments in on_chain(str(tmp_path / directory)):
            result = run(*arguments)
            if arguments[:2] == ["db", "check"] and directory == "other":
                assert (result.exit_code, "DAMAGED" in result.stdout) == (1, True)
                continue
            assert_one_line(result, 2, said)
    assert_one_line(run("chain", "status"), 2, "--datadir")


def test_a_database_that_somebody_else_writes_to(site: Site, copy: str, run: Run) -> None:
    with Database(Path(copy), write=True):
        blocks = site.path("blocks.jsonl.gz")
        for arguments in (["block", "build", "--datadir", copy], ["block", "import", blocks, "--datadir", copy]):
            assert_one_line(run(*arguments), 3, "another process is writing to this database")
    assert status(run, copy)["number"] == 3


def test_a_genesis_without_system_contracts(site: Site, tmp_path: Path, run: Run) -> None:
    result = run("init", site.path("genesis.json"), "--datadir", str(tmp_path / "new"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {site.path('genesis.json')}: alloc: {HISTORY} (block hashes, EIP-2935)")
    assert result.stderr.endswith("missing; --with-system-contracts adds them\n")
    assert not (tmp_path / "new").exists()
    document = genesis_document()
    document["alloc"][HISTORY] = {"balance": "0x0", "code": "0x00"}
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    result = run("init", str(other), "--datadir", str(tmp_path / "new"), "--with-system-contracts")
    assert_one_line(result, 2, "other code than the protocol's (block hashes, EIP-2935)", HISTORY)
    document["alloc"][HISTORY] = {"balance": "0x7"}
    del document["config"]["londonBlock"]
    other.write_text(json.dumps(document))
    result = run("init", str(other), "--datadir", str(tmp_path / "new"), "--with-system-contracts")
    assert_one_line(result, 2, "londonBlock")
    document["config"]["londonBlock"] = 0
    other.write_text(json.dumps(document))
    assert run("init", str(other), "--datadir", str(tmp_path / "new"), "--with-system-contracts").exit_code == 0
    (shown,) = rows(run("account", "show", HISTORY, "--datadir", str(tmp_path / "new"), "--json"))
    assert (shown["balance"], shown["nonce"], shown["code_size"]) == (7, 1, 83)
    result = run("init", str(other), "--datadir", str(tmp_path / "new"))
    assert_one_line(result, 2, "there is a database already")


def test_profiles_whose_blocks_cannot_be_executed(site: Site, tmp_path: Path, run: Run) -> None:
    result = run("init", site.path("genesis.json"), "--datadir", str(tmp_path / "new"), "--profile", "kaustinen2")
    assert_one_line(result, 2, "kaustinen2", "gas rules are not known")


def test_a_block_of_another_network(site: Site, tmp_path: Path, run: Run) -> None:
    directory = str(tmp_path / "devnet")
    genesis = tmp_path / "genesis.json"
    genesis.write_text(json.dumps(genesis_document()))
    assert run("init", str(genesis), "--datadir", directory, "--profile", "kaustinen6").exit_code == 0
    result = run("block", "import", site.path("blocks.jsonl.gz"), "--datadir", directory)
    assert_one_line(result, 1, "header-field", "block 1", "blocks.jsonl.gz:1")


# ---- blocks from elsewhere


def test_import_comes_to_the_same_state(site: Site, fresh: str, run: Run) -> None:
    result = run("block", "import", site.path("blocks.jsonl.gz"), "--datadir", fresh, "--json")
    assert result.exit_code == 0, result.stderr
    *imported, end = rows(result)
    assert [list(one) for one in imported] == [
        ["number", "hash", "state_root", "transactions", "gas_used", "taken_off", "proved", "seconds", "place"]
    ] * 3
    assert [one["state_root"] for one in imported] == [one["state_root"] for one in site.built]
    assert (end["totals"]["imported"], end["totals"]["known"]) == (3, 0)
    ours, theirs = status(run, fresh), status(run, site.datadir)
    del ours["datadir"], theirs["datadir"], ours["bytes"], theirs["bytes"]
    assert ours == theirs
    again = run("block", "import", site.path("blocks.jsonl.gz"), "--datadir", fresh)
    assert again.stdout.startswith("0 blocks imported, 3 known already")
    (checked,) = rows(run("db", "check", "--datadir", fresh, "--json"))
    assert (checked["verdict"], checked["problems"]) == ("sound", [])


def test_import_with_proofs(site: Site, fresh: str, run: Run) -> None:
    path = site.path("blocks/block-000001.ssz")
    result = run("block", "import", path, "--datadir", fresh, "--prove", "--verbose")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("block 1  4 transactions")
    assert "witnesses equal" in result.stdout
    assert run("block", "import", path, "--datadir", fresh, "--quiet").stdout == ""


def test_another_branch_and_back(site: Site, copy: str, fresh: str, tmp_path: Path, run: Run) -> None:
    """A branch is built where the chain has one block only, and imported where it has three."""
    branch = str(tmp_path / "branch.json")
    first = site.path("blocks/block-000001.ssz")
    assert run("block", "import", first, "--datadir", fresh).exit_code == 0
    assert run("block", "build", "--datadir", fresh, "--out", branch, "--extra-data", "0x07").exit_code == 0
    result = run("block", "import", branch, "--datadir", copy)
    assert "2 blocks taken off, for another branch from block 2" in result.stderr
    assert status(run, copy)["state_root"] == status(run, fresh)["state_root"]
    result = run("block", "import", site.path("blocks.jsonl.gz"), "--datadir", copy, "--json")
    assert [row.get("taken_off") for row in rows(result)] == [1, 0, None]
    assert status(run, copy)["hash"] == site.built[-1]["hash"]


def test_a_false_block_ends_the_import(site: Site, fresh: str, tmp_path: Path, run: Run) -> None:
    lines = gzip.decompress(Path(site.path("blocks.jsonl.gz")).read_bytes()).splitlines()
    false = json.loads(lines[1])
    false["executionPayload"]["stateRoot"] = site.built[0]["state_root"]
    path = tmp_path / "blocks.jsonl"
    path.write_bytes(b"\n".join([lines[0], json.dumps(false).encode(), lines[2]]))
    result = run("block", "import", str(path), "--datadir", fresh)
    assert_one_line(result, 1, "block-hash-mismatch", "block 2", "blocks.jsonl:2")
    assert status(run, fresh)["number"] == 1
    path.write_bytes(lines[2])
    assert_one_line(run("block", "import", str(path), "--datadir", fresh), 1, "parent-unknown", "block 3")
    path.write_bytes(b"\n\n")
    assert_one_line(run("block", "import", str(path), "--datadir", fresh), 2, "holds no block")


def test_replay(site: Site, copy: str, run: Run) -> None:
    (row,) = rows(run("chain", "replay", "--datadir", site.datadir, "--json"))
    assert (row["blocks"], row["state_compared"], row["witnesses_compared"]) == (3, True, False)
    assert row["state_root"] == site.built[-1]["state_root"]
    assert "2 blocks executed again" in run("chain", "replay", "--datadir", site.datadir, "--to", "2").stdout
    genesis = Path(copy) / "genesis.json"
    document = json.loads(genesis.read_text())
    genesis.unlink()
    assert_one_line(run("chain", "replay", "--datadir", copy), 2, "--genesis names one")
    assert run("chain", "replay", "--datadir", copy, "--genesis", site.datadir + "/genesis.json").exit_code == 0
    document["alloc"][STRANGER] = {"balance": "1"}
    genesis.write_text(json.dumps(document))
    assert_one_line(run("chain", "replay", "--datadir", copy), 2, "this genesis leads to block 0x")
    assert_one_line(run("chain", "replay", "--datadir", copy, "--to", "9"), 2, "there is no block 9")


def test_the_database_as_a_file(site: Site, tmp_path: Path, run: Run) -> None:
    dumps = [str(tmp_path / name) for name in ("one.dump", "other.dump")]
    directory = str(tmp_path / "again")
    (first,) = rows(run("db", "export", dumps[0], "--datadir", site.datadir, "--json"))
    assert run("db", "import", dumps[0], "--datadir", directory).exit_code == 0
    (second,) = rows(run("db", "export", dumps[1], "--datadir", directory, "--json"))
    assert (first["sha256"], first["records"]) == (second["sha256"], second["records"])
    assert Path(dumps[0]).read_bytes() == Path(dumps[1]).read_bytes()
    (row,) = rows(run("db", "stats", "--datadir", directory, "--json"))
    assert (row["number"], row["tables"]["blocks"]["records"], row["can_be_taken_off"]) == (3, 3, 3)
    assert "stems by depth" in run("db", "stats", "--datadir", directory).stdout
    assert_one_line(
        run("db", "import", site.path("genesis.json"), "--datadir", str(tmp_path / "none")), 2, "genesis.json"
    )
    assert_one_line(run("db", "export", dumps[0], "--datadir", directory), 2, "--force")


# ---- accounts


@pytest.mark.parametrize("suffix", [".json", ".ssz"])
def test_an_account_and_its_proof(site: Site, tmp_path: Path, run: Run, suffix: str) -> None:
    created = rows(run("tx", "decode", site.path("creation.txt"), "--json"))[0]
    assert created["to"] is None
    token = "0x" + create_address(ADDRESSES[1], 1)
    out = str(tmp_path / ("proof" + suffix))
    result = run(
        "account", "show", token, "--datadir", site.datadir, "--slot", "2", "--slot", "5", "--out", out, "--json"
    )
    (shown,) = rows(result)
    assert (shown["exists"], shown["nonce"], shown["code_size"], shown["out"]) == (True, 1, 692, out)
    assert [one["value"] for one in shown["slots"]] == [hex(1000), "0x0"]
    result = run("tree", "verify", out, "--root", shown["state_root"], "--json")
    assert result.exit_code == 0, result.stderr
    proven = {one["key"]: one["value"] for one in rows(result)[0]["keys"]}
    assert int(proven[shown["slots"][0]["key"]], 16) == 1000
    assert proven[shown["slots"][1]["key"]] is None
    assert proven[shown["header_keys"][1]] == shown["code_hash"]
    assert proven.keys() == {*shown["header_keys"], *(one["key"] for one in shown["slots"])}


def create_address(creator: str, nonce: int) -> str:
    from spec.types import Address  # noqa: PLC0415  (one address)
    from stateless.evm.calls import create_address as created  # noqa: PLC0415

    return created(Address(bytes.fromhex(creator[2:])), nonce).hex()


def test_an_account_for_people(site: Site, run: Run) -> None:
    result = run("account", "show", ADDRESSES[0], "--datadir", site.datadir)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"{ADDRESSES[0]} at block 3"
    assert "  nonce       3" in result.stdout
    assert "code        none" in result.stdout


def test_an_account_that_is_not_there(site: Site, tmp_path: Path, run: Run) -> None:
    nobody = "0x" + "99" * 20
    proof = tmp_path / "proof.json"
    result = run("account", "show", nobody, "--datadir", site.datadir, "--proof")
    assert "there is no such account" in result.stderr
    proof.write_text(result.stdout)
    root = status(run, site.datadir)["state_root"]
    verified = run("tree", "verify", str(proof), "--root", root)
    assert [line.split()[1] for line in verified.stdout.splitlines()] == ["absent", "absent"]


def test_an_account_as_earlier_blocks_left_it(site: Site, copy: str, tmp_path: Path, run: Run) -> None:
    """By number and by hash, back to the genesis, with proofs against the roots of that time; nothing is changed."""
    before = {path.name: path.read_bytes() for path in Path(copy).iterdir() if path.name != "lock.mdb"}
    roots = [None, *(block["state_root"] for block in site.built)]
    found = []
    for number in range(4):
        names = [str(number), *([] if not number else [site.built[number - 1]["hash"]])]
        out = str(tmp_path / f"{number}.json")
        shown = [
            rows(
                run(
                    "account",
                    "show",
                    ADDRESSES[0],
                    "--datadir",
                    copy,
                    "--block",
                    name,
                    "--out",
                    out,
                    "--force",
                    "--json",
                )
            )
            for name in names
        ]
        assert shown[0] == shown[-1]
        ((row,), *_) = shown
        assert row["block"] == number
        assert roots[number] in (None, row["state_root"])
        verified = run("tree", "verify", out, "--root", row["state_root"], "--json")
        assert verified.exit_code == 0, verified.stderr
        found.append((row["nonce"], row["balance"]))
    assert [nonce for nonce, _ in found] == [0, 3, 3, 3]
    assert found[0][1] == 100 * ETHER > found[1][1] == found[3][1]
    token = "0x" + create_address(ADDRESSES[1], 1)
    exist = [rows(run("account", "show", token, "--datadir", copy, "--block", str(n), "--json"))[0] for n in range(4)]
    assert [(one["exists"], one["code_size"]) for one in exist] == [(False, 0), (False, 0), (True, 692), (True, 692)]
    first = run("account", "show", ADDRESSES[0], "--datadir", copy, "--block", "1")
    assert first.stdout.startswith(f"{ADDRESSES[0]} at block 1\n")
    assert {path.name: path.read_bytes() for path in Path(copy).iterdir() if path.name != "lock.mdb"} == before


def test_an_account_of_no_block_and_of_one_that_is_too_old(site: Site, tmp_path: Path, run: Run) -> None:
    for name in ("4", "0x4", "18446744073709551615", "0x" + "11" * 32):
        result = run("account", "show", STRANGER, "--datadir", site.datadir, "--block", name)
        assert_one_line(result, 2, "there is no block", "the head is block 3")
    for name in ("", "-1", "1.5", "01", "head", str(2**64), "0x" + "zz" * 32):
        result = run("account", "show", STRANGER, "--datadir", site.datadir, "--block", name)
        assert_one_line(result, 2, "--block", "neither a block's number nor its hash")
    directory = str(tmp_path / "short")
    arguments = ("--datadir", directory, "--with-system-contracts", "--retain", "1")
    assert run("init", site.path("genesis.json"), *arguments).exit_code == 0
    assert run("block", "import", site.path("blocks.jsonl.gz"), "--datadir", directory).exit_code == 0
    for name in ("1", site.built[0]["hash"], "0"):
        result = run("account", "show", STRANGER, "--datadir", directory, "--block", name, "--proof")
        assert_one_line(result, 2, "is too old: the head is block 3, and 1 block can be taken off")
    assert run("account", "show", STRANGER, "--datadir", directory, "--block", "2").exit_code == 0


def test_what_is_no_address_and_no_slot(site: Site, run: Run) -> None:
    assert_one_line(run("account", "show", "0x12", "--datadir", site.datadir), 2, "Address has 20 bytes")
    for slot in ("-1", "x", "0x" + "1" * 65):
        assert_one_line(run("account", "show", STRANGER, "--datadir", site.datadir, "--slot", slot), 2, "--slot")
    assert_one_line(run("account", "show", STRANGER, "--datadir", site.datadir, "--out", "a.txt"), 2, "a.txt")


# ---- comparing


def test_witnesses_beside_merkle_proofs(site: Site, tmp_path: Path, run: Run) -> None:
    drawing = tmp_path / "sizes.svg"
    result = run("witness", "compare", "--datadir", site.datadir, "--plot", str(drawing), "--json")
    assert result.exit_code == 0, result.stderr
    *weights, end = rows(result)
    assert [one["number"] for one in weights] == [1, 2, 3]
    assert [one["keys"] for one in weights] == [one["keys"] for one in site.built]
    assert [one["proof_bytes"] for one in weights] == [one["proof_bytes"] for one in site.built]
    for one in weights:
        assert one["mpt_bytes"] == one["mpt_node_bytes"] + one["mpt_code_bytes"]
        assert one["ssz_bytes"] > one["state_diff_bytes"] + one["proof_bytes"]
        assert one["mpt_node_bytes"] > 500
    assert end["totals"]["mpt_bytes"] == sum(one["mpt_bytes"] for one in weights)
    text = drawing.read_text()
    assert text.startswith("<svg ")
    assert text.count("<rect ") == 1 + 4 + 3 * 4
    result = run("witness", "compare", "--datadir", site.datadir, "--from", "3")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["block", "3", "all"]
    assert_one_line(run("witness", "compare", "--datadir", site.datadir, "--plot", "a.png"), 2, "a drawing is .svg")
    assert_one_line(run("witness", "compare", "--datadir", site.datadir, "--from", "4"), 2, "1 to 3")


# ---- transactions


ACCESS = [{"address": STRANGER, "storageKeys": ["0x" + "05" * 32]}]
OF_EACH_TYPE: list[dict[str, Any]] = [
    {"nonce": 1, "gasPrice": 7, "gas": 21_000, "to": STRANGER, "value": 1},
    {"nonce": 1, "gasPrice": 7, "gas": 21_000, "chainId": 5, "to": None, "data": "0x6000"},
    {"nonce": 1, "gasPrice": 7, "gas": 21_000, "chainId": 1, "to": STRANGER, "accessList": ACCESS},
    fields(1),
    fields(1, accessList=ACCESS, to=None),
    fields(1, maxFeePerBlobGas=3, blobVersionedHashes=["0x01" + "00" * 31]),
    fields(1, authorizationList=[{"chainId": 1, "address": STRANGER, "nonce": 2}]),
]


def test_signing_all_types(site: Site, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "fields.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in OF_EACH_TYPE))
    raw = run("tx", "sign", str(path), "--key-file", site.key(3)).stdout
    shown = rows(run("tx", "sign", str(path), "--key-file", site.key(3), "--json"))
    assert [int(one["type"], 16) for one in shown] == [0, 0, 1, 2, 2, 3, 4]
    assert [one["raw"] for one in shown] == raw.split()
    assert {one["from"] for one in shown} == {ADDRESSES[3]}
    assert [one.get("chainId") for one in shown[:2]] == [None, "0x5"]
    (tmp_path / "signed.txt").write_text(raw)
    (tmp_path / "signed.json").write_text(json.dumps([{k: v for k, v in one.items() if k != "raw"} for one in shown]))
    decoded = [rows(run("tx", "decode", str(tmp_path / name), "--json")) for name in ("signed.txt", "signed.json")]
    assert decoded[0] == decoded[1] == [{k: v for k, v in one.items() if k != "raw"} for one in shown]
    authorization = decoded[0][-1]["authorizationList"][0]
    assert int(authorization["r"], 16) > 0
    text = run("tx", "decode", shown[-1]["raw"]).stdout
    assert text.startswith(f"transaction {shown[-1]['hash']}\n")
    assert "1 entry" in text


def test_keys(site: Site, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "fields.json"
    path.write_text(json.dumps(fields(0)))
    assert_one_line(run("tx", "sign", str(path)), 2, "--key-file", "VERKLE_PRIVATE_KEY")
    monkeypatch.setenv("VERKLE_PRIVATE_KEY", KEYS[0].hex())
    assert run("tx", "sign", str(path)).stdout == run("tx", "sign", str(path), "--key-file", site.key(0)).stdout
    secret = "12" * 31
    for bad in (secret, "0x" + "zz" * 32, "", "00" * 32, "ff" * 32):
        (tmp_path / "key").write_text(bad or " ")
        result = run("tx", "sign", str(path), "--key-file", str(tmp_path / "key"))
        assert_one_line(result, 2, "private key")
        assert not bad.strip("0x") or bad not in result.stderr
    path.write_text(json.dumps(fields(0, **{"from": STRANGER})))
    assert_one_line(run("tx", "sign", str(path)), 2, "fields.json:1: from: the key is that of " + ADDRESSES[0])
    path.write_text('"0x00"')
    assert_one_line(run("tx", "sign", str(path)), 2, "fields.json:1")


def test_chain_ids_to_sign_for(site: Site, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "fields.json"
    path.write_text(json.dumps({name: value for name, value in fields(0).items() if name != "chainId"}))
    assert_one_line(run("tx", "sign", str(path), "--key-file", site.key(0)), 2, "fields.json:1: chainId: missing")
    (made,) = rows(run("tx", "sign", str(path), "--key-file", site.key(0), "--chain-id", "7", "--json"))
    assert made["chainId"] == "0x7"


# ---- the demonstration


def test_the_contracts_are_what_their_sources_compile_to() -> None:
    pytest.importorskip("vyper")
    from cli.contracts import COMPILED  # noqa: PLC0415
    from tests.cli.contracts import text  # noqa: PLC0415

    assert COMPILED.read_text(encoding="ascii") == text()


def test_the_demonstration(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "demo"
    arguments = ("demo", "--transactions", "44", "--accounts", "6", "--blocks", "4", "--out", str(out))
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    told = rows(result)
    assert told[0]["step"] == "genesis"
    blocks = [one for one in told if one["step"] == "block"]
    assert [one["number"] for one in blocks] == [1, 2, 3, 4]
    assert sum(one["transactions"] for one in blocks) == 44
    verdicts = [one for one in told if one["step"] == "verify" and "totals" not in one]
    assert [one["verdict"] for one in verdicts] == ["valid"] * 4
    rejected = [one["reason"] for one in told if one["step"] == "tampered" and "totals" not in one]
    assert rejected == ["proof-invalid", "write-mismatch"]
    total = next(one for one in told if one["step"] == "total")
    assert total["gas_used"] == sum(one["gas_used"] for one in blocks)
    assert total["mpt_bytes"] > 0
    assert told[-1]["step"] == "end"
    assert sorted(one.name for one in out.iterdir()) == [
        "blocks",
        "chain",
        "parent.rlp",
        "tampered.ssz",
        "witnesses.svg",
    ]
    assert status(run, str(out / "chain"))["number"] == 4
    assert_one_line(run(*arguments), 2, "--force")


def test_a_demonstration_that_goes_wrong_is_told(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tampering changes nothing: the block is found valid, which must not pass for a success."""
    made = []
    for number in (2, 3):
        path = Path(site.path(f"blocks/block-{number:06}.ssz"))
        request = ssz_request.decode_request(path.read_bytes(), VERKLE_PROFILE)
        made.append(Made(request, path, Weight(number, *[0] * 9), 0.0))
    monkeypatch.setattr(demo, "_tampered", lambda payload, **_: payload)
    with pytest.raises(Failed, match="tampered"):
        demo._verify_tampered(demo.Story(as_json=True, engine="python"), tmp_path, made)


def test_real_blocks_need_the_vectors(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERKLE_VECTORS", raising=False)
    assert_one_line(run("demo", "--real-blocks"), 2, "VERKLE_VECTORS")
