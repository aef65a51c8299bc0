"""Modular exponentiation: prices of EIP-2565 and EIP-7883, outputs by definition, lengths that are only claimed."""

import random

import pytest

from spec.errors import ExceptionalHalt
from spec.forks import Fork
from tests.stateless.evm.precompiles.contracts import contract, words

BERLIN, OSAKA = contract(0x05, Fork.PRAGUE), contract(0x05, Fork.OSAKA)


def encode(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    return words(len(base), len(exponent), len(modulus)) + base + exponent + modulus


@pytest.mark.parametrize(
    ("size", "exponent", "berlin", "osaka"),
    [
        (64, "02", 200, 500),
        (64, "010001", 341, 2048),
        (128, "02", 200, 512),
        (128, "010001", 1365, 8192),
        (256, "02", 341, 2048),
        (256, "03", 341, 2048),
        (256, "010001", 5461, 32768),
        (512, "02", 1365, 8192),
        (512, "010001", 21845, 131072),
        (1024, "02", 5461, 32768),
        (1024, "010001", 87381, 524288),
    ],
)
def test_prices_of_the_nagydani_cases(size: int, exponent: str, berlin: int, osaka: int) -> None:
    """Source: EIP-7883, "Test Cases"; prices depend on lengths and exponent only."""
    data = encode(b"\x01" * size, bytes.fromhex(exponent), b"\x01" * size)
    assert (BERLIN.gas(data), OSAKA.gas(data)) == (berlin, osaka)


@pytest.mark.parametrize(
    ("base_length", "exponent", "modulus_length", "berlin", "osaka"),
    [
        (0, b"", 0, 200, 500),
        (1, b"\xff" * 32, 1, 200, 4080),
        (32, b"\xff" * 32, 32, 1360, 4080),
        (33, b"\xff" * 32, 32, 2125, 12750),
        (32, b"\xff" * 33, 32, 16 * 263 // 3, 16 * 271),
        (32, b"\x00" * 32 + b"\xff", 32, 200, 500),
        (32, b"\x00" * 32 + b"\xff" * 40, 32, 16 * 320 // 3, 16 * 640),
        (32, b"\x01" + b"\x00" * 31, 32, 16 * 248 // 3, 16 * 248),
        (64, b"\x01", 8, 200, 500),
        (8, b"\x07", 1024, 16384 * 2 // 3, 2 * 16384 * 2),
    ],
)
def test_prices_at_the_edges(base_length: int, exponent: bytes, modulus_length: int, berlin: int, osaka: int) -> None:
    data = encode(b"\x05" * base_length, exponent, b"\x03" * modulus_length)
    assert (BERLIN.gas(data), OSAKA.gas(data)) == (berlin, osaka)


@pytest.mark.parametrize("seed", range(40))
def test_outputs_by_definition(seed: int) -> None:
    rng = random.Random(seed)
    base, exponent, modulus = (rng.randbytes(rng.choice([0, 1, 2, 31, 32, 33, 100])) for _ in range(3))
    if rng.random() < 0.3:
        modulus = modulus[:-1] + b"\x00" if modulus else modulus
    number = int.from_bytes(modulus, "big")
    power = pow(int.from_bytes(base, "big"), int.from_bytes(exponent, "big"), number) if number else 0
    for precompile in (BERLIN, OSAKA):
        assert precompile.run(encode(base, exponent, modulus) + b"more") == power.to_bytes(len(modulus), "big")


@pytest.mark.parametrize(
    ("base", "exponent", "modulus", "output"),
    [
        ("", "", "", ""),
        ("05", "", "", ""),
        ("05", "02", "00", "00"),
        ("05", "02", "0000", "0000"),
        ("05", "02", "01", "00"),
        ("05", "00", "01", "00"),
        ("", "", "07", "01"),
        ("00", "00", "0007", "0001"),
        ("00", "05", "07", "00"),
        ("03", "05", "08", "03"),
        ("02", "08", "0100", "0000"),
    ],
)
def test_small_outputs(base: str, exponent: str, modulus: str, output: str) -> None:
    """0^0 = 1, anything mod 0 or mod 1 is 0, an even modulus, no modulus at all."""
    data = encode(bytes.fromhex(base), bytes.fromhex(exponent), bytes.fromhex(modulus))
    assert BERLIN.run(data) == OSAKA.run(data) == bytes.fromhex(output)


def test_the_bounds_of_osaka() -> None:
    assert OSAKA.run(words(1024, 0, 1024) + bytes(2048)) == bytes(1024)
    assert OSAKA.run(words(0, 1024, 1)) == bytes(1)
    for lengths in ((1025, 0, 0), (0, 1025, 0), (0, 0, 1025), (2**256 - 1, 0, 0), (0, 2**256 - 1, 0), (1, 1, 2**64)):
        with pytest.raises(ExceptionalHalt):
            OSAKA.run(words(*lengths))


def test_an_exponent_of_any_length_is_free_where_nothing_is_multiplied() -> None:
    """Under EIP-2565 it is affordable, so it must be run without being read."""
    for length in (2**32, 2**64, 2**256 - 1):
        assert BERLIN.gas(words(0, length, 0)) == 200
        assert BERLIN.run(words(0, length, 0)) == b""


def test_claims_that_nobody_can_pay() -> None:
    for lengths in ((2**256 - 1, 0, 0), (0, 0, 2**256 - 1), (1, 2**256 - 1, 1), (2**256 - 1,) * 3):
        assert BERLIN.gas(words(*lengths)) > 2**64
        assert OSAKA.gas(words(*lengths)) > 2**64
