"""The machine: runs one message with all the messages that it gives rise to, over one block's state.

    execute(message) -> Result

Frames stand on a list of the machine's own, so depth is bounded by the rules (1024) and not by Python's stack. A
precompile is a message that ends at once.

    opening a call       value moves, an account may be made, a precompile runs
    opening a creation   address taken? nonce 1, value moves
    closing              a halt loses all gas and takes changes back; a revert keeps gas; a creation stores its code

Source: yellow paper, sections 7 and 8; EIPs 150, 161, 170, 684, 3541, 7610.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from spec.errors import ExceptionalHalt
from spec.forks import Execution
from spec.gas import EOF_PREFIX, MAX_CODE_BYTES
from spec.params import CODE_CHUNK_BYTES
from spec.types import Address
from stateless.evm.block import BlockEnvironment
from stateless.evm.calls import resume
from stateless.evm.code import NO_CODE, Code, Decoder, Program
from stateless.evm.flow import push, push_across
from stateless.evm.frame import Frame, Message, OutOfGas, Result, Signal
from stateless.evm.interpreter import run
from stateless.evm.opcodes import opcodes
from stateless.evm.precompiles import Precompile, precompiles
from stateless.evm.schedule import Schedule
from stateless.state import Mark, State
from witness.access import AccessWitness

HELD_PROGRAM_BYTES: Final = 2**21
"""Decoded code that is kept for later frames; some 100 bytes of memory for each byte."""


class Tracer(Protocol):
    """Sees every step. It must not change anything."""

    def watch(self, witness: AccessWitness) -> None:
        """The block's access events go here."""

    def begin(self, message: Message) -> None:
        """A transaction's message is about to run. What was recorded before was free."""

    def enter(self, frame: Frame) -> None:
        """A frame begins."""

    def step(self, frame: Frame) -> None:
        """The instruction at `frame.pc` is next. Nothing of it is paid for, and its chunk may not be decoded yet."""

    def stepped(self, frame: Frame, cost: int) -> None:
        """It has run, at a price of `cost`; a message that it sends has not. Not called where the frame halts."""

    def leave(self, frame: Frame, result: Result) -> None:
        """A frame has ended."""

    def end(self, result: Result) -> None:
        """The message that was begun has ended."""


