"""What the protocol itself does in a block: store the parent's hash and beacon root, collect requests.

Where state is priced by account and slot, it calls the contracts: caller SYSTEM_ADDRESS, 30 million gas of its own, no
value. Where it is priced by witness size, hash and root are written to their slots (which EIP-2935 allows, and which
is what the contracts' code does), and requests are collected by the contracts' code as the protocol knows it, free of
charge; of all this the block's witness lists slots only, and transactions find none of them warm.

A *request* is a type byte and data. Those without data are left out.

Source: EIP-2935, EIP-4788, EIP-7002, EIP-7251, EIP-6110, EIP-7685; EIP-4762, "System contracts".
"""

from collections.abc import Iterable, Sequence

from spec.crypto import sha256
from spec.errors import Reason, Rejection, UnknownNode
from spec.forks import AccountAccess
from spec.system_contracts import (
    BEACON_ROOTS_WINDOW,
    CONSOLIDATION_REQUEST,
    DEPOSIT_EVENT,
    DEPOSIT_FIELDS,
    DEPOSIT_REQUEST,
    SYSTEM_ADDRESS,
    SYSTEM_CALL_GAS,
    SYSTEM_CODES,
    WITHDRAWAL_REQUEST,
)
from spec.types import Address, Bytes32
from stateless.evm.code import Code, WholeCode
from stateless.evm.frame import Message, Result
from stateless.evm.machine import Machine
from stateless.evm.system_schedule import SystemSchedule
from stateless.state import Log

WORD_BYTES = 32


def begin_block(machine: Machine) -> None:
    """Store the parent's beacon root (EIP-4788) and hash (EIP-2935), before any transaction.

    What the block does not tell (None) is not stored.
    """
    contracts, block = machine.rules.system, machine.block
    if _calls_contracts(machine):
        for contract, word in (
            (contracts.beacon_roots, block.parent_beacon_block_root),
            (contracts.history, block.parent_hash),
        ):
            if contract is not None and word is not None and machine.code(contract).size:
                _call(machine, contract, machine.code(contract), word)
        return
    if contracts.beacon_roots is not None and block.parent_beacon_block_root is not None:
        _store_beacon_root(machine, contracts.beacon_roots, block.parent_beacon_block_root)
    if contracts.history is not None and block.parent_hash is not None:
        _store_hash(machine, contracts.history, block.parent_hash)
    machine.state.end_transaction(deletes_empty=False, clears_destroyed=False)


def end_block(machine: Machine, logs: Sequence[Log]) -> tuple[bytes, ...]:
    """The requests of a block, by type (EIP-7685). `logs`: those of all its transactions, in order.

    Raises: Rejection where a deposit's log is malformed, or where a contract that must answer is missing or fails.
    """
    contracts = machine.rules.system
    collected = (
        (DEPOSIT_REQUEST, deposits(contracts.deposits, logs)),
        (WITHDRAWAL_REQUEST, _ask(machine, contracts.withdrawal_requests)),
        (CONSOLIDATION_REQUEST, _ask(machine, contracts.consolidation_requests)),
    )
    return tuple(bytes((kind,)) + data for kind, data in collected if data)


def requests_hash(requests: Iterable[bytes]) -> Bytes32:
    """sha256 of the requests' sha256 digests; what a header says of them. Source: EIP-7685, "Block Header"."""
    return sha256(b"".join(sha256(request) for request in requests if len(request) > 1))


def deposits(contract: Address | None, logs: Iterable[Log]) -> bytes:
    """The data of all deposits among the logs, one after the other; other logs of the contract are none.

    Shapes: 192 bytes each: public key, withdrawal credentials, amount, signature, index.
    Raises: Rejection. Source: EIP-6110, "Block validity".
    """
    return b"".join(
        _deposit(log.data) for log in logs if log.address == contract and log.topics and log.topics[0] == DEPOSIT_EVENT
    )


