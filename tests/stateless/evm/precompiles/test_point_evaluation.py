"""Point evaluation: polynomials of degree 0 and 1 (their proofs need [s]_1 only), and every way to be wrong.

[s]_1 is `g1_monomial[1]` of the ceremony's trusted_setup_4096.json; a pairing ties it to the [s]_2 of the module.
"""

import random

import pytest
from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bls12381_group import R
from stateless.evm.precompiles.point_evaluation import KZG_SETUP_G2_1, OUTPUT, kzg_to_versioned_hash
from tests.stateless.evm.precompiles.contracts import contract, word

EVALUATE = contract(0x0A)

KZG_SETUP_G1_1 = G1Point.from_compressed_bytes(
    bytes.fromhex("ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42d25926fc0c97b336e9f0fb35e5a04c81")
)

IDENTITY = b"\xc0" + bytes(47)


def case(c0: int, c1: int, z: int, y: int | None = None) -> tuple[int, int, bytes, bytes]:
    """z, y, commitment and proof of p(X) = c0 + c1 X: the quotient (p(X) - p(z)) / (X - z) is c1."""
    commitment = G1Point() * Scalar(c0) + KZG_SETUP_G1_1 * Scalar(c1)
    value = (c0 + c1 * z) % R if y is None else y
    return z, value, commitment.to_compressed_bytes(), (G1Point() * Scalar(c1)).to_compressed_bytes()


def encode(z: int, y: int, commitment: bytes, proof: bytes) -> bytes:
    return kzg_to_versioned_hash(commitment) + word(z) + word(y) + commitment + proof


def halts(data: bytes) -> bool:
    try:
        EVALUATE.run(data)
    except ExceptionalHalt:
        return True
    return False


def test_the_setups_points_share_their_secret() -> None:
    s2 = G2Point.from_compressed_bytes(KZG_SETUP_G2_1)
    assert s2.is_in_subgroup()
    assert GT.pairing_check([KZG_SETUP_G1_1, -G1Point()], [G2Point(), s2])


@pytest.mark.parametrize("seed", range(8))
def test_right_and_wrong_values(seed: int) -> None:
    rng = random.Random(seed)
    edges = [0, 1, R - 1, rng.randrange(R), rng.randrange(R)]
    c0, c1, z = (rng.choice(edges) for _ in range(3))
    z, y, commitment, proof = case(c0, c1, z)
    assert EVALUATE.run(encode(z, y, commitment, proof)) == OUTPUT
    assert halts(encode(z, (y + 1) % R, commitment, proof))
    assert halts(encode((z + 1) % R, y, commitment, proof)) == (c1 != 0)
    assert halts(encode(z, y, commitment, (G1Point() * Scalar((c1 + 1) % R)).to_compressed_bytes()))


def test_the_output() -> None:
    """Source: EIP-4844."""
    r = 52435875175126190479447740508185965837690552500527637822603658699938581184513
    assert EVALUATE.run(encode(*case(0, 0, 0))) == word(4096) + word(r)
    assert EVALUATE.gas(b"") == 50_000


def test_a_constant_needs_no_quotient() -> None:
    assert case(7, 0, 5)[3] == IDENTITY
    assert EVALUATE.run(encode(*case(7, 0, 5))) == OUTPUT
    assert EVALUATE.run(encode(*case(0, 0, 5))) == OUTPUT


@pytest.mark.parametrize("position", [0, 1, 31])
def test_the_versioned_hash(position: int) -> None:
    data = bytearray(encode(*case(3, 4, 5)))
    data[position] ^= 1
    assert halts(bytes(data))


@pytest.mark.parametrize("wrong", [R, R + 1, 2**256 - 1])
def test_numbers_that_are_not_below_r(wrong: int) -> None:
    """z + r and y + r stand for the same field elements, and are refused."""
    z, y, commitment, proof = case(3, 0, 1)
    assert not halts(encode(z, y, commitment, proof))
    for data in ((wrong, y), (z, wrong), (z + R, y), (z, y + R)):
        assert halts(encode(*data, commitment, proof))


def bad_encodings() -> dict[str, bytes]:
    right = case(3, 4, 5)[2]
    p = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
    off_subgroup = bytearray((4).to_bytes(48, "big"))
    off_subgroup[0] |= 0x80
    return {
        "no compression flag": bytes([right[0] & 0x7F]) + right[1:],
        "identity flag on a point": bytes([right[0] | 0x40]) + right[1:],
        "other sign": bytes([right[0] ^ 0x20]) + right[1:],
        "identity with sign": b"\xe0" + bytes(47),
        "identity with a last byte": IDENTITY[:47] + b"\x01",
        "identity with a first bit": b"\xc1" + bytes(47),
        "identity without compression": b"\x40" + bytes(47),
        "zeros": bytes(48),
        "ones": b"\xff" * 48,
        "x = p": bytes([0x80 | p >> 376]) + (p % 2**376).to_bytes(47, "big"),
        "x of no point": b"\x80" + bytes(46) + b"\x01",
        "outside the subgroup": bytes(off_subgroup),
    }


@pytest.mark.parametrize("name", bad_encodings())
def test_bytes_of_no_point(name: str) -> None:
    z, y, commitment, proof = case(3, 4, 5)
    wrong = bad_encodings()[name]
    assert halts(encode(z, y, wrong, proof))
    assert halts(encode(z, y, commitment, wrong))
    assert halts(encode(0, 0, wrong, IDENTITY))
    constant = case(3, 0, 5)
    assert halts(encode(5, 3, constant[2], wrong))


@pytest.mark.parametrize("size", [0, 191, 193, 384])
def test_lengths(size: int) -> None:
    assert halts(encode(*case(3, 4, 5))[:size].ljust(size, b"\0"))
