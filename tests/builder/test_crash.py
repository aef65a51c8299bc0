"""SIGKILL at random moments, while blocks are built, imported and taken off: whole blocks, and none lost.

A child works on a chain and says each block before it begins to make it the head ("begin"), and when that is done
("done"). It is killed after a random time. The head is then the last one that was done, or the one that was begun after
it. Then everything is checked, and the next child goes on with the same database.

`VERKLE_KILLS=500` says how often; a power failure cannot be tried here (spec/database.md, "Limits").
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from builder import maintenance, pages, scan
from builder.database import UNDO, Database
from builder.maintenance import check
from spec.codec import rlp
from spec.containers import NewPayloadRequest
from spec.types import Hash32
from tests.builder.chains import TOY, build, contents, new_chain, open_chain, put
from tests.builder.processes import Child

SEED = 9
KILLS = int(os.environ.get("VERKLE_KILLS", "25"))
LONGEST = 0.25
"""Seconds that a child lives at most."""
RETAINED = 12

Say = Callable[[Any], None]


def work(directory: Path, seed: str, say: Say) -> None:
    """Build, import and take off, for ever."""
    chain, rng = open_chain(directory), random.Random(seed)
    say(("open", rlp.block_hash(chain.head())))

    def import_again(request: NewPayloadRequest) -> None:
        act = partial(chain.import_block, request, proves=False)
        announced(say, request.execution_payload.block_hash, act)

    while True:
        what = rng.choice(["build", "build", "rewind", "rewind and import", "replace"])
        if what == "build":
            built = build(chain, rng)
            announced(say, built.request.execution_payload.block_hash, partial(put, chain, built))
        elif back := ancestors(chain, rng.randrange(1, 4)):
            target, requests = back[-1]
            if what == "replace":  # the oldest of them takes the place of all, in one batch
                import_again(requests[-1])
                continue
            announced(say, target, partial(chain.rewind, target))
            if what == "rewind and import":
                for request in reversed(requests):
                    import_again(request)


def worker(directory: Path, seed: str, say: Say, _hear: Callable[[], Any]) -> None:
    work(directory, seed, say)


def maker(directory: Path, say: Say, _hear: Callable[[], Any]) -> None:
    new_chain(directory, others=60)
    say("done")


def announced(say: Say, block_hash: Hash32, act: Callable[[], object]) -> None:
    say(("begin", bytes(block_hash)))
    act()
    say(("done", bytes(block_hash)))


def ancestors(chain: Any, count: int) -> list[tuple[Hash32, list[NewPayloadRequest]]]:
    """Of each of the last blocks' parents: its hash, and the blocks above it, the last one first.

    Blocks that cannot be taken off any more end the list: after going up and down again few are left that can.
    """
    found: list[tuple[Hash32, list[NewPayloadRequest]]] = []
    with chain.database.reader() as reader:
        header = chain.head(reader)
        requests: list[NewPayloadRequest] = []
        while len(found) < count and reader.get(UNDO, rlp.block_hash(header)) is not None:
            requests = [*requests, chain.block(reader, rlp.block_hash(header))]
            found.append((header.parent_hash, requests))
            header = chain.header(reader, header.parent_hash)
    return found


def test_killed_at_any_moment(tmp_path: Path) -> None:
    directory = tmp_path / "db"
    new_chain(directory, RETAINED, others=20).close()
    rng = random.Random(SEED)
    moments: Counter[str] = Counter()
    blocks = 0
    for kill in range(KILLS):
        child = Child(partial(worker, directory, f"{SEED} {kill}"))
        time.sleep(rng.random() * LONGEST)
        child.kill()
        words = child.heard()
        child.end()
        assert child.code == -9, f"kill {kill}: the child ended by itself, {child.code}"
        allowed = expected_heads(words)
        with Database(directory, write=False) as database:
            head = contents(database, [b"meta"])[b"meta"][b"head"]
        assert not allowed or head in allowed, f"kill {kill}: {head.hex()} after {words[-3:]}"
        moments[words[-1][0] if words else "before it was open"] += 1
        blocks += sum(word[0] == "done" for word in words)
        require_sound(directory, f"kill {kill}")
    print(f"{KILLS} kills, {blocks} batches done; killed after: {dict(moments)}")
    assert blocks > KILLS // 5
    assert len(moments) > 1
    assert check(directory, TOY).sound


def expected_heads(words: list[tuple[str, bytes]]) -> list[bytes]:
    """The heads that there may be after these words."""
    heads: list[bytes] = []
    for what, block_hash in words:
        heads = [*heads[-1:], block_hash] if what == "begin" else [block_hash]
    return heads


def require_sound(directory: Path, about: str) -> None:
    """What `check` does, in this process."""
    assert pages.look(directory, lambda _done, _of: None) is None, about
    words: list[scan.Word] = []
    scan.read_all(directory, 5, words.append)
    assert not [str(word) for word in words if isinstance(word, scan.Problem)], about
    with Database(directory, write=False) as database, database.reader() as reader:
        for problems in maintenance._checks(reader, TOY, None, lambda _stage, _done, _of: None):
            assert list(map(str, problems)) == [], about


@pytest.mark.parametrize("seed", range(12))
def test_killed_in_the_making(tmp_path: Path, seed: int) -> None:
    """There is a whole database, or none and it can be made."""
    rng = random.Random(seed)
    child = Child(partial(maker, tmp_path / "db"))
    time.sleep(rng.random() * 0.12)
    child.kill()
    words = child.heard()
    child.end()
    if not (tmp_path / "db" / "data.mdb").exists():
        assert not words
        new_chain(tmp_path / "db", others=60).close()
    assert check(tmp_path / "db", TOY).sound
    chain = open_chain(tmp_path / "db")
    assert chain.head().number == 0
    chain.close()
