"""Peers as programs that run beside us: started, asked line by line, stopped.

    with Peer("go") as peer:
        peer.ask(Scenario("commit", seed=7, size=256), repeat=5, output=True)

With `threads=1` (the default) a peer runs on one processor: its runtime is told so, and so is the kernel.
"""

import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.bench.peers.inputs import Answer, Scenario

BUILD: Final = Path(__file__).resolve().parents[3] / "build" / "peers"
"""Where `make peers` leaves the programs, or a file that says why there is none."""

START_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 600.0


class PeerError(Exception):
    """A peer cannot answer: it refuses the request, has ended, or takes too long."""


@dataclass(frozen=True, slots=True)
class Program:
    """How a peer is started."""

    about: str
    file: str
    """What `make peers` builds."""
    command: tuple[str, ...]


NODE_PEER: Final = str(BUILD / "npm" / "peer.mjs")
EELS_PEER: Final = str(Path(__file__).resolve().parent / "eels" / "peer.py")
EELS_PYTHON: Final = os.environ.get("EELS_PYTHON") or str(BUILD / "eels" / "bin" / "python")
"""A Python with `ethereum-execution`: that of `make peers`, or one that the environment names."""
PROGRAMS: Final = {
    "go": Program("go-ipa and go-verkle", "go-peer", (str(BUILD / "go-peer"),)),
    "wasm": Program("rust-verkle as WebAssembly", "npm/peer.mjs", ("node", "--expose-gc", NODE_PEER, "wasm")),
    "eels": Program("execution-specs (EELS)", EELS_PYTHON, (EELS_PYTHON, EELS_PEER)),
    "micro": Program("micro-eth-signer", "npm/peer.mjs", ("node", "--expose-gc", NODE_PEER, "micro")),
}

SKIPPED: Final = {"wasm": "npm", "micro": "npm"}
"""Where `make peers` says why it skipped a peer, if not under its own name."""


def why_unavailable(name: str) -> str | None:
    """A line that says why a peer cannot be started; None where it can."""
    program = PROGRAMS[name]
    if not (BUILD / program.file).exists():
        said = BUILD / f"{SKIPPED.get(name, name)}.skipped"
        if said.exists():
            return said.read_text(encoding="utf-8").strip()
        return f"{name} peer is not built: run make peers"
    if shutil.which(program.command[0]) is None:
        return f"{name} peer needs {program.command[0]}"
    return None


class Peer:
    """A running peer."""

    def __init__(self, name: str, threads: int = 1) -> None:
        reason = why_unavailable(name)
        if reason is not None:
            raise PeerError(reason)
        self.name = name
        self.threads = threads
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the peer)
        self._process = self._start()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._buffer = bytearray()
        try:
            greeting = self._read(START_SECONDS)
        except PeerError:
            self.close()
            raise
        self.cases: tuple[str, ...] = tuple(greeting["cases"])
        self.libraries: dict[str, str] = greeting["libraries"]

    def _start(self) -> "subprocess.Popen[bytes]":
        """The process; it inherits the processors that this thread is allowed at the moment."""
        environment = {**os.environ, "GOMAXPROCS": str(self.threads)}
        allowed = os.sched_getaffinity(0) if self.threads == 1 and hasattr(os, "sched_getaffinity") else None
        if allowed is not None:
            os.sched_setaffinity(0, {max(allowed)})
        try:
            return subprocess.Popen(
                PROGRAMS[self.name].command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
            )
        finally:
            if allowed is not None:
                os.sched_setaffinity(0, allowed)

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None, "piped"
        return self._process.stdout.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the peer."""
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def ask(self, scenario: Scenario, repeat: int = 1, output: bool = False, timeout: float = ANSWER_SECONDS) -> Answer:
        """Run a scenario. Raises: PeerError, with "rejected" where a verification fails; after a timeout it is dead."""
        line = json.dumps({**scenario.request(), "repeat": repeat, "output": output}) + "\n"
        assert self._process.stdin is not None, "piped"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise PeerError(self._epitaph()) from None
        answer = self._read(timeout)
        if answer.get("error"):
            raise PeerError(f"{self.name}, {scenario.case}: {answer['error']}")
        result = answer["output"]
        return Answer(tuple(answer["seconds"]), None if result is None else bytes.fromhex(result), answer["unit_count"])

    def _read(self, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        end = self._buffer.find(b"\n")
        while end < 0:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                self._process.kill()
                raise PeerError(f"{self.name} peer did not answer within {timeout:g} s")
            chunk = os.read(self._output, 1 << 20)
            if not chunk:
                raise PeerError(self._epitaph())
            start = len(self._buffer)
            self._buffer += chunk
            end = self._buffer.find(b"\n", start)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        document: dict[str, Any] = json.loads(line)
        return document

    def _epitaph(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        return f"{self.name} peer ended with status {self._process.returncode}: {last[0]}"
