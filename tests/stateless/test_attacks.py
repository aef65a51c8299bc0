"""What somebody would try who wants a block that its own witness does not carry, or gas that grows.

Each block runs over the whole tree and over what its witness proves, and every leaf that it changes must have an event
that says so (`stateless`). The last part is about the devnets, where gas does grow: there a guard ends what would not.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from spec.codec import rlp
from spec.containers import Account, Withdrawal
from spec.errors import Reason, Rejection
from spec.gas import DELEGATION_PREFIX
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE, Profile
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Uint64, Uint256
from stateless.evm.calls import create2_address, create_address
from stateless.evm.frame import Frame
from tests.stateless.programs import (
    ABSENT,
    CALLS,
    Draft,
    address_of_key,
    block_environment,
    calling,
    creating,
    op,
    returning,
    system_accounts,
    transaction,
)
from tests.stateless.test_witness_schedule import GAS, NEW, OTHER, OWN, SENDER, TOY, contract, header, scene, stateless
from tests.stateless.worlds import Block, Onlooker, Run, World

NOBODY = Account(0, Uint64(0), b"", {})
SYSTEM = tuple(SYSTEM_CODES)
PRECOMPILES = tuple(Address(number.to_bytes(20, "big")) for number in (1, 4, 0x11, 0x100))
CHEAP = tuple(Address(number.to_bytes(20, "big")) for number in (2, 4))
"""Precompiles that answer to no data, for little gas."""
KEYS = (4, 5)
FIRST, SECOND = (address_of_key(number) for number in KEYS)


def word(address: Address) -> int:
    return int.from_bytes(address, "big")


def headers(run: Run, address: Address) -> set[int]:
    """Suffixes of an account's header that the witness lists, slots left out: the protocol reads some of its own."""
    return {leaf[2] for leaf in run.access if leaf[:2] == (address, 0) and not 64 <= leaf[2] < 128}


def block_of(drafts: Sequence[Draft], accounts: Mapping[Address, Account]) -> tuple[World, Block]:
    """A world with a rich sender, and a block of these transactions; each must be valid."""
    rich = {SENDER: replace(NOBODY, balance=10**30)}
    world = World.of(VERKLE, TOY, system_accounts() | rich | dict(accounts))
    block = world.fill(block_environment(), [draft.signed for draft in drafts])
    assert len(block.transactions) == len(drafts)
    return world, block


# ---- accounts that no event is on


@pytest.mark.parametrize("target", [*SYSTEM, *PRECOMPILES])
@pytest.mark.parametrize("kind", CALLS)
def test_calls_without_gas_to_what_the_protocol_knows(kind: str, target: Address) -> None:
    """Nothing of a precompile or system contract is in the witness, and nothing of it is asked for."""
    run = stateless(*scene(calling(kind, target, gas=0)))
    assert run.status == [True]
    assert not headers(run, target)


@pytest.mark.parametrize("target", [*SYSTEM, *PRECOMPILES])
def test_questions_about_what_the_protocol_knows(target: Address) -> None:
    code = op("EXTCODESIZE", word(target)) + op("EXTCODECOPY", word(target), 0, 0, 0)
    for asked in (code, code + op("EXTCODEHASH", word(target)) + op("PUSH0") + op("SSTORE")):
        run = stateless(*scene(asked))
        assert run.status == [True]
        assert headers(run, target) == ({1} if target in PRECOMPILES and asked != code else set())


@pytest.mark.parametrize("target", [NEW, *CHEAP, *SYSTEM, OTHER, OWN])
@pytest.mark.parametrize("how", ["CALL", "CALLCODE", "SELFDESTRUCT", "CREATE"])
def test_value_to_anybody(how: str, target: Address) -> None:
    """Who is made by it gets both header leaves, each with its event."""
    code = {
        "CALL": calling("CALL", target, 1),
        "CALLCODE": calling("CALLCODE", target, 1),
        "SELFDESTRUCT": op("SELFDESTRUCT", word(target)),
        "CREATE": creating(op("SELFDESTRUCT", word(target)), value=1),
    }[how]
    run = stateless(*scene(code))
    assert run.status == [True]
    if how != "CALLCODE" and target in (NEW, *CHEAP):
        assert {header(target, 0), header(target, 1)} <= run.leaves.keys()


