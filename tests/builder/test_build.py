"""Blocks that are built: equal roots, minimal witnesses, and what becomes of transactions that do not fit.

In the toy group, where every step but the commitments themselves is the real one; tests/accel/test_builder.py builds
real blocks with every engine.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.baseline import Baseline
from builder.build import STAGES, Attributes, build_block, next_gas_limit
from builder.chain import STAGES as IMPORT_STAGES
from builder.chain import Chain
from builder.replay import begin, differing, replay
from builder.stored_tree import load
from cli.scenario import CHAIN_ID, Scenario, User
from spec.codec import rlp
from spec.containers import ExecutionWitness, NewPayloadRequest, Transaction, Withdrawal
from spec.errors import DecodeError, Reason, Rejection
from spec.params import VERKLE
from spec.types import Address, Bytes32, TreeKey, Uint64, Uint256
from stateless.transition import Signed
from stateless.tries import state_root
from stateless.verify import verify_block
from tests.builder.built import Site, accounts_in, each_built, scenario_genesis, site
from tests.toy_engine import ToyEngine
from witness.proof import prove

TOY = ToyEngine()
SEED = 7709
STRANGER = Address(b"\x77" * 20)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Six blocks of everything that the demonstration does."""
    return site(tmp_path_factory.mktemp("site") / "chain", TOY, Scenario(150, 20, blocks=6))


def witness_of(request: NewPayloadRequest) -> ExecutionWitness:
    witness = request.execution_payload.execution_witness
    assert witness is not None
    return witness


def with_witness(request: NewPayloadRequest, witness: ExecutionWitness | None) -> NewPayloadRequest:
    return replace(request, execution_payload=replace(request.execution_payload, execution_witness=witness))


# ---- what a built block is


def test_full_and_partial_roots_are_equal(built: Site) -> None:
    assert len(built.blocks) == 6
    for parent, block in zip(built.parents, built.blocks, strict=True):
        verified = verify_block(TOY, VERKLE, block.request, parent, chain_id=CHAIN_ID)
        assert verified.post_state.state_root() == block.header.state_root == block.finished.state_root
        assert verified.gas_used == block.header.gas_used > 0
        assert verified.unneeded == 0
        assert {built.chain.keys.key(leaf) for leaf in block.finished.accessed} == {
            key for key, _ in witness_of(block.request).locations()
        }


def test_every_transaction_of_the_scenario_succeeds(built: Site) -> None:
    receipts = [receipt for block in built.blocks for receipt in block.finished.outcome.receipts]
    assert len(receipts) == 150
    assert all(receipt.success for receipt in receipts)
    assert {receipt.type for receipt in receipts} == {0, 1, 2}


def test_witnesses_are_minimal(tmp_path: Path) -> None:
    """Take any key out of a witness and it is incomplete; add one and it is not minimal."""
    rng = random.Random(SEED)
    scenario = Scenario(60, 5, blocks=4)
    chain = Chain.create(tmp_path / "chain", scenario_genesis(scenario), VERKLE, TOY)
    checked = 0
    for parent, block in each_built(chain, scenario):
        witness = witness_of(block.request)
        listed = [key for key, _ in witness.locations()]
        writes = {key: entry.new_value for key, entry in witness.locations() if entry.new_value is not None}
        spare = TreeKey.at(listed[0].stem, next(s for s in range(256) if TreeKey.at(listed[0].stem, s) not in listed))
        cases: list[tuple[set[TreeKey], Reason]] = [({*listed, spare}, Reason.WITNESS_NOT_MINIMAL)]
        cases += [({*listed} - {key}, Reason.WITNESS_INCOMPLETE) for key in rng.sample(listed, 8)]
        with chain.database.reader() as reader:
            tree = load(reader, TOY, {key.stem for key in listed})
            for keys, reason in cases:
                shown = {key: value for key, value in writes.items() if key in keys}
                other = prove(tree, keys, shown, markers=VERKLE.internal_node_markers)
                with pytest.raises(Rejection) as rejected:
                    verify_block(TOY, VERKLE, with_witness(block.request, other), parent, chain_id=CHAIN_ID)
                assert rejected.value.reason is reason
                checked += 1
    assert checked == 4 * 9


