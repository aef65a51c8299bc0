"""EIP-4762 as geth's state processor tests it, and as besu traces it, under `kaustinen7`.

Every block is executed over the whole tree, then once more over what its own witness proves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spec.codec import rlp
from spec.codec.genesis_json import decode_alloc
from spec.containers import Account
from spec.crypto import keccak256
from spec.params import KAUSTINEN6, KAUSTINEN7, Profile
from spec.types import Address, Hash32, Uint64, Value
from stateless.evm.block import BlockEnvironment
from stateless.evm.frame import Frame
from stateless.evm.opcodes import opcodes
from stateless.fees import next_base_fee
from stateless.transition import Signed
from stateless.tries import ordered_root
from tests.interop.cases import Case, UnknownCase, cases, check_each, documents, integer, read, unhex
from tests.interop.gas_scenarios import history_leaf
from tests.stateless.programs import transaction
from tests.stateless.worlds import Block, Onlooker, Run, World
from tests.toy_engine import ToyEngine
from verkle.embedding import BasicData
from verkle.engine import Engine
from witness.access import AccessWitness

PROFILE = KAUSTINEN7
GAS_LIMIT = 4712388
FIRST_BASE_FEE = 10**9
SECONDS_PER_BLOCK = 10


# ---- geth's chains


@dataclass(frozen=True, slots=True)
class Step:
    """A block of a chain, the state it began with, and what came of it."""

    world: World
    block: Block
    run: Run

    def current(self, address: Address, suffix: int) -> Value | None:
        """What a leaf of an account's header held before."""
        return self.world.tree.get(self.world.key((address, 0, suffix)))

    def listed(self, address: Address) -> list[int]:
        """Suffixes of an account's header that the witness lists, ascending."""
        return sorted(leaf[2] for leaf in self.run.access if leaf[:2] == (address, 0))

    def new(self, address: Address, suffix: int) -> Value | None:
        """The new value of the witness: None where the leaf does not change."""
        return self.run.leaves.get((address, 0, suffix))


def _chain(engine: Engine[Any], accounts: dict[Address, Account], blocks: list[list[bytes]], chain: int) -> list[Step]:
    """Execute blocks as geth's test helper makes them, each a second time from its own witness."""
    world, steps = World.of(PROFILE, engine, accounts), []
    base_fee, used = FIRST_BASE_FEE, 0
    for number, encoded in enumerate(blocks, 1):
        base_fee = next_base_fee(GAS_LIMIT, used, base_fee)
        environment = BlockEnvironment(
            number=number,
            timestamp=SECONDS_PER_BLOCK * number,
            coinbase=Address(bytes(20)),
            gas_limit=GAS_LIMIT,
            prev_randao=bytes(32),
            base_fee=base_fee,
            chain_id=chain,
            parent_hash=Hash32(bytes(31) + bytes((number,))),
        )
        transactions = [rlp.decode_transaction(one) for one in encoded]
        block = Block(environment, tuple(Signed(one, rlp.sender(one)) for one in transactions))
        run = world.run(block)
        partial = world.proven(run)
        assert partial.run(block).facts() == run.facts()
        after = world.after(run)
        assert partial.after(run).tree.state_root() == after.tree.state_root()
        steps.append(Step(world, block, run))
        world, used = after, run.outcome.gas_used
    return steps


CREATED = Address(unhex("3a220f351252089d385b29beca14e27f204c296a"))
OTHER = Address(unhex("6177843db3138ae69679a54b95cf345ed759450d"))


def _no_code_chunks(steps: list[Step]) -> None:
    (step,) = steps
    assert all(leaf[2] <= 4 for leaf in step.run.access if leaf != history_leaf(PROFILE, 1))


def _history_slot_alone(steps: list[Step]) -> None:
    (step,) = steps
    assert step.listed(PROFILE.history_address) == [64]
    assert step.current(PROFILE.history_address, 64) is None


def _code_hash_alone(steps: list[Step]) -> None:
    step = steps[1]
    assert step.listed(CREATED)[0] == 1
    assert step.current(CREATED, 1) == Value(keccak256(unhex("602a")))
    assert step.new(CREATED, 1) is None


