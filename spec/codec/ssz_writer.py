"""SSZ of values, by any type that `remerkleable` describes, without making the library's views of them.

`writer(kind, take)` turns a type into a function from one value to its bytes. It is the inverse of
`spec.codec.ssz_reader`, value by value, and some hundred times as fast as the library's way over views, which are made
for hash tree roots. Tests hold the two together.

    uintN                   int
    boolean                 bool
    ByteVector, ByteList    bytes
    Vector, List            a sequence of the elements' values
    Union[None, T]          None or the value of T
    Container               what `take` makes a sequence of, one value a field; or its bytes, where it makes them

Source: consensus-specs, "SimpleSerialize", section "Serialization".
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from remerkleable.basic import boolean, uint
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List, Vector
from remerkleable.union import Union

Write = Callable[[Any], bytes]
Take = Mapping[Any, Callable[[Any], "Sequence[Any] | bytes"]]

OFFSET_BYTES: Final = 4
"""Source: SimpleSerialize, BYTES_PER_LENGTH_OFFSET."""


def writer(kind: Any, take: Take) -> Write:
    """The writer of values of `kind`.

    Shapes: `take` has one entry for every container within `kind`.
    Raises: ValueError (the writer) where a value does not fit its type; TypeError where `kind` is of no known sort.
    """
    if issubclass(kind, boolean):
        return lambda value: b"\1" if value else b"\0"
    if issubclass(kind, uint):
        return _uint(kind.type_byte_length())
    if issubclass(kind, ByteVector):
        return _bytes(kind.type_byte_length(), kind.type_byte_length())
    if issubclass(kind, ByteList):
        return _bytes(0, kind.limit())
    if issubclass(kind, Union):
        return _union([None if option is None else writer(option, take) for option in kind.options()])
    if issubclass(kind, List | Vector):
        return _sequence(kind, writer(kind.element_cls(), take))
    if issubclass(kind, Container):
        return _container(kind, take)
    raise TypeError(f"no writer of {kind.__name__}")


def _uint(size: int) -> Write:
    def write(value: int) -> bytes:
        try:
            return value.to_bytes(size, "little")
        except OverflowError:
            raise ValueError(f"{value} is no unsigned integer of {size} bytes") from None

    return write


def _bytes(least: int, most: int) -> Write:
    def write(value: bytes) -> bytes:
        if not least <= len(value) <= most:
            raise ValueError(f"expected {least} to {most} bytes, got {len(value)}")
        return bytes(value)

    return write


def _union(options: Sequence[Write | None]) -> Write:
    """Of None and one type: which other option a value belongs to is not said by the value."""
    if len(options) != 2 or options[0] is not None or options[1] is None:
        raise TypeError("only Union[None, T] has a writer")
    write_some = options[1]
    return lambda value: b"\0" if value is None else b"\1" + write_some(value)


def _sequence(kind: Any, write: Write) -> Write:
    least, most = (0, kind.limit()) if issubclass(kind, List) else (kind.vector_length(),) * 2
    is_fixed = kind.element_cls().is_fixed_byte_length()

    def write_all(values: Sequence[Any]) -> bytes:
        if not least <= len(values) <= most:
            raise ValueError(f"expected {least} to {most} elements, got {len(values)}")
        parts = [write(value) for value in values]
        return b"".join(parts) if is_fixed else behind_offsets(parts, OFFSET_BYTES * len(parts))

    return write_all


def _container(kind: Any, take: Take) -> Write:
    values_of = take[kind]
    fields = [(writer(field, take), field.is_fixed_byte_length()) for field in kind.fields().values()]
    head_bytes = sum(
        field.type_byte_length() if field.is_fixed_byte_length() else OFFSET_BYTES for field in kind.fields().values()
    )

    def write(value: Any) -> bytes:
        values = values_of(value)
        if isinstance(values, bytes):
            return values
        head: list[bytes] = []
        tail: list[bytes] = []
        place = head_bytes
        for (write_field, is_fixed), field_value in zip(fields, values, strict=True):
            part = write_field(field_value)
            if is_fixed:
                head.append(part)
            else:
                head.append(place.to_bytes(OFFSET_BYTES, "little"))
                tail.append(part)
                place += len(part)
        return b"".join(head + tail)

    return write


def behind_offsets(parts: Sequence[bytes], first: int) -> bytes:
    """Parts of variable size behind a table of where each begins, counted from `first`."""
    places = list(accumulate(map(len, parts), initial=first))[: len(parts)]
    return b"".join([place.to_bytes(OFFSET_BYTES, "little") for place in places] + list(parts))
