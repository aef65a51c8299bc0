"""A call as it runs: its message, its machine registers, and how it ends.

Units: gas; memory in bytes, always a whole number of 32-byte words.

Source: yellow paper, sections 9.3 and 9.4 (execution environment, machine state).
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from spec.errors import ExceptionalHalt
from spec.gas import GAS_COPY_WORD, GAS_MEMORY_WORD, MEMORY_QUADRATIC_DIVISOR
from spec.types import Address
from stateless.evm.code import Code, Program

if TYPE_CHECKING:
    from stateless.evm.machine import Machine
    from stateless.state import Mark

WORD_BITS: Final = 256
WORD_MASK: Final = 2**WORD_BITS - 1
ADDRESS_MASK: Final = 2**160 - 1


class Signal(Enum):
    """Why the interpreter hands a frame back."""

    STOP = "stop"
    """Ended well; `output` holds what is returned."""
    REVERT = "revert"
    """Ended: changes are taken back, gas is kept, `output` holds what is returned."""
    CALL = "call"
    """Waits for the message in `pending`."""


class OutOfGas(ExceptionalHalt):
    """The frame cannot pay."""


@dataclass(slots=True)
class Message:
    """What a call or a creation is asked to do."""

    caller: Address
    address: Address
    """Whose state the code works on; for a creation, the new account."""
    code_address: Address
    """Where the code comes from; differs from `address` for DELEGATECALL and CALLCODE."""
    code: Code
    data: bytes
    value: int
    gas: int
    depth: int
    is_static: bool
    is_creation: bool = False
    moves_value: bool = True
    """Whether `value` moves from caller to address; DELEGATECALL and CALLCODE only speak of it."""
    creates_callee: bool = False
    """CALL: an account that does not exist is made if value moves, and left alone otherwise."""
    is_precompile: bool = False
    output_offset: int = 0
    output_size: int = 0


@dataclass(slots=True)
class Result:
    """How a message ended."""

    success: bool
    gas_left: int
    output: bytes
    error: str = ""
    """Why the frame halted; empty for success and for REVERT."""


class Frame:
    """The registers of one running message."""

    __slots__ = (
        "address", "code", "data", "gas", "given_back", "machine", "mark", "memory", "message", "output", "pc",
        "pending", "program", "returned", "stack", "state",
    )  # fmt: skip

    def __init__(self, machine: "Machine", message: Message, program: Program, gas: int, mark: "Mark") -> None:
        self.machine: Final = machine
        self.state: Final = machine.state
        self.message: Final = message
        self.address: Final = message.address
        self.code: Final = message.code
        self.data: Final = message.data
        self.program = program
        self.pc = 0
        self.gas = gas
        self.stack: list[int] = []
        self.memory = bytearray()
        self.returned = b""
        """What the last call returned (EIP-211)."""
        self.output = b""
        self.pending: Message | None = None
        self.given_back = 0
        """Gas that is no part of what the last instruction cost: of a call that could not be made, or less than 0 for
        what a creation takes along."""
        self.mark: Final = mark

    def charge(self, amount: int) -> None:
        """Pay. Raises: OutOfGas; all gas is lost then."""
        if amount > self.gas:
            raise OutOfGas("out of gas")
        self.gas -= amount

    # ---- memory

    def memory_gas(self, *ranges: tuple[int, int]) -> int:
        """What it costs to have memory reach over every (offset, size); an empty range asks for nothing."""
        end = 0
        for offset, size in ranges:
            if size and offset + size > end:
                end = offset + size
        held = len(self.memory)
        if end <= held:
            return 0
        words, old = (end + 31) // 32, held // 32
        linear = GAS_MEMORY_WORD * (words - old)
        return linear + words * words // MEMORY_QUADRATIC_DIVISOR - old * old // MEMORY_QUADRATIC_DIVISOR

    def grow(self, *ranges: tuple[int, int]) -> None:
        """Have memory reach over every (offset, size), which has been paid for."""
        for offset, size in ranges:
            if size and offset + size > len(self.memory):
                self.memory.extend(bytes((offset + size + 31) // 32 * 32 - len(self.memory)))

    def reach(self, offset: int, size: int) -> None:
        """Pay for memory and have it."""
        if size and offset + size > len(self.memory):
            self.charge(self.memory_gas((offset, size)))
            self.grow((offset, size))

    def read_memory(self, offset: int, size: int) -> bytes:
        """Memory that has been reached."""
        return bytes(self.memory[offset : offset + size]) if size else b""

    def write_memory(self, offset: int, data: bytes) -> None:
        """Write to memory that has been reached."""
        if data:
            self.memory[offset : offset + len(data)] = data


def copy_gas(size: int) -> int:
    """3 gas for every word begun."""
    return GAS_COPY_WORD * ((size + 31) // 32)


def padded(data: bytes, offset: int, size: int) -> bytes:
    """`size` bytes from `offset`, zeros past the end."""
    return data[offset : offset + size].ljust(size, b"\0")
