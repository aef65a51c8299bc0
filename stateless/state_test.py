"""General state tests: each case executed under the rules of its fork, and compared with what it must lead to.

A transaction that must be refused has to be refused, for a reason that the case names, and leaves the accounts as they
were. Any other has to be executed, and lead to the state root and the logs that the case names.

Nothing of a block happens around the transaction: no system call, no withdrawal, no reward.

Source: ethereum/tests, "GeneralStateTests"; execution-spec-tests, "State Tests" and `TransactionException`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from spec.codec import rlp
from spec.codec.rlp_items import encode_items
from spec.codec.state_test_json import Expectation, StateTest
from spec.containers import Transaction
from spec.crypto import keccak256
from spec.errors import DecodeError, Reason, Rejection
from spec.forks import FORKS, Execution
from spec.types import Address, Hash32, Uint256
from stateless.accounts import AccountsView, changed
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.block import BlockEnvironment
from stateless.evm.machine import Tracer
from stateless.fees import blob_base_fee, most_excess
from stateless.state import Log
from stateless.transition import BlockExecution, Signed, encodable_logs
from stateless.tries import state_root

OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType({"merge": "paris"})
"""Forks that had another name once."""

EXCEPTIONS: Final[Mapping[str, frozenset[Reason]]] = MappingProxyType(
    {
        name: frozenset(reasons)
        for name, *reasons in (
            ("GASLIMIT_PRICE_PRODUCT_OVERFLOW", Reason.INSUFFICIENT_FUNDS),
            ("GAS_ALLOWANCE_EXCEEDED", Reason.GAS_LIMIT_EXCEEDED),
            ("GAS_LIMIT_EXCEEDS_MAXIMUM", Reason.TRANSACTION_GAS_LIMIT),
            ("INITCODE_SIZE_EXCEEDED", Reason.INITCODE_TOO_LONG),
            ("INSUFFICIENT_ACCOUNT_FUNDS", Reason.INSUFFICIENT_FUNDS),
            ("INSUFFICIENT_MAX_FEE_PER_BLOB_GAS", Reason.FEE_TOO_LOW),
            ("INSUFFICIENT_MAX_FEE_PER_GAS", Reason.FEE_TOO_LOW),
            ("INTRINSIC_GAS_BELOW_FLOOR_GAS_COST", Reason.INTRINSIC_GAS),
            ("INTRINSIC_GAS_TOO_LOW", Reason.INTRINSIC_GAS),
            ("INVALID_CHAINID", Reason.CHAIN_ID_MISMATCH),
            ("INVALID_SIGNATURE_VRS", Reason.TRANSACTION_MALFORMED),
            ("NONCE_IS_MAX", Reason.NONCE_OVERFLOW),
            ("NONCE_MISMATCH_TOO_HIGH", Reason.NONCE_MISMATCH),
            ("NONCE_MISMATCH_TOO_LOW", Reason.NONCE_MISMATCH),
            ("PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS", Reason.PRIORITY_FEE_ABOVE_FEE),
            ("RLP_INVALID_VALUE", Reason.TRANSACTION_MALFORMED),
            ("SENDER_NOT_EOA", Reason.SENDER_NOT_EOA),
            ("TYPE_3_TX_BLOB_COUNT_EXCEEDED", Reason.BLOB_COUNT),
            ("TYPE_3_TX_CONTRACT_CREATION", Reason.TRANSACTION_FORM, Reason.TRANSACTION_MALFORMED),
            ("TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH", Reason.BLOB_VERSION),
            ("TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED", Reason.BLOB_COUNT),
            ("TYPE_3_TX_PRE_FORK", Reason.TRANSACTION_TYPE),
            ("TYPE_3_TX_ZERO_BLOBS", Reason.BLOB_COUNT),
            ("TYPE_3_TX_ZERO_BLOBS_PRE_FORK", Reason.TRANSACTION_TYPE),
            ("TYPE_4_EMPTY_AUTHORIZATION_LIST", Reason.TRANSACTION_FORM),
            ("TYPE_4_TX_CONTRACT_CREATION", Reason.TRANSACTION_FORM, Reason.TRANSACTION_MALFORMED),
            ("TYPE_4_TX_PRE_FORK", Reason.TRANSACTION_TYPE),
        )
    }
)
"""Why a transaction is refused, by execution-spec-tests' names. Under a name that is not here any reason will do."""


