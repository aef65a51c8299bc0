"""A small chain of our own, made from a fixed seed: for the demonstration, for measuring, and for tests.

Accounts with balances, code and storage, whose keys follow from their numbers; then blocks of signed transactions,
executed over the whole state, with the witness of what they touched.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from builder.genesis import genesis_header, genesis_tree
from spec.codec import genesis_json, rlp
from spec.containers import ExecutionPayload, Genesis, Header, NewPayloadRequest, Transaction, Withdrawal
from spec.crypto import address_of, sign
from spec.params import VERKLE, Profile
from spec.system_contracts import known_codes
from spec.types import Address, Bytes32, Hash32, StateRoot, Uint64, Uint256
from stateless.evm.block import BlockEnvironment
from stateless.fees import next_base_fee
from stateless.header import Parent, header_of
from stateless.replay import Replay, replay, signed
from stateless.tree_view import TreeKeys
from stateless.tries import ordered_root
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import prove

SEED: Final = 6800
PROFILE: Final = VERKLE
SLOT_SECONDS: Final = 12
GAS_LIMIT: Final = 30_000_000
BASE_FEE: Final = 10**9
TIP: Final = 10**9
ETHER: Final = 10**18
FIRST_CONTRACT: Final = 8
"""Every account from this one on that is a multiple of it has code and storage."""
CREATED_BYTES: Final = 2500

STORE_AND_READ: Final = bytes.fromhex(
    "5f5b3681101560245780602001358135811560195755601d565b5450505b6040016001565b365f5fa100"
)
"""For each two words of its input, a slot and a value: stores the value, or reads the slot where it is 0. Then logs
how long the input is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one block does."""

    story: str
    transactions: Sequence[bytes] = ()
    """Signed and encoded."""
    withdrawals: tuple[Withdrawal, ...] = ()


@cache
def secret(number: int) -> bytes:
    """The private key of account `number`: random, but always the same."""
    return random.Random(f"{SEED} key {number}").randbytes(32)


@cache
def address(number: int) -> Address:
    """The address of account `number`."""
    return address_of(secret(number))


def code(name: str, size: int) -> bytes:
    """Code that stores and reads, and bytes behind it that only pass for code."""
    return STORE_AND_READ + random.Random(f"{SEED} code {name}").randbytes(size - len(STORE_AND_READ))


def genesis_document(accounts: int = 40, profile: Profile = PROFILE) -> dict[str, object]:
    """A genesis.json: funded accounts, of which every eighth has code and storage, in header and main storage.

    And the contracts that the network's protocol calls.
    """
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
    for contract, its_code in known_codes(profile.require_execution()).items():
        alloc["0x" + contract.hex()] = {"balance": "0", "nonce": "1", "code": "0x" + its_code.hex()}
    forks = dict.fromkeys(("shanghaiTime", "cancunTime", "pragueTime"), 0)
    return {
        "config": {"chainId": profile.chain_id, "londonBlock": 0, **forks},
        "difficulty": "0x0",
        "gasLimit": hex(GAS_LIMIT),
        "timestamp": "0x0",
        "baseFeePerGas": hex(BASE_FEE),
        "alloc": alloc,
    }


@dataclass(slots=True)
class Chain:
    """The builder's side: the whole state, and the last header."""

    engine: Engine[Any]
    profile: Profile
    keys: TreeKeys[Any]
    tree: Tree[Any]
    header: Header
    accounts: int

    @classmethod
    def begin(cls, document: object, engine: Engine[Any], profile: Profile = PROFILE) -> "Chain":
        """The chain whose block 0 a genesis.json tells."""
        genesis: Genesis = genesis_json.decode_genesis(document, profile)
        tree = genesis_tree(genesis, profile, engine)
        keys = TreeKeys(engine, profile)
        return cls(engine, profile, keys, tree, genesis_header(genesis, tree), len(genesis.alloc))

    @property
    def root(self) -> StateRoot:
        """The state root of the last block."""
        return self.header.state_root

    @property
    def parent(self) -> Parent:
        """What the next block builds on."""
        return Parent.of_header(self.header)

    def add(self, step: Step) -> NewPayloadRequest:
        """The next block, with its execution witness."""
        block = self._next()
        replayed = replay(self.keys, self.tree, block, signed(step.transactions), step.withdrawals)
        writes = {self.keys.key(leaf): value for leaf, value in replayed.written.items()}
        touched = [self.keys.key(leaf) for leaf in replayed.touched]
        witness = prove(self.tree, touched, writes, markers=self.profile.internal_node_markers)
        self.tree = self.tree.update(writes)
        request = self._request(block, step, replayed)
        payload = replace(request.execution_payload, execution_witness=witness)
        self.header = header_of(request)
        return replace(request, execution_payload=replace(payload, block_hash=rlp.block_hash(self.header)))

    def _next(self) -> BlockEnvironment:
        parent, number = self.header, self.header.number + 1
        beacon_root = Bytes32(random.Random(f"{SEED} beacon {number}").randbytes(32))
        return BlockEnvironment(
            number=number,
            timestamp=parent.timestamp + SLOT_SECONDS,
            coinbase=address(0),
            gas_limit=parent.gas_limit,
            prev_randao=random.Random(f"{SEED} randao {number}").randbytes(32),
            base_fee=next_base_fee(parent.gas_limit, parent.gas_used, parent.base_fee_per_gas or 0),
            chain_id=self.profile.chain_id,
            parent_hash=rlp.block_hash(parent),
            parent_beacon_block_root=beacon_root if self.profile.blob_gas else None,
        )

    def _request(self, block: BlockEnvironment, step: Step, replayed: Replay) -> NewPayloadRequest:
        """The request of an executed block, but for its hash and witness."""
        outcome, blobs = replayed.outcome, self.profile.blob_gas
        payload = ExecutionPayload(
            parent_hash=Hash32(block.parent_hash or b""),
            fee_recipient=block.coinbase,
            state_root=self.tree.state_root(),
            receipts_root=ordered_root(receipt.encode() for receipt in outcome.receipts),
            logs_bloom=outcome.logs_bloom,
            prev_randao=Bytes32(block.prev_randao),
            block_number=Uint64(block.number),
            gas_limit=Uint64(block.gas_limit),
            gas_used=Uint64(outcome.gas_used),
            timestamp=Uint64(block.timestamp),
            extra_data=b"verkle demo",
            base_fee_per_gas=Uint256(block.base_fee),
            block_hash=Hash32(bytes(32)),
            transactions=tuple(step.transactions),
            withdrawals=step.withdrawals,
            blob_gas_used=Uint64(outcome.blob_gas_used) if blobs else None,
            excess_blob_gas=Uint64(0) if blobs else None,
            execution_witness=None,
        )
        if not blobs:
            return NewPayloadRequest(payload)
        transactions = map(rlp.decode_transaction, step.transactions)
        hashes = tuple(one for each in transactions for one in each.blob_versioned_hashes)
        return NewPayloadRequest(payload, hashes, block.parent_beacon_block_root, outcome.requests)


