"""Programs, accounts and blocks at random, biased to what statelessness makes hard: state, calls, creations, gas that
runs out, delegations, accounts that are not there.

Everything is drawn from a `random.Random`, which may be Hypothesis's (then examples shrink) or a seeded one.

Addresses come from one small cast, so that what one account does concerns the others.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import coincurve

from spec.codec import rlp
from spec.codec.rlp_items import encode_items
from spec.codec.rlp_items import number as number_of
from spec.containers import AccessTuple, Account, Authorization, Transaction, Withdrawal
from spec.crypto import keccak256
from spec.forks import CONSOLIDATION_REQUESTS_ADDRESS, WITHDRAWAL_REQUESTS_ADDRESS, Fork
from spec.gas import DELEGATION_PREFIX
from spec.params import Profile
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Bytes32, Uint64, Uint256
from stateless.evm.block import BlockEnvironment
from stateless.evm.calls import create2_address, create_address
from stateless.evm.opcodes import opcodes
from stateless.transition import Signed
from tests.stateless.worlds import Block, World
from verkle.engine import Engine

CHAIN: Final = 1
ETHER: Final = 10**18
BASE_FEE: Final = 7
OPCODES: Final = {opcode.name: opcode.number for opcode in opcodes(Fork.OSAKA)}
CALLS: Final = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")


# ---- assembling


def push(word: int) -> bytes:
    """The shortest PUSH of a word."""
    data = word.to_bytes((word.bit_length() + 7) // 8, "big")
    return bytes((OPCODES["PUSH0"] + len(data),)) + data


def op(name: str, *arguments: int | bytes) -> bytes:
    """An instruction; arguments are words to push, or code that leaves one word, the top of the stack first."""
    pushed = [push(argument) if isinstance(argument, int) else argument for argument in reversed(arguments)]
    return b"".join(pushed) + bytes((OPCODES[name],))


def store_in_memory(data: bytes) -> bytes:
    """Put bytes into memory from 0 on."""
    words = [data[start : start + 32].ljust(32, b"\0") for start in range(0, len(data), 32)]
    return b"".join(op("MSTORE", 32 * index, int.from_bytes(word, "big")) for index, word in enumerate(words))


def returning(code: bytes) -> bytes:
    """Initcode whose output is `code`."""
    return store_in_memory(code) + op("RETURN", 0, len(code))


def calling(kind: str, target: Address, value: int = 0, gas: int | bytes = b"\x5a", size: int = 0) -> bytes:
    """A call whose result is dropped; all gas unless told. `size` bytes of memory go in and come back."""
    sent = (value,) if kind in ("CALL", "CALLCODE") else ()
    return op(kind, gas, int.from_bytes(target, "big"), *sent, 0, size, 0, size) + op("POP")


def creating(initcode: bytes, value: int = 0, salt: int | None = None) -> bytes:
    """A creation, the new address left on the stack."""
    salted = () if salt is None else (salt,)
    name = "CREATE" if salt is None else "CREATE2"
    return store_in_memory(initcode) + op(name, value, 0, len(initcode), *salted)


# ---- the cast


@cache
def key(number: int) -> coincurve.PrivateKey:
    """A private key."""
    return coincurve.PrivateKey.from_int(number)


@cache
def address_of_key(number: int) -> Address:
    """The account of a private key."""
    return Address(keccak256(key(number).public_key.format(compressed=False)[1:])[12:])


def _numbered(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


SENDERS: Final = (1, 2, 3)
"""Private keys of those who sign transactions."""
AUTHORITIES: Final = (2, 4, 5, 6)
"""Private keys of those who sign authorizations; one of them sends too, one has no account."""
CONTRACTS: Final = tuple(Address(bytes((0xC0 + index,)) * 20) for index in range(5))
ABSENT: Final = tuple(Address(bytes((0xA0 + index,)) * 20) for index in range(3))
PRECOMPILES: Final = tuple(_numbered(number) for number in (1, 2, 3, 4, 5, 0x0B, 0x100))
SYSTEM: Final = tuple(SYSTEM_CODES)
SIMPLE_INIT: Final = op("SSTORE", 1, 1) + returning(op("SSTORE", 0, 1))
TO_BE: Final = (
    *(create_address(contract, nonce) for contract in CONTRACTS[:2] for nonce in (1, 2)),
    *(create2_address(contract, salt, SIMPLE_INIT) for contract in CONTRACTS[:2] for salt in (0, 1)),
)
"""Where contracts of this cast may create."""
PEOPLE: Final = tuple(address_of_key(number) for number in (1, 2, 3, 4, 5, 6))
CAST: Final = (
    *CONTRACTS,
    *ABSENT,
    *PRECOMPILES,
    *SYSTEM,
    *TO_BE,
    *PEOPLE,
)
SLOTS: Final = (0, 1, 2, 63, 64, 65, 320, 2**256 - 1)
VALUES: Final = (0, 0, 1, 1, 1000, ETHER)


def _whom(rng: random.Random) -> Address:
    group = rng.choice((CONTRACTS, CONTRACTS, CONTRACTS, CAST, PEOPLE, TO_BE, ABSENT, PRECOMPILES, SYSTEM))
    return rng.choice(group)


def _initcode(rng: random.Random, depth: int) -> bytes:
    kind = rng.randrange(12)
    if kind < 3:
        return SIMPLE_INIT
    if kind < 5:
        size = rng.choice((0, 1, 31, 32, 62, 700))
        return op("RETURN", 0, size)
    if kind == 5:
        return op("SSTORE", rng.choice(SLOTS), 1) + op("REVERT", 0, 0)
    if kind == 6:
        return op("SSTORE", rng.choice(SLOTS), 1) + op("SELFDESTRUCT", int.from_bytes(_whom(rng), "big"))
    if kind == 7:
        return op("MSTORE8", 0, 0xEF) + op("RETURN", 0, 1)
    if kind == 8:
        return returning(op("SELFDESTRUCT", int.from_bytes(_whom(rng), "big")))
    if kind == 9:
        return op("INVALID")
    inner = program(rng, 1 + rng.randrange(3), depth + 1)
    return inner + op("RETURN", 0, rng.choice((0, 5, 40)))


def _step(rng: random.Random, depth: int) -> bytes:
    """Code that does one thing and leaves the stack as it was, or ends."""
    word = int.from_bytes(_whom(rng), "big")
    kind = rng.randrange(24)
    if kind < 3:
        return op("SSTORE", rng.choice(SLOTS), rng.choice((0, 0, 1, 7, 2**255)))
    if kind == 3:
        return op("SLOAD", rng.choice(SLOTS)) + op("POP")
    if kind < 10:
        gas = rng.choice((b"\x5a", b"\x5a", b"\x5a", 0, 700, 2300, 5000, 20000))
        return calling(rng.choice(CALLS + ("CALL",) * 3), _whom(rng), rng.choice(VALUES), gas, rng.choice((0, 0, 32)))
    if kind < 14 and depth < 2:
        salt = rng.choice((None, 0, 0, 1))
        created = creating(_initcode(rng, depth), rng.choice(VALUES), salt)
        if rng.randrange(3):
            return created + op("POP")
        sent = rng.choice((0, 0, 5))
        return created + op("CALL", b"\x5a", b"\x85", sent, 0, 0, 0, 0) + op("POP") + op("POP")
    if kind == 14:
        return op(rng.choice(("BALANCE", "EXTCODESIZE", "EXTCODEHASH")), word) + op("POP")
    if kind == 15:
        return op("EXTCODEHASH", word) + op("PUSH0") + op("SSTORE")
    if kind == 16:
        return op("EXTCODECOPY", word, 0, rng.choice((0, 5, 31, 2000)), rng.choice((0, 1, 32, 40)))
    if kind == 17:
        return op("CODECOPY", 0, rng.choice((0, 31, 60, 3000)), rng.choice((0, 1, 32, 100)))
    if kind == 18:
        return op("BLOCKHASH", rng.choice((0, 44, 45, 100, 299, 300))) + op("POP")
    if kind == 19:
        return op("SELFBALANCE") + op("POP") + op("TSTORE", 1, 2) + op("LOG1", 0, rng.choice((0, 33)), 1)
    if kind == 20:
        return push(2**255 + rng.randrange(2**20)) + op("POP")
    if kind == 21 and rng.randrange(2):
        contract, size = rng.choice(((WITHDRAWAL_REQUESTS_ADDRESS, 56), (CONSOLIDATION_REQUESTS_ADDRESS, 96)))
        return calling("CALL", contract, rng.choice((1, 1, 2)), size=size)
    if kind == 22 and rng.randrange(3) == 0:
        return op("SELFDESTRUCT", word)
    if kind == 23 and rng.randrange(4) == 0:
        return rng.choice((op("REVERT", 0, 4), op("STOP"), op("INVALID"), op("JUMP", 0), op("POP"), op("RETURN", 0, 3)))
    return op("MSTORE", rng.choice((0, 64, 5000)), 1)


def program(rng: random.Random, steps: int, depth: int = 0) -> bytes:
    """Straight code, with a jump over a gap now and then; at most 24,576 bytes."""
    code = b""
    for _ in range(steps):
        step = _step(rng, depth)
        if rng.randrange(8) == 0:
            gap = rng.choice((1, 31, 70, 5000 if depth == 0 else 40))
            destination = len(code) + 4 + gap
            code += bytes((OPCODES["PUSH2"],)) + destination.to_bytes(2, "big") + op("JUMP") + b"\xfe" * gap
            code += op("JUMPDEST")
        if len(code) + len(step) > 24000:
            break
        code += step
    return code


def accounts(rng: random.Random) -> dict[Address, Account]:
    """Four to ten accounts, besides those that the protocol knows."""
    nobody = Account(0, Uint64(0), b"", {})
    made: dict[Address, Account] = {address_of_key(1): replace(nobody, balance=1000 * ETHER)}
    for number in (2, 3):
        if rng.randrange(4):
            made[address_of_key(number)] = replace(nobody, balance=rng.choice((0, 10**9, 10 * ETHER)))
    for contract in CONTRACTS[: 2 + rng.randrange(len(CONTRACTS) - 1)]:
        code = program(rng, 3 + rng.randrange(10))
        storage = {Uint256(slot): Uint256(1 + rng.randrange(9)) for slot in SLOTS if rng.randrange(4) == 0}
        made[contract] = Account(rng.choice((0, 5, ETHER)), Uint64(1), code, storage)
    for number in AUTHORITIES[1:]:
        if rng.randrange(2):
            delegated = DELEGATION_PREFIX + _whom(rng) if rng.randrange(2) else b""
            made[address_of_key(number)] = Account(rng.choice((0, ETHER)), Uint64(len(delegated) // 23), delegated, {})
    for address in (*PRECOMPILES[:3], *TO_BE[:3]):
        if rng.randrange(6) == 0:
            made[address] = replace(nobody, balance=rng.choice((1, ETHER)))
    return made | system_accounts()


# ---- transactions


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction before its nonce is known."""

    key: int
    transaction: Transaction
    authorities: tuple[tuple[int, Address, int], ...] = ()
    """(private key, delegate, how far the nonce is off) of each authorization."""

    def signed(self, nonce_of: Callable[[Address], int]) -> Signed:
        """With nonces as they will be, and authorizations signed. Nobody looks at the transaction's own signature."""
        sender = address_of_key(self.key)
        nonce = nonce_of(sender)
        later = {sender: nonce + 1}
        authorizations = []
        for number, delegate, off in self.authorities:
            authority = address_of_key(number)
            expected = later.setdefault(authority, nonce_of(authority))
            authorizations.append(authorize(number, delegate, expected + off))
            later[authority] += off == 0
        filled = replace(self.transaction, nonce=Uint64(nonce), authorization_list=tuple(authorizations))
        return Signed(filled, sender)