def _deposit(data: bytes) -> bytes:
    """One deposit out of the ABI's form: five offsets, then each field as its length and its bytes, padded to words."""
    offset = len(DEPOSIT_FIELDS) * WORD_BYTES
    fields = []
    for index, (name, size) in enumerate(DEPOSIT_FIELDS):
        stated = int.from_bytes(data[index * WORD_BYTES : (index + 1) * WORD_BYTES], "big")
        length = int.from_bytes(data[offset : offset + WORD_BYTES], "big")
        if stated != offset or length != size:
            raise Rejection(Reason.DEPOSIT_MALFORMED, field=name, offset=stated, length=length)
        start = offset + WORD_BYTES
        fields.append(data[start : start + size])
        offset = start + (size + WORD_BYTES - 1) // WORD_BYTES * WORD_BYTES
    if len(data) != offset:
        raise Rejection(Reason.DEPOSIT_MALFORMED, bytes=len(data), expected=offset)
    return b"".join(fields)


# ---- calling


def _calls_contracts(machine: Machine) -> bool:
    """Whether the contracts' code and accounts stand in the state like any other."""
    return isinstance(machine.rules.access, AccountAccess)


def _ask(machine: Machine, contract: Address | None) -> bytes:
    """What a contract answers to the protocol's call at the end of a block."""
    if contract is None:
        return b""
    code = machine.code(contract) if _calls_contracts(machine) else WholeCode(SYSTEM_CODES.get(contract, b""))
    if not code.size:
        raise Rejection(Reason.SYSTEM_CALL_FAILED, contract=contract, why="it has no code")
    result = _call(machine, contract, code, b"")
    if not result.success:
        raise Rejection(Reason.SYSTEM_CALL_FAILED, contract=contract, why=result.error or "it reverts")
    return result.output


def _call(machine: Machine, contract: Address, code: Code, data: bytes) -> Result:
    """Call a contract as the protocol: outside of any transaction, and with no tracer looking on."""
    schedule = machine.schedule if _calls_contracts(machine) else SystemSchedule(machine.schedule)
    caller = Machine(machine.rules, schedule, machine.state, machine.block)
    caller.origin, caller.gas_limit = SYSTEM_ADDRESS, SYSTEM_CALL_GAS
    message = Message(
        caller=SYSTEM_ADDRESS,
        address=contract,
        code_address=contract,
        code=code,
        data=data,
        value=0,
        gas=SYSTEM_CALL_GAS,
        depth=0,
        is_static=False,
        moves_value=False,
    )
    result = caller.execute(message)
    block_schedule = machine.schedule
    machine.state.end_transaction(
        deletes_empty=block_schedule.deletes_empty, clears_destroyed=block_schedule.clears_destroyed
    )
    return result


# ---- writing directly


def _store_beacon_root(machine: Machine, contract: Address, root: bytes) -> None:
    slot = machine.block.timestamp % BEACON_ROOTS_WINDOW
    _store(machine, contract, slot, machine.block.timestamp)
    _store(machine, contract, slot + BEACON_ROOTS_WINDOW, int.from_bytes(root, "big"))


def _store_hash(machine: Machine, history: Address, parent_hash: bytes) -> None:
    slot = (machine.block.number - 1) % machine.rules.history_window
    if machine.rules.history_write_makes_account:
        _make_history(machine, history)
    _store(machine, history, slot, int.from_bytes(parent_hash, "big"))


def _store(machine: Machine, contract: Address, slot: int, word: int) -> None:
    machine.schedule.system_write(machine, contract, slot)
    machine.state.set_storage(contract, slot, word)


def _make_history(machine: Machine, history: Address) -> None:
    """Devnets: the first hash stored makes the account. Their witnesses list nothing of it, in no block.

    So a witness can show that there is none yet (its stem is absent), but where it shows nothing, there is one.
    """
    try:
        machine.state.make_account(history)
    except UnknownNode:
        return
