"""Recovery: both halves of s, every range, and what a transaction's rule refuses."""

import random

import pytest
from py_ecc.secp256k1.secp256k1 import ecdsa_raw_sign, privtopub

from spec.crypto import SECP256K1_ORDER, keccak256, recover_address
from spec.errors import DecodeError
from spec.types import Bytes32
from tests.stateless.evm.precompiles.contracts import contract, word, words

ECRECOVER = contract(0x01)


def signed(seed: int) -> tuple[bytes, int, int, int, bytes]:
    """Hash, v, r, s and the signer as the output shows it."""
    rng = random.Random(seed)
    secret, digest = rng.randbytes(32), rng.randbytes(32)
    v, r, s = ecdsa_raw_sign(digest, secret)
    return digest, v, r, s, bytes(12) + keccak256(words(*privtopub(secret)))[12:]


@pytest.mark.parametrize("seed", range(4))
def test_both_halves_of_s(seed: int) -> None:
    digest, v, r, s, signer = signed(seed)
    assert ECRECOVER.run(digest + words(v, r, s)) == signer
    assert ECRECOVER.run(digest + words(55 - v, r, SECP256K1_ORDER - s)) == signer
    assert ECRECOVER.run(digest + words(v, r, s) + b"more") == signer


def test_the_rule_of_transactions_stands() -> None:
    digest, v, r, s, signer = signed(7)
    v, s = (v, s) if s > SECP256K1_ORDER // 2 else (55 - v, SECP256K1_ORDER - s)
    assert recover_address(Bytes32(digest), v - 27, r, s, any_s=True) == signer[12:]
    with pytest.raises(DecodeError):
        recover_address(Bytes32(digest), v - 27, r, s)


@pytest.mark.parametrize("v", [0, 1, 26, 29, 30, 27 + 256, 27 + 2**128, 2**256 - 1])
def test_wrong_v(v: int) -> None:
    digest, _, r, s, _ = signed(1)
    assert ECRECOVER.run(digest + words(v, r, s)) == b""


@pytest.mark.parametrize("wrong", [0, SECP256K1_ORDER, SECP256K1_ORDER + 1, 2**256 - 1])
def test_r_and_s_out_of_range(wrong: int) -> None:
    digest, v, r, s, _ = signed(2)
    assert ECRECOVER.run(digest + words(v, wrong, s)) == b""
    assert ECRECOVER.run(digest + words(v, r, wrong)) == b""


@pytest.mark.parametrize(
    "data",
    [b"", bytes(31), bytes(128), word(1) + words(27, 5, 1), word(1) + word(27) + word(1)],
    ids=["empty", "short", "zeros", "r of no point", "no s"],
)
def test_nothing_is_recovered(data: bytes) -> None:
    assert ECRECOVER.run(data) == b""
    assert ECRECOVER.gas(data) == 3000


def test_the_point_at_infinity_is_nobodys_key() -> None:
    """With R = G and s = hash the key is (s R - hash G) / r = 0."""
    generator_x = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
    assert ECRECOVER.run(words(5, 27, generator_x, 5)) == b""
