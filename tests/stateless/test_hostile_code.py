"""Code that means harm: memory without end, recursion, precompiles fed with garbage, chunks that lie about push data.

Each block is built over the whole state and verified over its witness. Both must come to the same, in bounded time and
memory, and where the rules say exactly what comes out, that is asserted.
"""

import random
import resource
from dataclasses import replace
from typing import Any

import pytest

from cli import sample
from cli.sample import Chain
from spec.errors import Reason, Rejection
from spec.gas import MAX_CODE_BYTES, MAX_INITCODE_BYTES
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.types import Address, StateRoot, TreeKey, Uint64, Uint256, Value
from stateless.evm.calls import create_address
from stateless.evm.precompiles import precompiles
from tests.fuzz.hostile import no_hang
from tests.stateless.blocks import Block, block_of, chain_of, signed_by
from tests.toy_engine import ToyEngine
from verkle.embedding import BasicData, chunk_location, chunkify_code

TOY = ToyEngine()
SEED = 4762
SECONDS = 60
MEMORY_KIB = 1 << 19
"""A block may add half a GiB at most, whatever its code does."""
GAS = 10_000_000
CONTRACT = Address(b"\xc0" * 20)
ALL_ONES = "7f" + "ff" * 32
PROFILES = pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: str(profile.name))


def chain_with(code: bytes, profile: Profile, **others: bytes) -> Chain:
    """A chain whose genesis has this code at CONTRACT, and more of it elsewhere."""
    document = sample.genesis_document(8, profile)
    alloc: Any = document["alloc"]
    alloc["0x" + CONTRACT.hex()] = {"balance": "1000", "nonce": "1", "code": "0x" + code.hex()}
    for address, its_code in others.items():
        alloc[address] = {"balance": "1000", "nonce": "1", "code": "0x" + its_code.hex()}
    return Chain.begin(document, TOY, profile)


def call(profile: Profile, data: bytes = b"", gas: int = GAS, **fields: Any) -> bytes:
    return signed_by(1, profile, to=CONTRACT, data=data, gas_limit=Uint64(gas), value=Uint256(0), **fields)


def outcome(chain: Chain, *transactions: bytes) -> tuple[bool, int]:
    """Success of the last transaction and gas used in all, the same over the tree and over the witness."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with no_hang(SECONDS):
        block = block_of(chain, *transactions)
        verified = block.verify()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB
    assert verified.gas_used == block.request.execution_payload.gas_used
    assert verified.post_state.state_root() == chain.root
    return verified.outcome.receipts[-1].success, verified.gas_used


BOMBS = {
    "mstore far": f"5f{ALL_ONES}52",
    "mstore at 2^40": "5f65010000000000 52",
    "mload at the end": f"{ALL_ONES}51",
    "mstore8 far": f"5f{ALL_ONES}53",
    "calldatacopy": f"{ALL_ONES}5f5f37",
    "codecopy": f"{ALL_ONES}5f5f39",
    "extcodecopy": f"{ALL_ONES}5f5f3 03c",
    "returndatacopy": "60015f5f3e",
    "keccak": f"{ALL_ONES}5f20",
    "log": f"{ALL_ONES}5fa0",
    "return": f"{ALL_ONES}5ff3",
    "revert": f"{ALL_ONES}5ffd",
    "create": f"{ALL_ONES}5f5ff0",
    "create2": f"5f{ALL_ONES}5f5ff5",
    "call out": f"{ALL_ONES}5f5f5f5f305af1",
    "call in": f"5f5f{ALL_ONES}5f5f305af1",
    "invalid": "fe",
    "no such opcode": "0c",
    "underflow": "01",
    "overflow": "5b5f600056",
    "jump into nothing": f"{ALL_ONES}56",
    "jump into push data": "6001565b",
    "loop": "5b5f56",
    "loop over memory": "5b5a5a5260 0056".replace(" ", ""),
    "exponents": f"5b{ALL_ONES}{ALL_ONES}0a505f56",
}
"""Each halts its frame, and so uses all its gas."""


@PROFILES
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_use_all_gas(profile: Profile, name: str) -> None:
    code = bytes.fromhex(BOMBS[name].replace(" ", ""))
    success, gas_used = outcome(chain_with(code, profile), call(profile))
    assert (success, gas_used) == (False, GAS)


@PROFILES
def test_as_much_memory_as_gas_can_pay(profile: Profile) -> None:
    """Some 2.1 MB for 10 million gas, in one go, and touched byte by byte no more than that."""
    paid = bytes.fromhex("5f62200000 5260015f55".replace(" ", ""))
    success, gas_used = outcome(chain_with(paid, profile), call(profile))
    assert success
    words = (0x200000 + 32) // 32
    assert gas_used > 3 * words + words * words // 512


def calls_itself(kind: str) -> bytes:
    """Calls its own address with all gas, with a number that grows by one, and logs the greatest one it hears of."""
    value = "5f" if kind in ("f1", "f2") else ""
    return bytes.fromhex(f"5f356001015f52 60205f60205f{value}305a{kind}50 5f515f5fa1 60205ff3".replace(" ", ""))


@PROFILES
@pytest.mark.parametrize("kind", ["f1", "f2", "f4"])
def test_recursion(profile: Profile, kind: str) -> None:
    """Calls of oneself, until what is left of the gas (63/64 of it each time) does not do."""
    success, gas_used = outcome(chain_with(calls_itself(kind), profile), call(profile))
    assert success
    assert gas_used < GAS


@pytest.mark.parametrize("profile", [KAUSTINEN7, KAUSTINEN6], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize("kind", ["f1", "f2", "f4"])
def test_depth_1024(profile: Profile, kind: str) -> None:
    """Where a transaction can bring a million times a block's gas, 1,024 calls nest and no more."""
    document = sample.genesis_document(8, profile)
    document["gasLimit"] = hex(2**45)
    alloc: Any = document["alloc"]
    alloc["0x" + sample.address(1).hex()]["balance"] = str(10**24)
    alloc["0x" + CONTRACT.hex()] = {"balance": "0", "nonce": "1", "code": "0x" + calls_itself(kind).hex()}
    chain = Chain.begin(document, TOY, profile)
    with no_hang(SECONDS):
        (receipt,) = block_of(chain, call(profile, gas=2**44)).verify().outcome.receipts
    assert receipt.success
    depths = [int.from_bytes(log.topics[0], "big") for log in receipt.logs]
    assert depths == [1025] * 1025


