"""What `verkle bench` measures of the machine does what it says, and EELS says the same of it."""

import json

import pytest

from cli.execution_cases import PROGRAMS, TRANSFERS, execute, run_scene, scene
from tests.bench.peers.client import Peer, why_unavailable
from tests.differential import ours
from tests.differential.theirs import ask

GAS = {
    "arithmetic": 941_009,
    "storage": 1_579_803,
    "mix": 2_251_909,
    "keccak": 981_009,
    "transfers": 21_000 * TRANSFERS,
}
"""Under `osaka`; a case that changes is another case, and its figures say nothing about the old one."""


@pytest.mark.parametrize("name", [*PROGRAMS, "transfers"])
def test_scenes_succeed_under_both_schedules(name: str) -> None:
    played = scene(name)
    outcome = run_scene(played, None)
    assert all(receipt.success for receipt in outcome.receipts)
    assert len(outcome.receipts) == len(played.transactions)
    assert outcome.gas_used == GAS[name]
    work = execute(name, "verkle")
    assert work.amount is not None and work.amount[0] > 0.5
    work.run()


def test_eels_comes_to_the_same() -> None:
    reason = why_unavailable("eels")
    if reason is not None:
        pytest.skip(reason)
    with Peer("eels") as peer:
        document = json.loads(scene("mix").document())
        assert ours.differences(ours.execute(document), ask(peer, document)) == []