def test_fee_and_withdrawal_make_accounts() -> None:
    paid = Withdrawal(Uint64(0), Uint64(0), NEW, Uint64(5))
    run = stateless(*scene(b"", withdrawals=[paid]))
    assert {header(address, suffix) for address in (ABSENT[0], NEW) for suffix in (0, 1)} <= run.leaves.keys()


def test_a_sender_that_is_not_there() -> None:
    """Where gas is free, an account can begin to exist by sending."""
    world = World.of(VERKLE, TOY, system_accounts())
    environment = replace(block_environment(), base_fee=0)
    free = replace(transaction(NEW, gas=GAS), max_fee_per_gas=Uint256(0), max_priority_fee_per_gas=Uint256(0))
    asked = Draft(1, free)
    run = stateless(world, world.fill(environment, [asked.signed]))
    assert run.status == [True]
    assert {header(SENDER, 0), header(SENDER, 1)} <= run.leaves.keys()


# ---- creations


TAKEN = returning(op("STOP"))


@pytest.mark.parametrize("salt", [None, 0])
@pytest.mark.parametrize(
    "initcode",
    [
        b"",
        TAKEN,
        op("REVERT", 0, 0),
        op("INVALID"),
        op("MSTORE8", 0, 0xEF) + op("RETURN", 0, 1),
        op("RETURN", 0, 24577),
        op("RETURN", 0, 4000),
        op("SSTORE", 5, 1) + op("SELFDESTRUCT", word(NEW)),
        calling("CALL", OWN),
        creating(TAKEN, salt=7),
    ],
    ids=["empty", "code", "revert", "halt", "0xef", "too long", "4000 bytes", "destroyed", "calls back", "nested"],
)
def test_creations(initcode: bytes, salt: int | None) -> None:
    """Twice: with CREATE2 the second collides, if the first has left something there."""
    code = (creating(initcode, 1, salt) + op("POP")) * 2
    for before in ({}, {create_address(OWN, 1): replace(NOBODY, balance=3)}):
        run = stateless(*scene(code, before))
        assert run.status == [True]
        assert header(OWN, 0) in run.leaves, "the creator's nonce"


def test_an_account_destroyed_where_there_was_one() -> None:
    """Its leaves stay, holding zeros, so the account exists: in the same block as in a later one."""
    destroy = op("SELFDESTRUCT", word(NEW))
    doomed = create2_address(OWN, 0, destroy)
    ask = op("SSTORE", 0, op("EXTCODEHASH", word(doomed)))
    accounts = {OWN: contract(creating(destroy, salt=0)), OTHER: contract(ask), doomed: replace(NOBODY, balance=9)}
    drafts = [Draft(1, transaction(OWN, gas=GAS)), Draft(1, transaction(OTHER, gas=GAS))]
    world, block = block_of(drafts, accounts)
    together = stateless(world, block)
    first = stateless(world, replace(block, transactions=block.transactions[:1]))
    apart = stateless(world.after(first), replace(block, transactions=block.transactions[1:]))
    assert first.leaves[header(doomed, 0)] == bytes(32)
    assert together.leaves[header(OTHER, 64)] == apart.leaves[header(OTHER, 64)]
    assert any(together.leaves[header(OTHER, 64)]), "the hash of no code, not 0"


def test_created_and_destroyed_leaves_nothing() -> None:
    destroy = op("SSTORE", 3, 1) + op("SELFDESTRUCT", word(OWN))
    run = stateless(*scene(creating(destroy, 5, salt=0)))
    made = create2_address(OWN, 0, destroy)
    assert run.access[header(made, 0)]
    assert run.access[header(made, 67)]
    assert not any(leaf[0] == made for leaf in run.leaves)


# ---- delegations


DELEGATES = {
    "code": OTHER,
    "nobody": NEW,
    "a precompile": PRECOMPILES[1],
    "a system contract": SYSTEM[0],
    "another delegation": SECOND,
    "itself": FIRST,
    "nothing": Address(bytes(20)),
}
AUTHORITIES_BEFORE = {
    "absent": {},
    "an account": {FIRST: replace(NOBODY, balance=7)},
    "delegated": {FIRST: Account(7, Uint64(3), DELEGATION_PREFIX + OTHER, {})},
    "a contract": {FIRST: Account(7, Uint64(3), b"\0" * 40, {})},
    "code of the same length": {FIRST: Account(7, Uint64(3), b"\0" * 23, {})},
}


