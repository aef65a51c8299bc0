"""Bars in SVG, written by hand: groups side by side along a chain, each bar of parts on top of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 860
LEFT: Final = 74
TOP: Final = 92
PLOT_HEIGHT: Final = 260
BOTTOM: Final = 46
MOST_GROUPS: Final = 40
"""More are taken together, and their means are drawn."""
MOST_LABELS: Final = 20
TICKS: Final = 5
LEGEND_LEFT: Final = LEFT
LEGEND_TOP: Final = 56
LEGEND_STEP: Final = 190
LEGEND_ROW: Final = 18
LEGEND_COLUMNS: Final = 4
"""There is room for two rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar, the same in every group."""

    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Group:
    """What stands at one place: a bar of parts for each of the things that are compared."""

    label: str
    bars: tuple[tuple[float, ...], ...]


def draw(
    title: str, about: str, parts: Sequence[Sequence[Part]], groups: Sequence[Group], unit: str, along: str = "block"
) -> str:
    """The drawing. Shapes: each group has one bar per entry of `parts`, and each bar one value per part of it."""
    shown = _gathered(groups)
    if len(shown) < len(groups):
        about += f"; each bar is the mean of {-(-len(groups) // MOST_GROUPS)} blocks"
    most = max((sum(bar) for group in shown for bar in group.bars), default=0) or 1
    step = _step(most / TICKS)
    top = step * -(-most // step)
    height = TOP + PLOT_HEIGHT + BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="12" y="42" fill="#555">{escape(about)}</text>',
        *_legend([part for one in parts for part in one]),
        *_axis(step, top, unit),
    ]
    room = (WIDTH - LEFT - 16) / max(len(shown), 1)
    bar_width = room * 0.8 / max(len(parts), 1)
    every = -(-len(shown) // MOST_LABELS)
    for place, group in enumerate(shown):
        x = LEFT + room * (place + 0.1)
        for number, (bar, colours) in enumerate(zip(group.bars, parts, strict=True)):
            lines += _bar(x + number * bar_width, bar_width, bar, colours, top)
        if place % every == 0:
            middle = f"{x + room * 0.4:.1f}"
            lines.append(
                f'<text x="{middle}" y="{TOP + PLOT_HEIGHT + 16}" text-anchor="middle" fill="#555"'
                f' font-size="11">{escape(group.label)}</text>'
            )
    lines.append(f'<text x="{LEFT}" y="{height - 10}" fill="#555">{escape(along)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _gathered(groups: Sequence[Group]) -> list[Group]:
    """At most MOST_GROUPS groups: neighbours are taken together, by the mean of each part."""
    size = -(-len(groups) // MOST_GROUPS)
    if size <= 1:
        return list(groups)
    gathered = []
    for start in range(0, len(groups), size):
        some = groups[start : start + size]
        bars = tuple(
            tuple(sum(values) / len(some) for values in zip(*bars, strict=True))
            for bars in zip(*(group.bars for group in some), strict=True)
        )
        gathered.append(Group(some[0].label, bars))
    return gathered


def _step(least: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 1.0
    while power * 10 <= least:
        power *= 10
    while power > least and power > 1:
        power /= 10
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _legend(parts: Sequence[Part]) -> list[str]:
    lines = []
    for number, part in enumerate(parts):
        row, column = divmod(number, LEGEND_COLUMNS)
        x, y = LEGEND_LEFT + column * LEGEND_STEP, LEGEND_TOP + row * LEGEND_ROW
        lines.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{part.colour}"/>')
        lines.append(f'<text x="{x + 18}" y="{y + 10}">{escape(part.name)}</text>')
    return lines


def _axis(step: float, top: float, unit: str) -> list[str]:
    lines = []
    for tick in range(round(top / step) + 1):
        value = tick * step
        y = f"{TOP + PLOT_HEIGHT * (1 - value / top):.1f}"
        lines.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - 16}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y}" dy="4" text-anchor="end" fill="#555">{value:,.0f}</text>')
    lines.append(f'<text x="12" y="{TOP - 8}" fill="#555">{escape(unit)}</text>')
    return lines


def _bar(x: float, width: float, values: Sequence[float], parts: Sequence[Part], top: float) -> list[str]:
    lines = []
    base = float(TOP + PLOT_HEIGHT)
    for value, part in zip(values, parts, strict=True):
        height = PLOT_HEIGHT * value / top
        base -= height
        lines.append(
            f'<rect x="{x:.1f}" y="{base:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{part.colour}"/>'
        )
    return lines
