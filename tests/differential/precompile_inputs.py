"""Inputs of precompiled contracts at random: right ones, ones at the edges, and garbage.

Source: yellow paper, appendix E; EIPs 152, 196, 197, 198, 2537, 4844, 7823, 7883, 7951.
"""

import random
from functools import cache
from typing import Final

from spec.crypto import keccak256
from spec.types import Address
from tests.stateless.programs import key

BN254_FIELD: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
BLS_GENERATOR: Final = tuple(
    int(text, 16).to_bytes(64, "big")
    for text in (
        "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
        "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
    )
)
"""x and y of the generator of G1. Source: EIP-2537."""
P256: Final = (
    "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4da73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb"
    "19086e8cac36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d604aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754"
    "204a3bb6060e44eff37618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
)
"""A signature that is right. Source: EIP-7951, test vectors."""


def _numbered(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


@cache
def _signed(number: int) -> bytes:
    """Hash, v, r and s as ECRECOVER takes them."""
    digest = keccak256(bytes((number,)))
    signature = key(number).sign_recoverable(digest, hasher=None)
    return digest + (27 + signature[64]).to_bytes(32, "big") + signature[:64]


def _integer(rng: random.Random, size: int) -> bytes:
    return rng.choice((bytes(size), (1).to_bytes(size, "big") if size else b"", rng.randbytes(size), b"\xff" * size))


def _modexp(rng: random.Random) -> bytes:
    sizes = [rng.choice((0, 1, 1, 2, 31, 32, 33, 64)) for _ in range(3)]
    stated = list(sizes)
    if rng.randrange(6) == 0:
        stated[rng.randrange(3)] = rng.choice((1024, 1025, 2**32, 2**255))
    head = b"".join(length.to_bytes(32, "big") for length in stated)
    return head + b"".join(_integer(rng, length) for length in sizes)


def _bn254(rng: random.Random) -> bytes:
    point = rng.choice((bytes(64), (1).to_bytes(32, "big") + (2).to_bytes(32, "big")))
    if rng.randrange(4) == 0:
        point = rng.choice((BN254_FIELD, 1, 5)).to_bytes(32, "big") + rng.choice((BN254_FIELD - 2, 2, 3)).to_bytes(
            32, "big"
        )
    return point


def _bls(rng: random.Random) -> bytes:
    point = rng.choice((bytes(128), b"".join(BLS_GENERATOR)))
    return b"\x01" + point[1:] if rng.randrange(5) == 0 else point


def precompile_input(rng: random.Random) -> tuple[Address, bytes]:
    """(address, input)."""
    kind = rng.randrange(16)
    if kind < 3:
        data = bytearray(_signed(1 + rng.randrange(3)))
        if rng.randrange(3) == 0:
            data[rng.choice((31, 62, 63, 64, 95, 96, 127))] ^= rng.choice((1, 7, 0xFF))
        return _numbered(1), bytes(data)
    if kind < 6:
        return _numbered(rng.choice((2, 3, 4))), rng.randbytes(rng.choice((0, 1, 31, 32, 55, 56, 64, 65, 200)))
    if kind < 9:
        return _numbered(5), _modexp(rng)
    if kind == 9:
        return _numbered(6), _bn254(rng) + _bn254(rng)
    if kind == 10:
        return _numbered(7), _bn254(rng) + rng.choice((0, 1, 2, 9)).to_bytes(32, "big")
    if kind == 11:
        return _numbered(8), rng.choice((b"", bytes(192), _bn254(rng) + bytes(128), rng.randbytes(64), bytes(191)))
    if kind == 12:
        rounds = rng.choice((0, 1, 12, 12, 2**32 - 1)).to_bytes(4, "big")
        return _numbered(9), rounds + rng.randbytes(208) + rng.choice((b"\0", b"\1", b"\2", b""))
    if kind == 13:
        return _numbered(10), rng.choice((rng.randbytes(192), bytes(192), b"\1" + bytes(191), b""))
    if kind == 14:
        which = rng.choice((0x0B, 0x0B, 0x0C, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11))
        if which == 0x0B:
            return _numbered(which), _bls(rng) + _bls(rng)
        if which == 0x0C:
            return _numbered(which), _bls(rng) + rng.choice((0, 1, 2)).to_bytes(32, "big")
        return _numbered(which), rng.choice((b"", bytes(288), bytes(384), bytes(256), rng.randbytes(64)))
    data = bytearray(bytes.fromhex(P256))
    if rng.randrange(3) == 0:
        data[rng.randrange(160)] ^= 1 << rng.randrange(8)
    return _numbered(0x100), bytes(data)
