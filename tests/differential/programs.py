"""Programs at random that any opcode may be part of, with stacks that fit: what an instruction takes is there.

    program(rng, steps)   code that works on a stack of known height, calls and creates, and logs what it found

Operands come from edges (0, 1, 2^255, addresses of the cast, small offsets) more often than from anywhere. Now and
then an instruction is broken on purpose: taken off the stack's end, jumped to where no JUMPDEST is, cut short.

Everything is drawn from a `random.Random`, which may be Hypothesis's.
"""

import random
from collections.abc import Callable
from typing import Final

from spec.forks import Fork
from spec.types import Address
from stateless.evm.opcodes import Opcode, opcodes
from tests.differential.precompile_inputs import precompile_input
from tests.stateless.programs import ABSENT, CAST, CONTRACTS, PRECOMPILES, SLOTS, TO_BE, op, push, returning

MOST_BYTES: Final = 6000
HIGH: Final = 40
"""Words on the stack from which on steps rather take than leave."""
TABLE: Final = {opcode.name: opcode for opcode in opcodes(Fork.OSAKA) if not opcode.name.startswith("0x")}
EDGES: Final = (
    0, 1, 2, 3, 31, 32, 33, 255, 256, 2**64 - 1, 2**64, 2**128, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1,
    2**256 - 2**255 // 3,
)  # fmt: skip
OFFSETS: Final = (0, 0, 1, 31, 32, 33, 64, 96, 100, 1000)
KEPT: Final = 0x800
"""Where in memory programs keep words to show in the end."""
FAR: Final = (5000, 100_000, 2**32, 2**64, 2**256 - 1)
WORDS: Final = tuple(
    TABLE[name]
    for name in (
        "ADD", "MUL", "SUB", "DIV", "SDIV", "MOD", "SMOD", "ADDMOD", "MULMOD", "EXP", "SIGNEXTEND", "LT", "GT", "SLT",
        "SGT", "EQ", "ISZERO", "AND", "OR", "XOR", "NOT", "BYTE", "SHL", "SHR", "SAR", "CLZ", "CALLDATALOAD",
        "BLOBHASH", "BALANCE", "EXTCODESIZE", "EXTCODEHASH", "BLOCKHASH",
    )
)  # fmt: skip
"""Words from words."""
FACTS: Final = tuple(
    TABLE[name]
    for name in (
        "ADDRESS", "ORIGIN", "CALLER", "CALLVALUE", "CALLDATASIZE", "CODESIZE", "GASPRICE", "RETURNDATASIZE",
        "COINBASE", "TIMESTAMP", "NUMBER", "PREVRANDAO", "GASLIMIT", "CHAINID", "SELFBALANCE", "BASEFEE",
        "BLOBBASEFEE", "PC", "MSIZE", "GAS",
    )
)  # fmt: skip


def operand(rng: random.Random) -> int:
    """A word: an edge, an address, or anything."""
    kind = rng.randrange(8)
    if kind < 4:
        return rng.choice(EDGES)
    if kind < 6:
        return int.from_bytes(rng.choice(CAST), "big")
    return rng.getrandbits(rng.choice((8, 16, 64, 160, 255, 256)))


def offset(rng: random.Random) -> int:
    """A place in memory or data; seldom too far away to be paid for."""
    return rng.choice(FAR) if rng.randrange(200) == 0 else rng.choice(OFFSETS)


def size(rng: random.Random) -> int:
    """How many bytes of memory or data."""
    return rng.choice(FAR) if rng.randrange(300) == 0 else rng.choice((0, 0, 1, 4, 31, 32, 33, 64, 128))


def whom(rng: random.Random) -> Address:
    """Somebody of the cast, contracts first."""
    return rng.choice(rng.choice((CONTRACTS, CONTRACTS, CONTRACTS, CAST, TO_BE, ABSENT, PRECOMPILES)))


