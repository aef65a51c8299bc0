"""One transaction: whether it may be in the block, and what it does.

    check(...)   everything that can be said without the state, and then with the sender's account
    apply(...)   pay, execute, refund, reward

Amounts are in wei, gas in units of gas.

Source: yellow paper, section 6; EIPs 1559, 2681, 2930, 3607, 3860, 4844, 7623, 7702, 7825.
"""

from dataclasses import dataclass
from typing import Final

from spec.codec import rlp
from spec.containers import Authorization, Transaction
from spec.errors import DecodeError, Reason, Rejection
from spec.forks import Execution
from spec.gas import (
    DELEGATION_PREFIX,
    GAS_ACCESS_LIST_ADDRESS,
    GAS_ACCESS_LIST_STORAGE_KEY,
    GAS_AUTHORIZATION_BASE,
    GAS_EMPTY_ACCOUNT,
    GAS_FLOOR_TOKEN,
    GAS_INITCODE_WORD,
    GAS_NONZERO_BYTE,
    GAS_PER_BLOB,
    GAS_TRANSACTION,
    GAS_TRANSACTION_CREATE,
    GAS_ZERO_BYTE,
    MAX_INITCODE_BYTES,
    REFUND_QUOTIENT,
)
from spec.types import Address
from stateless.evm.calls import MAX_NONCE, create_address, delegate_of
from stateless.evm.code import NO_CODE, Code, WholeCode
from stateless.evm.frame import Message, Result
from stateless.evm.machine import Machine
from stateless.state import Log

BLOB_HASH_VERSION: Final = 1
"""First byte of a versioned hash. Source: EIP-4844, VERSIONED_HASH_VERSION_KZG."""
TOKENS_OF_NONZERO_BYTE: Final = 4
"""Source: EIP-7623."""
NO_ADDRESS: Final = Address(bytes(20))


@dataclass(frozen=True, slots=True)
class Applied:
    """What a transaction came to."""

    success: bool
    gas_used: int
    logs: tuple[Log, ...]
    output: bytes
    error: str
    created: Address | None
    """The contract that a creation transaction made."""


