"""The machine against the execution specifications (EELS): the same gas, status, logs and post-state.

Cases are made by Hypothesis, which also shrinks what the two disagree on; a shrunk case is then kept with what EELS
says of it in tests/vectors/execution/, and from then on is tested without EELS.

DIFFERENTIAL_COUNT says how many cases are made (50,000 take the better part of an hour), DIFFERENTIAL_SEED which ones.
EELS_PYTHON names a Python that has `ethereum-execution`, in place of the one that `make peers` builds; without either
the test is skipped. What a failure shrinks to is left in build/differential.json.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.bench.peers.client import Peer, why_unavailable
from tests.differential.cases import case
from tests.differential.keep import DIRECTORY, SAMPLED
from tests.differential.ours import differences, execute
from tests.differential.theirs import ask

COUNT: Final = int(os.environ.get("DIFFERENTIAL_COUNT", "300"))
SEED: Final = int(os.environ.get("DIFFERENTIAL_SEED", "0"))
ROOT: Final = Path(__file__).resolve().parents[2]
LEFT: Final = ROOT / "build" / "differential.json"


@pytest.fixture(scope="module")
def eels() -> Iterator[Peer]:
    reason = why_unavailable("eels")
    if reason is not None:
        pytest.skip(reason)
    with Peer("eels") as peer:
        yield peer


def test_machine_and_eels_agree(eels: Peer, pytestconfig: pytest.Config) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=COUNT, database=None, derandomize=False)
    @seed(SEED)
    @given(rng=st.randoms(use_true_random=False))
    def agree(rng: Random) -> None:
        document = case(rng)
        ours, theirs = execute(document), ask(eels, document)
        seen.update("refused" if "error" in one else f"status {one['status']}" for one in ours["txs"])
        seen["cases"] += 1
        lines = differences(ours, theirs)
        if lines:
            LEFT.parent.mkdir(exist_ok=True)
            LEFT.write_text(json.dumps({**document, "expected": theirs}, indent=1) + "\n", encoding="utf-8")
        assert not lines, "\n".join(lines)

    agree()
    print(f"seed {SEED}: {dict(sorted(seen.items()))}")
    assert seen["cases"] >= COUNT
    assert seen["status 1"] > seen["cases"] // 4
    assert seen["status 0"] > seen["cases"] // 20
    assert seen["refused"]


def test_a_difference_is_seen(eels: Peer) -> None:
    """What the comparison would say, were a balance, a log or the gas another."""
    document = next(document for document in map(case, map(Random, range(100))) if _succeeds(document))
    ours, theirs = execute(document), ask(eels, document)
    assert differences(ours, theirs) == []
    for change in (_other_gas, _other_log, _other_account):
        changed = json.loads(json.dumps(ours))
        change(changed)
        assert len(differences(changed, theirs)) == 1


def _other_gas(result: dict[str, Any]) -> None:
    result["txs"][0]["gasUsed"] = "0x1"


def _other_log(result: dict[str, Any]) -> None:
    result["txs"][0]["logs"].append({})


def _other_account(result: dict[str, Any]) -> None:
    result["post"].popitem()


def _succeeds(document: dict[str, Any]) -> bool:
    return bool(execute(document)["txs"][0].get("status") == 1)


def _kept() -> Iterator[tuple[str, dict[str, Any]]]:
    """Cases with what EELS said of them: those that were found, and a sample."""
    for path in sorted(DIRECTORY.glob("*.json")):
        yield path.name, json.loads(path.read_text(encoding="utf-8"))
    for number, line in enumerate(SAMPLED.read_text(encoding="ascii").splitlines(), start=1):
        yield f"{SAMPLED.name}:{number}", json.loads(line)


def test_kept_cases() -> None:
    seen: Counter[str] = Counter()
    for name, document in _kept():
        ours = execute(document)
        assert differences(ours, document["expected"]) == [], name
        seen.update("refused" if "error" in one else f"status {one['status']}" for one in ours["txs"])
        seen["cases"] += 1
    print(dict(sorted(seen.items())))
    assert seen["cases"] >= 60
    assert min(seen["refused"], seen["status 0"], seen["status 1"]) >= 10
