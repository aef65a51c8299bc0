"""Transactions that may not be in a block: each is rejected by the rule that it breaks, and named by its index.

A bad transaction takes the place of a good one of the same sender, so that the witness shows what its checks ask for,
and the block is sealed again.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cli import sample
from spec.codec import rlp
from spec.codec.rlp_items import encode_items
from spec.containers import AccessTuple, Authorization
from spec.crypto import SECP256K1_ORDER
from spec.errors import Reason
from spec.gas import GAS_PER_BLOB
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Address, Bytes32, Uint64, Uint256
from stateless.evm.calls import create_address
from tests.stateless.blocks import Block, block_of, chain_of, draft, signed_by
from tests.toy_engine import ToyEngine

TOY = ToyEngine()
SENDER = 3
CONTRACT = 8
"""Has code, and a key that signs for it."""

PROFILES = pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: str(profile.name))


@pytest.fixture(scope="module")
def blocks() -> dict[str, Block]:
    """By profile, a block with two transactions of SENDER."""
    made = {}
    for profile in (VERKLE, KAUSTINEN7, KAUSTINEN6):
        first = signed_by(SENDER, profile)
        made[profile.name] = block_of(chain_of(TOY, profile), first, signed_by(SENDER, profile, nonce=Uint64(1)))
    return made


def expect(block: Block, transactions: list[bytes], reason: Reason, index: int | None = None, **beside: Any) -> None:
    """The block with these transactions is rejected for this reason, which names the last of them."""
    payload = replace(block.request.execution_payload, transactions=tuple(transactions), **beside.pop("payload", {}))
    rejection = block.with_request(execution_payload=payload, **beside).rejection()
    assert rejection.reason is reason, str(rejection)
    assert rejection.facts["transaction"] == (len(transactions) - 1 if index is None else index)


def malformed(profile: Profile) -> list[tuple[str, bytes]]:
    good = signed_by(SENDER, profile)
    transaction = rlp.decode_transaction(good)
    legacy = rlp.encode_transaction(draft(profile, type=rlp.LEGACY, r=Uint256(1), s=Uint256(1)))

    def signature(**fields: Any) -> bytes:
        return rlp.encode_transaction(replace(transaction, **fields))

    def items(**changes: bytes) -> bytes:
        """The transaction with some of its items written otherwise."""
        names = ("chain_id", "nonce", "tip", "fee", "gas", "to", "value", "data", "list", "parity", "r", "s")
        chain_id = profile.chain_id.to_bytes(3, "big").lstrip(b"\0")
        values: dict[str, Any] = {
            "chain_id": chain_id, "nonce": b"", "tip": b"\1", "fee": b"\xff" * 5, "gas": b"\xff\xff", "to": bytes(20),
            "value": b"", "data": b"", "list": [], "parity": b"", "r": b"\1", "s": b"\1",
        } | changes  # fmt: skip
        return b"\2" + encode_items([values[name] for name in names])

    return [
        ("nothing", b""),
        ("its type alone", b"\2"),
        ("a type of no one", b"\5" + good[1:]),
        ("the last type", b"\x7f" + good[1:]),
        ("another type", b"\1" + good[1:]),
        ("cut off", good[:-1]),
        ("half", good[: len(good) // 2]),
        ("a byte more", good + b"\0"),
        ("a legacy one cut off", legacy[:-3]),
        ("a string", b"\x83abc"),
        ("an empty list", b"\xc0"),
        ("a long length", b"\2\xf8\1\0"),
        ("a length of a lie", b"\2\xff" + b"\xff" * 8),
        ("nested", b"\2" + b"\xc1" * 1000 + b"\xc0"),
        ("leading zero", items(nonce=b"\0\1")),
        ("a long nonce", items(nonce=b"\1" * 9)),
        ("a long value", items(value=b"\1" * 33)),
        ("a short address", items(to=bytes(19))),
        ("a long address", items(to=bytes(21))),
        ("parity 2", items(parity=b"\2")),
        ("a list for data", items(data=[])),  # type: ignore[arg-type]
        ("r is 0", signature(r=Uint256(0))),
        ("s is 0", signature(s=Uint256(0))),
        ("r is n", signature(r=Uint256(SECP256K1_ORDER))),
        ("s is n - s", signature(s=Uint256(SECP256K1_ORDER - transaction.s))),
        ("r of no point", signature(r=Uint256(5))),
        ("all ones", signature(r=Uint256(2**256 - 1), s=Uint256(2**256 - 1))),
    ]


@PROFILES
def test_malformed(blocks: dict[str, Block], profile: Profile) -> None:
    """Alone, and behind a good one: the index is that of the malformed one."""
    block, good = blocks[profile.name], signed_by(SENDER, profile)
    cases = malformed(profile)
    for name, bad in cases:
        assert bad != good, name
        expect(block, [bad], Reason.TRANSACTION_MALFORMED)
        expect(block, [good, bad], Reason.TRANSACTION_MALFORMED)
    assert len(cases) > 20


def legacy_v(v: int) -> Callable[[Profile], bytes]:
    def make(profile: Profile) -> bytes:
        unsigned = draft(profile, type=rlp.LEGACY)
        values: list[Any] = [b"", b"\1", b"\xff\xff", unsigned.to, b"", b"", bytes((v,)), b"\1", b"\1"]
        return encode_items(values)

    return make


@pytest.mark.parametrize("v", [1, 26, 29, 34])
def test_legacy_parities_that_mean_nothing(blocks: dict[str, Block], v: int) -> None:
    expect(blocks["verkle"], [legacy_v(v)(VERKLE)], Reason.TRANSACTION_MALFORMED)


def funds(profile: Profile, **fields: Any) -> dict[str, Any]:
    return {"value": Uint256((SENDER + 1) * sample.ETHER), **fields}


RULES: list[tuple[str, Reason, Callable[[Profile], dict[str, Any]]]] = [
    ("another chain", Reason.CHAIN_ID_MISMATCH, lambda p: {"chain_id": Uint64(p.chain_id + 1)}),
    ("chain 0", Reason.CHAIN_ID_MISMATCH, lambda _: {"chain_id": Uint64(0)}),
    ("a nonce later", Reason.NONCE_MISMATCH, lambda _: {"nonce": Uint64(1)}),
    ("a nonce far off", Reason.NONCE_MISMATCH, lambda _: {"nonce": Uint64(2**64 - 2)}),
    ("the last nonce", Reason.NONCE_OVERFLOW, lambda _: {"nonce": Uint64(2**64 - 1)}),
    ("all it has", Reason.INSUFFICIENT_FUNDS, funds),
    ("more than there is", Reason.INSUFFICIENT_FUNDS, lambda _: {"value": Uint256(2**256 - 1)}),
    ("fees without end", Reason.INSUFFICIENT_FUNDS, lambda _: {"max_fee_per_gas": Uint256(2**256 - 1)}),
    ("no gas", Reason.INTRINSIC_GAS, lambda _: {"gas_limit": Uint64(0)}),
    ("a little gas", Reason.INTRINSIC_GAS, lambda _: {"gas_limit": Uint64(20_999)}),
    ("gas for no data", Reason.INTRINSIC_GAS, lambda _: {"gas_limit": Uint64(21_000), "data": b"\1"}),
    ("gas for no creation", Reason.INTRINSIC_GAS, lambda _: {"gas_limit": Uint64(53_000), "to": None, "data": b"\1"}),
    ("a low fee", Reason.FEE_TOO_LOW,
     lambda _: {"max_fee_per_gas": Uint256(1), "max_priority_fee_per_gas": Uint256(0)}),
    ("a tip above the fee", Reason.PRIORITY_FEE_ABOVE_FEE, lambda _: {"max_priority_fee_per_gas": Uint256(2**255)}),
    ("long initcode", Reason.INITCODE_TOO_LONG,
     lambda _: {"to": None, "data": bytes(49_153), "gas_limit": Uint64(10_000_000)}),
    ("a legacy chain", Reason.CHAIN_ID_MISMATCH, lambda p: {"type": rlp.LEGACY, "chain_id": Uint64(p.chain_id + 1)}),
    ("a legacy fee", Reason.FEE_TOO_LOW, lambda _: {"type": rlp.LEGACY, "gas_price": Uint256(1)}),
    ("an access list's gas", Reason.INTRINSIC_GAS, lambda _: {
        "type": rlp.ACCESS_LIST, "gas_limit": Uint64(23_399),
        "access_list": (AccessTuple(Address(bytes(20)), ()),),
    }),
]  # fmt: skip


@PROFILES
@pytest.mark.parametrize(("_name", "reason", "fields"), RULES, ids=[name for name, _, _ in RULES])
def test_rules(
    blocks: dict[str, Block], profile: Profile, _name: str, reason: Reason, fields: Callable[[Profile], dict[str, Any]]
) -> None:
    block, changed = blocks[profile.name], fields(profile)
    expect(block, [signed_by(SENDER, profile, **changed)], reason)
    if "nonce" not in changed:
        second = signed_by(SENDER, profile, **changed, nonce=Uint64(1))
        expect(block, [signed_by(SENDER, profile), second], reason)


@PROFILES
def test_gas_of_the_block(blocks: dict[str, Block], profile: Profile) -> None:
    """One that asks for more than the block has, and one that asks for more than is left."""
    block = blocks[profile.name]
    limit = block.request.execution_payload.gas_limit
    if profile is not VERKLE:
        expect(block, [signed_by(SENDER, profile, gas_limit=Uint64(limit + 1))], Reason.GAS_LIMIT_EXCEEDED)
        second = signed_by(SENDER, profile, nonce=Uint64(1), gas_limit=limit)
        expect(block, [signed_by(SENDER, profile), second], Reason.GAS_LIMIT_EXCEEDED)
        expect(block, [signed_by(SENDER, profile, gas_limit=Uint64(2**64 - 1))], Reason.GAS_LIMIT_EXCEEDED)
        return
    expect(block, [signed_by(SENDER, profile, gas_limit=Uint64(2**24 + 1))], Reason.TRANSACTION_GAS_LIMIT)
    expect(block, [signed_by(SENDER, profile, gas_limit=Uint64(2**64 - 1))], Reason.TRANSACTION_GAS_LIMIT)


def test_gas_that_is_left(blocks: dict[str, Block]) -> None:
    """Two transactions of 2^24 - 1 gas do not fit 30 million together: the first one uses it up."""
    chain = chain_of(TOY)
    loop = bytes.fromhex("5b5f56")
    spend = signed_by(SENDER, VERKLE, to=None, data=loop, gas_limit=Uint64(2**24), value=Uint256(0))
    block = block_of(chain, spend)
    assert block.request.execution_payload.gas_used == 2**24
    second = signed_by(SENDER, VERKLE, nonce=Uint64(1), gas_limit=Uint64(2**24))
    expect(block, [spend, second], Reason.GAS_LIMIT_EXCEEDED)


@PROFILES
def test_a_sender_with_code(profile: Profile) -> None:
    """Its key exists all the same (EIP-3607)."""
    chain = chain_of(TOY, profile)
    block = block_of(chain, signed_by(SENDER, profile, to=sample.address(CONTRACT)))
    expect(block, [signed_by(CONTRACT, profile, nonce=Uint64(1))], Reason.SENDER_NOT_EOA)


def blob(**fields: Any) -> bytes:
    hashes = fields.pop("hashes", (Bytes32(b"\1" + bytes(31)),))
    return signed_by(SENDER, VERKLE, type=rlp.BLOB, blob_versioned_hashes=hashes, **fields)


def delegating(**fields: Any) -> bytes:
    authorization = Authorization(Uint256(1), Address(b"\x66" * 20), Uint64(0), 0, Uint256(1), Uint256(1))
    given = {"authorization_list": (authorization,), "gas_limit": Uint64(200_000), **fields}
    return signed_by(SENDER, VERKLE, type=rlp.SET_CODE, **given)


@pytest.mark.parametrize("profile", [KAUSTINEN7, KAUSTINEN6], ids=lambda profile: str(profile.name))
def test_types_of_a_later_fork(blocks: dict[str, Block], profile: Profile) -> None:
    for bad in (blob(), delegating(), blob(hashes=())):
        expect(blocks[profile.name], [bad], Reason.TRANSACTION_TYPE)


HASH = Bytes32(b"\1" + bytes(31))
BLOBS: list[tuple[str, Reason, dict[str, Any], int]] = [
    ("none", Reason.BLOB_COUNT, {"hashes": ()}, 0),
    ("too many for one", Reason.BLOB_COUNT, {"hashes": (HASH,) * 7}, 7),
    ("another version", Reason.BLOB_VERSION, {"hashes": (HASH, Bytes32(b"\2" + bytes(31)))}, 2),
    ("a low fee", Reason.FEE_TOO_LOW, {"max_fee_per_blob_gas": Uint256(0)}, 1),
    ("a fee without end", Reason.INSUFFICIENT_FUNDS, {"max_fee_per_blob_gas": Uint256(2**256 - 1)}, 1),
]


@pytest.mark.parametrize(("_name", "reason", "fields", "count"), BLOBS, ids=[one[0] for one in BLOBS])
def test_blobs(blocks: dict[str, Block], _name: str, reason: Reason, fields: dict[str, Any], count: int) -> None:
    bad = blob(**fields)
    hashes = rlp.decode_transaction(bad).blob_versioned_hashes
    assert len(hashes) == count
    payload = {"blob_gas_used": Uint64(count * GAS_PER_BLOB)}
    expect(blocks["verkle"], [bad], reason, versioned_hashes=hashes, payload=payload)


def test_blobs_beside_the_payload(blocks: dict[str, Block]) -> None:
    """An honest blob, and each lie about it."""
    chain = chain_of(TOY)
    block = block_of(chain, blob())
    assert block.request.execution_payload.blob_gas_used == GAS_PER_BLOB
    assert block.verify().outcome.blob_gas_used == GAS_PER_BLOB
    assert block.with_request(versioned_hashes=()).reason() is Reason.BLOB_HASHES_MISMATCH
    other = Bytes32(b"\1" * 32)
    assert block.with_request(versioned_hashes=(other,)).reason() is Reason.BLOB_HASHES_MISMATCH
    assert block.with_request(versioned_hashes=(HASH, HASH)).reason() is Reason.BLOB_HASHES_MISMATCH
    for gas in (0, 2 * GAS_PER_BLOB):
        assert block.with_payload(blob_gas_used=Uint64(gas)).reason() is Reason.BLOB_GAS_MISMATCH


def test_more_blobs_than_a_block_has(blocks: dict[str, Block]) -> None:
    """Five and five: each may be in a block, both may not."""
    five = [blob(hashes=(HASH,) * 5), blob(hashes=(HASH,) * 5, nonce=Uint64(1))]
    beside: dict[str, Any] = {"versioned_hashes": (HASH,) * 10, "payload": {"blob_gas_used": Uint64(9 * GAS_PER_BLOB)}}
    payload = replace(blocks["verkle"].request.execution_payload, transactions=tuple(five), **beside.pop("payload"))
    assert blocks["verkle"].with_request(execution_payload=payload, **beside).reason() is Reason.BLOB_GAS_MISMATCH


def test_delegations(blocks: dict[str, Block]) -> None:
    expect(blocks["verkle"], [delegating(authorization_list=())], Reason.TRANSACTION_FORM)
    expect(blocks["verkle"], [delegating(gas_limit=Uint64(45_999))], Reason.INTRINSIC_GAS)
    chain = chain_of(TOY)
    block = block_of(chain, delegating())
    assert block.verify().transactions == 1


def test_a_transaction_of_nobody_known(blocks: dict[str, Block]) -> None:
    """Any signature recovers to someone: here to accounts of which the witness shows nothing, or that have nothing."""
    block = blocks["verkle"]
    transaction = rlp.decode_transaction(signed_by(SENDER, VERKLE))
    reasons = set()
    for number in range(1, 30):
        parity, s = number % 2, Uint256(number + 10)
        bad = rlp.encode_transaction(replace(transaction, y_parity=parity, r=Uint256(number), s=s))
        payload = replace(block.request.execution_payload, transactions=(bad,))
        reasons.add(block.with_request(execution_payload=payload).reason())
    assert reasons <= {Reason.TRANSACTION_MALFORMED, Reason.WITNESS_INCOMPLETE, Reason.NONCE_MISMATCH,
                       Reason.INSUFFICIENT_FUNDS}  # fmt: skip
    assert len(reasons) > 1


def test_a_taken_address_uses_all_gas() -> None:
    """A creation at an address that has code: the exact outcome, no rejection."""
    target = create_address(sample.address(SENDER), 0)
    document = sample.genesis_document(8)
    alloc: Any = document["alloc"]
    alloc["0x" + target.hex()] = {"balance": "1", "nonce": "1", "code": "0x00"}
    chain = sample.Chain.begin(document, TOY)
    block = block_of(chain, signed_by(SENDER, VERKLE, to=None, data=b"\0", gas_limit=Uint64(100_000)))
    verified = block.verify()
    (receipt,) = verified.outcome.receipts
    assert (receipt.success, receipt.cumulative_gas_used) == (False, 100_000)


def test_a_transaction_twice() -> None:
    """The second one has a nonce that is spent."""
    good = signed_by(SENDER, VERKLE)
    expect(block_of(chain_of(TOY), good), [good, good], Reason.NONCE_MISMATCH)
