"""Every compiled engine against the laws, and against the reference engine byte for byte."""

import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel import numba_engine
from accel.numba_engine import NumbaEngine
from spec.errors import DecodeError
from tests import laws
from tests.accel.conftest import COMPILED, EDGES, REFERENCE, as_element, engine_called, scalars
from verkle import curve
from verkle.curve import Point
from verkle.engine import Q_INDEX
from verkle.field import FP, FR

SCALARS = st.sampled_from(EDGES) | st.integers(0, FR.modulus - 1)
INDICES = st.sampled_from([0, 1, 255, Q_INDEX]) | st.integers(0, Q_INDEX)
ROWS = st.lists(st.lists(st.tuples(INDICES, SCALARS), max_size=6), max_size=20)
EVERY_ENGINE = pytest.mark.parametrize("name", COMPILED)
SIZES = (0, 1, 2, 5, 255, 256, 257, 1000)
BATCHES = (0, 1, 7, 8, 9, 17)


def same_points(fast: Any, made: Sequence[Any], expected: list[Point]) -> None:
    """Equal encodings and equal maps to the scalar field."""
    assert fast.encode(made) == REFERENCE.encode(expected)
    assert fast.to_scalars(made) == REFERENCE.to_scalars(expected)


def pairs_of_points(fast: Any, rng: random.Random, count: int) -> tuple[list[bytes], list[Point]]:
    """The same points for both engines: random ones with any Z, opposite ones, repeated ones, and both identities."""
    points: list[Point] = []
    for _ in range(count):
        kind = rng.randrange(6) if points else 5
        previous = rng.choice(points) if points else Point.IDENTITY
        if kind < 2:
            points.append(previous if kind else -previous)
        elif kind == 2:
            points.append(Point.IDENTITY if rng.random() < 0.5 else Point.from_coordinates((0, FP.modulus - 1, 0, 1)))
        else:
            points.append(REFERENCE.commit([[(rng.randrange(257), rng.randrange(FR.modulus))]])[0])
    return [as_element(point, rng.randrange(1, FP.modulus)) for point in points], points


# ---------------------------------------------------------------- laws


@EVERY_ENGINE
@given(SCALARS, SCALARS, SCALARS, SCALARS)
@settings(max_examples=60)
def test_group_laws(name: str, a: int, b: int, k: int, m: int) -> None:
    fast = engine_called(name)
    laws.group(fast, a, b, fast.msm([k], [fast.q]), fast.commit([[(3, m)]])[0])


@EVERY_ENGINE
@given(st.lists(SCALARS, min_size=1, max_size=20))
@settings(max_examples=40)
def test_encodings_round_trip(name: str, listed: list[int]) -> None:
    fast = engine_called(name)
    laws.group_encoding(fast, [fast.msm([scalar], [fast.q]) for scalar in listed])


@EVERY_ENGINE
@given(st.dictionaries(INDICES, SCALARS, max_size=12), st.dictionaries(INDICES, SCALARS, max_size=12))
@settings(max_examples=40)
def test_commitments_are_linear(name: str, row: dict[int, int], other: dict[int, int]) -> None:
    laws.commitment(engine_called(name), row, other)


# ---------------------------------------------------------------- commitments


@EVERY_ENGINE
@given(ROWS)
@settings(max_examples=25)
def test_sparse_rows(name: str, rows: list[list[tuple[int, int]]]) -> None:
    fast = engine_called(name)
    same_points(fast, fast.commit(rows), REFERENCE.commit(rows))


@pytest.mark.parametrize("size", SIZES)
def test_rows_of_any_size(fast: Any, size: int) -> None:
    """Indices repeat, scalars are given unreduced and negative too, and zeros are among them."""
    rng = random.Random(size)
    row = [(rng.randrange(257), scalar) for scalar in scalars(rng, size)]
    shifted = [(index, scalar + rng.choice([-1, 0, 1, 5]) * FR.modulus) for index, scalar in row]
    rows = [row, shifted, [], [(7, 0)], list(enumerate(scalars(rng, 256)))]
    same_points(fast, fast.commit(rows), REFERENCE.commit(rows))
    same_points(fast, fast.commit([iter(row)]), REFERENCE.commit([row]))


