"""JSON text: strict, bounded, and never another exception than DecodeError."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.codec import json_document
from spec.errors import DecodeError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**256 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    text = json_document.write(value)
    assert json_document.parse(text) == value
    assert json_document.parse(text.encode()) == value
    assert json_document.parse(json.dumps(value, indent=1)) == value


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ \n\t0123456789.eE+-truefalsn\ud800é', max_size=60))
def test_anything_is_a_document_or_a_decode_error(text: bytes | str) -> None:
    try:
        json_document.parse(text)
    except DecodeError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"", "line 1 column 1"),
        (b'{"a": 1,\n "a": 2}', "'a' occurs twice"),
        (b'{"a": [{"b": 1, "b": 1}]}', "'b' occurs twice"),
        (b"[NaN]", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1,\n 2", "line 2 column 3"),
        (b"[1,]", "line 1"),
        (b"[01]", "line 1 column 3"),
        (b"[+1]", "line 1 column 2"),
        (b"['a']", "line 1 column 2"),
        (b"[1] [2]", "line 1 column 5"),
        (b'"\x00"', "line 1 column 2"),
        (b'"\xff"', "byte 1: not UTF-8"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        ("{}".encode("utf-16"), "byte 0: not UTF-8"),
        (b"[" + b"9" * 79 + b"]", "more than 78 digits"),
        (b"[-" + b"9" * 5000 + b"]", "digits"),
    ],
)
def test_one_line_says_what_is_wrong(text: bytes, part: str) -> None:
    with pytest.raises(DecodeError) as caught:
        json_document.parse(text)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_largest_word_is_read() -> None:
    assert json_document.parse(str(2**256 - 1)) == 2**256 - 1


@pytest.mark.parametrize("bracket", ["[", '{"a":', "[{}, ["])
def test_depth_is_bounded_before_parsing(bracket: str) -> None:
    hostile = bracket * (2_000_000 // len(bracket))
    started = time.perf_counter()
    with pytest.raises(DecodeError, match="nested deeper"):
        json_document.parse(hostile)
    assert time.perf_counter() - started < 1


def test_depth_bound_is_exact_and_ignores_strings() -> None:
    most = json_document.MAX_DEPTH
    assert json_document.parse("[" * most + "]" * most)
    with pytest.raises(DecodeError, match="nested deeper than"):
        json_document.parse("[" * (most + 1) + "]" * (most + 1))
    assert json_document.parse(json.dumps(["[" * 200 + '"' + "{" * 200 + "\\"]))
    assert json_document.parse("[" + "[]," * 500 + "[]]")


def test_long_strings_cost_linear_time_and_memory() -> None:
    assert json_document.parse('"' + "\\\\[" * 300_000 + '"')
    with pytest.raises(DecodeError, match="nterminated"):
        json_document.parse('"' + "\\\\[" * 300_000)


def test_size_is_bounded() -> None:
    assert json_document.parse(b"[1]", limit=3) == [1]
    with pytest.raises(DecodeError, match="more than 2 bytes"):
        json_document.parse(b"[1]", limit=2)
