"""Verdicts as text and as JSON, and the totals over many blocks."""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import click

from cli import output
from cli.chain import STAGES, Verdict
from stateless.verdict import PROOF_CHECKS, Assumption, Check

WHAT_IS_CHECKED: Final = (
    "Checked: header and block hash; the proof of the pre-state; transactions, executed on nothing but the witness;"
    " gas, receipts, logs; that the witness lists what is touched and nothing else; the new state root."
)
WHAT_IS_PROVED: Final = (
    "Checked: the proof of the pre-state, and the root after the witness's new values. Nothing was executed: the new"
    " values are taken as the witness states them."
)
ABSENCE_IS_STATED: Final = (
    " Proofs of this profile have no internal node markers: what they say of absence can be forged."
)
PARENT_IS_A_ROOT: Final = (
    " Of the first block's parent only the state root is known: number, time, gas limit and base fee were not compared."
)


MEGA: Final = 10**6


@dataclass(slots=True)
class Totals:
    """Counts and measures over blocks."""

    valid: int = 0
    rejected: int = 0
    skipped: int = 0
    gas_used: int = 0
    transactions: int = 0
    unneeded: int = 0
    assumed: dict[str, None] = field(default_factory=dict)
    """By any of the verdicts."""
    witness_bytes: list[int] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    started: float = field(default_factory=time.perf_counter)

    @property
    def blocks(self) -> int:
        """Blocks that have a verdict."""
        return self.valid + self.rejected

    def add(self, verdict: Verdict) -> None:
        """Count one block."""
        if verdict.valid:
            self.valid += 1
        else:
            self.rejected += 1
        if verdict.sizes is not None:
            self.witness_bytes.append(verdict.sizes.witness_bytes)
        self.gas_used += verdict.gas_used or 0
        self.transactions += verdict.transactions or 0
        self.unneeded += verdict.unneeded or 0
        self.assumed |= dict.fromkeys(verdict.assumed)
        for stage, spent in verdict.seconds.items():
            self.seconds[stage].append(spent)

    def as_json(self, *, full: bool) -> dict[str, object]:
        """The object that ends a run."""
        wall = time.perf_counter() - self.started
        return {
            "valid": self.valid,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "checks": list(Check) if full else list(PROOF_CHECKS),
            "assumed": list(self.assumed),
            "transactions": self.transactions if full else None,
            "gas_used": self.gas_used if full else None,
            "mgas_per_second": round(self.gas_used / wall / MEGA, 2) if full else None,
            "unneeded": self.unneeded if full else None,
            "witness_bytes": {"total": sum(self.witness_bytes), "median": _median(self.witness_bytes)},
            "seconds": {
                stage: {"total": output.rounded(sum(spent)), "median": output.rounded(_median(spent))}
                for stage, spent in self.seconds.items()
            },
            "wall_seconds": output.rounded(wall),
            "blocks_per_second": round(self.blocks / wall, 2),
        }

    def lines(self, *, full: bool) -> list[str]:
        """The same for people."""
        wall = time.perf_counter() - self.started
        stages = [
            (
                stage.replace("_", " "),
                f"median {output.seconds(_median(spent))}, total {output.seconds(sum(spent))}",
            )
            for stage, spent in self.seconds.items()
            if spent
        ]
        bytes_ = f"median {_median(self.witness_bytes):,.0f}, total {sum(self.witness_bytes):,}"
        skipped = f", {self.skipped:,} skipped" if self.skipped else ""
        rows = [("verdicts", f"{self.valid:,} valid, {self.rejected:,} rejected{skipped}"), ("witness bytes", bytes_)]
        speed = f"{output.seconds(wall)}, {self.blocks / wall:.1f} blocks/s"
        if full:
            executed = output.count(self.transactions, "transaction")
            rows.append(("executed", f"{executed}, {self.gas_used:,} gas{_unneeded(self.unneeded)}"))
            speed += f", {self.gas_used / wall / MEGA:.1f} Mgas/s"
        return output.columns([*rows, *stages, ("all", speed)])


