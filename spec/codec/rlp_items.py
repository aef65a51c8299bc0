"""RLP items: a strict walk over them, readers of their payloads, and writing.

    string of n bytes    0x80 + n, and the bytes; from 56 on 0xb7 + the size of n, n, and the bytes
    one byte below 0x80  itself
    list of n bytes      0xc0 + n, and the items; from 56 on 0xf7 + the size of n, n, and the items

Every item has one encoding, and the others are refused: a byte below 0x80 with a prefix, a long form for less than 56
bytes, a size with leading zeros. A reader asks for the items of a list where it expects a list, so time is linear and
depth is that of the format, whatever the data nests.

A reader takes an item and raises `DecodeError`. Integers are big-endian without leading zeros, zero the empty string.

Source: yellow paper, appendix B. Twin: the `rlp` library (tests/spec/test_rlp_fast.py; decision 16).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from spec.errors import DecodeError
from spec.types import BoundedInt, FixedBytes

T = TypeVar("T")
F = TypeVar("F", bound=FixedBytes)
N = TypeVar("N", bound=BoundedInt)

Encodable = bytes | Sequence["Encodable"]

_EMPTY_STRING: Final = 0x80
_LAST_SHORT_STRING: Final = 0xB7
"""Prefixes of strings of 0 to 55 bytes. A byte below 0x80 is a string of its own, and has no prefix."""
_EMPTY_LIST: Final = 0xC0
"""Prefix of the empty list; prefixes of longer ones count up from it."""
_LONG: Final = 56
"""Bytes of a payload from which on its length has bytes of its own."""
_MOST: Final = 1 << 64
"""Lengths are below."""


class List(NamedTuple):
    """A list whose items are not read yet: what stands behind its prefix, and the whole."""

    payload: bytes
    encoded: bytes


Item = bytes | List
"""One RLP item: a string is its bytes."""

Reader = Callable[[Item], T]


def single_item(data: bytes) -> Item:
    """The one item that `data` is."""
    item, after = _item_at(data, 0, len(data))
    if after != len(data):
        raise DecodeError(f"{len(data) - after} bytes follow the item")
    return item


def list_item(data: bytes) -> List:
    """The one list that `data` is."""
    item = single_item(data)
    if not isinstance(item, List):
        raise DecodeError("expected an RLP list, got a string")
    return item


def _item_at(data: bytes, start: int, end: int) -> tuple[Item, int]:
    """The item that begins at `start`, and where the next one does."""
    if start >= end:
        raise DecodeError("RLP ends too early")
    prefix = data[start]
    if prefix < _EMPTY_STRING:
        return data[start : start + 1], start + 1
    kind = _EMPTY_STRING if prefix < _EMPTY_LIST else _EMPTY_LIST
    payload, length = start + 1, prefix - kind
    if length >= _LONG:
        payload, length = _long(data, payload, length - _LONG + 1)
    after = payload + length
    if after > end:
        raise DecodeError("RLP item reaches beyond its container")
    if kind == _EMPTY_LIST:
        return List(data[payload:after], data[start:after]), after
    if length == 1 and data[payload] < _EMPTY_STRING:
        raise DecodeError("RLP is not canonical: a byte below 0x80 has a prefix")
    return data[payload:after], after


def _long(data: bytes, start: int, size: int) -> tuple[int, int]:
    """Where a payload begins, and its length, which has `size` bytes from `start` on."""
    digits = data[start : start + size]
    if len(digits) < size:
        raise DecodeError("RLP ends too early")
    length = int.from_bytes(digits, "big")
    if digits[0] == 0:
        raise DecodeError("RLP is not canonical: a length has leading zeros")
    if length < _LONG:
        raise DecodeError(f"RLP is not canonical: the long form of {length} bytes")
    return start + size, length


def items_of(item: Item) -> list[Item]:
    """The items of a list."""
    if isinstance(item, bytes):
        raise DecodeError("expected an RLP list, got a string")
    data, position = item.payload, 0
    end = len(data)
    items: list[Item] = []
    while position < end:
        prefix = data[position]
        after = position + 1
        if prefix < _EMPTY_STRING:
            items.append(data[position:after])
            position = after
            continue
        if prefix <= _LAST_SHORT_STRING:
            start, after = after, after + prefix - _EMPTY_STRING
            if after <= end and (prefix != _EMPTY_STRING + 1 or data[start] >= _EMPTY_STRING):
                items.append(data[start:after])
                position = after
                continue
        other, position = _item_at(data, position, end)
        items.append(other)
    return items


def inside(name: str, read: Reader[T], item: Item) -> T:
    """What `read` reads; its errors extended by the place."""
    try:
        return read(item)
    except DecodeError as error:
        raise error.inside(name) from None


def string(item: Item) -> bytes:
    """The bytes of a string."""
    if isinstance(item, List):
        raise DecodeError("expected an RLP string, got a list")
    return item


def fixed(kind: type[F]) -> Reader[F]:
    """Reader of exactly `kind.LENGTH` bytes."""
    return lambda item: kind(string(item))


def integer(kind: type[N]) -> Reader[N]:
    """Reader of an integer within the bound of `kind`."""

    most = kind.BITS // 8

    def read(item: Item) -> N:
        digits = item if isinstance(item, bytes) else string(item)
        if digits[:1] == b"\0":
            raise DecodeError("integer has leading zeros")
        if len(digits) > most:
            raise DecodeError(f"{kind.__name__} must be in 0..2^{kind.BITS}-1")
        return int.__new__(kind, int.from_bytes(digits, "big"))  # as many digits as this have no other bound

    return read


def each(read: Reader[T], at_most: int | None = None) -> Reader[tuple[T, ...]]:
    """Reader of a list of equals; its length is checked before any element is read."""

    def read_all(item: Item) -> tuple[T, ...]:
        items = items_of(item)
        if at_most is not None and len(items) > at_most:
            raise DecodeError(f"at most {at_most} elements are allowed, got {len(items)}")
        values: list[T] = []
        try:
            for element in items:
                values.append(read(element))
        except DecodeError as error:
            raise error.inside(f"[{len(values)}]") from None
        return tuple(values)

    return read_all


def read_fields(table: Sequence[tuple[str, Reader[Any]]], items: Sequence[Item]) -> dict[str, Any]:
    """Values of the leading fields of a table, by name."""
    values = {}
    name = ""
    try:
        for (name, read), item in zip(table, items, strict=False):
            values[name] = read(item)
    except DecodeError as error:
        raise error.inside(name) from None
    return values


def read_all_fields(table: Sequence[tuple[str, Reader[Any]]], item: Item) -> dict[str, Any]:
    """Values of exactly the fields of a table, by name."""
    items = items_of(item)
    if len(items) != len(table):
        raise DecodeError(f"expected {len(table)} fields, got {len(items)}")
    return read_fields(table, items)


def number(value: int) -> bytes:
    """The shortest big-endian bytes of an integer."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def encode_items(item: Encodable) -> bytes:
    """The RLP of a byte string, or of a list of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _EMPTY_STRING:
            return item
        return _prefix(_EMPTY_STRING, len(item)) + item
    return list_of_encoded(b"".join([encode_items(one) for one in item]))


def list_of_encoded(payload: bytes) -> bytes:
    """The list of items that are encoded already."""
    return _prefix(_EMPTY_LIST, len(payload)) + payload


def _prefix(kind: int, length: int) -> bytes:
    if length < _LONG:
        return bytes((kind + length,))
    if length >= _MOST:
        raise ValueError(f"{length} bytes are too many for RLP")
    digits = number(length)
    return bytes((kind + _LONG - 1 + len(digits),)) + digits