@pytest.mark.parametrize("before", AUTHORITIES_BEFORE)
@pytest.mark.parametrize("delegate", DELEGATES)
@pytest.mark.parametrize("to", [FIRST, OWN, NEW], ids=["authority", "caller", "nobody"])
def test_delegations(before: str, delegate: str, to: Address) -> None:
    """The target may begin to delegate by the transaction that calls it; a contract may call it in the same one."""
    accounts = {
        OWN: contract(b"".join(calling(kind, FIRST, gas=50_000) for kind in CALLS)),
        OTHER: contract(op("SSTORE", 0, 1)),
        SECOND: Account(0, Uint64(1), DELEGATION_PREFIX + OTHER, {}),
        **AUTHORITIES_BEFORE[before],
    }
    asked = transaction(to, gas=GAS, value=1, kind=rlp.SET_CODE)
    world, block = block_of([Draft(1, asked, ((KEYS[0], DELEGATES[delegate], 0),))], accounts)
    run = stateless(world, block)
    assert run.status == [True] or (to == FIRST and delegate in ("another delegation", "itself", "a system contract"))
    delegated = before not in ("a contract", "code of the same length")
    assert (header(FIRST, 0) in run.leaves) == (delegated or to == FIRST)


def test_several_authorizations_of_one_authority() -> None:
    """The last valid one counts; one with a nonce that does not fit is left out; so is one for another chain."""
    nothing = Address(bytes(20))
    lists = [
        ((4, OTHER, 0), (4, NEW, 0)),
        ((4, OTHER, 0), (4, nothing, 0)),
        ((4, nothing, 0), (4, OTHER, 0), (4, OTHER, 1), (5, OTHER, 0)),
        ((1, OTHER, 0), (1, nothing, 0)),
        ((4, OTHER, 1),),
    ]
    for authorizations in lists:
        for to in (FIRST, SENDER, OWN):
            asked = transaction(to, gas=GAS, kind=rlp.SET_CODE)
            accounts = {OWN: contract(calling("CALL", FIRST)), OTHER: contract(op("SSTORE", 0, 1))}
            later = Draft(1, transaction(FIRST, gas=GAS))
            world, block = block_of([Draft(1, asked, authorizations), later], accounts)
            stateless(world, block)


# ---- gas that runs out at every step


SWEPT = {
    "storage and calls": op("SSTORE", 0, 1) + calling("CALL", NEW, 1) + calling("CALL", OTHER, 1) + op("SSTORE", 64, 1),
    "creation": creating(op("SSTORE", 0, 1) + op("RETURN", 0, 70), 1, salt=0),
    "destruction": creating(op("SELFDESTRUCT", word(NEW)), 1) + op("SELFDESTRUCT", word(PRECOMPILES[0])),
    "questions": op("EXTCODEHASH", 4)
    + op("EXTCODECOPY", word(OTHER), 0, 0, 40)
    + op("BLOCKHASH", 299)
    + op("CODECOPY", 0, 0, 99),
    "delegation": calling("CALL", FIRST, 1) + calling("STATICCALL", SECOND) + calling("DELEGATECALL", FIRST),
}


class Spending(Onlooker):
    """Notes how much gas was gone before each step of the first frame."""

    def __init__(self) -> None:
        self.spent: set[int] = set()

    def step(self, frame: Frame) -> None:
        if frame.message.depth == 0:
            self.spent.add(GAS - frame.gas)


