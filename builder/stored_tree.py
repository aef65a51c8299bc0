"""The tree of a database: the part of it that some stems need, and what a block changed of it.

A tree on disk is never whole in memory. `load` reads the nodes on the paths of the stems that a block touches, level by
level, and decodes their commitments in one batch; what stands beside those paths is known by its scalar alone, which
is all that an update or a proof of those stems needs. Asked for another child, such a node reads it then.

    load(reader, engine, stems)    a Tree over the database as the reader sees it
    changed(tree, stems)           the records of every node on the paths of these stems, for the next batch

Values are kept apart from commitments (EIP-4762 has both reasons to be read): `StoredLeaves` answers execution's
questions from the values alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, Generic

from builder import records
from builder.database import LEAVES, NODES, STEMS, Batch, Reader
from builder.records import NOTHING, Commitment, Link, node_key
from spec.errors import DecodeError
from spec.types import Stem, TreeKey, Value
from verkle.engine import Engine, P
from verkle.node import EMPTY, HALF_WIDTH, Gap, Half, InternalNode, Node, StemNode, StoredChildren
from verkle.tree import Tree

ROOT_PATH: Final = b""


class StoredLeaves:
    """Values, straight from the database; what `TreeView` asks of a tree."""

    def __init__(self, reader: Reader) -> None:
        self._reader: Final = reader
        self._held: dict[bytes, bytes | None] = {}

    def _content(self, stem: bytes) -> bytes | None:
        if stem not in self._held:
            self._held[stem] = self._reader.get(LEAVES, stem)
        return self._held[stem]

    def get(self, key: TreeKey) -> Value | None:
        """The value at `key`, None where it is absent."""
        content = self._content(key[:31])
        return None if content is None else records.value_at(content, key[31])

    def has_stem(self, stem: Stem) -> bool:
        """Whether anything is stored at a stem."""
        return self._content(stem) is not None


class DatabaseChildren(StoredChildren[P], Generic[P]):
    """Children of an internal node: known by their links, made into nodes when they are asked for."""

    __slots__ = ("_loader", "_path", "links", "made")

    def __init__(self, loader: "_Loader[P]", path: bytes, links: Mapping[int, Link], made: dict[int, Node[P]]) -> None:
        self._loader: Final = loader
        self._path: Final = path
        self.links: Final = links
        self.made: Final = made

    def __getitem__(self, index: int) -> Node[P]:
        found = self.made.get(index)
        if found is None:
            link = self.links[index]
            found = self.made[index] = self._loader.child(self._path + bytes((index,)), link)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self.links)

    def __len__(self) -> int:
        return len(self.links)

    def __contains__(self, index: object) -> bool:
        return index in self.links

    def scalars(self) -> dict[int, int]:
        """The entries of all children, from their links."""
        return {index: link.scalar for index, link in self.links.items()}

    def replaced(self, changed: Mapping[int, Node[P]]) -> "DatabaseChildren[P]":
        """These children with some of them new."""
        links = {**self.links, **{index: link_to(node) for index, node in changed.items()}}
        return DatabaseChildren(self._loader, self._path, links, {**self.made, **changed})


def link_to(node: Node[P]) -> Link:
    """A node, as its parent's record has it."""
    if isinstance(node, Gap):
        raise TypeError("there is no link to a gap")
    return Link(node.scalar, node.stem if isinstance(node, StemNode) else None)


class _Loader(Generic[P]):
    """Makes nodes from records."""

    def __init__(self, reader: Reader, engine: Engine[P]) -> None:
        self.engine: Final = engine
        self._reader: Final = reader

    def record(self, table: bytes, key: bytes) -> bytes:
        """A record that must be there. Raises: DecodeError."""
        content = self._reader.get(table, key)
        if content is None:
            raise DecodeError("a node of the tree is missing", f"{table.decode()}[0x{key.hex()}]")
        return content

    def internal(self, path: bytes) -> tuple[Commitment, dict[int, Link]]:
        """The record of an internal node."""
        return records.decode_internal(self.record(NODES, node_key(path)))

    def stem(self, stem: Stem) -> tuple[tuple[Commitment, Commitment, Commitment], dict[int, Value]]:
        """The records of a stem node."""
        return records.decode_stem(self.record(STEMS, stem)), records.decode_values(self.record(LEAVES, stem))

    def child(self, path: bytes, link: Link) -> InternalNode[P] | StemNode[P]:
        """One child, read alone."""
        if link.stem is not None:
            commitments, values = self.stem(link.stem)
            require_linked(link, commitments[0], path)
            points = iter(self.engine.decode([commitment.point for commitment in commitments]))
            return _stem_node(link.stem, commitments, values, points)
        commitment, links = self.internal(path)
        require_linked(link, commitment, path)
        (point,) = self.engine.decode([commitment.point])
        return InternalNode(point, commitment.scalar, DatabaseChildren(self, path, links, {}), EMPTY)


def require_linked(link: Link, commitment: Commitment, path: bytes) -> None:
    """Raises: DecodeError where a record is not of the node that the parent's record speaks of."""
    if link.scalar != commitment.scalar:
        raise DecodeError("a node's record is not that of the child that its parent has", f"node 0x{path.hex()}")


