"""Recovery of the signer of a hash on secp256k1 (0x01).

    input    hash || v || r || s    32 bytes each, big-endian; v = 27 + parity of y
    output   the signer's address behind twelve zero bytes, or nothing where no key can have made the signature

The lower half of s that EIP-2 asks of transactions is not asked here.

Source: yellow paper, appendix E.1, equations for ECREC; appendix F.
"""

from typing import Final

from spec.crypto import recover_address
from spec.errors import DecodeError
from spec.types import Bytes32
from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, constant_gas, read, read_integer

V_OF_EVEN_Y: Final = 27


def run_ecrecover(data: bytes) -> bytes:
    """The signer, or nothing."""
    message_hash = Bytes32(read(data, 0, 32))
    v, r, s = (read_integer(data, start) for start in (32, 64, 96))
    try:
        signer = recover_address(message_hash, v - V_OF_EVEN_Y, r, s, any_s=True)
    except DecodeError:
        return b""
    return signer.rjust(WORD_BYTES, b"\0")


ECRECOVER: Final = Precompile("ECREC", constant_gas(3000), run_ecrecover)
