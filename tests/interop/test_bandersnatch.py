"""The curve and its fields, against Sage and three other implementations."""

import re
from pathlib import Path
from typing import Any

from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, read, unhex
from verkle import curve
from verkle.curve import Coordinates, add_coordinates, double_coordinates, negate_coordinates
from verkle.field import FP, FR, sqrt

FILE = "bandersnatch/curve_and_field_sage.json"

_LINEAR = re.compile(r"[+-]?(?:\w+\*)?[a-zA-Z]\w*(?:[+-](?:\w+\*)?[a-zA-Z]\w*)*")
_TERM = re.compile(r"([+-]?)(?:(\w+)\*)?([a-zA-Z]\w*)")
_BINARY = re.compile(r"(\w+)(\*\*|[+*/^-])(\w+)")


def test_parameters(vectors: Path) -> None:
    """bandersnatch/curve_and_field_sage.json, meta.curve: a, d, p and r are those of the curve."""
    given = read(vectors, FILE)["meta"]["curve"]
    assert given["a"] == "-5 mod p"
    assert -5 % FP.modulus == curve.A
    assert integer(given["d"]) == curve.D
    assert integer(given["p"]) == FP.modulus
    assert integer(given["r"]) == FR.modulus


def test_curve_and_field(vectors: Path) -> None:
    """bandersnatch/curve_and_field_sage.json: sums and multiples of points, arithmetic of Fp, square roots."""
    check_each(cases(vectors, FILE), _check)


def _check(case: Case) -> None:
    op = case["op"]
    compact = op.replace(" ", "")
    if "order 2" in op:
        _check_order_two(case)
    elif "compressed" in op or "arkworks" in op:
        _check_arkworks(case)
    elif op.endswith("mod p") or "square" in op or "sqrt" in op:
        _check_field(case, compact.removesuffix("modp"))
    elif _LINEAR.fullmatch(compact):
        _check_linear(case, compact)
    elif any(word in op for word in ("phi", "φ", "endomorphism", "lambda", "λ")):
        _check_endomorphism(case)
    else:
        raise UnknownCase(op)


def _point(given: dict[str, str]) -> Coordinates:
    x, y, z = (integer(given.get(name, "1")) % FP.modulus for name in "xyz")
    return x * z % FP.modulus, y * z % FP.modulus, x * y % FP.modulus, z * z % FP.modulus


def _projective(given: dict[str, str]) -> tuple[int, int]:
    inverse = FP.inverse(integer(given["z"]))
    return integer(given["x"]) * inverse % FP.modulus, integer(given["y"]) * inverse % FP.modulus


def _multiple(scalar: int, point: Coordinates) -> Coordinates:
    """By doubling and adding, on the whole curve: `Point` multiplies inside the prime subgroup only."""
    if scalar < 0:
        return _multiple(-scalar, negate_coordinates(point))
    if scalar == 2:
        return double_coordinates(point)
    result = curve.IDENTITY_COORDINATES
    for bit in bin(scalar)[2:]:
        result = double_coordinates(result)
        if bit == "1":
            result = add_coordinates(result, point)
    return result


def _check_linear(case: Case, expression: str) -> None:
    """p+q, 2*p, k1*p+k2*q, ..."""
    given = case["in"]
    total = curve.IDENTITY_COORDINATES
    for sign, factor, name in _TERM.findall(expression):
        scalar = 1 if not factor else int(factor) if factor.isdigit() else integer(given[factor])
        term = _multiple(-scalar if sign == "-" else scalar, _point(given[name]))
        total = add_coordinates(total, term)
    assert curve.affine([total]) == [_projective(case["out"])]


def _check_endomorphism(case: Case) -> None:
    """phi(p) = lambda p."""
    given = dict(case["in"])
    names = [name for name in given if name in ("lambda", "λ", "k")]
    scalar = integer(given[names[0]]) if names else -0x13B4F3DC4A39A493EDF849562B38C72BCFC49DB970A5056ED13D21408783DF05
    assert curve.affine([_multiple(scalar % FR.modulus, _point(given["p"]))]) == [_projective(case["out"])]


def _check_order_two(case: Case) -> None:
    """Each lies on the projective curve, and doubled it is the identity of the quotient."""
    assert case["in"] == {}
    p = FP.modulus
    assert case["out"]
    for given in case["out"]:
        x, y, z = (integer(given[name]) for name in "xyz")
        left = (curve.A * x * x + y * y) * z * z
        assert (left - z**4 - curve.D * x * x * y * y) % p == 0
        doubled = double_coordinates((x * z % p, y * z % p, x * y % p, z * z % p) if z else (x, y, 0, 0))
        assert curve.Point.from_coordinates(doubled) == curve.Point.IDENTITY
        if z:
            assert curve.affine([doubled]) == [(0, 1)]
            assert _projective(given) != (0, 1)


def _check_arkworks(case: Case) -> None:
    """x little-endian, the highest bit telling that y is the larger one: the encoding that Banderwagon does not use."""
    name = case["in"]["point"]
    negative = name.startswith("-") or "minus" in name or "neg" in name
    if "generator" not in name or "+" in name or "2" in name:
        raise UnknownCase(name)
    point = -curve.Point.GENERATOR if negative else curve.Point.GENERATOR
    ((x, y),) = curve.affine([point.coordinates])
    flag = (y > FP.modulus // 2) << 255
    assert (x | flag).to_bytes(32, "little") == unhex(case["out"])


def _check_field(case: Case, expression: str) -> None:
    given = {name: integer(value) for name, value in case["in"].items()}
    out: Any = case["out"]
    if "square" in expression or "sqrt" in expression:
        (number,) = given.values()
        _check_root(number, None if out is None or (isinstance(out, bool) and not out) else out)
        return
    if (match := _BINARY.fullmatch(expression)) is not None:
        left, right = (given[name] if name in given else int(name) for name in (match[1], match[3]))
        results = {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: left * FP.inverse(right),
            "^": lambda: pow(left, right, FP.modulus),
            "**": lambda: pow(left, right, FP.modulus),
        }
        result = results[match[2]]()
    elif expression.startswith("-") and expression[1:] in given:
        result = -given[expression[1:]]
    elif re.fullmatch(r"\w+(?:\^|\*\*)\(?-1\)?", expression):
        result = FP.inverse(given[re.split(r"\^|\*\*", expression)[0]])
    else:
        raise UnknownCase(expression)
    assert result % FP.modulus == integer(out)


def _check_root(number: int, out: Any) -> None:
    root = sqrt(number)
    if out is None:
        assert root is None
        assert not FP.is_square(number)
        return
    assert root is not None
    assert FP.is_square(number)
    assert root * root % FP.modulus == number % FP.modulus
    if not isinstance(out, bool):
        assert root in (integer(out), -integer(out) % FP.modulus)
