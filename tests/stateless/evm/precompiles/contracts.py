"""What these tests share: a contract by its number, numbers as words, py_ecc as oracle and its points as bytes."""

from typing import Any, Final

from py_ecc import optimized_bls12_381, optimized_bn128

from spec.forks import Fork
from spec.types import Address
from stateless.evm.precompiles import Precompile, precompiles

BN: Final[Any] = optimized_bn128
BLS: Final[Any] = optimized_bls12_381
"""The oracles of two curves: functions of the same names in both."""

ONE = (1).to_bytes(32, "big")
ZERO = bytes(32)

Point = tuple[Any, Any, Any]
"""py_ecc's projective point, over any of its fields; its `normalize` takes the identity to (0, 0)."""


def contract(number: int, fork: Fork = Fork.OSAKA) -> Precompile:
    return precompiles(fork)[Address(number.to_bytes(20, "big"))]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def words(*numbers: int) -> bytes:
    return b"".join(map(word, numbers))


def bn_g1(point: Point) -> bytes:
    x, y = BN.normalize(point)
    return words(int(x), int(y))


def bn_g2(point: Point) -> bytes:
    (x0, x1), (y0, y1) = (coordinate.coeffs for coordinate in BN.normalize(point))
    return words(int(x1), int(x0), int(y1), int(y0))


def element(number: int) -> bytes:
    """A field element of BLS12-381."""
    return number.to_bytes(64, "big")


def bls_g1(point: Point) -> bytes:
    return b"".join(element(int(coordinate)) for coordinate in BLS.normalize(point))


def bls_g2(point: Point) -> bytes:
    coordinates = BLS.normalize(point)
    return b"".join(element(int(part)) for coordinate in coordinates for part in coordinate.coeffs)
