"""Kernels below the engine: field arithmetic at the edges of its bounds, layouts, table entries."""

import random
from typing import Any

import numpy as np
import pytest

from accel.limbs import RADIX_BITS, coordinates_of, integers_of, montgomery, point_words, words_of
from tests.accel.conftest import engine_called
from verkle import crs, curve
from verkle.curve import Point
from verkle.field import FP, FR

P, R = FP.modulus, 1 << RADIX_BITS
FULL = R - 1
FP_VALUES = [0, 1, 2, P - 1, P, P + 1, 2 * P - 1, 2 * P, 7 * P + 5, 35 * P, FULL, (1 << 208) - 1, 1 << 255]
FR_VALUES = [0, 1, 2, FR.modulus - 1, FR.modulus, 2 * FR.modulus - 1, 100 * FR.modulus + 3, FULL]


# ---------------------------------------------------------------- layouts


def test_words_and_integers() -> None:
    values = [0, 1, 2**64, 2**256 - 1, random.Random(1).randrange(2**256)]
    assert integers_of(words_of(values)) == values
    assert words_of([]).shape == (0, 4)


def test_points_and_coordinates() -> None:
    points = [k * Point.GENERATOR for k in (0, 1, 5, FR.modulus - 1)]
    listed = [point.coordinates for point in points]
    words = point_words(listed)
    assert words.shape == (4, 16)
    assert coordinates_of(words) == listed
    assert integers_of(words)[0::4] == [montgomery(x) for x, _, _, _ in listed]


# ---------------------------------------------------------------- eight lanes of limbs


def limbs(values: list[int]) -> Any:
    """Eight values as `store_raw` lays them out."""
    return np.array([value >> 52 * i & (1 << 52) - 1 for i in range(5) for value in values], dtype=np.uint64)


def of_limbs(raw: Any) -> list[int]:
    return [sum(int(raw[8 * i + lane]) << 52 * i for i in range(5)) for lane in range(8)]


@pytest.fixture(scope="module")
def ifma() -> Any:
    engine_called("numba-ifma")  # LLVM aborts the process where the CPU has no such instructions
    from accel import ifma  # noqa: PLC0415

    return ifma


def compiled(ifma: Any, *names: str) -> list[Any]:
    """A kernel around each binary intrinsic: (a, b, out)."""
    from numba import njit  # noqa: PLC0415

    load_raw, store_raw = ifma.load_raw, ifma.store_raw

    def wrap(operation: Any) -> Any:
        def run(a: Any, b: Any, out: Any) -> None:
            store_raw(out, 0, operation(load_raw(a, 0), load_raw(b, 0)))

        return njit(run)

    return [wrap(getattr(ifma, name)) for name in names]


def each_pair(run: Any, left: list[int], right: list[int]) -> list[tuple[int, int, int]]:
    """(a, b, result) of all pairs, eight in lanes."""
    pairs = [(a, b) for a in left for b in right]
    pairs += [pairs[-1]] * (-len(pairs) % 8)
    out, found = np.empty(40, np.uint64), []
    for i in range(0, len(pairs), 8):
        run(limbs([a for a, _ in pairs[i : i + 8]]), limbs([b for _, b in pairs[i : i + 8]]), out)
        found += [(a, b, value) for (a, b), value in zip(pairs[i : i + 8], of_limbs(out), strict=True)]
    return found


@pytest.mark.parametrize(("name", "modulus"), [("mul_fp", P), ("mul_fr", FR.modulus)])
def test_products_at_the_edges(ifma: Any, name: str, modulus: int) -> None:
    """Montgomery products of any two values that five limbs hold; inside (0, a b / R + m]."""
    (run,) = compiled(ifma, name)
    rng = random.Random(260)
    values = [*(FP_VALUES if modulus == P else FR_VALUES), *(rng.randrange(R) for _ in range(12))]
    inverse = pow(R, -1, modulus)
    for a, b, product in each_pair(run, values, values):
        assert (product - a * b * inverse) % modulus == 0
        assert 0 <= product <= a * b // R + modulus


def test_sums_at_the_edges(ifma: Any) -> None:
    add_fp, sub_fp, add_fr, sub_fr = compiled(ifma, "add_fp", "sub_fp", "add_fr", "sub_fr")
    rng, r = random.Random(52), FR.modulus
    for a, b, total in each_pair(add_fp, FP_VALUES[:10], [0, 1, P - 1]):
        assert total == a + b
    for a, b, left in each_pair(sub_fp, FP_VALUES[:9], [0, 1, P - 1, P, 4 * P]):
        assert left == a - b + 4 * P
    values = [0, 1, r - 1, r, 2 * r - 1, *(rng.randrange(2 * r) for _ in range(8))]
    for a, b, total in each_pair(add_fr, values, values):
        assert (total - a - b) % r == 0
        assert total < 2 * r
    for a, b, left in each_pair(sub_fr, values, values):
        assert (left - a + b) % r == 0
        assert left <= 2 * r


