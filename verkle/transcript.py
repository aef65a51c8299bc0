"""Fiat-Shamir: the verifier's challenges as hashes of everything said so far.

A transcript is a growing buffer of bytes:

    start                 buffer = protocol label
    domain_separator(l)   buffer += l
    append(l, m)          buffer += l || m             m: 32 bytes (a point big-endian, a scalar little-endian)
    challenge(l)          buffer += l; c = int_le(SHA-256(buffer)) mod r; buffer = ""; append(l, c); return c

Neither lengths nor counts nor the CRS are absorbed; the message formats above it keep it unambiguous.

Source: go-ipa, rust-verkle and verkle-trie-ref agree; the label of tree proofs is "vt".
"""

import hashlib
from typing import Final

from verkle.field import FR

TREE_PROOF_LABEL: Final = b"vt"
"""The protocol label of every proof in an execution witness."""


class Transcript:
    """One run of a protocol, prover's or verifier's."""

    def __init__(self, label: bytes) -> None:
        self._buffer = bytearray(label)

    def domain_separator(self, label: bytes) -> None:
        """Mark the start of a (sub)protocol."""
        self._buffer += label

    def absorb(self, messages: bytes) -> None:
        """Absorb messages that carry their labels already."""
        self._buffer += messages

    def append(self, label: bytes, message: bytes) -> None:
        """Absorb a message of 32 bytes."""
        self._buffer += label
        self._buffer += message

    def append_scalar(self, label: bytes, scalar: int) -> None:
        """Absorb an element of Fr, little-endian."""
        self.append(label, FR.encode(scalar, "little"))

    def challenge(self, label: bytes) -> int:
        """The next challenge, an element of Fr."""
        self.domain_separator(label)
        scalar = FR.from_bytes_mod_order(hashlib.sha256(self._buffer).digest(), "little")
        self._buffer.clear()
        self.append_scalar(label, scalar)
        return scalar
