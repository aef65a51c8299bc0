"""The contracts of BLS12-381 against py_ecc: sums, multiples, pairings, maps, and everything that is no point.

`vectors.json` has the EIP's own.
"""

import random

import pytest
from py_ecc.bls.hash_to_curve import clear_cofactor_G1, clear_cofactor_G2, map_to_curve_G1, map_to_curve_G2

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles import Precompile
from tests.stateless.evm.precompiles.contracts import BLS, ONE, ZERO, Point, bls_g1, bls_g2, contract, element, word
from tests.stateless.evm.precompiles.twist_points import any_bls_twist_point

FQ, FQ2, G1, G2, Z1, Z2 = BLS.FQ, BLS.FQ2, BLS.G1, BLS.G2, BLS.Z1, BLS.Z2
add, multiply, neg = BLS.add, BLS.multiply, BLS.neg
P: int = BLS.field_modulus
R: int = BLS.curve_order

G1ADD, G1MSM, G2ADD, G2MSM, PAIRING, MAP_G1, MAP_G2 = (contract(number) for number in range(0x0B, 0x12))

SCALARS = [0, 1, 2, R - 1, R, R + 1, 2**255, 2**256 - 1]

ORDER_THREE: Point = (FQ(0), FQ(2), FQ(1))
"""On the curve, not in the subgroup."""


