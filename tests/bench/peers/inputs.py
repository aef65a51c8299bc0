"""What is asked of a peer, and the inputs that follow from a seed: the same numbers in every language.

    word(seed, stream, index)   = SHA-256(u64le(seed) || u64le(stream * 2^32 + index))
    scalar(seed, stream, index) = int_le(word) mod r
    choice(..., bound)          = int_le(word[:8]) mod bound

README.md beside this file defines the cases.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from spec.types import TreeKey, Value
from verkle.field import FR

LABEL: Final = b"verkle"
"""What the transcripts of ipa and multiproof cases begin with: the one label that all peers know."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run. Peers keep the last scenario's preparation, so asking again costs no more than the run."""

    case: str
    seed: int = 0
    """Below 2^53, which is as far as JavaScript counts."""
    size: int = 0
    count: int = 0
    entries: bytes | None = None
    """Key || value of each leaf, in place of random ones."""
    queries: bytes | None = None
    """The keys to prove."""
    writes: bytes | None = None
    """Key || value of each leaf that changes after the proof."""
    proof: bytes | None = None
    """The proof to verify, in place of one's own."""
    witness: bytes | None = None
    """The witness to verify, as JSON text, in place of one's own."""
    root: bytes | None = None
    """The root that the witness belongs to."""
    block: bytes | None = None
    """The block to execute, as JSON text."""

    def request(self) -> dict[str, object]:
        """The members of a request that say what is run."""
        members = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in members.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    seconds: tuple[float, ...]
    """Of each repetition; the first one may have to warm up."""
    output: bytes | None
    """The result of the last repetition, where it was asked for."""
    unit_count: int
    """How many points, openings, leaves or keys one repetition deals with."""


def word(seed: int, stream: int, index: int) -> bytes:
    """Random 32 bytes."""
    return hashlib.sha256(seed.to_bytes(8, "little") + ((stream << 32) + index).to_bytes(8, "little")).digest()


def words(seed: int, stream: int, count: int) -> list[bytes]:
    """The first words of a stream."""
    return [word(seed, stream, index) for index in range(count)]


def scalar(seed: int, stream: int, index: int) -> int:
    """A random element of Fr."""
    return FR.from_bytes_mod_order(word(seed, stream, index), "little")


def scalars(seed: int, stream: int, count: int) -> list[int]:
    """The first scalars of a stream."""
    return [scalar(seed, stream, index) for index in range(count)]


def choice(seed: int, stream: int, index: int, bound: int) -> int:
    """A random number in [0, bound)."""
    return int.from_bytes(word(seed, stream, index)[:8], "little") % bound


def random_key(seed: int, index: int) -> TreeKey:
    """The key of a leaf of the random tree."""
    return TreeKey(word(seed, 0, index))


def entries_of(scenario: Scenario) -> dict[TreeKey, Value]:
    """The leaves of the scenario's tree."""
    if scenario.entries is not None:
        return parse_entries(scenario.entries)
    return {random_key(scenario.seed, k): Value(word(scenario.seed, 1, k)) for k in range(scenario.size)}


def queries_of(scenario: Scenario) -> list[TreeKey]:
    """The keys that the scenario proves: given ones, or leaves of the random tree at even distances."""
    if scenario.queries is not None:
        return [TreeKey(scenario.queries[i : i + 32]) for i in range(0, len(scenario.queries), 32)]
    if not 1 <= scenario.count <= scenario.size:
        raise ValueError("count must be in 1..size")
    distance = scenario.size // scenario.count
    return [random_key(scenario.seed, j * distance) for j in range(scenario.count)]


def update_of(scenario: Scenario, run: int) -> dict[TreeKey, Value]:
    """What the `run`-th run of tree-update (from 0) writes; where a leaf occurs twice, the last write stands."""
    seed, count = scenario.seed, scenario.count
    numbers = range(run * count, (run + 1) * count)
    return {random_key(seed, choice(seed, 2, j, scenario.size)): Value(word(seed, 3, j)) for j in numbers}


def parse_entries(data: bytes) -> dict[TreeKey, Value]:
    """Leaves from the form that requests hold."""
    return {TreeKey(data[i : i + 32]): Value(data[i + 32 : i + 64]) for i in range(0, len(data), 64)}


def join_entries(entries: Mapping[TreeKey, Value]) -> bytes:
    """Leaves in the form that requests hold."""
    return b"".join(key + value for key, value in entries.items())


def join(parts: Sequence[bytes]) -> bytes:
    """Bytes one after the other."""
    return b"".join(parts)