@pytest.mark.parametrize("name", SWEPT)
def test_out_of_gas_at_every_step(name: str) -> None:
    """At each step one gas too little, or just enough to come to it; and in between."""
    accounts = {
        OWN: contract(SWEPT[name]),
        OTHER: contract(op("SSTORE", 0, 1) + op("SLOAD", 64) + op("JUMPDEST") * 40),
        FIRST: Account(1, Uint64(1), DELEGATION_PREFIX + OTHER, {}),
        SECOND: Account(1, Uint64(1), DELEGATION_PREFIX + NEW, {}),
    }
    world, block = block_of([Draft(1, transaction(OWN, gas=GAS))], accounts)
    whole = stateless(world, block)
    assert whole.status == [True]
    spending, outcomes = Spending(), set()
    world.run(block, spending)
    limits = {spent - less for spent in spending.spent for less in (0, 1)} | {*range(21000, whole.gas[0], 1499)}
    for gas in sorted(limits):
        (signed,) = block.transactions
        limited = replace(signed, transaction=replace(signed.transaction, gas_limit=Uint64(gas)))
        if gas < 21000:
            continue
        run = stateless(world, replace(block, transactions=(limited,)))
        assert run.gas[0] <= gas
        outcomes.add((run.status[0], frozenset(run.access)))
    assert len(outcomes) > 5


# ---- gas that grows: the devnets


def loop(body: bytes, times: int) -> bytes:
    """Code that does something `times` times, or for ever where that is 0. `body` leaves the stack as it was."""
    start = op("JUMPDEST")
    if not times:
        return start + body + op("JUMP", 0)
    head = bytes((0x61,)) + times.to_bytes(2, "big")
    # counter; jumpdest; body; counter - 1; dup; jump if not 0
    tail = bytes.fromhex("600190038060035700")
    return head + start + body + tail


WARM_LOOPS = {
    "CALL": calling("CALL", OTHER, 1, gas=0),
    "CALLCODE": calling("CALLCODE", OTHER, 1, gas=0),
    "CALLCODE to a precompile": calling("CALLCODE", CHEAP[1], 1, gas=0),
    "CALL to a precompile": calling("CALL", CHEAP[1], 1, gas=0),
}
"""Each leaves the callee with the stipend, most of which comes back."""


def outcome_of(code: bytes, profile: Profile, gas: int) -> Run | Reason:
    """What a transaction comes to, by name, within seconds."""
    accounts = {OWN: contract(code), OTHER: contract(b""), SENDER: replace(NOBODY, balance=10**30)}
    world = World.of(profile, TOY, accounts | ({} if profile is not VERKLE else system_accounts()))
    signed = Draft(1, transaction(OWN, gas=gas, kind=rlp.LEGACY)).signed(lambda _: 0)
    began = time.process_time()
    try:
        return world.run(Block(replace(block_environment(), parent_beacon_block_root=None), (signed,)))
    except Rejection as rejection:
        return rejection.reason
    finally:
        assert time.process_time() - began < 20


@pytest.mark.parametrize("name", WARM_LOOPS)
def test_loops_of_value_calls_end(name: str) -> None:
    """400 of them: under `verkle` each costs what it costs; in the devnets a gain, which no block can hold."""
    spent = []
    for times in (200, 400):
        run = outcome_of(loop(WARM_LOOPS[name], times), VERKLE, 1_000_000)
        assert isinstance(run, Run)
        assert run.status == [True]
        spent += run.gas
    assert spent[1] - spent[0] >= 200 * 100
    for profile in (KAUSTINEN7, KAUSTINEN6):
        devnet = outcome_of(loop(WARM_LOOPS[name], 400), profile, 100_000)
        assert devnet is Reason.GAS_FROM_NOTHING, (profile.name, devnet)


@pytest.mark.parametrize("name", WARM_LOOPS)
@pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: profile.name)
def test_endless_loops_of_value_calls_end(name: str, profile: Profile) -> None:
    """Under every profile: out of gas, and all of it used."""
    ended = outcome_of(loop(WARM_LOOPS[name], 0), profile, 1_000_000)
    assert isinstance(ended, Run)
    assert (ended.status, ended.gas) == ([False], [1_000_000])


@pytest.mark.parametrize("kind", ["CALL", "CALLCODE"])
@pytest.mark.parametrize("profile", [VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: profile.name)
def test_recursion_with_value_ends(kind: str, profile: Profile) -> None:
    """A contract that calls itself twice, with value: a tree of calls that lives on stipends where it can."""
    ended = outcome_of(calling(kind, OWN, 1) * 2, profile, 1_000_000)
    if isinstance(ended, Run):
        assert ended.gas[0] <= 1_000_000
    else:
        assert profile is not VERKLE
        assert ended is Reason.GAS_FROM_NOTHING
