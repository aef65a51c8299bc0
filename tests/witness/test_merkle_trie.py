"""Roots of tries that are hashed once, against py-trie as it is: one entry set after the other."""

import random

import pytest
from trie.hexary import HexaryTrie

from spec.codec.rlp_items import encode_items, number
from spec.crypto import keccak256
from stateless.tries import EMPTY_TRIE_ROOT, ordered_root
from witness.merkle_trie import root_of

SEED = 2718


def one_by_one(entries: list[tuple[bytes, bytes]]) -> bytes:
    trie = HexaryTrie({})
    for key, value in entries:
        trie[key] = value
    return trie.root_hash


@pytest.mark.parametrize("count", [0, 1, 2, 3, 15, 16, 17, 126, 127, 128, 129, 130, 255, 256, 257, 300])
def test_lists_of_every_length(count: int) -> None:
    """Values shorter than a hash stand in their parent, longer ones do not."""
    rng = random.Random(f"{SEED} {count}")
    for sizes in ((1, 2, 3), (200, 300), (1, 31, 32, 33, 500)):
        items = [rng.randbytes(rng.choice(sizes)) for _ in range(count)]
        entries = [(encode_items(number(index)), item) for index, item in enumerate(items)]
        assert ordered_root(items) == one_by_one(entries)


def test_keys_of_every_shape() -> None:
    """Hashes; keys that are prefixes of each other; entries set twice, in any order."""
    rng = random.Random(SEED)
    for turn in range(60):
        entries: list[tuple[bytes, bytes]]
        if turn % 2:
            entries = [(keccak256(rng.randbytes(4)), rng.randbytes(rng.randrange(1, 60))) for _ in range(40)]
        else:
            stock = [bytes(rng.choice((0, 1, 16, 17)) for _ in range(rng.randrange(1, 5))) for _ in range(12)]
            entries = [(rng.choice(stock), rng.randbytes(rng.choice((1, 40)))) for _ in range(30)]
        assert root_of(entries) == one_by_one(entries)
        shuffled = list(dict(entries).items())
        rng.shuffle(shuffled)
        assert root_of(shuffled) == one_by_one(entries)


def test_nothing() -> None:
    assert ordered_root([]) == EMPTY_TRIE_ROOT