def authorize(number: int, delegate: Address, nonce: int) -> Authorization:
    """An authorization signed with a private key."""
    unsigned = Authorization(Uint256(CHAIN), delegate, Uint64(nonce), 0, Uint256(1), Uint256(1))
    message = b"\x05" + encode_items([number_of(unsigned.chain_id), delegate, number_of(unsigned.nonce)])
    signature = key(number).sign_recoverable(keccak256(message), hasher=None)
    r, s = (Uint256(int.from_bytes(signature[start : start + 32], "big")) for start in (0, 32))
    return replace(unsigned, y_parity=signature[64], r=r, s=s)


def transaction(
    to: Address | None,
    *,
    gas: int,
    value: int = 0,
    data: bytes = b"",
    price: int = 10,
    accesses: Sequence[AccessTuple] = (),
    kind: int = rlp.DYNAMIC_FEE,
) -> Transaction:
    """A transaction without nonce and signature."""
    priced = kind in (rlp.LEGACY, rlp.ACCESS_LIST)
    return Transaction(
        type=kind,
        chain_id=Uint64(CHAIN),
        nonce=Uint64(0),
        gas_price=Uint256(price) if priced else None,
        max_priority_fee_per_gas=None if priced else Uint256(price - BASE_FEE),
        max_fee_per_gas=None if priced else Uint256(price),
        gas_limit=Uint64(gas),
        to=to,
        value=Uint256(value),
        data=data,
        access_list=tuple(accesses) if kind != rlp.LEGACY else (),
        r=Uint256(1),
        s=Uint256(1),
    )


