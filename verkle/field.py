"""The two prime fields of Bandersnatch.

Notation: Fp is the field of coordinates, Fr the field of scalars (the order of the prime subgroup). An element is a
plain `int` in [0, m); inside a formula products are reduced with `% m`, so every value that leaves a function is
canonical.

Byte order is never implied: `encode` and `decode` take it. Scalars of the protocol are little-endian, coordinates
big-endian.

Source: "Bandersnatch: a fast elliptic curve built over the BLS12-381 scalar field" (IACR 2021/1152), section 2;
square roots after Sarkar, "Computing square roots faster than the Tonelli-Shanks/Bernstein algorithm" (IACR 2020/1407).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from spec.errors import DecodeError

ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class PrimeField:
    """The integers modulo the prime `modulus`, 32 bytes an element."""

    name: str
    modulus: int

    def inverse(self, a: int) -> int:
        """1/a. Raises: ZeroDivisionError for 0."""
        if a % self.modulus == 0:
            raise ZeroDivisionError(f"0 has no inverse in {self.name}")
        return pow(a, -1, self.modulus)

    def batch_inverse(self, values: Sequence[int]) -> list[int]:
        """[1/a for a in values] with one inversion (Montgomery's trick). Raises: ZeroDivisionError where one is 0.

        Prefix products p_i = a_0 ... a_i; then 1/a_i = (1/p_i) * p_{i-1}, going down.
        """
        m = self.modulus
        prefix, product = [], 1
        for a in values:
            prefix.append(product)
            product = product * a % m
        inverse = self.inverse(product) if values else 1
        result = [0] * len(values)
        for i in range(len(values) - 1, -1, -1):
            result[i] = inverse * prefix[i] % m
            inverse = inverse * values[i] % m
        return result

    def is_square(self, a: int) -> bool:
        """Whether a is a non-zero square: a^((m-1)/2) = 1 (Euler's criterion)."""
        return pow(a, (self.modulus - 1) // 2, self.modulus) == 1

    def encode(self, a: int, order: ByteOrder) -> bytes:
        """The 32 bytes of a canonical element."""
        return a.to_bytes(32, order)

    def decode(self, data: bytes, order: ByteOrder) -> int:
        """The element whose encoding is `data`. Raises: DecodeError unless 32 bytes below the modulus."""
        if len(data) != 32:
            raise DecodeError(f"an element of {self.name} has 32 bytes, got {len(data)}")
        a = int.from_bytes(data, order)
        if a >= self.modulus:
            raise DecodeError(f"not canonical: at or above the modulus of {self.name}")
        return a

    def from_bytes_mod_order(self, data: bytes, order: ByteOrder) -> int:
        """The integer `data`, reduced. For hashes only: many inputs give one element."""
        return int.from_bytes(data, order) % self.modulus


FP: Final = PrimeField("Fp", 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001)
"""The base field: the scalar field of BLS12-381."""

FR: Final = PrimeField("Fr", 0x1CFB69D4CA675F520CCE760202687600FF8F87007419047174FD06B52876E7E1)
"""The scalar field: the order of Bandersnatch's prime subgroup."""

_TWO_ADICITY: Final = 32
"""p - 1 = 2^32 * q with q odd."""
_WINDOW: Final = 8
"""Bits of a discrete logarithm found at once; divides the two-adicity."""


@dataclass(frozen=True, slots=True)
class _RootTables:
    """Powers of g, a generator of the 2^32-th roots of unity.

    `inverse_powers[k][j]` = g^(-j * 2^(8k)); `logarithm[h^j]` = j for h = g^(2^24), of order 256.
    """

    inverse_powers: tuple[tuple[int, ...], ...]
    logarithm: dict[int, int]


@cache
def _root_tables() -> _RootTables:
    p = FP.modulus
    g = pow(5, (p - 1) >> _TWO_ADICITY, p)
    """5 is the least non-square of Fp, so g has order 2^32."""
    inverse_g = FP.inverse(g)
    tables = []
    for k in range(_TWO_ADICITY // _WINDOW):
        step = pow(inverse_g, 1 << (_WINDOW * k), p)
        row = [1]
        for _ in range((1 << _WINDOW) - 1):
            row.append(row[-1] * step % p)
        tables.append(tuple(row))
    h = pow(g, 1 << (_TWO_ADICITY - _WINDOW), p)
    logarithm, power = {}, 1
    for j in range(1 << _WINDOW):
        logarithm[power] = j
        power = power * h % p
    return _RootTables(tuple(tables), logarithm)


def sqrt(a: int) -> int | None:
    """A square root of a in Fp (either one), or None where there is none.

    With p - 1 = 2^32 q: r = a^((q+1)/2), t = a^q = g^e; r^2 = a t, so the root is r g^(-e/2), and e is even exactly
    when a is a square. e is found eight bits at a time, lowest first.
    """
    p = FP.modulus
    if a == 0:
        return 0
    tables = _root_tables()
    z = pow(a, (((p - 1) >> _TWO_ADICITY) - 1) // 2, p)
    r = a * z % p
    t = r * z % p
    e = 0
    for k in range(_TWO_ADICITY // _WINDOW):
        top = t
        for _ in range(_TWO_ADICITY - _WINDOW * (k + 1)):
            top = top * top % p
        digit = tables.logarithm[top]
        t = t * tables.inverse_powers[k][digit] % p
        e |= digit << (_WINDOW * k)
    if e & 1:
        return None
    half = e >> 1
    for k in range(_TWO_ADICITY // _WINDOW):
        r = r * tables.inverse_powers[k][(half >> (_WINDOW * k)) & 0xFF] % p
    return r
