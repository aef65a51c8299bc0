"""Threads: the same results, whoever does the work."""

import random
from functools import partial
from typing import Any

import pytest

from accel import numba_engine, store, vectors
from accel.numba_engine import NumbaEngine
from accel.team import PIECES, Team
from spec.types import TreeKey, Value
from tests.accel.conftest import scalars
from tests.accel.test_proofs import LABEL, openings
from verkle import multiproof
from verkle.transcript import Transcript
from verkle.tree import Tree
from witness.proof import check, prove


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("count", "least"), [(0, 8), (1, 8), (16, 8), (17, 8), (1000, 8), (1000, 400), (256, 1)])
def test_parts_cover_all_rows_once(size: int, count: int, least: int) -> None:
    parts = Team(size).parts(count, least)
    assert [first for first, _ in parts] == [0, *(last for _, last in parts[:-1])]
    assert parts[-1][1] == count
    assert len(parts) <= PIECES * size
    assert all(first % 8 == 0 for first, _ in parts)


def test_results_come_in_the_order_of_the_calls() -> None:
    assert Team(3).each([lambda k=k: k * k for k in range(20)]) == [k * k for k in range(20)]  # type: ignore[misc]


def test_a_failure_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        Team(2).each([lambda: 1.0, lambda: 1 / 0])


def test_a_member_does_its_part_alone() -> None:
    """Work shared out inside of a part would wait for threads that wait for it."""
    team = Team(2)

    def part(k: int) -> tuple[int, list[int]]:
        return len(team.parts(1000, 8)), team.each([lambda j=j: j * k for j in range(5)])  # type: ignore[misc]

    assert team.each([partial(part, k) for k in range(6)]) == [(1, [j * k for j in range(5)]) for k in range(6)]
    assert len(team.parts(1000, 8)) == 2 * PIECES
    with team.by_itself():
        assert team.parts(1000, 8) == [(0, 1000)]
    assert len(team.parts(1000, 8)) == 2 * PIECES


@pytest.mark.parametrize("threads", [2, 3])
def test_trees_of_threads(fast: Any, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """New stems, stems replaced in part, both halves of one: in pieces of eight, columns and proofs are the same."""
    monkeypatch.setattr(store, "SHARED", 8)
    several = NumbaEngine(fast.name, fast.kernels, fast.vectors.kernels, threads=threads)
    rng = random.Random(100 + threads)
    stems = [rng.choice((b"", b"\x05", b"\x05\x06")) + rng.randbytes(29) for _ in range(150)]
    trees = [Tree.empty(engine) for engine in (fast, several)]
    written: set[TreeKey] = set()
    for count in (200, 60, 1, 90):
        keys = [TreeKey((rng.choice(stems) + bytes(31))[:31] + rng.randbytes(1)) for _ in range(count)]
        writes = {key: Value(rng.randbytes(32)) for key in keys}
        written |= set(writes)
        trees = [tree.update(writes) for tree in trees]
        assert trees[0].state_root() == trees[1].state_root()
    asked = rng.sample(sorted(written), 40)
    witnesses = [prove(tree, asked, markers=True) for tree in trees]
    assert witnesses[0] == witnesses[1]
    check(several, witnesses[1], trees[1].state_root(), markers=True)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(fast: Any, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees, proofs and every batch operation that is shared out, in pieces much smaller than usual."""
    for name in ("SHARED", "SHARED_ENTRIES", "SHARED_POINTS"):
        monkeypatch.setattr(numba_engine, name, 8)
    monkeypatch.setattr(vectors, "SHARED_OPENINGS", 2)
    several = NumbaEngine(fast.name, fast.kernels, fast.vectors.kernels, threads=threads)
    rng = random.Random(threads)
    rows = [[(rng.randrange(257), s) for s in scalars(rng, rng.choice([0, 1, 2, 5, 300]))] for _ in range(60)]
    points = fast.commit(rows)
    assert fast.encode(several.commit(rows)) == fast.encode(points)
    assert fast.encode(several.add(points, points)) == fast.encode(fast.add(points, points))
    assert several.to_scalars(points) == fast.to_scalars(points)
    numbers = scalars(rng, len(rows))
    assert fast.encode([several.msm(numbers, points)]) == fast.encode([fast.msm(numbers, points)])
    state = {TreeKey(rng.randbytes(32)): Value(rng.randbytes(32)) for _ in range(400)}
    assert Tree.empty(several).update(state).state_root() == Tree.empty(fast).update(state).state_root()
    proofs = [multiproof.prove(engine, Transcript(LABEL), *openings(engine, 100)) for engine in (fast, several)]
    assert proofs[0] == proofs[1]
    multiproof.verify(several, Transcript(LABEL), openings(several, 100)[0], proofs[0])
