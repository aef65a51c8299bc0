"""What a witness weighs, counted from the witness alone.

    proof bytes       576 + 32 per commitment + 31 per other stem + 1 per stem + 32 per internal node marker
    state diff bytes  31 per stem; per key 1 of suffix, 2 of presence, 32 per value that is there
    openings          per path step of a stem 1; per stem node 2; per half of a present stem 1, per key in it 2;
                      per marker 1

Steps, nodes and halves that stems share count once. The openings are those of `witness.openings.walk`, counted without
rebuilding the tree.

Source: spec/witness.md, "Openings".
"""

from dataclasses import dataclass

from spec.containers import ExecutionWitness
from verkle.multiproof import PROOF_BYTES
from verkle.node import HALF_WIDTH
from witness.openings import STATUS_BITS, Status

COMMITMENT_BYTES = 32
STEM_BYTES = 31
KEY_BYTES = 1 + 2
VALUE_BYTES = 32
MARKER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of a witness, and the bytes of its binary form."""

    stems: int
    keys: int
    values: int
    """Current and new values that are there."""
    commitments: int
    other_stems: int
    markers: int
    openings: int | None
    """None where the extensions are not those of the state diff."""

    @classmethod
    def of(cls, witness: ExecutionWitness) -> "Sizes":
        """Count a witness, a wrong one too."""
        entries = [entry for diff in witness.state_diff for entry in diff.suffix_diffs]
        values = sum((entry.current_value is not None) + (entry.new_value is not None) for entry in entries)
        proof = witness.verkle_proof
        return cls(
            stems=len(witness.state_diff),
            keys=len(entries),
            values=values,
            commitments=len(proof.commitments_by_path),
            other_stems=len(proof.other_stems),
            markers=len(proof.internal_node_markers),
            openings=_count_openings(witness),
        )

    @property
    def proof_bytes(self) -> int:
        """The proof and what says where its commitments stand."""
        counted = COMMITMENT_BYTES * self.commitments + STEM_BYTES * self.other_stems + MARKER_BYTES * self.markers
        return PROOF_BYTES + counted + self.stems

    @property
    def state_diff_bytes(self) -> int:
        """Keys and values."""
        return STEM_BYTES * self.stems + KEY_BYTES * self.keys + VALUE_BYTES * self.values

    @property
    def witness_bytes(self) -> int:
        """Both."""
        return self.state_diff_bytes + self.proof_bytes


def _count_openings(witness: ExecutionWitness) -> int | None:
    extensions = witness.verkle_proof.depth_extension_present
    if len(extensions) != len(witness.state_diff):
        return None
    steps: set[bytes] = set()
    nodes: set[bytes] = set()
    halves: set[tuple[bytes, int]] = set()
    keys = 0
    for diff, extension in zip(witness.state_diff, extensions, strict=True):
        depth, status = extension >> STATUS_BITS, extension & ((1 << STATUS_BITS) - 1)
        steps.update(diff.stem[:length] for length in range(1, depth + 1))
        if status != Status.EMPTY_SLOT:
            nodes.add(diff.stem[:depth])
        if status == Status.PRESENT:
            halves.update((diff.stem, entry.suffix // HALF_WIDTH) for entry in diff.suffix_diffs)
            keys += len(diff.suffix_diffs)
    return len(steps) + 2 * len(nodes) + len(halves) + 2 * keys + len(witness.verkle_proof.internal_node_markers)
