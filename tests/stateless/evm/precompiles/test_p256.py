"""P-256: right signatures, both halves of s, one bit changed, numbers out of range, keys off the curve."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from stateless.evm.precompiles.p256 import ORDER, P
from tests.stateless.evm.precompiles.contracts import ONE, contract, words

P256VERIFY = contract(0x100)


def signed(seed: int) -> tuple[bytes, int, int, int, int]:
    rng = random.Random(seed)
    key, digest = ec.derive_private_key(rng.randrange(1, ORDER), ec.SECP256R1()), rng.randbytes(32)
    r, s = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(SHA256()))))
    public = key.public_key().public_numbers()
    return digest, r, s, public.x, public.y


@pytest.mark.parametrize("seed", range(6))
def test_right_signatures(seed: int) -> None:
    digest, r, s, x, y = signed(seed)
    assert P256VERIFY.run(digest + words(r, s, x, y)) == ONE
    assert P256VERIFY.run(digest + words(r, ORDER - s, x, y)) == ONE
    assert P256VERIFY.gas(digest) == 6900


@pytest.mark.parametrize("seed", range(6))
def test_one_bit_makes_it_wrong(seed: int) -> None:
    digest, r, s, x, y = signed(seed)
    data = bytearray(digest + words(r, s, x, y))
    data[random.Random(seed).randrange(160)] ^= 1 << seed
    assert P256VERIFY.run(bytes(data)) == b""


def test_inputs_out_of_range() -> None:
    digest, r, s, x, y = signed(11)
    wrong = [
        (0, s, x, y),
        (r, 0, x, y),
        (ORDER, s, x, y),
        (r, ORDER, x, y),
        (ORDER + 1, s, x, y),
        (r, 2**256 - 1, x, y),
    ]
    wrong += [(r, s, 0, 0), (r, s, P, y), (r, s, x, P), (r, s, x + P if x + P < 2**256 else P, y), (r, s, x, P - y)]
    wrong += [(r, s, x, y + 1), (r, s, 2**256 - 1, 2**256 - 1)]
    assert [P256VERIFY.run(digest + words(*numbers)) for numbers in wrong] == [b""] * len(wrong)


def test_other_lengths() -> None:
    digest, *numbers = signed(12)
    data = digest + words(*numbers)
    assert P256VERIFY.run(data) == ONE
    assert [P256VERIFY.run(other) for other in (b"", data[:-1], data + b"\0", bytes(160))] == [b""] * 4