@pytest.mark.parametrize("count", BATCHES)
def test_batches_of_rows(fast: Any, count: int) -> None:
    rng = random.Random(count)
    rows = [
        [(rng.randrange(257), scalar) for scalar in scalars(rng, rng.choice([0, 1, 2, 5, 33]))] for _ in range(count)
    ]
    same_points(fast, fast.commit(rows), REFERENCE.commit(rows))


@pytest.mark.parametrize(
    "scalar", [*EDGES, 0x80, 0x7F, 2**255 - 1, 0x80 << 240, int("80" * 31, 16), int("7f" * 31, 16)]
)
def test_one_scalar_at_the_edges(fast: Any, scalar: int) -> None:
    rows = [[(index, scalar)] for index in (0, 1, 100, 255, 256)]
    same_points(fast, fast.commit(rows), REFERENCE.commit(rows))


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_vectors_are_dense_rows(fast: Any, count: int) -> None:
    rng = random.Random(count)
    listed = [scalars(rng, 256) for _ in range(count)]
    listed[0] = [0] * 256
    along_q = scalars(rng, count)
    made = fast.commit_vectors([fast.vectors.of(values) for values in listed], along_q)
    same_points(fast, made, REFERENCE.commit_vectors(listed, along_q))


def test_no_vectors(fast: Any) -> None:
    assert len(fast.commit_vectors([], [])) == 0
    assert len(fast.commit([])) == 0


def _another(fast: Any, memory: int | None = None) -> NumbaEngine:
    """A fresh engine on the same kernels."""
    made = (fast.name, fast.kernels, fast.vectors.kernels)
    return NumbaEngine(*made) if memory is None else NumbaEngine(*made, memory)


