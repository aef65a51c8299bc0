"""A small chain on disk, made by our own prover, and a way to call the command line."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import sample
from cli.engines import VARIABLE
from cli.main import verkle
from spec.codec import json_document, request_json, ssz_request
from spec.containers import ExecutionPayload, NewPayloadRequest
from verkle.engine import ReferenceEngine

Run = Callable[..., Result]


@dataclass(frozen=True)
class Made:
    """Three blocks on their genesis, in all the forms that commands read."""

    directory: Path
    root: str
    requests: tuple[NewPayloadRequest, ...]

    @property
    def payloads(self) -> list[ExecutionPayload]:
        return [request.execution_payload for request in self.requests]

    def path(self, name: str) -> str:
        return str(self.directory / name)


def text_of(request: NewPayloadRequest) -> str:
    return json_document.write(request_json.encode_request(request))


@pytest.fixture(autouse=True)
def plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands compute with the reference engine here, whatever the machine: tests/accel/test_cli.py has the others."""
    monkeypatch.setenv(VARIABLE, ReferenceEngine.name)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    directory = tmp_path_factory.mktemp("made")
    document = sample.genesis_document(24)
    chain = sample.Chain.begin(document, ReferenceEngine())
    root = "0x" + chain.root.hex()
    requests = tuple(chain.add(step) for step in sample.steps()[:3])
    (directory / "genesis.json").write_text(json.dumps({"genesis": document}))
    (directory / "blocks.jsonl").write_text("".join(text_of(request) + "\n" for request in requests))
    for number, request in enumerate(requests, 1):
        (directory / f"block{number}.json").write_text(text_of(request))
    (directory / "block1.ssz").write_bytes(ssz_request.encode_request(requests[0], sample.PROFILE))
    return Made(directory, root, requests)


@pytest.fixture
def run() -> Run:
    """Call `verkle` with these arguments. No exception ever gets out."""

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(verkle, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


def rows(result: Result) -> list[dict[str, Any]]:
    """The JSON objects on standard output."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def assert_one_line(result: Result, code: int, *parts: str) -> None:
    """One clear line on standard error that names these, and nothing else."""
    assert result.exit_code == code, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert len(lines[0]) < 400
    for part in parts:
        assert part in lines[0]