def test_stages_are_told_in_order(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    stages: list[str] = []
    block = build_block(chain, (), Attributes(), observe=stages.append)
    assert tuple(stages) == STAGES
    stages.clear()
    chain.import_block(block.request, proves=True, observe=stages.append)
    assert tuple(stages) == IMPORT_STAGES


def test_attributes_stand_in_the_block(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    withdrawal = Withdrawal(Uint64(1), Uint64(2), STRANGER, Uint64(3))
    wanted = Attributes(
        timestamp=Uint64(1000),
        fee_recipient=STRANGER,
        prev_randao=Bytes32(b"\5" * 32),
        gas_limit=Uint64(10**9),
        extra_data=b"of ours",
        parent_beacon_block_root=Bytes32(b"\6" * 32),
        withdrawals=(withdrawal,),
    )
    first = chain.head()
    block = build_block(chain, (), wanted)
    payload = block.request.execution_payload
    assert (payload.timestamp, payload.fee_recipient, payload.extra_data) == (1000, STRANGER, b"of ours")
    assert (payload.prev_randao, block.request.parent_beacon_block_root) == (b"\5" * 32, b"\6" * 32)
    assert first.gas_limit < payload.gas_limit == next_gas_limit(first.gas_limit, 10**9)
    chain.put(block.request, block.header, block.finished)
    assert accounts_in(chain)[STRANGER].balance == 3 * 10**9
    with pytest.raises(Rejection) as rejected:
        build_block(chain, (), Attributes(timestamp=Uint64(1000)))
    assert rejected.value.reason is Reason.TIMESTAMP_NOT_AFTER_PARENT


def test_the_head_may_not_move_between(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    one, other = (build_block(chain, (), Attributes(extra_data=name)) for name in (b"one", b"other"))
    chain.put(one.request, one.header, one.finished)
    with pytest.raises(Rejection) as rejected:
        chain.put(other.request, other.header, other.finished)
    assert rejected.value.reason is Reason.PARENT_MISMATCH


# ---- transactions that do not fit


class Sender:
    """Users with keys, on a chain of their own."""

    def __init__(self, directory: Path, gas_limit: int = 30_000_000) -> None:
        self.scenario = Scenario(60, 0)
        genesis = scenario_genesis(self.scenario)
        genesis = replace(genesis, header=replace(genesis.header, gas_limit=Uint64(gas_limit)))
        self.chain = Chain.create(directory, genesis, VERKLE, TOY)

    def pay(self, user: int, nonce: int, **fields: Any) -> Signed:
        """A payment, or what fields make of it."""
        one: User = self.scenario.users[user]
        plain = Transaction(
            type=2,
            chain_id=Uint64(CHAIN_ID),
            nonce=Uint64(nonce),
            max_priority_fee_per_gas=Uint256(1),
            max_fee_per_gas=Uint256(10**11),
            gas_limit=Uint64(50_000),
            to=STRANGER,
            value=Uint256(1),
            data=b"",
        )
        return Signed(one.signer.sign(replace(plain, **fields)), one.signer.address)


UNFIT: list[tuple[Callable[[Sender], Signed], Reason]] = [
    (lambda users: users.pay(0, 0), Reason.NONCE_MISMATCH),
    (lambda users: users.pay(1, 5), Reason.NONCE_MISMATCH),
    (lambda users: users.pay(1, 0, chain_id=Uint64(9)), Reason.CHAIN_ID_MISMATCH),
    (lambda users: users.pay(1, 0, value=Uint256(2**200)), Reason.INSUFFICIENT_FUNDS),
    (lambda users: users.pay(1, 0, gas_limit=Uint64(20_000)), Reason.INTRINSIC_GAS),
    (lambda users: users.pay(1, 0, gas_limit=Uint64(31_000_000)), Reason.TRANSACTION_GAS_LIMIT),
    (lambda users: users.pay(1, 0, max_fee_per_gas=Uint256(1)), Reason.FEE_TOO_LOW),
    (lambda users: users.pay(1, 0, max_priority_fee_per_gas=Uint256(10**12)), Reason.PRIORITY_FEE_ABOVE_FEE),
    (lambda users: users.pay(1, 0, to=None, data=b"\0" * 50_000, gas_limit=Uint64(10**7)), Reason.INITCODE_TOO_LONG),
]


def test_one_that_does_not_fit_is_left_out_and_changes_nothing(tmp_path: Path) -> None:
    users = Sender(tmp_path / "chain")
    first, last = users.pay(0, 0), users.pay(1, 0)
    unfit = [make(users) for make, _ in UNFIT]
    block = build_block(users.chain, [first, *unfit, last], Attributes())
    assert [(one.index, one.rejection.reason) for one in block.left_out] == [
        (index, reason) for index, (_, reason) in enumerate(UNFIT, 1)
    ]
    assert (block.transactions, block.later) == ((first, last), ())
    assert build_block(users.chain, [first, last], Attributes()).request == block.request


@pytest.mark.parametrize(("make", "reason"), UNFIT)
def test_strictly_it_is_an_error(tmp_path: Path, make: Callable[[Sender], Signed], reason: Reason) -> None:
    users = Sender(tmp_path / "chain")
    with pytest.raises(Rejection) as rejected:
        build_block(users.chain, [users.pay(0, 0), make(users)], Attributes(), strict=True)
    assert (rejected.value.reason, rejected.value.facts["transaction"]) == (reason, 1)


def test_what_has_no_room_comes_later_and_in_order(tmp_path: Path) -> None:
    """A block of 200,000 gas has room for nine payments at most; nothing is lost, and nonces stay in order."""
    users = Sender(tmp_path / "chain", gas_limit=200_000)
    rng = random.Random(SEED)
    nonces = [0] * 4
    waiting = []
    for _ in range(40):
        user = rng.randrange(4)
        waiting.append(users.pay(user, nonces[user], gas_limit=Uint64(rng.choice((21_000, 50_000, 150_000)))))
        nonces[user] += 1
    sizes: list[int] = []
    done: list[Signed] = []
    while waiting:
        block = build_block(users.chain, waiting, Attributes(), strict=True)
        users.chain.put(block.request, block.header, block.finished)
        assert block.transactions
        sizes.append(len(block.transactions))
        done += block.transactions
        waiting = [waiting[index] for index in block.later]
    assert sum(sizes) == 40
    assert 5 <= len(sizes) <= 12
    for user in range(4):
        sender = users.scenario.users[user].signer.address
        assert [one.transaction.nonce for one in done if one.sender == sender] == list(range(nonces[user]))


def test_one_that_no_block_has_room_for_is_left_out(tmp_path: Path) -> None:
    users = Sender(tmp_path / "chain", gas_limit=200_000)
    block = build_block(users.chain, [users.pay(0, 0, gas_limit=Uint64(200_001))], Attributes())
    assert [one.rejection.reason for one in block.left_out] == [Reason.GAS_LIMIT_EXCEEDED]
    assert (block.later, block.transactions) == ((), ())


def test_too_many_blobs_come_later(tmp_path: Path) -> None:
    users = Sender(tmp_path / "chain")
    rules = VERKLE.require_execution().blobs
    assert rules is not None
    hashes = tuple(Bytes32(b"\1" + bytes(31)) for _ in range(rules.per_transaction))
    blobs = {"type": rlp.BLOB, "blob_versioned_hashes": hashes, "max_fee_per_blob_gas": Uint256(10**9)}
    waiting = [users.pay(user, 0, **blobs) for user in range(3)]
    block = build_block(users.chain, waiting, Attributes(), strict=True)
    room = rules.maximum // rules.per_transaction
    assert len(block.transactions) == room < 3
    assert block.later == tuple(range(room, 3))
    assert block.request.versioned_hashes == hashes * room
    false = replace(block.request, versioned_hashes=hashes[1:])
    with pytest.raises(Rejection) as rejected:
        users.chain.import_block(false, proves=False)
    assert rejected.value.reason is Reason.BLOB_HASHES_MISMATCH


# ---- the same blocks elsewhere


def test_import_gives_a_witness_to_a_block_without_one(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    for block in built.blocks:
        imported = chain.import_block(with_witness(block.request, None), proves=False)
        assert imported.request == block.request
        with chain.database.reader() as reader:
            assert chain.block(reader, block.request.execution_payload.block_hash) == block.request


def test_import_compares_witnesses_where_it_is_asked_to(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    request = built.blocks[0].request
    witness = witness_of(request)
    proof = replace(witness.verkle_proof, d=Bytes32(bytes(32)))
    false = with_witness(request, replace(witness, verkle_proof=proof))
    with pytest.raises(Rejection) as rejected:
        chain.import_block(false, proves=True)
    assert rejected.value.reason is Reason.WITNESS_DIFFERS
    assert chain.head().number == 0
    assert chain.import_block(false, proves=False).finished.witness is None


def test_another_branch_takes_blocks_off(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    for block in built.blocks[:2]:
        chain.import_block(block.request, proves=False)
    branch = build_block(chain, (), Attributes(extra_data=b"branch"))
    for block in built.blocks[2:]:
        chain.import_block(block.request, proves=False)
    with chain.database.reader() as reader, built.chain.database.reader() as other:
        assert differing(reader, other) == []
    assert chain.import_block(branch.request, proves=False).taken_off == len(built.blocks) - 2
    assert chain.head() == branch.header
    assert chain.import_block(built.blocks[2].request, proves=False).taken_off == 1
    for block in built.blocks[3:]:
        assert chain.import_block(block.request, proves=False).taken_off == 0
    assert chain.head() == built.chain.head()
    with chain.database.reader() as reader, built.chain.database.reader() as other:
        assert differing(reader, other) == []


@pytest.mark.parametrize("retained", [0, 2])
def test_a_branch_that_is_too_old(built: Site, tmp_path: Path, retained: int) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY, retained=retained)
    branches = []
    for block in built.blocks:
        branches.append(build_block(chain, (), Attributes(extra_data=b"branch")))
        chain.import_block(block.request, proves=False)
    if retained:
        assert chain.import_block(branches[-retained].request, proves=False).taken_off == retained
    head = chain.head()
    with pytest.raises(Rejection) as rejected:
        chain.import_block(branches[2].request, proves=False)
    assert rejected.value.reason is Reason.BLOCK_NOT_RETAINED
    assert chain.head() == head


def test_a_parent_that_nobody_knows(built: Site, tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    with pytest.raises(Rejection) as rejected:
        chain.import_block(built.blocks[1].request, proves=False)
    assert rejected.value.reason is Reason.PARENT_UNKNOWN


def test_replay_from_the_genesis(built: Site, tmp_path: Path) -> None:
    again = begin(built.chain, built.genesis, tmp_path / "again")
    assert not again.database._environment.flags()["sync"], "it is thrown away: the disk is not waited for"
    numbers = [imported.header.number for imported in replay(built.chain, again, 6, proves=True)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    with built.chain.database.reader() as left, again.database.reader() as right:
        assert differing(left, right) == []
    other = begin(built.chain, built.genesis, tmp_path / "other")
    assert len(list(replay(built.chain, other, 5))) == 5
    with built.chain.database.reader() as left, other.database.reader() as right:
        assert differing(left, right)


def test_replay_from_another_genesis(built: Site, tmp_path: Path) -> None:
    alloc = {**built.genesis.alloc}
    alloc[STRANGER] = next(iter(alloc.values()))
    with pytest.raises(DecodeError, match="this genesis leads to block 0x"):
        begin(built.chain, replace(built.genesis, alloc=alloc), tmp_path / "again")


# ---- the same state as Merkle-Patricia tries


def test_the_baseline_follows_the_chain(built: Site, tmp_path: Path) -> None:
    """Its root is that of every account that the Verkle state holds: two trees, one state."""
    chain = Chain.create(tmp_path / "chain", built.genesis, VERKLE, TOY)
    baseline = Baseline(built.genesis, VERKLE)
    for block in built.blocks:
        witness = baseline.add(chain.import_block(block.request, proves=False).finished)
        assert witness.node_bytes > 1000
        accounts = {
            address: account
            for address, account in accounts_in(chain).items()
            if account.balance or account.nonce or account.code
        }
        assert len(accounts) > 30
        assert baseline.state.root == state_root(accounts)
