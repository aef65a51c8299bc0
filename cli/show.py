"""A witness as a tree of words, as a table of bytes, and as JSON."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import output
from cli.meaning import Place, name_of, text_of
from cli.sizes import COMMITMENT_BYTES, KEY_BYTES, MARKER_BYTES, STEM_BYTES, VALUE_BYTES, Sizes
from spec.codec import json_document, witness_json
from spec.containers import ExecutionWitness, StemStateDiff, SuffixStateDiff
from spec.params import Profile
from spec.types import Stem
from verkle.multiproof import PROOF_BYTES
from witness.openings import STATUS_BITS, Status

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True)
class View:
    """A witness with what is known about it."""

    profile: Profile
    witness: ExecutionWitness
    number: int | None
    """Of the block; None for a witness on its own."""
    places: Mapping[Stem, Place]

    def title(self) -> str:
        """What is shown."""
        block = "a witness" if self.number is None else f"witness of block {self.number}"
        known = sum(diff.stem in self.places for diff in self.witness.state_diff)
        stems = len(self.witness.state_diff)
        return f"{block} ({self.profile.name}): {output.count(stems, 'stem')}, {known} of known accounts"

    def status(self, index: int) -> tuple[str, int | None, Stem | None]:
        """Of the stem at `index` of the state diff: its status, depth, and the stem at its place if that is another."""
        diff, proof = self.witness.state_diff[index], self.witness.verkle_proof
        if index >= len(proof.depth_extension_present):
            return "not stated", None, None
        extension = proof.depth_extension_present[index]
        depth, code = extension >> STATUS_BITS, extension & ((1 << STATUS_BITS) - 1)
        if code not in set(Status):
            return f"status {code}", depth, None
        other = self._stem_at(diff.stem[:depth], diff.stem) if code == Status.OTHER_STEM else None
        return Status(code).name.lower().replace("_", " "), depth, other

    def _stem_at(self, path: bytes, absent: Stem) -> Stem | None:
        for stems in (self.witness.verkle_proof.other_stems, [diff.stem for diff in self.witness.state_diff]):
            index = bisect_left(stems, path)
            for stem in stems[index : index + 2]:
                if stem[: len(path)] == path and stem != absent:
                    return stem
        return None

    def tree(self) -> "RenderableType":
        """Stems and suffixes, with their meaning."""
        from rich.text import Text  # noqa: PLC0415  (see output.watching)
        from rich.tree import Tree  # noqa: PLC0415

        tree = Tree(Text(self.title(), "bold"))
        for index, diff in enumerate(self.witness.state_diff):
            place = self.places.get(diff.stem)
            branch = tree.add(Text(self.stem_line(index, diff, place), "cyan" if place else "yellow"))
            for entry in diff.suffix_diffs:
                branch.add(Text(self.entry_line(entry, place), "green" if entry.new_value is not None else ""))
        return tree

    def stem_line(self, index: int, diff: StemStateDiff, place: Place | None) -> str:
        """One stem: its bytes, whose it is, and what the proof says of it."""
        status, depth, other = self.status(index)
        where = "" if depth is None else f" at depth {depth}"
        instead = "" if other is None else f" 0x{other.hex()}"
        line = f"0x{diff.stem.hex()}  {status}{instead}{where}"
        if place is None:
            return line
        part = "header" if place.tree_index == 0 else f"tree index {place.tree_index:#x}"
        return f"{line}\n0x{place.address.hex()} ({', '.join(place.roles)}), {part}"

    def entry_line(self, entry: SuffixStateDiff, place: Place | None) -> str:
        """One location: what it is, what it held, what it holds."""
        name = name_of(self.profile, place, entry.suffix)
        current = text_of(name, entry.current_value)
        change = current if entry.new_value is None else f"{current} -> {text_of(name, entry.new_value)}"
        return f"{entry.suffix:>3} {name}: {change}" if place else f"{entry.suffix:>3}: {change}"

    def budget(self) -> "RenderableType":
        """Where the bytes go."""
        from rich import box  # noqa: PLC0415  (see tree)
        from rich.table import Table  # noqa: PLC0415

        table = Table(box=box.SIMPLE_HEAD, title="bytes of the binary form", title_justify="left")
        for heading in ("part", "count", "each", "bytes"):
            table.add_column(heading, justify="left" if heading == "part" else "right")
        for name, number, each in budget_rows(Sizes.of(self.witness)):
            table.add_row(name, f"{number:,}", str(each), f"{number * each:,}")
        table.add_section()
        table.add_row("total", "", "", f"{Sizes.of(self.witness).witness_bytes:,}")
        table.add_row("as JSON", "", "", f"{json_bytes(self.witness):,}")
        return table

    def as_json(self) -> dict[str, object]:
        """All of it as one object."""
        sizes = Sizes.of(self.witness)
        return {
            "number": self.number,
            "profile": self.profile.name,
            "stems": [self._stem_json(index, diff) for index, diff in enumerate(self.witness.state_diff)],
            "openings": sizes.openings,
            "bytes": {name: number * each for name, number, each in budget_rows(sizes)},
            "witness_bytes": sizes.witness_bytes,
            "proof_bytes": sizes.proof_bytes,
            "json_bytes": json_bytes(self.witness),
        }

    def _stem_json(self, index: int, diff: StemStateDiff) -> dict[str, object]:
        status, depth, other = self.status(index)
        place = self.places.get(diff.stem)
        return {
            "stem": output.hexed(diff.stem),
            "status": status,
            "depth": depth,
            "other_stem": output.hexed(other),
            "address": None if place is None else output.hexed(place.address),
            "roles": [] if place is None else list(place.roles),
            "tree_index": None if place is None else place.tree_index,
            "keys": [self._entry_json(entry, place) for entry in diff.suffix_diffs],
        }

    def _entry_json(self, entry: SuffixStateDiff, place: Place | None) -> dict[str, object]:
        name = name_of(self.profile, place, entry.suffix)
        known = place is not None
        return {
            "suffix": entry.suffix,
            "meaning": name if known else None,
            "current": output.hexed(entry.current_value),
            "new": output.hexed(entry.new_value),
            "current_text": text_of(name, entry.current_value) if known else None,
            "new_text": text_of(name, entry.new_value) if known and entry.new_value is not None else None,
        }


def budget_rows(sizes: Sizes) -> Sequence[tuple[str, int, int]]:
    """Name, count and bytes of each part of a witness."""
    return (
        ("stems", sizes.stems, STEM_BYTES),
        ("suffixes", sizes.keys, KEY_BYTES),
        ("values", sizes.values, VALUE_BYTES),
        ("extensions", sizes.stems, 1),
        ("commitments", sizes.commitments, COMMITMENT_BYTES),
        ("other stems", sizes.other_stems, STEM_BYTES),
        ("markers", sizes.markers, MARKER_BYTES),
        ("multiproof", 1, PROOF_BYTES),
    )


def json_bytes(witness: ExecutionWitness) -> int:
    """Length of go-verkle's JSON text."""
    return len(json_document.write(witness_json.encode_witness(witness)))
