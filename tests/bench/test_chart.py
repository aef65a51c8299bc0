"""The chart of a kept run is a drawing with a bar for each case that the Go libraries ran too."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.bench.chart import draw, place
from tests.bench.record import RESULTS, slug

SVG = "{http://www.w3.org/2000/svg}"


def case(name: str, ours: float, go: float | None, wanted: float | None) -> dict[str, Any]:
    peers = {} if go is None else {"go": {"median": go, "ratio": go / ours}}
    met = None if go is None or wanted is None else go / ours >= wanted
    return {"case": name, "median": ours, "peers": peers, "target_ratio": wanted, "met": met}


def test_bars() -> None:
    cases = [case("fast", 0.001, 0.02, 8), case("slow & <odd>", 1, 0.5, 4), case("free", 1, 2, None)]
    machine = {"engine": "numba", "cpu": "a CPU", "cores": 2}
    document = {"date": "2026-01-01", "machine": machine, "cases": [*cases, case("ours only", 1, None, None)]}
    root = ElementTree.fromstring(draw(document))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert [text for text in texts if text in ("fast", "slow & <odd>", "free", "ours only")] == [
        "fast",
        "slow & <odd>",
        "free",
    ]
    assert any(text.startswith("20.0x   1.00 ms : 20.00 ms") for text in texts)
    assert len(list(root.iter(f"{SVG}rect"))) == 4, "a bar each, and the ground"
    assert place(10) - place(1) == place(100) - place(10)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_kept_runs_can_be_drawn(path: Path) -> None:
    document = json.loads(path.read_text(encoding="ascii"))
    assert document["command"].startswith("verkle bench")
    assert path.name.startswith(document["date"])
    assert slug(document["machine"]["engine"]) in path.name
    ElementTree.fromstring(draw(document))
