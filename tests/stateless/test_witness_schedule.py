"""EIP-4762 under `verkle`, operation by operation: prices, events, and what each switch of the profile decides.

Most programs stand in one contract that a transaction calls. Its header is warm by then (basic data and code hash are
the transaction's own events), its code is not: a program of one chunk pays 200 for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from spec.containers import Account, Withdrawal
from spec.forks import KAUSTINEN7_ACCESS, VERKLE_ACCESS, WitnessAccess
from spec.params import VERKLE, Profile
from spec.types import Address, Uint64, Uint256
from stateless.evm.calls import create2_address
from tests.stateless.programs import (
    ABSENT,
    CONTRACTS,
    ETHER,
    Draft,
    address_of_key,
    block_environment,
    calling,
    creating,
    op,
    push,
    system_accounts,
    transaction,
)
from tests.stateless.worlds import Block, Run, World
from tests.toy_engine import ToyEngine
from witness.access import Leaf

TOY = ToyEngine()
OWN, OTHER, THIRD = CONTRACTS[:3]
NEW = ABSENT[1]
SENDER = address_of_key(1)
IDENTITY = Address(bytes(19) + b"\4")
BRANCH, CHUNK, SUBTREE, EDIT, FILL, WARM = 1900, 200, 3000, 500, 6200, 100
TRANSACTION = 21000
GAS = 10_000_000


def contract(code: bytes = b"\0", storage: Mapping[int, int] | None = None, balance: int = ETHER) -> Account:
    """An account with code and storage."""
    slots = {Uint256(slot): Uint256(value) for slot, value in (storage or {}).items()}
    return Account(balance, Uint64(1), code, slots)


def scene(
    code: bytes,
    others: Mapping[Address, Account] | None = None,
    *,
    profile: Profile = VERKLE,
    storage: Mapping[int, int] | None = None,
    gas: int = GAS,
    value: int = 0,
    to: Address | None = OWN,
    withdrawals: Sequence[Withdrawal] = (),
) -> tuple[World, Block]:
    """A contract with this code, and a block that calls it once."""
    rich = Account(10**30, Uint64(0), b"", {})
    accounts = {SENDER: rich, OWN: contract(code, storage), OTHER: contract(), **(others or {})}
    world = World.of(profile, TOY, system_accounts() | accounts)
    asked = Draft(1, transaction(to, gas=gas, value=value))
    return world, world.fill(block_environment(), [asked.signed], withdrawals)


def stateless(world: World, block: Block) -> Run:
    """Run a block over the whole tree, and over what its witness proves: the same."""
    run = world.run(block)
    assert not run.unannounced
    partial = world.proven(run)
    assert partial.run(block).facts() == run.facts()
    assert partial.after(run).tree.state_root() == world.after(run).tree.state_root()
    assert {leaf for leaf in run.leaves if not run.access.get(leaf)} == set()
    return run


def gas_of(code: bytes, others: Mapping[Address, Account] | None = None, **options: Any) -> int:
    """What a program costs when it is called, code chunks included."""
    run = stateless(*scene(code, others, **options))
    assert run.status == [True]
    return run.gas[0] - TRANSACTION


def header(address: Address, suffix: int) -> Leaf:
    """A leaf of an account's header."""
    return address, 0, suffix


# ---- prices


def test_no_code() -> None:
    assert gas_of(b"") == 0
    assert gas_of(op("STOP")) == CHUNK


def test_reading_slots() -> None:
    """A header slot is a neighbour of what the transaction touched; a main storage slot opens a subtree."""
    assert gas_of(op("SLOAD", 0)) == CHUNK + 2 + CHUNK
    assert gas_of(op("SLOAD", 0) * 2) == CHUNK + 2 * 2 + CHUNK + WARM
    assert gas_of(op("SLOAD", 64)) == CHUNK + 3 + BRANCH + CHUNK
    assert gas_of(op("SLOAD", 64) + op("SLOAD", 65)) == CHUNK + 2 * 3 + BRANCH + CHUNK + CHUNK


