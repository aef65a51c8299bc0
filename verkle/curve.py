"""Bandersnatch and Banderwagon: the group of prime order r in which everything is committed.

Notation: Bandersnatch is the twisted Edwards curve a x^2 + y^2 = 1 + d x^2 y^2 over Fp with a = -5. Banderwagon is
the quotient of its subgroup of order 2r by the point of order two, (0, -1): the points (x, y) and (-x, -y) are
**one** element. Hence

    equality     x1 y2 = x2 y1
    identity     (0, 1) ~ (0, -1)
    encoding     x if y > (p-1)/2, else -x; 32 bytes, big-endian. The identity is 32 zero bytes.
    membership   1 - a x^2 is a non-zero square
    map          map_to_scalar_field(P) = (x / y as an integer) mod r; 0 for the identity

Coordinates are kept extended and projective: (X, Y, T, Z) with x = X/Z, y = Y/Z, T = XY/Z. Two equal elements may have
different coordinates, so an element is not hashable: cache by its encoding.

The addition law is complete on this group: its exceptional points lie outside the subgroup of order 2r.

Source: Bandersnatch, IACR 2021/1152; Banderwagon, "https://hackmd.io/@6iQDuIePQjyYBqDChYw_jg/BJ2-L6Nzc"; formulas
add-2008-hwcd and dbl-2008-hwcd of Hisil, Wong, Carter, Dawson (IACR 2008/522); EIP-6800, "Verkle tree definition".
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from spec.errors import DecodeError
from spec.types import Bytes32
from verkle.field import FP, FR, sqrt

A: Final = -5 % FP.modulus
"""The curve's coefficient a."""
D: Final = 45022363124591815672509500913686876175488063829319466900776701791074614335719
"""The curve's coefficient d, not a square."""

GENERATOR_X: Final = 18886178867200960497001835917649091219057080094937609519140440539760939937304
GENERATOR_Y: Final = 19188667384257783945677642223292697773471335439753913231509108946878080696678

Coordinates = tuple[int, int, int, int]
"""(X, Y, T, Z) of one representative, each in [0, p)."""

IDENTITY_COORDINATES: Final[Coordinates] = (0, 1, 0, 1)

_P: Final = FP.modulus
_HALF: Final = (FP.modulus - 1) // 2


def add_coordinates(left: Coordinates, right: Coordinates) -> Coordinates:
    """left + right, also where they are equal or opposite (add-2008-hwcd)."""
    x1, y1, t1, z1 = left
    x2, y2, t2, z2 = right
    xx, yy = x1 * x2, y1 * y2
    c = t1 * t2 % _P * D % _P
    zz = z1 * z2 % _P
    e = ((x1 + y1) * (x2 + y2) - xx - yy) % _P
    h = (yy + 5 * xx) % _P
    f, g = zz - c, zz + c
    return e * f % _P, g * h % _P, e * h % _P, f * g % _P


def add_affine(left: Coordinates, x2: int, y2: int, dt2: int) -> Coordinates:
    """left + (x2, y2), with d * x2 * y2 given: the same law with Z2 = 1."""
    x1, y1, t1, z1 = left
    xx, yy = x1 * x2, y1 * y2
    c = t1 * dt2 % _P
    e = ((x1 + y1) * (x2 + y2) - xx - yy) % _P
    h = (yy + 5 * xx) % _P
    f, g = z1 - c, z1 + c
    return e * f % _P, g * h % _P, e * h % _P, f * g % _P


def double_coordinates(point: Coordinates) -> Coordinates:
    """point + point (dbl-2008-hwcd)."""
    x, y, _, z = point
    xx, yy = x * x % _P, y * y % _P
    ax = -5 * xx
    e = ((x + y) * (x + y) - xx - yy) % _P
    g, h = ax + yy, ax - yy
    f = g - 2 * z * z
    f, g, h = f % _P, g % _P, h % _P
    return e * f % _P, g * h % _P, e * h % _P, f * g % _P


def negate_coordinates(point: Coordinates) -> Coordinates:
    """-point = (-x, y)."""
    x, y, t, z = point
    return -x % _P, y, -t % _P, z


