"""What all tests share: settings of randomised tests, and engines (their tables are made once).

`--engine NAME` chooses the group engine of every test that asks for `engine`: any name that `accel.select` knows.
Without it that is plain Python, and where compiled engines are at hand, the longest tests take a part of their data
only: `make test` runs them in full with `--engine auto`. Nothing of `accel` is imported unless it is asked for.
"""

import os
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from spec.errors import EngineUnavailable
from tests.toy_engine import ToyEngine
from verkle.engine import Engine, ReferenceEngine

settings.register_profile(
    "seeded",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))

os.environ.setdefault("NUMBA_OPT", "1")  # as the commands have it (cli/engines.py)

ENGINE = pytest.StashKey[Engine[Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --engine."""
    parser.addoption("--engine", metavar="NAME", help="group engine, as accel.select names them")


def pytest_configure(config: pytest.Config) -> None:
    """Make the engine before any test runs: one that cannot run here is an error, never a skipped test."""
    name = config.getoption("--engine")
    if name in (None, ReferenceEngine.name):
        config.stash[ENGINE] = ReferenceEngine()
        return
    from accel.select import select  # noqa: PLC0415  (tests outside tests/accel do without it)

    try:
        config.stash[ENGINE] = select(name).engine
    except EngineUnavailable as reason:
        raise pytest.UsageError(f"--engine {name}: {reason}") from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which engine it is."""
    return f"engine: {config.stash[ENGINE].name}"


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine[Any]:
    """Banderwagon, in the engine that --engine names."""
    return request.config.stash[ENGINE]


@pytest.fixture(scope="session")
def in_full(request: pytest.FixtureRequest) -> bool:
    """Whether the longest tests take all of their data, or a part, chosen by their seed."""
    return request.config.getoption("--engine") is not None or not (find_spec("accel") and find_spec("numba"))


@pytest.fixture(scope="session")
def toy() -> ToyEngine:
    """The group in the clear, for tests of structure."""
    return ToyEngine()
