"""Blocks from their witness and their parent alone: what valid ones come to, and each rule that a block can break.

All in the toy group, where every step but the commitments themselves is the real one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cli import sample
from spec.containers import ExecutionPayload, Withdrawal
from spec.errors import DecodeError, Reason, Rejection
from spec.params import KAUSTINEN5, KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, TreeKey, Uint64, Uint256, Value
from stateless.header import Parent, header_of
from stateless.tree_view import TreeKeys
from stateless.verdict import Assumption, Check
from stateless.verify import STAGES, verify_block, verify_witness
from tests.stateless.blocks import Block, block_of, chain_of, signed_by
from tests.toy_engine import ToyEngine
from verkle.tree import Tree
from witness.proof import prove

TOY = ToyEngine()
CONTRACT = sample.address(sample.FIRST_CONTRACT)
STORES = sample.words(2, 7, 70_000, 8, 1, 0, 2**255, 0)
"""Input of a contract that stores two slots and reads two."""


def stored(profile: Profile) -> bytes:
    return signed_by(3, profile, to=CONTRACT, data=STORES, gas_limit=Uint64(400_000), value=Uint256(0))


@pytest.fixture(scope="module", params=[VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: profile.name)
def block(request: pytest.FixtureRequest) -> Block:
    """The second block of a chain: two transfers and a contract that stores and reads."""
    profile = request.param
    chain = chain_of(TOY, profile)
    block_of(chain)
    transfers = (signed_by(1, profile), signed_by(1, profile, nonce=Uint64(1), value=Uint256(5)))
    return block_of(chain, *transfers, stored(profile))


@pytest.fixture(scope="module")
def verkle_block() -> Block:
    chain = chain_of(TOY)
    block_of(chain)
    return block_of(chain, signed_by(1, VERKLE), stored(VERKLE))


# ---- valid blocks


def test_a_valid_block(block: Block) -> None:
    stages: list[str] = []
    verified = block.verify(observe=stages.append)
    payload = block.request.execution_payload
    assert stages == list(STAGES)
    assert verified.gas_used == payload.gas_used > 60_000
    assert verified.transactions == 3
    assert verified.checks == tuple(Check)
    assert verified.post_state.state_root() == payload.state_root
    assert verified.locations == len(block.listed())
    assert verified.writes == len(block.writes()) > 5
    assert verified.unneeded == 0
    absence = () if block.profile.internal_node_markers else (Assumption.ABSENCE,)
    assert verified.assumed == (Assumption.PARENT_STATE, Assumption.CONSENSUS, *absence)


def test_keys_are_kept_from_block_to_block(block: Block) -> None:
    keys = TreeKeys(TOY, block.profile)
    for _ in range(2):
        assert block.verify(keys=keys).gas_used == block.request.execution_payload.gas_used


def test_steps_of_the_sample_chain() -> None:
    chain, gas = chain_of(TOY), []
    for step in sample.steps():
        made = block_of(chain, *step.transactions)
        gas.append(made.verify().gas_used)
        assert made.verify().post_state.state_root() == chain.root
    assert gas == [126_000, 441_000, 72_353, 671_252, 0]


def test_withdrawals_and_rules_without_a_header(block: Block) -> None:
    """With only the parent's root, what depends on its header is taken as the block says, and that is told."""
    chain = chain_of(TOY, block.profile)
    given = tuple(Withdrawal(Uint64(i), Uint64(i), Address(b"\x99" * 20), Uint64(i)) for i in (1, 2))
    made = block_of(chain, withdrawals=given)
    assert made.verify().writes >= 3
    alone = replace(made, parent=Parent(made.parent.state_root))
    verified = alone.verify()
    assert verified.checks == tuple(check for check in Check if check is not Check.PARENT)
    assert Assumption.PARENT_HEADER in verified.assumed
    later = alone.with_payload(extra_data=b"x" * 32, gas_limit=Uint64(5_000_000))
    assert later.verify().post_state.state_root() == chain.root


def test_a_parent_may_be_a_header_or_a_payload(block: Block) -> None:
    chain = chain_of(TOY, block.profile)
    first, second = block_of(chain), block_of(chain)
    parents = [
        Parent.of_payload(first.request.execution_payload),
        Parent.of_header(header_of(first.request)),
    ]
    assert parents[0] == parents[1] == second.parent
    assert second.verify().checks == tuple(Check)


