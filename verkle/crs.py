"""The common reference string: 256 generators G_0..G_255 with no known relation, and Q.

For i = 0, 1, 2, ...: x = int_be(SHA-256("eth_verkle_oct_2021" || uint64_be(i))) mod p; the point with this x is kept
where x is an encoding of one; 256 points are kept (1061 candidates are tried). Q, the base of inner products, is the
generator of the curve. Deriving them takes a fraction of a second, so nothing has to be stored or trusted; the digest
is checked.

Source: go-ipa, rust-verkle and verkle-trie-ref agree on seed, procedure and digest; EIP-6800 leaves the basis open.
"""

import hashlib
from functools import cache
from typing import Final

from spec.errors import DecodeError, EngineUnavailable
from spec.params import VERKLE_NODE_WIDTH
from verkle import curve
from verkle.field import FP

SEED: Final = b"eth_verkle_oct_2021"

DIGEST: Final = bytes.fromhex("1fcaea10bf24f750200e06fa473c76ff0468007291fa548e2d99f09ba9256fdb")
"""SHA-256 of the 256 compressed generators, concatenated."""


@cache
def generators() -> tuple[curve.Point, ...]:
    """G_0..G_255. Raises: EngineUnavailable where the derivation does not reach the published digest."""
    points: list[curve.Point] = []
    counter = 0
    while len(points) < VERKLE_NODE_WIDTH:
        digest = hashlib.sha256(SEED + counter.to_bytes(8, "big")).digest()
        counter += 1
        x = FP.from_bytes_mod_order(digest, "big")
        try:
            points += curve.decode([FP.encode(x, "big")])
        except DecodeError:
            continue
    if hashlib.sha256(b"".join(curve.encode(points))).digest() != DIGEST:
        raise EngineUnavailable("the derived generators do not have the published digest: this machine miscomputes")
    return tuple(points)


Q: Final = curve.Point.GENERATOR
"""The base of inner products."""