class Point:
    """An element of Banderwagon. Immutable; there is no way to make one outside the group.

    Made by `decode`, by group operations, or by `from_coordinates`, whose callers stay inside the group.
    """

    __slots__ = ("coordinates",)
    coordinates: Final[Coordinates]  # type: ignore[misc]
    IDENTITY: ClassVar["Point"]
    GENERATOR: ClassVar["Point"]

    def __init__(self) -> None:
        raise TypeError("a Point is decoded from bytes or computed from other points")

    @classmethod
    def from_coordinates(cls, coordinates: Coordinates) -> "Point":
        """The element with these coordinates, which the caller knows to be in the group (they are not checked)."""
        point = object.__new__(cls)
        object.__setattr__(point, "coordinates", coordinates)
        return point

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Point is immutable")

    def __add__(self, other: "Point") -> "Point":
        return Point.from_coordinates(add_coordinates(self.coordinates, other.coordinates))

    def __neg__(self) -> "Point":
        return Point.from_coordinates(negate_coordinates(self.coordinates))

    def __sub__(self, other: "Point") -> "Point":
        return self + -other

    def __rmul__(self, scalar: int) -> "Point":
        """scalar * self, by doubling and adding: the definition that every faster way is tested against."""
        result, power = IDENTITY_COORDINATES, self.coordinates
        scalar %= FR.modulus
        while scalar:
            if scalar & 1:
                result = add_coordinates(result, power)
            power = double_coordinates(power)
            scalar >>= 1
        return Point.from_coordinates(result)

    def __eq__(self, other: object) -> bool:
        """Equality in the quotient: x1 y2 = x2 y1 (no element has x = y = 0)."""
        if not isinstance(other, Point):
            return NotImplemented
        x1, y1, _, _ = self.coordinates
        x2, y2, _, _ = other.coordinates
        return (x1 * y2 - x2 * y1) % _P == 0

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Point(0x{encode([self])[0].hex()})"


Point.IDENTITY = Point.from_coordinates(IDENTITY_COORDINATES)
Point.GENERATOR = Point.from_coordinates((GENERATOR_X, GENERATOR_Y, GENERATOR_X * GENERATOR_Y % _P, 1))


def affine(points: Sequence[Coordinates]) -> list[tuple[int, int]]:
    """(x, y) of each representative, with one inversion."""
    inverses = FP.batch_inverse([z for _, _, _, z in points])
    return [(x * i % _P, y * i % _P) for (x, y, _, _), i in zip(points, inverses, strict=True)]


def encode(points: Sequence[Point]) -> list[Bytes32]:
    """The 32-byte encodings, big-endian, of the representatives whose y is the larger of y and -y."""
    pairs = affine([point.coordinates for point in points])
    return [Bytes32((x if y > _HALF else -x % _P).to_bytes(32, "big")) for x, y in pairs]


def decode(encoded: Sequence[bytes]) -> list[Point]:
    """The elements with these encodings.

    Raises: DecodeError (`where` = "[i]") for x >= p, x on no point of the curve, or a point outside the subgroup.
    """
    decoded = []
    for index, data in enumerate(encoded):
        try:
            decoded.append(_decode_one(data))
        except DecodeError as error:
            raise error.inside(f"[{index}]") from None
    return decoded


def _decode_one(data: bytes) -> Point:
    x = FP.decode(data, "big")
    xx = x * x % _P
    numerator, denominator = (1 - A * xx) % _P, (1 - D * xx) % _P
    if not FP.is_square(numerator):
        raise DecodeError("not in the Banderwagon group (1 - a x^2 is no square)")
    # d is no square, so 1 - d x^2 is never 0. y = n / sqrt(n v) has y^2 = n / v.
    root = sqrt(numerator * denominator % _P)
    if root is None:
        raise DecodeError("not the x-coordinate of a point of the curve")
    y = numerator * FP.inverse(root) % _P
    y = max(y, _P - y)
    return Point.from_coordinates((x, y, x * y % _P, 1))


def to_scalars(points: Sequence[Point]) -> list[int]:
    """map_to_scalar_field of each: (x / y in [0, p)) mod r, with one inversion. y is never 0 in the group."""
    inverses = FP.batch_inverse([point.coordinates[1] for point in points])
    return [point.coordinates[0] * inverse % _P % FR.modulus for point, inverse in zip(points, inverses, strict=True)]
