"""The compression function F of BLAKE2b (0x09).

    input    rounds (4 bytes, big-endian) || h (8 words) || m (16 words) || t (2 words) || final (1 byte, 0 or 1)
    output   h after the rounds, 8 words                    words of 64 bits, little-endian
    price    1 for each round

The state of sixteen words is a 4 x 4 matrix with rows a, b, c, d. Half a round mixes the four columns, the other half
the four diagonals. The mixings of one half touch different words, so they run side by side: a row is **one** integer,
with a lane of 128 bits for each word, whose upper 64 are room for carries and shifted bits. Diagonals become columns
when rows b, c, d turn by one, two and three lanes. This runs 0.6 million rounds a second; word by word it is 0.13.

Source: EIP-152; RFC 7693, sections 2.7 (sigma), 3.1 (mixing), 3.2 (compression).
"""

from collections.abc import Sequence
from itertools import cycle, islice
from operator import itemgetter
from typing import Final

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.precompile import Precompile

INPUT_BYTES: Final = 213

SIGMA: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
"""Which word of the message each mixing takes, for rounds 0 to 9; later rounds begin again. Source: RFC 7693, 2.7."""

IV: Final = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
"""The first 64 bits of the fractional parts of the square roots of 2, 3, 5, ... 19. Source: RFC 7693, 2.6."""

NO_BITS: Final = bytes(8)
ALL_BITS: Final = b"\xff" * 8


def _row(words: Sequence[bytes]) -> int:
    """Four little-endian words as one row."""
    return int.from_bytes(NO_BITS.join(words), "little")


LANES: Final = _row([ALL_BITS] * 4)
"""The words of a row, without the room between them."""
IV_LOW, IV_HIGH = (_row([word.to_bytes(8, "little") for word in half]) for half in (IV[:4], IV[4:]))
SCHEDULE: Final = tuple(tuple(itemgetter(*sigma[start : start + 8 : 2]) for start in (0, 1, 8, 9)) for sigma in SIGMA)
"""What picks from the message, for each round, the four rows of first and second words of columns and diagonals."""


def compress(rounds: int, h: list[bytes], m: list[bytes], t: list[bytes], final: bool) -> list[bytes]:
    """h after some rounds of mixing with the message m at offset t. Shapes: words of 8 bytes, little-endian."""
    h_low, h_high = _row(h[:4]), _row(h[4:])
    a, b, c = h_low, h_high, IV_LOW
    d = IV_HIGH ^ _row([*t, ALL_BITS if final else NO_BITS, NO_BITS])
    schedule = [[_row(pick(m)) for pick in picks] for picks in SCHEDULE[:rounds]]
    for m0, m1, m2, m3 in islice(cycle(schedule), rounds):
        a = (a + b + m0) & LANES
        d ^= a
        d = (d >> 32 | d << 32) & LANES
        c = (c + d) & LANES
        b ^= c
        b = (b >> 24 | b << 40) & LANES
        a = (a + b + m1) & LANES
        d ^= a
        d = (d >> 16 | d << 48) & LANES
        c = (c + d) & LANES
        b ^= c
        b = (b >> 63 | b << 1) & LANES
        # turned rows keep bits above the fourth lane, which the next & LANES takes away
        b, c, d = b >> 128 | b << 384, c >> 256 | c << 256, d >> 384 | d << 128
        a = (a + b + m2) & LANES
        d ^= a
        d = (d >> 32 | d << 32) & LANES
        c = (c + d) & LANES
        b ^= c
        b = (b >> 24 | b << 40) & LANES
        a = (a + b + m3) & LANES
        d ^= a
        d = (d >> 16 | d << 48) & LANES
        c = (c + d) & LANES
        b ^= c
        b = (b >> 63 | b << 1) & LANES
        b, c, d = b >> 384 | b << 128, c >> 256 | c << 256, d >> 128 | d << 384
    rows = ((h_low ^ a ^ c) & LANES, (h_high ^ b ^ d) & LANES)
    return [row.to_bytes(64, "little")[start : start + 8] for row in rows for start in range(0, 64, 16)]


def gas_blake2f(data: bytes) -> int:
    """One for each round; nothing where the input has another length, as it fails."""
    return int.from_bytes(data[:4], "big") if len(data) == INPUT_BYTES else 0


def run_blake2f(data: bytes) -> bytes:
    """F. Raises: ExceptionalHalt for an input of another length than 213, or a last byte other than 0 and 1."""
    if len(data) != INPUT_BYTES:
        raise ExceptionalHalt("the input has not 213 bytes")
    final = data[-1]
    if final > 1:
        raise ExceptionalHalt("the final block indicator is neither 0 nor 1")
    words = [data[start : start + 8] for start in range(4, INPUT_BYTES - 1, 8)]
    return b"".join(compress(int.from_bytes(data[:4], "big"), words[:8], words[8:24], words[24:], final == 1))


BLAKE2F: Final = Precompile("BLAKE2F", gas_blake2f, run_blake2f)
