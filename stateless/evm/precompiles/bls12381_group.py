"""Groups and pairing of BLS12-381: the door to py_arkworks_bls12381, the only module that imports it.

    field element    64 bytes: 16 zero bytes, then 48 bytes big-endian, below p
    G1               x || y                        each a field element; the identity is 128 zero bytes
    G2               x0 || x1 || y0 || y1          for x = x0 + x1 u, u^2 = -1; the identity is 256 zero bytes

Points are the library's own objects. It checks that coordinates are below p, that a point is on its curve and, where
asked, that it is in the subgroup of order r.

Source: EIP-2537, "Fine points and encoding of base elements"; draft-irtf-cfrg-pairing-friendly-curves-11, appendix C,
for the 48 bytes of a compressed point.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from spec.errors import ExceptionalHalt

if TYPE_CHECKING:
    from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

FIELD_BYTES: Final = 48
ELEMENT_BYTES: Final = 64
PADDING: Final = bytes(ELEMENT_BYTES - FIELD_BYTES)
G1_BYTES: Final = 2 * ELEMENT_BYTES
G2_BYTES: Final = 4 * ELEMENT_BYTES

R: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""The order of G1 and G2. Source: EIP-2537, "Curve parameters"."""

COMPRESSED_IDENTITY: Final = b"\xc0" + bytes(FIELD_BYTES - 1)
IDENTITY_FLAG: Final = 0x40


class _Library(NamedTuple):
    g1: "type[G1Point]"
    g2: "type[G2Point]"
    scalar: "type[Scalar]"
    gt: "type[GT]"


@cache
def _library() -> _Library:
    from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar  # noqa: PLC0415  (compiled; few programs need it)

    return _Library(G1Point, G2Point, Scalar, GT)


def _unpad(elements: bytes) -> bytes:
    """Field elements without their leading zeros. Raises: ExceptionalHalt where they are not zeros."""
    pieces = []
    for start in range(0, len(elements), ELEMENT_BYTES):
        if elements[start : start + len(PADDING)] != PADDING:
            raise ExceptionalHalt("a field element is longer than 48 bytes")
        pieces.append(elements[start + len(PADDING) : start + ELEMENT_BYTES])
    return b"".join(pieces)


def _pad(elements: bytes) -> bytes:
    return b"".join(PADDING + elements[start : start + FIELD_BYTES] for start in range(0, len(elements), FIELD_BYTES))


def decode_g1(data: bytes, in_subgroup: bool) -> "G1Point":
    """A point of the curve, or of G1. Raises: ExceptionalHalt."""
    point = _library().g1
    try:
        return (point.from_xy_bytes_be if in_subgroup else point.from_xy_bytes_unchecked_be)(_unpad(data))
    except ValueError as error:
        raise ExceptionalHalt("no point of G1") from error


def decode_g2(data: bytes, in_subgroup: bool) -> "G2Point":
    """A point of the twist, or of G2. Raises: ExceptionalHalt."""
    point = _library().g2
    try:
        return (point.from_xy_bytes_be if in_subgroup else point.from_xy_bytes_unchecked_be)(_unpad(data))
    except ValueError as error:
        raise ExceptionalHalt("no point of G2") from error


def decompress_g1(data: bytes) -> "G1Point":
    """A point of G1 from its 48 bytes. Raises: ExceptionalHalt.

    The library takes any bytes behind the identity's flag; only one encoding of it is right.
    """
    if data[0] & IDENTITY_FLAG and data != COMPRESSED_IDENTITY:
        raise ExceptionalHalt("the identity of G1 has one encoding")
    try:
        return _library().g1.from_compressed_bytes(data)
    except ValueError as error:
        raise ExceptionalHalt("no point of G1") from error


@cache
def constant_g2(data: bytes) -> "G2Point":
    """A point of G2 from its 96 bytes: one of a protocol, not of strangers, as it is kept for good."""
    return _library().g2.from_compressed_bytes(data)


def encode(point: "G1Point | G2Point") -> bytes:
    """The coordinates as field elements of 64 bytes."""
    return _pad(point.to_xy_bytes_be())


def generator_g1() -> "G1Point":
    """The generator of G1."""
    return _library().g1()


def generator_g2() -> "G2Point":
    """The generator of G2."""
    return _library().g2()


def sum_g1(scalars: Sequence[int], points: Sequence["G1Point"]) -> "G1Point":
    """The sum of scalar * point. Shapes: points in G1, as scalars count mod r; as many of both."""
    library = _library()
    return library.g1.multiexp_unchecked(list(points), [library.scalar(scalar % R) for scalar in scalars])


def sum_g2(scalars: Sequence[int], points: Sequence["G2Point"]) -> "G2Point":
    """The sum of scalar * point. Shapes: points in G2, as scalars count mod r; as many of both."""
    library = _library()
    return library.g2.multiexp_unchecked(list(points), [library.scalar(scalar % R) for scalar in scalars])


def product_is_one(g1: Sequence["G1Point"], g2: Sequence["G2Point"]) -> bool:
    """Whether the product of e(P, Q) is 1. Shapes: points in G1 and G2, as many of both."""
    return _library().gt.pairing_check(list(g1), list(g2))


def map_to_g1(data: bytes) -> "G1Point":
    """A field element's point of G1 (simplified SWU, cofactor cleared). Raises: ExceptionalHalt."""
    try:
        return _library().g1.map_from_fp_be(_unpad(data))
    except ValueError as error:
        raise ExceptionalHalt("no element of Fp") from error


def map_to_g2(data: bytes) -> "G2Point":
    """The point of G2 of an element of Fp2 (simplified SWU, cofactor cleared). Raises: ExceptionalHalt."""
    try:
        return _library().g2.map_from_fp2_be(_unpad(data))
    except ValueError as error:
        raise ExceptionalHalt("no element of Fp2") from error
