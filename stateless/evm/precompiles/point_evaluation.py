"""Point evaluation of a blob's polynomial against its KZG commitment (0x0a).

    input    versioned hash (32) || z (32) || y (32) || commitment P (48) || proof Q (48)    z, y big-endian, below r
    output   FIELD_ELEMENTS_PER_BLOB || BLS_MODULUS, 32 bytes each

The proof shows that the polynomial p with P = [p(s)]_1 has p(z) = y: that (X - z) divides p(X) - y, with quotient q and
Q = [q(s)]_1. It is right where

    e(P - [y]_1, [1]_2) = e(Q, [s - z]_2),    that is    e(P - [y]_1 + z Q, [1]_2) e(-Q, [s]_2) = 1,

so a verifier needs one point of the ceremony's setup, [s]_2. It stands here as a number: nothing is read from disk, and
no library of its own is needed (c-kzg-4844 wants the whole setup in a file).

Source: EIP-4844, "Point evaluation precompile"; consensus-specs, deneb/polynomial-commitments.md, `verify_kzg_proof`.
"""

from typing import Final

from spec.crypto import sha256
from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bls12381_group import (
    R,
    constant_g2,
    decompress_g1,
    generator_g1,
    generator_g2,
    product_is_one,
    sum_g1,
)
from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, constant_gas, read_integer

INPUT_BYTES: Final = 192
VERSIONED_HASH_VERSION_KZG: Final = b"\x01"
FIELD_ELEMENTS_PER_BLOB: Final = 4096

KZG_SETUP_G2_1: Final = bytes.fromhex(
    "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
    "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2"
)
"""[s]_2, compressed: `g2_monomial[1]` of trusted_setup_4096.json, the result of the KZG ceremony of 2023.
Source: consensus-specs, presets/mainnet/trusted_setups."""

OUTPUT: Final = FIELD_ELEMENTS_PER_BLOB.to_bytes(WORD_BYTES, "big") + R.to_bytes(WORD_BYTES, "big")


def kzg_to_versioned_hash(commitment: bytes) -> bytes:
    """0x01 and the last 31 bytes of the commitment's SHA-256. Source: EIP-4844, "Helpers"."""
    return VERSIONED_HASH_VERSION_KZG + sha256(commitment)[1:]


def verify_kzg_proof(commitment: bytes, z: int, y: int, proof: bytes) -> bool:
    """Whether the committed polynomial is y at z.

    Shapes: commitment and proof 48 bytes; z, y below r.
    Raises: ExceptionalHalt where the bytes are no point of G1.
    """
    p, q = decompress_g1(commitment), decompress_g1(proof)
    left = sum_g1([1, -y, z], [p, generator_g1(), q])
    return product_is_one([left, -q], [generator_g2(), constant_g2(KZG_SETUP_G2_1)])


def run_point_evaluation(data: bytes) -> bytes:
    """Two constants, for a proof that is right. Raises: ExceptionalHalt for any other input."""
    if len(data) != INPUT_BYTES:
        raise ExceptionalHalt("the input has not 192 bytes")
    commitment, proof = data[96:144], data[144:]
    if data[:32] != kzg_to_versioned_hash(commitment):
        raise ExceptionalHalt("the versioned hash is not the commitment's")
    z, y = read_integer(data, 32), read_integer(data, 64)
    if z >= R or y >= R:
        raise ExceptionalHalt("a field element is not below the order")
    if not verify_kzg_proof(commitment, z, y, proof):
        raise ExceptionalHalt("the proof is wrong")
    return OUTPUT


KZG_POINT_EVALUATION: Final = Precompile("KZG_POINT_EVALUATION", constant_gas(50_000), run_point_evaluation)