@dataclass(frozen=True, slots=True)
class StateTestBlock(BlockEnvironment):
    """A block whose ancestors have made-up hashes."""

    def hash_of(self, number: int) -> bytes:
        """keccak256 of the number in decimal. Source: go-ethereum, `tests/state_test_util.go`, vmTestBlockHash."""
        return keccak256(str(number).encode())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one case."""

    name: str
    fork: str
    case: Expectation
    state_root: Hash32
    """Of the accounts afterwards, as they were computed here."""
    error: str
    """What differs, in one line; empty where nothing does."""

    @property
    def passed(self) -> bool:
        """Whether the case came out as it must."""
        return not self.error


def canonical(fork: str) -> str | None:
    """The name in `FORKS` of a fork as files name it, in letters of any case; None where its rules are not known."""
    name = OTHER_NAMES.get(fork.lower(), fork.lower())
    return name if name in FORKS else None


def run(test: StateTest, tracer: Tracer | None = None) -> Iterator[Verdict]:
    """The verdicts on all cases of a test under forks whose rules are known."""
    for fork in test.cases:
        yield from run_fork(test, fork, tracer)


def run_fork(test: StateTest, fork: str, tracer: Tracer | None = None) -> Iterator[Verdict]:
    """The verdicts on the cases of one fork; none where its rules are not known."""
    known = canonical(fork)
    if known is None:
        return
    rules = _with_blobs(FORKS[known], test, fork)
    block = _block(test, rules)
    for case in test.cases.get(fork, ()):
        execution = BlockExecution(rules, AccountSchedule(), AccountsView(test.pre), block, tracer)
        logs: tuple[Log, ...] = ()
        refused: Rejection | None = None
        accounts = test.pre
        try:
            logs = execution.apply(_signed(test, case)).logs
            accounts = changed(test.pre, execution.machine.state.changes())
        except Rejection as rejection:
            refused = rejection
        root = state_root(accounts)
        yield Verdict(test.name, fork, case, root, _error(case, refused, root, logs))


def _error(case: Expectation, refused: Rejection | None, root: Hash32, logs: tuple[Log, ...]) -> str:
    if case.exception is not None:
        if refused is None:
            return f"executed, but must be refused: {case.exception}"
        allowed = [EXCEPTIONS.get(name.split(".")[-1].strip()) for name in case.exception.split("|")]
        if not any(reasons is None or refused.reason in reasons for reasons in allowed):
            return f"refused ({refused}), but for another reason: {case.exception}"
    elif refused is not None:
        return f"refused: {refused}"
    if root != case.state_root:
        return f"post state root mismatch: got 0x{root.hex()}, want 0x{case.state_root.hex()}"
    logs_hash = keccak256(encode_items(encodable_logs(logs)))
    if logs_hash != case.logs_hash:
        return f"post state logs hash mismatch: got 0x{logs_hash.hex()}, want 0x{case.logs_hash.hex()}"
    return ""


def _signed(test: StateTest, case: Expectation) -> Signed:
    """The transaction of a case and its sender, from its bytes where there are any. Raises: Rejection."""
    try:
        if case.transaction is None:
            transaction, sender = _described(test, case), test.template.sender
            if sender is None:
                raise DecodeError("the sender is not known")
            return Signed(transaction, sender)
        transaction, sender = rlp.decode_signed(case.transaction)
    except DecodeError as error:
        raise Rejection(Reason.TRANSACTION_MALFORMED, why=str(error)) from None
    _check_described(test, case, transaction, sender)
    return Signed(transaction, sender)


def _described(test: StateTest, case: Expectation) -> Transaction:
    return test.template.transaction(test.chain_id, case.data, case.gas, case.value)


def _check_described(test: StateTest, case: Expectation, transaction: Transaction, sender: Address) -> None:
    """The bytes of a case are those of the transaction that its test describes. Raises: Rejection."""
    described = _described(test, case)
    zero = Uint256(0)
    if replace(transaction, y_parity=0, r=zero, s=zero, chain_id=described.chain_id) != described:
        raise Rejection(Reason.TRANSACTION_FORM, rule="txbytes is not the transaction that the test describes")
    if test.template.sender not in (None, sender):
        raise Rejection(Reason.TRANSACTION_FORM, rule="txbytes is not signed by the sender", signer=sender)


def _with_blobs(rules: Execution, test: StateTest, fork: str) -> Execution:
    """The rules with the test's own blob figures; where a transaction may fill a block, it still may."""
    figures = test.blob_figures.get(fork)
    if figures is None or rules.blobs is None:
        return rules
    fills = rules.blobs.per_transaction == rules.blobs.maximum
    blobs = replace(
        rules.blobs,
        target=figures.target,
        maximum=figures.maximum,
        base_fee_update_fraction=figures.base_fee_update_fraction,
        per_transaction=figures.maximum if fills else rules.blobs.per_transaction,
    )
    return replace(rules, blobs=blobs)


def _block(test: StateTest, rules: Execution) -> BlockEnvironment:
    environment, blobs = test.environment, rules.blobs
    if blobs is not None and environment.excess_blob_gas > most_excess(blobs):
        raise DecodeError(f"at most {most_excess(blobs)}: beyond, no blob can be paid for", "env.currentExcessBlobGas")
    return StateTestBlock(
        number=environment.number,
        timestamp=environment.timestamp,
        coinbase=environment.coinbase,
        gas_limit=environment.gas_limit,
        prev_randao=environment.prev_randao or bytes(32),
        base_fee=environment.base_fee,
        chain_id=test.chain_id,
        difficulty=environment.difficulty,
        blob_base_fee=0 if blobs is None else blob_base_fee(blobs, environment.excess_blob_gas),
    )
