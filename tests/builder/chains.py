"""Small chains for tests: accounts that sign, blocks of random transactions, and everything a database holds."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from builder.build import Attributes, Built, build_block
from builder.chain import RETAINED_BLOCKS, Chain
from builder.database import TABLES, Database
from builder.stored_tree import StoredLeaves
from spec.codec import rlp
from spec.codec.genesis_json import decode_genesis
from spec.containers import Account, Genesis, NewPayloadRequest, Transaction
from spec.crypto import address_of, sign
from spec.params import VERKLE
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Uint64, Uint256
from stateless.transition import Signed
from stateless.tree_view import TreeView
from tests.toy_engine import ToyEngine

TOY = ToyEngine()
ACTORS = 6
STORES = Address(b"stores a given word.")
"""A contract that stores the second word of its input at the first one."""
STORES_CODE = bytes.fromhex("6020356000355500")
GENESIS = {
    "config": {"chainId": 1, "londonBlock": 0, "shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0},
    "difficulty": "0x0",
    "gasLimit": "0x1c9c380",
    "alloc": {},
}


@cache
def secret(actor: int) -> bytes:
    return (actor + 1).to_bytes(32, "big")


@cache
def actor_address(actor: int) -> Address:
    return address_of(secret(actor))


def genesis(more: Mapping[Address, Account] | None = None) -> Genesis:
    """The system contracts, the actors with money, a contract that stores, and more."""
    alloc = {address: Account(0, Uint64(1), code, {}) for address, code in SYSTEM_CODES.items()}
    alloc.update({actor_address(actor): Account(10**24, Uint64(0), b"", {}) for actor in range(ACTORS)})
    alloc[STORES] = Account(7, Uint64(1), STORES_CODE, {Uint256(1): Uint256(5), Uint256(2**200): Uint256(6)})
    return replace(decode_genesis(GENESIS, VERKLE), alloc={**alloc, **(more or {})})


def bystanders(count: int) -> dict[Address, Account]:
    """Accounts that nobody has the key of; every eighth is a contract."""
    rng = random.Random(count)
    return {
        Address(rng.randbytes(20)): Account(rng.getrandbits(60), Uint64(rng.randrange(9)), b"", {})
        if number % 8
        else Account(0, Uint64(1), rng.randbytes(5000), {Uint256(rng.getrandbits(200)): Uint256(1)})
        for number in range(count)
    }


def new_chain(directory: Path, retained: int = RETAINED_BLOCKS, engine: Any = TOY, *, others: int = 0) -> Chain[Any]:
    return Chain.create(directory, genesis(bystanders(others)), VERKLE, engine, retained)


def open_chain(directory: Path, *, write: bool = True, engine: Any = TOY) -> Chain[Any]:
    return Chain(Database(directory, write=write), engine)


def transaction(actor: int, nonce: int, to: Address | None, value: int = 0, data: bytes = b"") -> Signed:
    """Signed by the actor; gas enough for what is done here."""
    plain = Transaction(
        type=2,
        chain_id=Uint64(1),
        nonce=Uint64(nonce),
        max_priority_fee_per_gas=Uint256(10**9),
        max_fee_per_gas=Uint256(10**12),
        gas_limit=Uint64(300_000),
        to=to,
        value=Uint256(value),
        data=data,
    )
    y_parity, r, s = sign(rlp.signing_hash(plain), secret(actor))
    return Signed(replace(plain, y_parity=y_parity, r=Uint256(r), s=Uint256(s)), actor_address(actor))


def some_transactions(chain: Chain[Any], rng: random.Random, count: int) -> list[Signed]:
    """Transfers to old and new accounts, words stored in near and far slots, contracts made."""
    with chain.database.reader() as reader:
        view = TreeView(StoredLeaves(reader), chain.keys)
        nonces = [view.nonce(actor_address(actor)) for actor in range(ACTORS)]
    listed = []
    for _ in range(count):
        actor = rng.randrange(ACTORS)
        slot = rng.choice([rng.randrange(80), rng.getrandbits(256)]).to_bytes(32, "big")
        to, data = rng.choice(
            [
                (actor_address(rng.randrange(ACTORS)), b""),
                (Address(rng.randbytes(20)), b""),
                (STORES, slot + rng.choice([bytes(32), rng.randbytes(32)])),
                (None, bytes.fromhex("600a600c600039600a6000f3") + rng.randbytes(9) + b"\0"),
            ]
        )
        listed.append(transaction(actor, nonces[actor], to, rng.randrange(1000) if not data else 0, data))
        nonces[actor] += 1
    return listed


def build(chain: Chain[Any], rng: random.Random, count: int | None = None) -> Built:
    """A block on the head, with random transactions; not the head yet."""
    return build_block(chain, some_transactions(chain, rng, rng.randrange(4) if count is None else count), Attributes())


def put(chain: Chain[Any], built: Built) -> NewPayloadRequest:
    chain.put(built.request, built.header, built.finished)
    return built.request


def grow(chain: Chain[Any], rng: random.Random, blocks: int) -> list[NewPayloadRequest]:
    """Build so many blocks, one on the other."""
    return [put(chain, build(chain, rng)) for _ in range(blocks)]


def contents(database: Database, tables: Iterable[bytes] = TABLES) -> dict[bytes, dict[bytes, bytes]]:
    """All records, by table."""
    with database.reader() as reader:
        return {table: dict(reader.items(table)) for table in tables}
