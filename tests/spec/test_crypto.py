"""Doors: keccak and SHA-256 by known answers, sender recovery against py_ecc.

Figures: keccak of the empty string is the empty code hash (yellow paper); SHA-256 of "abc" from FIPS 180-4.
"""

import random

import pytest
from py_ecc.secp256k1.secp256k1 import ecdsa_raw_sign, privtopub

from spec.crypto import SECP256K1_ORDER, address_of, keccak256, recover_address, sha256, sign
from spec.errors import DecodeError
from spec.params import EMPTY_CODE_HASH
from spec.types import Address, Bytes32


def test_known_answers() -> None:
    assert keccak256(b"") == EMPTY_CODE_HASH
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_recovery_agrees_with_py_ecc() -> None:
    rng = random.Random(27)
    for _ in range(4):
        secret, digest = rng.randbytes(32), Bytes32(rng.randbytes(32))
        v, r, s = ecdsa_raw_sign(digest, secret)
        parity = v - 27
        if s > SECP256K1_ORDER // 2:
            s, parity = SECP256K1_ORDER - s, 1 - parity
        x, y = privtopub(secret)
        expected = Address(keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:])
        assert recover_address(digest, parity, r, s) == expected


@pytest.mark.parametrize(
    ("parity", "r", "s"),
    [
        (2, 1, 1),
        (-1, 1, 1),
        (0, 0, 1),
        (0, 1, 0),
        (0, SECP256K1_ORDER, 1),
        (0, 1, SECP256K1_ORDER // 2 + 1),
        (0, 5, 1),
    ],
)
def test_signatures_that_no_key_can_have_made(parity: int, r: int, s: int) -> None:
    """Out of range, the upper half of s (EIP-2), and r = 5, which is the x-coordinate of no point."""
    with pytest.raises(DecodeError):
        recover_address(Bytes32(b"\x01" * 32), parity, r, s)


def test_what_is_signed_recovers() -> None:
    """Signatures of seeded keys: the same every time, with s in the lower half, and recovered to the key's address."""
    rng = random.Random(1559)
    for _ in range(50):
        secret, message = rng.randbytes(32), Bytes32(rng.randbytes(32))
        parity, r, s = sign(message, secret)
        assert sign(message, secret) == (parity, r, s)
        assert s <= SECP256K1_ORDER // 2
        assert recover_address(message, parity, r, s) == address_of(secret)


def test_a_known_key() -> None:
    """Key 1: the address of the generator itself."""
    assert address_of((1).to_bytes(32, "big")).hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\xff" * 32, SECP256K1_ORDER.to_bytes(32, "big")])
def test_keys_that_are_none(secret: bytes) -> None:
    with pytest.raises(DecodeError, match="private key"):
        sign(Bytes32(bytes(32)), secret)
    with pytest.raises(DecodeError, match="private key"):
        address_of(secret)
