"""Hex, integers, arrays and records inside a parsed JSON document, strictly.

A reader is a function from one JSON value (`object`) to a value of the protocol; it raises `DecodeError` and nothing
else. `member` and `each` apply a reader inside a container and extend the error's place on the way out, which gives
`execution_witness.state_diff[3].stem` without any reader knowing where it stands.

Python's own readers are too generous for a canonical encoding: `bytes.fromhex` skips spaces, and `int` takes signs,
underscores, spaces and the digits of every script. Both are fenced here and used nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from spec.errors import DecodeError
from spec.types import BoundedInt, FixedBytes

T = TypeVar("T")
F = TypeVar("F", bound=FixedBytes)
I = TypeVar("I", bound=BoundedInt)  # noqa: E741  (T, F, I: any, fixed bytes, integers)

Reader = Callable[[object], T]
Record = Mapping[str, object]

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]*")
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]*)")
_LONGEST_INTEGER: Final = 80
"""Characters of no integer below 2^256: 78 decimal digits, or 0x and 64 hex digits."""
_LONGEST_SHOWN: Final = 40


def shown(text: str) -> str:
    """A stranger's text, fit for one line of a message: quoted, ASCII, shortened."""
    return ascii(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")


def kind_of(value: object) -> str:
    """What JSON calls the type of `value`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def string(value: object) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise DecodeError(f"expected a string, got {kind_of(value)}")
    return value


def hex_bytes(value: object) -> bytes:
    """Bytes of any number: 0x, then an even number of hex digits of either case."""
    text = string(value)
    if not text.startswith("0x"):
        raise DecodeError(f"expected 0x and hex digits, got {shown(text)}")
    if len(text) % 2:
        raise DecodeError("odd number of hex digits")
    try:
        data = bytes.fromhex(text[2:])
    except ValueError:
        raise DecodeError(f"not hex digits: {shown(text)}") from None
    if 2 * len(data) + 2 != len(text):  # fromhex skips white space
        raise DecodeError(f"not hex digits: {shown(text)}")
    return data


def bytes_up_to(most: int) -> Reader[bytes]:
    """Reader of at most `most` bytes. The length is checked before any digit is."""

    def read(value: object) -> bytes:
        text = string(value)
        if len(text) > 2 * most + 2:
            raise DecodeError(f"at most {most} bytes are allowed")
        return hex_bytes(text)

    return read


def fixed(kind: type[F]) -> Reader[F]:
    """Reader of exactly `kind.LENGTH` bytes. The length is checked before any digit is."""

    def read(value: object) -> F:
        text = string(value)
        if text.startswith("0x") and len(text) % 2 == 0 and len(text) != 2 * kind.LENGTH + 2:
            raise DecodeError(f"{kind.__name__} has {kind.LENGTH} bytes, got {len(text) // 2 - 1}")
        return kind(hex_bytes(text))

    return read


def whole_number(value: object) -> int:
    """An integer of any API: a JSON number, a decimal string (beacon API) or a 0x quantity (Engine API).

    Strings are canonical: no leading zeros, signs, spaces or underscores, and 0x0 for zero.
    Source: beacon-APIs, "uint64 as string"; execution-apis, "Quantity".
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise DecodeError(f"expected an integer, got {kind_of(value)}")
    if len(value) > _LONGEST_INTEGER:
        raise DecodeError(f"integer is too long: {shown(value)}")
    if _DECIMAL.fullmatch(value):
        return int(value, 10)
    if _QUANTITY.fullmatch(value):
        return int(value[2:], 16)
    raise DecodeError(f"expected an integer, got {shown(value)}")


def integer(kind: type[I]) -> Reader[I]:
    """Reader of a `whole_number` within the bound of `kind`."""
    return lambda value: kind(whole_number(value))


def optional(read: Reader[T]) -> Reader[T | None]:
    """Reader of null or what `read` reads."""
    return lambda value: None if value is None else read(value)


def each(read: Reader[T], at_most: int, name: str = "elements") -> Reader[tuple[T, ...]]:
    """Reader of an array. Its length is checked before any element is read."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise DecodeError(f"expected an array, got {kind_of(value)}")
        if len(value) > at_most:
            raise DecodeError(f"at most {at_most} {name} are allowed, got {len(value)}")
        elements = []
        for index, element in enumerate(value):
            try:
                elements.append(read(element))
            except DecodeError as error:
                raise error.inside(f"[{index}]") from None
        return tuple(elements)

    return read_all


def an_object(value: object) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise DecodeError(f"expected an object, got {kind_of(value)}")
    return value


def spellings(*names: str) -> dict[str, str]:
    """Every accepted spelling of the names of a record, snake_case and camelCase, to the name."""
    return {name: name for name in names} | {camel(name): name for name in names}


def camel(name: str) -> str:
    """state_diff -> stateDiff."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def record(value: object, names: Mapping[str, str], *, closed: bool) -> Record:
    """The members of a JSON object under their snake_case names.

    `names` maps every accepted spelling to a name. Members under other names are an error where the record is
    `closed`, and left out where it is not.
    Raises: DecodeError on two spellings of one name.
    """
    members: dict[str, object] = {}
    for spelling, member_value in an_object(value).items():
        name = names.get(spelling)
        if name is None:
            if closed:
                raise DecodeError(f"unknown name {shown(spelling)}")
        elif name in members:
            raise DecodeError(f"{name} occurs in two spellings")
        else:
            members[name] = member_value
    return members


def member(members: Record, name: str, read: Reader[T]) -> T:
    """A member that must be there."""
    if name not in members:
        raise DecodeError("missing", name)
    return _inside(name, read, members[name])


def member_or(members: Record, name: str, read: Reader[T], default: T) -> T:
    """A member, or `default` where it is missing or null."""
    value = members.get(name)
    return default if value is None else _inside(name, read, value)


def optional_member(members: Record, name: str, read: Reader[T]) -> T | None:
    """A member, or None where it is missing or null."""
    value = members.get(name)
    return None if value is None else _inside(name, read, value)


def to_hex(data: bytes) -> str:
    """0x and lower-case digits."""
    return "0x" + data.hex()


def to_quantity(number: int) -> str:
    """0x and digits without leading zeros."""
    return hex(number)


def _inside(name: str, read: Reader[T], value: object) -> T:
    try:
        return read(value)
    except DecodeError as error:
        raise error.inside(name) from None
