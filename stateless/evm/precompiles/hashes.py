"""Hash functions and the copy: SHA2-256 (0x02), RIPEMD-160 (0x03), identity (0x04).

Source: yellow paper, appendix E.1, equations for SHA256, RIP160 and ID.
"""

from collections.abc import Callable
from typing import Final

from spec import crypto
from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, words


def gas_per_word(base: int, per_word: int) -> Callable[[bytes], int]:
    """base + per_word * ceil(len(data) / 32)."""
    return lambda data: base + per_word * words(len(data))


def run_sha256(data: bytes) -> bytes:
    """The SHA2-256 digest."""
    return crypto.sha256(data)


def run_ripemd160(data: bytes) -> bytes:
    """The RIPEMD-160 digest behind twelve zero bytes."""
    return crypto.ripemd160(data).rjust(WORD_BYTES, b"\0")


def run_identity(data: bytes) -> bytes:
    """The input."""
    return bytes(data)


SHA256: Final = Precompile("SHA256", gas_per_word(60, 12), run_sha256)
RIPEMD160: Final = Precompile("RIPEMD160", gas_per_word(600, 120), run_ripemd160)
IDENTITY: Final = Precompile("ID", gas_per_word(15, 3), run_identity)