def _balance_read(steps: list[Step]) -> None:
    (step,) = steps
    assert step.listed(OTHER)[0] == 0
    assert any(step.current(OTHER, 0) or b"")
    assert step.new(OTHER, 0) is None


def _balance(value: Value | None) -> int:
    assert value is not None
    return BasicData.unpack(value).balance


def _contract_gave_all(steps: list[Step]) -> None:
    assert _balance(steps[1].current(CREATED, 0)) == 42
    assert _balance(steps[1].new(CREATED, 0)) == 0


def _other_got_all(steps: list[Step]) -> None:
    assert _balance(steps[-1].new(OTHER, 0)) - _balance(steps[-1].current(OTHER, 0)) == 42


def _contract_never_was(steps: list[Step]) -> None:
    assert steps[-1].current(CREATED, 0) is None
    assert steps[-1].new(CREATED, 0) is None


def _contract_kept_all(steps: list[Step]) -> None:
    assert _balance(steps[1].current(CREATED, 0)) == 42
    assert steps[1].new(CREATED, 0) is None


Fact = Callable[[list[Step]], None]
FACTS: dict[str, tuple[Fact, ...]] = {
    "TestProcessVerkleContractWithEmptyCode": (_no_code_chunks, _history_slot_alone),
    "TestProcessVerklExtCodeHashOpcode": (_code_hash_alone,),
    "TestProcessVerkleBalanceOpcode": (_balance_read,),
    "TestProcessVerkleSelfDestructInSeparateTx": (_contract_gave_all, _other_got_all),
    "TestProcessVerkleSelfDestructInSameTx": (_contract_never_was, _other_got_all),
    "TestProcessVerkleSelfDestructInSeparateTxWithSelfBeneficiary": (_contract_kept_all,),
    "TestProcessVerkleSelfDestructInSameTxWithSelfBeneficiary": (_contract_never_was,),
}
"""What the cases say in words, statement by statement."""


