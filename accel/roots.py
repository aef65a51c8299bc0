"""What decoding a point needs of the 2^32-th roots of unity in Fp, as tables for kernels; and how it may fail.

With p - 1 = 2^32 q: g = 5^q has order 2^32 (5 is the least non-square), h = g^(2^24) has order 256. Values are times a
Montgomery radix 2^b, whichever the backend multiplies with.

Source: Sarkar, IACR 2020/1407 (square roots by tables); see `verkle.field.sqrt`, the definition.
"""

from typing import Any, Final

import numpy as np

from accel.limbs import Words, words_of
from verkle.field import FP

OFF_GROUP: Final = 1
OFF_CURVE: Final = 2
FAULTS: Final = {
    OFF_GROUP: "not in the Banderwagon group (1 - a x^2 is no square)",
    OFF_CURVE: "not the x-coordinate of a point of the curve",
}
"""What decoding may find, in the reference engine's words."""

EXPONENT: Final = np.array([int(digit, 16) for digit in f"{((FP.modulus - 1 >> 32) - 1) // 2:x}"], dtype=np.int64)
"""(q - 1) / 2 in hexadecimal digits, highest first."""

_GENERATOR: Final = pow(5, FP.modulus - 1 >> 32, FP.modulus)
_MASK: Final = 2**64 - 1
LOG_SHIFT: Final = 50
"""A logarithm is found by the 14 highest bits of (lowest word * multiplier)."""


def inverse_roots(radix_bits: int, row_words: int) -> Words:
    """g^(-j 2^(8k)) for k = 0..3, j = 0..255, at row 256 k + j; rows of 4 words, or of 8 with the last four unused."""
    rows = []
    for k in range(4):
        step = pow(_GENERATOR, -(1 << 8 * k), FP.modulus)
        root = (1 << radix_bits) % FP.modulus
        for _ in range(256):
            rows += [root] + [0] * (row_words // 4 - 1)
            root = root * step % FP.modulus
    return words_of(rows).reshape(-1).copy()


def logarithms(radix_bits: int) -> tuple[Any, Any]:
    """(multiplier, table): the logarithm to h of each canonical h^j, by a hash of its lowest word (no collisions)."""
    h = pow(_GENERATOR, 1 << 24, FP.modulus)
    lows = [(pow(h, j, FP.modulus) << radix_bits) % FP.modulus & _MASK for j in range(256)]
    multiplier = 0x9E3779B97F4A7C15
    while len({(low * multiplier & _MASK) >> LOG_SHIFT for low in lows}) < 256:
        multiplier = multiplier * 6364136223846793005 + 1442695040888963407 & _MASK | 1
    table = np.zeros(1 << (64 - LOG_SHIFT), dtype=np.uint8)
    for j, low in enumerate(lows):
        table[(low * multiplier & _MASK) >> LOG_SHIFT] = j
    return np.uint64(multiplier), table
