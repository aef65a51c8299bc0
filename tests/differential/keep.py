"""Writes tests/vectors/execution/sampled.jsonl: seeded cases with what EELS says of them, for tests that do without.

    python -m tests.differential.keep [COUNT]

Cases are taken in the order of their seeds, short ones only. Needs the peer `eels` (make peers, or EELS_PYTHON).
"""

import json
import random
import sys
from itertools import count, islice
from pathlib import Path
from typing import Final

from tests.bench.peers.client import Peer
from tests.differential.cases import case
from tests.differential.theirs import ask

DIRECTORY: Final = Path(__file__).resolve().parents[1] / "vectors" / "execution"
SAMPLED: Final = DIRECTORY / "sampled.jsonl"
LONGEST: Final = 8000
"""Characters of a case."""


def main(wanted: int) -> None:
    """Write so many cases."""
    DIRECTORY.mkdir(exist_ok=True)
    with Peer("eels") as peer, SAMPLED.open("w", encoding="ascii") as file:
        drawn = (case(random.Random(seed)) for seed in count())
        lines = (json.dumps({**one, "expected": ask(peer, one)}, separators=(",", ":")) for one in drawn)
        for line in islice((line for line in lines if len(line) <= LONGEST), wanted):
            file.write(line + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