def intrinsic_gas(transaction: Transaction, rules: Execution) -> int:
    """What a transaction costs before it runs."""
    data, gas = transaction.data, GAS_TRANSACTION
    if data:
        zeros = data.count(0)
        gas += GAS_ZERO_BYTE * zeros + GAS_NONZERO_BYTE * (len(data) - zeros)
    if transaction.to is None:
        gas += GAS_TRANSACTION_CREATE
        if rules.limits_initcode:
            gas += GAS_INITCODE_WORD * ((len(data) + 31) // 32)
    for entry in transaction.access_list:
        gas += GAS_ACCESS_LIST_ADDRESS + GAS_ACCESS_LIST_STORAGE_KEY * len(entry.storage_keys)
    return gas + GAS_EMPTY_ACCOUNT * len(transaction.authorization_list)


def floor_gas(transaction: Transaction, rules: Execution) -> int:
    """The least that a transaction uses, for its calldata (EIP-7623)."""
    if not rules.calldata_floor:
        return 0
    data = transaction.data
    if not data:
        return GAS_TRANSACTION
    zeros = data.count(0)
    tokens = zeros + TOKENS_OF_NONZERO_BYTE * (len(data) - zeros)
    return GAS_TRANSACTION + GAS_FLOOR_TOKEN * tokens


def blob_gas(transaction: Transaction) -> int:
    """Blob gas of a transaction's blobs."""
    return GAS_PER_BLOB * len(transaction.blob_versioned_hashes)


def most_per_gas(transaction: Transaction) -> int:
    """The most wei per gas that the transaction pays."""
    fee = transaction.max_fee_per_gas if transaction.gas_price is None else transaction.gas_price
    return 0 if fee is None else fee


def effective_gas_price(transaction: Transaction, base_fee: int) -> int:
    """The wei per gas that the transaction pays: base fee and tip, within its limits (EIP-1559)."""
    if transaction.gas_price is not None:
        return transaction.gas_price
    tip = transaction.max_priority_fee_per_gas or 0
    return min(most_per_gas(transaction), base_fee + tip)


def check_form(transaction: Transaction, rules: Execution, chain_id: int, base_fee: int, blob_base_fee: int) -> None:
    """What can be said without the state. Raises: Rejection."""
    if transaction.type > rules.last_transaction_type:
        raise Rejection(Reason.TRANSACTION_TYPE, type=transaction.type)
    if transaction.chain_id is not None and transaction.chain_id != chain_id:
        raise Rejection(Reason.CHAIN_ID_MISMATCH, signed=transaction.chain_id, chain=chain_id)
    if transaction.nonce >= MAX_NONCE:
        raise Rejection(Reason.NONCE_OVERFLOW, nonce=transaction.nonce)
    if rules.limits_initcode and transaction.to is None and len(transaction.data) > MAX_INITCODE_BYTES:
        raise Rejection(Reason.INITCODE_TOO_LONG, bytes=len(transaction.data), most=MAX_INITCODE_BYTES)
    needed = max(intrinsic_gas(transaction, rules), floor_gas(transaction, rules))
    if transaction.gas_limit < needed:
        raise Rejection(Reason.INTRINSIC_GAS, gas_limit=transaction.gas_limit, needed=needed)
    if rules.transaction_gas_limit is not None and transaction.gas_limit > rules.transaction_gas_limit:
        raise Rejection(Reason.TRANSACTION_GAS_LIMIT, gas_limit=transaction.gas_limit, most=rules.transaction_gas_limit)
    fee = most_per_gas(transaction)
    if fee < base_fee:
        raise Rejection(Reason.FEE_TOO_LOW, pays=fee, base_fee=base_fee)
    if transaction.max_priority_fee_per_gas is not None and transaction.max_priority_fee_per_gas > fee:
        raise Rejection(Reason.PRIORITY_FEE_ABOVE_FEE, priority_fee=transaction.max_priority_fee_per_gas, fee=fee)
    if transaction.type == rlp.BLOB:
        _check_blobs(transaction, rules, blob_base_fee)
    if transaction.type in (rlp.BLOB, rlp.SET_CODE) and transaction.to is None:
        raise Rejection(Reason.TRANSACTION_FORM, rule=f"type {transaction.type} cannot create a contract")
    if transaction.type == rlp.SET_CODE and not transaction.authorization_list:
        raise Rejection(Reason.TRANSACTION_FORM, rule="type 4 needs an authorization")


def _check_blobs(transaction: Transaction, rules: Execution, blob_base_fee: int) -> None:
    hashes = transaction.blob_versioned_hashes
    most = rules.blobs.per_transaction if rules.blobs else 0
    if not 1 <= len(hashes) <= most:
        raise Rejection(Reason.BLOB_COUNT, blobs=len(hashes), most=most)
    for versioned_hash in hashes:
        if versioned_hash[0] != BLOB_HASH_VERSION:
            raise Rejection(Reason.BLOB_VERSION, versioned_hash=versioned_hash)
    if (transaction.max_fee_per_blob_gas or 0) < blob_base_fee:
        raise Rejection(Reason.FEE_TOO_LOW, pays=transaction.max_fee_per_blob_gas or 0, blob_base_fee=blob_base_fee)


def check_sender(machine: Machine, transaction: Transaction, sender: Address) -> None:
    """What the sender's account says. Raises: Rejection; UnknownNode."""
    state = machine.state
    nonce = state.nonce(sender)
    if nonce != transaction.nonce:
        raise Rejection(Reason.NONCE_MISMATCH, sender=sender, nonce=transaction.nonce, account=nonce)
    needed = transaction.gas_limit * most_per_gas(transaction) + transaction.value
    needed += blob_gas(transaction) * (transaction.max_fee_per_blob_gas or 0)
    if state.balance(sender) < needed:
        raise Rejection(Reason.INSUFFICIENT_FUNDS, sender=sender, balance=state.balance(sender), needed=needed)
    code = state.code(sender)
    if code.size and (machine.rules.last_transaction_type < rlp.SET_CODE or delegate_of(code) is None):
        raise Rejection(Reason.SENDER_NOT_EOA, sender=sender)


def apply(machine: Machine, transaction: Transaction, sender: Address) -> Applied:
    """Execute a transaction that both checks accept.

    Raises: UnknownNode; Rejection where a devnet's rules leave it with more gas than it began with.
    """
    state, rules, block, schedule = machine.state, machine.rules, machine.block, machine.schedule
    price = effective_gas_price(transaction, block.base_fee)
    machine.origin, machine.gas_price, machine.gas_limit = sender, price, transaction.gas_limit
    machine.blob_hashes = transaction.blob_versioned_hashes
    paid = transaction.gas_limit * price + blob_gas(transaction) * block.blob_base_fee
    accessed = [(entry.address, [int.from_bytes(key, "big") for key in entry.storage_keys])
                for entry in transaction.access_list]  # fmt: skip
    schedule.begin_transaction(machine, transaction.to, transaction.value, accessed)
    state.set_balance(sender, state.balance(sender) - paid)
    state.set_nonce(sender, transaction.nonce + 1)
    for authorization in transaction.authorization_list:
        _authorize(machine, authorization)
    message = _message(machine, transaction, sender, transaction.gas_limit - intrinsic_gas(transaction, rules))
    result = machine.execute(message)
    gas_used = _settle(machine, transaction, sender, price, result)
    logs = tuple(state.logs) if result.success else ()
    schedule.end_transaction(machine)
    state.end_transaction(deletes_empty=schedule.deletes_empty, clears_destroyed=schedule.clears_destroyed)
    created = message.address if message.is_creation and result.success else None
    return Applied(result.success, gas_used, logs, result.output, result.error, created)


def _message(machine: Machine, transaction: Transaction, sender: Address, gas: int) -> Message:
    code: Code
    if transaction.to is None:
        address = create_address(sender, transaction.nonce)
        code, data, code_address = WholeCode(transaction.data), b"", address
    else:
        address = code_address = transaction.to
        code, data = machine.code(address), transaction.data
        delegate = delegate_of(code)
        if delegate is not None:
            machine.schedule.target_delegates(machine, delegate)
            code_address = delegate
            code = NO_CODE if delegate in machine.precompiles else machine.code(delegate)
    return Message(
        caller=sender,
        address=address,
        code_address=code_address,
        code=code,
        data=data,
        value=transaction.value,
        gas=gas,
        depth=0,
        is_static=False,
        is_creation=transaction.to is None,
        creates_callee=True,
        is_precompile=transaction.to in machine.precompiles,
    )


def _settle(machine: Machine, transaction: Transaction, sender: Address, price: int, result: Result) -> int:
    """Refund what was not used, pay the fee recipient; the gas used. Raises: Rejection."""
    state, block = machine.state, machine.block
    gas_used = transaction.gas_limit - result.gas_left
    if gas_used < 0:
        raise Rejection(Reason.GAS_FROM_NOTHING, sender=sender, nonce=transaction.nonce, gas_used=gas_used)
    gas_used -= min(gas_used // REFUND_QUOTIENT, state.refund)
    gas_used = max(gas_used, floor_gas(transaction, machine.rules))
    state.set_balance(sender, state.balance(sender) + (transaction.gas_limit - gas_used) * price)
    fee = (price - block.base_fee) * gas_used
    machine.schedule.pay_coinbase(machine, block.coinbase, fee)
    if fee:
        state.set_balance(block.coinbase, state.balance(block.coinbase) + fee)
    elif machine.schedule.deletes_empty:
        state.touch(block.coinbase)
    return gas_used


def _authorize(machine: Machine, authorization: Authorization) -> None:
    """Set the signer's code to a delegation, or leave it where a rule is not met (EIP-7702, "Behavior")."""
    if authorization.chain_id not in (0, machine.block.chain_id) or authorization.nonce >= MAX_NONCE:
        return
    try:
        authority = rlp.authority(authorization)
    except DecodeError:
        return
    state = machine.state
    machine.schedule.authority(machine, authority)
    code = machine.code(authority)
    if (code.size and delegate_of(code) is None) or state.nonce(authority) != authorization.nonce:
        return
    nothing = authorization.address == NO_ADDRESS
    machine.schedule.delegate(machine, authority, to_nothing=nothing)
    if state.exists(authority):
        state.refund += GAS_EMPTY_ACCOUNT - GAS_AUTHORIZATION_BASE
    state.set_code(authority, b"" if nothing else DELEGATION_PREFIX + authorization.address)
    state.set_nonce(authority, authorization.nonce + 1)
