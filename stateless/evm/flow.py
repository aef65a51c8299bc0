"""Operations on the stack, memory and program counter.

Source: yellow paper, appendix H, "50s", "60s" to "90s" and "f0s"; EIP-3855 (PUSH0), EIP-5656 (MCOPY).
"""

from spec.errors import ExceptionalHalt
from spec.gas import GAS_VERY_LOW, STACK_LIMIT
from spec.params import CODE_CHUNK_BYTES
from stateless.evm.code import Operation
from stateless.evm.frame import WORD_MASK, Frame, Signal, copy_gas


def put(frame: Frame, word: int) -> None:
    """Push a word. Raises: ExceptionalHalt on overflow."""
    stack = frame.stack
    if len(stack) >= STACK_LIMIT:
        raise ExceptionalHalt("stack overflow")
    stack.append(word)


def pop(frame: Frame) -> None:
    """Drop the top."""
    frame.stack.pop()


def push(word: int) -> Operation:
    """PUSHn whose data is at hand."""

    def push_word(frame: Frame) -> None:
        stack = frame.stack
        if len(stack) >= STACK_LIMIT:
            raise ExceptionalHalt("stack overflow")
        stack.append(word)

    return push_word


def push_across(start: int, size: int) -> Operation:
    """PUSHn whose data, `size` bytes from `start`, reaches into a later chunk or past the end of the code.

    Once its data is paid for, it is a push like any other for as long as the program lasts.
    """

    def push_pieces(frame: Frame) -> None:
        if len(frame.stack) >= STACK_LIMIT:
            raise ExceptionalHalt("stack overflow")
        frame.machine.schedule.push_data(frame, start, size)
        word = int.from_bytes(frame.code.read(start, size), "big")
        frame.stack.append(word)
        frame.program[start - 1] = push(word), GAS_VERY_LOW, frame.pc

    return push_pieces


def push_zero(frame: Frame) -> None:
    """PUSH0."""
    put(frame, 0)


def dup(n: int) -> Operation:
    """DUPn: the n-th word from the top once more."""

    def dup_nth(frame: Frame) -> None:
        stack = frame.stack
        if len(stack) >= STACK_LIMIT:
            raise ExceptionalHalt("stack overflow")
        stack.append(stack[-n])

    return dup_nth


def swap(n: int) -> Operation:
    """SWAPn: the top and the n-th word below it change places."""
    place = -n - 1

    def swap_nth(frame: Frame) -> None:
        stack = frame.stack
        stack[-1], stack[place] = stack[place], stack[-1]

    return swap_nth


def mload(frame: Frame) -> None:
    """A word of memory."""
    stack = frame.stack
    offset = stack[-1]
    end = offset + 32
    memory = frame.memory
    if end > len(memory):
        frame.reach(offset, 32)
    stack[-1] = int.from_bytes(memory[offset:end], "big")


def mstore(frame: Frame) -> None:
    """Store a word in memory."""
    stack = frame.stack
    offset, word = stack.pop(), stack.pop()
    end = offset + 32
    memory = frame.memory
    if end > len(memory):
        frame.reach(offset, 32)
    memory[offset:end] = word.to_bytes(32, "big")


def mstore8(frame: Frame) -> None:
    """Store the low byte of a word in memory."""
    stack = frame.stack
    offset, word = stack.pop(), stack.pop()
    frame.reach(offset, 1)
    frame.memory[offset] = word & 0xFF


def mcopy(frame: Frame) -> None:
    """Copy memory; the ranges may overlap."""
    stack = frame.stack
    target, source, size = stack.pop(), stack.pop(), stack.pop()
    frame.charge(copy_gas(size) + frame.memory_gas((target, size), (source, size)))
    frame.grow((target, size), (source, size))
    frame.write_memory(target, frame.read_memory(source, size))


def msize(frame: Frame) -> None:
    """Bytes of memory reached so far."""
    put(frame, len(frame.memory))


def pc(frame: Frame) -> None:
    """Position of this instruction."""
    put(frame, frame.pc - 1)


def gas(frame: Frame) -> None:
    """Gas left after this instruction."""
    put(frame, frame.gas & WORD_MASK)


def jumpdest(_: Frame) -> None:
    """Where a jump may lead."""


def _jump(frame: Frame, destination: int) -> None:
    frame.machine.schedule.jump(frame, destination)
    program = frame.program
    if destination < frame.code.size:
        instruction = program[destination]
        if instruction is None:
            entries = frame.machine.decode(frame.machine.program_of(frame.code), frame.code, destination)
            instruction = entries[destination % CODE_CHUNK_BYTES]
        if instruction is not None and instruction[0] is jumpdest:
            frame.pc = destination
            return
    raise ExceptionalHalt("invalid jump destination")


def jump(frame: Frame) -> None:
    """Go on at a JUMPDEST."""
    _jump(frame, frame.stack.pop())


def jumpi(frame: Frame) -> None:
    """Go on at a JUMPDEST if the second word is not 0."""
    stack = frame.stack
    destination, condition = stack.pop(), stack.pop()
    if condition:
        _jump(frame, destination)


def stop(_: Frame) -> Signal:
    """End with no output."""
    return Signal.STOP


def _output(frame: Frame) -> None:
    offset, size = frame.stack.pop(), frame.stack.pop()
    frame.reach(offset, size)
    frame.output = frame.read_memory(offset, size)


def return_(frame: Frame) -> Signal:
    """End with a range of memory as output."""
    _output(frame)
    return Signal.STOP


def revert(frame: Frame) -> Signal:
    """Take changes back and end with a range of memory as output (EIP-140)."""
    _output(frame)
    return Signal.REVERT


def invalid(_: Frame) -> None:
    """INVALID, every byte that is no opcode in this fork, and push data."""
    raise ExceptionalHalt("invalid opcode")
