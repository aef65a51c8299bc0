"""The drawing of two kinds of bars: its scale, and how many of them there are."""

import re
from xml.etree import ElementTree

from cli import plot
from cli.plot import Group, Part, draw

PARTS = ((Part("a", "#111"), Part("b", "#222")), (Part("c", "#333"),))
NAME = "{http://www.w3.org/2000/svg}"


def heights(drawing: str, colour: str) -> list[float]:
    root = ElementTree.fromstring(drawing)
    bars = [one for one in root.iter(f"{NAME}rect") if one.get("fill") == colour and float(one.get("y", "0")) > 80]
    return [float(one.get("height", "0")) for one in bars]


def test_bars_are_as_high_as_their_values() -> None:
    groups = [Group("1", ((100.0, 300.0), (50.0,))), Group("2", ((0.0, 0.0), (400.0,)))]
    drawing = draw("A & B", "about", PARTS, groups, "bytes")
    assert heights(drawing, "#111") == [65.0, 0.0]
    assert heights(drawing, "#222") == [195.0, 0.0]
    assert heights(drawing, "#333") == [32.5, 260.0]
    assert "A &amp; B" in drawing
    assert re.findall(r'text-anchor="end" fill="#555">([\d,]+)<', drawing) == ["0", "100", "200", "300", "400"]


def test_many_groups_are_taken_together() -> None:
    groups = [Group(str(number), ((float(number % 2), 1.0), (2.0,))) for number in range(101)]
    drawing = draw("many", "about", PARTS, groups, "bytes")
    assert len(heights(drawing, "#333")) == 34 <= plot.MOST_GROUPS
    assert "each bar is the mean of 3 blocks" in drawing


def test_nothing_to_draw() -> None:
    for groups in ([], [Group("1", ((0.0, 0.0), (0.0,)))]):
        ElementTree.fromstring(draw("nothing", "about", PARTS, groups, "bytes"))


def test_the_legend_stays_inside() -> None:
    parts = tuple((Part(f"part {number}", f"#00000{number}"),) for number in range(6))
    root = ElementTree.fromstring(draw("six", "about", parts, [], "bytes"))
    marks = [one for one in root.iter(f"{NAME}rect") if one.get("fill") in {part.colour for (part,) in parts}]
    places = {(float(one.get("x", "")), float(one.get("y", ""))) for one in marks}
    assert len(places) == len(marks) == 6
    assert all(x + plot.LEGEND_STEP <= plot.WIDTH and y + 12 < plot.TOP for x, y in places)
