"""Operations on words: arithmetic, comparison, bits, and KECCAK256.

Words are integers 0..2^256-1; signed operations read them as two's complement. Each operation takes its operands
from the top of the stack, the first one topmost, and leaves one result.

Source: yellow paper, appendix H, "0s", "10s" and "20s"; EIP-145 (shifts), EIP-7939 (CLZ).
"""

from typing import Final

from spec.crypto import keccak256
from spec.gas import GAS_EXPONENTIATION_BYTE, GAS_KECCAK256_WORD
from stateless.evm.frame import WORD_BITS, WORD_MASK, Frame

SIGN_BIT: Final = 1 << (WORD_BITS - 1)
MODULUS: Final = 1 << WORD_BITS


def signed(word: int) -> int:
    """A word as two's complement."""
    return word - MODULUS if word & SIGN_BIT else word


def add(frame: Frame) -> None:
    """a + b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a + stack[-1]) & WORD_MASK


def mul(frame: Frame) -> None:
    """a * b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a * stack[-1]) & WORD_MASK


def sub(frame: Frame) -> None:
    """a - b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = (a - stack[-1]) & WORD_MASK


def div(frame: Frame) -> None:
    """a // b; 0 for b = 0."""
    stack = frame.stack
    a = stack.pop()
    b = stack[-1]
    stack[-1] = a // b if b else 0


def sdiv(frame: Frame) -> None:
    """a / b signed, towards zero; 0 for b = 0."""
    stack = frame.stack
    a, b = signed(stack.pop()), signed(stack[-1])
    quotient = abs(a) // abs(b) if b else 0
    stack[-1] = (quotient if (a < 0) == (b < 0) else -quotient) & WORD_MASK


def mod(frame: Frame) -> None:
    """a mod b; 0 for b = 0."""
    stack = frame.stack
    a = stack.pop()
    b = stack[-1]
    stack[-1] = a % b if b else 0


def smod(frame: Frame) -> None:
    """a mod b signed, with the sign of a; 0 for b = 0."""
    stack = frame.stack
    a, b = signed(stack.pop()), signed(stack[-1])
    remainder = abs(a) % abs(b) if b else 0
    stack[-1] = (-remainder if a < 0 else remainder) & WORD_MASK


def addmod(frame: Frame) -> None:
    """(a + b) mod n, not reduced to a word in between; 0 for n = 0."""
    stack = frame.stack
    a, b = stack.pop(), stack.pop()
    n = stack[-1]
    stack[-1] = (a + b) % n if n else 0


def mulmod(frame: Frame) -> None:
    """(a * b) mod n, not reduced to a word in between; 0 for n = 0."""
    stack = frame.stack
    a, b = stack.pop(), stack.pop()
    n = stack[-1]
    stack[-1] = a * b % n if n else 0


def exp(frame: Frame) -> None:
    """a to the power of b. 50 gas per byte of b (EIP-160)."""
    stack = frame.stack
    a, b = stack.pop(), stack[-1]
    frame.charge(GAS_EXPONENTIATION_BYTE * ((b.bit_length() + 7) // 8))
    stack[-1] = pow(a, b, MODULUS)


def signextend(frame: Frame) -> None:
    """x with its byte k (from the low end) as the sign."""
    stack = frame.stack
    k, x = stack.pop(), stack[-1]
    if k < 31:
        sign = 1 << (8 * k + 7)
        low = x & (2 * sign - 1)
        stack[-1] = (low ^ sign) - sign & WORD_MASK


def lt(frame: Frame) -> None:
    """a < b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = 1 if a < stack[-1] else 0


def gt(frame: Frame) -> None:
    """a > b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = 1 if a > stack[-1] else 0


def slt(frame: Frame) -> None:
    """a < b, signed."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = 1 if signed(a) < signed(stack[-1]) else 0


def sgt(frame: Frame) -> None:
    """a > b, signed."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = 1 if signed(a) > signed(stack[-1]) else 0


def eq(frame: Frame) -> None:
    """a = b."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] = 1 if a == stack[-1] else 0


def iszero(frame: Frame) -> None:
    """a = 0."""
    stack = frame.stack
    stack[-1] = 0 if stack[-1] else 1


def and_(frame: Frame) -> None:
    """Bits of both."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] &= a


def or_(frame: Frame) -> None:
    """Bits of either."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] |= a


def xor(frame: Frame) -> None:
    """Bits of one alone."""
    stack = frame.stack
    a = stack.pop()
    stack[-1] ^= a


def not_(frame: Frame) -> None:
    """Every bit turned."""
    stack = frame.stack
    stack[-1] ^= WORD_MASK


def byte(frame: Frame) -> None:
    """Byte i of x, counted from the high end; 0 past the end."""
    stack = frame.stack
    i, x = stack.pop(), stack[-1]
    stack[-1] = x >> (248 - 8 * i) & 0xFF if i < 32 else 0


def shl(frame: Frame) -> None:
    """x shifted left by n bits."""
    stack = frame.stack
    n, x = stack.pop(), stack[-1]
    stack[-1] = x << n & WORD_MASK if n < WORD_BITS else 0


def shr(frame: Frame) -> None:
    """x shifted right by n bits."""
    stack = frame.stack
    n, x = stack.pop(), stack[-1]
    stack[-1] = x >> n if n < WORD_BITS else 0


def sar(frame: Frame) -> None:
    """x shifted right by n bits, signed."""
    stack = frame.stack
    n, x = stack.pop(), stack[-1]
    stack[-1] = signed(x) >> min(n, WORD_BITS - 1) & WORD_MASK


def clz(frame: Frame) -> None:
    """Zero bits before the first one of x; 256 for 0."""
    stack = frame.stack
    stack[-1] = WORD_BITS - stack[-1].bit_length()


def keccak(frame: Frame) -> None:
    """keccak256 of a range of memory. 6 gas per word."""
    stack = frame.stack
    offset, size = stack.pop(), stack[-1]
    frame.charge(GAS_KECCAK256_WORD * ((size + 31) // 32) + frame.memory_gas((offset, size)))
    frame.grow((offset, size))
    stack[-1] = int.from_bytes(keccak256(frame.read_memory(offset, size)), "big")
