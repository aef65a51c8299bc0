"""Addresses of contracts that transactions and CREATE make."""

from collections.abc import Callable

from rlp import codec

from spec.crypto import keccak256
from spec.types import Address
from stateless.evm.calls import create_address


def test_addresses_of_created_contracts() -> None:
    """The well-known addresses of 0x6ac7..'s first contracts, and the library's RLP for the rest."""
    sender = Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))
    assert create_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert create_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    encode: Callable[[object], bytes] = codec.encode
    for nonce in (0, 1, 127, 128, 255, 256, 2**64 - 1):
        number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
        assert create_address(sender, nonce) == keccak256(encode([sender, number]))[12:]