def _figures(value: Any) -> Iterator[int]:
    """The numbers in a member, however deep."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, str) and value.replace(",", "").isdigit():
        yield int(value.replace(",", ""))
    elif isinstance(value, dict):
        for member in value.values():
            yield from _figures(member)
    elif isinstance(value, list):
        for element in value:
            yield from _figures(element)


def test_scenarios_of_geth(vectors: Path, toy: ToyEngine) -> None:
    """gas_4762/geth_testprocessverkle_scenarios.json: facts of witnesses, and pinned gas where a case has some."""

    def check(case: Case) -> None:
        blocks = [[unhex(one) for one in block] for block in case["blocks"]]
        steps = _chain(toy, dict(decode_alloc(case["alloc"])), blocks, integer(case["chain_id"]))
        checked = 0
        if "expected_witness" in case:
            facts = FACTS.get(case.name, ())
            assert len(case["expected_witness"]) == len(facts), f"unknown facts: {case['expected_witness']}"
            for fact in facts:
                fact(steps)
                checked += 1
        known = {used for step in steps for used in (*step.run.gas, step.run.outcome.gas_used)}
        for member in case.unread():
            if "gas" not in member:
                raise UnknownCase(f"a member that no test knows: {member}")
            figures = set(_figures(case[member]))
            assert figures <= known, f"{member}: {sorted(figures - known)} are not among {sorted(known)}"
            checked += len(figures)
        assert checked

    check_each(cases(vectors, "gas_4762/geth_testprocessverkle_scenarios.json"), check)


def test_gas_that_geth_pins(vectors: Path, toy: ToyEngine) -> None:
    """blocks/geth_testprocessverkle_202404: the transactions of geth's TestProcessVerkle, under the rules of devnet 7.

    The file's own figures are of earlier rules; these are those that the test pins since (geth 4a2f6fbae).
    """
    document = read(vectors, "blocks/geth_testprocessverkle_202404/blocks_and_statediffs.json")
    blocks = [list(rlp.decode_block(unhex(document[f"block{number}_rlp"]))[1]) for number in (1, 2)]
    first, second = _chain(toy, dict(decode_alloc(document["genesis_alloc"])), blocks, 1)
    assert first.run.gas == [21000] * 3
    assert first.run.outcome.gas_used == 63_000
    assert second.run.gas == [*[21000] * 3, 60_421, 124_790]


PROFILES: dict[str, Profile | None] = {
    "packed_history_in_genesis": KAUSTINEN7,
    "packed_no_history_in_genesis": KAUSTINEN7,
    "leaf_per_field_eip6800_hash": KAUSTINEN6,
    "leaf_per_field_legacy_hash": None,
}
"""Rules of each file. None: gas of the oldest devnets is not known here, only that of transactions that used it all."""


def test_invalid_contract_creation(vectors: Path, engine: Engine[Any]) -> None:
    """blocks/geth_invalid_contract_creation/*.json: gas, receipts, witness, root and hash of a block that geth pins."""
    checked = 0
    for case in documents(vectors, "blocks/geth_invalid_contract_creation/*.json"):
        profile = PROFILES[case.name]
        if profile is not None:
            _check_block(case, profile, engine)
            checked += 1
    assert checked


def _check_block(case: Case, profile: Profile, engine: Engine[Any]) -> None:
    block1 = case["block1"]
    world = World.of(profile, engine, dict(decode_alloc(case["genesis_alloc"])))
    assert world.tree.state_root() == unhex(case["genesis_state_root"])
    transactions = [rlp.decode_transaction(unhex(one)) for one in block1["transactions"]]
    senders = [Address(unhex(sender)) for sender in block1["senders"]]
    assert senders == [rlp.sender(one) for one in transactions]
    header = rlp.decode_header(unhex(block1["header_rlp"]))
    environment = BlockEnvironment(
        number=1,
        timestamp=block1["timestamp"],
        coinbase=Address(unhex(block1["coinbase"])),
        gas_limit=GAS_LIMIT,
        prev_randao=bytes(32),
        base_fee=block1["base_fee"],
        chain_id=case["rules"]["chain_id"],
        parent_hash=Hash32(unhex(case["genesis_hash"])),
    )
    block = Block(environment, tuple(map(Signed, transactions, senders)))
    run = world.run(block)
    assert run.status == [bool(receipt["status"]) for receipt in block1["receipts"]]
    assert [receipt.cumulative_gas_used for receipt in run.outcome.receipts] == [
        receipt["cumulative_gas_used"] for receipt in block1["receipts"]
    ]
    assert run.outcome.gas_used == block1["gas_used"] == header.gas_used
    assert ordered_root([receipt.encode() for receipt in run.outcome.receipts]) == header.receipts_root
    written = {world.key(leaf): value for leaf, value in run.leaves.items()}
    assert written == {unhex(key): unhex(value) for key, value in block1["tree_writes"]}
    assert world.after(run).tree.state_root() == header.state_root == unhex(block1["state_root"])
    assert rlp.block_hash(header) == unhex(block1["block_hash"])
    if profile is KAUSTINEN7:
        _check_listed(world, run, case["expected_witness_facts_packed"])


LISTED = {
    "917f78f74226b0e3755134ce3e3433cac8df5a657f6c9b9a3d0122a3e4beb0": {133},
    "26f8a45c665b9ca0bf769b213ba9bb14e86d4028a41274ae2a509e71a89d86": {0, 1, 105},
    "5b5fdfedd6a0e932da408ac7d772a36513d1eee9b9926e52620c43a433aad7": {64},
}
"""Stems with a suffix above 4, as the file's first three statements name them."""


def _check_listed(world: World, run: Run, statements: list[str]) -> None:
    assert [stem in statement for stem, statement in zip(LISTED, statements, strict=False)] == [True] * len(LISTED)
    by_stem: dict[str, set[int]] = {}
    for leaf in run.access:
        by_stem.setdefault(world.key(leaf).stem.hex(), set()).add(leaf[2])
    assert {stem: suffixes for stem, suffixes in by_stem.items() if max(suffixes) > 4} == LISTED


# ---- besu's traces


class Trace(Onlooker):
    """Notes each step as besu's traces have it: what the step itself touched is in its witness already."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._names = {opcode.number: opcode.name for opcode in opcodes(PROFILE.require_execution().fork)}
        self._witness = AccessWitness()

    def watch(self, witness: AccessWitness) -> None:
        self._witness = witness

    def step(self, frame: Frame) -> None:
        self.steps.append(
            {"pc": frame.pc, "depth": frame.message.depth + 1, "gas": frame.gas, "stack": list(frame.stack)}
        )

    def stepped(self, frame: Frame, cost: int) -> None:
        last = self.steps[-1]
        last["op"] = self._names[frame.code.read(last["pc"], 1)[0]]
        last["gasCost"] = cost
        listed: dict[Address, set[tuple[int, int]]] = {}
        for address, tree_index, sub_index in self._witness.block:
            listed.setdefault(address, set()).add((tree_index, sub_index))
        last["statelessAccessWitness"] = listed


def _traces(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, trace in document["traces"].items():
        result = trace["response"]["result"]
        results = [one["result"] for one in result] if isinstance(result, list) else [result]
        for index, one in enumerate(results):
            yield f"{name}[{index}]", one


def _witness_of(step: dict[str, Any]) -> dict[Address, set[tuple[int, int]]]:
    return {
        Address(unhex(address)): {(integer(leaf["treeIndex"]), integer(leaf["subIndex"])) for leaf in leaves}
        for address, leaves in step["statelessAccessWitness"].items()
    }


def _call_data(document: Any, steps: list[dict[str, Any]]) -> bytes:
    """What was sent: (key, value) pairs to the contract that stores them, and otherwise what the traced call sends."""
    stored = [step["stack"][-2:] for step in steps if step["op"] == "SSTORE"]
    if stored:
        return b"".join(integer(word).to_bytes(32, "big") for value, key in stored for word in (key, value))
    return unhex(document["traces"]["traceCall"]["request"]["params"][0]["data"])


def test_besu_traces(vectors: Path, toy: ToyEngine) -> None:
    """gas_4762/besu_debug_traces.json: every step's place, stack, gas, price and witness.

    The blocks of that chain are not published, so the calls are made on its genesis; nothing in them depends on more.
    What a transaction sent is read off its trace. besu's gas is that after the step's code chunk has been paid for.
    """
    document = read(vectors, "gas_4762/besu_debug_traces.json")
    alloc = {address: {**entry, "comment": ""} for address, entry in document["genesis"]["alloc"].items()}
    contracts = {
        Address(unhex(address)): Account(integer(entry["balance"]), Uint64(0), unhex(entry["code"]), {})
        for address, entry in alloc.items()
        if "code" in entry
    }
    gas = integer(document["traces"]["traceCall"]["request"]["params"][0]["gas"])
    compared = 0
    for name, trace in _traces(document):
        steps = trace["structLogs"]
        first = _witness_of(steps[0])
        (target,) = (address for address, leaves in first.items() if (0, 0x80) in leaves)
        (sender,) = first.keys() - {target}
        rich = Account(10**24, Uint64(0), b"", {})
        world = World.of(PROFILE, toy, {**contracts, sender: rich})
        asked = replace(transaction(target, gas=gas, data=_call_data(document, steps)), gas_limit=Uint64(gas))
        environment = BlockEnvironment(
            number=1,
            timestamp=0,
            coinbase=Address(bytes(20)),
            gas_limit=integer(document["genesis"]["gasLimit"]),
            prev_randao=bytes(32),
            base_fee=0,
            chain_id=1,
        )
        seen = Trace()
        run = world.run(Block(environment, (Signed(asked, sender),)), tracer=seen)
        assert run.status == [not trace["failed"]]
        assert run.gas == [trace["gas"]], name
        assert len(seen.steps) == len(steps)
        entered: set[tuple[int, int]] = set()
        for ours, theirs in zip(seen.steps, steps, strict=True):
            chunk = 200 if (ours["depth"], ours["pc"] // 31) not in entered else 0
            entered.add((ours["depth"], ours["pc"] // 31))
            assert (ours["pc"], ours["op"], ours["depth"]) == (theirs["pc"], theirs["op"], theirs["depth"])
            assert ours["stack"] == [integer(word) for word in theirs["stack"]]
            assert (ours["gas"] - chunk, ours["gasCost"] - chunk) == (theirs["gas"], theirs["gasCost"]), (name, theirs)
            assert ours["statelessAccessWitness"] == _witness_of(theirs), (name, theirs)
            compared += 1
    print(compared, "steps")
    assert compared
