"""RLP: canonical both ways, and signatures against py_ecc as oracle."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ecc.secp256k1.secp256k1 import ecdsa_raw_recover, ecdsa_raw_sign, privtopub
from rlp.codec import encode as library_encode

from spec.codec import rlp
from spec.containers import Header, Transaction, Withdrawal
from spec.crypto import SECP256K1_ORDER, keccak256
from spec.errors import DecodeError
from spec.types import Address, Uint256
from tests.strategies import headers, mutations, transactions, withdrawals

EMPTY_HEADER = [bytes(32)] * 2 + [bytes(20)] + [bytes(32)] * 3 + [bytes(256)] + [b""] * 6 + [bytes(32), bytes(8)]


def encode(item: object) -> bytes:
    encoded: bytes = library_encode(item)  # type: ignore[no-untyped-call]
    return encoded


@given(headers())
def test_header_round_trip(header: Header) -> None:
    data = rlp.encode_header(header)
    assert rlp.decode_header(data) == header
    assert rlp.block_hash(header) == keccak256(data)


@given(transactions())
def test_transaction_round_trip(transaction: Transaction) -> None:
    data = rlp.encode_transaction(transaction)
    assert rlp.decode_transaction(data) == transaction
    assert (data[0] >= 0xC0) if transaction.type == 0 else (data[0] == transaction.type)


@given(headers(), st.lists(transactions(), max_size=3), st.none() | st.lists(withdrawals(), max_size=2).map(tuple))
def test_block_round_trip(header: Header, some: list[Transaction], paid: tuple[Withdrawal, ...] | None) -> None:
    encoded = tuple(map(rlp.encode_transaction, some))
    data = rlp.encode_block(header, encoded, paid)
    assert rlp.decode_block(data) == (header, encoded, paid)


def _refused_or_itself(data: bytes, decode: Callable[[bytes], Any], encode_again: Callable[[Any], bytes]) -> None:
    try:
        value = decode(data)
    except DecodeError as error:
        assert "\n" not in str(error)
    else:
        assert encode_again(value) == data


@given(st.data())
def test_accepted_bytes_encode_to_themselves(data: st.DataObject) -> None:
    header = data.draw(headers())
    transaction = rlp.encode_transaction(data.draw(transactions()))
    block = rlp.encode_block(header, [transaction], data.draw(st.none() | st.lists(withdrawals(), max_size=1)))
    _refused_or_itself(data.draw(mutations(rlp.encode_header(header))), rlp.decode_header, rlp.encode_header)
    _refused_or_itself(data.draw(mutations(transaction)), rlp.decode_transaction, rlp.encode_transaction)
    _refused_or_itself(data.draw(mutations(block)), rlp.decode_block, lambda parts: rlp.encode_block(*parts))


@given(st.binary(max_size=200))
def test_anything_is_a_decode_error(data: bytes) -> None:
    for decode in (rlp.decode_header, rlp.decode_transaction, rlp.decode_block):
        with pytest.raises(DecodeError):
            decode(data)


@given(transactions())
def test_every_truncation_is_refused(transaction: Transaction) -> None:
    data = rlp.encode_transaction(transaction)
    for length in range(0, len(data), 1 + len(data) // 50):
        with pytest.raises(DecodeError):
            rlp.decode_transaction(data[:length])


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        (EMPTY_HEADER[:14], "no fork's header has 14 fields"),
        ([*EMPTY_HEADER, b"", bytes(32), b""], "no fork's header has 18 fields"),
        ([*EMPTY_HEADER, b"\0"], "base_fee_per_gas: integer has leading zeros"),
        ([*EMPTY_HEADER, b"\1" * 33], "base_fee_per_gas: Uint256 must be in"),
        ([*EMPTY_HEADER, [b""]], "base_fee_per_gas: expected an RLP string"),
        ([*EMPTY_HEADER[:14], bytes(7)], "nonce: a header's nonce has 8 bytes"),
        ([bytes(31), *EMPTY_HEADER[1:]], "parent_hash: Hash32 has 32 bytes"),
        (b"", "expected an RLP list"),
    ],
)
def test_headers_refused(fields: object, part: str) -> None:
    with pytest.raises(DecodeError, match=part):
        rlp.decode_header(encode(fields))


def test_headers_with_holes_cannot_be_written() -> None:
    header = rlp.decode_header(encode([*EMPTY_HEADER, b"", bytes(32)]))
    with pytest.raises(ValueError, match="from the first"):
        rlp.encode_header(replace(header, base_fee_per_gas=None))


@pytest.mark.parametrize("opening", [b"\xc1", b"\xf8\xff", b"\xfb\xff\xff\xff\xff", b"\xbf" + b"\xff" * 8])
def test_hostile_nesting_and_lengths(opening: bytes) -> None:
    for decode in (rlp.decode_header, rlp.decode_transaction, rlp.decode_block):
        with pytest.raises(DecodeError):
            decode(opening * 100_000)


LEGACY = [b"", b"\1", b"\1", bytes(20), b"", b""]


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "not empty"),
        (b"\x00", "unknown transaction type 0"),
        (b"\x05\xc0", "unknown transaction type 5"),
        (b"\x80", "unknown transaction type 128"),
        (b"\x01", "ends too early"),
        (b"\x02\xc0\x00", "1 bytes follow"),
        (b"\x02\xc0", "expected 12 fields, got 0"),
        (encode([*LEGACY, b"\x1d", b"\1", b"\1"]), "v is 27, 28 or at least 35, got 29"),
        (encode([*LEGACY, b"\1" + bytes(9), b"\1", b"\1"]), "Uint64"),
        (encode([*LEGACY, b"\x1b", b"\0", b"\1"]), "r: integer has leading zeros"),
        (encode([*LEGACY[:3], bytes(19), *LEGACY[4:], b"\x1b", b"\1", b"\1"]), "to: Address has 20 bytes"),
        (b"\x01" + encode([b"\1", *LEGACY, [], b"\2", b"\1", b"\1"]), "y_parity is 0 or 1"),
        (b"\x01" + encode([b"\1", *LEGACY, [[bytes(20)]], b"", b"\1", b"\1"]), r"access_list\[0\]: expected 2 fields"),
        (
            b"\x01" + encode([b"\1", *LEGACY, [[bytes(20), [bytes(31)]]], b"", b"\1", b"\1"]),
            r"access_list\[0\]\.storage_keys\[0\]: Bytes32 has 32",
        ),
    ],
)
def test_transactions_refused(data: bytes, part: str) -> None:
    with pytest.raises(DecodeError, match=part):
        rlp.decode_transaction(data)


@pytest.mark.parametrize("kind", [3, 4])
@given(st.data())
def test_blobs_and_delegations_have_a_receiver(kind: int, data: st.DataObject) -> None:
    transaction = replace(data.draw(transactions(kind)), to=None)
    with pytest.raises(DecodeError, match="to: Address"):
        rlp.decode_transaction(rlp.encode_transaction(transaction))


def test_blocks_refused() -> None:
    header = encode(EMPTY_HEADER)
    block = rlp.encode_block(rlp.decode_header(header), [], None)
    assert rlp.decode_block(block)[1:] == ((), None)
    for items, part in (
        ([EMPTY_HEADER, []], "3 or 4 items"),
        ([EMPTY_HEADER, [], [], [], []], "3 or 4 items"),
        ([EMPTY_HEADER, [], [EMPTY_HEADER]], "ommers: at most 0"),
        ([EMPTY_HEADER, [b""], []], r"transactions\[0\]: a typed transaction"),
        ([EMPTY_HEADER, [b"\xc0"], []], r"transactions\[0\]: a typed transaction"),
        ([EMPTY_HEADER, [], [], [[b""] * 4]], r"withdrawals\[0\]\.address"),
        ([EMPTY_HEADER, [], [], [[]] * 17], "withdrawals: at most 16"),
        ([[], [], []], "header: no fork"),
    ):
        with pytest.raises(DecodeError, match=part):
            rlp.decode_block(encode(items))


def test_a_published_signature() -> None:
    """The worked example of EIP-155."""
    data = bytes.fromhex(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025"
        "a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
        "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    transaction = rlp.decode_transaction(data)
    assert transaction.chain_id == 1
    assert rlp.signing_hash(transaction).hex() == "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    assert rlp.sender(transaction).hex() == "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
    assert rlp.encode_transaction(transaction) == data


def _address(public_key: tuple[int, int]) -> Address:
    x, y = public_key
    return Address(keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:])


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
@given(st.data())
def test_sender_against_the_oracle(kind: int, data: st.DataObject) -> None:
    secret = keccak256(bytes((kind,)))
    unsigned = data.draw(transactions(kind))
    v, r, s = ecdsa_raw_sign(rlp.signing_hash(unsigned), secret)
    signed = replace(unsigned, y_parity=v - 27, r=Uint256(r), s=Uint256(s))
    expected = _address(privtopub(secret))
    assert _address(ecdsa_raw_recover(rlp.signing_hash(signed), (v, r, s))) == expected
    assert rlp.sender(rlp.decode_transaction(rlp.encode_transaction(signed))) == expected
    flipped = replace(signed, y_parity=1 - signed.y_parity, s=Uint256(SECP256K1_ORDER - s))
    with pytest.raises(DecodeError, match="out of range"):  # EIP-2: the upper half
        rlp.sender(flipped)


@given(transactions())
def test_signatures_of_nobody_are_decode_errors(transaction: Transaction) -> None:
    try:
        assert len(rlp.sender(transaction)) == 20
    except DecodeError as error:
        assert "signature" in str(error)
