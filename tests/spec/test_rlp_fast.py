"""RLP against the library, and its fast ways against the plain ones: items, encodings, a transaction with its sender.

Inputs are the transactions of seeded random cases (every type), whole and with bytes changed.
"""

import random
from collections.abc import Callable
from typing import Any, Final

import pytest
from rlp.codec import consume_length_prefix, encode
from rlp.exceptions import DecodingError

from spec.codec import rlp
from spec.codec.rlp_items import Encodable, Item, List, encode_items, items_of, single_item
from spec.codec.text import hex_bytes
from spec.errors import DecodeError
from tests.differential.cases import case

SEED: Final = 2718


def _raw(count: int) -> list[bytes]:
    generator = random.Random(SEED)
    found: list[bytes] = []
    while len(found) < count:
        found += [hex_bytes(text) for text in case(generator)["txs"]]
    return found


def _changed(generator: random.Random, data: bytes) -> bytes:
    """A few bytes replaced, removed or put in."""
    changed = bytearray(data)
    for _ in range(generator.choice((1, 1, 2))):
        start = generator.randrange(min(len(changed), 40) if generator.randrange(2) else len(changed))
        end = start + generator.choice((0, 1, 1, 1, 2))
        edges = (0, 0x7F, 0x80, 0x81, 0xB7, 0xB8, 0xC0, 0xF8, 0xFF)
        changed[start:end] = bytes(generator.choice(edges) for _ in range(generator.choice((0, 1, 1))))
    return bytes(changed)


def _outcome(read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except DecodeError as error:
        return str(error)


def _plainly(data: bytes) -> list[Item] | None:
    """The items of a list's payload, each read by the library; None where it refuses one."""
    items: list[Item] = []
    position = 0
    while position < len(data):
        try:
            _, kind, length, start = consume_length_prefix(data, position)  # type: ignore[no-untyped-call]
        except (IndexError, DecodingError):
            return None
        if start + length > len(data):
            return None
        payload = data[start : start + length]
        items.append(List(payload, data[position : start + length]) if kind is list else payload)
        position = start + length
    return items


def test_items_of_a_list_are_the_library_s() -> None:
    generator = random.Random(SEED)
    seen = {True: 0, False: 0}
    edges = [bytes((prefix,)) + more for prefix in range(256) for more in (b"", b"\x7f", b"\x80", b"\0\x38", b"\x38")]
    for data in [b"\0\0" + edge for edge in edges] + _raw(300):
        for one in (data, *(_changed(generator, data) for _ in range(10)), generator.randbytes(8)):
            payload = one[2:]
            expected, found = _plainly(payload), _outcome(lambda payload: items_of(List(payload, b"")), payload)
            assert (None if isinstance(found, str) else found) == expected, one.hex()
            seen[expected is None] += 1
    print(f"seed {SEED}: {seen[False]} lists, {seen[True]} refused")
    assert min(seen.values()) > 100


def test_encodings_are_the_library_s() -> None:
    generator = random.Random(SEED)
    sizes = (0, 1, 2, 31, 54, 55, 56, 57, 255, 256, 65535, 65536, 70000)
    strings = [bytes((byte,)) for byte in range(256)] + [generator.randbytes(size) for size in sizes]
    nested: Encodable = []
    for k in range(60):
        nested = [nested, generator.choice(strings[:300])] if k % 3 else [nested]
        strings_or_lists: list[Encodable] = [nested, *generator.sample(strings, k % 7)]
        assert encode_items(strings_or_lists) == encode(strings_or_lists, infer_serializer=False)  # type: ignore[no-untyped-call]
    for string in strings:
        assert encode_items(string) == encode(string, infer_serializer=False)  # type: ignore[no-untyped-call]
        assert single_item(encode_items(string)) == string
        listed = encode_items([string] * 3)
        assert listed == encode([string] * 3, infer_serializer=False)  # type: ignore[no-untyped-call]
        assert items_of(single_item(listed)) == [string] * 3


def test_no_other_encoding_is_read() -> None:
    """A byte with a prefix, a long form of what is short, a length with leading zeros or cut off."""
    for text in ("8100", "817f", "b800", "b83700", "b90038", "f800", "f90038", "f837", "b8", "b9ff", "c1", "bf", "ff"):
        with pytest.raises(DecodeError, match="RLP"):
            single_item(bytes.fromhex(text))
    assert single_item(bytes.fromhex("8180")) == b"\x80"


def test_decode_signed_is_decode_transaction_and_sender() -> None:
    generator = random.Random(SEED)
    seen = {True: 0, False: 0}
    kinds = set()

    def plainly(data: bytes) -> Any:
        transaction = rlp.decode_transaction(data)
        return transaction, rlp.sender(transaction)

    for data in _raw(300):
        for one in (data, *(_changed(generator, data) for _ in range(4))):
            expected = _outcome(plainly, one)
            assert _outcome(rlp.decode_signed, one) == expected, one.hex()
            seen[isinstance(expected, str)] += 1
            if not isinstance(expected, str):
                kinds.add((expected[0].type, expected[0].chain_id is None))
    print(f"seed {SEED}: {seen[False]} signed, {seen[True]} refused")
    assert min(seen.values()) > 100
    assert kinds == {(0, True), (0, False), (1, False), (2, False), (3, False), (4, False)}


def test_bodies_go_both_ways() -> None:
    raw = _raw(50)
    assert rlp.decode_body(rlp.encode_body(raw)) == tuple(raw)
    assert rlp.encode_body([]) == b"\xc0"
