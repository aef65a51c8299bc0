"""The transition tool: one block of given transactions over a given state, and all that a test filler asks about it.

    task = Task(NETWORKS["Cancun"], chain_id, environment, accounts, None, transactions)
    done = transition(task, engine)

A transaction that may not be in the block is left out, and the reason told; the block goes on without it. State is
plain accounts in mainnet's forks, and a Verkle tree in the others: that of the given leaves, or of the given accounts
where no leaves are given.

Source: go-ethereum, `cmd/evm/README.md`; execution-spec-tests, `src/ethereum_clis/transition_tool.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from builder.transition_block import Network, block_of
from builder.transition_state import AccountState, TreeResult, TreeState
from spec.codec import rlp
from spec.codec.rlp_items import encode_items
from spec.codec.transition_json import Environment
from spec.containers import Account, Transaction, Withdrawal
from spec.crypto import keccak256
from spec.errors import DecodeError, Reason, Rejection
from spec.forks import Execution, Fork, SystemContracts
from spec.types import Address, Bytes32, Hash32, TreeKey, Value
from stateless.evm.block import BlockEnvironment
from stateless.evm.calls import create_address
from stateless.evm.trace import Record, StepTracer
from stateless.header import withdrawals_root
from stateless.system import requests_hash
from stateless.transaction import Applied, blob_gas, effective_gas_price
from stateless.transition import BlockExecution, Receipt, Signed, encodable_logs, union_of
from stateless.tries import ordered_root
from verkle.engine import Engine

NO_REWARD: Final = -1
"""Not even a reward of nothing, which would touch the coinbase."""

Emit = Callable[[int, Hash32, Record], None]
"""Called with each EIP-3155 record: of which transaction, by its number among those executed and its hash."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done."""

    network: Network
    chain_id: int
    environment: Environment
    accounts: Mapping[Address, Account]
    leaves: Mapping[TreeKey, Value] | None
    """The whole state as leaves; None: the accounts tell it."""
    transactions: Sequence[Transaction | DecodeError]
    """Signed, or why they cannot be read."""
    reward: int = NO_REWARD
    """Wei for the coinbase, before the merge."""
    is_state_test: bool = False
    """Whether nothing but the transactions happens: no system call, no withdrawal, no reward."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A transaction that was executed."""

    transaction: Transaction
    encoded: bytes
    sender: Address
    applied: Applied
    receipt: Receipt
    gas_price: int

    @property
    def hash(self) -> Hash32:
        """The transaction's."""
        return keccak256(self.encoded)

    @property
    def created(self) -> Address | None:
        """The contract that the transaction was to make, if any; whether it failed or not, as receipts have it."""
        made = self.transaction.to is None
        return create_address(self.sender, self.transaction.nonce) if made else None

    @property
    def blob_gas(self) -> int:
        """Of its blobs."""
        return blob_gas(self.transaction)


@dataclass(frozen=True, slots=True)
class Transition:
    """What came of it."""

    block: BlockEnvironment
    excess_blob_gas: int | None
    executed: tuple[Executed, ...]
    rejected: Mapping[int, str]
    """By index among the given transactions: why it is left out."""
    block_exception: str | None
    """Why the block is invalid whatever its transactions are; its requests are not known then."""
    gas_used: int
    blob_gas_used: int
    logs_bloom: bytes
    logs_hash: Hash32
    """keccak256 of the RLP of all logs."""
    state_root: bytes
    transactions_root: Hash32
    receipts_root: Hash32
    withdrawals_root: Hash32 | None
    requests: tuple[bytes, ...] | None
    requests_hash: Bytes32 | None
    accounts: Mapping[Address, Account]
    """Afterwards. Empty where the state was given as leaves, which do not tell addresses."""
    tree: TreeResult | None