@dataclass(slots=True)
class Report:
    """Prints verdicts as they come, and the end."""

    watcher: output.Watcher
    as_json: bool
    quiet: bool
    verbose: bool
    alone: bool
    """One block only: it is told in full, without totals."""
    full: bool
    """Whether blocks are executed."""
    totals: Totals = field(default_factory=Totals)

    def add(self, verdict: Verdict) -> None:
        """Count a verdict, and print it where it is wanted."""
        self.totals.add(verdict)
        self.watcher.advance_to(verdict.consumed, f"block {verdict.number}")
        if self.quiet:
            return
        if self.as_json:
            self.watcher.json(verdict_json(verdict))
        elif self.alone:
            for line in verdict_lines(verdict):
                self.watcher.line(line)
            if verdict.valid:
                self.watcher.line(self._checked())
        elif self.verbose or not verdict.valid:
            self.watcher.line(verdict_line(verdict))

    def skipped(self, place: str) -> None:
        """Note an empty payload."""
        self.totals.skipped += 1
        if not self.quiet:
            self.watcher.note(f"{place}: the empty payload of a genesis slot, skipped")

    def end(self) -> None:
        """Print the totals."""
        if self.quiet:
            return
        if self.as_json:
            output.json_line({"totals": self.totals.as_json(full=self.full)})
        elif not self.alone:
            for line in (*self.totals.lines(full=self.full), self._checked()):
                click.echo(line)

    def _checked(self) -> str:
        text = WHAT_IS_CHECKED if self.full else WHAT_IS_PROVED
        if self.full and Assumption.PARENT_HEADER in self.totals.assumed:
            text += PARENT_IS_A_ROOT
        return text + ABSENCE_IS_STATED if Assumption.ABSENCE in self.totals.assumed else text


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """The JSON object of a verdict. Members that cannot be told are null."""
    sizes = verdict.sizes
    return {
        "number": verdict.number,
        "hash": output.hexed(verdict.block_hash),
        "verdict": "valid" if verdict.valid else "rejected",
        "reason": verdict.reason,
        "detail": verdict.detail,
        "checks": list(verdict.checks),
        "assumed": list(verdict.assumed),
        "transactions": verdict.transactions,
        "gas_used": verdict.gas_used,
        "mgas_per_second": _speed(verdict),
        "unneeded": verdict.unneeded,
        "witness_bytes": None if sizes is None else sizes.witness_bytes,
        "proof_bytes": None if sizes is None else sizes.proof_bytes,
        "stems": None if sizes is None else sizes.stems,
        "openings": None if sizes is None else sizes.openings,
        "seconds": {
            stage: output.rounded(verdict.seconds[stage]) if stage in verdict.seconds else None for stage in STAGES
        },
        "place": verdict.place,
    }


def verdict_line(verdict: Verdict) -> str:
    """One line about a block among many."""
    if not verdict.valid:
        return f"block {verdict.number}  REJECTED  {_why(verdict)}  ({verdict.place})"
    sizes = verdict.sizes
    assert sizes is not None, "no block is valid without a witness"
    spent = output.seconds(sum(verdict.seconds.values()))
    gas = "" if verdict.gas_used is None else f"{verdict.gas_used:,} gas, "
    touched = output.count(sizes.stems, "stem") + _unneeded(verdict.unneeded or 0)
    return f"block {verdict.number}  valid  {gas}{touched}, {sizes.witness_bytes:,} bytes, {spent}"


def verdict_lines(verdict: Verdict) -> list[str]:
    """All about the one block that was asked about."""
    known = "" if Check.BLOCK_HASH in verdict.checks else " (as stated)"
    rows = [("hash", f"0x{verdict.block_hash.hex()}{known}")]
    if not verdict.valid:
        rows.append(("reason", _why(verdict)))
    if verdict.gas_used is not None:
        executed = output.count(verdict.transactions or 0, "transaction")
        speed = f", {_speed(verdict)} Mgas/s" if verdict.gas_used else ""
        rows.append(("executed", f"{executed}, {verdict.gas_used:,} gas{speed}{_unneeded(verdict.unneeded or 0)}"))
    sizes = verdict.sizes
    if sizes is not None:
        openings = "" if sizes.openings is None else f", {output.count(sizes.openings, 'opening')}"
        rows.append(("touched", f"{output.count(sizes.stems, 'stem')}, {output.count(sizes.keys, 'key')}{openings}"))
        rows.append(("witness", f"{sizes.witness_bytes:,} bytes, {sizes.proof_bytes:,} of them the proof"))
    spent = [f"{stage.replace('_', ' ')} {output.seconds(value)}" for stage, value in verdict.seconds.items()]
    rows.append(("time", ", ".join(spent)))
    title = f"block {verdict.number}: {'valid' if verdict.valid else 'REJECTED'}"
    return [title, *output.columns(rows)]


def _why(verdict: Verdict) -> str:
    """Reason and facts; a Rejection's own line begins with the reason already."""
    detail = verdict.detail or ""
    return detail if detail.startswith(str(verdict.reason)) else f"{verdict.reason}: {detail}"


def _speed(verdict: Verdict) -> float | None:
    """Millions of gas a second, reading included."""
    spent = sum(verdict.seconds.values())
    return None if verdict.gas_used is None or not spent else round(verdict.gas_used / spent / MEGA, 2)


def _unneeded(locations: int) -> str:
    return f" ({output.count(locations, 'location')} listed for nothing)" if locations else ""


def _median(values: list[float] | list[int]) -> float:
    return median(values) if values else 0
