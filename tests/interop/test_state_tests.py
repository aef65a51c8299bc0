"""The general state tests of ethereum/tests and execution-spec-tests: every case of the forks whose rules we know.

general_state_tests.tar.xz holds 1,785 files of ethereum/tests, osaka_state_tests.tar.xz 24 of fusaka-devnet-5. They
are read from the archives as they are. Nothing is left out: a few files take minutes and wait for `make test-slow`.
"""

import random
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from spec.codec import json_document
from spec.codec.state_test_json import StateTest, decode_state_tests
from spec.forks import Fork
from spec.types import Address
from stateless.evm.precompiles import Precompile, precompiles
from stateless.state_test import canonical, run
from tests.interop.compiled_blake2f import compiled_blake2f

GENERAL: Final = "general_state_tests.tar.xz"
OSAKA: Final = "osaka_state_tests.tar.xz"
PARTS: Final = 16
"""Tests that the first archive's files are dealt out to, so that workers share them evenly."""
MOST_ROUNDS: Final = "GeneralStateTests/stTimeConsuming/CALLBlake2f_MaxRounds.json"
SLOW: Final = (
    "GeneralStateTests/VMTests/vmPerformance/loopExp.json",
    "GeneralStateTests/VMTests/vmPerformance/loopMul.json",
    "GeneralStateTests/stPreCompiledContracts2/CALLBlake2f.json",
    "GeneralStateTests/stPreCompiledContracts2/CALLCODEBlake2f.json",
    MOST_ROUNDS,
)
"""Ten seconds to ten minutes each."""
FIGURES: Final = {
    GENERAL: {"london": 38, "paris": 52, "shanghai": 112, "cancun": 14_513},
    OSAKA: {"prague": 93, "osaka": 453},
}
"""Cases by archive and fork."""
BLAKE2F: Final = Address((9).to_bytes(20, "big"))


def files(vectors: Path, archive: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive's files, in its order."""
    with tarfile.open(vectors / archive) as stream:
        for member in stream:
            content = stream.extractfile(member)
            if content is not None:
                yield member.name, content.read()


def decoded(data: bytes) -> tuple[StateTest, ...]:
    return decode_state_tests(json_document.parse(data))


def check(name: str, data: bytes) -> tuple[int, list[str]]:
    """How many cases a file has, and what is wrong with those that fail."""
    cases, failures = 0, []
    for test in decoded(data):
        verdicts = list(run(test))
        expected = [case for fork, found in test.cases.items() if canonical(fork) for case in found]
        assert [verdict.case for verdict in verdicts] == expected, "every case has its verdict"
        cases += len(verdicts)
        failures += [
            f"{name} {test.name} {verdict.fork} {verdict.case.data}/{verdict.case.gas}/{verdict.case.value}: "
            f"{verdict.error}"
            for verdict in verdicts
            if not verdict.passed
        ]
    return cases, failures


def check_all(chosen: Iterator[tuple[str, bytes]]) -> None:
    cases, failures = 0, []
    for name, data in chosen:
        found, wrong = check(name, data)
        cases += found
        failures += wrong
    print(cases, "cases")
    assert cases
    assert not failures, f"{len(failures)} of {cases} cases:\n" + "\n".join(failures[:20])


@pytest.mark.parametrize("archive", FIGURES)
def test_what_the_archives_hold(vectors: Path, archive: str) -> None:
    """As many cases as stated, and the slow files among them: so nothing can fall through below."""
    found: Counter[str] = Counter()
    names = []
    for name, data in files(vectors, archive):
        names.append(name)
        for test in decoded(data):
            for fork, cases in test.cases.items():
                found[canonical(fork) or "others"] += len(cases)
    found.pop("others", None)
    assert found == FIGURES[archive]
    assert len(names) == len(set(names))
    assert set(SLOW) <= set(names) or archive == OSAKA


@pytest.mark.parametrize("part", range(PARTS))
def test_general_state_tests(vectors: Path, part: int) -> None:
    """ethereum/tests: state root and logs of each case, or the reason of its refusal."""
    dealt = (pair for index, pair in enumerate(files(vectors, GENERAL)) if index % PARTS == part)
    check_all(pair for pair in dealt if pair[0] not in SLOW)


def test_osaka_state_tests(vectors: Path) -> None:
    """fusaka-devnet-5: EIPs 7594, 7825, 7883, 7939 and 7951."""
    check_all(files(vectors, OSAKA))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SLOW if name != MOST_ROUNDS])
def test_slow_state_tests(vectors: Path, name: str) -> None:
    check_all(pair for pair in files(vectors, GENERAL) if pair[0] == name)


@pytest.mark.slow
def test_the_most_rounds_of_blake2f(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2^32 - 1 rounds, the one case that is not run by our own precompile but by a compiled one that agrees with it."""
    run_compiled = compiled_blake2f()
    ours = precompiles(Fork.CANCUN)[BLAKE2F]
    rng = random.Random(152)
    print("seed 152")
    for rounds in (0, 1, 9, 10, 11, 12, 100, *(rng.randrange(2000) for _ in range(40))):
        data = rounds.to_bytes(4, "big") + rng.randbytes(208) + bytes((rng.randrange(2),))
        assert run_compiled(data) == ours.run(data)

    def with_compiled(fork: Fork) -> dict[Address, Precompile]:
        return {**precompiles(fork), BLAKE2F: ours._replace(run=run_compiled)}

    monkeypatch.setattr("stateless.evm.machine.precompiles", with_compiled)
    check_all(pair for pair in files(vectors, GENERAL) if pair[0] == MOST_ROUNDS)
