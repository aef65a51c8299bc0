"""A made-up state of any size, from a seed: what benchmarks and tests of large states begin with.

Of every ten accounts one is a contract. Contracts have one of three dozen codes, of 100 to 5,000 bytes each, and 1 to
20 slots: some low ones, as fields of a contract have, the others anywhere, as entries of its mappings. The first
accounts have known keys, so that they can send.

    state(accounts)               the genesis
    transactions(state, nonces)   a block's worth of transfers and calls, all over the state
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from spec.codec import rlp
from spec.codec.genesis_json import decode_genesis
from spec.containers import Account, Genesis, Transaction
from spec.crypto import address_of, sign
from spec.params import VERKLE
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Uint64, Uint256
from stateless.transition import Signed

SEED: Final = 6800
CHAIN_ID: Final = 1
GAS_LIMIT: Final = 30_000_000
CODES: Final = 36
CODE_BYTES: Final = (100, 5000)
MOST_SLOTS: Final = 20
MOST_LOW_SLOTS: Final = 7
CONTRACT_EVERY: Final = 10
SENDERS: Final = 1500
"""Accounts with known keys, at most: each sends one transaction of a block."""
ETHER: Final = 10**18
STORES: Final = bytes.fromhex("6020356000355500")
"""What every code begins with: store the second word of the input at the slot that the first one names."""
CALLS: Final = 0.35
NEW: Final = 0.1
"""Of 1, so many transactions call a contract, and so many make an account; the others pay an account that is there."""
GAS: Final = 100_000


@dataclass(frozen=True, slots=True)
class State:
    """A genesis, and how to act on it."""

    genesis: Genesis
    secrets: tuple[bytes, ...]
    """Of the senders."""
    accounts: tuple[Address, ...]
    """Without code."""
    contracts: tuple[Address, ...]


def state(accounts: int, seed: int = SEED) -> State:
    """The state of so many accounts, besides the contracts that the protocol calls."""
    rng = random.Random(seed)
    codes = [STORES + rng.randbytes(rng.randint(*CODE_BYTES) - len(STORES)) for _ in range(CODES)]
    alloc: dict[Address, Account] = {}
    contracts: list[Address] = []
    while len(contracts) < accounts // CONTRACT_EVERY:
        address = Address(rng.randbytes(20))
        contracts.append(address)
        alloc[address] = Account(rng.getrandbits(60), Uint64(1), rng.choice(codes), dict(_storage(rng)))
    secrets = [rng.randbytes(32) for _ in range(min(SENDERS, accounts // 2))]
    plain = [address_of(secret) for secret in secrets]
    alloc.update((address, Account(1000 * ETHER, Uint64(0), b"", {})) for address in plain)
    while len(plain) < accounts - len(contracts):
        address = Address(rng.randbytes(20))
        plain.append(address)
        alloc[address] = Account(rng.getrandbits(70), Uint64(rng.getrandbits(8)), b"", {})
    alloc.update((address, Account(0, Uint64(1), code, {})) for address, code in SYSTEM_CODES.items())
    forks = dict.fromkeys(("shanghaiTime", "cancunTime", "pragueTime"), 0)
    config = {"chainId": CHAIN_ID, "londonBlock": 0, **forks}
    document = {"config": config, "difficulty": "0x0", "gasLimit": hex(GAS_LIMIT), "alloc": {}}
    genesis = replace(decode_genesis(document, VERKLE), alloc=alloc)
    return State(genesis, tuple(secrets), tuple(plain), tuple(contracts))


def _storage(rng: random.Random) -> Iterator[tuple[Uint256, Uint256]]:
    count = rng.randint(1, MOST_SLOTS)
    low = rng.randint(1, min(count, MOST_LOW_SLOTS))
    for number in range(count):
        slot = number if number < low else rng.getrandbits(256)
        yield Uint256(slot), Uint256(rng.getrandbits(128) | 1)


def transactions(made: State, nonces: Callable[[Address], int], seed: object = SEED) -> list[Signed]:
    """One transaction of each sender: more than a block of 30 million gas takes. `nonces`: by sender."""
    rng = random.Random(str(seed))
    listed = []
    for secret, sender in zip(made.secrets, made.accounts, strict=False):
        kind, value, data = rng.random(), rng.randrange(1, ETHER), b""
        if kind < CALLS:
            slots = made.genesis.alloc[to := rng.choice(made.contracts)].storage
            slot = rng.choice([*slots, rng.getrandbits(256)])
            value, data = 0, slot.to_bytes(32, "big") + rng.randbytes(32)
        elif kind < CALLS + NEW:
            to = Address(rng.randbytes(20))
        else:
            to = rng.choice(made.accounts)
        listed.append(_signed(secret, nonces(sender), to, value, data))
    return listed


def _signed(secret: bytes, nonce: int, to: Address, value: int, data: bytes) -> Signed:
    plain = Transaction(
        type=2,
        chain_id=Uint64(CHAIN_ID),
        nonce=Uint64(nonce),
        gas_price=None,
        max_priority_fee_per_gas=Uint256(10**9),
        max_fee_per_gas=Uint256(10**11),
        gas_limit=Uint64(GAS),
        to=to,
        value=Uint256(value),
        data=data,
        access_list=(),
        max_fee_per_blob_gas=None,
        blob_versioned_hashes=(),
        authorization_list=(),
        y_parity=0,
        r=Uint256(0),
        s=Uint256(0),
    )
    y_parity, r, s = sign(rlp.signing_hash(plain), secret)
    return Signed(replace(plain, y_parity=y_parity, r=Uint256(r), s=Uint256(s)), address_of(secret))