def test_writing_slots() -> None:
    """An absent slot costs the fill too; the second write of a leaf is warm; a neighbour spares the subtree's edit."""
    write = CHUNK + SUBTREE + EDIT
    assert gas_of(op("SSTORE", 0, 1), storage={0: 5}) == CHUNK + 5 + write
    assert gas_of(op("SSTORE", 0, 1)) == CHUNK + 5 + write + FILL
    assert gas_of(op("SSTORE", 0, 1) * 2) == CHUNK + 10 + write + FILL + WARM
    assert gas_of(op("SSTORE", 0, 1) + op("SSTORE", 1, 1)) == CHUNK + 11 + write + FILL + CHUNK + EDIT + FILL
    assert gas_of(op("SSTORE", 64, 1)) == CHUNK + 6 + BRANCH + write + FILL
    assert gas_of(op("SLOAD", 0) + op("SSTORE", 0, 1), storage={0: 5}) == CHUNK + 7 + CHUNK + SUBTREE + EDIT


def test_storing_zero_where_nothing_is() -> None:
    """Priced as any write, fill included, whatever the value; and the leaf stays absent (decision 17)."""
    world, block = scene(op("SSTORE", 0, 0))
    run = stateless(world, block)
    assert run.gas[0] - TRANSACTION == CHUNK + 4 + CHUNK + SUBTREE + EDIT + FILL
    assert run.access[header(OWN, 64)]
    assert header(OWN, 64) not in run.leaves
    assert stateless(*scene(op("SSTORE", 0, 0), storage={0: 5})).leaves[header(OWN, 64)] == bytes(32)


def test_fill_is_paid_once_for_a_leaf_in_a_transaction() -> None:
    """Also where the frame that paid is taken back."""
    others = {OTHER: contract(op("SSTORE", 0, 1) + op("REVERT", 0, 0))}
    once = calling("DELEGATECALL", OTHER, gas=100_000)
    assert len(once) == 31
    assert gas_of(once + op("SSTORE", 0, 1), others) - gas_of(once, others) == CHUNK + 5 + WARM


def test_fill_that_cannot_be_paid_is_still_due() -> None:
    """A frame that is out of gas on the fill has the leaf listed, and whoever writes it next pays what is missing."""
    short = CHUNK + 5 + CHUNK + SUBTREE + EDIT + 100
    call = calling("DELEGATECALL", OTHER, gas=short)
    spent = gas_of(call + op("SSTORE", 0, 1), {OTHER: contract(op("SSTORE", 0, 1))})
    assert spent == 2 * CHUNK + 4 * 2 + 2 * 3 + 2 + (BRANCH + CHUNK) + short + 5 + FILL


def test_fill_over_several_transactions() -> None:
    """A slot that an earlier transaction of the block filled is not absent; one that was emptied again is."""
    store = op("SSTORE", 0, op("CALLVALUE"))
    rich = Account(10**30, Uint64(0), b"", {})
    world = World.of(VERKLE, TOY, system_accounts() | {SENDER: rich, OWN: contract(store)})
    drafts = [Draft(1, transaction(OWN, gas=GAS, value=value)).signed for value in (5, 7, 0, 9)]
    run = stateless(world, world.fill(block_environment(), drafts))
    first, second, third, fourth = run.gas
    assert first - second == FILL
    assert fourth - third == FILL - SUBTREE, "without value, the header is not edited yet"
    assert run.leaves[header(OWN, 64)] == (9).to_bytes(32, "big")


def test_accounts() -> None:
    cold, own = BRANCH + CHUNK, int.from_bytes(OWN, "big")
    other, absent = (int.from_bytes(who, "big") for who in (OTHER, NEW))
    for name in ("BALANCE", "EXTCODESIZE", "EXTCODEHASH"):
        for target in (other, absent):
            assert gas_of(op(name, target)) == CHUNK + 3 + cold, name
        assert gas_of(op(name, own)) == CHUNK + 3 + WARM
    both = op("BALANCE", other) + op("EXTCODEHASH", other)
    assert gas_of(both) == 2 * CHUNK + 6 + cold + CHUNK
    assert gas_of(op("EXTCODESIZE", 4)) == CHUNK + 3 + WARM
    assert gas_of(op("BALANCE", 4)) == gas_of(op("EXTCODEHASH", 4)) == CHUNK + 3 + cold


