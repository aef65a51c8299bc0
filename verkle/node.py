"""Nodes of the tree: immutable, and honest about what they do not know.

    InternalNode   256 children by one path byte         C = sum of map(child_i) G_i
    StemNode       one stem and its two halves           C = 1 G_0 + LE(stem) G_1 + map(C1) G_2 + map(C2) G_3
    Half           suffixes 0..127 or 128..255           C = sum of lo(v_s) G_(2 s') + hi(v_s) G_(2 s' + 1)

where s' = s mod 128, and for a present value v: lo(v) = LE(v[0:16]) + 2^128, hi(v) = LE(v[16:32]). Both are 0 for an
absent one: a zero value is not an absent value.

What is not listed in a node is its `rest`: EMPTY in a whole tree, UNKNOWN in the part of a tree that a witness shows.
Reading or writing through UNKNOWN raises, so "the witness does not say" can never pass for "absent".

Each node keeps `scalar` = map_to_scalar_field(commitment) beside the commitment: its parent's entry.

Source: EIP-6800, "Verkle tree definition".
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeAlias

from spec.params import VERKLE_NODE_WIDTH
from spec.types import Stem, Value
from verkle.engine import P

HALF_WIDTH: Final = VERKLE_NODE_WIDTH // 2
"""Values of one half."""
LEAF_MARKER: Final = 1 << 128
"""Added to the low part of a present value."""
STEM_MARKER: Final = 1
"""Entry 0 of a stem node."""


class Gap(Enum):
    """What stands where no node or value is listed."""

    EMPTY = "empty"
    """Nothing is there: proven, or known from the whole tree."""
    UNKNOWN = "unknown"
    """The view does not say."""


EMPTY: Final = Gap.EMPTY
UNKNOWN: Final = Gap.UNKNOWN


@dataclass(frozen=True, slots=True)
class Half(Generic[P]):
    """Suffixes 0..127 or 128..255 of a stem."""

    commitment: P
    scalar: int
    values: Mapping[int, Value | Gap]
    """By suffix 0..255; EMPTY where absence is known of that suffix alone."""
    rest: Gap


@dataclass(frozen=True, slots=True)
class StemNode(Generic[P]):
    """An extension-and-suffix node: a stem with up to 256 values."""

    commitment: P
    scalar: int
    stem: Stem
    halves: tuple["Half[P] | Gap", "Half[P] | Gap"]
    """C1 and C2. A half is EMPTY where it holds no value, UNKNOWN where the view does not show it."""


class StoredChildren(Mapping[int, "Node[P]"]):
    """Children that are kept elsewhere, and made into nodes when they are asked for."""

    @abstractmethod
    def scalars(self) -> Mapping[int, int]:
        """The entries of all children in their parent, by index."""

    @abstractmethod
    def replaced(self, changed: Mapping[int, "Node[P]"]) -> "Mapping[int, Node[P]]":
        """These children with some of them new; no other one is made into a node for it."""


@dataclass(frozen=True, slots=True)
class InternalNode(Generic[P]):
    """A node that at least two stems share (or the root)."""

    commitment: P
    scalar: int
    children: Mapping[int, "Node[P]"]
    rest: Gap

    def child(self, index: int) -> "Node[P]":
        """What stands below path byte `index`."""
        return self.children.get(index, self.rest)


Node: TypeAlias = InternalNode[P] | StemNode[P] | Gap


def leaf_scalars(value: Value | Gap) -> tuple[int, int]:
    """(lo, hi): the two entries of a value in its half."""
    if isinstance(value, Gap):
        return 0, 0
    return int.from_bytes(value[:16], "little") + LEAF_MARKER, int.from_bytes(value[16:], "little")


def leaf_index(suffix: int) -> int:
    """The index of lo in its half; hi follows."""
    return 2 * (suffix % HALF_WIDTH)


def stem_scalar(stem: Stem) -> int:
    """LE(stem): entry 1 of a stem node."""
    return int.from_bytes(stem, "little")
