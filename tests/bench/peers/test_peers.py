"""Peers as oracles: same inputs, same bytes. Skipped where a peer is not built (`make peers`).

PEERS_COUNT says how many random proofs and trees are compared; a fast engine bears ten thousand.
"""

import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final

import pytest

from spec.codec import json_document
from spec.codec.witness_json import decode_witness
from spec.errors import DecodeError, Rejection
from spec.types import TreeKey, Value
from tests.bench.peers.cases import ACCEPTED, Ours
from tests.bench.peers.client import Peer, PeerError, why_unavailable
from tests.bench.peers.inputs import Scenario, join, join_entries
from verkle.engine import Engine, ReferenceEngine

COUNT: Final = int(os.environ.get("PEERS_COUNT", "3"))

SCENARIOS: Final = (
    Scenario("commit", seed=1, size=256),
    Scenario("commit", seed=2, size=1),
    Scenario("update", seed=3, size=20),
    Scenario("map-to-field", seed=4, size=20),
    Scenario("encode", seed=5, size=20),
    Scenario("decode", seed=6, size=20),
    Scenario("tree-key", seed=7, size=20),
    Scenario("ipa-prove", seed=8),
    Scenario("multiproof-prove", seed=9, size=1),
    Scenario("multiproof-prove", seed=10, size=30),
    Scenario("tree-build", seed=11, size=40),
    Scenario("tree-update", seed=12, size=40, count=15),
    Scenario("tree-prove", seed=13, size=40, count=7),
)

MICRO: Final = ("commit", "encode", "map-to-field", "multiproof-prove", "tree-key", "update")
WASM: Final = (*MICRO, "multiproof-verify", "tree-verify")
GO: Final = (*WASM, "decode", "ipa-prove", "ipa-verify", "tree-accept", "tree-build", "tree-prove", "tree-update")
CASES: Final = {"go": GO, "wasm": WASM, "micro": MICRO}
"""What each peer can be asked."""


class Peers:
    """The peers that tests have asked for; each is started once."""

    def __init__(self) -> None:
        self._running: dict[str, Peer] = {}

    def get(self, name: str) -> Peer:
        """A running peer; the test is skipped where there is none."""
        if name not in self._running:
            reason = why_unavailable(name)
            if reason is not None:
                pytest.skip(reason)
            self._running[name] = Peer(name, threads=os.cpu_count() or 1)
        return self._running[name]

    def close(self) -> None:
        for peer in self._running.values():
            peer.close()


@pytest.fixture(scope="session")
def peers() -> Iterator[Peers]:
    made = Peers()
    yield made
    made.close()


@pytest.fixture(scope="session")
def ours(request: pytest.FixtureRequest, engine: Engine[Any]) -> Ours[Any]:
    """Our side: the engine that --engine names, else the fastest that there is."""
    if request.config.getoption("--engine") is None and find_spec("accel") is not None:
        from accel.select import select  # noqa: PLC0415

        engine = select().engine
    return Ours(engine)


def _output(peer: Peer | Ours[Any], scenario: Scenario, repeat: int = 1) -> bytes:
    answer = peer.ask(scenario, repeat, output=True)
    assert answer.output is not None
    assert len(answer.seconds) == repeat
    return answer.output


def test_cases_without_peers() -> None:
    assert set(CASES["go"]) == set(Ours(ReferenceEngine()).cases)


@pytest.mark.parametrize("name", CASES)
def test_cases(peers: Peers, name: str) -> None:
    assert sorted(peers.get(name).cases) == sorted(CASES[name])


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        pytest.param(name, scenario, id=f"{name}-{scenario.case}-{scenario.seed}")
        for name in CASES
        for scenario in SCENARIOS
        if scenario.case in CASES[name]
    ],
)
def test_same_bytes(peers: Peers, ours: Ours[Any], name: str, scenario: Scenario) -> None:
    """Twice in one request, so that what lasts from run to run (trees that are updated) is seen as well."""
    expected = ours.ask(scenario, 2, output=True)
    answer = peers.get(name).ask(scenario, 2, output=True)
    assert answer.output == expected.output
    assert answer.unit_count == expected.unit_count


def test_ipa_verify(peers: Peers, ours: Ours[Any]) -> None:
    """Each side takes the other's argument and refuses a changed one."""
    go = peers.get("go")
    scenario = Scenario("ipa-verify", seed=8)
    assert _output(go, scenario) == ACCEPTED
    for prover, verifier in ((ours, go), (go, ours)):
        proof = _output(prover, Scenario("ipa-prove", seed=8))
        assert _output(verifier, replace(scenario, proof=proof)) == ACCEPTED
        with pytest.raises((PeerError, Rejection), match=r"reject|relation"):
            verifier.ask(replace(scenario, proof=_last_scalar_changed(proof)))


def _last_scalar_changed(proof: bytes) -> bytes:
    return proof[:-32] + bytes([proof[-32] ^ 1]) + proof[-31:]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("index", range(COUNT))
def test_multiproofs(peers: Peers, ours: Ours[Any], name: str, index: int) -> None:
    """A random number of openings: the proofs are equal and verify on both sides; a changed one on neither."""
    peer = peers.get(name)
    verifiers = [verifier for verifier in (peer, ours) if "multiproof-verify" in verifier.cases]
    size = random.Random(f"openings {index}").choice([1, 2, 3, 5, 8, 13])
    scenario = Scenario("multiproof-prove", seed=1000 + index, size=size)
    proof = _output(ours, scenario)
    assert _output(peer, scenario) == proof
    changed = _last_scalar_changed(proof)
    for verifier in verifiers:
        verify = replace(scenario, case="multiproof-verify")
        assert _output(verifier, replace(verify, proof=proof)) == ACCEPTED
        with pytest.raises((PeerError, Rejection), match=r"reject|relation"):
            verifier.ask(replace(verify, proof=changed))


