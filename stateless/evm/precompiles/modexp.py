"""Modular exponentiation (0x05).

    input    length of B || length of E || length of M || B || E || M    lengths 32 bytes; all numbers big-endian
    output   B^E mod M in as many bytes as M has; zero where M is 0

    price    max(least, complexity(max(length of B, length of M)) * iterations(E) / divisor)

iterations(E) = max(1, m * (length of E - 32, at least 0) + position of the first set bit among E's first 32 bytes).
Lengths are claims: a price takes them as numbers and looks only at bytes that are there.

Source: EIP-198; EIP-2565 (prices from Berlin); EIP-7883 (prices from Osaka); EIP-7823 (upper bounds from Osaka).
"""

from typing import Final

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.precompile import Precompile, read_integer

HEADER_BYTES: Final = 96
HEAD_BYTES: Final = 32
"""The price looks at so many bytes of the exponent."""

OSAKA_MAX_BYTES: Final = 1024
"""No number may be longer. Source: EIP-7823."""


def _lengths(data: bytes) -> tuple[int, int, int]:
    """The bytes that base, exponent and modulus claim to have."""
    return read_integer(data, 0), read_integer(data, 32), read_integer(data, 64)


def _iterations(data: bytes, base_length: int, exponent_length: int, per_byte: int) -> int:
    """Squarings that the exponent asks for, with `per_byte` for each byte behind the first 32; at least 1."""
    head = read_integer(data, HEADER_BYTES + base_length, min(exponent_length, HEAD_BYTES))
    behind = max(exponent_length - HEAD_BYTES, 0)
    return max(per_byte * behind + max(head.bit_length() - 1, 0), 1)


def _words(length: int) -> int:
    """The 8-byte words of the longer of base and modulus."""
    return (length + 7) // 8


def gas_eip_2565(data: bytes) -> int:
    """max(200, words^2 * iterations / 3), with 8 iterations for each further byte of the exponent."""
    base_length, exponent_length, modulus_length = _lengths(data)
    complexity = _words(max(base_length, modulus_length)) ** 2
    return max(200, complexity * _iterations(data, base_length, exponent_length, 8) // 3)


def gas_eip_7883(data: bytes) -> int:
    """max(500, complexity * iterations), with 16 iterations for each further byte of the exponent.

    complexity = 16 up to 32 bytes, 2 * words^2 above.
    """
    base_length, exponent_length, modulus_length = _lengths(data)
    longest = max(base_length, modulus_length)
    complexity = 2 * _words(longest) ** 2 if longest > 32 else 16
    return max(500, complexity * _iterations(data, base_length, exponent_length, 16))


def run_modexp(data: bytes) -> bytes:
    """B^E mod M."""
    base_length, exponent_length, modulus_length = _lengths(data)
    if modulus_length == 0:
        return b""  # and an exponent of any length costs nothing where the base is empty too
    exponent_start = HEADER_BYTES + base_length
    modulus = read_integer(data, exponent_start + exponent_length, modulus_length)
    if modulus == 0:
        return bytes(modulus_length)
    base = read_integer(data, HEADER_BYTES, base_length)
    exponent = read_integer(data, exponent_start, exponent_length)
    return pow(base, exponent, modulus).to_bytes(modulus_length, "big")


def run_modexp_bounded(data: bytes) -> bytes:
    """B^E mod M. Raises: ExceptionalHalt where a length is above 1024 (EIP-7823)."""
    if max(_lengths(data)) > OSAKA_MAX_BYTES:
        raise ExceptionalHalt("a number is longer than 1024 bytes")
    return run_modexp(data)


MODEXP_BERLIN: Final = Precompile("MODEXP", gas_eip_2565, run_modexp)
MODEXP_OSAKA: Final = Precompile("MODEXP", gas_eip_7883, run_modexp_bounded)