def test_canonical_forms_at_the_edges(ifma: Any) -> None:
    from numba import njit  # noqa: PLC0415

    load_raw, store_raw, canonical_fp, reduced_fp = ifma.load_raw, ifma.store_raw, ifma.canonical_fp, ifma.reduced_fp

    def plain(a: Any, canonical: Any, reduced: Any) -> None:
        store_raw(canonical, 0, canonical_fp(load_raw(a, 0)))
        store_raw(reduced, 0, reduced_fp(load_raw(a, 0)))

    run = njit(plain)
    edges = [k * P + offset for k in range(5) for offset in (-1, 0, 1) if 0 <= k * P + offset < 4 * P]
    edges += [0] * (-len(edges) % 8)
    canonical, reduced = np.empty(40, np.uint64), np.empty(40, np.uint64)
    for i in range(0, len(edges), 8):
        values = edges[i : i + 8]
        run(limbs(values), canonical, reduced)
        assert of_limbs(canonical) == [value % P for value in values]
        assert of_limbs(reduced) == [value - 2 * P if value >= 2 * P else value for value in values]


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("tables", [4, 32])
def test_table_entries_are_what_they_say(tables: int) -> None:
    """Window t of base i: entry k is k 2^(t 256 / tables) G_i as (x, y, d x y), entry 0 the identity."""
    kernels = engine_called("numba-ifma").kernels
    count = 8
    bases = point_words([point.coordinates for point in crs.generators()[:count]]).reshape(-1).copy()
    table = np.zeros(count * tables * kernels.WINDOW_WORDS, dtype=np.uint64)
    kernels.build_tables(bases, tables, table)
    entries = table.reshape(count, tables, kernels.HALF + 1, 3, 4)
    rng = random.Random(tables)
    for _ in range(40):
        i, t = rng.randrange(count), rng.choice([0, 1, tables - 1, rng.randrange(tables)])
        k = rng.choice([0, 1, 2, kernels.HALF - 1, kernels.HALF, rng.randrange(kernels.HALF)])
        x, y, dt = (value * pow(R, -1, P) % P for value in integers_of(entries[i, t, k]))
        assert all(value < P for value in integers_of(entries[i, t, k])), "canonical"
        expected = ((k << t * 256 // tables) % FR.modulus) * crs.generators()[i]
        ((ex, ey),) = curve.affine([expected.coordinates])
        assert dt == curve.D * x * y % P
        assert (x, y) in ((ex, ey), (-ex % P, -ey % P)), "of either representative"


@pytest.mark.parametrize("count", [1, 3, 8, 9])
def test_inverses_are_shared_correctly(count: int) -> None:
    """Coordinates with any Z give the affine ones; lanes that are not filled disturb nothing."""
    rng = random.Random(count)
    points = [rng.randrange(FR.modulus) * Point.GENERATOR for _ in range(count)]
    factors = [rng.choice([1, P - 1, rng.randrange(1, P)]) for _ in points]
    words = point_words(
        [
            (x * f % P, y * f % P, t * f % P, z * f % P)
            for f, (x, y, t, z) in zip(factors, (point.coordinates for point in points), strict=True)
        ]
    )
    from accel import ifma_maps  # noqa: PLC0415

    engine_called("numba-ifma")
    made = integers_of(ifma_maps.ratios(words, 2, True))
    assert list(zip(made[0::2], made[1::2], strict=True)) == curve.affine([point.coordinates for point in points])


@pytest.mark.parametrize("modulus", [P, FR.modulus])
def test_inverses_in_whole_words(modulus: int) -> None:
    engine_called("numba")
    from accel import inverse  # noqa: PLC0415

    rng = random.Random(62)
    known = inverse.constants(modulus)
    edges = [1, 2, 3, modulus - 1, modulus - 2, (modulus + 1) // 2, *(1 << k for k in range(0, 252, 31))]
    for value in [*edges, *(rng.randrange(1, modulus) for _ in range(500))]:
        words = words_of([value])[0].copy()
        inverse.invert_words(words, *known)
        (made,) = integers_of(words)
        assert made < modulus
        assert made * value % modulus == 1
    zero = words_of([0])[0].copy()
    inverse.invert_words(zero, *known)


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 2])
def test_ratios_at_multiples_of_the_order_are_reduced(offset: int) -> None:
    """X / Y at the edges of k r and p, in each lane of groups that are full and of one that is not."""
    kernels = engine_called("numba-ifma").kernels
    ratios = [(k * FR.modulus + offset) % P for k in range(6)] + [P - 1, 0, 1, (offset - 1) % P]
    rng = random.Random(offset)
    divisors = [rng.randrange(1, P) for _ in ratios]
    words = point_words([(x * y % P, y, 0, 1) for x, y in zip(ratios, divisors, strict=True)])
    assert integers_of(kernels.to_scalars(words)) == [x % FR.modulus for x in ratios]
