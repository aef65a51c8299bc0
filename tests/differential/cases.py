"""Whole cases at random: accounts, a block environment and signed transactions, as one JSON document.

    {"env": ..., "alloc": ..., "txs": ["0x..", ...]}

The members are a transition tool's (spec/codec/transition_json.py); transactions are EIP-2718 encodings. The hash of an
earlier block n is sha256(u64be(n)), so that no document has to carry 256 of them.

Transactions come one after the other in one block. Most can be executed; some break a rule, and are left out by both
sides.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from typing import Any, Final

from spec.codec import rlp
from spec.codec.rlp_items import encode_items, number
from spec.codec.text import to_hex, to_quantity
from spec.codec.transition_json import encode_accounts
from spec.containers import AccessTuple, Account, Authorization, Transaction
from spec.crypto import SECP256K1_ORDER, keccak256
from spec.gas import DELEGATION_PREFIX
from spec.types import Address, Bytes32, Hash32, Uint64, Uint256
from tests.differential.programs import initcode_of, operand, program, whom
from tests.stateless.programs import (
    ABSENT,
    AUTHORITIES,
    CHAIN,
    CONTRACTS,
    ETHER,
    PRECOMPILES,
    SENDERS,
    SLOTS,
    TO_BE,
    address_of_key,
    key,
)

BASE_FEE: Final = 7
GAS_LIMIT: Final = 30_000_000
LAST_NONCE: Final = 2**64 - 1
KINDS: Final = (
    rlp.LEGACY,
    rlp.ACCESS_LIST,
    rlp.DYNAMIC_FEE,
    rlp.DYNAMIC_FEE,
    rlp.BLOB,
    rlp.SET_CODE,
    rlp.SET_CODE,
)
NOBODY: Final = Account(0, Uint64(0), b"", {})


def block_hash(height: int) -> Hash32:
    """What stands for the hash of an earlier block."""
    return Hash32(hashlib.sha256(height.to_bytes(8, "big")).digest())


def case(rng: random.Random) -> dict[str, Any]:
    """One document."""
    alloc = _accounts(rng)
    nonces = {address: account.nonce for address, account in alloc.items()}
    transactions = [_transaction(rng, nonces) for _ in range(rng.choice((1, 1, 2, 3)))]
    return {
        "env": _environment(rng),
        "alloc": encode_accounts(alloc),
        "txs": [to_hex(rlp.encode_transaction(transaction)) for transaction in transactions],
    }


def _environment(rng: random.Random) -> dict[str, str]:
    coinbase = rng.choice((ABSENT[0], ABSENT[0], whom(rng), address_of_key(1)))
    return {
        "currentCoinbase": to_hex(coinbase),
        "currentGasLimit": to_quantity(GAS_LIMIT),
        "currentNumber": to_quantity(rng.choice((1, 5, 256, 257, 300))),
        "currentTimestamp": to_quantity(rng.choice((1, 3600, 2**40))),
        "currentRandom": to_hex(rng.randbytes(32)),
        "currentBaseFee": to_quantity(BASE_FEE),
        "currentExcessBlobGas": to_quantity(rng.choice((0, 0, 10 * 2**17, 400 * 2**17))),
    }


def _accounts(rng: random.Random) -> dict[Address, Account]:
    made: dict[Address, Account] = {address_of_key(1): replace(NOBODY, balance=1000 * ETHER)}
    for sender in SENDERS[1:]:
        if rng.randrange(12):
            made[address_of_key(sender)] = replace(NOBODY, balance=1 if rng.randrange(10) == 0 else 100 * ETHER)
    for contract in CONTRACTS[: 3 + rng.randrange(len(CONTRACTS) - 2)]:
        code = program(rng, 2 + rng.randrange(20))
        storage = {Uint256(slot): Uint256(1 + rng.randrange(9)) for slot in SLOTS if rng.randrange(4) == 0}
        made[contract] = Account(rng.choice((0, 5, ETHER)), Uint64(rng.choice((1, 1, 1, 2**64 - 2))), code, storage)
    for authority in AUTHORITIES[1:]:
        if rng.randrange(2):
            delegated = DELEGATION_PREFIX + whom(rng) if rng.randrange(3) else b""
            nonce = rng.choice((1, 1, 5, 2**64 - 2)) if delegated else rng.choice((0, 1))
            balance = rng.choice((0, ETHER)) if nonce else ETHER
            made[address_of_key(authority)] = Account(balance, Uint64(nonce), delegated, {})
    for address in (*PRECOMPILES[:4], *TO_BE[:4], ABSENT[1]):
        if rng.randrange(8) == 0:
            made[address] = replace(NOBODY, balance=rng.choice((1, ETHER)))
    for address in TO_BE:
        if rng.randrange(25) == 0:
            taken = Account(1, Uint64(0), b"", {Uint256(0): Uint256(1)})
            made[address] = rng.choice((taken, taken, Account(0, Uint64(1), b"", {}), Account(0, Uint64(0), b"\0", {})))
    return made


@dataclass(frozen=True, slots=True)
class _Fees:
    price: int
    tip: int


def _transaction(rng: random.Random, nonces: dict[Address, Uint64]) -> Transaction:
    kind = rng.choice(
        (rlp.LEGACY, rlp.ACCESS_LIST, rlp.DYNAMIC_FEE, rlp.DYNAMIC_FEE, rlp.BLOB, rlp.SET_CODE, rlp.SET_CODE)
    )
    number_of_key = rng.choice(AUTHORITIES) if rng.randrange(20) == 0 else rng.choice((*SENDERS, 1, 1, 1, 1))
    sender = address_of_key(number_of_key)
    creates = kind < rlp.BLOB and rng.randrange(5) == 0
    authority = address_of_key(rng.choice(AUTHORITIES))
    to = None if creates else rng.choice((*CONTRACTS[:3], *CONTRACTS[:3], whom(rng), authority))
    data = (
        initcode_of(rng, 0) if creates else rng.choice((b"", b"", rng.randbytes(4), rng.randbytes(rng.randrange(100))))
    )
    if rng.randrange(30) == 0:
        data = bytes(rng.choice((1000, 49152, 49153)))
    gas = rng.choice((60_000, 150_000, 400_000, 1_000_000, 1_000_000, 2_000_000)) + rng.randrange(5000)
    if rng.randrange(20) == 0:
        gas = rng.choice((21_000, 20_999, 25_000, 53_000, 2**24, 2**24 + 1, 3_000_000))
    fees = rng.choice((_Fees(7, 0), _Fees(10, 3), _Fees(1000, 3)))
    if rng.randrange(60) == 0:
        fees = rng.choice((_Fees(6, 0), _Fees(8, 9), _Fees(2**200, 1)))
    value = operand(rng) if rng.randrange(100) == 0 else rng.choice((0, 0, 0, 1, 1000, ETHER))
    nonce = nonces.get(sender, Uint64(0))
    if rng.randrange(80) == 0:
        nonce = Uint64(rng.choice((nonce + 1, max(nonce - 1, 0), LAST_NONCE)))
    nonces[sender] = _next(nonces.get(sender, 0))
    authorizations: tuple[Authorization, ...] = ()
    if kind == rlp.SET_CODE:
        own = rng.choice(AUTHORITIES) if rng.randrange(2) else None
        signers = [own or rng.choice(AUTHORITIES), *(rng.choice(AUTHORITIES) for _ in range(rng.choice((0, 0, 1, 2))))]
        authorizations = tuple(_authorization(rng, signer, nonces) for signer in signers)
        to = to if own is None else address_of_key(own)
    chain = None if kind == rlp.LEGACY and rng.randrange(3) == 0 else Uint64(CHAIN)
    unsigned = Transaction(
        type=kind,
        chain_id=chain,
        nonce=Uint64(nonce),
        gas_price=Uint256(fees.price) if kind < rlp.DYNAMIC_FEE else None,
        max_priority_fee_per_gas=Uint256(fees.tip) if kind >= rlp.DYNAMIC_FEE else None,
        max_fee_per_gas=Uint256(fees.price) if kind >= rlp.DYNAMIC_FEE else None,
        gas_limit=Uint64(gas),
        to=to,
        value=Uint256(value),
        data=data,
        access_list=() if kind == rlp.LEGACY else _access_list(rng),
        max_fee_per_blob_gas=Uint256(rng.choice((0, 1, 10**9, 10**9))) if kind == rlp.BLOB else None,
        blob_versioned_hashes=_blob_hashes(rng) if kind == rlp.BLOB else (),
        authorization_list=authorizations,
        y_parity=0,
        r=Uint256(1),
        s=Uint256(1),
    )
    return signed(unsigned, number_of_key)


def signed(transaction: Transaction, number_of_key: int) -> Transaction:
    """The transaction with a signature by a private key."""
    signature = key(number_of_key).sign_recoverable(rlp.signing_hash(transaction), hasher=None)
    r, s = (Uint256(int.from_bytes(signature[start : start + 32], "big")) for start in (0, 32))
    return replace(transaction, y_parity=signature[64], r=r, s=s)


def _access_list(rng: random.Random) -> tuple[AccessTuple, ...]:
    if rng.randrange(3):
        return ()
    entries = []
    for _ in range(1 + rng.randrange(3)):
        slots = tuple(Bytes32(rng.choice(SLOTS).to_bytes(32, "big")) for _ in range(rng.randrange(3)))
        entries.append(AccessTuple(whom(rng), slots))
    return tuple(entries)


def _blob_hashes(rng: random.Random) -> tuple[Bytes32, ...]:
    count = rng.choice((1, 1, 2, 3, 6, 6, 7, 0)) if rng.randrange(3) == 0 else 1
    version = rng.choice((0, 2)) if rng.randrange(25) == 0 else 1
    return tuple(Bytes32(bytes((version,)) + rng.randbytes(31)) for _ in range(count))


def _next(nonce: int) -> Uint64:
    return Uint64(min(nonce + 1, LAST_NONCE))


def _authorization(rng: random.Random, signer: int, nonces: dict[Address, Uint64]) -> Authorization:
    """One that is right four times out of five; then its signer's next nonce is another."""
    authority = address_of_key(signer)
    nonce = nonces.get(authority, Uint64(0))
    chain = rng.choice((CHAIN, CHAIN, CHAIN, CHAIN, 0, 0, 2))
    if rng.randrange(8) == 0:
        nonce = Uint64(rng.choice((_next(nonce), 0, LAST_NONCE)))
    elif chain in (0, CHAIN):
        nonces[authority] = _next(nonce)
    delegate = rng.choice((Address(bytes(20)), *CONTRACTS[:3], whom(rng), address_of_key(rng.choice(AUTHORITIES))))
    items = [number(chain), delegate, number(nonce)]
    signature = key(signer).sign_recoverable(keccak256(b"\x05" + encode_items(items)), hasher=None)
    r, s, parity = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if rng.randrange(12) == 0:
        r, s, parity = rng.choice(
            (
                (r, SECP256K1_ORDER - s, 1 - parity),
                (0, s, parity),
                (r, 0, parity),
                (r, s, 1 - parity),
                (r, s, 27 + parity),
            )
        )
    return Authorization(Uint256(chain), delegate, Uint64(nonce), parity, Uint256(r), Uint256(s))