def test_code_chunks() -> None:
    """A step pays for its chunk, PUSH for the chunks of its data, a jump for its destination."""
    jumpdest = op("JUMPDEST")
    assert gas_of(jumpdest * 31) == 31 + CHUNK
    assert gas_of(jumpdest * 32) == 32 + 2 * CHUNK
    assert gas_of(jumpdest * 30 + push(2**255)) == 30 + 3 + 3 * CHUNK
    far = op("JUMP", 100) + jumpdest * 97
    assert gas_of(far + jumpdest) == 3 + 8 + 1 + 2 * CHUNK


def test_copies_of_code() -> None:
    """Chunks of the range that there are; none for no bytes, none past the end."""
    copied = {OTHER: contract(b"\0" * 100)}
    other = int.from_bytes(OTHER, "big")

    def chunks(start: int, size: int) -> set[int]:
        run = stateless(*scene(op("EXTCODECOPY", other, 0, start, size), copied))
        return {leaf[2] - 128 for leaf in run.access if leaf[0] == OTHER and leaf[2] >= 128}

    assert chunks(0, 0) == chunks(100, 1) == chunks(2**200, 5) == set()
    assert chunks(0, 1) == {0}
    assert chunks(30, 2) == {0, 1}
    assert chunks(31, 31) == {1}
    assert chunks(50, 10_000) == {1, 2, 3}


def test_calls_with_value() -> None:
    """Both accounts are written; the stipend is paid for and comes back where the callee does not use it."""
    writes = SUBTREE + EDIT + BRANCH + CHUNK + SUBTREE + EDIT
    plain = gas_of(calling("CALL", OTHER, gas=0), {OTHER: contract(b"")})
    assert gas_of(calling("CALL", OTHER, 1, gas=0), {OTHER: contract(b"")}) == plain + 1 + writes - BRANCH - CHUNK
    made = gas_of(calling("CALL", NEW, 1, gas=0))
    assert made == plain + 1 + writes - BRANCH - CHUNK + FILL + CHUNK + EDIT + FILL


def test_creation() -> None:
    """The creator is written; the new account is read, then written; each chunk of code is written."""
    base = 1000 + SUBTREE + EDIT
    account = BRANCH + CHUNK + CHUNK + SUBTREE + EDIT + FILL + EDIT + FILL
    nothing = op("CREATE", 0, 0, 0)
    assert gas_of(nothing) == CHUNK + 6 + base + account
    deposit = 2 * (CHUNK + EDIT + FILL)
    store, pushes, word, initcode = 3 + 2 + 3 + 3, 3 + 2 + 2, 2, 3 + 2 + 2 * 3
    spent = gas_of(creating(op("RETURN", 0, 40)))
    assert spent == 2 * CHUNK + store + pushes + word + base + account + initcode + deposit


# ---- switches


@dataclass(frozen=True)
class Turned:
    """What a program shows of one switch, when it is set to `value` in `verkle`."""

    value: Any
    code: bytes
    gas: int
    """By how much gas grows."""
    fewer: set[Leaf] = field(default_factory=set)
    more: set[Leaf] = field(default_factory=set)
    options: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)
    """Other switches, for both sides."""


DESTROYED = op("SELFDESTRUCT", int.from_bytes(OTHER, "big"))
DOOMED = create2_address(OWN, 0, DESTROYED)
COLD_BRANCH = BRANCH + CHUNK

