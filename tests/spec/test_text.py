"""Hex and integers inside JSON: one spelling each, and none of Python's generosity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.codec import text
from spec.errors import DecodeError
from spec.types import Address, Uint64, Uint256
from tests.strategies import bounded_ints


@given(st.binary(max_size=40))
def test_hex_round_trip(data: bytes) -> None:
    assert text.hex_bytes(text.to_hex(data)) == data
    assert text.hex_bytes("0x" + data.hex().upper()) == data


@pytest.mark.parametrize(
    "value",
    ["", "0", "ab", "0X00", "0xa", "0x0g", "0x 0", "0x00 ", " 0x00", "0x0\n", "0x٠٠", "0x0_", "x00", None, 0, b""],
)
def test_what_is_not_hex(value: object) -> None:
    with pytest.raises(DecodeError):
        text.hex_bytes(value)


def test_fixed_length() -> None:
    read = text.fixed(Address)
    assert read("0x" + "Ab" * 20) == bytes([0xAB]) * 20
    for wrong in ("0x", "0x" + "00" * 19, "0x" + "00" * 21, "0x" + "0" * 39, "00" * 21, "0x" + "  " * 20):
        with pytest.raises(DecodeError):
            read(wrong)


@given(bounded_ints(Uint256))
def test_integers_in_every_dialect(number: Uint256) -> None:
    read = text.integer(Uint256)
    assert read(int(number)) == read(str(number)) == read(text.to_quantity(number)) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "-1",
        "01",
        "00",
        "1_0",
        "1.0",
        "1e3",
        "١",
        "0x",
        "0x01",
        "0X1",
        "0x1_0",
        "0xg",
        "ten",
        *(1.0, 1e3, True, False, None, [], {}, -1, 2**64, str(2**64), hex(2**64), "9" * 5000, "0x" + "f" * 5000),
    ],
)
def test_what_is_not_a_uint64(value: object) -> None:
    with pytest.raises(DecodeError):
        text.integer(Uint64)(value)


@given(st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_readers_raise_decode_errors_only(value: object) -> None:
    for read in (text.hex_bytes, text.fixed(Address), text.whole_number, text.bytes_up_to(3), text.an_object):
        try:
            read(value)
        except DecodeError as error:
            assert "\n" not in str(error)


def test_records() -> None:
    names = text.spellings("state_diff", "d")
    assert text.record({"stateDiff": 1, "d": 2}, names, closed=True) == {"state_diff": 1, "d": 2}
    assert text.record({"state_diff": 1, "x": 2}, names, closed=False) == {"state_diff": 1}
    with pytest.raises(DecodeError, match="state_diff occurs in two spellings"):
        text.record({"state_diff": 1, "stateDiff": 1}, names, closed=False)
    with pytest.raises(DecodeError, match="unknown name 'x'"):
        text.record({"x": 2}, names, closed=True)


def test_places() -> None:
    read = text.each(text.fixed(Address), 2)
    with pytest.raises(DecodeError) as caught:
        text.member({"list": ["0x" + "00" * 20, "0x00"]}, "list", read)
    assert caught.value.where == "list[1]"
    with pytest.raises(DecodeError, match="at most 2"):
        read([None] * 3)
    with pytest.raises(DecodeError, match="list: missing"):
        text.member({}, "list", read)
