"""EIP-4762 as other clients test it: witnesses, gas and traces under `kaustinen7`.

What execution-spec-tests says of the state after a block is no oracle: nobody has ever compared it with a client.

Every block is executed over the whole tree, then once more over what its own witness proves.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from spec.codec import rlp
from spec.errors import Rejection, UnknownNode
from spec.params import KAUSTINEN7
from spec.types import Address, Hash32
from stateless.evm.precompiles import precompiles
from tests.interop import gas_scenarios
from tests.interop.cases import Case, UnknownCase, cases, check_each
from tests.interop.gas_scenarios import Scenario, history_leaf, scenarios
from tests.stateless.worlds import EXISTENCE, Block, Run, World
from tests.toy_engine import ToyEngine
from verkle.engine import Engine
from witness.access import AccessWitness, Leaf

PROFILE = KAUSTINEN7
PRECOMPILES = precompiles(PROFILE.require_execution().fork)


def _world(scenario: Scenario, engine: Engine[Any]) -> World:
    """The pre-state. The history contract of these tests has code, which every node of theirs knows."""
    history = PROFILE.history_address
    return World.of(PROFILE, engine, scenario.alloc, {history: scenario.alloc[history].code})


def _check_witness(world: World, block: Block, scenario: Scenario, number: int) -> Run:
    """Run one block; where the scenario says what its witness lists, it is that and nothing else."""
    planned = scenario.blocks[number - 1]
    if any(planned.errors):
        try:
            world.run(block)
        except Rejection as rejection:
            raise UnknownCase(f"{planned.errors} here is {rejection}, and no test compares the two") from None
        raise AssertionError(f"accepted, though {planned.errors}")
    run = world.run(block)
    if planned.expected is not None:
        listed = {leaf: world.tree.get(world.key(leaf)) for leaf in run.access}
        assert listed == {history_leaf(PROFILE, number): listed.get(history_leaf(PROFILE, number)), **planned.expected}
    return run


def _holes(run: Run) -> list[Leaf]:
    """What was read with no event. Whether there is a history account is asked at each block, and may stay unknown."""
    return [leaf for leaf in run.unannounced if leaf != (PROFILE.history_address, 0, EXISTENCE)]


def _check_stateless(world: World, block: Block, run: Run) -> bool:
    """Over its own witness, a block comes out as over the whole tree.

    False where the network's rules leave a hole: EXTCODEHASH of a precompile asks whether it has an account.
    """
    partial = world.proven(run)
    if _holes(run):
        assert {leaf[0] for leaf in _holes(run)} <= PRECOMPILES.keys(), "read before there was an event"
        try:
            partial.run(block)
        except UnknownNode:
            return False
        raise AssertionError("what was read with no event is in the witness after all")
    again = partial.run(block)
    assert again.facts() == run.facts()
    assert partial.after(again).tree.state_root() == world.after(run).tree.state_root()
    return True


def test_scenarios_of_execution_spec_tests(vectors: Path, toy: ToyEngine) -> None:
    """gas_4762/eest_verkle_scenarios.json, blocks right after genesis: the exact witness, and the same from it alone.

    Gas is tested by gas limits: what a scenario can just pay, or just not, shows in its witness.
    """
    counted: Counter[str] = Counter()

    def check(case: Case) -> None:
        _ = case["post"], case["blocks"]
        scenario = gas_scenarios.read(case, PROFILE)
        if len(scenario.blocks) > 1:
            counted["chains, tested below"] += 1
            return
        world = _world(scenario, toy)
        block = scenario.block(1, scenario.genesis_hash)
        run = _check_witness(world, block, scenario, 1)
        counted["with a witness"] += scenario.blocks[0].expected is not None
        counted["of thresholds"] += "insufficient" in scenario.name
        if not _check_stateless(world, block, run):
            assert scenario.module == "test_extcodehash"
            counted["with a hole"] += 1
        counted["run"] += 1

    check_each(cases(vectors, gas_scenarios.FILE), check)
    print(dict(counted))
    assert counted["run"] > counted["with a witness"] > counted["of thresholds"] > 0
    assert counted["with a hole"] <= 2


def test_genesis_of_execution_spec_tests(vectors: Path, engine: Engine[Any], *, in_full: bool) -> None:
    """State root and hash of every scenario's block 0."""
    checked = 0
    for index, (case, scenario) in enumerate(scenarios(vectors, PROFILE)):
        if not in_full and index % 16:
            continue
        root = _world(scenario, engine).tree.state_root()
        assert root == scenario.genesis_root, case.name
        assert rlp.block_hash(scenario.header(0, Hash32(bytes(32)), root)) == scenario.genesis_hash, case.name
        checked += 1
    print(checked, "scenarios")
    assert checked


def test_block_hash_chains(vectors: Path, engine: Engine[Any], toy: ToyEngine) -> None:
    """Scenarios of 260 empty blocks before the one that asks for a hash.

    Where the witness shows a hash, state roots are real all the way from genesis; otherwise any group will do.
    """
    counted: Counter[str] = Counter()
    for _, scenario in scenarios(vectors, PROFILE):
        if len(scenario.blocks) == 1:
            continue
        expected = scenario.blocks[-1].expected
        assert expected is not None, scenario.name
        shows_hash = any(leaf[0] == PROFILE.history_address and value for leaf, value in expected.items())
        world = _world(scenario, engine if shows_hash else toy)
        parent = scenario.genesis_hash
        for number, planned in enumerate(scenario.blocks, 1):
            block = scenario.block(number, parent)
            run = _check_witness(world, block, scenario, number)
            if planned.transactions:
                assert number == len(scenario.blocks)
                assert _check_stateless(world, block, run), scenario.name
                break
            world = world.after(run)
            assert run.access == {history_leaf(PROFILE, number): True}
            parent = rlp.block_hash(scenario.header(number, parent, world.tree.state_root()))
        counted["with real roots" if shows_hash else "with roots of the toy engine"] += 1
    print(dict(counted))
    assert all(counted.values())
    assert counted.total() > 0


def test_besu_access_witness(vectors: Path) -> None:
    """gas_4762/besu_access_witness.json: the price of events, and what is recorded where gas is short."""
    who = Address(bytes(20))
    writes = {"read": False, "write": True}

    def check(case: Case) -> None:
        witness, prices = AccessWitness(), []
        for name, leaf, gas in case["ops"]:
            if name == "create_completed":
                events, write = [(who, 0, 0), (who, 0, 1)], True
            else:
                events, write = [(who, 0, leaf)], writes[name]
            price = 0
            for event in events:
                cost = witness.cost(event, write=write)
                price += cost
                if gas is None or price <= gas:
                    witness.record(event, write=write)
            prices.append(price)
        assert prices == case["gas"]
        assert [leaf[2] for leaf in witness.block] == case["leaves"]

    check_each(cases(vectors, "gas_4762/besu_access_witness.json"), check)
