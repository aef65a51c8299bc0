"""What a precompiled contract is, and how it reads its input.

Input is read as if zero bytes followed it without end, unless a contract's EIP asks for an exact length.

Source: yellow paper, appendix E.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

WORD_BYTES: Final = 32


class Precompile(NamedTuple):
    """A contract that is part of the protocol."""

    name: str
    """As in EIP-7910, "Precompiled contracts"."""
    gas: Callable[[bytes], int]
    """The price of an input, in units of gas. Raises nothing, and takes little time whatever the input claims."""
    run: Callable[[bytes], bytes]
    """The output; for callers who have paid. Raises: ExceptionalHalt where the contract fails, and all gas is lost."""


def constant_gas(gas: int) -> Callable[[bytes], int]:
    """A price that no input changes."""
    return lambda _data: gas


def words(size: int) -> int:
    """The 32-byte words that `size` bytes begin."""
    return (size + WORD_BYTES - 1) // WORD_BYTES


def read(data: bytes, start: int, size: int) -> bytes:
    """`size` bytes from `start`; those behind the end are zero. Memory: `size`, so a price must bound it."""
    return data[start : start + size].ljust(size, b"\0")


def read_integer(data: bytes, start: int, size: int = WORD_BYTES) -> int:
    """`size` bytes from `start`, big-endian; those behind the end are zero."""
    return int.from_bytes(read(data, start, size), "big")