def _keys(rng: random.Random, count: int, near: Iterable[TreeKey] = ()) -> list[TreeKey]:
    """Distinct keys that share prefixes of many lengths with each other and with those `near`."""
    met = list(near)
    made: list[TreeKey] = []
    while len(made) < count:
        length = rng.choice([0, 1, 1, 2, 3, 7, 20, 29, 30, 31]) if met else 0
        prefix = rng.choice(met)[:length] if length else b""
        key = TreeKey(prefix + rng.randbytes(32 - length))
        if key not in met:
            met.append(key)
            made.append(key)
    return made


def _value(rng: random.Random) -> Value:
    edges = [bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(16) + b"\x01" + bytes(15)]
    return Value(rng.choice([*edges, rng.randbytes(32), rng.randbytes(32)]))


def _entries(rng: random.Random, count: int) -> dict[TreeKey, Value]:
    return {key: _value(rng) for key in _keys(rng, count)}


@pytest.mark.parametrize("index", range(COUNT))
def test_tree_roots(peers: Peers, ours: Ours[Any], index: int) -> None:
    """Trees of leaves with shared prefixes and edge values."""
    rng = random.Random(f"root {index}")
    scenario = Scenario("tree-build", entries=join_entries(_entries(rng, rng.randint(1, 30))))
    assert _output(peers.get("go"), scenario) == _output(ours, scenario)


def _question(index: int) -> tuple[Scenario, Scenario]:
    """A tree with shared prefixes; present keys, absent suffixes, absent stems and writes. Also the tree alone."""
    rng = random.Random(f"witness {index}")
    entries = _entries(rng, rng.randint(1, 25))
    present = rng.sample(list(entries), rng.randint(0, min(6, len(entries))))
    absent = _keys(rng, rng.randint(0 if present else 1, 6), near=entries)
    queries = sorted({*present, *(key for key in absent if key not in entries)})
    written = rng.sample(queries, rng.randint(0, len(queries)))
    writes = {key: entries[key] if key in entries and rng.random() < 0.2 else _value(rng) for key in written}
    tree = Scenario("tree-build", entries=join_entries(entries))
    return replace(tree, case="tree-prove", queries=join(queries), writes=join_entries(writes)), tree


@pytest.mark.parametrize("index", range(COUNT))
def test_tree_proofs_of_go_verkle(peers: Peers, ours: Ours[Any], index: int) -> None:
    """Its witness is ours, byte for byte, and leads both to the same post root."""
    go = peers.get("go")
    scenario, tree = _question(index)
    text = _output(ours, scenario)
    assert _output(go, scenario).decode() == text.decode()
    witness = Scenario("tree-accept", witness=text, root=_output(ours, tree))
    assert _output(go, witness) == _output(ours, witness)


@pytest.mark.parametrize("name", [name for name, cases in CASES.items() if "tree-verify" in cases])
@pytest.mark.parametrize("index", range(COUNT))
def test_tree_proofs_verify(peers: Peers, ours: Ours[Any], name: str, index: int) -> None:
    """Peers take our witness and refuse one with another value, as we do."""
    peer = peers.get(name)
    scenario, tree = _question(index)
    text = _output(ours, scenario)
    verify = Scenario("tree-verify", witness=text, root=_output(ours, tree))
    changed = replace(verify, witness=_value_changed(text))
    for verifier in (peer, ours):
        assert _output(verifier, verify) == ACCEPTED
        if changed.witness != text:
            with pytest.raises((PeerError, Rejection, DecodeError)):
                verifier.ask(changed)


def _value_changed(text: bytes) -> bytes:
    """The witness with another current value in the first place that has one."""
    document = json.loads(text)
    for stem in document["stateDiff"]:
        for diff in stem["suffixDiffs"]:
            if diff["currentValue"] is not None:
                diff["currentValue"] = "0x" + bytes(31).hex() + "07"
                decode_witness(document)
                return json_document.write(document).encode()
    return text


def test_refusals(peers: Peers) -> None:
    """What cannot be answered is an error of that request, and the peer goes on."""
    go = peers.get("go")
    for scenario in (Scenario("nothing"), Scenario("commit", size=257), Scenario("multiproof-prove")):
        with pytest.raises(PeerError):
            go.ask(scenario)
    assert go.ask(Scenario("commit", size=3), repeat=2).output is None


def test_ends(peers: Peers) -> None:
    """A peer that has no time is stopped, and says so when it is asked again."""
    peers.get("go")
    with Peer("go") as peer:
        with pytest.raises(PeerError, match="did not answer"):
            peer.ask(Scenario("ipa-prove", seed=1), timeout=0.01)
        with pytest.raises(PeerError, match="ended"):
            peer.ask(Scenario("commit", seed=1, size=1))


def test_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("peers")
    monkeypatch.setattr("tests.bench.peers.client.BUILD", directory)
    with pytest.raises(PeerError, match="make peers"):
        Peer("go")
    (directory / "go.skipped").write_text("go peer skipped: no go here\n")
    with pytest.raises(PeerError, match="no go here"):
        Peer("go")
