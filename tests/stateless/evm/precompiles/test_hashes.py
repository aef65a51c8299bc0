"""Hash functions against their oracles, prices by the word, and the doors in `spec.crypto`."""

import hashlib
import random

import pytest
from Crypto.Hash import keccak

from spec.crypto import keccak256, ripemd160
from tests.stateless.evm.precompiles.contracts import contract

SIZES = [0, 1, 31, 32, 33, 55, 56, 63, 64, 65, 135, 136, 137, 1000]


@pytest.mark.parametrize("size", SIZES)
def test_outputs(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert contract(0x02).run(data) == hashlib.sha256(data).digest()
    assert contract(0x03).run(data) == bytes(12) + ripemd160(data)
    assert contract(0x04).run(data) == data


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        ("abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        ("message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
        ("1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
    ],
)
def test_ripemd160(text: str, digest: str) -> None:
    """The vectors of its authors (1996)."""
    assert ripemd160(text.encode()).hex() == digest


@pytest.mark.parametrize(("number", "base", "per_word"), [(0x02, 60, 12), (0x03, 600, 120), (0x04, 15, 3)])
def test_prices(number: int, base: int, per_word: int) -> None:
    gas = contract(number).gas
    assert [gas(bytes(size)) for size in (0, 1, 32, 33, 64, 65)] == [base + per_word * n for n in (0, 1, 1, 2, 2, 3)]


@pytest.mark.parametrize("size", SIZES)
def test_keccak_is_one_function_whoever_provides_it(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert keccak256(data) == keccak.new(digest_bits=256, data=data).digest()
