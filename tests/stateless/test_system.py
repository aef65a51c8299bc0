"""What the protocol does in a block: hashes, roots and requests, in the networks that call and in those that write.

The contracts' code is the judge of the direct writes: in mainnet's rules the same blocks are stored by running it.
"""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from spec.containers import Account
from spec.errors import Reason, Rejection
from spec.forks import (
    BEACON_ROOTS_ADDRESS,
    CANCUN,
    CONSOLIDATION_REQUESTS_ADDRESS,
    DEPOSIT_CONTRACT_ADDRESS,
    HISTORY_ADDRESS,
    LONDON,
    OSAKA,
    PRAGUE,
    WITHDRAWAL_REQUESTS_ADDRESS,
    Execution,
)
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.system_contracts import DEPOSIT_EVENT, SYSTEM_ADDRESS, SYSTEM_CODES
from spec.types import Address, Bytes32, Uint64, Uint256
from stateless import system
from stateless.accounts import AccountsView
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.frame import Message
from stateless.evm.machine import Machine
from stateless.evm.opcodes import opcodes
from stateless.schedules import schedule_of
from stateless.state import Log, State
from tests.stateless.evm.programs import push
from tests.stateless.evm.scenes import BLOCK, CONTRACTS, SENDER, cast, tree_view
from verkle.embedding import storage_location
from witness.access import AccessWitness

ROOT = Bytes32(b"\x22" * 32)
NEXT = replace(BLOCK, parent_beacon_block_root=ROOT)
USER = Address(b"\x05" * 20)
CALLED = (WITHDRAWAL_REQUESTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS)


def contracts(storage: Mapping[Address, Mapping[int, int]] | None = None) -> dict[Address, Account]:
    """The system contracts, deployed."""
    given = storage or {}
    return {
        address: Account(0, Uint64(1), code, {Uint256(k): Uint256(v) for k, v in given.get(address, {}).items()})
        for address, code in SYSTEM_CODES.items()
    }


def account_machine(rules: Execution, accounts: Mapping[Address, Account], block: Any = NEXT) -> Machine:
    return Machine(rules, AccountSchedule(), State(AccountsView(accounts)), block)


def tree_machine(
    profile: Profile, accounts: Mapping[Address, Account], block: Any = NEXT
) -> tuple[Machine, AccessWitness]:
    witness = AccessWitness()
    view = tree_view(profile, accounts)
    schedule = schedule_of(profile, witness, view.leaf)
    return Machine(profile.require_execution(), schedule, State(view), block), witness


def written(machine: Machine) -> dict[Address, dict[int, int]]:
    """Slots that differ afterwards; nothing else may."""
    changes = machine.state.changes()
    for change in changes.values():
        assert (change.balance, change.nonce, change.code, change.wiped) == (None, None, None, False)
    return {address: change.storage for address, change in changes.items()}


def assert_clean(machine: Machine) -> None:
    """Nothing of the protocol's doing is left for a transaction to find."""
    state = machine.state
    assert not state.warm
    assert not state.logs
    assert state.refund == 0
    assert state.mark() == (0, 0, 0)
    assert state.transient(HISTORY_ADDRESS, 0) == 0


def slots(witness: AccessWitness) -> set[tuple[Address, int, int, bool]]:
    return {(*leaf, write) for leaf, write in witness.block.items()}


def slot_leaf(address: Address, slot: int, *, write: bool) -> tuple[Address, int, int, bool]:
    place = storage_location(VERKLE, slot)
    return address, place.tree_index, place.sub_index, write


# ---- the beginning of a block


def test_direct_writes_store_what_the_contracts_store() -> None:
    """Over numbers and times at random, the wrap of both windows among them."""
    rng = random.Random(2935)
    print("seed 2935")
    tried = 0
    for number, timestamp in [(1, 0), (8191, 8190), (8192, 8191), (8193, 8192)] + [
        (rng.randrange(1, 2**63), rng.randrange(2**63)) for _ in range(60)
    ]:
        hashes = Bytes32(rng.randbytes(32)), Bytes32(rng.randbytes(32))
        block = replace(
            NEXT, number=number, timestamp=timestamp, parent_hash=hashes[0], parent_beacon_block_root=hashes[1]
        )
        called = account_machine(PRAGUE, contracts(), block)
        direct, _ = tree_machine(VERKLE, contracts(), block)
        for machine in (called, direct):
            system.begin_block(machine)
            assert_clean(machine)
        assert written(called) == written(direct)
        assert direct.state.storage(HISTORY_ADDRESS, (number - 1) % 8191) == int.from_bytes(hashes[0], "big")
        assert direct.state.storage(BEACON_ROOTS_ADDRESS, timestamp % 8191) == timestamp
        assert direct.state.storage(BEACON_ROOTS_ADDRESS, timestamp % 8191 + 8191) == int.from_bytes(hashes[1], "big")
        tried += 1
    assert tried == 64


