"""Programs at random, biased to what an interpreter could get wrong: stacks that underflow or overflow, jumps, calls,
creations, pushes that cross chunks, frames that end in every way.
"""

import random
from typing import Final

from spec.gas import STACK_LIMIT
from tests.stateless.evm.scenes import ABSENT, CONTRACTS

PUSH0, PUSH1, DUP1, JUMPDEST, JUMP, JUMPI = 0x5F, 0x60, 0x80, 0x5B, 0x56, 0x57
CALLS: Final = (0xF1, 0xF2, 0xF4, 0xFA)
WORDS: Final = (0, 1, 2, 5, 31, 32, 33, 64, 255, 256, 2**16, 2**32, 2**64, 2**255, 2**256 - 1)
WHOM: Final = (*CONTRACTS, ABSENT, *(number.to_bytes(20, "big") for number in (0, 1, 2, 3, 4, 6, 9, 0x0B, 0x100)))
USUAL: Final = (*range(0x01, 0x0C), *range(0x10, 0x1F), *range(0x20, 0x21), *range(0x30, 0x4B), *range(0x50, 0x5F),
                *range(0x80, 0xA5), 0xFF)  # fmt: skip
"""Instructions of which most take a few words and go on."""


def push(word: int) -> bytes:
    data = word.to_bytes((word.bit_length() + 7) // 8, "big")
    return bytes((PUSH0 + len(data),)) + data


def pieces(rng: random.Random, depth: int = 0) -> bytes:
    """One thing that a program does, or a part of it."""
    word = rng.choice(WORDS) if rng.randrange(3) else rng.randrange(256)
    match rng.randrange(14):
        case 0 | 1:
            return push(word)
        case 2 | 3:  # any instruction, with whatever stands on the stack
            return bytes((rng.randrange(256),))
        case 4:  # one with operands of a usual size
            return b"".join(push(rng.choice(WORDS[:9])) for _ in range(4)) + bytes((rng.choice(USUAL),))
        case 5:
            kind = rng.choice(CALLS)
            value = push(rng.choice((0, 0, 1, 10**20))) if kind in (0xF1, 0xF2) else b""
            gas = push(rng.choice((0, 100, 3000, 50_000, 2**255))) if rng.randrange(2) else b"\x5a"
            ranges = b"".join(push(rng.choice((0, 0, 1, 32, 64))) for _ in range(4))
            return ranges + value + push(int.from_bytes(rng.choice(WHOM), "big")) + gas + bytes((kind,))
        case 6 if depth < 2:
            initcode = program(rng, rng.randrange(6), depth + 1)[:32]
            stored = push(int.from_bytes(initcode.ljust(32, b"\0"), "big")) + push(0) + b"\x52"
            salt = push(rng.choice((0, 1))) if rng.randrange(2) else b""
            creates = bytes((0xF5 if salt else 0xF0,))
            return stored + salt + push(len(initcode)) + push(0) + push(rng.choice((0, 0, 1))) + creates
        case 7:  # a jump that is mended afterwards, or goes wherever its operand says
            condition = push(rng.randrange(2)) if rng.randrange(2) else b""
            return condition + b"\x61\xff\xff" + bytes((JUMPI if condition else JUMP,))
        case 8 | 9:
            return bytes((JUMPDEST,))
        case 10:  # across a chunk, or past the end
            size = rng.randrange(20, 33)
            return bytes((PUSH0 + size,)) + rng.randbytes(size if rng.randrange(6) else 3)
        case 11:
            return push(word) + push(rng.choice((0, 1, 64, 65))) + bytes((rng.choice((0x54, 0x55, 0x55)),))
        case 12:  # to the edge of the stack
            return push(1) + bytes((DUP1,)) * rng.choice((3, STACK_LIMIT - 2, STACK_LIMIT - 1, STACK_LIMIT))
        case _:
            return push(rng.choice((0, 1, 40))) + push(rng.choice((0, 32))) + bytes((rng.choice((0xF3, 0xFD, 0x00)),))


def program(rng: random.Random, steps: int, depth: int = 0) -> bytes:
    """Pieces one after the other; most jumps lead to a JUMPDEST."""
    code = bytearray(b"".join(pieces(rng, depth) for _ in range(steps)))
    destinations = [position for position, byte in enumerate(code) if byte == JUMPDEST]
    for position in range(len(code) - 3):
        if code[position : position + 3] == b"\x61\xff\xff" and destinations and rng.randrange(8):
            code[position + 1 : position + 3] = rng.choice(destinations).to_bytes(2, "big")
    return bytes(code[:24_000])
