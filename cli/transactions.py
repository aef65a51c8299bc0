"""Transactions as people and tools hand them over: a line each, or JSON.

    0x02f86e01...           the EIP-2718 encoding in hex, with or without 0x
    {"type": "0x2", ...}    JSON-RPC's object (spec.codec.transaction_json), or {"raw": "0x.."}
    [..., ...]              an array of either, over as many lines as it takes

Blank lines, and lines that begin with #, are left out. A file with one object may spread it over many lines.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli import addresses, files
from spec.codec import json_document, transaction_json
from spec.codec.limits import MAX_BYTES_PER_TRANSACTION
from spec.codec.text import bytes_up_to
from spec.containers import Transaction
from spec.errors import DecodeError
from spec.types import Address

if TYPE_CHECKING:
    from stateless.transition import Signed

STDIN: Final = "-"
"""In place of a file's name."""
MAX_BYTES: Final = files.MAX_LINE_BYTES
_RAW: Final = ("raw", "rawTransaction")
_OTHER_NAMES: Final = {"gasLimit": "gas", "data": "input"}
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")

_read_raw: Final = bytes_up_to(MAX_BYTES_PER_TRANSACTION)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction of a source, not decoded yet."""

    place: str
    """FILE:LINE, or FILE: [INDEX] in an array."""
    value: object
    """Hex text, or a JSON object."""

    def signed(self) -> "Signed":
        """The transaction and who signed it. Raises: DecodeError, also where it states another hash or sender."""
        from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second that help does without)
        from stateless.transition import Signed  # noqa: PLC0415

        with files.located(self.place):
            self._check_address()
            if isinstance(self.value, dict) and not any(name in self.value for name in _RAW):
                transaction = transaction_json.decode_transaction(self.value)
                sender = rlp.sender(transaction)
            else:
                transaction, sender = rlp.decode_signed(self._encoded())
                self._compare_fields(transaction)
            self._compare(rlp.encode_transaction(transaction), sender)
            return Signed(transaction, sender)

    def unsigned(self, chain_id: int | None) -> Transaction:
        """The transaction, to be signed. Raises: DecodeError."""
        from spec.types import Uint64  # noqa: PLC0415  (beside the codec)

        with files.located(self.place):
            if not isinstance(self.value, dict):
                raise DecodeError("expected a JSON object with the fields to sign")
            self._check_address()
            return transaction_json.decode_unsigned(self.value, None if chain_id is None else Uint64(chain_id))

    def _encoded(self) -> bytes:
        value = self.value
        if isinstance(value, dict):
            values = [value[name] for name in _RAW if name in value]
            if len(values) > 1 and values[0] != values[1]:
                raise DecodeError("raw and rawTransaction are two transactions")
            value = values[0]
        if isinstance(value, str) and not value.startswith("0x"):
            value = "0x" + value
        return _read_raw(value)

    def _check_address(self) -> None:
        """Who is paid: written with a checksum, it must be right. Raises: DecodeError."""
        if isinstance(self.value, dict) and isinstance(self.value.get("to"), str):
            try:
                addresses.read(self.value["to"])
            except DecodeError as error:
                raise error.inside("to") from None

    def _compare_fields(self, transaction: Transaction) -> None:
        """What an object says beside the encoding must be what the encoding says. Raises: DecodeError."""
        if not isinstance(self.value, dict):
            return
        fields = transaction_json.encode_transaction(transaction)
        stated = {name: value for name, value in self.value.items() if _canonical(name) in fields}
        others = {name: value for name, value in fields.items() if name not in map(_canonical, stated)}
        if transaction_json.decode_transaction({**others, **stated}) != transaction:
            raise DecodeError("the encoding and the members beside it are two transactions")

    def _compare(self, encoded: bytes, sender: Address) -> None:
        """What an object says of hash and sender must be so."""
        if not isinstance(self.value, dict):
            return
        from spec.crypto import keccak256  # noqa: PLC0415  (beside the codec)

        stated_hash, stated_sender = transaction_json.stated(self.value)
        if stated_hash is not None and stated_hash != keccak256(encoded):
            raise DecodeError(f"the transaction's hash is 0x{keccak256(encoded).hex()}", "hash")
        if stated_sender is not None and stated_sender != sender:
            raise DecodeError(f"0x{sender.hex()} has signed this", "from")


def _canonical(name: str) -> str:
    return _OTHER_NAMES.get(name, name)


def entries(source: str) -> list[Entry]:
    """The transactions of a file, or of standard input for `-`. Raises: DecodeError where there is none."""
    name, data = _read(source)
    found = list(_split(name, data))
    if not found:
        raise DecodeError("there is no transaction", name)
    return found


def _read(source: str) -> tuple[str, bytes]:
    if source != STDIN:
        path = Path(source)
        return click.format_filename(path), files.read(path, MAX_BYTES)
    if sys.stdin is None:  # as Python has it where the descriptor was closed
        raise DecodeError("it is closed", "standard input")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DecodeError(f"more than {MAX_BYTES} bytes", "standard input")
    return "standard input", data


def _split(name: str, data: bytes) -> Iterator[Entry]:
    start = data.lstrip()[:1]
    if start == b"[" or (start == b"{" and _is_one_object(data)):
        with files.located(name):
            document = json_document.parse(data, MAX_BYTES)
        if not isinstance(document, list):
            yield Entry(name, document)
            return
        for index, value in enumerate(document):
            yield Entry(f"{name}: [{index}]", value)
        return
    for number, line in enumerate(data.splitlines(), 1):
        text = line.strip()
        if text and not text.startswith(b"#"):
            yield _of_line(f"{name}:{number}", text)


def _is_one_object(data: bytes) -> bool:
    """Whether the first line is not an object of its own."""
    first = data.lstrip().splitlines()[0]
    try:
        json_document.parse(first, MAX_BYTES)
    except DecodeError:
        return b"\n" in data.strip()
    return False


def _of_line(place: str, text: bytes) -> Entry:
    if text.startswith(b"{"):
        with files.located(place):
            return Entry(place, json_document.parse(text, MAX_BYTES))
    digits = text.removeprefix(b"0x")
    if not digits or not set(digits) <= _HEX:
        raise DecodeError("neither hex digits nor a JSON object", place)
    return Entry(place, text.decode("ascii"))