# ---- headers

U64 = 2**64 - 1
Change = Callable[[ExecutionPayload], dict[str, Any]]

HEADER_RULES: list[tuple[str, Reason, Change]] = [
    ("the next number", Reason.PARENT_MISMATCH, lambda p: {"block_number": Uint64(p.block_number + 1)}),
    ("the same number", Reason.PARENT_MISMATCH, lambda p: {"block_number": Uint64(p.block_number - 1)}),
    ("the parent hash", Reason.PARENT_MISMATCH, lambda p: {"parent_hash": Hash32(b"\1" * 32)}),
    ("the parent's time", Reason.TIMESTAMP_NOT_AFTER_PARENT, lambda p: {"timestamp": Uint64(p.timestamp - 12)}),
    ("a time before it", Reason.TIMESTAMP_NOT_AFTER_PARENT, lambda p: {"timestamp": Uint64(0)}),
    ("gas limit up", Reason.GAS_LIMIT_STEP, lambda p: {"gas_limit": Uint64(p.gas_limit + p.gas_limit // 1024)}),
    ("gas limit down", Reason.GAS_LIMIT_STEP, lambda p: {"gas_limit": Uint64(p.gas_limit - p.gas_limit // 1024)}),
    ("least gas limit", Reason.GAS_LIMIT_STEP, lambda p: {"gas_limit": Uint64(4999), "gas_used": Uint64(0)}),
    ("greatest gas limit", Reason.HEADER_FIELD, lambda p: {"gas_limit": Uint64(2**63)}),
    ("gas over the limit", Reason.HEADER_FIELD, lambda p: {"gas_used": Uint64(p.gas_limit + 1)}),
    ("base fee up", Reason.BASE_FEE_MISMATCH, lambda p: {"base_fee_per_gas": Uint256(p.base_fee_per_gas + 1)}),
    ("base fee down", Reason.BASE_FEE_MISMATCH, lambda p: {"base_fee_per_gas": Uint256(p.base_fee_per_gas - 1)}),
    ("no base fee", Reason.BASE_FEE_MISMATCH, lambda p: {"base_fee_per_gas": Uint256(0)}),
    ("extra data", Reason.EXTRA_DATA_TOO_LONG, lambda p: {"extra_data": bytes(33)}),
    ("no withdrawals", Reason.HEADER_FIELD, lambda p: {"withdrawals": None}),
    ("gas used", Reason.GAS_USED_MISMATCH, lambda p: {"gas_used": Uint64(p.gas_used - 1)}),
    ("receipts", Reason.RECEIPTS_ROOT_MISMATCH, lambda p: {"receipts_root": Hash32(p.receipts_root[::-1])}),
    ("bloom", Reason.LOGS_BLOOM_MISMATCH, lambda p: {"logs_bloom": Bloom(bytes(256))}),
    ("state root", Reason.STATE_ROOT_MISMATCH, lambda p: {"state_root": StateRoot(bytes(32))}),
    ("fee recipient", Reason.WITNESS_INCOMPLETE, lambda p: {"fee_recipient": Address(b"\x77" * 20)}),
    ("a withdrawal", Reason.WITNESS_INCOMPLETE,
     lambda p: {"withdrawals": (Withdrawal(Uint64(0), Uint64(0), Address(b"\x78" * 20), Uint64(1)),)}),
    ("a transaction less", Reason.GAS_USED_MISMATCH, lambda p: {"transactions": p.transactions[:-1]}),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "reason", "change"), HEADER_RULES, ids=[name for name, _, _ in HEADER_RULES])
def test_each_field_of_the_payload(block: Block, _name: str, reason: Reason, change: Change) -> None:
    """One field is another and the block sealed again: exactly its rule is broken."""
    assert block.with_payload(**change(block.request.execution_payload)).reason() is reason


def test_the_block_hash_covers_every_field(block: Block) -> None:
    """The same changes with the hash left as it was: the hash tells, unless the field alone or the parent does."""
    told = 0
    for name, reason, change in HEADER_RULES:
        changed = replace(block.request.execution_payload, **change(block.request.execution_payload))
        found = with_unsealed(block, changed).reason()
        assert found in (reason, Reason.BLOCK_HASH_MISMATCH), name
        told += found is Reason.BLOCK_HASH_MISMATCH
    assert told == 7
    other = replace(block.request.execution_payload, block_hash=Hash32(bytes(32)))
    assert with_unsealed(block, other).reason() is Reason.BLOCK_HASH_MISMATCH


def with_unsealed(block: Block, payload: ExecutionPayload) -> Block:
    return replace(block, request=replace(block.request, execution_payload=payload))


def test_more_transactions_than_gas(verkle_block: Block) -> None:
    """Said at once: a million of them are neither decoded nor hashed."""
    most = verkle_block.request.execution_payload.gas_limit // 21_000
    payload = replace(verkle_block.request.execution_payload, transactions=(b"\1",) * 2**20)
    rejection = with_unsealed(verkle_block, payload).rejection()
    assert rejection.reason is Reason.GAS_LIMIT_EXCEEDED
    assert rejection.facts["transaction"] == most
    payload = replace(payload, transactions=(b"\1",) * most)
    assert with_unsealed(verkle_block, payload).reason() is Reason.BLOCK_HASH_MISMATCH


BESIDES: list[tuple[str, Reason, dict[str, Any], dict[str, Any]]] = [
    ("blob gas missing", Reason.HEADER_FIELD, {"blob_gas_used": None}, {}),
    ("excess missing", Reason.HEADER_FIELD, {"excess_blob_gas": None}, {}),
    ("hashes missing", Reason.HEADER_FIELD, {}, {"versioned_hashes": None}),
    ("beacon root missing", Reason.HEADER_FIELD, {}, {"parent_beacon_block_root": None}),
    ("requests missing", Reason.HEADER_FIELD, {}, {"execution_requests": None}),
    ("blob gas of no blob", Reason.BLOB_GAS_MISMATCH, {"blob_gas_used": Uint64(2**17)}, {}),
    ("blob gas of half a blob", Reason.BLOB_GAS_MISMATCH, {"blob_gas_used": Uint64(2**16)}, {}),
    ("blob gas of ten blobs", Reason.BLOB_GAS_MISMATCH, {"blob_gas_used": Uint64(10 * 2**17)}, {}),
    ("excess", Reason.BLOB_GAS_MISMATCH, {"excess_blob_gas": Uint64(1)}, {}),
    ("endless excess", Reason.HEADER_FIELD, {"excess_blob_gas": Uint64(U64)}, {}),
    ("a hash of no blob", Reason.BLOB_HASHES_MISMATCH, {}, {"versioned_hashes": (Bytes32(b"\1" * 32),)}),
    ("a request of nobody", Reason.REQUESTS_HASH_MISMATCH, {}, {"execution_requests": (b"\1" + bytes(76),)}),
    ("an empty request", Reason.REQUESTS_HASH_MISMATCH, {}, {"execution_requests": (b"\1",)}),
    ("another beacon root", Reason.WRITE_MISMATCH, {}, {"parent_beacon_block_root": Bytes32(b"\1" * 32)}),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "reason", "fields", "beside"), BESIDES, ids=[one[0] for one in BESIDES])
def test_each_field_beside_the_payload(
    verkle_block: Block, _name: str, reason: Reason, fields: dict[str, Any], beside: dict[str, Any]
) -> None:
    payload = replace(verkle_block.request.execution_payload, **fields)
    assert verkle_block.with_request(execution_payload=payload, **beside).reason() is reason


@pytest.mark.parametrize("name", ["blob_gas_used", "excess_blob_gas"])
def test_fields_that_a_network_does_not_know_yet(name: str) -> None:
    chain = chain_of(TOY, KAUSTINEN7)
    made = block_of(chain)
    field: dict[str, Any] = {name: Uint64(0)}
    payload = replace(made.request.execution_payload, **field)
    assert replace(made, request=replace(made.request, execution_payload=payload)).reason() is Reason.HEADER_FIELD
    beside = replace(made.request, parent_beacon_block_root=Bytes32(bytes(32)))
    assert replace(made, request=beside).rejection().facts == {
        "field": "parent_beacon_block_root",
        "rule": "not known in this network yet",
    }


def test_parents_that_no_block_can_have(verkle_block: Block) -> None:
    header = verkle_block.parent.header
    assert header is not None
    for fields, reason in (
        ({"base_fee": None}, Reason.HEADER_FIELD),
        ({"gas_limit": Uint64(0)}, Reason.GAS_LIMIT_STEP),
        ({"gas_limit": Uint64(1)}, Reason.GAS_LIMIT_STEP),
        ({"excess_blob_gas": Uint64(U64)}, Reason.HEADER_FIELD),
        ({"blob_gas_used": Uint64(9 * 2**17)}, Reason.BLOB_GAS_MISMATCH),
        ({"number": Uint64(U64)}, Reason.PARENT_MISMATCH),
    ):
        parent = replace(verkle_block.parent, header=replace(header, **fields))
        assert replace(verkle_block, parent=parent).reason() is reason
    before_cancun = replace(header, blob_gas_used=None, excess_blob_gas=None)
    parent = replace(verkle_block.parent, header=before_cancun)
    assert replace(verkle_block, parent=parent).verify().checks == tuple(Check)


# ---- the witness


def test_a_block_without_a_witness(block: Block) -> None:
    rejection = block.with_witness(None).rejection()
    assert (rejection.reason, rejection.facts) == (Reason.WITNESS_MISSING, {"block": 2})


def test_a_wrong_parent_root_never_gets_as_far_as_execution(block: Block) -> None:
    stages: list[str] = []
    parent = replace(block.parent, state_root=StateRoot(bytes(32)))
    assert replace(block, parent=parent).reason(observe=stages.append) is Reason.PROOF_INVALID
    assert stages == ["header", "senders"]


def test_a_key_less_is_incomplete(block: Block) -> None:
    """Take any location out, with a proof of what is left: it is missed, strictly or leniently, and named."""
    keys, writes = block.listed(), block.writes()
    assert len(keys) > 10
    for missing in keys:
        kept = {key: value for key, value in writes.items() if key != missing}
        changed = block.relisted([key for key in keys if key != missing], kept)
        for lenient in (False, True):
            rejection = changed.rejection(lenient=lenient)
            assert rejection.reason is Reason.WITNESS_INCOMPLETE
            needs, key = rejection.facts["needs"], rejection.facts["key"]
            assert " of 0x" in str(needs) or "there is an account 0x" in str(needs)
            assert isinstance(key, bytes)
            assert key[:31] == missing[:31]


def test_what_is_missing_is_named() -> None:
    """In the words of the layout."""
    for profile, name, place in (
        (VERKLE, "basic data", (sample.address(1), 0, 0)),
        (VERKLE, "slot 2", (CONTRACT, 0, 66)),
        (VERKLE, "slot 70000", (CONTRACT, 2**240 + (70_000 >> 8), 70_000 & 255)),
        (VERKLE, "code chunk 0", (CONTRACT, 0, 128)),
        (KAUSTINEN6, "nonce", (sample.address(1), 0, 2)),
        (KAUSTINEN6, "code size", (CONTRACT, 0, 4)),
    ):
        chain = chain_of(TOY, profile)
        made = block_of(chain, signed_by(1, profile), stored(profile))
        missing = chain.keys.key(place)
        writes = {key: value for key, value in made.writes().items() if key != missing}
        rejection = made.relisted([key for key in made.listed() if key != missing], writes).rejection()
        expected = f"{name} of 0x{place[0].hex()}"
        if name == "slot 70000":
            expected = "slot 70000 of 0x" + CONTRACT.hex()
        assert rejection.facts["needs"] == expected


def test_a_key_more_is_not_minimal(block: Block) -> None:
    """Whatever is added: a neighbour, an account's other field, a stem of nobody. Lenient verifiers count it."""
    keys, known = block.listed(), TreeKeys(TOY, block.profile)
    neighbours = [TreeKey.at(key.stem, suffix) for key in keys[:20] for suffix in (60, 127, 255)]
    strangers = [known.key((sample.address(20), 0, 0)), TreeKey(b"\xee" * 32)]
    for extra in (*neighbours, *strangers):
        assert extra not in keys
        changed = block.relisted([*keys, extra], block.writes())
        rejection = changed.rejection()
        assert rejection.reason is Reason.WITNESS_NOT_MINIMAL
        assert (rejection.facts["key"], rejection.facts["unneeded"]) == (extra, 1)
        verified = changed.verify(lenient=True)
        assert verified.unneeded == 1
        assert verified.locations == len(keys)
        assert verified.checks == tuple(check for check in Check if check is not Check.MINIMAL)
    several = block.relisted([*keys, *strangers], block.writes())
    assert several.rejection().facts["unneeded"] == 2
    assert several.verify(lenient=True).unneeded == 2


def test_new_values_are_what_execution_writes(block: Block) -> None:
    keys, writes = block.listed(), block.writes()
    changed = 0
    for key, value in writes.items():
        lie = {**writes, key: Value(value[:-1] + bytes((value[-1] ^ 1,)))}
        silent = {other: new for other, new in writes.items() if other != key}
        for told in (lie, silent):
            rejection = block.relisted(keys, told).rejection(lenient=True)
            assert rejection.reason is Reason.WRITE_MISMATCH
            assert rejection.facts["computed"] == value
            changed += 1
    read_only = [key for key in keys if key not in writes]
    assert read_only
    for key in read_only:
        rejection = block.relisted(keys, {**writes, key: Value(b"\x13" * 32)}).rejection()
        assert rejection.reason is Reason.WRITE_MISMATCH
        assert rejection.facts["computed"] == "no change"
    assert changed > 10


def test_a_devnet_writes_the_header_of_its_history_account_unlisted() -> None:
    """The first block of a devnet, as its client listed it: incomplete; with the leaves it writes: valid."""
    for profile in (KAUSTINEN7, KAUSTINEN6):
        chain = chain_of(TOY, profile)
        made = block_of(chain)
        assert made.verify().writes == (3 if profile is KAUSTINEN7 else 5)
        history = chain.keys.key((profile.history_address, 0, 64))
        assert history in made.listed()
        rejection = made.relisted([history], {history: made.writes()[history]}).rejection()
        assert rejection.reason is Reason.WITNESS_INCOMPLETE
        assert profile.history_address.hex() in str(rejection.facts["needs"])
        assert block_of(chain).verify().writes == 1


# ---- the rest of the arguments


def test_the_chain_id_is_the_profiles_unless_given(block: Block) -> None:
    assert block.verify(chain_id=block.profile.chain_id).transactions == 3
    rejection = block.rejection(chain_id=5)
    assert rejection.reason is Reason.CHAIN_ID_MISMATCH
    assert rejection.facts == {"transaction": 0, "signed": block.profile.chain_id, "chain": 5}


def test_a_profile_without_rules_cannot_execute(block: Block) -> None:
    with pytest.raises(DecodeError, match="kaustinen5: blocks of this network cannot be executed"):
        verify_block(TOY, KAUSTINEN5, block.request, block.parent)


# ---- proofs alone

KEY, OTHER = TreeKey(bytes(32)), TreeKey(b"\x01" * 32)


def test_witnesses_alone() -> None:
    """`verify_witness`: the post-state, or which of proof and root is wrong."""
    tree = Tree.empty(TOY).update({KEY: Value(bytes(32))})
    writes = {KEY: Value(b"\x02" * 32), OTHER: Value(b"\x03" * 32)}
    witness = prove(tree, [], writes, markers=True)
    before, after = tree.state_root(), tree.update(writes).state_root()
    stages: list[str] = []
    found = verify_witness(TOY, witness, before, after, stages.append, markers=True)
    assert found.get(OTHER) == b"\x03" * 32
    assert stages == ["proof", "post_root"]
    with pytest.raises(Rejection) as rejection:
        verify_witness(TOY, witness, before, before, markers=True)
    assert rejection.value.reason is Reason.STATE_ROOT_MISMATCH
    assert rejection.value.facts == {"computed": after, "header": before}
    with pytest.raises(Rejection) as rejection:
        verify_witness(TOY, witness, StateRoot(bytes(32)), after, markers=True)
    assert rejection.value.reason is Reason.PROOF_INVALID
