"""BLAKE2b's F word by word, compiled: for the one published case that asks for 2^32 - 1 rounds.

Plain Python would take two hours for it, this takes a minute.

Source: RFC 7693, sections 3.1 and 3.2.
"""

from collections.abc import Callable
from typing import Any

import pytest

from stateless.evm.precompiles.blake2f import IV, SIGMA


def compiled_blake2f() -> Callable[[bytes], bytes]:
    """F as the precompiled contract's `run` has it, for inputs that are well formed. Skips where Numba is not here."""
    numba: Any = pytest.importorskip("numba")
    numpy: Any = pytest.importorskip("numpy")
    word = numba.uint64

    def turn(x: Any, bits: Any) -> Any:
        return (x >> word(bits)) | (x << word(64 - bits))

    turned = numba.njit(inline="always")(turn)

    def mix_words(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
        a = a + b + x
        d = turned(d ^ a, 32)
        c = c + d
        b = turned(b ^ c, 24)
        a = a + b + y
        d = turned(d ^ a, 16)
        c = c + d
        b = turned(b ^ c, 63)
        return a, b, c, d

    mix = numba.njit(inline="always")(mix_words)

    def run_rounds(v: Any, m: Any, rounds: Any, sigma: Any) -> Any:
        v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15 = v
        row = 0
        for _ in range(rounds):
            s = sigma[row]
            v0, v4, v8, v12 = mix(v0, v4, v8, v12, m[s[0]], m[s[1]])
            v1, v5, v9, v13 = mix(v1, v5, v9, v13, m[s[2]], m[s[3]])
            v2, v6, v10, v14 = mix(v2, v6, v10, v14, m[s[4]], m[s[5]])
            v3, v7, v11, v15 = mix(v3, v7, v11, v15, m[s[6]], m[s[7]])
            v0, v5, v10, v15 = mix(v0, v5, v10, v15, m[s[8]], m[s[9]])
            v1, v6, v11, v12 = mix(v1, v6, v11, v12, m[s[10]], m[s[11]])
            v2, v7, v8, v13 = mix(v2, v7, v8, v13, m[s[12]], m[s[13]])
            v3, v4, v9, v14 = mix(v3, v4, v9, v14, m[s[14]], m[s[15]])
            row = 0 if row == 9 else row + 1
        return v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15

    rounds_of = numba.njit(run_rounds)
    sigma = numpy.array(SIGMA, dtype=numpy.uint8)

    def run(data: bytes) -> bytes:
        words = [int.from_bytes(data[start : start + 8], "little") for start in range(4, 212, 8)]
        h, m, t = words[:8], words[8:24], words[24:]
        final = 2**64 - 1 if data[212] else 0
        v = (*h, *IV[:4], IV[4] ^ t[0], IV[5] ^ t[1], IV[6] ^ final, IV[7])
        mixed = rounds_of(
            tuple(numpy.uint64(one) for one in v),
            numpy.array(m, dtype=numpy.uint64),
            int.from_bytes(data[:4], "big"),
            sigma,
        )
        ends = (h[i] ^ int(mixed[i]) ^ int(mixed[i + 8]) for i in range(8))
        return b"".join(end.to_bytes(8, "little") for end in ends)

    return run
