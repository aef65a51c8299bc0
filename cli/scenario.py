"""A chain of our own with some life on it, from a fixed seed: for the demonstration, and for tests.

Some two hundred users pay each other and strangers in ether and in a token, approve, swap one for the other, and create
contracts. Everything is signed by eth-account, and every transaction fits when its turn comes.

    block 1   the token and the exchange are created
    block 2   its maker hands the token out, and provides for the exchange
    block 3   every user approves the exchange
    then      whatever comes
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cli.contracts import contract
from cli.signing import Signer
from spec.codec import rlp
from spec.containers import AccessTuple, Transaction
from spec.system_contracts import SYSTEM_CODES
from spec.types import Address, Bytes32, Uint64, Uint256
from stateless.evm.calls import create_address
from stateless.transition import Signed

SEED: Final = 4762
CHAIN_ID: Final = 1
GAS_LIMIT: Final = 30_000_000
ETHER: Final = 10**18
GWEI: Final = 10**9
SETUP_BLOCKS: Final = 3
MOST_USERS: Final = 200
LEAST_USERS: Final = 4
TRANSACTIONS_PER_USER: Final = 15

SUPPLY: Final = 10**9 * ETHER
HANDED_OUT: Final = 10**4 * ETHER
"""Of the token, to each user."""
PROVIDED: Final = (500 * ETHER, 10**6 * ETHER)
"""Ether and token of the exchange, at first."""
MAX_FEE: Final = 100 * GWEI
GAS: Final = {"pay": 60_000, "token": 150_000, "approve": 100_000, "swap": 300_000, "create": 3_000_000}
"""Gas limits by what a transaction does."""
WEIGHTS: Final = {"pay": 45, "token": 27, "approve": 8, "swap": 19, "create": 1}
"""Of a hundred transactions."""
LEGACY, WITH_LIST = 0.1, 0.2
"""Up to these of 1, transactions are of type 0 and of type 1; the others are of type 2."""


@dataclass(slots=True)
class User:
    """Somebody with a key."""

    signer: Signer
    nonce: int = 0


@dataclass(slots=True)
class Scenario:
    """Transactions in the order in which they are sent."""

    transactions: int
    bystanders: int = 0
    """Accounts that nobody touches: they make the state larger, and proofs longer."""
    blocks: int = 20
    seed: int = SEED
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(GAS, 0))
    """How many transactions there were of each kind."""
    users: list[User] = field(init=False)
    token: Address = field(init=False)
    exchange: Address = field(init=False)
    _rng: random.Random = field(init=False)
    _strangers: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        users = min(MOST_USERS, max(LEAST_USERS, self.transactions // TRANSACTIONS_PER_USER))
        self.users = [User(Signer(self._rng.randbytes(32))) for _ in range(users)]
        maker = self.users[0].signer.address
        self.token, self.exchange = create_address(maker, 0), create_address(maker, 1)

    def genesis_document(self) -> dict[str, object]:
        """A genesis.json: funded users, bystanders, and the protocol's contracts."""
        alloc: dict[str, object] = {
            "0x" + user.signer.address.hex(): {"balance": hex(10_000 * ETHER)} for user in self.users
        }
        idle = random.Random(f"{self.seed} bystanders")
        alloc |= {"0x" + idle.randbytes(20).hex(): {"balance": hex(ETHER)} for _ in range(self.bystanders)}
        for address, code in SYSTEM_CODES.items():
            alloc["0x" + address.hex()] = {"balance": "0x0", "nonce": "0x1", "code": "0x" + code.hex()}
        forks = dict.fromkeys(("shanghaiTime", "cancunTime", "pragueTime"), 0)
        return {
            "config": {"chainId": CHAIN_ID, "londonBlock": 0, **forks},
            "difficulty": "0x0",
            "gasLimit": hex(GAS_LIMIT),
            "timestamp": "0x0",
            "alloc": alloc,
        }

    def each_block(self) -> Iterator[list[Signed]]:
        """The transactions block by block."""
        maker, others = self.users[0], self.users[1:]
        token, exchange = contract("token"), contract("swap")
        yield [
            self._sign(maker, "create", None, token.deploy(SUPPLY)),
            self._sign(maker, "create", None, exchange.deploy(self.token)),
        ]
        handed = [
            self._sign(
                maker, "token", self.token, token.call("transfer(address,uint256)", one.signer.address, HANDED_OUT)
            )
            for one in others
        ]
        ether, amount = PROVIDED
        yield [
            *handed,
            self._approve(maker),
            self._sign(maker, "swap", self.exchange, exchange.call("provide(uint256)", amount), ether),
        ]
        yield [self._approve(one) for one in others]
        sent = 2 * len(self.users) + 2
        left = self.blocks - SETUP_BLOCKS
        while left:
            size = max(self.transactions - sent, 0) // left
            yield [self._whatever() for _ in range(size)]
            sent, left = sent + size, left - 1

    def _whatever(self) -> Signed:
        """One transaction of a random kind and user."""
        kind = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        user = self._rng.choice(self.users)
        make: dict[str, Callable[[User], Signed]] = {
            "pay": self._pay,
            "token": self._send_token,
            "approve": self._approve,
            "swap": self._swap,
            "create": self._create,
        }
        return make[kind](user)

    def _somebody(self) -> Address:
        """Another user, or every third time somebody who was never there before."""
        if self._rng.random() < 1 / 3:
            self._strangers += 1
            return Address(random.Random(f"{self.seed} stranger {self._strangers}").randbytes(20))
        return self._rng.choice(self.users).signer.address

    def _pay(self, user: User) -> Signed:
        return self._sign(user, "pay", self._somebody(), b"", self._rng.randrange(1, ETHER // 10))

    def _send_token(self, user: User) -> Signed:
        data = contract("token").call("transfer(address,uint256)", self._somebody(), self._rng.randrange(1, ETHER))
        return self._sign(user, "token", self.token, data)

    def _approve(self, user: User) -> Signed:
        data = contract("token").call("approve(address,uint256)", self.exchange, 2**255 + self._rng.randrange(2**64))
        return self._sign(user, "approve", self.token, data)

    def _swap(self, user: User) -> Signed:
        exchange, amount = contract("swap"), self._rng.randrange(1, ETHER // 100)
        if self._rng.random() < 1 / 2:
            return self._sign(user, "swap", self.exchange, exchange.call("buy(uint256)", 0), amount)
        return self._sign(user, "swap", self.exchange, exchange.call("sell(uint256,uint256)", amount, 0))

    def _create(self, user: User) -> Signed:
        return self._sign(user, "create", None, contract("token").deploy(self._rng.randrange(SUPPLY)))

    def _sign(self, user: User, kind: str, to: Address | None, data: bytes, value: int = 0) -> Signed:
        """A transaction of a user's, of a random type."""
        chance = self._rng.random()
        is_legacy = chance < WITH_LIST
        fees: dict[str, Any] = {
            "gas_price": Uint256(MAX_FEE) if is_legacy else None,
            "max_priority_fee_per_gas": None if is_legacy else Uint256(self._rng.randrange(1, 3 * GWEI)),
            "max_fee_per_gas": None if is_legacy else Uint256(MAX_FEE),
        }
        listed: tuple[AccessTuple, ...] = ()
        if LEGACY <= chance < WITH_LIST and to is not None:
            listed = (AccessTuple(to, (Bytes32(bytes(32)),)),)
        unsigned = Transaction(
            type=rlp.LEGACY if chance < LEGACY else rlp.ACCESS_LIST if is_legacy else rlp.DYNAMIC_FEE,
            chain_id=Uint64(CHAIN_ID),
            nonce=Uint64(user.nonce),
            gas_limit=Uint64(GAS[kind]),
            to=to,
            value=Uint256(value),
            data=data,
            access_list=listed,
            **fees,
        )
        user.nonce += 1
        self.counts[kind] += 1
        return Signed(user.signer.sign(unsigned), user.signer.address)
