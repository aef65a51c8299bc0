"""A strict SSZ reader for any type that `remerkleable` describes: every value has one accepted encoding.

`reader(kind, make)` turns a type into a function from exactly the bytes of one value to that value:

| type | value | refused |
|---|---|---|
| `uintN` | int, little-endian | any other length |
| `boolean` | bool | any byte but 0 and 1 |
| `ByteVector[N]`, `ByteList[N]` | bytes | any other length; more than N bytes |
| `Vector[T, N]`, `List[T, N]` | tuple | other than N; more than N elements; a first offset that leaves a gap |
| `Union[None, T]` | None or the value of T | other selectors; bytes behind None |
| `Container` | what `make` says of it, called with its fields | offsets that leave a gap or fall |

By induction no byte is left unread and none is read twice, so whatever is accepted encodes to itself. Lengths are
compared with bounds before anything is built. Recursion is as deep as the type, never as deep as the input.

Source: consensus-specs, "SimpleSerialize", sections "Serialization" and "Deserialization".
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from remerkleable.basic import boolean, uint
from remerkleable.byte_arrays import ByteList, ByteVector
from remerkleable.complex import Container, List, Vector
from remerkleable.union import Union

from spec.errors import DecodeError

Read = Callable[[bytes], Any]
Make = Mapping[Any, Callable[..., Any]]

_OFFSET_BYTES: Final = 4
"""Source: SimpleSerialize, BYTES_PER_LENGTH_OFFSET."""


def reader(kind: Any, make: Make) -> Read:
    """The reader of values of `kind`.

    Shapes: `make` has one entry for every container within `kind`, called with the fields' values by name.
    Raises: DecodeError (the reader); TypeError where `kind` is of no known sort.
    """
    if issubclass(kind, boolean):
        return _sized(1, _boolean)
    if issubclass(kind, uint):
        return _sized(kind.type_byte_length(), lambda data: int.from_bytes(data, "little"))
    if issubclass(kind, ByteVector):
        return _sized(kind.type_byte_length(), bytes)
    if issubclass(kind, ByteList):
        return _byte_list(kind.limit())
    if issubclass(kind, Union):
        return _union([None if option is None else reader(option, make) for option in kind.options()])
    if issubclass(kind, List | Vector):
        return _sequence(kind, reader(kind.element_cls(), make))
    if issubclass(kind, Container):
        return _container(kind, make)
    raise TypeError(f"no reader of {kind.__name__}")


def _sized(size: int, read: Read) -> Read:
    def read_sized(data: bytes) -> Any:
        if len(data) != size:
            raise DecodeError(f"expected {size} bytes, got {len(data)}")
        return read(data)

    return read_sized


def _boolean(data: bytes) -> bool:
    if data[0] > 1:
        raise DecodeError(f"a boolean is 0 or 1, got {data[0]}")
    return data[0] == 1


def _byte_list(limit: int) -> Read:
    def read(data: bytes) -> bytes:
        if len(data) > limit:
            raise DecodeError(f"at most {limit} bytes are allowed, got {len(data)}")
        return data

    return read


def _union(options: Sequence[Read | None]) -> Read:
    def read(data: bytes) -> Any:
        if not data:
            raise DecodeError("selector is missing")
        if data[0] >= len(options):
            raise DecodeError(f"selector must be below {len(options)}, got {data[0]}")
        option = options[data[0]]
        if option is not None:
            return option(data[1:])
        if len(data) > 1:
            raise DecodeError(f"{len(data) - 1} bytes behind None")
        return None

    return read


def _sequence(kind: Any, read: Read) -> Read:
    element = kind.element_cls()
    fewest, most = (0, kind.limit()) if issubclass(kind, List) else (kind.vector_length(),) * 2
    size = element.type_byte_length() if element.is_fixed_byte_length() else None

    def read_all(data: bytes) -> tuple[Any, ...]:
        if size is None:
            bounds = _list_offsets(data, most)
        elif len(data) % size:
            raise DecodeError(f"{len(data)} bytes are no multiple of an element's {size}")
        else:
            bounds = range(0, len(data) + 1, size)
        if not fewest <= len(bounds) - 1 <= most:
            raise DecodeError(f"expected {fewest} to {most} elements, got {len(bounds) - 1}")
        elements = []
        for start, end in pairwise(bounds):
            try:
                elements.append(read(data[start:end]))
            except DecodeError as error:
                raise error.inside(f"[{len(elements)}]") from None
        return tuple(elements)

    return read_all


def _list_offsets(data: bytes, most: int) -> Sequence[int]:
    """Where the elements of variable size start, and the end. The first offset tells their number."""
    if not data:
        return (0,)
    first = int.from_bytes(data[:_OFFSET_BYTES], "little")
    if first % _OFFSET_BYTES or not _OFFSET_BYTES <= first <= len(data):
        raise DecodeError(f"first offset {first} does not end a table of offsets within {len(data)} bytes")
    count = first // _OFFSET_BYTES
    if count > most:
        raise DecodeError(f"at most {most} elements are allowed, got {count}")
    return _rising((*struct.unpack_from(f"<{count}I", data), len(data)))


def _rising(offsets: Sequence[int]) -> Sequence[int]:
    for start, end in pairwise(offsets):
        if start > end:
            raise DecodeError(f"offset {start} is beyond the next, {end}")
    return offsets


def _container(kind: Any, make: Make) -> Read:
    fields = kind.fields()
    build = make[kind]
    readers = {name: reader(field, make) for name, field in fields.items()}
    variable = [name for name, field in fields.items() if not field.is_fixed_byte_length()]
    head = struct.Struct(
        "<" + "".join("I" if name in variable else f"{field.type_byte_length()}s" for name, field in fields.items())
    )

    def read(data: bytes) -> Any:
        if len(data) < head.size or (not variable and len(data) > head.size):
            raise DecodeError(f"expected {head.size} bytes{' or more' if variable else ''}, got {len(data)}")
        parts = dict(zip(fields, head.unpack_from(data), strict=True))
        if variable:
            offsets = _rising((*(parts[name] for name in variable), len(data)))
            if offsets[0] != head.size:
                raise DecodeError(f"first offset must be {head.size}, got {offsets[0]}")
            for name, (start, end) in zip(variable, pairwise(offsets), strict=True):
                parts[name] = data[start:end]
        for name, part in parts.items():
            try:
                parts[name] = readers[name](part)
            except DecodeError as error:
                raise error.inside(name) from None
        return build(**parts)

    return read
