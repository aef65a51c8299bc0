"""The command as a process: start-up, pipes, interrupts, full disks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import COMMANDS
from cli.pool import Pool
from spec.errors import EngineUnavailable
from tests.bench.peers import client
from tests.bench.peers.cases import Ours
from tests.bench.peers.inputs import Answer, Scenario
from tests.cli.conftest import Made, Run, rows
from verkle.engine import ReferenceEngine

VERKLE = [sys.executable, "-m", "cli.main"]
SUBCOMMANDS = [
    (),
    ("block",),
    ("block", "verify"),
    ("block", "trace"),
    ("block", "build"),
    ("block", "import"),
    ("init",),
    ("chain",),
    ("chain", "status"),
    ("chain", "export"),
    ("chain", "replay"),
    ("account",),
    ("account", "show"),
    ("tx",),
    ("tx", "decode"),
    ("tx", "sign"),
    ("db",),
    ("db", "check"),
    ("db", "stats"),
    ("db", "export"),
    ("db", "import"),
    ("genesis",),
    ("genesis", "root"),
    ("witness",),
    ("witness", "show"),
    ("witness", "convert"),
    ("witness", "compare"),
    ("tree",),
    ("tree", "prove"),
    ("tree", "verify"),
    ("warmup",),
    ("bench",),
    ("demo",),
]


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_help_teaches(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: verkle")
    assert result.stderr == ""


def test_the_map_names_every_command(run: Run) -> None:
    assert all(f"  {name} " in run("--help").stdout for name in COMMANDS)
    assert run("--version").stdout.startswith("verkle ")
    bare = run()
    assert (bare.exit_code, bare.stderr.startswith("Usage: verkle")) == (2, True)


def test_help_is_quick() -> None:
    program = (
        "import sys\nfrom cli.main import verkle\ntry:\n    verkle(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(bool({'rich', 'rlp', 'remerkleable', 'verkle', 'coincurve', 'Crypto'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False).returncode == 0
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([*VERKLE, "--help"], stdout=subprocess.DEVNULL, check=True)
        spent.append(time.perf_counter() - began)
    assert min(spent) <= 0.25


def test_a_reader_that_leaves_is_no_error(made: Made) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [*VERKLE, "witness", "show", made.path("block1.json")], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_a_full_disk(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run([*VERKLE, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert process.returncode == 3
    assert process.stderr.count(b"\n") == 1
    assert b"no space left" in process.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_is_one_line(made: Made, tmp_path: Path, jobs: str) -> None:
    fifo = tmp_path / "endless.jsonl"
    os.mkfifo(fifo)
    arguments = ["block", "verify", str(fifo), "--parent-root", made.root, "--jobs", jobs, "--verbose"]
    process = subprocess.Popen(
        [*VERKLE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with fifo.open("wb") as stream:
        stream.write(Path(made.path("blocks.jsonl")).read_bytes())
        stream.flush()
        if jobs == "1":
            assert process.stdout.readline().startswith(b"block 1  valid")
        else:
            time.sleep(0.8)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"interrupted\n")


def die() -> Callable[[int], int]:
    return os._exit


def double() -> Callable[[int], int]:
    return lambda job: 2 * job


def test_a_worker_that_dies_is_told() -> None:
    pool: Pool[int, int] = Pool(2, die)
    with pytest.raises(EngineUnavailable, match="has died"):
        list(pool.map(iter(range(1, 4))))
    pool.close()


def test_a_pool_keeps_the_order() -> None:
    pool: Pool[int, int] = Pool(2, double)
    assert list(pool.map(iter(range(50)))) == [2 * job for job in range(50)]
    pool.close()


def test_bench(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERKLE_VECTORS", raising=False)
    result = run("bench", "commit-256", "help", "--json")
    machine, commit, start = rows(result)
    assert machine["machine"].keys() == {"platform", "cpu", "cores", "python", "numba", "engine", "peers"}
    assert (commit["case"], commit["target"], commit["met"], commit["peers"]) == ("commit-256", None, None, {})
    assert (start["case"], start["target"], start["met"]) == ("help", 0.25, start["median"] <= 0.25)
    assert commit["min"] <= commit["median"] <= commit["max"]
    assert "multiproof" not in run("bench", "commit-256").stdout


def test_bench_without_peers_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tests.bench.peers.client", None)
    result = run("bench", "commit-256", "--peers", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("\n") == 1
    assert "there are no peers here" in result.stderr
    assert rows(result)[1]["peers"] == {}


def test_bench_runs_a_peer_on_the_same_case(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer made of ourselves: asked for the same scenario, with a ratio near 1."""
    asked = []

    class Mirror:
        def __init__(self, name: str) -> None:
            self.name, self.cases, self.libraries = name, ("commit",), {"ours": "0"}
            self.ours = Ours(ReferenceEngine())

        def __enter__(self) -> "Mirror":
            return self

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

        def ask(self, scenario: Scenario, repeat: int = 1) -> Answer:
            asked.append(scenario.case)
            return self.ours.ask(scenario, repeat)

    monkeypatch.setattr(client, "PROGRAMS", {"go": client.PROGRAMS["go"]})
    monkeypatch.setattr(client, "why_unavailable", lambda _: None)
    monkeypatch.setattr(client, "Peer", Mirror)
    result = run("bench", "commit-256", "--peers", "--json")
    machine, case = rows(result)
    assert machine["machine"]["peers"] == {"go": {"ours": "0"}}
    assert 0.2 < case["peers"]["go"]["ratio"] < 5
    assert case["met"] is (case["peers"]["go"]["ratio"] >= case["target_ratio"])
    assert asked[-1] == "closed"
    assert set(asked[:-1]) == {"commit"}
    assert "times as long, wanted 8: " in run("bench", "commit-256", "--peers").stdout
