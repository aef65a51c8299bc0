"""What `verkle bench` has measured, and on which machine: records, and both ways of printing them."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final

from cli import output
from cli.cases import Inputs, Work

JUDGE: Final = "go"
"""The peer that ratios are wanted against."""
ALONE: Final = "one thread"
"""Ourselves, with nothing shared out, where there are several threads."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure."""

    name: str
    about: str
    prepare: Callable[[Inputs], Work]
    target: float | None = None
    """Seconds that the median should not exceed."""
    ratio: float | None = None
    """How many times faster than go-ipa and go-verkle we want to be."""
    asked: dict[str, Any] = field(default_factory=dict)
    """The same as a peer's scenario; empty where peers have none."""
    heavy: bool = False
    """Too much for the reference engine, unless asked for by name."""
    named: bool = False
    """Too much for any engine, unless asked for by name."""
    scaling: float | None = None
    """How many times faster than one thread two threads should be."""
    judge: str = JUDGE
    """The peer that the ratio is wanted against."""
    rate: float | None = None
    """How much the case should do in a second, in the unit that its work names."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The medians of the turns of a case, ours and the peers'."""

    case: Case
    about: str
    ours: list[float]
    theirs: dict[str, list[float]]
    amount: tuple[float, str] | None = None
    """As in `Work`."""

    def rate(self) -> float | None:
        """How much we do in a second."""
        return None if self.amount is None else self.amount[0] / median(self.ours)

    def ratio(self, peer: str) -> float:
        """How many times as long as ours the peer's median is."""
        return median(self.theirs[peer]) / median(self.ours)

    def _wanted(self, peer: str) -> float | None:
        """The ratio wanted against a peer."""
        if peer == ALONE:
            return self.case.scaling
        return self.case.ratio if peer == self.case.judge else None

    def met(self) -> bool | None:
        """Whether all targets are reached; None where there are none, or no peer to judge by."""
        reached = []
        if self.case.target is not None:
            reached.append(median(self.ours) <= self.case.target)
        rate = self.rate()
        if self.case.rate is not None and rate is not None:
            reached.append(rate >= self.case.rate)
        reached += [self.ratio(name) >= wanted for name in self.theirs if (wanted := self._wanted(name)) is not None]
        return all(reached) if reached else None

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "case": self.case.name,
            "about": self.about,
            **_spread(self.ours),
            "target": self.case.target,
            "target_ratio": self.case.ratio,
            "target_scaling": self.case.scaling,
            "rate": None if self.amount is None else {"value": self.rate(), "unit": f"{self.amount[1]}/s"},
            "target_rate": self.case.rate,
            "met": self.met(),
            "peers": {
                name: {**_spread(runs), "ratio": round(self.ratio(name), 2)} for name, runs in self.theirs.items()
            },
        }

    def lines(self) -> list[str]:
        """For people: us, then each peer with the ratio."""
        wanted = ""
        if self.case.target is not None:
            wanted = f"<= {output.seconds(self.case.target)} {'met' if self.met() else 'MISSED'}"
        rate = self.rate()
        if self.amount is not None and rate is not None:
            wanted = f"{rate:,.{0 if rate >= 1000 else 1}f} {self.amount[1]}/s"
            if self.case.rate is not None:
                wanted += f", wanted {self.case.rate:,g}: {'met' if rate >= self.case.rate else 'MISSED'}"
        first = f"{self.case.name:<24} {_figures(self.ours)} {len(self.ours):>5}  {wanted}".rstrip()
        rest = []
        for name, runs in self.theirs.items():
            judged, wanted_ratio, ratio = "", self._wanted(name), self.ratio(name)
            if wanted_ratio is not None:
                judged = f", wanted {wanted_ratio:g}: {'met' if ratio >= wanted_ratio else 'MISSED'}"
            shown = f"{ratio:.2f}" if name == ALONE else f"{ratio:.1f}"
            rest.append(f"  {name:<22} {_figures(runs)} {len(runs):>5}  {shown} times as long{judged}")
        return [first, *rest, f"  {self.about}"]


def _figures(runs: list[float]) -> str:
    return " ".join(f"{output.seconds(value):>9}" for value in (median(runs), min(runs), max(runs)))


def _spread(runs: list[float]) -> dict[str, object]:
    rounded = [round(value, 9) for value in (median(runs), min(runs), max(runs))]
    return {"median": rounded[0], "min": rounded[1], "max": rounded[2], "turns": len(runs)}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model() or platform.processor() or "unknown",
        "cores": affinity or os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numba": _version("numba"),
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return None
