"""Fixed-length bytes and bounded integers, checked where they are made.

A value of these types is right by construction, so no code behind a codec checks lengths again.
They are plain `bytes` and `int` to everyone who reads them. `Raises: DecodeError` on a wrong length or bound.
"""

from typing import ClassVar, Self

from spec.errors import DecodeError


class FixedBytes(bytes):
    """Exactly `LENGTH` bytes."""

    LENGTH: ClassVar[int]

    def __new__(cls, value: bytes) -> Self:  # noqa: D102
        if len(value) != cls.LENGTH:
            raise DecodeError(f"{cls.__name__} has {cls.LENGTH} bytes, got {len(value)}")
        return bytes.__new__(cls, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(0x{self.hex()})"

    @classmethod
    def each(cls, data: bytes) -> list[Self]:
        """The values that stand one behind the other."""
        length = cls.LENGTH
        if len(data) % length:
            raise DecodeError(f"{cls.__name__}s have {length} bytes each, got {len(data)}")
        make = super().__new__
        return [make(cls, data[at : at + length]) for at in range(0, len(data), length)]


class Bytes32(FixedBytes):
    """Thirty-two bytes."""

    LENGTH = 32


class Hash32(Bytes32):
    """A keccak-256 digest: block hash, receipts root."""


class Value(Bytes32):
    """What a leaf of the tree holds."""


class StateRoot(Bytes32):
    """The compressed root commitment, as it stands in a header."""


class Address(FixedBytes):
    """An account's address."""

    LENGTH = 20


class Bloom(FixedBytes):
    """A logs bloom."""

    LENGTH = 256


class Stem(FixedBytes):
    """The first 31 bytes of a tree key: one stem node holds 256 neighbouring values."""

    LENGTH = 31


class TreeKey(FixedBytes):
    """A stem followed by one suffix byte: the place of a value in the tree (EIP-6800, "tree key")."""

    LENGTH = 32

    @property
    def stem(self) -> Stem:
        """The first 31 bytes."""
        return Stem(self[:31])

    @property
    def suffix(self) -> int:
        """The last byte, 0..255."""
        return self[31]

    @classmethod
    def at(cls, stem: bytes, suffix: int) -> Self:
        """The key of one suffix of a stem."""
        return cls(bytes(stem) + bytes((suffix,)))


class BoundedInt(int):
    """An unsigned integer below `2**BITS`."""

    BITS: ClassVar[int]

    def __new__(cls, value: int) -> Self:  # noqa: D102
        if not 0 <= value < 1 << cls.BITS:
            raise DecodeError(f"{cls.__name__} must be in 0..2^{cls.BITS}-1")
        return super().__new__(cls, value)


class Uint64(BoundedInt):
    """Block numbers, gas, timestamps."""

    BITS = 64


class Uint256(BoundedInt):
    """EVM words, base fees."""

    BITS = 256
