"""The common reference string: 256 generators G_0..G_255 with no known relation, and Q.

For i = 0, 1, 2, ...: x = int_be(SHA-256("eth_verkle_oct_2021" || uint64_be(i))) mod p; the point with this x is kept
where x is an encoding of one; 256 points are kept (1061 candidates are tried). Q, the base of inner products, is the
generator of the curve. Deriving them takes a fraction of a second, so nothing has to be stored or trusted; the digest
is checked.

Source: go-ipa, rust-verkle and verkle-trie-ref agree on seed, procedure and digest; EIP-6800 leaves the basis open.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final

from spec.errors import DecodeError, EngineUnavailable
from verkle import curve
from verkle.field import FP

SEED: Final = b"eth_verkle_oct_2021"

DIGEST: Final = bytes.fromhex("1fcaea10bf24f750200e06fa473c76ff0468007291fa548e2d99f09ba9256fdb")
"""SHA-256 of the 256 compressed generators, concatenated."""


TRIED: Final = 1061
"""Candidates until the 256th point is found."""


def candidate(counter: int) -> bytes:
    """The encoding that candidate `counter` would be, if it is one: SHA-256(SEED || uint64_be(counter)) mod p."""
    digest = hashlib.sha256(SEED + counter.to_bytes(8, "big")).digest()
    return FP.encode(FP.from_bytes_mod_order(digest, "big"), "big")


def require_digest(encoded: Sequence[bytes]) -> None:
    """Raises: EngineUnavailable unless these are the 256 generators, by their published digest."""
    if hashlib.sha256(b"".join(encoded)).digest() != DIGEST:
        raise EngineUnavailable("the derived generators do not have the published digest: this machine miscomputes")


@cache
def generators() -> tuple[curve.Point, ...]:
    """G_0..G_255. Raises: EngineUnavailable where the derivation does not reach the published digest."""
    points: list[curve.Point] = []
    for counter in range(TRIED):
        try:
            points += curve.decode([candidate(counter)])
        except DecodeError:
            continue
    require_digest(curve.encode(points))
    return tuple(points)


Q: Final = curve.Point.GENERATOR
"""The base of inner products."""