@PROFILES
def test_creations_within_creations(profile: Profile) -> None:
    """Initcode that creates itself: CODECOPY, CREATE, and again, as deep as gas goes."""
    code = bytes.fromhex("385f5f39385f5ff000")
    transaction = signed_by(1, profile, to=None, data=code, gas_limit=Uint64(GAS), value=Uint256(0))
    success, gas_used = outcome(chain_of(TOY, profile, 8), transaction)
    assert gas_used <= GAS
    assert isinstance(success, bool)


@PROFILES
@pytest.mark.parametrize(
    ("size", "first", "stored"),
    [(MAX_CODE_BYTES, 0, True), (MAX_CODE_BYTES + 1, 0, False), (1, 0xEF, False), (1, 0xEE, True), (0, 0, True)],
)
def test_code_at_the_limits(profile: Profile, size: int, first: int, stored: bool) -> None:
    """24,576 bytes can be stored, one more cannot, nor what begins with 0xef (EIP-170, EIP-3541)."""
    initcode = bytes.fromhex(f"60{first:02x}5f53 62{size:06x}5ff3".replace(" ", ""))
    gas = 12_000_000
    transaction = signed_by(1, profile, to=None, data=initcode, gas_limit=Uint64(gas), value=Uint256(0))
    chain = chain_of(TOY, profile, 8)
    success, gas_used = outcome(chain, transaction)
    assert success is stored
    assert (gas_used == gas) is not stored
    made = create_address(sample.address(1), 0)
    size_leaf = chain.tree.get(chain.keys.key((made, 0, 4 if profile is KAUSTINEN6 else 0)))
    if stored and profile is not KAUSTINEN6:
        assert size_leaf is not None
        assert BasicData.unpack(size_leaf).code_size == size


@PROFILES
def test_initcode_at_the_limit(profile: Profile) -> None:
    """49,152 bytes of it are allowed in a transaction (EIP-3860)."""
    data = b"\0" * MAX_INITCODE_BYTES
    success, gas_used = outcome(
        chain_of(TOY, profile, 8),
        signed_by(1, profile, to=None, data=data, gas_limit=Uint64(2_000_000), value=Uint256(0)),
    )
    assert success
    assert gas_used < 2_000_000