SWITCHES: dict[str, Turned] = {
    "chunk_fill_cost": Turned(0, op("SSTORE", 0, 1), -FILL),
    "warm_cost": Turned(0, op("SLOAD", 0) * 2, -WARM),
    "warm_sender_and_target": Turned(False, op("BALANCE", int.from_bytes(OWN, "big")), BRANCH + CHUNK - WARM),
    "new_account_gas": Turned(25000, calling("CALL", NEW, 1), 25000),
    "stipend_is_paid": Turned(False, calling("CALL", OTHER, 1), -2300, options={"others": {OTHER: contract(b"")}}),
    "caller_pays_for_new_account": Turned(False, calling("CALL", NEW, 1, gas=0), 2300 - CHUNK - EDIT - FILL),
    "new_precompile_has_code_hash": Turned(
        False, calling("CALL", IDENTITY, 1), -CHUNK - EDIT - FILL, fewer={header(IDENTITY, 1)}
    ),
    "callcode_has_transfer_events": Turned(False, calling("CALLCODE", OTHER, 1), -2 * (SUBTREE + EDIT)),
    "creation_writes_creator": Turned(False, op("CREATE", 0, 0, 0), -SUBTREE - EDIT),
    "copy_reads_own_basic_data": Turned(False, op("CODECOPY", 0, 0, 1), -CHUNK, base={"warm_sender_and_target": False}),
    "precompile_code_hash_is_read": Turned(
        False, op("EXTCODEHASH", 4), WARM - COLD_BRANCH, fewer={header(IDENTITY, 1)}
    ),
    "absent_target_writes_code_hash": Turned(True, b"", 0, options={"to": NEW}),
    "jump_destination_bits": Turned(64, op("JUMP", 2**64 + 200) + b"\0" * 250, 0, more={header(OWN, 128 + 200 // 31)}),
    "warm_out_of_gas_is_forgiven": Turned(
        True,
        op("BALANCE", int.from_bytes(OWN, "big")),
        0,
        options={"gas": TRANSACTION + CHUNK + 3 + 50},
    ),
    "failed_copy_records_basic_data": Turned(
        True, op("EXTCODECOPY", int.from_bytes(OTHER, "big"), 0, 0, 2**32), 0, more={header(OTHER, 0)}
    ),
    "touch_makes_account": Turned(
        True,
        calling("STATICCALL", NEW) + calling("CALL", NEW, 1),
        -CHUNK - EDIT - FILL,
        fewer={header(NEW, 1)},
    ),
    "zero_withdrawal_has_events": Turned(
        True,
        b"",
        0,
        more={header(NEW, 0), header(NEW, 1)},
        options={"withdrawals": [Withdrawal(Uint64(0), Uint64(0), NEW, Uint64(0))]},
    ),
    "clears_destroyed": Turned(
        False,
        creating(DESTROYED, salt=0),
        0,
        options={"others": {DOOMED: Account(5, Uint64(0), b"", {}), OTHER: contract(b"")}},
    ),
}


def _with(**switches: Any) -> Profile:
    rules = VERKLE.require_execution()
    assert isinstance(rules.access, WitnessAccess)
    return replace(VERKLE, execution=replace(rules, access=replace(rules.access, **switches)))


def test_every_switch_is_shown() -> None:
    assert list(SWITCHES) == [one.name for one in fields(WitnessAccess)]
    for name, turned in SWITCHES.items():
        verkle, devnet = (getattr(access, name) for access in (VERKLE_ACCESS, KAUSTINEN7_ACCESS))
        assert turned.value != verkle
        assert devnet in (verkle, turned.value), name


@pytest.mark.parametrize("name", SWITCHES)
def test_switch(name: str) -> None:
    """A program for each switch: what changes if it is turned, and nothing else."""
    turned = SWITCHES[name]
    sides = []
    for switches in (turned.base, {**turned.base, name: turned.value}):
        world, block = scene(turned.code, profile=_with(**switches), **turned.options)
        sides.append((world, world.run(block)))
    (_, verkle), (_, other) = sides
    assert other.gas[0] - verkle.gas[0] == turned.gas
    assert set(verkle.access) - set(other.access) == turned.fewer
    assert set(other.access) - set(verkle.access) == turned.more
    assert verkle.facts() != other.facts(), "it decides nothing here"


def test_destroyed_account_keeps_what_it_gave_away() -> None:
    """`clears_destroyed`: without it the account's wei are there twice, here and with the beneficiary."""
    options = SWITCHES["clears_destroyed"].options

    def wei(profile: Profile) -> int:
        world, block = scene(SWITCHES["clears_destroyed"].code, profile=profile, **options)
        state = world.run(block).outcome.state
        after = world.after(world.run(block))
        view = after.view()
        assert view.balance(OTHER) == state.balance(OTHER)
        return view.balance(OTHER) + view.balance(DOOMED)

    assert wei(VERKLE) == ETHER + 5
    assert wei(_with(clears_destroyed=False)) == ETHER + 10
