"""Operations that read the transaction, the block, accounts and code; and logs, storage and transient storage.

What reading state costs is the schedule's matter.

Source: yellow paper, appendix H, "30s", "40s", "50s" and "a0s"; EIPs 1052, 1153, 1344, 1884, 3198, 4399, 4844, 7516.
"""

from spec.errors import ExceptionalHalt
from spec.gas import GAS_LOG_BYTE, GAS_LOG_TOPIC
from spec.types import Address
from stateless.evm.code import Operation
from stateless.evm.flow import put
from stateless.evm.frame import ADDRESS_MASK, Frame, Signal, copy_gas, padded
from stateless.state import Log


def to_address(word: int) -> Address:
    """The low 20 bytes of a word."""
    return Address((word & ADDRESS_MASK).to_bytes(20, "big"))


def require_writable(frame: Frame) -> None:
    """Raises: ExceptionalHalt inside a static call (EIP-214)."""
    if frame.message.is_static:
        raise ExceptionalHalt("write in a static call")


# ---- the message


def address(frame: Frame) -> None:
    """Whose state the code works on."""
    put(frame, int.from_bytes(frame.address, "big"))


def caller(frame: Frame) -> None:
    """Who called."""
    put(frame, int.from_bytes(frame.message.caller, "big"))


def callvalue(frame: Frame) -> None:
    """Wei that came with the call."""
    put(frame, frame.message.value)


def calldataload(frame: Frame) -> None:
    """A word of the call's data."""
    offset = frame.stack[-1]
    frame.stack[-1] = int.from_bytes(padded(frame.data, offset, 32), "big")


def calldatasize(frame: Frame) -> None:
    """Bytes of the call's data."""
    put(frame, len(frame.data))


def calldatacopy(frame: Frame) -> None:
    """Copy the call's data to memory."""
    stack = frame.stack
    target, source, size = stack.pop(), stack.pop(), stack.pop()
    frame.charge(copy_gas(size) + frame.memory_gas((target, size)))
    frame.grow((target, size))
    frame.write_memory(target, padded(frame.data, source, size))


def codesize(frame: Frame) -> None:
    """Bytes of the running code."""
    put(frame, frame.code.size)


def codecopy(frame: Frame) -> None:
    """Copy the running code to memory."""
    stack = frame.stack
    target, source, size = stack.pop(), stack.pop(), stack.pop()
    frame.charge(copy_gas(size) + frame.memory_gas((target, size)))
    frame.machine.schedule.copy_own_code(frame, source, size)
    frame.grow((target, size))
    frame.write_memory(target, frame.code.read(source, size))


def returndatasize(frame: Frame) -> None:
    """Bytes that the last call returned (EIP-211)."""
    put(frame, len(frame.returned))


def returndatacopy(frame: Frame) -> None:
    """Copy what the last call returned to memory; reading past its end halts (EIP-211)."""
    stack = frame.stack
    target, source, size = stack.pop(), stack.pop(), stack.pop()
    frame.charge(copy_gas(size) + frame.memory_gas((target, size)))
    if source + size > len(frame.returned):
        raise ExceptionalHalt("return data out of bounds")
    frame.grow((target, size))
    frame.write_memory(target, frame.returned[source : source + size])


# ---- the transaction and the block


def origin(frame: Frame) -> None:
    """Who signed the transaction."""
    put(frame, int.from_bytes(frame.machine.origin, "big"))


def gasprice(frame: Frame) -> None:
    """Wei per gas that the transaction pays."""
    put(frame, frame.machine.gas_price)


def blobhash(frame: Frame) -> None:
    """A versioned hash of the transaction; 0 past the last."""
    stack, hashes = frame.stack, frame.machine.blob_hashes
    index = stack[-1]
    stack[-1] = int.from_bytes(hashes[index], "big") if index < len(hashes) else 0


def blockhash(frame: Frame) -> Signal | None:
    """The hash of one of the 256 blocks before this one; 0 for any other."""
    stack = frame.stack
    number, current = stack[-1], frame.machine.block.number
    found = frame.machine.schedule.block_hash(frame, number) if current - 256 <= number < current else 0
    if found is None:
        return Signal.REVERT
    stack[-1] = found
    return None


