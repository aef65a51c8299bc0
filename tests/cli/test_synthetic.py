"""Synthetic states follow from their seed, and what `verkle bench` does with them on disk is what it says."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.genesis import genesis_tree
from cli import bench, database_cases, synthetic
from cli.bench_cases import CASES, DATABASE_SIZES
from cli.cases import Inputs, Work
from cli.database_cases import StateOnDisk
from cli.engines import EngineChoice
from cli.measured import Case
from spec.codec import rlp
from spec.errors import Rejection
from spec.params import VERKLE
from spec.system_contracts import SYSTEM_CODES
from tests.builder.chains import TOY, contents, open_chain
from tests.cli.conftest import Run, rows

ACCOUNTS = 300
SEED = synthetic.SEED


@pytest.fixture(scope="module")
def inputs() -> Iterator[Inputs]:
    with contextlib.closing(Inputs(TOY)) as made:
        yield made


def played(work: Work, times: int = 1) -> list[Any]:
    """What the runs of a case return, each readied as bench readies it."""
    returned = []
    for _ in range(times):
        if work.before is not None:
            work.before()
        returned.append(work.run())
    return returned


# ---- the state and its transactions


@pytest.mark.parametrize("accounts", [300, 1001])
def test_a_state_has_what_it_says(accounts: int) -> None:
    print(f"seed {SEED}")
    made = synthetic.state(accounts)
    alloc = made.genesis.alloc
    assert len(alloc) == accounts + len(SYSTEM_CODES)
    assert len(made.contracts) == len(set(made.contracts)) == accounts // synthetic.CONTRACT_EVERY > 0
    assert len(made.accounts) == len(set(made.accounts)) == accounts - len(made.contracts)
    assert {*made.contracts, *made.accounts, *SYSTEM_CODES} == set(alloc)
    codes = {alloc[address].code for address in made.contracts}
    assert 1 < len(codes) <= synthetic.CODES
    for code in codes:
        assert code.startswith(synthetic.STORES)
        assert synthetic.CODE_BYTES[0] <= len(code) <= synthetic.CODE_BYTES[1]
    slots = [alloc[address].storage for address in made.contracts]
    assert all(1 <= len(each) <= synthetic.MOST_SLOTS for each in slots)
    assert all(word for each in slots for word in each.values())
    low = [sum(slot < synthetic.MOST_LOW_SLOTS for slot in each) for each in slots]
    assert all(1 <= number <= synthetic.MOST_LOW_SLOTS for number in low)
    assert any(number < len(each) for number, each in zip(low, slots, strict=True)), "far slots, too"
    assert not any(alloc[address].code or alloc[address].storage for address in made.accounts)


def test_the_same_seed_gives_the_same() -> None:
    print(f"seeds {SEED}, {SEED + 1}")
    first, again, other = (synthetic.state(ACCOUNTS, seed) for seed in (SEED, SEED, SEED + 1))
    assert first == again
    assert list(first.genesis.alloc) == list(again.genesis.alloc), "in the same order"
    assert not set(first.accounts) & set(other.accounts)
    listed = [synthetic.transactions(first, lambda _: 0, seed) for seed in (SEED, SEED, SEED + 1)]
    assert listed[0] == listed[1]
    assert listed[0] != listed[2]


def test_transactions_are_signed_by_their_senders() -> None:
    made = synthetic.state(ACCOUNTS)
    listed = synthetic.transactions(made, lambda address: made.genesis.alloc[address].nonce + 7)
    assert len(listed) == len(made.secrets) == ACCOUNTS // 2
    for number, signed in enumerate(listed):
        transaction, sender = rlp.decode_signed(rlp.encode_transaction(signed.transaction))
        assert (transaction, sender) == (signed.transaction, signed.sender)
        assert sender == made.accounts[number]
        assert transaction.nonce == 7
    kinds = [
        "call"
        if signed.transaction.to in made.contracts
        else "pay"
        if signed.transaction.to in made.accounts
        else "new"
        for signed in listed
    ]
    assert all(kinds.count(kind) >= 5 for kind in ("call", "pay", "new")), kinds


# ---- cases


def test_the_database_of_the_genesis_case_is_the_tree(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run twice: the second database stands in the first one's place; nothing of it stays when the case is closed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    work = database_cases.genesis(inputs, ACCOUNTS)
    wanted = genesis_tree(synthetic.state(ACCOUNTS).genesis, VERKLE, TOY).state_root()
    (place,) = tmp_path.iterdir()
    for _ in range(2):
        played(work)
        (made,) = place.iterdir()
        with contextlib.closing(open_chain(made)) as chain:
            assert chain.head().state_root == wanted
            assert chain.head().number == 0
    assert work.amount == (ACCOUNTS, "accounts")
    assert work.noticed is not None
    if Path("/proc/self/status").exists():
        assert " MiB in this process" in work.noticed()
        assert "helpers" not in work.noticed(), "so few accounts are made without"
    work.close()
    assert not place.exists()


def test_a_block_is_built_imported_taken_off_and_verified(inputs: Inputs) -> None:
    state = database_cases.on_disk(inputs, ACCOUNTS)
    genesis = state.parent
    before = contents(state.chain().database)
    assert len(state.built.transactions) + len(state.built.later) == len(state.transactions) > 100
    assert not state.built.left_out
    assert all(receipt.success for receipt in state.built.finished.outcome.receipts)
    assert state.built.header.state_root != genesis.state_root

    first, second = played(database_cases.build(inputs, ACCOUNTS), 2)
    assert first.header == second.header == state.built.header
    assert first.request == state.built.request
    assert state.chain().head() == genesis, "it is built, and not put on"

    work = database_cases.import_block(inputs, ACCOUNTS)
    for _ in range(2):
        played(work)
        assert state.chain().head() == state.built.header
    state.take_off()
    assert state.chain().head() == genesis
    assert contents(state.chain().database) == before

    played(database_cases.verify(inputs, ACCOUNTS), 2)
    assert work.amount == (state.built.header.gas_used / 1e6, "Mgas")


def test_the_verify_case_verifies(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another parent it is a rejection, and no time."""
    state = database_cases.on_disk(inputs, ACCOUNTS)
    monkeypatch.setattr(state, "parent", state.built.header)
    with pytest.raises(Rejection):
        played(database_cases.verify(inputs, ACCOUNTS))