def outside_g1(rng: random.Random) -> Point:
    """A random point of the curve: in G1 with probability 2^-126."""
    while True:
        x = FQ(rng.randrange(P))
        y = FQ(pow(int(x * x * x + 4), (P + 1) // 4, P))
        if BLS.is_on_curve((x, y, FQ(1)), BLS.b):
            return x, y, FQ(1)


def halts(precompile: Precompile, data: bytes) -> bool:
    try:
        precompile.run(data)
    except ExceptionalHalt:
        return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_sums(seed: int) -> None:
    """Points of the subgroup and not: equal, opposite, with the identity, of order three."""
    rng = random.Random(seed)
    first: list[Point] = [multiply(G1, rng.randrange(1, R)), outside_g1(rng), ORDER_THREE, Z1]
    second: list[Point] = [multiply(G2, rng.randrange(1, R)), any_bls_twist_point(rng), Z2]
    for left in first:
        for right in (*first, neg(left)):
            assert G1ADD.run(bls_g1(left) + bls_g1(right)) == bls_g1(add(left, right))
    for left in second:
        for right in (*second, neg(left)):
            assert G2ADD.run(bls_g2(left) + bls_g2(right)) == bls_g2(add(left, right))


@pytest.mark.parametrize("seed", range(4))
def test_sums_of_multiples(seed: int) -> None:
    rng = random.Random(seed)
    scalars = [rng.choice(SCALARS), rng.getrandbits(256), rng.choice(SCALARS)]
    for generator, identity, encode, precompile in ((G1, Z1, bls_g1, G1MSM), (G2, Z2, bls_g2, G2MSM)):
        points = [multiply(generator, rng.randrange(1, R)), multiply(generator, rng.randrange(1, R)), identity]
        expected: Point = identity
        data = b""
        for point, scalar in zip(points, scalars, strict=True):
            data += encode(point) + word(scalar)
            expected = add(expected, multiply(point, scalar))
            assert precompile.run(data) == encode(expected)


@pytest.mark.parametrize("seed", range(4))
def test_products_of_pairings(seed: int) -> None:
    rng = random.Random(seed)
    a, c = rng.randrange(1, R), rng.randrange(1, R)
    first = bls_g1(multiply(G1, a)) + bls_g2(multiply(G2, c))
    second = bls_g1(multiply(G1, -a * c % R)) + bls_g2(G2)
    nothing = [bytes(384), bls_g1(G1) + bytes(256), bytes(128) + bls_g2(G2)]
    assert PAIRING.run(first + second) == ONE
    assert PAIRING.run(first) == PAIRING.run(first + first + second) == ZERO
    assert PAIRING.run(second + nothing[seed % 3] + first) == ONE
    assert [PAIRING.run(pair) for pair in nothing] == [ONE] * 3


@pytest.mark.parametrize("seed", range(4))
def test_maps(seed: int) -> None:
    rng = random.Random(seed)
    c0, c1 = rng.choice([0, 1, P - 1, rng.randrange(P)]), rng.randrange(P)
    for number in (c0, c1):
        assert MAP_G1.run(element(number)) == bls_g1(clear_cofactor_G1(map_to_curve_G1(FQ(number))))
    for pair in ((c0, c1), (c1, c0), (c0, 0), (0, c1)):
        expected = clear_cofactor_G2(map_to_curve_G2(FQ2(pair)))
        assert MAP_G2.run(element(pair[0]) + element(pair[1])) == bls_g2(expected)


WRONG_ELEMENTS = [P, P + 1, 2**381, 2**384 - 1, 2**384, 2**511, 2**512 - 1]


@pytest.mark.parametrize("wrong", WRONG_ELEMENTS)
def test_field_elements_that_are_not_below_p(wrong: int) -> None:
    bad = element(wrong)
    assert halts(MAP_G1, bad)
    assert halts(MAP_G2, bad + element(0))
    assert halts(MAP_G2, element(0) + bad)
    for size, precompile, rest in ((128, G1ADD, bytes(128)), (256, G2ADD, bytes(256)), (128, G1MSM, word(0))):
        point = {128: bls_g1(G1), 256: bls_g2(G2)}[size]
        for start in range(0, size, 64):
            assert halts(precompile, point[:start] + bad + point[start + 64 :] + rest)
            assert halts(precompile, bytes(start) + bad + bytes(size - start - 64) + rest)


def test_another_name_of_a_coordinate() -> None:
    """x + p stands for the same x, and is refused."""
    encoded = bls_g1(G1)
    x = int.from_bytes(encoded[:64], "big")
    assert halts(G1ADD, element(x + P) + encoded[64:] + bytes(128))
    assert not halts(G1ADD, encoded + bytes(128))


@pytest.mark.parametrize("seed", range(4))
def test_points_outside_the_subgroup(seed: int) -> None:
    rng = random.Random(seed)
    member: Point = multiply(G1, rng.randrange(1, R))
    member2: Point = multiply(G2, rng.randrange(1, R))
    for stranger in (outside_g1(rng), ORDER_THREE, add(member, ORDER_THREE)):
        assert halts(G1MSM, bls_g1(stranger) + word(0))
        assert halts(G1MSM, bls_g1(member) + word(1) + bls_g1(stranger) + word(1))
        assert halts(PAIRING, bls_g1(stranger) + bytes(256))
        assert halts(PAIRING, bls_g1(stranger) + bls_g2(member2))
    twisted = any_bls_twist_point(rng)
    assert halts(G2MSM, bls_g2(twisted) + word(R))
    assert halts(PAIRING, bytes(128) + bls_g2(twisted))
    assert halts(PAIRING, bls_g1(member) + bls_g2(twisted))


@pytest.mark.parametrize("precompile", [G1ADD, G1MSM, PAIRING], ids=lambda precompile: precompile.name)
@pytest.mark.parametrize("wrong", [(1, 1), (0, 1), (4, 0), (0, P - 1)])
def test_points_off_the_curve(precompile: Precompile, wrong: tuple[int, int]) -> None:
    rest = {"BLS12_G1ADD": bytes(128), "BLS12_G1MSM": word(1), "BLS12_PAIRING_CHECK": bls_g2(G2)}[precompile.name]
    assert halts(precompile, element(wrong[0]) + element(wrong[1]) + rest)


@pytest.mark.parametrize(
    ("precompile", "size"),
    [(G1ADD, 256), (G1MSM, 160), (G2ADD, 512), (G2MSM, 288), (PAIRING, 384), (MAP_G1, 64), (MAP_G2, 128)],
    ids=lambda value: getattr(value, "name", value),
)
def test_lengths(precompile: Precompile, size: int) -> None:
    """One byte less or more, and nothing at all, fail; the price of any length is a number."""
    assert not halts(precompile, bytes(size))
    for other in (0, 1, size - 1, size + 1, 2 * size - 1):
        assert halts(precompile, bytes(other))
        assert precompile.gas(bytes(other)) >= 0
    repeats = precompile in (G1MSM, G2MSM, PAIRING)
    assert halts(precompile, bytes(2 * size)) != repeats


def test_prices() -> None:
    """Source: EIP-2537, "Gas schedule"."""
    assert [precompile.gas(b"") for precompile in (G1ADD, G2ADD, MAP_G1, MAP_G2)] == [375, 600, 5_500, 23_800]
    assert [PAIRING.gas(bytes(384 * k)) for k in (1, 2, 9)] == [70_300, 102_900, 331_100]
    terms = (0, 1, 2, 3, 64, 127, 128, 129, 1000)
    of_g1 = [G1MSM.gas(bytes(160 * k)) for k in terms]
    assert of_g1 == [0, 12_000, 22_776, 30_528, 442_368, 792_480, 797_184, 803_412, 6_228_000]
    of_g2 = [G2MSM.gas(bytes(288 * k)) for k in terms]
    assert of_g2 == [0, 22_500, 45_000, 62_302, 838_080, 1_497_330, 1_509_120, 1_520_910, 11_790_000]
