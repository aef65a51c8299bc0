"""Operations that start other frames or end an account: CALL and its kin, CREATE, CREATE2, SELFDESTRUCT.

A call leaves its message in `frame.pending` and hands the frame back (`Signal.CALL`); the machine runs the message
and gives the result to `resume`. So calls nest 1024 deep without nesting Python's own.

Source: yellow paper, appendix H, "f0s"; EIPs 7, 150, 214, 1014, 3860, 6780, 7702.
"""

from enum import Enum
from typing import NamedTuple

from spec.crypto import keccak256
from spec.errors import ExceptionalHalt
from spec.gas import CALL_DEPTH_LIMIT, DELEGATION_PREFIX, GAS_CALL_STIPEND, MAX_INITCODE_BYTES
from spec.types import Address
from stateless.evm.code import NO_CODE, Code, WholeCode
from stateless.evm.environment import require_writable, to_address
from stateless.evm.frame import Frame, Message, Result, Signal

DELEGATION_BYTES = len(DELEGATION_PREFIX) + Address.LENGTH
MAX_NONCE = 2**64 - 1
"""Source: EIP-2681."""


class CallKind(Enum):
    """The four calls."""

    CALL = "CALL"
    CALLCODE = "CALLCODE"
    DELEGATECALL = "DELEGATECALL"
    STATICCALL = "STATICCALL"


class Callee(NamedTuple):
    """What a schedule makes of a call that it has charged for."""

    gas: int
    """The callee's gas, the stipend left out."""
    code_address: Address
    """Where the code comes from: the target, or what it delegates to (EIP-7702)."""


def delegate_of(code: Code) -> Address | None:
    """The account that code delegates to, if it is a delegation (EIP-7702)."""
    if code.size != DELEGATION_BYTES:
        return None
    designator = code.read(0, DELEGATION_BYTES)
    if not designator.startswith(DELEGATION_PREFIX):
        return None
    return Address(designator[len(DELEGATION_PREFIX) :])


def all_but_one_64th(gas: int) -> int:
    """The most that a call may take along (EIP-150)."""
    return gas - gas // 64


def _call(frame: Frame, kind: CallKind) -> Signal | None:
    stack, state, machine, own = frame.stack, frame.state, frame.machine, frame.message
    requested, target = stack.pop(), to_address(stack.pop())
    if kind in (CallKind.CALL, CallKind.CALLCODE):
        value = stack.pop()
    else:
        value = own.value if kind is CallKind.DELEGATECALL else 0
    offset, size, output_offset, output_size = stack.pop(), stack.pop(), stack.pop(), stack.pop()
    ranges = (offset, size), (output_offset, output_size)
    paid_value = 0 if kind is CallKind.DELEGATECALL else value
    callee = machine.schedule.call(frame, kind, target, paid_value, requested, frame.memory_gas(*ranges))
    if kind is CallKind.CALL and value:
        require_writable(frame)
    frame.grow(*ranges)
    gas = callee.gas + (GAS_CALL_STIPEND if paid_value else 0)
    frame.returned = b""
    if own.depth >= CALL_DEPTH_LIMIT or (paid_value and state.balance(frame.address) < value):
        frame.gas += gas
        frame.given_back = gas
        stack.append(0)
        return None
    keeps_address = kind in (CallKind.CALLCODE, CallKind.DELEGATECALL)
    is_precompile = target in machine.precompiles
    no_code = is_precompile or callee.code_address in machine.precompiles
    frame.pending = Message(
        caller=own.caller if kind is CallKind.DELEGATECALL else frame.address,
        address=frame.address if keeps_address else target,
        code_address=target if is_precompile else callee.code_address,
        code=NO_CODE if no_code else machine.code(callee.code_address),
        data=frame.read_memory(offset, size),
        value=value,
        gas=gas,
        depth=own.depth + 1,
        is_static=own.is_static or kind is CallKind.STATICCALL,
        moves_value=not keeps_address,
        creates_callee=kind is CallKind.CALL,
        is_precompile=is_precompile,
        output_offset=output_offset,
        output_size=output_size,
    )
    return Signal.CALL


def call(frame: Frame) -> Signal | None:
    """Call an account with its own state."""
    return _call(frame, CallKind.CALL)


