"""Code as a view by chunks, and the program that it decodes to.

A verifier holds a few chunks of a contract, so code is never one byte string here: a chunk is 31 bytes and a count of
how many of them, from the first, are push data of an instruction that began earlier. With that count a chunk decodes
alone, and whether a jump destination is valid is a local question.

A *program* has one entry per byte of code and one more behind the end, which stops:

    (operation, gas, next)   an instruction: what to run, its constant price, where the next one begins
    None                     not decoded yet; decoding is done chunk by chunk, when a frame first gets there

Push data of the chunk's own instructions is part of its push operation; positions inside push data hold `NO_CODE`.

Source: EIP-6800, "Code"; yellow paper, section 9.4.3 (jump destinations).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from spec.params import CODE_CHUNK_BYTES
from verkle.embedding import PUSH1, PUSH32, PUSH_OFFSET

if TYPE_CHECKING:
    from stateless.evm.frame import Frame, Signal

Operation = Callable[["Frame"], "Signal | None"]
Instruction = tuple[Operation, int, int]
Program = list[Instruction | None]

INSTRUCTION_BYTES: Final = bytes(
    1 + (opcode - PUSH_OFFSET if PUSH1 <= opcode <= PUSH32 else 0) for opcode in range(256)
)
"""Length of the instruction that a byte begins, its push data included."""


class Code(Protocol):
    """Code, whole or in pieces. Positions past the end read as zero."""

    @property
    def size(self) -> int:
        """Its length in bytes."""

    def chunk(self, index: int) -> tuple[int, bytes]:
        """(leading push data bytes, up to 31 bytes of code) of a chunk. Raises: UnknownNode."""

    def read(self, start: int, size: int) -> bytes:
        """Bytes start .. start + size - 1, zeros past the end. Raises: UnknownNode."""


class WholeCode:
    """Code whose bytes are all at hand: initcode, and accounts kept by code hash."""

    __slots__ = ("_leading", "_scanned", "bytes", "size")

    def __init__(self, code: bytes) -> None:
        self.bytes: Final = code
        self.size: Final = len(code)
        self._leading: list[int] = [0]
        self._scanned = 0

    def chunk(self, index: int) -> tuple[int, bytes]:
        """See `Code.chunk`. Code is scanned only as far as it is asked for."""
        leading = self._leading
        if index >= len(leading):
            self._scan((index + 1) * CODE_CHUNK_BYTES)
        start = index * CODE_CHUNK_BYTES
        return leading[index], self.bytes[start : start + CODE_CHUNK_BYTES]

    def _scan(self, end: int) -> None:
        """Walk over instructions until one begins at or past `end`, noting how far each chunk is push data."""
        code, position, leading = self.bytes, self._scanned, self._leading
        edge = len(leading) * CODE_CHUNK_BYTES
        while edge < end:
            while position < edge and position < self.size:
                position += INSTRUCTION_BYTES[code[position]]
            leading.append(min(max(position - edge, 0), CODE_CHUNK_BYTES))
            edge += CODE_CHUNK_BYTES
        self._scanned = position

    def read(self, start: int, size: int) -> bytes:
        """See `Code.read`."""
        return self.bytes[start : start + size].ljust(size, b"\0")


NO_CODE: Final = WholeCode(b"")


class ChunkedCode:
    """Code that is read leaf by leaf from the state."""

    __slots__ = ("_chunks", "_fetch", "size")

    def __init__(self, size: int, fetch: Callable[[int], bytes]) -> None:
        """`fetch`: the 32-byte leaf of a chunk; raises UnknownNode where the view does not show it."""
        self.size: Final = size
        self._fetch = fetch
        self._chunks: dict[int, tuple[int, bytes]] = {}

    def chunk(self, index: int) -> tuple[int, bytes]:
        """See `Code.chunk`."""
        found = self._chunks.get(index)
        if found is None:
            leaf = self._fetch(index)
            found = leaf[0], leaf[1 : 1 + self.size - index * CODE_CHUNK_BYTES]
            self._chunks[index] = found
        return found

    def read(self, start: int, size: int) -> bytes:
        """See `Code.read`."""
        end = min(start + size, self.size)
        if start >= end:
            return bytes(size)
        first = start // CODE_CHUNK_BYTES
        pieces = [self.chunk(index)[1] for index in range(first, (end - 1) // CODE_CHUNK_BYTES + 1)]
        skipped = start - first * CODE_CHUNK_BYTES
        return b"".join(pieces)[skipped : skipped + end - start].ljust(size, b"\0")


class Decoder:
    """Decodes chunks with one opcode table."""

    __slots__ = ("_gas", "_misplaced", "_operations", "_push", "_push_across", "stop")

    def __init__(
        self,
        table: Sequence[tuple[Operation, int]],
        push: Callable[[int], Operation],
        push_across: Callable[[int, int], Operation],
    ) -> None:
        """`table`: operation and gas by opcode. `push(value)` and `push_across(position, size)` make push operations.

        The second kind has data in a later chunk, and reads it when it runs.
        """
        self._operations = [operation for operation, _ in table]
        self._gas = [gas for _, gas in table]
        self._push = push
        self._push_across = push_across
        self.stop: Final[Instruction] = (table[0][0], 0, 0)

    def empty(self, code: Code) -> Program:
        """The program of which nothing is decoded yet."""
        program: Program = [None] * code.size
        program.append(self.stop)
        return program

    def decode(self, code: Code, index: int) -> Program:
        """The entries of one chunk. Raises: UnknownNode."""
        leading, data = code.chunk(index)
        start = index * CODE_CHUNK_BYTES
        invalid: Instruction = (self._operations[0xFE], 0, 0)
        entries: Program = [invalid] * len(data)
        offset = leading
        while offset < len(data):
            opcode = data[offset]
            after = offset + INSTRUCTION_BYTES[opcode]
            operation = self._operations[opcode]
            if after > offset + 1:
                if after <= len(data):
                    operation = self._push(int.from_bytes(data[offset + 1 : after], "big"))
                else:
                    operation = self._push_across(start + offset + 1, after - offset - 1)
            entries[offset] = (operation, self._gas[opcode], min(start + after, code.size))
            offset = after
        return entries
