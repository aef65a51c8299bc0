"""Layouts: how field elements, scalars and points stand in arrays.

    words     an integer below 2^256 as four 64-bit words, lowest first
    point     16 words: X, Y, Z, T, each an element of Fp times R (Montgomery form), below 2^256; not canonical
    entry     12 words: x, y, d x y of a table entry, each times R, canonical
    scalar    4 words, canonical in Fr, not in Montgomery form

R = 2^260 in what is made here. Coordinates are projective, so a backend that works with another R (`accel.wide`) reads
these points as they are; its own tables, and scalars in Montgomery form, are in its own R.
All arrays are C-contiguous `uint64`, and writable: a kernel would be compiled once more for arrays that are not.
So bytes are joined to a `bytearray`.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from verkle.field import FP, FR

Words: TypeAlias = NDArray[np.uint64]
Indices: TypeAlias = NDArray[np.int64]

RADIX_BITS: Final = 260
"""log2 of the Montgomery radix R: five limbs of 52 bits."""
POINT_WORDS: Final = 16
ENTRY_WORDS: Final = 12
POINT_BYTES: Final = 8 * POINT_WORDS
R_MOD_P: Final = pow(2, RADIX_BITS, FP.modulus)
R_INVERSE: Final = FP.inverse(R_MOD_P)


def aligned(count: int) -> Words:
    """An uninitialised array of `count` words that starts at a cache line."""
    raw = np.empty(count + 8, dtype=np.uint64)
    offset = (-raw.ctypes.data % 64) // 8
    return raw[offset : offset + count]


def words_of(values: Iterable[int]) -> Words:
    """Integers in [0, 2^256) as rows of four words."""
    data = bytearray().join(value.to_bytes(32, "little") for value in values)
    return np.frombuffer(data, dtype=np.uint64).reshape(-1, 4)


def integers_of(words: Words) -> list[int]:
    """The inverse of `words_of`."""
    data = np.ascontiguousarray(words).tobytes()
    return [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]


def scalars(values: Iterable[int]) -> Words:
    """Any integers, reduced into Fr, as rows of four words."""
    return words_of(value % FR.modulus for value in values)


def montgomery(value: int) -> int:
    """value * R mod p."""
    return value * R_MOD_P % FP.modulus


def point_words(coordinates: Sequence[tuple[int, int, int, int]]) -> Words:
    """Coordinates (X, Y, T, Z) of the reference engine as point rows (X, Y, Z, T)."""
    flat = (montgomery(c) for x, y, t, z in coordinates for c in (x, y, z, t))
    return words_of(flat).reshape(-1, POINT_WORDS)


def coordinates_of(points: Words) -> list[tuple[int, int, int, int]]:
    """Point rows as coordinates (X, Y, T, Z) of the reference engine."""
    values = [value * R_INVERSE % FP.modulus for value in integers_of(points)]
    return [(values[i], values[i + 1], values[i + 3], values[i + 2]) for i in range(0, len(values), 4)]
