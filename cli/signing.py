"""The door to eth-account: the only module that signs for users.

Everywhere else signatures are only read. Keys come from a file or from the environment, never from the command line,
where every user of the machine could read them.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from spec.codec import rlp
from spec.codec.text import shown
from spec.codec.transaction_json import encode_transaction
from spec.containers import Authorization, Transaction
from spec.errors import DecodeError
from spec.types import Address, Uint256

KEY_BYTES: Final = 32
MAX_KEY_FILE: Final = 4096
"""Bytes; longer files hold something else."""

_SIGNATURE: Final = ("v", "yParity", "r", "s")
_OTHER_NAMES: Final = {"input": "data"}
"""As eth-account has them."""


class Signer:
    """One private key."""

    def __init__(self, key: bytes) -> None:
        """Raises: DecodeError where no such key exists."""
        from eth_account import Account  # noqa: PLC0415  (half a second)

        self._library: Final[Any] = Account
        try:
            self._account: Final[Any] = Account.from_key(key)
        except ValueError:
            raise DecodeError("a private key is a number in 1..n-1, of 32 bytes") from None
        self.address: Final = Address(bytes.fromhex(self._account.address[2:]))

    def sign(self, transaction: Transaction) -> Transaction:
        """The transaction with this key's signature; authorizations without one are signed by the same key.

        Raises: DecodeError where the library finds a fault with it.
        """
        delegations = tuple(map(self._authorized, transaction.authorization_list))
        whole = replace(transaction, authorization_list=delegations)
        fields: dict[str, Any] = {
            _OTHER_NAMES.get(name, name): value
            for name, value in encode_transaction(whole).items()
            if name not in _SIGNATURE and value is not None
        }
        if transaction.to is not None:
            fields["to"] = bytes(transaction.to)  # in hex the library asks for EIP-55's letter case
        if not transaction.type:
            del fields["type"]
        try:
            made = self._account.sign_transaction(fields)
        except (TypeError, ValueError) as error:
            raise DecodeError(f"eth-account does not sign this: {shown(str(error))}") from None
        return rlp.decode_transaction(bytes(made.raw_transaction))

    def _authorized(self, one: Authorization) -> Authorization:
        if one.r or one.s:
            return one
        fields = {"chainId": one.chain_id, "address": "0x" + one.address.hex(), "nonce": one.nonce}
        made = self._account.sign_authorization(fields)
        return replace(one, y_parity=made.y_parity, r=Uint256(made.r), s=Uint256(made.s))


def key_in(path: Path | None, variable: str) -> bytes:
    """The private key in a file, else in an environment variable: 64 hex digits, with or without 0x.

    Raises: click.UsageError where there is neither; DecodeError, which never shows what was read.
    """
    if path is not None:
        from cli import files  # noqa: PLC0415  (loads codecs)

        return _decoded(files.read(path, MAX_KEY_FILE).decode("ascii", "replace"), click.format_filename(path))
    text = os.environ.get(variable)
    if text is None:
        raise click.UsageError(f"give a private key: by --key-file, or in the environment variable {variable}")
    return _decoded(text, f"environment variable {variable}")


def _decoded(text: str, place: str) -> bytes:
    digits = text.strip().removeprefix("0x")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or len(digits) != 2 * KEY_BYTES:
        raise DecodeError("expected a private key: 64 hex digits", place)
    return key
