"""What all tests share: settings of randomised tests, and engines (their tables are made once)."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.toy_engine import ToyEngine
from verkle.engine import ReferenceEngine

settings.register_profile(
    "seeded",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))


@pytest.fixture(scope="session")
def engine() -> ReferenceEngine:
    """Banderwagon in plain Python."""
    return ReferenceEngine()


@pytest.fixture(scope="session")
def toy() -> ToyEngine:
    """The group in the clear, for tests of structure."""
    return ToyEngine()