class Writer:
    """Writes a program while it counts the words on the stack."""

    def __init__(self, rng: random.Random, depth: int) -> None:
        self.rng = rng
        self.depth = depth
        self.code = bytearray()
        self.height = 0
        self.kept = 0

    # ---- instructions

    def push(self, word: int) -> None:
        """PUSH, seldom longer than it has to be."""
        if self.rng.randrange(10) == 0:
            self.code += bytes((TABLE["PUSH32"].number,)) + word.to_bytes(32, "big")
        else:
            self.code += push(word)
        self.height += 1

    def have(self, count: int) -> None:
        """See that so many words are on the stack."""
        while self.height < count:
            self.push(operand(self.rng))

    def bare(self, opcode: Opcode) -> None:
        """An instruction whose operands are there."""
        self.code.append(opcode.number)
        self.height += opcode.leaves - opcode.takes

    def named(self, name: str, *words: int) -> None:
        """An instruction with the last operands on the stack and the first ones pushed."""
        for word in reversed(words):
            self.push(word)
        opcode = TABLE[name]
        self.have(opcode.takes)
        self.bare(opcode)

    def keep(self) -> None:
        """Put the top where `show` finds it, or seldom into storage."""
        self.have(1)
        if self.rng.randrange(8) == 0:
            self.named("SSTORE", 0x100 + self.rng.randrange(4))
        else:
            self.named("MSTORE", KEPT + 32 * self.kept)
            self.kept += 1

    def show(self) -> None:
        """Log what was kept, where the comparison sees it."""
        self.named("LOG0", KEPT, 32 * self.kept)

    # ---- steps

    def word(self) -> None:
        """A word from words, from the stack or pushed."""
        opcode = self.rng.choice(WORDS)
        for _ in range(self.rng.randrange(opcode.takes + 1)):
            self.push(operand(self.rng))
        self.have(opcode.takes)
        self.bare(opcode)

    def fact(self) -> None:
        """A word about message, transaction or block."""
        self.bare(self.rng.choice(FACTS))

    def shuffle(self) -> None:
        """DUP, SWAP or POP."""
        kind, n = self.rng.randrange(3), 1 + self.rng.randrange(16 if self.rng.randrange(4) == 0 else 3)
        if kind == 0 and self.height < HIGH:
            self.have(n)
            self.bare(TABLE[f"DUP{n}"])
        elif kind == 1:
            self.have(n + 1)
            self.bare(TABLE[f"SWAP{n}"])
        elif self.height:
            self.bare(TABLE["POP"])

    def memory(self) -> None:
        """Read, write and copy memory, hash it, log it."""
        rng = self.rng
        kind = rng.randrange(12)
        if kind < 3:
            self.named("MSTORE", offset(rng))
        elif kind == 3:
            self.named("MLOAD", offset(rng))
        elif kind == 4:
            self.named("MSTORE8", offset(rng))
        elif kind == 5:
            self.named("MCOPY", offset(rng), offset(rng), size(rng))
        elif kind == 6:
            self.named("KECCAK256", offset(rng), size(rng))
        elif kind == 7:
            self.named(rng.choice(("CALLDATACOPY", "CODECOPY")), offset(rng), offset(rng), size(rng))
        elif kind == 8:
            self.named(
                "RETURNDATACOPY",
                offset(rng),
                rng.choice((0, 0, 0, 1)),
                0 if rng.randrange(6) else rng.choice((1, 32, 33)),
            )
        elif kind == 9:
            address = int.from_bytes(whom(rng), "big")
            self.named("EXTCODECOPY", address, offset(rng), offset(rng), size(rng))
        else:
            self.named(f"LOG{rng.randrange(5)}", offset(rng), size(rng))

    def storage(self) -> None:
        """Storage, for good or for the transaction."""
        rng = self.rng
        slot = rng.choice(SLOTS)
        kind = rng.randrange(9)
        if kind < 3:
            if rng.randrange(2):
                self.push(rng.choice((0, 0, 1, 7)))
            self.named("SSTORE", slot)
        elif kind == 3:
            self.named("SLOAD", slot)
        elif kind < 6:
            self.named("TSTORE", 0)
        else:
            self.named("TLOAD", rng.choice((0, 0, 1)))
            self.keep()

    def call(self) -> None:
        """A call of any kind, to anybody, and a look at what came back."""
        rng = self.rng
        kind = rng.choice(("CALL", "CALL", "CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"))
        if rng.randrange(4) == 0:
            address, data = precompile_input(rng)
            for start in range(0, len(data), 32):
                self.named("MSTORE", start, int.from_bytes(data[start : start + 32].ljust(32, b"\0"), "big"))
            given = 0, rng.choice((len(data), len(data), len(data), 0, len(data) + 1, max(len(data) - 1, 0)))
        else:
            address, given = whom(rng), (offset(rng), size(rng))
        sent = (rng.choice((0, 0, 0, 1, 1000, 10**18)),) if kind in ("CALL", "CALLCODE") else ()
        for word in reversed((int.from_bytes(address, "big"), *sent, *given, offset(rng), size(rng))):
            self.push(word)
        if rng.randrange(3) == 0:
            self.bare(TABLE["GAS"])
        else:
            self.push(rng.choice((0, 100, 700, 2300, 5000, 20_000, 50_000, 50_000, 100_000, 2**64, 2**256 - 1)))
        self.bare(TABLE[kind])
        if rng.randrange(3) == 0:
            self.keep()
        if rng.randrange(4) == 0:
            self.bare(TABLE["RETURNDATASIZE"])
            self.keep()
        if rng.randrange(5) == 0:
            self.code += op("RETURNDATACOPY", 0, 0, b"\x3d")

    def create(self) -> None:
        """CREATE or CREATE2, and perhaps a call of what was made."""
        rng = self.rng
        initcode = initcode_of(rng, self.depth + 1)
        for start in range(0, len(initcode), 32):
            self.named("MSTORE", start, int.from_bytes(initcode[start : start + 32].ljust(32, b"\0"), "big"))
        value = rng.choice((0, 0, 0, 1, 10**18))
        length = rng.choice((len(initcode), len(initcode), len(initcode), size(rng)))
        if rng.randrange(2):
            self.push(rng.choice((0, 0, 1)))
            self.named("CREATE2", value, 0, length)
        else:
            self.named("CREATE", value, 0, length)
        if rng.randrange(3) == 0:
            self.bare(TABLE["RETURNDATASIZE"])
            self.keep()
        if rng.randrange(3) == 0:
            self.code += op("CALL", b"\x5a", b"\x85", rng.choice((0, 0, 5)), 0, 0, 0, 32)
            self.height += 1
            self.keep()
        if rng.randrange(2):
            self.keep()

    def loop(self) -> None:
        """A few instructions, several times over."""
        rng = self.rng
        turns = rng.choice((1, 2, 3, 20))
        self.push(turns)
        head = len(self.code)
        self.code.append(TABLE["JUMPDEST"].number)
        body = rng.choice(
            (op("TLOAD", 1) + op("POP"), op("SSTORE", 0, b"\x80"), op("LOG0", 0, 1), op("MSTORE", 0, b"\x80"))
        )
        self.code += body
        self.code += push(1) + bytes((TABLE["SWAP1"].number, TABLE["SUB"].number, TABLE["DUP1"].number))
        self.code += push(head) + bytes((TABLE["JUMPI"].number,))

    def jump(self) -> None:
        """Over a gap that holds anything, or to where no jump can lead."""
        rng = self.rng
        gap = rng.choice((0, 1, 5, 40))
        after = len(self.code) + 4 + gap
        wrong = rng.randrange(100) == 0
        target = rng.choice((0, after + 1, after - 1, 2**64 + after, 2**256 - 1)) if wrong else after
        if target == after:
            self.code += bytes((TABLE["PUSH2"].number,)) + after.to_bytes(2, "big")
        else:
            self.code += push(target)
        self.code += bytes((TABLE["JUMP"].number,)) + rng.randbytes(gap) + bytes((TABLE["JUMPDEST"].number,))

    def end(self) -> None:
        """Seldom: the end of the program, or a broken instruction."""
        rng = self.rng
        kind = rng.choice((0, 0, *range(9)))
        if kind == 0:
            self.named("SELFDESTRUCT", int.from_bytes(whom(rng), "big"))
        elif kind < 3:
            self.named("REVERT", offset(rng), size(rng))
        elif kind == 3:
            self.named("RETURN", offset(rng), size(rng))
        elif kind == 4:
            self.code.append(TABLE["STOP"].number)
        elif kind == 5:
            self.code.append(rng.choice((0xFE, 0x0C, 0x21, 0x4B, 0xA5, 0xEF, 0xF6)))
        elif kind == 6:
            self.code += bytes((TABLE["POP"].number,)) * (self.height + 1)
        elif kind == 7:
            self.code += bytes((TABLE["PUSH0"].number,)) * rng.choice((1023 - self.height, 1025 - self.height))
            self.height = 1
        else:
            self.code.append(rng.randrange(256))

    def step(self) -> None:
        """One step."""
        rng = self.rng
        kind = rng.randrange(32)
        steps: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self.word),
            (8, self.fact),
            (10, self.shuffle),
            (14, self.memory),
            (20, self.storage),
            (26, self.call),
            (28, self.create if self.depth < 2 else self.call),
            (29, self.loop),
            (30, self.jump),
            (31, self.keep),
        )
        next((make for below, make in steps if kind < below), self.end if rng.randrange(3) == 0 else self.keep)()