def callcode(frame: Frame) -> Signal | None:
    """Run an account's code on the own state."""
    return _call(frame, CallKind.CALLCODE)


def delegatecall(frame: Frame) -> Signal | None:
    """Run an account's code on the own state, as the own caller's call (EIP-7)."""
    return _call(frame, CallKind.DELEGATECALL)


def staticcall(frame: Frame) -> Signal | None:
    """Call an account that may change nothing (EIP-214)."""
    return _call(frame, CallKind.STATICCALL)


def _create(frame: Frame, *, salted: bool) -> Signal | None:
    stack, state, machine, own = frame.stack, frame.state, frame.machine, frame.message
    value, offset, size = stack.pop(), stack.pop(), stack.pop()
    salt = stack.pop() if salted else None
    if machine.rules.limits_initcode and size > MAX_INITCODE_BYTES:
        raise ExceptionalHalt("initcode too long")
    machine.schedule.create(frame, size, frame.memory_gas((offset, size)), salted=salted)
    require_writable(frame)
    frame.grow((offset, size))
    initcode = frame.read_memory(offset, size)
    sender, nonce = frame.address, state.nonce(frame.address)
    frame.returned = b""
    address = create_address(sender, nonce) if salt is None else create2_address(sender, salt, initcode)
    if not machine.schedule.before_creation(frame, address, value):
        return Signal.REVERT
    if own.depth >= CALL_DEPTH_LIMIT or state.balance(sender) < value or nonce >= MAX_NONCE:
        stack.append(0)
        return None
    gas = all_but_one_64th(frame.gas)
    frame.gas -= gas
    frame.given_back = -gas
    state.set_nonce(sender, nonce + 1)
    frame.pending = Message(
        caller=sender,
        address=address,
        code_address=address,
        code=WholeCode(initcode),
        data=b"",
        value=value,
        gas=gas,
        depth=own.depth + 1,
        is_static=False,
        is_creation=True,
    )
    return Signal.CALL


def create(frame: Frame) -> Signal | None:
    """Make a contract at an address told by the creator's nonce."""
    return _create(frame, salted=False)


def create2(frame: Frame) -> Signal | None:
    """Make a contract at an address told by salt and initcode (EIP-1014)."""
    return _create(frame, salted=True)


def create_address(sender: Address, nonce: int) -> Address:
    """keccak256(rlp([sender, nonce]))[12:]."""
    encoded = b"" if nonce == 0 else nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    if len(encoded) != 1 or encoded[0] >= 0x80:
        encoded = bytes((0x80 + len(encoded),)) + encoded
    items = bytes((0x80 + Address.LENGTH,)) + sender + encoded
    return Address(keccak256(bytes((0xC0 + len(items),)) + items)[12:])


def create2_address(sender: Address, salt: int, initcode: bytes) -> Address:
    """keccak256(0xff || sender || salt || keccak256(initcode))[12:]. Source: EIP-1014."""
    return Address(keccak256(b"\xff" + sender + salt.to_bytes(32, "big") + keccak256(initcode))[12:])


def resume(frame: Frame, message: Message, result: Result) -> None:
    """Give a frame what the message that it waited for came to."""
    frame.gas += result.gas_left
    if message.is_creation:
        frame.returned = b"" if result.success else result.output
        frame.stack.append(int.from_bytes(message.address, "big") if result.success else 0)
        return
    frame.returned = result.output
    frame.write_memory(message.output_offset, result.output[: message.output_size])
    frame.stack.append(1 if result.success else 0)


def selfdestruct(frame: Frame) -> Signal:
    """End, give all wei to a beneficiary, and be deleted (since Cancun only if made in this transaction)."""
    state, own, machine = frame.state, frame.address, frame.machine
    beneficiary = to_address(frame.stack.pop())
    machine.schedule.destroy(frame, beneficiary)
    require_writable(frame)
    wei = state.balance(own)
    deleted = not machine.rules.destroys_only_created or state.was_created(own)
    if wei:
        state.transfer(own, beneficiary, wei)
    elif machine.schedule.touches(beneficiary, is_precompile=beneficiary in machine.precompiles):
        state.touch(beneficiary)
    if deleted:
        state.set_balance(own, 0)
        state.mark_destroyed(own)
    return Signal.STOP