class Machine:
    """Executes messages over one block's state under one schedule."""

    __slots__ = (
        "_decoder", "_held", "_programs", "blob_hashes", "block", "gas_limit", "gas_price", "opcodes", "origin",
        "precompiles", "rules", "schedule", "state", "tracer",
    )  # fmt: skip

    def __init__(
        self,
        rules: Execution,
        schedule: Schedule,
        state: State,
        block: BlockEnvironment,
        tracer: Tracer | None = None,
    ) -> None:
        self.rules: Final = rules
        self.schedule: Final = schedule
        self.state: Final = state
        self.block: Final = block
        self.tracer: Final = tracer
        self.precompiles: Final[Mapping[Address, Precompile]] = precompiles(rules.fork)
        self.opcodes: Final = opcodes(rules.fork)
        table = [(opcode.operation, opcode.gas) for opcode in self.opcodes]
        self._decoder: Final = Decoder(table, push, push_across)
        self._programs: dict[int, tuple[Code, Program]] = {}
        self._held = 0
        self.origin = Address(bytes(20))
        self.gas_price = 0
        self.gas_limit = 0
        self.blob_hashes: tuple[bytes, ...] = ()
        if tracer is not None and schedule.witness is not None:
            tracer.watch(schedule.witness)

    # ---- code

    def code(self, address: Address) -> Code:
        """The code of an account."""
        if self.schedule.bare_precompiles and address in self.precompiles:
            return NO_CODE
        return self.state.code(address)

    def empty_program(self, code: Code) -> Program:
        """A program of which nothing is decoded."""
        return self._decoder.empty(code)

    def program_of(self, code: Code) -> Program:
        """The one program of some code, shared by all frames of the block that run it and decoded as far as any got."""
        known = self._programs.get(id(code))
        if known is None:
            self._held += code.size
            if self._held > HELD_PROGRAM_BYTES:
                self._programs.clear()
                self._held = code.size
            known = self._programs[id(code)] = code, self._decoder.empty(code)
        return known[1]

    def decode(self, program: Program, code: Code, position: int) -> Program:
        """Decode the chunk of a position, unless the program has it; its entries. Raises: UnknownNode."""
        start = position // CODE_CHUNK_BYTES * CODE_CHUNK_BYTES
        if program[start] is not None:
            return program[start : min(start + CODE_CHUNK_BYTES, code.size)]
        entries = self._decoder.decode(code, start // CODE_CHUNK_BYTES)
        program[start : start + len(entries)] = entries
        return entries

    # ---- running

    def execute(self, message: Message) -> Result:
        """Run a message to its end. Raises: UnknownNode where the view does not show what is needed."""
        if self.tracer is None:
            return self._run(message)
        self.tracer.begin(message)
        result = self._run(message)
        self.tracer.end(result)
        return result

    def _run(self, message: Message) -> Result:
        opened = self._open(message)
        if isinstance(opened, Result):
            return opened
        frames = [opened]
        while True:
            frame = frames[-1]
            result = self._continue(frame)
            if result is None:
                pending = frame.pending
                assert pending is not None, "a waiting frame has a message"
                opened = self._open(pending)
                if isinstance(opened, Frame):
                    frames.append(opened)
                else:
                    resume(frame, pending, opened)
                continue
            frames.pop()
            if self.tracer is not None:
                self.tracer.leave(frame, result)
            if not frames:
                return result
            resume(frames[-1], frame.message, result)

    def _continue(self, frame: Frame) -> Result | None:
        """Run a frame until it ends (its result) or waits for a message (None)."""
        try:
            signal = run(frame)
            if signal is Signal.CALL:
                return None
            if signal is Signal.REVERT:
                self.state.rollback(frame.mark)
                return Result(False, frame.gas, frame.output)
            if frame.message.is_creation:
                self._store_code(frame)
            return Result(True, frame.gas, frame.output)
        except ExceptionalHalt as halt:
            self.state.rollback(frame.mark)
            return Result(False, 0, b"", str(halt))

    def _open(self, message: Message) -> Frame | Result:
        try:
            return self._open_creation(message) if message.is_creation else self._open_call(message)
        except OutOfGas as halt:
            return Result(False, 0, b"", str(halt))

    def _open_call(self, message: Message) -> Frame | Result:
        state, gas = self.state, message.gas
        mark = state.mark()
        touches = self.schedule.touches(message.address, is_precompile=message.is_precompile)
        if message.creates_callee and (message.value or touches) and not state.exists(message.address):
            if not message.is_precompile:
                gas = self.schedule.enter_call(self, message, gas)
                if not message.value:
                    return Result(True, gas, b"")
            elif message.value:
                gas = self.schedule.enter_call(self, message, gas)
        if message.moves_value:
            if message.value:
                state.transfer(message.caller, message.address, message.value)
            elif touches:
                state.touch(message.address)
        if message.is_precompile:
            return self._precompile(message, gas, mark)
        if not message.code.size:
            return Result(True, gas, b"")
        return self._frame(message, gas, mark)

    def _precompile(self, message: Message, gas: int, mark: Mark) -> Result:
        precompile = self.precompiles[message.code_address]
        cost = precompile.gas(message.data)
        try:
            if cost > gas:
                raise OutOfGas("out of gas")
            return Result(True, gas - cost, precompile.run(message.data))
        except ExceptionalHalt as halt:
            self.state.rollback(mark)
            return Result(False, 0, b"", str(halt))

    def _open_creation(self, message: Message) -> Frame | Result:
        state, address = self.state, message.address
        gas = self.schedule.creation_access(self, message, message.gas)
        taken = state.nonce(address) or state.code(address).size or state.has_storage(address)
        if taken:
            return Result(False, 0, b"", "address taken")
        gas = self.schedule.creation_write(self, message, gas)
        mark = state.mark()
        state.mark_created(address)
        if message.value:
            state.transfer(message.caller, address, message.value)
        state.set_nonce(address, 1)
        return self._frame(message, gas, mark)

    def _frame(self, message: Message, gas: int, mark: Mark) -> Frame:
        frame = Frame(self, message, self.schedule.program(self, message), gas, mark)
        if self.tracer is not None:
            self.tracer.enter(frame)
        return frame

    def _store_code(self, frame: Frame) -> None:
        """The last step of a creation: its output becomes the code. Raises: ExceptionalHalt."""
        code, address = frame.output, frame.address
        if len(code) > MAX_CODE_BYTES:
            raise ExceptionalHalt("code too long")
        if code and code[0] == EOF_PREFIX:
            raise ExceptionalHalt("code begins with 0xef")
        frame.gas = self.schedule.deposit(self, address, code, frame.gas)
        self.state.set_code(address, code)
        frame.output = b""