def test_the_open_case_opens(inputs: Inputs) -> None:
    state = database_cases.on_disk(inputs, ACCOUNTS)
    work = database_cases.reopen(inputs, ACCOUNTS)
    assert played(work, 3) == [state.parent] * 3
    state.shut()
    with contextlib.closing(open_chain(state.directory)) as chain:
        assert chain.head() == state.parent
    state.take_off()


def test_the_last_state_is_kept_and_the_others_are_not() -> None:
    inputs = Inputs(TOY)
    first = database_cases.on_disk(inputs, 50)
    assert database_cases.on_disk(inputs, 50) is first
    second = database_cases.on_disk(inputs, 60)
    assert (first.directory.exists(), second.directory.exists()) == (False, True)
    inputs.close()
    assert not second.directory.exists()


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(synthetic, "transactions", fails)
    with pytest.raises(OSError, match="no space"):
        StateOnDisk(TOY, EngineChoice(), 50)
    assert list(tmp_path.iterdir()) == []


# ---- in the command


def test_cases_of_large_states_run_only_when_they_are_named() -> None:
    found = {name: case for name, case in CASES.items() if name.startswith("database-")}
    assert len(found) == len(DATABASE_SIZES) * len(database_cases.VERBS) == 15
    for name, case in found.items():
        size = int(name.rpartition("-")[2])
        assert case.heavy, "for the reference engine"
        assert case.named == (size > 10_000)
        assert (case.target is not None) == (size == 1_000_000 and "import" not in name)
    assert not any(case.named for name, case in CASES.items() if name not in found)


def test_what_is_left_out_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what a case notices, and that everything is closed behind it."""
    closed: list[str] = []

    def case(name: str, **more: Any) -> Case:
        work = Work(lambda: time.sleep(0.01), "sleep", noticed=lambda: "seen", close=lambda: closed.append(name))
        return Case(name, "a case", lambda _: work, **more)

    made = {one.name: one for one in (case("quick"), case("heavy", heavy=True), case("large", heavy=True, named=True))}
    monkeypatch.setattr(bench, "CASES", made)
    plain = run("bench")
    assert plain.exit_code == 0
    assert plain.stderr.strip().endswith("left out, unless named: heavy, large")
    assert "a case: sleep; seen" in plain.stdout
    assert (closed, "large" in plain.stdout) == (["quick"], False)
    assert rows(run("bench", "large", "--json"))[1]["about"] == "a case: sleep; seen"
    assert closed == ["quick", "large"]
