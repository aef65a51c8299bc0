"""The contracts of bn254 against py_ecc: sums, multiples, products of pairings, and everything that is no point."""

import random

import pytest

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bn254_field import P
from stateless.evm.precompiles.bn254_group import R, X, split
from tests.stateless.evm.precompiles.contracts import BN, ONE, ZERO, bn_g1, bn_g2, contract, word, words
from tests.stateless.evm.precompiles.twist_points import any_twist_point, small_order_point

G1, G2, Z1, curve_order = BN.G1, BN.G2, BN.Z1, BN.curve_order
add, multiply, neg = BN.add, BN.multiply, BN.neg

ADD, MUL, PAIRING = contract(0x06), contract(0x07), contract(0x08)

EDGES = [0, 1, 2, 3, R - 2, R - 1, R, R + 1, 2**128 - 1, 2**128, 2**255, 2**256 - 1]


@pytest.mark.parametrize("seed", range(12))
def test_sums(seed: int) -> None:
    rng = random.Random(seed)
    left = multiply(G1, rng.randrange(1, curve_order))
    for right in (multiply(G1, rng.randrange(1, curve_order)), left, neg(left), Z1):
        expected = bn_g1(add(left, right))
        assert ADD.run(bn_g1(left) + bn_g1(right)) == expected
        assert ADD.run(bn_g1(right) + bn_g1(left) + b"more") == expected


def test_sums_of_nothing() -> None:
    assert ADD.run(b"") == ADD.run(bytes(128)) == bytes(64)
    assert ADD.gas(b"") == 150


@pytest.mark.parametrize("scalar", [*EDGES, *(random.Random(seed).getrandbits(256) for seed in range(20))])
def test_multiples(scalar: int) -> None:
    point = multiply(G1, random.Random(scalar).randrange(1, curve_order))
    assert MUL.run(bn_g1(point) + word(scalar)) == bn_g1(multiply(point, scalar % curve_order))
    assert MUL.run(bytes(64) + word(scalar)) == bytes(64)
    assert MUL.gas(word(scalar)) == 6000


def test_small_multiples_meet_every_exception() -> None:
    """Where the sum so far is the next point or its opposite, or the identity."""
    expected = Z1
    for scalar in range(40):
        assert MUL.run(words(1, 2, scalar)) == bn_g1(expected)
        assert MUL.run(words(1, 2, R - scalar)) == bn_g1(neg(expected))
        expected = add(expected, G1)