def test_only_slots_are_in_the_witness() -> None:
    machine, witness = tree_machine(VERKLE, contracts())
    system.begin_block(machine)
    assert slots(witness) == {
        slot_leaf(HISTORY_ADDRESS, 299, write=True),
        slot_leaf(BEACON_ROOTS_ADDRESS, 3600, write=True),
        slot_leaf(BEACON_ROOTS_ADDRESS, 3600 + 8191, write=True),
    }
    assert witness.cost(next(iter(witness.block))) == 1900 + 200, "not warm for transactions"


def test_contracts_that_are_not_deployed() -> None:
    """Mainnet skips them silently; where their code is a constant, the slots are written all the same."""
    called = account_machine(PRAGUE, {})
    system.begin_block(called)
    assert not called.state.changes()
    direct, _ = tree_machine(VERKLE, {})
    system.begin_block(direct)
    assert set(written(direct)) == {HISTORY_ADDRESS, BEACON_ROOTS_ADDRESS}


def test_what_the_block_does_not_tell_is_not_stored() -> None:
    block = replace(BLOCK, parent_hash=None, parent_beacon_block_root=None)
    for machine in (account_machine(PRAGUE, contracts(), block), tree_machine(VERKLE, contracts(), block)[0]):
        system.begin_block(machine)
        assert not machine.state.changes()


def test_forks_store_what_they_know() -> None:
    for rules, stored in ((LONDON, set()), (CANCUN, {BEACON_ROOTS_ADDRESS}), (OSAKA, {*SYSTEM_CODES} - {*CALLED})):
        machine = account_machine(rules, contracts())
        system.begin_block(machine)
        assert set(written(machine)) == stored


def test_a_call_that_fails_at_the_beginning_changes_nothing() -> None:
    broken = contracts() | {HISTORY_ADDRESS: Account(0, Uint64(1), push(1) + push(1) + b"\x55\xfe", {})}
    machine = account_machine(PRAGUE, broken)
    system.begin_block(machine)
    assert set(written(machine)) == {BEACON_ROOTS_ADDRESS}
    assert_clean(machine)


def test_the_protocol_calls_as_the_eips_say() -> None:
    """Caller and origin are SYSTEM_ADDRESS, no wei, 30 million gas, 32 bytes of data, and a cold slot."""
    code = b"".join(
        instruction + push(slot) + b"\x55"
        for slot, instruction in enumerate((b"\x33", b"\x32", b"\x34", push(0) + b"\x35", b"\x36"))
    )
    observing = contracts() | {HISTORY_ADDRESS: Account(0, Uint64(1), b"\x5a" + push(9) + b"\x55" + code, {})}
    machine = account_machine(PRAGUE, observing)
    system.begin_block(machine)
    assert written(machine)[HISTORY_ADDRESS] == {
        9: 30_000_000 - 2,
        0: int.from_bytes(SYSTEM_ADDRESS, "big"),
        1: int.from_bytes(SYSTEM_ADDRESS, "big"),
        3: int.from_bytes(b"\x11" * 32, "big"),
        4: 32,
    }


@pytest.mark.parametrize("profile", [KAUSTINEN6, KAUSTINEN7])
def test_devnets_make_the_history_account(profile: Profile) -> None:
    """The first hash makes an account, whose leaves no witness lists; later ones are slots only."""
    machine, witness = tree_machine(profile, {})
    system.begin_block(machine)
    history = profile.history_address
    change = machine.state.changes()[history]
    assert (change.existed, change.exists, change.storage) == (False, True, {299: int.from_bytes(b"\x11" * 32, "big")})
    assert set(witness.block) == {(history, 2**240 + 1, 299 - 256)}
    again, _ = tree_machine(profile, {history: Account(0, Uint64(0), b"", {})})
    system.begin_block(again)
    assert again.state.changes()[history].existed
    assert system.end_block(again, []) == ()


# ---- the end of a block


def queue(machine: Machine, contract: Address, requests: list[bytes]) -> None:
    """Send requests to a contract, as transactions of one user would."""
    for data in requests:
        machine.state.set_balance(USER, 10**18)
        message = Message(
            caller=USER,
            address=contract,
            code_address=contract,
            code=machine.code(contract),
            data=data,
            value=10**6,
            gas=10**6,
            depth=0,
            is_static=False,
        )
        machine.schedule.begin_transaction(machine, contract, 10**6, [])
        assert machine.execute(message).success
        machine.schedule.end_transaction(machine)
        machine.state.end_transaction(deletes_empty=False, clears_destroyed=True)


