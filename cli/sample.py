"""A small chain of our own, made from a fixed seed: for the demonstration, for measuring, and for tests.

Accounts with balances, code and storage; then blocks whose state changes are written down here rather than executed:
the witness and its proof are real, the transactions behind them are not there.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builder.genesis import genesis_header, genesis_tree
from spec.codec import genesis_json, rlp
from spec.codec.genesis_json import EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT
from spec.containers import Account, ExecutionPayload, Genesis, Header
from spec.params import VERKLE
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, TreeKey, Uint64, Uint256, Value
from verkle.embedding import Location, account_leaves, header_leaves, storage_location, tree_keys
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import prove

SEED: Final = 6800
PROFILE: Final = VERKLE
SLOT_SECONDS: Final = 12
GAS_LIMIT: Final = 30_000_000
BASE_FEE: Final = 10**9
ETHER: Final = 10**18
FIRST_CONTRACT: Final = 8
"""Every account from this one on that is a multiple of it has code and storage."""

_NOBODY: Final = Account(0, Uint64(0), b"", {})


@dataclass(frozen=True, slots=True)
class Step:
    """What one block does: accounts as they are afterwards, and slots that it reads."""

    story: str
    accounts: Mapping[Address, Account]
    reads: Iterable[tuple[Address, int]] = ()
    """(address, storage slot)."""


def address(number: int) -> Address:
    """The address of account `number`: random, but always the same."""
    return Address(random.Random(f"{SEED} address {number}").randbytes(Address.LENGTH))


def code(name: str, size: int) -> bytes:
    """Bytes that pass for code."""
    return random.Random(f"{SEED} code {name}").randbytes(size)


def genesis_document(accounts: int = 40) -> dict[str, object]:
    """A genesis.json: funded accounts, of which every eighth has code and storage, in header and main storage."""
    alloc: dict[str, object] = {}
    for number in range(accounts):
        entry: dict[str, object] = {"balance": str((number + 1) * ETHER)}
        if number % FIRST_CONTRACT == 0:
            entry |= {
                "nonce": "1",
                "code": "0x" + code(str(number), 100 + 20 * number).hex(),
                "storage": {f"{slot:#066x}": f"{slot + 1:#066x}" for slot in (0, 1, 63, 64, 1000)},
            }
        alloc["0x" + address(number).hex()] = entry
    forks = dict.fromkeys(("shanghaiTime", "cancunTime", "pragueTime"), 0)
    return {
        "config": {"chainId": SEED, "londonBlock": 0, **forks},
        "difficulty": "0x0",
        "gasLimit": hex(GAS_LIMIT),
        "timestamp": "0x0",
        "alloc": alloc,
    }


@dataclass(slots=True)
class Chain:
    """The builder's side: the whole state, and the last header."""

    engine: Engine[Any]
    tree: Tree[Any]
    header: Header
    accounts: dict[Address, Account] = field(default_factory=dict)

    @classmethod
    def begin(cls, document: object, engine: Engine[Any]) -> "Chain":
        """The chain whose block 0 a genesis.json tells."""
        genesis: Genesis = genesis_json.decode_genesis(document, PROFILE)
        tree = genesis_tree(genesis, PROFILE, engine)
        return cls(engine, tree, genesis_header(genesis, tree), dict(genesis.alloc))

    @property
    def root(self) -> StateRoot:
        """The state root of the last block."""
        return self.header.state_root

    def add(self, step: Step) -> ExecutionPayload:
        """The next block, with its execution witness."""
        number = self.header.number + 1
        parent_hash = rlp.block_hash(self.header)
        places, values = self._changes(step)
        history = storage_location(PROFILE, (number - 1) % PROFILE.history_window)
        places.append((PROFILE.history_address, history))
        values[PROFILE.history_address, history] = Value(parent_hash)
        keys = tree_keys(self.engine, PROFILE, places)
        writes = {key: values[place] for key, place in zip(keys, places, strict=True) if place in values}
        return self._seal(parent_hash, keys, writes)

    def _changes(self, step: Step) -> tuple[list[tuple[Address, Location]], dict[tuple[Address, Location], Value]]:
        """The locations that a step touches, and the values of those that it changes."""
        places = [(account, storage_location(PROFILE, slot)) for account, slot in step.reads]
        values: dict[tuple[Address, Location], Value] = {}
        for owner, after in step.accounts.items():
            before = account_leaves(PROFILE, self.accounts[owner]) if owner in self.accounts else {}
            places += [(owner, Location(0, suffix)) for suffix in header_leaves(PROFILE.leaf_layout, after)]
            for location, value in account_leaves(PROFILE, after).items():
                if before.get(location) != value:
                    places.append((owner, location))
                    values[owner, location] = value
            self.accounts[owner] = after
        return list(dict.fromkeys(places)), values

    def _seal(self, parent_hash: Hash32, keys: Iterable[TreeKey], writes: Mapping[TreeKey, Value]) -> ExecutionPayload:
        witness = prove(self.tree, keys, writes, markers=PROFILE.internal_node_markers)
        self.tree = self.tree.update(writes)
        self.header = _next_header(self.header, parent_hash, self.tree.state_root())
        header = self.header
        return ExecutionPayload(
            parent_hash=parent_hash,
            fee_recipient=header.fee_recipient,
            state_root=header.state_root,
            receipts_root=header.receipts_root,
            logs_bloom=header.logs_bloom,
            prev_randao=header.prev_randao,
            block_number=header.number,
            gas_limit=header.gas_limit,
            gas_used=header.gas_used,
            timestamp=header.timestamp,
            extra_data=header.extra_data,
            base_fee_per_gas=Uint256(BASE_FEE),
            block_hash=rlp.block_hash(header),
            transactions=(),
            withdrawals=(),
            blob_gas_used=Uint64(0),
            excess_blob_gas=Uint64(0),
            execution_witness=witness,
        )