def draft(rng: random.Random) -> Draft:
    """A transaction of any kind but blobs."""
    price = rng.choice((BASE_FEE, 10))
    gas = rng.choice((21000, 30000, 60000, 100_000, 100_000, 400_000, 400_000, 1_000_000, 2_000_000))
    gas += rng.randrange(3000)
    value = rng.choice(VALUES)
    kind = rng.choice((rlp.LEGACY, rlp.ACCESS_LIST, *(rlp.DYNAMIC_FEE,) * 4, rlp.SET_CODE))
    sender = rng.choice((*SENDERS, 1, 1))
    accesses = [AccessTuple(_whom(rng), (Bytes32(bytes(32)),))] if rng.randrange(4) == 0 else []
    if kind == rlp.SET_CODE:
        authorities = tuple(
            (
                rng.choice(AUTHORITIES),
                rng.choice((Address(bytes(20)), _whom(rng), _whom(rng))),
                rng.choice((0, 0, 0, 1)),
            )
            for _ in range(1 + rng.randrange(3))
        )
        to = rng.choice((address_of_key(rng.choice(AUTHORITIES)), _whom(rng), rng.choice(CONTRACTS)))
        filled = transaction(to, gas=gas + 80_000, value=value, price=price, accesses=accesses, kind=kind)
        return Draft(sender, filled, authorities)
    if rng.randrange(8) == 0:
        initcode = _initcode(rng, 0)[:4000]
        return Draft(sender, transaction(None, gas=gas + 60_000, value=value, data=initcode, price=price, kind=kind))
    data = bytes(rng.choice((0, 0, 4, 32)))
    to = rng.choice((*CONTRACTS, _whom(rng)))
    filled = transaction(to, gas=gas, value=value, data=data, price=price, accesses=accesses, kind=kind)
    return Draft(sender, filled)


