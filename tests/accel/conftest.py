"""Engines under test, each made once, and how a test says that one cannot run here."""

import random
from functools import cache
from typing import Any

import pytest

from accel.limbs import point_words
from accel.select import NAMES, select
from spec.errors import EngineUnavailable
from verkle.curve import Point
from verkle.engine import Engine, ReferenceEngine
from verkle.field import FR

COMPILED = [name for name in NAMES if name not in ("auto", "python")]
EDGES = (0, 1, 2, 2**64 - 1, 2**128, FR.modulus // 2, FR.modulus - 2, FR.modulus - 1)
REFERENCE = ReferenceEngine()


@cache
def _select(name: str) -> Engine[Any] | str:
    try:
        return select(name).engine
    except EngineUnavailable as reason:
        return str(reason)


def engine_called(name: str) -> Any:
    """The engine of this name; the test is skipped where it cannot run, with the reason."""
    found = _select(name)
    if isinstance(found, str):
        pytest.skip(f"{name}: {found}")
    return found


@pytest.fixture(scope="session", params=COMPILED)
def fast(request: pytest.FixtureRequest) -> Any:
    """Every compiled engine in turn."""
    return engine_called(request.param)


def scalars(rng: random.Random, count: int) -> list[int]:
    """Random scalars with the edges among them."""
    return [rng.choice(EDGES) if rng.random() < 0.2 else rng.randrange(FR.modulus) for _ in range(count)]


def as_element(point: Point, factor: int = 1) -> bytes:
    """The compiled engines' element with the coordinates of `point`, all multiplied by `factor`."""
    x, y, t, z = point.coordinates
    return point_words([(x * factor, y * factor, t * factor, z * factor)]).tobytes()
