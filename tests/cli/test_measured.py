"""What `verkle bench` says of its figures: ratios, and whether what was wanted is reached."""

from cli.cases import Work
from cli.measured import ALONE, Case, Measured


def measured(**theirs: list[float]) -> Measured:
    case = Case("some", "something", lambda _: Work(lambda: None, ""), target=2.0, ratio=8, scaling=1.7)
    named = {name.replace("_", " "): runs for name, runs in theirs.items()}
    return Measured(case, "something: of some size", [1.0, 1.2, 0.9], named, (100, "things"))


def test_ratios_are_of_medians() -> None:
    one = measured(go=[9.0, 8.5, 30.0], one_thread=[1.8, 1.6, 1.9])
    assert one.ratio("go") == 9.0
    assert one.ratio(ALONE) == 1.8
    assert one.rate() == 100
    assert one.met() is True
    lines = one.lines()
    assert "9.0 times as long, wanted 8: met" in lines[1]
    assert "1.80 times as long, wanted 1.7: met" in lines[2]


def test_what_falls_short_is_said() -> None:
    for one, line in ((measured(go=[7.9] * 3), "wanted 8: MISSED"), (measured(one_thread=[1.6] * 3), "1.7: MISSED")):
        assert one.met() is False
        assert line in one.lines()[1]
        assert one.as_json()["met"] is False


def test_peers_without_a_target_judge_nothing() -> None:
    one = measured(wasm=[0.1] * 3)
    assert one.met() is True
    assert "wanted" not in one.lines()[1]