def transaction(
    sender: int, nonce: int, to: Address | None, *, value: int = 0, data: bytes = b"", gas: int = 21_000
) -> bytes:
    """A signed transaction of account `sender` on the chain of this module's profile, encoded."""
    unsigned = Transaction(
        type=rlp.DYNAMIC_FEE,
        chain_id=Uint64(PROFILE.chain_id),
        nonce=Uint64(nonce),
        max_priority_fee_per_gas=Uint256(TIP),
        max_fee_per_gas=Uint256(2 * BASE_FEE + TIP),
        gas_limit=Uint64(gas),
        to=to,
        value=Uint256(value),
        data=data,
    )
    return sealed(unsigned, sender)


def sealed(unsigned: Transaction, sender: int) -> bytes:
    """A transaction signed by account `sender`, encoded."""
    parity, r, s = sign(rlp.signing_hash(unsigned), secret(sender))
    return rlp.encode_transaction(replace(unsigned, y_parity=parity, r=Uint256(r), s=Uint256(s)))


def words(*numbers: int) -> bytes:
    """Numbers as a contract reads them."""
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def steps() -> list[Step]:
    """What the blocks of the demonstration do."""
    contract = address(FIRST_CONTRACT)
    senders = [number for number in range(1, 24) if number % FIRST_CONTRACT]
    stored = [part for slot in (2, 5, 64, 65, 70_000) for part in (slot, slot * slot + 7)]
    read = [part for slot in (0, 1, 3, 63, 1000, 2**255) for part in (slot, 0)]
    created = code("created", CREATED_BYTES)
    initcode = bytes.fromhex(f"61{CREATED_BYTES:04x}80600a5f395ff3") + created
    return [
        Step(
            "six transfers to accounts that are new",
            [transaction(1, nonce, address(1000 + nonce), value=ETHER // 10) for nonce in range(6)],
        ),
        Step(
            f"{len(senders)} accounts pay a wei each",
            [transaction(one, 6 if one == 1 else 0, address(2), value=1) for one in senders],
        ),
        Step(
            "a contract stores, and reads slots that are not there",
            [transaction(3, 1, contract, data=words(*stored, *read), gas=500_000)],
        ),
        Step(
            f"a contract of {CREATED_BYTES:,} bytes is created",
            [transaction(4, 1, None, data=initcode, value=1, gas=2_000_000)],
        ),
        Step("nothing but what the protocol itself stores"),
    ]