def program(rng: random.Random, steps: int, depth: int = 0) -> bytes:
    """Code of so many steps; in the end it shows what it kept."""
    writer = Writer(rng, depth)
    for _ in range(steps):
        writer.step()
        if len(writer.code) > MOST_BYTES:
            break
    for _ in range(min(writer.height, 2)):
        writer.keep()
    writer.show()
    if rng.randrange(3) == 0:
        writer.named(rng.choice(("RETURN", "REVERT")), offset(rng), size(rng))
    if rng.randrange(30) == 0:
        writer.code += bytes((rng.randrange(0x60, 0x80),)) + rng.randbytes(rng.randrange(4))
    return bytes(writer.code)


def initcode_of(rng: random.Random, depth: int) -> bytes:
    """Initcode: of plain contracts, of odd code, and programs that return anything."""
    kind = rng.randrange(10)
    if kind < 3:
        return op("SSTORE", 1, 1) + returning(program(rng, 1 + rng.randrange(3), 2)[:200])
    if kind == 3:
        return op("RETURN", 0, rng.choice((0, 1, 32, 700, 24576, 24577)))
    if kind == 4:
        return op("MSTORE8", 0, 0xEF) + op("RETURN", 0, rng.choice((1, 3)))
    if kind == 5:
        return op("SSTORE", rng.choice(SLOTS), 1) + op("MSTORE", 0, 7) + op("REVERT", 0, rng.choice((0, 32, 33)))
    if kind == 6:
        return op("SSTORE", rng.choice(SLOTS), 1) + op("SELFDESTRUCT", int.from_bytes(whom(rng), "big"))
    if kind == 7:
        return returning(op("SELFDESTRUCT", int.from_bytes(whom(rng), "big")))
    if kind == 8:
        return b""
    return program(rng, 1 + rng.randrange(4), depth) + op("RETURN", 0, rng.choice((0, 5, 40)))
