"""The prime fields: laws, encodings, square roots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import laws
from verkle.field import FP, FR, PrimeField, sqrt

FIELDS = pytest.mark.parametrize("field", [FP, FR], ids=["Fp", "Fr"])


def elements(field: PrimeField) -> st.SearchStrategy[int]:
    edges = [0, 1, 2, field.modulus - 1, field.modulus // 2, 2**128, 2**252]
    return st.sampled_from(edges) | st.integers(0, field.modulus - 1)


@FIELDS
@given(data=st.data())
def test_inverses(field: PrimeField, data: st.DataObject) -> None:
    laws.field_inverse(field, data.draw(st.lists(elements(field), min_size=1, max_size=8)))


@FIELDS
@given(data=st.data())
def test_encodings(field: PrimeField, data: st.DataObject) -> None:
    laws.field_encoding(field, data.draw(elements(field)))


@FIELDS
def test_reduction_is_named_and_reduces(field: PrimeField) -> None:
    assert field.from_bytes_mod_order(b"\xff" * 32, "big") == (2**256 - 1) % field.modulus


def test_no_values_have_no_inverses() -> None:
    assert FP.batch_inverse([]) == []


@given(elements(FP))
def test_square_roots(a: int) -> None:
    """sqrt finds a root of every square, and None of exactly the rest (Euler's criterion)."""
    root = sqrt(a * a % FP.modulus)
    assert root is not None
    assert root in (a, FP.modulus - a) or (a == 0 and root == 0)
    found = sqrt(a)
    assert (found is not None) == (a == 0 or FP.is_square(a))
    if found is not None:
        assert found * found % FP.modulus == a


def test_roots_of_unity_have_square_roots_to_full_depth() -> None:
    """Elements of order 2^k exercise every window of the discrete logarithm."""
    generator = pow(5, (FP.modulus - 1) >> 32, FP.modulus)
    for k in range(33):
        element = pow(generator, 1 << k, FP.modulus)
        root = sqrt(element)
        assert (root is None) == (k == 0)
        if root is not None:
            assert root * root % FP.modulus == element
