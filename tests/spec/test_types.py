"""Types check at construction; errors say what, where and which rule, in one line."""

import pytest

from spec.errors import DecodeError, Reason, Rejection, UnknownNode
from spec.types import Address, BoundedInt, Bytes32, FixedBytes, Stem, TreeKey, Uint64, Uint256, Value


@pytest.mark.parametrize("kind", [Address, Bytes32, Stem, TreeKey, Value])
def test_fixed_bytes_have_their_length(kind: type[FixedBytes]) -> None:
    assert kind(b"\x07" * kind.LENGTH) == b"\x07" * kind.LENGTH
    for size in (0, kind.LENGTH - 1, kind.LENGTH + 1):
        with pytest.raises(DecodeError, match=f"{kind.__name__} has {kind.LENGTH} bytes, got {size}"):
            kind(bytes(size))


@pytest.mark.parametrize("kind", [Uint64, Uint256])
def test_bounded_integers_have_their_bounds(kind: type[BoundedInt]) -> None:
    assert kind(0) == 0
    assert kind(2**kind.BITS - 1) == 2**kind.BITS - 1
    for value in (-1, 2**kind.BITS, 10**5000):
        with pytest.raises(DecodeError, match=f"{kind.__name__} must be in 0"):
            kind(value)


def test_a_tree_key_is_a_stem_and_a_suffix() -> None:
    key = TreeKey.at(b"\x01" * 31, 255)
    assert (key.stem, key.suffix) == (Stem(b"\x01" * 31), 255)
    assert isinstance(key.stem, Stem)


def test_errors_are_one_line_for_people() -> None:
    error = DecodeError("not canonical", "[3]").inside("commitments_by_path").inside("verkle_proof")
    assert str(error) == "verkle_proof.commitments_by_path[3]: not canonical"
    assert str(DecodeError("not canonical")) == "not canonical"
    rejection = Rejection(Reason.EXTENSION_DEPTH, stem=b"\xab", depth=0)
    assert str(rejection) == "extension-depth: stem 0xab, depth 0"
    assert str(Rejection(Reason.PROOF_INVALID)) == "proof-invalid"
    assert str(UnknownNode(b"\x01", b"\x01\x02")) == "nothing is known at path 0x01 (asked for key 0x0102)"
    assert all("\n" not in str(reason) and str(reason) == str(reason).lower() for reason in Reason)
