"""Draw a kept run as bars: how many times as long the Go libraries take, case by case.

python -m tests.bench.chart tests/bench/results/DATE-MACHINE.json > spec/engine.svg
"""

import json
import math
import sys
from html import escape
from pathlib import Path
from typing import Any, Final

LEFT: Final = 190
"""Where bars begin."""
DECADE: Final = 190
"""Width of a factor of ten."""
HEIGHT: Final = 22
TOP: Final = 64
TICKS: Final = (1, 2, 5, 10, 20, 50, 100)
MET, MISSED, FREE = "#2f6f4f", "#b5532d", "#5a6b7b"


def duration(seconds: float) -> str:
    """1.2 s, 3.4 ms, 5.6 us."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} us"


def place(ratio: float) -> float:
    """Where a ratio stands, on a scale of logarithms from 1."""
    return LEFT + DECADE * math.log10(max(ratio, 1))


def bar(row: int, case: dict[str, Any]) -> list[str]:
    """One case: name, bar, the ratio wanted as a mark, both medians."""
    peer, y = case["peers"]["go"], TOP + row * HEIGHT
    ratio, wanted = peer["ratio"], case["target_ratio"]
    colour = FREE if case["met"] is None else MET if case["met"] else MISSED
    width = max(place(ratio) - LEFT, 1)
    about = f"{ratio:.1f}x   {duration(case['median'])} : {duration(peer['median'])}"
    lines = [
        f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(case["case"])}</text>',
        f'<rect x="{LEFT}" y="{y + 3}" width="{width:.1f}" height="{HEIGHT - 7}" fill="{colour}"/>',
        f'<text x="{place(max(ratio, wanted or 1)) + 8:.1f}" y="{y + 14}">{escape(about)}</text>',
    ]
    if wanted:
        x = f"{place(wanted):.1f}"
        lines.append(f'<line x1="{x}" y1="{y}" x2="{x}" y2="{y + HEIGHT - 1}" stroke="#111" stroke-width="2"/>')
    return lines


def draw(document: dict[str, Any]) -> str:
    """The drawing."""
    cases = [case for case in document["cases"] if "go" in case["peers"]]
    bottom, right = TOP + HEIGHT * len(cases), LEFT + 2 * DECADE
    machine = document["machine"]
    title = f"Time of go-ipa and go-verkle over ours (engine {machine['engine']}), one thread"
    about = f"{document['date']}, {machine['cpu']}, {machine['cores']} cores; medians; a mark is the ratio wanted"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right + 230}" height="{bottom + 34}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{right + 230}" height="{bottom + 34}" fill="#fff"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="12" y="42" fill="#555">{escape(about)}</text>',
    ]
    for tick in TICKS:
        x = f"{place(tick):.1f}"
        lines.append(f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom + 4}" stroke="#ddd"/>')
        lines.append(f'<text x="{x}" y="{bottom + 20}" text-anchor="middle" fill="#555">{tick}</text>')
    for row, case in enumerate(cases):
        lines += bar(row, case)
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    sys.stdout.write(draw(json.loads(Path(sys.argv[1]).read_text(encoding="ascii"))))


if __name__ == "__main__":
    main()