def pad(data: bytes) -> bytes:
    return data.ljust((len(data) + 31) // 32 * 32, b"\0")


def deposit_data(fields: list[bytes]) -> bytes:
    """The ABI's encoding of five byte strings."""
    heads, tails, offset = b"", b"", 160
    for field in fields:
        heads += offset.to_bytes(32, "big")
        tail = len(field).to_bytes(32, "big") + pad(field)
        tails += tail
        offset += len(tail)
    return heads + tails


def deposit_fields(rng: random.Random) -> list[bytes]:
    return [rng.randbytes(size) for size in (48, 32, 8, 96, 8)]


def test_requests_of_a_block() -> None:
    """Both kinds of network agree; at most 16 and 2 leave the queues, the rest waits for the next block."""
    rng = random.Random(7685)
    print("seed 7685")
    withdrawals = [rng.randbytes(48) + rng.randrange(2**64).to_bytes(8, "big") for _ in range(20)]
    consolidations = [rng.randbytes(96) for _ in range(3)]
    fields = deposit_fields(rng)
    logs = [Log(DEPOSIT_CONTRACT_ADDRESS, (DEPOSIT_EVENT,), deposit_data(fields))]
    called = account_machine(PRAGUE, contracts())
    direct, witness = tree_machine(VERKLE, contracts())
    for machine in (called, direct):
        queue(machine, WITHDRAWAL_REQUESTS_ADDRESS, withdrawals)
        queue(machine, CONSOLIDATION_REQUESTS_ADDRESS, consolidations)
    touched = set(witness.block)
    first = system.end_block(direct, logs)
    assert system.end_block(called, logs) == first
    source = bytes(USER)
    amounts = [data[48:][::-1] for data in withdrawals]
    encoded = [source + data[:48] + amount for data, amount in zip(withdrawals, amounts, strict=True)]
    assert first == (
        b"\x00" + b"".join(fields),
        b"\x01" + b"".join(encoded[:16]),
        b"\x02" + b"".join(source + data for data in consolidations[:2]),
    )
    assert {leaf[0] for leaf in set(witness.block) - touched} <= {*CALLED}
    second = system.end_block(direct, [])
    assert system.end_block(called, []) == second
    assert second == (b"\x01" + b"".join(encoded[16:]), b"\x02" + source + consolidations[2])
    assert system.end_block(direct, []) == system.end_block(called, []) == ()
    for machine in (called, direct):
        assert_clean(machine)
    one, other = (machine.state.changes() for machine in (called, direct))
    assert all(one[contract].storage == other[contract].storage != {} for contract in CALLED)


def test_an_empty_block_touches_four_slots_of_each_queue() -> None:
    """All read; head and tail are set to zero where the queue is empty, excess and count always. Nothing is warm."""
    machine, witness = tree_machine(VERKLE, contracts())
    assert system.end_block(machine, []) == ()
    assert slots(witness) == {slot_leaf(address, slot, write=True) for address in CALLED for slot in range(4)}
    assert all(witness.cost(leaf, write=True) == 5600 for leaf in witness.block)
    assert not machine.state.changes(), "zeros over zeros"


def test_the_inhibitor_is_taken_away() -> None:
    """A contract that was never called holds 2^256 - 1 in slot 0 (EIP-7002, EXCESS_INHIBITOR)."""
    inhibited = contracts({address: {0: 2**256 - 1} for address in CALLED})
    for machine in (account_machine(OSAKA, inhibited), tree_machine(VERKLE, inhibited)[0]):
        assert system.end_block(machine, []) == ()
        assert written(machine) == {address: {0: 0} for address in CALLED}


@pytest.mark.parametrize("missing", CALLED)
def test_a_contract_that_must_answer(missing: Address) -> None:
    """Missing, reverting or halting, it makes the block invalid on mainnet; a constant cannot be missing."""
    for code, why in ((b"", "it has no code"), (push(0) * 2 + b"\xfd", "it reverts"), (b"\xfe", "invalid opcode")):
        broken = contracts() | {missing: Account(1, Uint64(1), code, {})}
        with pytest.raises(Rejection) as rejected:
            system.end_block(account_machine(PRAGUE, broken), [])
        assert rejected.value.reason is Reason.SYSTEM_CALL_FAILED
        assert rejected.value.facts == {"contract": missing, "why": why}
        assert system.end_block(tree_machine(VERKLE, broken)[0], []) == ()
    assert system.end_block(account_machine(CANCUN, {}), []) == ()


def test_the_constant_codes_do_nothing_that_the_system_schedule_refuses() -> None:
    """They read and write their slots; calls, creations and other accounts' data are not in them."""
    refused = {"BALANCE", "EXTCODESIZE", "EXTCODECOPY", "EXTCODEHASH", "BLOCKHASH", "CALL", "CALLCODE", "DELEGATECALL",
               "STATICCALL", "CREATE", "CREATE2", "SELFDESTRUCT"}  # fmt: skip
    table = opcodes(OSAKA.fork)
    for code in SYSTEM_CODES.values():
        position, names = 0, set()
        while position < len(code):
            names.add(table[code[position]].name)
            position += 1 + max(0, code[position] - 0x5F if code[position] <= 0x7F else 0)
        assert "SSTORE" in names
        assert not names & refused


# ---- deposits


def test_deposits_are_read_from_their_logs_alone() -> None:
    rng = random.Random(6110)
    print("seed 6110")
    first, second = deposit_fields(rng), deposit_fields(rng)
    logs = [
        Log(DEPOSIT_CONTRACT_ADDRESS, (DEPOSIT_EVENT,), deposit_data(first)),
        Log(DEPOSIT_CONTRACT_ADDRESS, (), b"no topic"),
        Log(DEPOSIT_CONTRACT_ADDRESS, (bytes(32), DEPOSIT_EVENT), b"another event"),
        Log(USER, (DEPOSIT_EVENT,), b"another contract"),
        Log(DEPOSIT_CONTRACT_ADDRESS, (DEPOSIT_EVENT, bytes(32)), deposit_data(second)),
    ]
    assert system.deposits(DEPOSIT_CONTRACT_ADDRESS, logs) == b"".join(first + second)
    assert system.deposits(None, logs) == b""
    assert len(b"".join(first)) == 192


def test_malformed_deposits_make_a_block_invalid() -> None:
    """Every offset and every length by one, and every length of the whole but the right one."""
    data = deposit_data(deposit_fields(random.Random(1)))
    assert len(data) == 576
    words = [32 * index for index in range(5)] + [160, 256, 320, 384, 512]
    malformed = [data[: at + 31] + bytes((data[at + 31] ^ 1,)) + data[at + 32 :] for at in words]
    malformed += [b"\x80" + data[1:], data[:-1], data + b"\0", data + bytes(32), b"", data[:160], data[:31]]
    for one in malformed:
        with pytest.raises(Rejection) as rejected:
            system.deposits(DEPOSIT_CONTRACT_ADDRESS, [Log(DEPOSIT_CONTRACT_ADDRESS, (DEPOSIT_EVENT,), one)])
        assert rejected.value.reason is Reason.DEPOSIT_MALFORMED
    padding = data[:-1] + b"\x01"
    assert system.deposits(DEPOSIT_CONTRACT_ADDRESS, [Log(DEPOSIT_CONTRACT_ADDRESS, (DEPOSIT_EVENT,), padding)])


# ---- the header's word on it


def test_requests_hash() -> None:
    """EIP-7685: sha256 over the digests of those that hold anything."""
    one, two = b"\x00" + b"deposit", b"\x02" + b"consolidation"
    digests = hashlib.sha256(one).digest() + hashlib.sha256(two).digest()
    assert system.requests_hash([one, two]) == hashlib.sha256(digests).digest()
    assert system.requests_hash([one, b"\x01", two]) == system.requests_hash([one, two])
    assert system.requests_hash([]) == hashlib.sha256(b"").digest()
    assert system.requests_hash([]).hex().startswith("e3b0c442")


# ---- what users see of the contracts


def test_users_pay_for_chunks_of_a_system_contract_but_not_for_its_header() -> None:
    """Its size is known: a call of no value lists chunks and slots, and nothing else of the account."""
    call = push(0) * 4 + push(0) + push(int.from_bytes(WITHDRAWAL_REQUESTS_ADDRESS, "big")) + b"\x5a\xf1\x00"
    machine, witness = tree_machine(VERKLE, contracts() | cast(call))
    machine.origin, machine.gas_limit = SENDER, 10**6
    caller = CONTRACTS[0]
    machine.schedule.begin_transaction(machine, caller, 0, [])
    result = machine.execute(
        Message(SENDER, caller, caller, machine.code(caller), b"", 0, 10**6, 0, is_static=False, creates_callee=True)
    )
    assert result.success
    places = {leaf[1:] for leaf in witness.block if leaf[0] == WITHDRAWAL_REQUESTS_ADDRESS}
    assert {(0, 128), (0, 64)} <= places, "the first chunk, and the excess"
    assert all(tree_index == 0 and (sub_index == 64 or sub_index >= 128) for tree_index, sub_index in places)
