"""Addresses as people write them: digits of one case, or of both cases with the checksum that EIP-55 puts into them.

A digit that is mistyped is found by that checksum 99.986 % of the time; digits of one case have none.
"""

from typing import Final

from spec.codec.text import fixed
from spec.errors import DecodeError
from spec.types import Address

_read: Final = fixed(Address)


def read(text: object) -> Address:
    """An address. Raises: DecodeError, also where the case of its digits is not the checksum of them.

    Source: EIP-55: a letter is upper-case where the same digit of keccak-256 of the lower-case digits is 8 or more.
    """
    address = _read(text)
    digits = str(text)[2:]
    if digits not in (digits.lower(), digits.upper()) and digits != checksummed(address):
        raise DecodeError(f"a digit is wrong, or the case of one: EIP-55 writes 0x{checksummed(address)}")
    return address


def checksummed(address: Address) -> str:
    """The digits of an address with their checksum, without 0x."""
    from spec.crypto import keccak256  # noqa: PLC0415  (where it is needed: help does without)

    digits = address.hex()
    by = keccak256(digits.encode()).hex()
    return "".join(one.upper() if int(other, 16) >= 8 else one for one, other in zip(digits, by, strict=False))
