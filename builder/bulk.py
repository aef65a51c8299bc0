"""The records of a whole state, made part by part: no tree is ever whole in memory, and parts can be made side by side.

What stands below one first byte of the stems depends on nothing else. So a state is cut there into *parts*; each yields
its records and the links of the root to it, and at the end the root is one commitment to 256 scalars.

    Places         address and tree_index of stems to be derived   ->  Derived
    Part           stems with what they hold                       ->  Made
    parts          parts of a good size, from all stems
    Maker          a function of both kinds of job, on one engine
    Maker.in_turn  does jobs in this process; a pool of processes can do them in the same order

Twin: `stored_tree.changed`, node by node.

Source: EIP-6800, "Verkle tree definition"; the records: spec/database.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeAlias

from builder.database import LEAVES, NODES, PREIMAGES, STEMS
from builder.records import BITMAP_BYTES, Commitment, Link, encode_internal, encode_link, node_key, sealed_all
from spec.params import KeyHash
from spec.types import StateRoot, Stem
from verkle.embedding import stems
from verkle.engine import Engine
from verkle.packed import COMMITMENT_BYTES, STEM_NODE_BYTES, PackedLeaves, PackedNodes, nodes_of

PART_BYTES: Final = 2 << 20
"""Values of one part, at least: it ends at the next first byte."""

Sealed: TypeAlias = tuple[bytes, bytes]
"""A key, and a record with its checksum."""


class Places(NamedTuple):
    """Stems to derive."""

    key_hash: KeyHash
    places: list[tuple[bytes, int]]
    """(address32, tree_index)."""


class Part(NamedTuple):
    """All stems with certain first bytes, ascending."""

    stems: Sequence[bytes]
    values: Sequence[bytes]
    """By stem, as `records.encode_values` has them."""
    preimages: Sequence[bytes]
    """By stem; or none at all, where they are stored by someone else."""


class Made(NamedTuple):
    """What a part comes to."""

    records: dict[bytes, list[Sealed]]
    """By table; of leaves, stems and preimages in ascending order."""
    links: list[tuple[int, Link]]
    """The root's links to it."""


Job: TypeAlias = Places | Part
Result: TypeAlias = Any
"""A list of stems for `Places`, `Made` for a `Part`. (A process hands back whatever it was told to.)"""
Run: TypeAlias = Callable[[Iterator[Job]], Iterator[Result]]
"""Does jobs, and yields their results in order."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Does a job."""

    engine: Engine[Any]

    def __call__(self, job: Job) -> Result:
        """The result."""
        if isinstance(job, Places):
            return list(map(bytes, stems(self.engine, job.key_hash, job.places)))
        return made(self.engine, job)

    def in_turn(self, jobs: Iterator[Job]) -> Iterator[Result]:
        """Do jobs here, one after the other."""
        return map(self, jobs)


Entry: TypeAlias = tuple[bytes, bytes, bytes] | tuple[bytes, bytes]
"""A stem, its values, and perhaps its preimage."""


def parts(runs: Iterable[Sequence[Entry]]) -> Iterator[Part]:
    """Parts from runs of entries, each all that there are of one first byte (or none), ascending."""
    held: list[Entry] = []
    size = 0
    for run in runs:
        held += run
        size += sum([len(entry[1]) for entry in run])
        if size >= PART_BYTES:
            yield _part(held)
            held, size = [], 0
    if held:
        yield _part(held)


def _part(entries: Sequence[Entry]) -> Part:
    stems, values, *preimages = zip(*entries, strict=True)
    return Part(stems, values, preimages[0] if preimages else ())


def by_first_byte(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Runs from entries by ascending stem."""
    return (list(run) for _, run in groupby(entries, key=_first_byte))


def _first_byte(entry: Entry) -> int:
    return entry[0][0]


def made(engine: Engine[Any], part: Part) -> Made:
    """The records of a part."""
    suffixes = [suffixes_of(values[:BITMAP_BYTES]) for values in part.values]
    leaves = PackedLeaves(
        stems=b"".join(part.stems),
        counts=list(map(len, suffixes)),
        suffixes=b"".join(suffixes),
        values=b"".join([values[BITMAP_BYTES:] for values in part.values]),
    )
    nodes = nodes_of(engine, leaves)
    stem_nodes = [nodes.stem_nodes[i : i + STEM_NODE_BYTES] for i in range(0, len(nodes.stem_nodes), STEM_NODE_BYTES)]
    records: dict[bytes, list[Sealed]] = {
        LEAVES: sealed_all(LEAVES, part.stems, part.values),
        STEMS: sealed_all(STEMS, part.stems, stem_nodes),
        NODES: sealed_all(NODES, [node_key(path) for path in nodes.paths[1:]], _internals(nodes, part.stems)),
    }
    if part.preimages:
        records[PREIMAGES] = sealed_all(PREIMAGES, part.stems, part.preimages)
    return Made(records, _root_links(nodes, part.stems))


def _internals(nodes: PackedNodes, names: Sequence[bytes]) -> list[bytes]:
    """The records of all internal nodes but the root."""
    contents = []
    place = nodes.link_counts[0]
    for number, count in enumerate(nodes.link_counts[1:], 1):
        links = [
            encode_link(nodes.indices[link], nodes.scalar(child), names[-1 - child] if child < 0 else None)
            for link, child in enumerate(nodes.children[place : place + count], place)
        ]
        commitment = nodes.internals[number * COMMITMENT_BYTES : (number + 1) * COMMITMENT_BYTES]
        contents.append(commitment + b"".join(links))
        place += count
    return contents


def _root_links(nodes: PackedNodes, names: Sequence[bytes]) -> list[tuple[int, Link]]:
    return [
        (
            nodes.indices[link],
            Link(int.from_bytes(nodes.scalar(child), "little"), Stem(names[-1 - child]) if child < 0 else None),
        )
        for link, child in enumerate(nodes.children[: nodes.link_counts[0]])
    ]


@lru_cache(4096)
def suffixes_of(bitmap: bytes) -> bytes:
    """The suffixes of a bitmap, ascending."""
    bits = int.from_bytes(bitmap, "little")
    return bytes(suffix for suffix in range(8 * BITMAP_BYTES) if bits >> suffix & 1)


def root_record(engine: Engine[Any], links: Sequence[tuple[int, Link]]) -> tuple[StateRoot, bytes]:
    """The state root, and the root's record, from its links."""
    points = engine.commit([[(index, link.scalar) for index, link in links]])
    (encoded,), (scalar,) = engine.encode(points), engine.to_scalars(points)
    return StateRoot(encoded), encode_internal(Commitment(encoded, scalar), dict(links))