def _next_header(parent: Header, parent_hash: Hash32, state_root: StateRoot) -> Header:
    """A header without transactions, withdrawals or requests. Source: EIP-4399, 4788, 7685 for the fields."""
    number = parent.number + 1
    return Header(
        parent_hash=parent_hash,
        ommers_hash=EMPTY_OMMERS_HASH,
        fee_recipient=address(0),
        state_root=state_root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=Bloom(bytes(Bloom.LENGTH)),
        difficulty=Uint256(0),
        number=Uint64(number),
        gas_limit=Uint64(GAS_LIMIT),
        gas_used=Uint64(0),
        timestamp=Uint64(parent.timestamp + SLOT_SECONDS),
        extra_data=b"verkle demo",
        prev_randao=Bytes32(random.Random(f"{SEED} randao {number}").randbytes(32)),
        nonce=bytes(8),
        base_fee_per_gas=Uint256(BASE_FEE),
        withdrawals_root=EMPTY_TRIE_ROOT,
        blob_gas_used=Uint64(0),
        excess_blob_gas=Uint64(0),
        parent_beacon_block_root=Bytes32(bytes(32)),
        requests_hash=EMPTY_REQUESTS_HASH,
    )


def steps(accounts: Mapping[Address, Account]) -> list[Step]:
    """What the blocks of the demonstration do, from the accounts of its genesis."""
    sender, contract, fresh = address(1), address(FIRST_CONTRACT), [address(1000 + i) for i in range(6)]
    paid = replace(accounts[sender], balance=accounts[sender].balance - 6 * ETHER // 10, nonce=Uint64(6))
    transfers = {sender: paid, **{one: replace(_NOBODY, balance=ETHER // 10) for one in fresh}}
    updates = {
        address(i): replace(accounts[address(i)], balance=accounts[address(i)].balance + i, nonce=Uint64(1))
        for i in range(1, 24)
        if i % FIRST_CONTRACT
    }
    stored = {
        **accounts[contract].storage,
        **{Uint256(slot): Uint256(slot * slot + 7) for slot in (2, 5, 64, 65, 70_000)},
    }
    storage = {contract: replace(accounts[contract], storage=stored)}
    reads = [(contract, slot) for slot in (0, 1, 3, 63, 1000, 2**255)]
    created = {address(2000): Account(ETHER, Uint64(1), code("created", 2500), {Uint256(0): Uint256(1)})}
    return [
        Step("six transfers to accounts that are new", transfers),
        Step("balances and nonces of 21 accounts", updates),
        Step("a contract stores, and reads slots that are not there", storage, reads),
        Step("a contract of 2,500 bytes is created", created),
        Step("nothing but the hash of the parent block", {}),
    ]
