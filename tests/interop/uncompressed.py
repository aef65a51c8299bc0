"""The 64-byte form x || y of some libraries' databases. It is no part of the protocol, so only tests know it."""

from typing import Literal

from spec.errors import DecodeError
from verkle import curve
from verkle.field import FP


def decode(data: bytes, order: Literal["little", "big"]) -> curve.Point:
    """The element with this representative (x, y). Raises: DecodeError where it is no element of the group."""
    if len(data) != 64:
        raise DecodeError(f"x || y has 64 bytes, got {len(data)}")
    x, y = FP.decode(data[:32], order), FP.decode(data[32:], order)
    largest = max(y, FP.modulus - y)
    (point,) = curve.decode([FP.encode(x if y == largest else -x % FP.modulus, "big")])
    if curve.affine([point.coordinates])[0][1] != largest:
        raise DecodeError("y does not belong to x")
    return point
