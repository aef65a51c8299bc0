"""What blocks' witnesses weigh in the Verkle tree, and what the same accesses weigh in Merkle-Patricia tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli import plot
from cli.sizes import Sizes
from spec.containers import ExecutionWitness
from spec.params import Profile

if TYPE_CHECKING:
    from witness.mpt import MerkleWitness

DIFF: Final = plot.Part("Verkle: state diff, as SSZ", "#2f6f4f")
PROOF: Final = plot.Part("Verkle: proof", "#8fbf9f")
NODES: Final = plot.Part("Merkle-Patricia: nodes", "#5a6b7b")
CODES: Final = plot.Part("Merkle-Patricia: code", "#b9c3cc")

HEADINGS: Final = ("state diff", "proof", "SSZ", "MPT nodes", "MPT code", "MPT", "MPT/SSZ")
"""Columns of a table, behind those of the block; bytes, and a ratio."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One block's witness in both trees, in bytes."""

    number: int
    transactions: int
    gas_used: int
    stems: int
    keys: int
    state_diff: int
    proof: int
    ssz: int
    """The whole Verkle witness as SSZ, offsets and all."""
    merkle_nodes: int
    merkle_codes: int

    @classmethod
    def of(
        cls,
        number: int,
        transactions: int,
        gas_used: int,
        witness: ExecutionWitness,
        merkle: "MerkleWitness",
        profile: Profile,
    ) -> "Weight":
        """Weigh a block."""
        from spec.codec import ssz  # noqa: PLC0415  (loads remerkleable)

        sizes = Sizes.of(witness)
        encoded = len(ssz.encode_witness(witness, profile.internal_node_markers))
        counts = (sizes.stems, sizes.keys, sizes.state_diff_bytes, sizes.proof_bytes)
        return cls(number, transactions, gas_used, *counts, encoded, merkle.node_bytes, merkle.code_bytes)

    @classmethod
    def total(cls, weights: Sequence["Weight"]) -> "Weight":
        """The sum of several; its number is how many they are."""
        names = [name for name in cls.__slots__ if name != "number"]
        return cls(len(weights), **{name: sum(getattr(one, name) for one in weights) for name in names})

    @property
    def merkle(self) -> int:
        """Nodes and codes."""
        return self.merkle_nodes + self.merkle_codes

    @property
    def ratio(self) -> float:
        """How many times as much the Merkle-Patricia witness weighs."""
        return self.merkle / self.ssz if self.ssz else 0.0

    def as_json(self) -> dict[str, object]:
        """By names that say the unit."""
        return {
            "number": self.number,
            "transactions": self.transactions,
            "gas_used": self.gas_used,
            "stems": self.stems,
            "keys": self.keys,
            "state_diff_bytes": self.state_diff,
            "proof_bytes": self.proof,
            "ssz_bytes": self.ssz,
            "mpt_node_bytes": self.merkle_nodes,
            "mpt_code_bytes": self.merkle_codes,
            "mpt_bytes": self.merkle,
            "mpt_to_ssz": round(self.ratio, 2),
        }

    def cells(self) -> list[str]:
        """What stands under `HEADINGS`."""
        counted = (self.state_diff, self.proof, self.ssz, self.merkle_nodes, self.merkle_codes, self.merkle)
        return [*(f"{one:,}" for one in counted), f"{self.ratio:.2f}"]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns to the right, as wide as they need."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in (headings, *rows)]


def chart(title: str, about: str, weights: Sequence[Weight]) -> str:
    """The drawing of both witnesses, block by block."""
    groups = [
        plot.Group(
            str(one.number),
            ((one.proof, one.ssz - one.proof), (one.merkle_nodes, one.merkle_codes)),
        )
        for one in weights
    ]
    return plot.draw(title, about, ((PROOF, DIFF), (NODES, CODES)), groups, "bytes")
