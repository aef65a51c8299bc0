"""The scenarios of execution-spec-tests on EIP-4762: what stands in their file, and what their blocks must list.

The file gives pre-state, signed transactions and the exact witness, without blocks: headers are put together here by
the file's own template, and a chain's block hashes with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spec.codec import rlp
from spec.codec.genesis_json import decode_alloc
from spec.containers import Account, Header, Withdrawal
from spec.params import Profile
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, Uint64, Uint256, Value
from stateless.evm.block import BlockEnvironment
from stateless.transition import Signed
from tests.interop.cases import Case, UnknownCase, cases, integer, unhex
from tests.stateless.worlds import Block
from verkle.embedding import chunk_location, storage_location
from witness.access import Leaf

FILE: Final = "gas_4762/eest_verkle_scenarios.json"
SECONDS_PER_BLOCK: Final = 12
ACCOUNT_LEAVES: Final = {"BASIC_DATA": 0, "CODEHASH": 1}
NO_OMMERS: Final = Hash32(unhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"))
EMPTY_TRIE: Final = Hash32(unhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"))


@dataclass(frozen=True, slots=True)
class Planned:
    """One block of a scenario."""

    transactions: tuple[Signed, ...]
    errors: tuple[str | None, ...]
    """What the scenario says of transactions that no block may hold."""
    withdrawals: tuple[Withdrawal, ...]
    expected: dict[Leaf, Value | None] | None
    """Every location of the witness with its current value, the slot of the parent's hash left out."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case of the file."""

    name: str
    alloc: dict[Address, Account]
    gas_limit: int
    base_fee: int
    coinbase: Address
    genesis_root: StateRoot
    genesis_hash: Hash32
    blocks: tuple[Planned, ...]

    @property
    def family(self) -> str:
        """The test function that it comes from."""
        return self.name.split("::")[1].split("[")[0]

    @property
    def module(self) -> str:
        """The file of that function."""
        return self.name.split("::")[0].rsplit("/", 1)[-1].removesuffix(".py")

    def header(self, number: int, parent: Hash32, root: StateRoot) -> Header:
        """The header of an empty block, or of block 0."""
        return Header(
            parent_hash=parent,
            ommers_hash=NO_OMMERS,
            fee_recipient=self.coinbase if number else Address(bytes(20)),
            state_root=root,
            transactions_root=EMPTY_TRIE,
            receipts_root=EMPTY_TRIE,
            logs_bloom=Bloom(bytes(256)),
            difficulty=Uint256(0),
            number=Uint64(number),
            gas_limit=Uint64(self.gas_limit),
            gas_used=Uint64(0),
            timestamp=Uint64(SECONDS_PER_BLOCK * number),
            extra_data=b"" if number else b"\0",
            prev_randao=Bytes32(bytes(32)),
            nonce=bytes(8),
            base_fee_per_gas=Uint256(self.base_fee),
            withdrawals_root=EMPTY_TRIE,
        )

    def block(self, number: int, parent: Hash32) -> Block:
        """Block `number` of the scenario, ready to be executed."""
        planned = self.blocks[number - 1]
        environment = BlockEnvironment(
            number=number,
            timestamp=SECONDS_PER_BLOCK * number,
            coinbase=self.coinbase,
            gas_limit=self.gas_limit,
            prev_randao=bytes(32),
            base_fee=self.base_fee,
            chain_id=1,
            parent_hash=parent,
        )
        return Block(environment, planned.transactions, planned.withdrawals)


def scenarios(vectors: Path, profile: Profile) -> Iterator[tuple[Case, Scenario]]:
    """Every scenario of the file, with the case that it was read from."""
    for case in cases(vectors, FILE):
        yield case, read(case, profile)


def read(case: Case, profile: Profile) -> Scenario:
    """A scenario; what it says of the state afterwards is left alone."""
    return Scenario(
        name=case.name,
        alloc=dict(decode_alloc(case["pre"])),
        gas_limit=integer(case["genesis_gas_limit"]),
        base_fee=integer(case["genesis_base_fee"]),
        coinbase=Address(unhex(case["fee_recipient"])),
        genesis_root=StateRoot(unhex(case["genesis_state_root_computed"])),
        genesis_hash=Hash32(unhex(case["genesis_block_hash_computed"])),
        blocks=tuple(_planned(Case(entry, f"{case.name}: block"), profile) for entry in case["blocks"]),
    )


def _planned(entry: Case, profile: Profile) -> Planned:
    if entry["fields"]:
        raise UnknownCase(f"a block with fields of its own: {sorted(entry['fields'])}")
    signed, errors = [], []
    for listed in entry["txs"]:
        transaction = rlp.decode_transaction(unhex(listed["raw"]))
        sender = rlp.sender(transaction)
        assert sender == unhex(listed["sender"])
        signed.append(Signed(transaction, sender))
        errors.append(listed["error"])
    witness = entry["expected_witness"]
    expected = None if witness is None else _expected(Case(witness, entry.name), profile)
    withdrawals = tuple(_withdrawal(listed) for listed in entry["withdrawals"])
    assert not entry.unread(), f"members that nothing checks: {sorted(entry.unread())}"
    return Planned(tuple(signed), tuple(errors), withdrawals, expected)


def _withdrawal(entry: dict[str, Any]) -> Withdrawal:
    members = {name.replace("_", "").lower(): value for name, value in entry.items()}
    index, validator, amount = (Uint64(integer(members[name])) for name in ("index", "validatorindex", "amount"))
    return Withdrawal(index, validator, Address(unhex(members["address"])), amount)


def _expected(witness: Case, profile: Profile) -> dict[Leaf, Value | None]:
    leaves: dict[Leaf, Value | None] = {}
    for address, name, value in witness["account_entries"]:
        leaves[Address(unhex(address)), 0, ACCOUNT_LEAVES[name]] = _value(value)
    for address, slot, value in witness["storage_slots"]:
        leaves[Address(unhex(address)), *storage_location(profile, integer(slot))] = _value(value)
    for address, chunk, value in witness["code_chunks"]:
        leaves[Address(unhex(address)), *chunk_location(chunk)] = _value(value)
    assert not witness.unread(), f"members that nothing checks: {sorted(witness.unread())}"
    return leaves


def _value(text: str | None) -> Value | None:
    return None if text is None else Value(unhex(text))


def history_leaf(profile: Profile, number: int) -> Leaf:
    """Where block `number` stores its parent's hash."""
    return profile.history_address, *storage_location(profile, (number - 1) % profile.history_window)
