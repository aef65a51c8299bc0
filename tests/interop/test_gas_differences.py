"""Where `verkle` and `kaustinen7` part: each difference explained by switches, and the table in the chapter current."""

from dataclasses import fields, replace
from pathlib import Path

from spec.errors import Reason
from spec.forks import WitnessAccess
from spec.gas import TRANSACTION_GAS_LIMIT
from spec.params import KAUSTINEN7, VERKLE
from tests.interop.gas_differences import (
    CHAPTER,
    SWITCHES,
    Comparison,
    committed_table,
    difference,
    read_committed,
    table,
    turned,
)
from tests.interop.gas_scenarios import scenarios
from tests.toy_engine import ToyEngine

SAMPLE = 7


def test_switches_lead_from_one_profile_to_the_other() -> None:
    """All switches turned, `kaustinen7` executes as `verkle` does."""
    all_turned = turned(SWITCHES)
    assert all_turned.execution == VERKLE.execution
    same_tree = replace(
        VERKLE,
        name=KAUSTINEN7.name,
        chain_id=KAUSTINEN7.chain_id,
        blob_gas=KAUSTINEN7.blob_gas,
        internal_node_markers=KAUSTINEN7.internal_node_markers,
    )
    assert all_turned == same_tree


def test_every_switch_has_its_line() -> None:
    """The chapter names each switch of `WitnessAccess` in one of its tables."""
    rows = [line for line in CHAPTER.read_text().splitlines() if line.startswith("|")]
    missing = [field.name for field in fields(WitnessAccess) if not any(f"`{field.name}`" in row for row in rows)]
    assert not missing


def test_committed_table() -> None:
    """The chapter holds what gas_differences.json says."""
    committed = read_committed()
    assert committed
    assert committed_table().strip() == table(committed).strip()


def test_differences_are_explained(vectors: Path, *, in_full: bool) -> None:
    """gas_4762/eest_verkle_scenarios.json: switches explain every difference, and what is committed is that."""
    engine, committed = ToyEngine(), read_committed()
    explained = known = 0
    for index, (case, scenario) in enumerate(scenarios(vectors, KAUSTINEN7)):
        if not in_full and index % SAMPLE:
            continue
        entry = difference(scenario, engine).entry()
        explained += 1
        if case.name in committed:
            assert entry == committed[case.name], case.name
            known += 1
    print(explained, "scenarios,", known, "of them in the table")
    assert explained >= known > 0


def test_scenarios_under_verkle(vectors: Path, *, in_full: bool) -> None:
    """Every scenario again under `verkle`, from its own witness too, with no leaf read or written without an event.

    Some have not the gas that EIP-7623 asks for their data.
    """
    engine = ToyEngine()
    checked = rejected = 0
    for index, (case, scenario) in enumerate(scenarios(vectors, KAUSTINEN7)):
        if not in_full and index % SAMPLE:
            continue
        comparison = Comparison(scenario, engine)
        comparison.with_most_gas(TRANSACTION_GAS_LIMIT)
        outcome = comparison.outcome(VERKLE)
        if isinstance(outcome, str):
            assert outcome == Reason.INTRINSIC_GAS, case.name
            assert "insufficient_gas" in scenario.family, case.name
            rejected += 1
            continue
        world, block = comparison.scene(VERKLE)
        run = world.run(block)
        assert not run.unannounced, case.name
        assert {leaf for leaf in run.leaves if not run.access.get(leaf)} == set(), case.name
        partial = world.proven(run)
        assert partial.run(block).facts() == run.facts(), case.name
        assert partial.after(run).tree.state_root() == world.after(run).tree.state_root(), case.name
        checked += 1
    print(checked, "scenarios,", rejected, "rejected")
    assert checked > rejected
