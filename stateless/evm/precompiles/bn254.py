"""Curve bn254: addition (0x06) and multiplication (0x07) in G1, product of pairings (0x08).

    G1       x || y                                32 bytes each, big-endian, below p; the identity is (0, 0)
    G2       x1 || x0 || y1 || y0                  for x = x0 + x1 u, y = y0 + y1 u; the identity is (0, 0)
    pairing  any number of G1 || G2 -> 1 or 0 in 32 bytes: is the product of e(P, Q) one?

No library in good keeping offers this curve at speed, so the arithmetic is our own: `bn254_field`, `bn254_group`,
`bn254_pairing`. (py_ecc takes 309 ms for two pairs, this takes 9; py_ecc is its oracle in tests.)

Source: EIP-196, EIP-197; prices EIP-1108.
"""

from typing import Final

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bn254_field import FP2_ZERO, P
from stateless.evm.precompiles.bn254_group import IDENTITY, Affine, add, is_on_curve, multiply
from stateless.evm.precompiles.bn254_pairing import TwistPoint, is_on_twist, lines, product_is_one
from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, constant_gas, read_integer

G1_BYTES: Final = 64
PAIR_BYTES: Final = 192
TWIST_IDENTITY: Final[TwistPoint] = (FP2_ZERO, FP2_ZERO)


def _coordinate(data: bytes, start: int) -> int:
    number = read_integer(data, start)
    if number >= P:
        raise ExceptionalHalt("a coordinate is not below p")
    return number


def _g1(data: bytes, start: int) -> Affine:
    """A point of G1: the whole curve. Raises: ExceptionalHalt."""
    point = _coordinate(data, start), _coordinate(data, start + 32)
    if point != IDENTITY and not is_on_curve(point):
        raise ExceptionalHalt("a point is not on the curve")
    return point


def _twist_point(data: bytes, start: int) -> TwistPoint:
    """A point of the twist; whether it is in G2 shows when its lines are made. Raises: ExceptionalHalt."""
    x1, x0, y1, y0 = (_coordinate(data, start + offset) for offset in (0, 32, 64, 96))
    point = (x0, x1), (y0, y1)
    if point != TWIST_IDENTITY and not is_on_twist(point):
        raise ExceptionalHalt("a point is not on the twist")
    return point


def _encode(point: Affine) -> bytes:
    x, y = point
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def run_add(data: bytes) -> bytes:
    """P + Q. Raises: ExceptionalHalt where a point is none."""
    return _encode(add(_g1(data, 0), _g1(data, G1_BYTES)))


def run_mul(data: bytes) -> bytes:
    """k P for the 32 bytes k behind P. Raises: ExceptionalHalt where P is no point."""
    return _encode(multiply(_g1(data, 0), read_integer(data, G1_BYTES)))


def gas_pairing(data: bytes) -> int:
    """45,000 and 34,000 for each pair."""
    return 45_000 + 34_000 * (len(data) // PAIR_BYTES)


def run_pairing(data: bytes) -> bytes:
    """Whether the product of pairings is one. Raises: ExceptionalHalt for other than pairs of points in G1, G2."""
    if len(data) % PAIR_BYTES:
        raise ExceptionalHalt("the input is not a whole number of pairs")
    pairs = []
    for start in range(0, len(data), PAIR_BYTES):
        p, q = _g1(data, start), _twist_point(data, start + G1_BYTES)
        if q == TWIST_IDENTITY:
            continue
        taken = lines(q)
        if p != IDENTITY:
            pairs.append((p, taken))
    return product_is_one(pairs).to_bytes(WORD_BYTES, "big")


BN254_ADD: Final = Precompile("BN254_ADD", constant_gas(150), run_add)
BN254_MUL: Final = Precompile("BN254_MUL", constant_gas(6_000), run_mul)
BN254_PAIRING: Final = Precompile("BN254_PAIRING", gas_pairing, run_pairing)
