"""JSON text, strictly: one meaning for every document, or a `DecodeError`.

RFC 8259 leaves open what every reader decides for itself; here: duplicate names, NaN and Infinity, byte order marks,
encodings other than UTF-8, integers beyond 256 bits and nesting beyond any use are all refused. Depth is bounded
before anything is parsed, so the answer never depends on how deep the caller's own stack is.
"""

import json
import re
from typing import Final, NoReturn

from spec.codec.text import shown
from spec.errors import DecodeError

MAX_DOCUMENT_BYTES: Final = 256 * 2**20
"""Longest accepted document. The largest devnet block is some 100 kB; a mainnet genesis with allocations some MB."""

MAX_DEPTH: Final = 64
"""Deepest nesting of arrays and objects. A payload within its wrapper needs 8; fixtures and files of cases fewer
than 20."""

MAX_INTEGER_DIGITS: Final = 78
"""Decimal digits of 2^256 - 1, the largest integer of the protocol: so no input costs quadratic time."""

_MARKS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
"""Strings (skipped, also where unterminated) and brackets. Possessive: linear time and no backtracking memory."""


def parse(text: bytes | str, limit: int = MAX_DOCUMENT_BYTES) -> object:
    """The document that `text` holds: dict, list, str, int, float, bool or None.

    Shapes: UTF-8 without byte order mark, at most `limit` bytes.
    Raises: DecodeError with line and column (or byte) wherever the text is not such a document.
    Source: RFC 8259; RFC 7493 (I-JSON), section 2.3, for duplicate names.
    """
    if len(text) > limit:
        raise DecodeError(f"document has more than {limit} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DecodeError("not UTF-8", f"byte {error.start}") from None
    _check_depth(text)
    try:
        document: object = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise DecodeError(_lower(error.msg), f"line {error.lineno} column {error.colno}") from None
    return document


def write(document: object) -> str:
    """The shortest text of a document: no spaces, names in the order given, as go-verkle and geth write."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _check_depth(text: str) -> None:
    depth = 0
    for mark in _MARKS.finditer(text):
        sign = text[mark.start()]
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise DecodeError(f"nested deeper than {MAX_DEPTH}", _place(text, mark.start()))
        elif sign != '"':
            depth -= 1


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line} column {position - text.rfind(chr(10), 0, position)}"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DecodeError(f"name {shown(name)} occurs twice in one object")
            seen.add(name)
    return members


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise DecodeError(f"integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise DecodeError(f"{name} is not JSON")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
