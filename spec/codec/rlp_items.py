"""RLP items: a strict walk over them, readers of their payloads, and writing, on the `rlp` library.

RLP has one canonical encoding for every item, and the library's prefix reader refuses the others. Its recursive reader
of whole documents is not used: it copies a list once for every item in it, and overflows the stack on nested brackets.
Here a reader asks for the items of a list where it expects a list, so time is linear and depth is that of the format.

A reader takes an item and raises `DecodeError`. Integers are big-endian without leading zeros, zero the empty string.

Source: yellow paper, appendix B.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from rlp.codec import consume_length_prefix, encode, length_prefix
from rlp.exceptions import DecodingError

from spec.errors import DecodeError
from spec.types import BoundedInt, FixedBytes

T = TypeVar("T")
F = TypeVar("F", bound=FixedBytes)
N = TypeVar("N", bound=BoundedInt)

Encodable = bytes | Sequence["Encodable"]

_EMPTY_LIST: Final = 0xC0
"""Prefix of the empty list; prefixes of longer ones count up from it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One RLP item: what stands behind its prefix, and the whole."""

    is_list: bool
    payload: bytes
    encoded: bytes


Reader = Callable[[Item], T]


def single_item(data: bytes) -> Item:
    """The one item that `data` is."""
    item = _item_at(data, 0, len(data))
    if len(item.encoded) != len(data):
        raise DecodeError(f"{len(data) - len(item.encoded)} bytes follow the item")
    return item


def _item_at(data: bytes, start: int, end: int) -> Item:
    try:
        _, kind, length, payload = consume_length_prefix(data, start)  # type: ignore[no-untyped-call]
    except IndexError:
        raise DecodeError("RLP ends too early") from None
    except DecodingError as error:
        raise DecodeError(f"RLP is not canonical: {error.args[0]}") from None
    if payload + length > end:
        raise DecodeError("RLP item reaches beyond its container")
    return Item(kind is list, data[payload : payload + length], data[start : payload + length])


def items_of(item: Item) -> list[Item]:
    """The items of a list."""
    if not item.is_list:
        raise DecodeError("expected an RLP list, got a string")
    items = []
    position = 0
    while position < len(item.payload):
        items.append(_item_at(item.payload, position, len(item.payload)))
        position += len(items[-1].encoded)
    return items


def inside(name: str, read: Reader[T], item: Item) -> T:
    """What `read` reads; its errors extended by the place."""
    try:
        return read(item)
    except DecodeError as error:
        raise error.inside(name) from None


def string(item: Item) -> bytes:
    """The bytes of a string."""
    if item.is_list:
        raise DecodeError("expected an RLP string, got a list")
    return item.payload


def fixed(kind: type[F]) -> Reader[F]:
    """Reader of exactly `kind.LENGTH` bytes."""
    return lambda item: kind(string(item))


def integer(kind: type[N]) -> Reader[N]:
    """Reader of an integer within the bound of `kind`."""

    def read(item: Item) -> N:
        payload = string(item)
        if payload[:1] == b"\0":
            raise DecodeError("integer has leading zeros")
        if len(payload) > kind.BITS // 8:
            raise DecodeError(f"{kind.__name__} must be in 0..2^{kind.BITS}-1")
        return kind(int.from_bytes(payload, "big"))

    return read


def each(read: Reader[T], at_most: int | None = None) -> Reader[tuple[T, ...]]:
    """Reader of a list of equals; its length is checked before any element is read."""

    def read_all(item: Item) -> tuple[T, ...]:
        items = items_of(item)
        if at_most is not None and len(items) > at_most:
            raise DecodeError(f"at most {at_most} elements are allowed, got {len(items)}")
        return tuple(inside(f"[{index}]", read, element) for index, element in enumerate(items))

    return read_all


def read_fields(table: Sequence[tuple[str, Reader[Any]]], items: Sequence[Item]) -> dict[str, Any]:
    """Values of the leading fields of a table, by name."""
    return {name: inside(name, read, item) for (name, read), item in zip(table, items, strict=False)}


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
    encoded: bytes = encode(item, infer_serializer=False)  # type: ignore[no-untyped-call]
    return encoded


def list_of_encoded(payload: bytes) -> bytes:
    """The list of items that are encoded already."""
    prefix: bytes = length_prefix(len(payload), _EMPTY_LIST)  # type: ignore[no-untyped-call]
    return prefix + payload