def coinbase(frame: Frame) -> None:
    """The block's fee recipient."""
    put(frame, int.from_bytes(frame.machine.block.coinbase, "big"))


def timestamp(frame: Frame) -> None:
    """The block's time, in seconds."""
    put(frame, frame.machine.block.timestamp)


def number(frame: Frame) -> None:
    """The block's number."""
    put(frame, frame.machine.block.number)


def difficulty(frame: Frame) -> None:
    """The block's difficulty (before Paris)."""
    put(frame, frame.machine.block.difficulty)


def prevrandao(frame: Frame) -> None:
    """The beacon chain's randomness (EIP-4399)."""
    put(frame, int.from_bytes(frame.machine.block.prev_randao, "big"))


def gaslimit(frame: Frame) -> None:
    """The block's gas limit."""
    put(frame, frame.machine.block.gas_limit)


def chainid(frame: Frame) -> None:
    """The chain's id."""
    put(frame, frame.machine.block.chain_id)


def basefee(frame: Frame) -> None:
    """The block's base fee per gas."""
    put(frame, frame.machine.block.base_fee)


def blobbasefee(frame: Frame) -> None:
    """The block's base fee per blob gas."""
    put(frame, frame.machine.block.blob_base_fee)


# ---- accounts


def balance(frame: Frame) -> None:
    """Wei of an account."""
    who = to_address(frame.stack.pop())
    frame.machine.schedule.balance(frame, who)
    frame.stack.append(frame.state.balance(who))


def selfbalance(frame: Frame) -> None:
    """Wei of the running account."""
    put(frame, frame.state.balance(frame.address))


def extcodesize(frame: Frame) -> None:
    """Bytes of an account's code."""
    who = to_address(frame.stack.pop())
    frame.machine.schedule.code_size(frame, who)
    frame.stack.append(frame.machine.code(who).size)


def extcodehash(frame: Frame) -> None:
    """The hash of an account's code; 0 where there is no account, or an empty one (EIP-1052)."""
    who = to_address(frame.stack.pop())
    frame.machine.schedule.code_hash(frame, who)
    frame.stack.append(frame.machine.schedule.code_hash_of(frame, who))


def extcodecopy(frame: Frame) -> None:
    """Copy an account's code to memory."""
    stack = frame.stack
    who, target, source, size = to_address(stack.pop()), stack.pop(), stack.pop(), stack.pop()
    frame.machine.schedule.copy_code(frame, who, copy_gas(size) + frame.memory_gas((target, size)), source, size)
    frame.grow((target, size))
    if size:
        frame.write_memory(target, frame.machine.code(who).read(source, size))


# ---- storage


def sload(frame: Frame) -> None:
    """A storage value."""
    stack = frame.stack
    slot = stack[-1]
    frame.machine.schedule.load(frame, slot)
    stack[-1] = frame.state.storage(frame.address, slot)


def sstore(frame: Frame) -> None:
    """Store a value."""
    stack = frame.stack
    slot, value = stack.pop(), stack.pop()
    frame.machine.schedule.store(frame, slot, value)
    require_writable(frame)
    frame.state.set_storage(frame.address, slot, value)


def tload(frame: Frame) -> None:
    """A value of transient storage."""
    stack = frame.stack
    stack[-1] = frame.state.transient(frame.address, stack[-1])


def tstore(frame: Frame) -> None:
    """Store a value until the transaction ends."""
    stack = frame.stack
    slot, value = stack.pop(), stack.pop()
    require_writable(frame)
    frame.state.set_transient(frame.address, slot, value)


def log(topics: int) -> Operation:
    """LOGn: an entry with n topics and a range of memory."""

    def log_n(frame: Frame) -> None:
        stack = frame.stack
        offset, size = stack.pop(), stack.pop()
        words = tuple(stack.pop().to_bytes(32, "big") for _ in range(topics))
        frame.charge(GAS_LOG_TOPIC * topics + GAS_LOG_BYTE * size + frame.memory_gas((offset, size)))
        require_writable(frame)
        frame.grow((offset, size))
        frame.state.logs.append(Log(frame.address, words, frame.read_memory(offset, size)))

    return log_n
