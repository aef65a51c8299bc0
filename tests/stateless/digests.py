"""One digest of many blocks: what interpreters with different hash seeds must agree on.

python -m tests.stateless.digests COUNT
"""

import hashlib
import random
import sys
from typing import Any

from spec.params import VERKLE
from tests.stateless import programs
from tests.stateless.worlds import Block, World
from tests.toy_engine import ToyEngine
from verkle.engine import Engine


def scene(rng: random.Random, engine: Engine[Any]) -> tuple[World, Block]:
    """A world under `verkle`, and a block that is valid in it."""
    world = World.of(VERKLE, engine, programs.accounts(rng))
    return world, world.fill(programs.environment(rng), programs.drafts(rng), programs.withdrawals(rng))


def digest(count: int) -> str:
    """sha256 of everything that `count` blocks come to, in its order."""
    engine = ToyEngine()
    hashed = hashlib.sha256()
    for seed in range(count):
        world, block = scene(random.Random(seed), engine)
        run = world.run(block)
        hashed.update(repr((run.facts(), world.witness(run), world.after(run).tree.state_root())).encode())
    return hashed.hexdigest()


if __name__ == "__main__":
    print(digest(int(sys.argv[1])))
