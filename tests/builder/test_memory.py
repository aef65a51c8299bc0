"""Memory stays bounded however large the state: nodes are read when they are needed, and let go with the block.

Every record that is read is counted on its way (nothing is replaced), and every node that is alive is found by the
garbage collector, so a cache of any kind anywhere would be seen.
"""

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.build import Attributes, Built, build_block
from builder.chain import Chain
from builder.database import LEAVES, NODES, PREIMAGES, STEMS, Database, Reader
from builder.maintenance import Statistics, statistics
from builder.stored_tree import DatabaseChildren, StoredLeaves
from cli import synthetic
from spec.params import VERKLE
from stateless.transition import Signed
from stateless.tree_view import TreeKeys
from tests.builder.chains import TOY
from verkle.node import Half, InternalNode, StemNode
from verkle.tree import Tree

SIZES = (1000, 20_000)
TRANSACTIONS = 50
SUCCESSIVE = 30
"""Blocks, each of other senders."""
OF_EACH = 8
"""Transactions of each of these."""
SETTLED = 5
"""Blocks after which everything is loaded that is loaded once."""
MOST_KEPT = 1 << 16
"""Bytes that may be left by the 25 blocks after these, all together: less than the values of one block's stems."""
OF_A_TREE = (Tree, InternalNode, StemNode, Half, DatabaseChildren, StoredLeaves)


@dataclass(frozen=True)
class Large:
    """A database of many accounts, and transactions all over it: one a sender."""

    directory: Path
    numbers: Statistics
    transactions: list[Signed]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Large]:
    made = {}
    for accounts in SIZES:
        state = synthetic.state(accounts)
        directory = tmp_path_factory.mktemp("memory") / str(accounts)
        Chain.create(directory, state.genesis, VERKLE, TOY).close()
        with Database(directory, write=False) as database:
            made[accounts] = Large(directory, statistics(database), synthetic.transactions(state, lambda _: 0))
    return made


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[bytes]]:
    """How many records are read inside, by table: one by one, or in passing."""
    reads: Counter[bytes] = Counter()
    one, all_of = Reader.sealed, Reader.sealed_items

    def sealed(self: Reader, table: bytes, key: bytes) -> bytes | None:
        reads[table] += 1
        return one(self, table, key)

    def sealed_items(self: Reader, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        for item in all_of(self, table):
            reads[table] += 1
            yield item

    with monkeypatch.context() as patched:
        patched.setattr(Reader, "sealed", sealed)
        patched.setattr(Reader, "sealed_items", sealed_items)
        yield reads


def touched(chain: Chain[Any], built: Built) -> set[bytes]:
    """Every stem that the block read or wrote."""
    assert built.finished.witness is not None
    return {bytes(key.stem) for key, _ in built.finished.witness.locations()} | set(
        built.finished.batch.changes[LEAVES]
    )


def test_opening_reads_a_handful(databases: Mapping[int, Large], monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for large in databases.values():
        with counted(monkeypatch) as reads, Database(large.directory, write=True) as database:
            Chain(database, TOY).head()
        assert not set(reads) & {LEAVES, STEMS, NODES, PREIMAGES}
        found.append(reads.total())
    assert found[0] == found[1] < 10


def test_a_block_reads_what_it_touches(databases: Mapping[int, Large], monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and commitments of touched stems, nodes on their paths; the twentyfold state costs one level at most."""
    for accounts, large in databases.items():
        with Database(large.directory, write=False) as database:
            chain: Chain[Any] = Chain(database, TOY)
            with counted(monkeypatch) as reads:
                built = build_block(chain, large.transactions[:TRANSACTIONS], Attributes(), strict=True)
            stems = touched(chain, built)
        depth = max(large.numbers.stems_by_depth)
        state = {table.name: table.records for table in large.numbers.tables}
        print(f"{accounts} accounts: {len(stems)} stems touched, {depth} levels, read: {dict(reads)}, of {state}")
        assert len(built.transactions) == TRANSACTIONS < len(stems)
        assert 0 < reads[NODES] <= len(stems) * depth
        assert 0 < reads[STEMS] <= len(stems)
        assert 0 < reads[LEAVES] <= 2 * len(stems)
        assert reads.keys() <= {LEAVES, STEMS, NODES, b"meta", b"headers"}
        if accounts == SIZES[-1]:
            assert reads.total() < (state["leaves"] + state["stems"] + state["nodes"]) // 20


def alive() -> Counter[str]:
    """What there is of trees, anywhere in the process."""
    gc.collect()
    kinds = map(type, gc.get_objects())  # not isinstance: it would ask weak references for what is gone
    return Counter(kind.__name__ for kind in kinds if issubclass(kind, OF_A_TREE))


def test_nothing_is_left_of_a_block(databases: Mapping[int, Large]) -> None:
    """Thirty blocks of other stems each: no node of any is left, and the memory is that of the first ones.

    What a chain remembers by design, up to 65,536 stems that were derived (`TreeKeys`), is kept small here.
    """
    large = databases[SIZES[-1]]
    before = alive()
    seen: set[bytes] = set()
    kept: list[int] = []
    peaks: list[int] = []
    with Database(large.directory, write=True) as database:
        chain: Chain[Any] = Chain(database, TOY)
        chain.keys = TreeKeys(TOY, VERKLE, remembered=16)  # type: ignore[misc]
        tracemalloc.start()
        try:
            for number in range(SUCCESSIVE):
                some = large.transactions[number * OF_EACH : (number + 1) * OF_EACH]
                tracemalloc.reset_peak()
                built = build_block(chain, some, Attributes(), strict=True)
                chain.put(built.request, built.header, built.finished)
                peaks.append(tracemalloc.get_traced_memory()[1])
                stems = touched(chain, built)
                assert len(built.transactions) == OF_EACH
                assert len(stems - seen) > OF_EACH
                if not number:
                    assert alive() - before, "a block that is held holds nodes, so they would be found"
                del built, some
                gc.collect()
                if number % 5 == 0 or number == SUCCESSIVE - 1:
                    assert not alive() - before, f"after block {number + 1}"
                kept.append(tracemalloc.get_traced_memory()[0] - size_of(seen := seen | stems))
        finally:
            tracemalloc.stop()
    print(f"{len(seen)} stems; bytes that are kept {kept}, at most {peaks}")
    assert max(kept[SETTLED:]) - kept[SETTLED] < MOST_KEPT
    assert max(peaks[SETTLED:]) < 1.5 * max(peaks[:SETTLED])


def size_of(stems: set[bytes]) -> int:
    return sys.getsizeof(stems) + sum(map(sys.getsizeof, stems))