def test_large_and_small_tables_agree(fast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The large table is made when enough entries went by, and only below the memory ceiling."""
    monkeypatch.setattr(numba_engine, "LARGE_AFTER", 10)
    rng = random.Random(101)
    rows = [[(rng.randrange(257), scalar) for scalar in scalars(rng, rng.choice([1, 2, 5]))] for _ in range(40)]
    rows.append(list(enumerate(scalars(rng, 256))))
    large, small = _another(fast), _another(fast, memory=0)
    before = large.table_bytes()
    assert before == small.table_bytes()
    for _ in range(3):
        same_points(fast, large.commit(rows), REFERENCE.commit(rows))
        same_points(fast, small.commit(rows), REFERENCE.commit(rows))
    assert large.table_bytes() > before
    assert small.table_bytes() == before
    assert large.table_bytes() <= large.memory


# ---------------------------------------------------------------- free points


@pytest.mark.parametrize("size", SIZES)
def test_free_multiplication(fast: Any, size: int) -> None:
    """Repeated and opposite points, the identity's two representatives, edge scalars."""
    rng = random.Random(size)
    elements, points = pairs_of_points(fast, rng, size)
    factors = scalars(rng, size)
    same_points(fast, [fast.msm(factors, elements)], [REFERENCE.msm(factors, points)])


@pytest.mark.parametrize("scalar", EDGES)
def test_free_multiplication_by_the_definition(fast: Any, scalar: int) -> None:
    point = 3 * Point.GENERATOR
    for terms in ([(scalar, 1)], [(scalar, 1), (FR.modulus - scalar, 1)], [(scalar + FR.modulus, 1), (-scalar, 5)]):
        made = fast.msm([s for s, _ in terms], [as_element(k * point) for _, k in terms])
        same_points(fast, [made], [sum((s * (k * point) for s, k in terms), Point.IDENTITY)])


def test_lengths_must_agree(fast: Any) -> None:
    with pytest.raises(ValueError, match="2 scalars for 1 points"):
        fast.msm([1, 2], [fast.q])
    with pytest.raises(ValueError, match="1 points for 2 points"):
        fast.add([fast.q], [fast.q, fast.q])


@pytest.mark.parametrize("count", [*BATCHES, 100])
def test_batches_of_points(fast: Any, count: int) -> None:
    rng = random.Random(count)
    left, left_points = pairs_of_points(fast, rng, count)
    right, right_points = pairs_of_points(fast, rng, count)
    same_points(fast, left, left_points)
    same_points(fast, fast.add(left, right), REFERENCE.add(left_points, right_points))
    same_points(fast, fast.add(left, left), REFERENCE.add(left_points, left_points))
    negative = [as_element(-point) for point in left_points]
    assert fast.encode(fast.add(left, negative)) == [bytes(32)] * count


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize("count", [*BATCHES, 256])
def test_decoding_inverts_encoding(fast: Any, count: int) -> None:
    _, points = pairs_of_points(fast, random.Random(count), count)
    encoded = REFERENCE.encode(points)
    same_points(fast, fast.decode(encoded), points)


def test_both_representatives_are_one_element(fast: Any) -> None:
    rng = random.Random(2)
    for _ in range(20):
        point = rng.randrange(FR.modulus) * Point.GENERATOR
        x, y, t, z = point.coordinates
        twin = Point.from_coordinates((-x % FP.modulus, -y % FP.modulus, t, z))
        same_points(fast, [as_element(point), as_element(twin)], [point, point])


def _verdict(engine: Any, encoded: list[bytes]) -> str | list[int]:
    """The map of what decodes, or the words of the refusal."""
    try:
        return list(engine.to_scalars(engine.decode(encoded)))
    except DecodeError as error:
        return str(error)


@EVERY_ENGINE
@given(st.lists(st.binary(min_size=32, max_size=32).map(lambda data: bytes([data[0] & 0x7F]) + data[1:]), max_size=4))
@settings(max_examples=300)
def test_random_bytes_get_the_same_verdict(name: str, encoded: list[bytes]) -> None:
    assert _verdict(engine_called(name), encoded) == _verdict(REFERENCE, encoded)


def test_every_kind_of_fault_gets_the_same_words(fast: Any) -> None:
    good = REFERENCE.encode([Point.GENERATOR, Point.IDENTITY])
    off = [x.to_bytes(32, "big") for x in range(1, 60)]
    bad = [
        FP.modulus.to_bytes(32, "big"),
        (FP.modulus - 1).to_bytes(32, "big"),
        b"\xff" * 32,
        good[0][:-1],
        good[0] + b"\0",
        b"",
        *off,
    ]
    words = set()
    for data in bad:
        for encoded in ([data], [*good, data], [data, *good], [*good * 5, data, *good, data]):
            verdict = _verdict(REFERENCE, encoded)
            assert _verdict(fast, encoded) == verdict
            words.add(str(verdict).partition(": ")[2])
    assert len(words) >= 4, "both faults of the curve, the length, and what is not canonical"


def test_the_kernels_verdict_on_many(fast: Any) -> None:
    """A quarter of all x below p are encodings: the fast verdict is the slow one on two thousand."""
    rng = random.Random(2000)
    listed = [rng.randrange(FP.modulus).to_bytes(32, "big") for _ in range(2000)]
    verdicts = []
    for data in listed:
        try:
            curve.decode([data])
            verdicts.append(True)
        except DecodeError:
            verdicts.append(False)
    for start in range(0, len(listed), 17):
        batch, expected = listed[start : start + 17], verdicts[start : start + 17]
        if all(expected):
            fast.decode(batch)
            continue
        with pytest.raises(DecodeError) as refusal:
            fast.decode(batch)
        assert refusal.value.where == f"[{expected.index(False)}]"
    valid = [data for data, verdict in zip(listed, verdicts, strict=True) if verdict]
    assert len(valid) > 300
    same_points(fast, fast.decode(valid), REFERENCE.decode(valid))


# ---------------------------------------------------------------- threads


def test_threads_may_share_an_engine(fast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads at once, through the making of the large table, get what one gets alone."""
    monkeypatch.setattr(numba_engine, "LARGE_AFTER", 500)
    shared = _another(fast)

    def work(seed: int) -> list[bytes]:
        rng = random.Random(seed)
        out: list[bytes] = []
        for _ in range(12):
            rows = [[(rng.randrange(257), scalar) for scalar in scalars(rng, 3)] for _ in range(50)]
            points = shared.commit(rows)
            out += shared.encode(shared.add(points, shared.decode(shared.encode(points))))
            out += shared.encode([shared.msm(scalars(rng, 50), points)])
            vector = shared.vectors.of(scalars(rng, 256))
            out += shared.encode(shared.commit_vectors([vector], [1]))
            out += [value.to_bytes(32, "little") for value in shared.to_scalars(points)]
        return out

    results: dict[int, list[bytes]] = {}
    threads = [threading.Thread(target=lambda seed=seed: results.update({seed: work(seed)})) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {seed: work(seed) for seed in (1, 2)}
