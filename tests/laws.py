"""Laws, written once: what every field, every group engine and every tree must satisfy.

Each function raises AssertionError where its law does not hold.
"""

from collections.abc import Mapping, Sequence

import pytest

from spec.errors import DecodeError
from spec.types import StateRoot, Stem, TreeKey, Value
from verkle.engine import IDENTITY, Engine, P
from verkle.field import FR, PrimeField
from verkle.node import leaf_index, leaf_scalars, stem_scalar


def field_inverse(field: PrimeField, values: Sequence[int]) -> None:
    """a * (1/a) = 1, alone and in a batch; 0 has no inverse in either."""
    units = [a for a in values if a % field.modulus]
    assert [field.inverse(a) * a % field.modulus for a in units] == [1] * len(units)
    assert field.batch_inverse(units) == [field.inverse(a) for a in units]
    with pytest.raises(ZeroDivisionError):
        field.batch_inverse([*units, 0])


def field_encoding(field: PrimeField, a: int) -> None:
    """decode(encode(a)) = a in both byte orders; what is not canonical does not decode."""
    for order in ("little", "big"):
        assert field.decode(field.encode(a, order), order) == a
        with pytest.raises(DecodeError):
            field.decode((field.modulus + a % (2**256 - field.modulus)).to_bytes(32, order), order)
        with pytest.raises(DecodeError):
            field.decode(field.encode(a, order)[:-1], order)


def group(engine: Engine[P], a: int, b: int, point: P, other: P) -> None:
    """An abelian group of order r, seen through the engine's operations."""

    def same(left: P, right: P) -> bool:
        return engine.encode([left]) == engine.encode([right])

    (total,), (swapped,) = engine.add([point], [other]), engine.add([other], [point])
    assert same(total, swapped)
    assert same(engine.add([point], [engine.zero])[0], point)
    assert same(engine.msm([1, FR.modulus - 1], [point, point]), engine.zero)
    assert same(engine.msm([a, b], [point, point]), engine.msm([a + b], [point]))
    assert same(engine.msm([a, a], [point, other]), engine.msm([a], [total]))
    assert same(engine.msm([a], [engine.msm([b], [point])]), engine.msm([a * b], [point]))
    assert same(engine.msm([FR.modulus], [point]), engine.zero)
    assert same(engine.msm([], []), engine.zero)
    assert engine.encode([engine.zero]) == [IDENTITY]
    assert engine.to_scalars([engine.zero, engine.zero]) == [0, 0]
    assert engine.to_scalars([point, other]) == [*engine.to_scalars([point]), *engine.to_scalars([other])]


def group_encoding(engine: Engine[P], points: Sequence[P]) -> None:
    """decode(encode(p)) = p, with the same map to the scalar field."""
    encoded = engine.encode(points)
    decoded = engine.decode(encoded)
    assert engine.encode(decoded) == encoded
    assert engine.to_scalars(decoded) == engine.to_scalars(points)


def commitment(engine: Engine[P], row: Mapping[int, int], other: Mapping[int, int]) -> None:
    """Commitments are linear, and a row is the sum of its entries."""
    (left, right, both) = engine.commit([row.items(), other.items(), [*row.items(), *other.items()]])
    assert engine.encode(engine.add([left], [right])) == engine.encode([both])
    singles = engine.commit([[(index, 1)] for index in row])
    assert engine.encode([engine.msm(list(row.values()), singles)]) == engine.encode([left])


def defined_root(engine: Engine[P], values: Mapping[TreeKey, Value]) -> StateRoot:
    """The root as EIP-6800 defines it, from the whole set and with no tree: the slow, obvious twin of `Tree.update`."""
    stems: dict[Stem, dict[int, Value]] = {}
    for key, value in values.items():
        stems.setdefault(key.stem, {})[key.suffix] = value

    def stem_commitment(stem: Stem) -> P:
        rows: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for suffix, value in stems[stem].items():
            low, high = leaf_scalars(value)
            rows[suffix // 128].extend([(leaf_index(suffix), low), (leaf_index(suffix) + 1, high)])
        c1, c2 = engine.to_scalars(engine.commit(rows))
        return engine.commit([[(0, 1), (1, stem_scalar(stem)), (2, c1), (3, c2)]])[0]

    def internal_commitment(group: list[Stem], depth: int) -> P:
        row = []
        for index in range(256):
            below = [stem for stem in group if stem[depth] == index]
            if below:
                child = stem_commitment(below[0]) if len(below) == 1 else internal_commitment(below, depth + 1)
                row.append((index, engine.to_scalars([child])[0]))
        return engine.commit([row])[0]

    return StateRoot(engine.encode([internal_commitment(sorted(stems), 0)])[0])
