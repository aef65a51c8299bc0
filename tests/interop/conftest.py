"""Where the vectors of other clients are. They are not part of the repository."""

import os
from pathlib import Path

import pytest

VARIABLE = "VERKLE_VECTORS"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of the vectors; the test is skipped where there is none."""
    directory = os.environ.get(VARIABLE)
    if not directory:
        pytest.skip(f"{VARIABLE} does not name the directory of the vectors")
    path = Path(directory)
    if not path.is_dir():
        pytest.fail(f"{VARIABLE} names {directory}, which is no directory")
    return path
