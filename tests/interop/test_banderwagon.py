"""Encodings of the group, its map to scalars, and what must not decode."""

from pathlib import Path

import pytest

from spec.codec.text import hex_bytes
from spec.errors import DecodeError
from tests.interop import uncompressed
from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, unhex
from verkle import curve
from verkle.field import FP, FR


def test_encodings(vectors: Path) -> None:
    """banderwagon/serialize_doublings_of_generator.json: multiples of the generator encode and decode."""
    check_each(cases(vectors, "banderwagon/serialize_doublings_of_generator.json"), _check_encoding)


def _check_encoding(case: Case) -> None:
    point = integer(case["scalar"]) * curve.Point.GENERATOR
    encoded = unhex(case["compressed"])
    assert curve.encode([point]) == [encoded]
    assert curve.decode([encoded]) == [point]


def test_invalid_encodings(vectors: Path) -> None:
    """banderwagon/deserialize_invalid.json: outside the subgroup or the curve, not below p, of a wrong length."""
    check_each(cases(vectors, "banderwagon/deserialize_invalid.json"), _check_invalid)


def _check_invalid(case: Case) -> None:
    assert case["expect"].startswith("reject")
    text = case["input"]
    with pytest.raises(DecodeError):
        curve.decode([hex_bytes(text if text.startswith("0x") else "0x" + text)])
    if len(text.removeprefix("0x")) == 128:
        with pytest.raises(DecodeError):
            uncompressed.decode(unhex(text), "big")


def test_map_to_scalar_field(vectors: Path) -> None:
    """banderwagon/map_to_scalar_field.json: x / y reduced into Fr, little-endian."""
    check_each(cases(vectors, "banderwagon/map_to_scalar_field.json"), _check_map)


def _check_map(case: Case) -> None:
    points = curve.decode([unhex(case["point"])])
    assert [FR.encode(scalar, "little") for scalar in curve.to_scalars(points)] == [unhex(case["scalar_le"])]


def test_operations(vectors: Path) -> None:
    """banderwagon/misc_ops.json: encoding of a representative, -1 G, the quotient's 2-torsion, sums, distributivity."""
    check_each(cases(vectors, "banderwagon/misc_ops.json"), _check_operation)


def _check_operation(case: Case) -> None:
    op, given = case["op"], case["in"]
    generator = curve.Point.GENERATOR
    if op.startswith("serialize affine"):
        point = uncompressed.decode(unhex(given["x_be"]) + unhex(given["y_be"]), "big")
        assert curve.encode([point]) == [unhex(case["out"])]
    elif op == "compress(-1*G)":
        assert curve.encode([-1 * generator, -generator]) == [unhex(case["out"])] * 2
    elif op.startswith("G + (0,-1)"):
        assert given["torsion"] == ["0", "-1"]
        torsion = curve.Point.from_coordinates((0, FP.modulus - 1, 0, 1))
        assert generator + torsion == generator
        assert torsion == curve.Point.IDENTITY
        assert curve.encode([generator + torsion, generator]) == [unhex(case["out"])] * 2
    elif op.startswith("add") and "LITTLE-ENDIAN" in op:
        left, right, out = (
            uncompressed.decode(unhex(text), "little") for text in (given["lhs"], given["rhs"], case["out"])
        )
        assert left + right == out
    elif op.startswith("(s0*g0+s1*g1)*a"):
        _check_distributivity(case)
    else:
        raise UnknownCase(op)


def _check_distributivity(case: Case) -> None:
    given = case["in"]
    assert case["out"] == "equal"
    s0, s1, a = (integer(given[name]) for name in ("s0", "s1", "a"))
    bases = [
        uncompressed.decode(unhex(given[name]["x_be"]) + unhex(given[name]["y_be"]), "big") for name in ("g0", "g1")
    ]
    g0, g1 = (4 * base for base in bases)
    assert a * (s0 * g0 + s1 * g1) == (a * s0 % FR.modulus) * g0 + (a * s1 % FR.modulus) * g1


def test_fuzz_corpus(vectors: Path) -> None:
    """banderwagon/fuzz_corpus_go_ipa.json: no other failure than DecodeError, and what decodes encodes to itself."""
    check_each(cases(vectors, "banderwagon/fuzz_corpus_go_ipa.json"), _check_fuzz)


def _check_fuzz(case: Case) -> None:
    assert "re-serialization is identical" in case["expect"]
    data = unhex(case["input"])
    assert len(data) == case["len"]
    decoded = []
    try:
        decoded = curve.decode([data])
    except DecodeError as error:
        assert str(error)
    assert curve.encode(decoded) in ([], [data])
    if len(data) == 64:
        try:
            point = uncompressed.decode(data, "big")
        except DecodeError:
            return
        assert data in {x + y for x, y in _representatives(point)}


def _representatives(point: curve.Point) -> list[tuple[bytes, bytes]]:
    ((x, y),) = curve.affine([point.coordinates])
    opposite = (-x % FP.modulus, -y % FP.modulus)
    return [(FP.encode(a, "big"), FP.encode(b, "big")) for a, b in ((x, y), opposite)]
