"""Choosing an engine: names, reasons, falling back, and self-tests that notice every sabotage."""

import sys
from typing import Any

import llvmlite.binding
import pytest

from accel import select as selection
from accel.select import NAMES, select, self_test
from spec.errors import EngineUnavailable
from tests.accel.conftest import COMPILED, REFERENCE, engine_called
from verkle.engine import ReferenceEngine


def features_without(*names: str) -> Any:
    """What LLVM says of this CPU, less these features."""
    real = llvmlite.binding.get_host_cpu_features()
    kept = type(real)(real)
    for name in names:
        kept[name] = False
    return lambda: kept


def test_names() -> None:
    assert NAMES[0] == "auto"
    assert NAMES[-1] == "python"
    assert select("python").engine.name == "python"
    assert isinstance(select("python").engine, ReferenceEngine)
    assert select("python").remarks == ()


@pytest.mark.parametrize("name", COMPILED)
def test_an_engine_is_called_what_was_asked_for(name: str) -> None:
    assert engine_called(name).name == name
    assert select(name).remarks == ()


def test_ifma_runs_wherever_the_cpu_has_it() -> None:
    """No other test may be skipped on such a machine for another reason than its CPU."""
    if not llvmlite.binding.get_host_cpu_features().get("avx512ifma"):
        pytest.skip("the CPU has no avx512ifma")
    assert select("numba-ifma").engine.name == "numba-ifma"
    assert select("auto").engine.name == "numba-ifma"
    assert select("auto").remarks == ()


@pytest.mark.parametrize("name", ["", "cuda", "IFMA", "numba_ifma"])
def test_an_unknown_name_is_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(EngineUnavailable) as refusal:
        select(name)
    assert all(known in str(refusal.value) for known in NAMES)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("missing", ["avx512ifma", "avx512f", "avx512dq"])
def test_a_cpu_without_ifma_is_refused_before_anything_is_compiled(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", features_without(missing))
    with pytest.raises(EngineUnavailable) as refusal:
        select("numba-ifma")
    assert missing in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_auto_falls_back_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", features_without("avx512ifma"))
    chosen = select("auto")
    assert chosen.engine.name == next(name for name in NAMES if name not in ("auto", "numba-ifma"))
    assert [remark.partition(":")[0] for remark in chosen.remarks] == ["numba-ifma"]
    assert "avx512ifma" in chosen.remarks[0]
    assert "\n" not in chosen.remarks[0]


@pytest.mark.parametrize("name", COMPILED)
def test_without_numba_there_is_plain_python(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(EngineUnavailable, match="Numba cannot be imported"):
        select(name)
    chosen = select("auto")
    assert chosen.engine.name == "python"
    assert [remark.partition(":")[0] for remark in chosen.remarks] == COMPILED


class Sabotaged:
    """An engine of which one operation is wrong."""

    def __init__(self, engine: Any, operation: str) -> None:
        self._engine, self._operation = engine, operation

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._engine, name)
        if name != self._operation:
            return real

        def wrong(*arguments: Any) -> Any:
            made = real(*arguments)
            if name == "to_scalars":
                return [value + 1 for value in made]
            if name == "encode":
                return [bytes([data[0] ^ 1, *data[1:]]) for data in made]
            if name == "msm":
                return self._engine.q
            return [self._engine.q for _ in made]

        return wrong


OPERATIONS = ["commit", "commit_vectors", "msm", "add", "to_scalars", "encode", "decode"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", [*COMPILED, "python"])
def test_the_self_test_notices_every_wrong_operation(name: str, operation: str) -> None:
    engine = REFERENCE if name == "python" else engine_called(name)
    self_test(engine)
    with pytest.raises(EngineUnavailable, match="self-test") as refusal:
        self_test(Sabotaged(engine, operation))
    assert engine.name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_engine_that_fails_its_self_test_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ReferenceEngine):
        def add(self, left: Any, right: Any) -> Any:
            return list(left)

    monkeypatch.setattr(selection, "ReferenceEngine", Broken)
    with pytest.raises(EngineUnavailable, match="self-test of python failed"):
        select("python")