def test_halves_of_a_scalar() -> None:
    rng = random.Random(1)
    cube_root = -(36 * X**3 + 18 * X**2 + 6 * X + 2) % R
    for scalar in [0, 1, R - 1, R // 2, cube_root, cube_root + 1, *(rng.randrange(R) for _ in range(1000))]:
        k1, k2 = split(scalar)
        assert (k1 + k2 * cube_root - scalar) % R == 0
        assert max(abs(k1), abs(k2)) < 2**127


WRONG_G1 = {
    "off the curve": words(1, 3),
    "x = p": words(P, 2),
    "x + p": words(1 + P, 2),
    "y + p": words(1, 2 + P),
    "all ones": b"\xff" * 64,
    "x = 0": words(0, 1),
    "y = 0": words(1, 0),
    "the identity by p": words(P, 0),
}


@pytest.mark.parametrize("name", WRONG_G1)
def test_no_points_of_g1(name: str) -> None:
    wrong, right = WRONG_G1[name], words(1, 2)
    inputs = [(ADD, wrong), (ADD, wrong + right), (ADD, right + wrong), (MUL, wrong + word(1)), (MUL, wrong + word(0))]
    inputs += [(PAIRING, wrong + bn_g2(G2)), (PAIRING, wrong + bytes(128))]
    for precompile, data in inputs:
        with pytest.raises(ExceptionalHalt):
            precompile.run(data)


def test_truncated_points_of_g1() -> None:
    """Zeros follow: (1, 0) is no point, nothing at all is the identity."""
    assert ADD.run(words(1, 2)) == words(1, 2)
    for data in (word(1), words(1, 2)[:63], words(1, 2) + word(1)):
        with pytest.raises(ExceptionalHalt):
            ADD.run(data)


@pytest.mark.parametrize("seed", range(6))
def test_products_that_are_one(seed: int) -> None:
    """e(a P, b Q) e(-ab P, Q) = 1; with one factor changed it is not; identities change nothing."""
    rng = random.Random(seed)
    a, b = rng.randrange(1, curve_order), rng.randrange(1, curve_order)
    first = bn_g1(multiply(G1, a)) + bn_g2(multiply(G2, b))
    second = bn_g1(multiply(G1, -a * b % curve_order)) + bn_g2(G2)
    other = bn_g1(multiply(G1, (1 - a * b) % curve_order)) + bn_g2(G2)
    nothing = [bytes(192), bytes(64) + bn_g2(multiply(G2, a)), bn_g1(multiply(G1, b)) + bytes(128)]
    assert PAIRING.run(first + second) == ONE
    assert PAIRING.run(second + nothing[seed % 3] + first) == ONE
    assert PAIRING.run(first + other) == PAIRING.run(first) == ZERO
    assert PAIRING.gas(first + second) == 113_000


def test_products_of_nothing() -> None:
    assert PAIRING.run(b"") == PAIRING.run(bytes(192)) == PAIRING.run(bytes(384)) == ONE
    assert PAIRING.gas(b"") == 45_000
    assert PAIRING.gas(bytes(383)) == 79_000


@pytest.mark.parametrize("difference", [0, 1])
def test_a_product_of_three_against_py_ecc(difference: int) -> None:
    rng = random.Random(difference)
    a, b, c, d = (rng.randrange(1, curve_order) for _ in range(4))
    last = (difference - a * b - c * d) % curve_order
    pairs = [(multiply(G1, a), multiply(G2, b)), (multiply(G1, c), multiply(G2, d)), (multiply(G1, last), G2)]
    product = BN.FQ12.one()
    for p, q in pairs:
        product *= BN.pairing(q, p)
    assert (product == BN.FQ12.one()) == (difference == 0)
    assert PAIRING.run(b"".join(bn_g1(p) + bn_g2(q) for p, q in pairs)) == (ZERO if difference else ONE)


@pytest.mark.parametrize("size", [1, 191, 193, 383])
def test_pieces_of_pairs(size: int) -> None:
    with pytest.raises(ExceptionalHalt):
        PAIRING.run(bytes(size))


@pytest.mark.parametrize("index", range(4))
def test_coordinates_of_g2_are_below_p(index: int) -> None:
    before, after = slice(0, 32 * index), slice(32 * index + 32, 128)
    encoded = bn_g2(G2)
    number = int.from_bytes(encoded[32 * index : 32 * index + 32], "big")
    for p in (words(1, 2), bytes(64)):
        for data, wrong in ((encoded, number + P), (bytes(128), P)):
            with pytest.raises(ExceptionalHalt):
                PAIRING.run(p + data[before] + word(wrong) + data[after])


@pytest.mark.parametrize("seed", range(8))
def test_points_outside_g2(seed: int) -> None:
    """Off the twist, anywhere on it, of a small order, in a coset of G2: each halts, beside the identity of G1 too."""
    rng = random.Random(seed)
    anywhere, small = any_twist_point(rng), small_order_point(rng)
    off_twist = anywhere[0], anywhere[1] + BN.FQ2.one(), BN.FQ2.one()
    coset = add(multiply(G2, rng.randrange(1, curve_order)), small)
    for q in (off_twist, anywhere, small, coset):
        for p in (G1, Z1):
            with pytest.raises(ExceptionalHalt):
                PAIRING.run(bn_g1(p) + bn_g2(q))
