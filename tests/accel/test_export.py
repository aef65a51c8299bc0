"""Columns out of arrays: byte for byte what the definition makes, also where rows are alike."""

import random
from itertools import pairwise
from typing import Any

import numpy as np

from accel.export import LONG, _Distinct, _first_of
from spec.types import TreeKey, Value
from tests.verkle.test_packed import packed, some_leaves
from verkle.packed import defined_nodes, nodes_of

SEED = 4096


def test_the_twin(fast: Any) -> None:
    rng = random.Random(SEED)
    for stems in (1, 2, 3, 40, 700):
        leaves = packed(some_leaves(rng, stems))
        assert nodes_of(fast, leaves) == defined_nodes(fast, leaves)


def test_one_stem_full(fast: Any) -> None:
    rng = random.Random(SEED)
    stem = rng.randbytes(31)
    leaves = packed({TreeKey.at(stem, suffix): Value(rng.randbytes(32)) for suffix in range(256)})
    assert nodes_of(fast, leaves) == defined_nodes(fast, leaves)


def rows(rng: random.Random, count: int) -> tuple[Any, Any, Any]:
    """Rows, long and short, with copies and near copies among them."""
    listed: list[list[tuple[int, int]]] = []
    for _ in range(count):
        size = rng.choice([0, 1, LONG - 1, LONG, LONG + 1, 60])
        row = [(rng.randrange(257), rng.getrandbits(252)) for _ in range(size)]
        if listed and rng.random() < 0.6:
            row = list(rng.choice(listed))
            if row and rng.random() < 0.4:
                place = rng.randrange(len(row))
                index, value = row[place]
                row[place] = rng.choice([(index ^ 1, value), (index, value ^ 1 << rng.randrange(250))])
        listed.append(row)
    starts = np.cumsum([0, *map(len, listed)]).astype(np.int64)
    entries = [entry for row in listed for entry in row]
    indices = np.array([index for index, _ in entries], dtype=np.int64)
    words = b"".join(value.to_bytes(32, "little") for _, value in entries)
    return starts, indices, np.frombuffer(bytearray(words), dtype=np.uint64).reshape(-1, 4)


def test_rows_that_are_alike(fast: Any) -> None:
    """Long rows that are equal, and only they, are committed to once; every row gets its own commitment."""
    rng = random.Random(SEED)
    once = 0
    for count in (1, 2, 30, 80):
        starts, indices, scalars = rows(rng, count)
        contents = [(indices[a:b].tobytes(), scalars[a:b].tobytes()) for a, b in pairwise(starts.tolist())]
        for row, first in enumerate(_first_of(starts, indices, scalars).tolist()):
            assert contents[row] == contents[first]
            if starts[row + 1] - starts[row] >= LONG:
                assert first == contents.index(contents[row])
            once += row != first
        wanted = fast.kernels.encode(fast.commit_arrays(starts, indices, scalars))
        assert (fast.kernels.encode(_Distinct(fast).commit_arrays(starts, indices, scalars)) == wanted).all()
    assert once > 10
