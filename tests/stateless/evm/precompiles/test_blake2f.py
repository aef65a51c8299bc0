"""BLAKE2b's F against a word-by-word twin and against hashlib, and malformed inputs."""

import hashlib
import random

import pytest

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.blake2f import IV, SIGMA
from tests.stateless.evm.precompiles.contracts import contract

BLAKE2F = contract(0x09)
MASK = 2**64 - 1
COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def slow_f(rounds: int, h: list[int], m: list[int], t: list[int], final: bool) -> list[int]:
    """RFC 7693, section 3.2, as it stands there."""
    v = h + list(IV)
    v[12] ^= t[0]
    v[13] ^= t[1]
    if final:
        v[14] ^= MASK

    def turn(word: int, bits: int) -> int:
        return (word >> bits | word << 64 - bits) & MASK

    for number in range(rounds):
        sigma = SIGMA[number % 10]
        for index, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            v[a] = (v[a] + v[b] + m[sigma[2 * index]]) & MASK
            v[d] = turn(v[d] ^ v[a], 32)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = turn(v[b] ^ v[c], 24)
            v[a] = (v[a] + v[b] + m[sigma[2 * index + 1]]) & MASK
            v[d] = turn(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = turn(v[b] ^ v[c], 63)
    return [h[i] ^ v[i] ^ v[i + 8] for i in range(8)]


def little_endian(words: list[int]) -> bytes:
    return b"".join(word.to_bytes(8, "little") for word in words)


@pytest.mark.parametrize("rounds", [0, 1, 2, 9, 10, 11, 12, 20, 21, 100])
@pytest.mark.parametrize("final", [False, True])
def test_word_by_word(rounds: int, final: bool) -> None:
    rng = random.Random(f"{rounds} {final}")
    edges = [0, 1, MASK, 1 << 63]
    h, m, t = ([rng.choice([*edges, *[rng.getrandbits(64)] * 4]) for _ in range(size)] for size in (8, 16, 2))
    data = rounds.to_bytes(4, "big") + little_endian(h + m + t) + bytes([final])
    assert BLAKE2F.gas(data) == rounds
    assert BLAKE2F.run(data) == little_endian(slow_f(rounds, h, m, t, final))


@pytest.mark.parametrize("size", [0, 1, 127, 128])
def test_a_hash_of_one_block(size: int) -> None:
    """12 rounds on one block are BLAKE2b itself."""
    message = random.Random(size).randbytes(size)
    h = [IV[0] ^ 0x01010040, *IV[1:]]
    data = (12).to_bytes(4, "big") + little_endian(h) + message.ljust(128, b"\0") + little_endian([size, 0]) + b"\x01"
    assert BLAKE2F.run(data) == hashlib.blake2b(message).digest()


@pytest.mark.parametrize("data", [b"", bytes(212), bytes(214), bytes(212) + b"\x02", bytes(212) + b"\xff"])
def test_malformed(data: bytes) -> None:
    assert BLAKE2F.gas(data) == 0
    with pytest.raises(ExceptionalHalt):
        BLAKE2F.run(data)


def test_the_greatest_price() -> None:
    assert BLAKE2F.gas(b"\xff" * 4 + bytes(209)) == 2**32 - 1