def drafts(rng: random.Random) -> list[Callable[[Callable[[Address], int]], Signed]]:
    """One to four transactions."""
    return [draft(rng).signed for _ in range(1 + rng.randrange(4))]


def environment(rng: random.Random) -> BlockEnvironment:
    """Block 300, whose fee recipient may be anybody."""
    return block_environment(rng.choice((ABSENT[0], _whom(rng))))


def block_environment(coinbase: Address = ABSENT[0], gas_limit: int = 30_000_000) -> BlockEnvironment:
    """Block 300."""
    return BlockEnvironment(
        number=300,
        timestamp=3600,
        coinbase=coinbase,
        gas_limit=gas_limit,
        prev_randao=bytes(32),
        base_fee=BASE_FEE,
        chain_id=CHAIN,
        parent_hash=Bytes32(b"\x11" * 32),
        parent_beacon_block_root=Bytes32(b"\x22" * 32),
    )


def one_call(
    profile: Profile, engine: Engine[Any], code: bytes, *, gas: int, value: int = 0, data: bytes = b""
) -> tuple[World, Block]:
    """A rich contract with this code, and a block that calls it once."""
    nobody = Account(0, Uint64(0), b"", {})
    sender, contract = address_of_key(1), CONTRACTS[0]
    cast = {sender: replace(nobody, balance=10**30), contract: Account(ETHER, Uint64(1), code, {})}
    world = World.of(profile, engine, cast | system_accounts())
    asked = Draft(1, transaction(contract, gas=gas, value=value, data=data))
    return world, world.fill(block_environment(gas_limit=max(gas, 30_000_000)), [asked.signed])


def system_accounts() -> dict[Address, Account]:
    """What the protocol calls, as a genesis should hold it."""
    return {address: Account(0, Uint64(1), code, {}) for address, code in SYSTEM_CODES.items()}


def withdrawals(rng: random.Random) -> list[Withdrawal]:
    """None to two withdrawals, some of nothing."""
    return [
        Withdrawal(Uint64(index), Uint64(0), _whom(rng), Uint64(rng.choice((0, 1, 32 * 10**9))))
        for index in range(rng.choice((0, 0, 1, 2)))
    ]
