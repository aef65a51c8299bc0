"""Doors to hash functions and secp256k1: the only module that imports pycryptodome, sha3 (safe-pysha3) and coincurve.

Keccak-256 has two providers of one function: pycryptodome, which runs everywhere, and safe-pysha3, which has wheels for
Linux only and is taken where it is installed. They take 3.9 and 1.0 microseconds for 64 bytes, and 35 milliseconds and
1 to import.

Source: yellow paper, appendix F (signatures); FIPS 180-4 (SHA-256); Dobbertin, Bosselaers and Preneel, "RIPEMD-160: a
strengthened version of RIPEMD" (1996); Keccak as submitted (padding 0x01, not FIPS 202).
"""

import hashlib
from typing import TYPE_CHECKING

try:
    from sha3 import keccak_256
except ImportError:
    from Crypto.Hash import keccak

    def keccak_256(data: bytes) -> keccak.Keccak_Hash:
        """The hash object that sha3 would make."""
        return keccak.new(digest_bits=256, data=bytes(data))


from spec.errors import DecodeError
from spec.types import Address, Bytes32, Hash32

if TYPE_CHECKING:
    import coincurve

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order n of the secp256k1 group (SEC 2)."""


def keccak256(data: bytes) -> Hash32:
    """The 32-byte keccak-256 digest of `data`."""
    return Hash32(keccak_256(data).digest())


def sha256(data: bytes) -> Bytes32:
    """The 32-byte SHA-256 digest of `data`."""
    return Bytes32(hashlib.sha256(data).digest())


def ripemd160(data: bytes) -> bytes:
    """The 20-byte RIPEMD-160 digest of `data`."""
    from Crypto.Hash import RIPEMD160  # noqa: PLC0415  (a compiled library that nothing but one precompile needs)

    return RIPEMD160.new(bytes(data)).digest()


def recover_address(message_hash: Bytes32, y_parity: int, r: int, s: int, *, any_s: bool = False) -> Address:
    """The address whose key signed `message_hash`: the last 20 bytes of keccak256(x || y) of the public key.

    Shapes: y_parity 0 or 1; 0 < r < n; 0 < s <= n/2 (EIP-2), or with `any_s` 0 < s < n (the precompile at 0x01).
    Raises: DecodeError where no key can have made the signature.
    """
    import coincurve  # noqa: PLC0415  (a compiled library that most commands do without)

    greatest_s = SECP256K1_ORDER - 1 if any_s else SECP256K1_ORDER // 2
    if y_parity not in (0, 1) or not 0 < r < SECP256K1_ORDER or not 0 < s <= greatest_s:
        raise DecodeError("signature values are out of range")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((y_parity,))
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, message_hash, hasher=None)
    except ValueError as error:
        raise DecodeError("no public key can have made this signature") from error
    return Address(keccak256(key.format(compressed=False)[1:])[12:])


def sign(message_hash: Bytes32, secret: bytes) -> tuple[int, int, int]:
    """(y_parity, r, s) of a signature that `recover_address` accepts; the same every time (RFC 6979).

    Shapes: secret 32 bytes, big-endian, a number in 1..n-1. Raises: DecodeError for any other.
    """
    signature = _private_key(secret).sign_recoverable(message_hash, hasher=None)
    return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def address_of(secret: bytes) -> Address:
    """The address that a private key signs for. Raises: DecodeError; see `sign`."""
    return Address(keccak256(_private_key(secret).public_key.format(compressed=False)[1:])[12:])


def _private_key(secret: bytes) -> "coincurve.PrivateKey":
    import coincurve  # noqa: PLC0415  (see recover_address)

    if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < SECP256K1_ORDER:
        raise DecodeError("a private key is a number in 1..n-1, of 32 bytes")
    return coincurve.PrivateKey(secret)