def transition(task: Task, engine: Engine[Any] | None = None, emit: Emit | None = None) -> Transition:
    """Execute the block of a task. `engine`: needed for Verkle trees only.

    Raises: DecodeError where the environment lacks what the network asks for; Rejection where a devnet's rules give a
    transaction more gas than it began with.
    """
    state = _state(task, engine)
    block, excess = block_of(task.environment, task.network.rules, task.chain_id)
    recorder = _Recorder(emit)
    rules = _rules(task)
    execution = BlockExecution(rules, state.schedule, state.view, block, None if emit is None else StepTracer(recorder))
    execution.begin()
    executed: list[Executed] = []
    rejected: dict[int, str] = {}
    for index, one in enumerate(task.transactions):
        if isinstance(one, DecodeError):
            rejected[index] = str(one)
            continue
        encoded = rlp.encode_transaction(one)
        recorder.begin(len(executed), encoded)
        try:
            sender = rlp.sender(one)
        except DecodeError as error:
            rejected[index] = str(error)
            continue
        try:
            applied = execution.apply(Signed(one, sender))
        except Rejection as rejection:
            if rejection.reason is Reason.GAS_FROM_NOTHING:
                raise
            rejected[index] = str(rejection)
            continue
        price = effective_gas_price(one, block.base_fee)
        executed.append(Executed(one, encoded, sender, applied, execution.receipts[-1], price))
    _pay_reward(task, execution)
    withdrawals = _withdrawals(task)
    requests: tuple[bytes, ...] | None = None
    exception = None
    try:
        requests = execution.end(withdrawals).requests
    except Rejection as rejection:
        exception = str(rejection)
    if rules.fork < Fork.PRAGUE:
        requests = None
    logs = [log for receipt in execution.receipts for log in receipt.logs]
    post = state.after(execution)
    return Transition(
        block=block,
        excess_blob_gas=excess,
        executed=tuple(executed),
        rejected=rejected,
        block_exception=exception,
        gas_used=execution.gas_used,
        blob_gas_used=execution.blob_gas_used,
        logs_bloom=union_of(receipt.bloom for receipt in execution.receipts),
        logs_hash=keccak256(encode_items(encodable_logs(logs))),
        state_root=post.root,
        transactions_root=ordered_root(one.encoded for one in executed),
        receipts_root=ordered_root(receipt.encode() for receipt in execution.receipts),
        withdrawals_root=withdrawals_root(withdrawals) if rules.fork >= Fork.SHANGHAI else None,
        requests=requests,
        requests_hash=None if requests is None else requests_hash(requests),
        accounts=post.accounts,
        tree=post.tree,
    )


class _Recorder:
    """Hands trace records on with the transaction that they are of."""

    def __init__(self, emit: Emit | None) -> None:
        self._emit = emit
        self._number = 0
        self._hash = Hash32(bytes(32))

    def begin(self, number: int, encoded: bytes) -> None:
        """The next records are this transaction's."""
        if self._emit is not None:
            self._number, self._hash = number, keccak256(encoded)

    def __call__(self, record: Record) -> None:
        if self._emit is not None:
            self._emit(self._number, self._hash, record)


def _state(task: Task, engine: Engine[Any] | None) -> AccountState | TreeState:
    profile = task.network.profile
    if profile is None:
        return AccountState(task.accounts)
    if engine is None:
        raise ValueError("a Verkle tree needs an engine")
    return TreeState(profile, engine, task.accounts, task.leaves)


def _rules(task: Task) -> Execution:
    """The network's; in block 0 and in state tests the protocol calls nothing."""
    rules = task.network.rules
    return replace(rules, system=SystemContracts()) if task.is_state_test or not task.environment.number else rules


def _withdrawals(task: Task) -> tuple[Withdrawal, ...]:
    """What is given is looked at from Shanghai on (EIP-4895)."""
    known = task.network.rules.fork >= Fork.SHANGHAI and not task.is_state_test
    return task.environment.withdrawals or () if known else ()


def _pay_reward(task: Task, execution: BlockExecution) -> None:
    """What a miner is given, and who mined ommers. Source: yellow paper, section 11.3."""
    reward = task.reward
    if reward == NO_REWARD or task.is_state_test or task.network.rules.fork >= Fork.PARIS:
        return
    ommers = task.environment.ommers
    own = reward + len(ommers) * (reward // 32)
    _pay(execution, task.environment.coinbase, own)
    for ommer in ommers:
        _pay(execution, ommer.address, max(8 - ommer.delta, 0) * reward // 8)


def _pay(execution: BlockExecution, address: Address, wei: int) -> None:
    state = execution.machine.state
    if wei:
        state.set_balance(address, state.balance(address) + wei)
    else:
        state.touch(address)
