"""The loop that runs a frame, twice: as the rules read, and as fast as it goes.

`run_checked` is the definition: before each instruction it compares the stack with the opcode table. `run` does
without: an operation that takes more words than there are fails in Python's list (IndexError), and operations that
leave more than they take look for overflow themselves. Tests run programs through both and compare everything.

One step: charge for the code (a chunk that the frame has not entered), the constant gas, then the operation, which
charges the rest.

Source: yellow paper, section 9.4.
"""

from typing import TYPE_CHECKING

from spec.errors import ExceptionalHalt
from spec.gas import STACK_LIMIT
from stateless.evm.frame import Frame, OutOfGas, Signal

if TYPE_CHECKING:
    from stateless.evm.machine import Tracer


def run(frame: Frame) -> Signal:
    """Run until the frame ends or waits for another. Raises: ExceptionalHalt; UnknownNode."""
    tracer = frame.machine.tracer
    if tracer is not None:
        return run_checked(frame, tracer)
    program = frame.program
    try:
        while True:
            instruction = program[frame.pc]
            if instruction is None:
                frame.machine.schedule.enter(frame, frame.pc)
                continue
            operation, gas, frame.pc = instruction
            frame.gas -= gas
            if frame.gas < 0:
                raise OutOfGas("out of gas")
            signal = operation(frame)
            if signal is not None:
                return signal
    except IndexError:
        raise ExceptionalHalt("stack underflow") from None


def run_checked(frame: Frame, tracer: "Tracer | None" = None) -> Signal:
    """`run` by the table, step by step, with a tracer looking on."""
    program, machine = frame.program, frame.machine
    while True:
        before = frame.gas
        if tracer is not None:
            tracer.step(frame)
        while (instruction := program[frame.pc]) is None:
            machine.schedule.enter(frame, frame.pc)
        opcode = machine.opcodes[frame.code.read(frame.pc, 1)[0]]
        height = len(frame.stack)
        if height < opcode.takes:
            raise ExceptionalHalt("stack underflow")
        if height - opcode.takes + opcode.leaves > STACK_LIMIT:
            raise ExceptionalHalt("stack overflow")
        operation, gas, frame.pc = instruction
        frame.charge(gas)
        frame.given_back = 0
        signal = operation(frame)
        if tracer is not None:
            tracer.stepped(frame, before - frame.gas + frame.given_back)
        if signal is not None:
            return signal
