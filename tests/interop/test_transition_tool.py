"""The transition tool on the scenarios that execution-spec-tests fills with one: `--state.fork Verkle`."""

from collections import Counter
from pathlib import Path

from builder.transition_block import NETWORKS
from builder.transition_tool import Task, transition
from spec.codec.text import to_hex, to_quantity
from spec.codec.transition_json import decode_accounts, decode_environment, encode_accounts
from spec.params import KAUSTINEN7
from stateless.tree_view import TreeKeys
from tests.interop.gas_scenarios import Scenario, history_leaf, scenarios
from tests.toy_engine import ToyEngine

NETWORK = NETWORKS["Verkle"]


def _task(scenario: Scenario) -> Task:
    """Block 1, its environment and accounts by way of their JSON forms."""
    planned = scenario.blocks[0]
    env = {
        "currentCoinbase": to_hex(scenario.coinbase),
        "currentGasLimit": to_quantity(scenario.gas_limit),
        "currentNumber": "0x1",
        "currentTimestamp": "0xc",
        "currentRandom": "0x0",
        "currentBaseFee": to_quantity(scenario.base_fee),
        "blockHashes": {"0x0": to_hex(scenario.genesis_hash)},
        "currentConversionEnded": True,
        "withdrawals": [
            {
                "index": to_quantity(one.index),
                "validatorIndex": to_quantity(one.validator_index),
                "address": to_hex(one.address),
                "amount": to_quantity(one.amount),
            }
            for one in planned.withdrawals
        ],
    }
    return Task(
        network=NETWORK,
        chain_id=1,
        environment=decode_environment(env),
        accounts=decode_accounts(encode_accounts(scenario.alloc)),
        leaves=None,
        transactions=[signed.transaction for signed in planned.transactions],
    )


def test_witnesses_of_execution_spec_tests(vectors: Path, toy: ToyEngine) -> None:
    """Every location that a filled test lists, with its current value, and no other; the block's own slot beside."""
    assert NETWORK.profile == KAUSTINEN7
    counted: Counter[str] = Counter()
    for _, scenario in scenarios(vectors, KAUSTINEN7):
        planned = scenario.blocks[0]
        if len(scenario.blocks) > 1:
            continue
        done = transition(_task(scenario), toy)
        counted["blocks"] += 1
        assert len(done.executed) + len(done.rejected) == len(planned.transactions)
        assert bool(done.rejected) == any(planned.errors), scenario.name
        if planned.expected is None or done.rejected:
            continue
        assert done.tree is not None and done.tree.witness is not None
        keys = TreeKeys(toy, KAUSTINEN7)
        listed = {key: diff.current_value for key, diff in done.tree.witness.locations()}
        own = keys.key(history_leaf(KAUSTINEN7, 1))
        expected = {keys.key(leaf): value for leaf, value in planned.expected.items()}
        assert listed == {own: listed[own], **expected}, scenario.name
        counted["witnesses"] += 1
    print(dict(counted))
    assert counted["witnesses"] > 100