def _stem_node(
    stem: Stem, commitments: tuple[Commitment, ...], values: Mapping[int, Value], points: Iterator[P]
) -> StemNode[P]:
    own, *sides = commitments
    point = next(points)
    halves: list[Half[P] | Gap] = []
    for side, commitment in enumerate(sides):
        half_point = next(points)
        held: dict[int, Value | Gap] = {s: value for s, value in values.items() if s // HALF_WIDTH == side}
        halves.append(Half(half_point, commitment.scalar, held, EMPTY) if held else EMPTY)
    return StemNode(point, own.scalar, stem, (halves[0], halves[1]))


def load(reader: Reader, engine: Engine[P], stems: Iterable[Stem]) -> Tree[P]:
    """The tree with the nodes on the paths of `stems` at hand. What else it is asked for it reads from the reader.

    Raises: DecodeError where a record is missing or damaged.
    """
    loader = _Loader(reader, engine)
    encoded: list[bytes] = []
    internals: list[tuple[bytes, Commitment, dict[int, Link]]] = []
    leaves: list[tuple[bytes, Stem, tuple[Commitment, ...], dict[int, Value]]] = []
    level: list[tuple[bytes, Link | None, list[Stem]]] = [(ROOT_PATH, None, sorted(set(stems)))]
    while level:
        below: list[tuple[bytes, Link | None, list[Stem]]] = []
        for path, linked, wanted in level:
            commitment, links = loader.internal(path)
            if linked is not None:
                require_linked(linked, commitment, path)
            internals.append((path, commitment, links))
            encoded.append(commitment.point)
            depth = len(path)
            for index, group in groupby(wanted, key=lambda stem, depth=depth: stem[depth]):  # type: ignore[misc]
                link = links.get(index)
                if link is None:
                    continue
                child_path = path + bytes((index,))
                if link.stem is None:
                    below.append((child_path, link, list(group)))
                    continue
                commitments, values = loader.stem(link.stem)
                require_linked(link, commitments[0], child_path)
                leaves.append((child_path, link.stem, commitments, values))
                encoded += [each.point for each in commitments]
        level = below
    return _assembled(loader, internals, leaves, encoded)


def _assembled(
    loader: _Loader[P],
    internals: list[tuple[bytes, Commitment, dict[int, Link]]],
    leaves: list[tuple[bytes, Stem, tuple[Commitment, ...], dict[int, Value]]],
    encoded: list[bytes],
) -> Tree[P]:
    """Nodes from their records. `encoded`: of each level its internal nodes, each followed by stems below it."""
    distinct = list(dict.fromkeys(encoded))
    points = dict(zip(distinct, loader.engine.decode(distinct), strict=True))
    children: dict[bytes, dict[int, Node[P]]] = {path: {} for path, _, _ in internals}
    for path, stem, commitments, values in leaves:
        own = iter([points[commitment.point] for commitment in commitments])
        children[path[:-1]][path[-1]] = _stem_node(stem, commitments, values, own)
    for path, commitment, links in reversed(internals):
        held = DatabaseChildren(loader, path, links, children[path])
        node = InternalNode(points[commitment.point], commitment.scalar, held, EMPTY)
        if path:
            children[path[:-1]][path[-1]] = node
    return Tree(loader.engine, node)


def changed(tree: Tree[P], stems: Iterable[Stem]) -> Batch:
    """The records of all nodes on the paths of `stems`, which an update has just written to."""
    internals: list[tuple[bytes, InternalNode[P]]] = []
    written: list[StemNode[P]] = []
    level: list[tuple[bytes, InternalNode[P], list[Stem]]] = [(ROOT_PATH, tree.root, sorted(set(stems)))]
    while level:
        below: list[tuple[bytes, InternalNode[P], list[Stem]]] = []
        for path, node, wanted in level:
            internals.append((path, node))
            depth = len(path)
            for index, group in groupby(wanted, key=lambda stem, depth=depth: stem[depth]):  # type: ignore[misc]
                child = node.child(index)
                if isinstance(child, InternalNode):
                    below.append((path + bytes((index,)), child, list(group)))
                elif isinstance(child, StemNode):
                    written.append(child)
        level = below
    return _batch(tree.engine, internals, written)


def _batch(engine: Engine[P], internals: list[tuple[bytes, InternalNode[P]]], stems: list[StemNode[P]]) -> Batch:
    halves = [half for node in stems for half in node.halves if not isinstance(half, Gap)]
    nodes: list[Any] = [node for _, node in internals]
    encoded = iter(engine.encode([node.commitment for node in [*nodes, *stems, *halves]]))
    batch = Batch()
    for path, node in internals:
        commitment = Commitment(next(encoded), node.scalar)
        batch.put(NODES, node_key(path), records.encode_internal(commitment, _links(node)))
    own = [Commitment(next(encoded), node.scalar) for node in stems]
    for stem, commitment in zip(stems, own, strict=True):
        sides = [NOTHING if isinstance(half, Gap) else Commitment(next(encoded), half.scalar) for half in stem.halves]
        batch.put(STEMS, stem.stem, records.encode_stem(commitment, sides[0], sides[1]))
        batch.put(LEAVES, stem.stem, records.encode_values(_values(stem)))
    return batch


def _links(node: InternalNode[P]) -> Mapping[int, Link]:
    if isinstance(node.children, DatabaseChildren):
        return node.children.links
    return {index: link_to(child) for index, child in node.children.items() if not isinstance(child, Gap)}


def _values(node: StemNode[P]) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for half in node.halves:
        if not isinstance(half, Gap):
            values.update({suffix: value for suffix, value in half.values.items() if not isinstance(value, Gap)})
    return values