@PROFILES
def test_precompiles_fed_with_garbage(profile: Profile) -> None:
    """Sixteen inputs for each: empty, ones, huge stated lengths, random bytes; no answer takes long or crashes."""
    fork = profile.require_execution().fork
    rng = random.Random(f"{SEED} {profile.name}")
    forward = bytes.fromhex("365f5f375f35 5f5f 60203603 6020 5f 85 5af1 00".replace(" ", ""))
    chain, count = chain_with(forward, profile), 0
    transactions: list[bytes] = []
    for address in precompiles(fork):
        for data in (
            b"",
            b"\xff" * 96,
            b"\xff" * 192 * 8,
            (2**64).to_bytes(32, "big") * 3 + b"\1" * 40,
            (2**256 - 1).to_bytes(32, "big") * 3,
            (32).to_bytes(32, "big") * 3 + b"\xff" * 96,
            b"\xff\xff\xff\xff" + bytes(208) + b"\1",
            b"\xff\xff\xff\xff" + bytes(208) + b"\2",
            *(rng.randbytes(rng.choice((1, 32, 64, 96, 128, 160, 192, 213, 256, 384))) for _ in range(8)),
        ):
            word = bytes(12) + address
            transactions.append(call(profile, word + data, 300_000, nonce=Uint64(len(transactions))))
    for start in range(0, len(transactions), 64):
        outcome(chain, *transactions[start : start + 64])
        count += 1
    assert count >= 3


# ---- chunks that lie


def lying_block(chain: Chain, code: bytes, chunk: int, leading: int) -> Block:
    """A call of a contract one of whose chunks states another number of leading push data bytes, on a true tree."""
    key = chain.keys.key((CONTRACT, *_place(chunk)))
    leaf = chunkify_code(code)[chunk]
    tree = chain.tree.update({key: Value(bytes((leading,)) + leaf[1:])})
    changed = replace(chain, tree=tree, header=replace(chain.header, state_root=tree.state_root()))
    return block_of(changed, call(chain.profile, gas=200_000))


def _place(chunk: int) -> tuple[int, int]:
    place = chunk_location(chunk)
    return place.tree_index, place.sub_index


HIDDEN = bytes.fromhex("601e565b" + "5b" * 26 + "5b" + "00")
"""Jumps to position 30, a JUMPDEST in chunk 0; chunk 1 is STOP."""
SHOWN = bytes.fromhex("602156" + "5b" * 27 + "61" + "5b5b5b00")
"""Jumps to position 33, the JUMPDEST behind the data of a PUSH2 that ends chunk 0: chunk 1 has 2 leading bytes."""
INTO_DATA = bytes.fromhex("602056" + "5b" * 27 + "61" + "5b5b5b00")
"""The same, but to position 32: push data, so that the jump is invalid, unless the chunk says otherwise."""


@PROFILES
def test_where_a_jump_may_lead_is_what_its_chunk_says(profile: Profile) -> None:
    """The exact outcome for that state: the chunk's own first byte decides, whatever the bytes before it mean.

    Devnet 6 lists a jump's destination only if the jump is valid: where it is not, its witness does not show why.
    """
    gas = 200_000
    for code, chunk, leading, valid in (
        (HIDDEN, 0, 0, True),
        (SHOWN, 1, 2, True),
        (SHOWN, 1, 3, False),
        (SHOWN, 1, 31, False),
        (SHOWN, 1, 0, True),
        (INTO_DATA, 1, 2, False),
        (INTO_DATA, 1, 1, True),
        (INTO_DATA, 1, 0, True),
    ):
        block = lying_block(chain_with(code, profile), code, chunk, leading)
        if profile is KAUSTINEN6 and not valid:
            rejection = block.rejection()
            assert rejection.reason is Reason.WITNESS_INCOMPLETE
            assert rejection.facts["needs"] == f"code chunk 1 of 0x{CONTRACT.hex()}"
            continue
        verified = block.verify()
        (receipt,) = verified.outcome.receipts
        assert receipt.success is valid
        assert (verified.gas_used == gas) is not valid


@pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7], ids=lambda profile: str(profile.name))
def test_every_first_byte(profile: Profile) -> None:
    """All 256 of them in `verkle`, else the edges; in the chunk where code begins and in the next: no surprise."""
    chain, outcomes = chain_with(SHOWN, profile), set()
    for chunk in (0, 1):
        for leading in range(256) if profile is VERKLE and chunk else (0, 1, 2, 3, 4, 30, 31, 32, 33, 128, 255):
            with no_hang(SECONDS):
                verified = lying_block(chain, SHOWN, chunk, leading).verify()
            outcomes.add((chunk, leading > 2 - 2 * (chunk == 0), verified.outcome.receipts[0].success))
    assert outcomes == {(0, False, True), (0, True, False), (1, False, True), (1, True, False)}


