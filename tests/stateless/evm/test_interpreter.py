"""The fast loop against its definition, `run_checked`: programs at random come to the same in both.

Programs are biased to what the two could tell apart: stacks that underflow or overflow, jumps, calls, creations, gas
that runs out anywhere, chunks and pushes that cross them. Each runs under every schedule.
"""

import random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.gas import STACK_LIMIT
from stateless.evm.frame import Frame, Result
from stateless.evm.machine import Machine
from tests.stateless.evm.programs import program, push
from tests.stateless.evm.scenes import CONTRACTS, PROFILES, cast, scene
from tests.stateless.worlds import Onlooker

EXAMPLES: Final = 200


class Noting(Machine):
    """A machine that notes the registers of every frame that ends."""

    __slots__ = ("ended",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ended: list[tuple[Any, ...]] = []

    def _continue(self, frame: Frame) -> Result | None:
        result = super()._continue(frame)
        if result is not None:
            registers = (frame.pc, list(frame.stack), bytes(frame.memory)) if result.success else ()
            self.ended.append((frame.message.depth, result.success, result.gas_left, result.output, *registers))
        return result


def outcome(name: str, codes: list[bytes], asked: dict[str, Any], *, checked: bool) -> tuple[Any, ...]:
    """Everything that a message comes to, in one of the two loops."""
    stage = scene(name, cast(*codes), Onlooker() if checked else None, Noting)
    machine = stage.machine
    assert isinstance(machine, Noting)
    result = stage.run(**asked)
    return result.success, result.gas_left, result.output, machine.ended, stage.facts()


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=EXAMPLES)
@given(rng=st.randoms(use_true_random=False))
def test_the_fast_loop_does_what_its_definition_does(name: str, rng: random.Random) -> None:
    """Gas, stack, memory, output, logs, refunds, warm entries, access events and changes are equal."""
    codes = [program(rng, 4 + rng.randrange(30)) for _ in CONTRACTS]
    asked: dict[str, Any] = {"gas": rng.choice((500, 3000, 30_000, 200_000, 200_000)), "value": rng.choice((0, 0, 5))}
    if rng.randrange(5) == 0:
        asked["initcode"] = program(rng, 10)
    else:
        asked["data"] = rng.randbytes(rng.choice((0, 4, 40)))
    assert outcome(name, codes, asked, checked=False) == outcome(name, codes, asked, checked=True)


@pytest.mark.parametrize("name", PROFILES)
def test_random_programs_do_run(name: str) -> None:
    """The programs above are not all dead at their first instruction: over 200 of them most kinds of end are seen."""
    rng = random.Random(3155)
    print("seed 3155")
    depths, succeeded, failed, logs, changes = set(), 0, 0, 0, 0
    for _ in range(200):
        codes = [program(rng, 4 + rng.randrange(30)) for _ in CONTRACTS]
        success, _, _, ended, (entries, _, _, _, changed) = outcome(name, codes, {"gas": 200_000}, checked=False)
        depths |= {frame[0] for frame in ended}
        succeeded += success
        failed += not success
        logs += len(entries)
        changes += len(changed)
    print(name, depths, succeeded, failed, logs, changes)
    assert len(depths) > 2
    assert min(succeeded, failed) > 20
    assert logs
    assert changes


@pytest.mark.parametrize("name", PROFILES)
def test_every_opcode_at_many_heights(name: str) -> None:
    """Each of the 256 bytes on stacks that are too low, enough, nearly full and full."""
    compared = 0
    for opcode in range(256):
        for height in (0, 1, 3, 6, 7, 17, STACK_LIMIT - 1, STACK_LIMIT):
            code = push(1) * height + bytes((opcode,)) + bytes(40)
            fast, slow = (outcome(name, [code], {"gas": 40_000}, checked=checked) for checked in (False, True))
            assert fast == slow, (opcode, height)
            compared += 1
    assert compared == 256 * 8
