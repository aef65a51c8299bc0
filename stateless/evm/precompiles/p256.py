"""Verification of an ECDSA signature on P-256 (0x100): the door to `cryptography`, the only module that imports it.

    input    hash || r || s || x || y    32 bytes each, big-endian; (x, y) is the public key
    output   1 in 32 bytes where the signature is right, nothing where it is wrong or the input is no such five numbers

Source: EIP-7951; FIPS 186-5 and SP 800-186 (secp256r1).
"""

from typing import Final

from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, constant_gas, read_integer

INPUT_BYTES: Final = 160

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of the curve. Source: EIP-7951, "Curve parameters"."""
P: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
"""The prime of its field."""


def verify(message_hash: bytes, r: int, s: int, x: int, y: int) -> bool:
    """Whether (r, s) is a signature of the hash under the key (x, y). Shapes: a hash of 32 bytes."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (compiled; one precompile needs it)
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    if not (0 < r < ORDER and 0 < s < ORDER and x < P and y < P):
        return False
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:  # (x, y) is not on the curve
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message_hash, ec.ECDSA(utils.Prehashed(SHA256())))
    except InvalidSignature:
        return False
    return True


def run_p256_verify(data: bytes) -> bytes:
    """1, or nothing."""
    if len(data) != INPUT_BYTES:
        return b""
    r, s, x, y = (read_integer(data, start) for start in range(32, INPUT_BYTES, 32))
    return (1).to_bytes(WORD_BYTES, "big") if verify(data[:32], r, s, x, y) else b""


P256VERIFY: Final = Precompile("P256VERIFY", constant_gas(6_900), run_p256_verify)