@PROFILES
def test_a_false_first_byte_breaks_the_proof(profile: Profile) -> None:
    """The same lie told by the witness alone, of a tree that holds the truth."""
    chain = chain_with(SHOWN, profile)
    block = block_of(chain, call(profile, gas=200_000))
    key = chain.keys.key((CONTRACT, *_place(1)))
    leaf = chunkify_code(SHOWN)[1]
    assert _with_current(block, key, Value(b"\3" + leaf[1:])).reason() is Reason.PROOF_INVALID


def _with_current(block: Block, key: TreeKey, value: Value) -> Block:
    diffs = tuple(
        replace(
            diff,
            suffix_diffs=tuple(
                replace(entry, current_value=value) if (diff.stem, entry.suffix) == (key.stem, key.suffix) else entry
                for entry in diff.suffix_diffs
            ),
        )
        for diff in block.witness.state_diff
    )
    return block.with_witness(replace(block.witness, state_diff=diffs))


# ---- trees that no chain leads to


def rejected_on(profile: Profile, *leaves: tuple[int, Value], sender: int = 1) -> Rejection:
    """Why a transfer is rejected whose sender's header holds these leaves."""
    chain = chain_of(TOY, profile, 8)
    honest = block_of(chain, signed_by(1, profile))
    changed = {chain.keys.key((sample.address(sender), 0, suffix)): value for suffix, value in leaves}
    tree = honest.tree.update(changed)
    parent = replace(honest.parent, state_root=StateRoot(tree.state_root()))
    listed = {*honest.listed(), *changed}
    return replace(honest, tree=tree, parent=parent).relisted(listed, {}).rejection()


def test_values_without_a_meaning() -> None:
    """Basic data with a reserved byte set; a balance, nonce or code size that overflows what basic data has for it."""
    reserved = Value(b"\0\0\1" + bytes(29))
    assert rejected_on(VERKLE, (0, reserved)).reason is Reason.STATE_VALUE
    for field, size in ((1, 16), (2, 8), (4, 3)):
        big = Value((1 << (8 * size)).to_bytes(32, "little"))
        rejection = rejected_on(KAUSTINEN6, (field, big))
        assert rejection.reason is Reason.STATE_VALUE
        assert rejection.facts["account"] == sample.address(1)
    assert rejected_on(KAUSTINEN6, (1, Value(b"\xff" * 32))).reason is Reason.STATE_VALUE


def test_more_wei_than_basic_data_can_hold() -> None:
    """A receiver that has 2^128 - 1 wei already: no block can write what it would have."""
    receiver = Address(b"\x55" * 20)
    for profile, leaf in (
        (VERKLE, BasicData(0, 0, 0, 2**128 - 1).pack()),
        (KAUSTINEN7, BasicData(0, 0, 0, 2**128 - 1).pack()),
    ):
        chain = chain_of(TOY, profile, 8)
        honest = block_of(chain, signed_by(1, profile))
        tree = honest.tree.update({chain.keys.key((receiver, 0, 0)): leaf})
        parent = replace(honest.parent, state_root=StateRoot(tree.state_root()))
        rejection = replace(honest, tree=tree, parent=parent).relisted(honest.listed(), {}).rejection()
        assert rejection.reason is Reason.STATE_VALUE
        assert rejection.facts["account"] == receiver


def test_code_of_sixteen_million_bytes() -> None:
    """A size that basic data can state: the code is asked for chunk by chunk, as far as it runs."""
    chain = chain_with(b"\0" * 40, VERKLE)
    key = chain.keys.key((CONTRACT, 0, 0))
    chain.tree = chain.tree.update({key: BasicData(0, 2**24 - 1, 1, 1000).pack()})
    chain.header = replace(chain.header, state_root=chain.tree.state_root())
    success, gas_used = outcome(chain, call(VERKLE, gas=100_000))
    assert success
    assert gas_used < 100_000


def test_gas_from_nothing() -> None:
    """Devnet 7 gives stipends away: 80 warm calls with value leave more gas than there was. No such block is valid."""
    one = bytes.fromhex("5f5f5f5f6001 6004 61ffff f2 50".replace(" ", ""))
    chain = chain_with(one * 80 + b"\0", KAUSTINEN7)
    with pytest.raises(Rejection) as rejected:
        block_of(chain, call(KAUSTINEN7, gas=150_000))
    assert rejected.value.reason is Reason.GAS_FROM_NOTHING
    honest = block_of(chain_with(one, KAUSTINEN7), call(KAUSTINEN7, gas=150_000))
    assert honest.verify().gas_used > 0
    assert outcome(chain_with(one * 80 + b"\0", VERKLE), call(VERKLE, gas=5_000_000))[0]
