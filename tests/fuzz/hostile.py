"""Run mutations against the verifier and sort what comes of each: the one property is that nothing else can come."""

import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from spec.codec.witness_json import decode_witness
from spec.containers import ExecutionWitness
from spec.errors import DecodeError, Rejection
from spec.types import StateRoot
from stateless.verify import verify_witness
from tests.fuzz.mutations import MUTATIONS, Json, mutate
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness.proof import check

SECONDS_A_MUTATION = 60
"""A verification that takes longer hangs (an honest one takes a fraction of a second)."""


@dataclass(frozen=True)
class Target:
    """A witness that is accepted, with the two roots that it connects."""

    witness: Json
    parent_root: StateRoot
    state_root: StateRoot


@dataclass
class Verdicts:
    """What came of the mutations: reasons by mutation, and accepted changes that change the meaning."""

    total: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        by_reason: Counter[str] = Counter()
        for (_, reason), count in self.reasons.items():
            by_reason[reason] += count
        shown = ", ".join(f"{reason} {count}" for reason, count in by_reason.most_common())
        return f"{self.total} mutations, {len(self.accepted)} accepted as equivalent; {shown}"


@contextmanager
def no_hang(seconds: int) -> Iterator[None]:
    """Turn a hang into a failure."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no verdict after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tells_nothing_new(view: Tree[P], witness: ExecutionWitness) -> bool:
    """Whether every current value of a witness is what a proven view says (UnknownNode where it says nothing)."""
    return all(view.get(key) == diff.current_value for key, diff in witness.locations())


def attack(engine: Engine[P], targets: Sequence[Target], rounds: int, rng: random.Random, *, markers: bool) -> Verdicts:
    """`rounds` of every mutation on every target. Any exception but Rejection and DecodeError goes through.

    A mutation that is accepted (so its post root is the header's) must be equivalent: everything it claims of the
    pre-state is known from the original's proof. A stem absent by an empty slot may be another one below that slot.
    """
    verdicts = Verdicts()
    for index, target in enumerate(targets):
        view = check(engine, decode_witness(target.witness), target.parent_root, markers=markers)
        for _ in range(rounds):
            for mutation in MUTATIONS:
                other = targets[(index + rng.randrange(1, len(targets))) % len(targets)]
                changed = mutate(mutation, rng, target.witness, other.witness)
                if changed is None:
                    continue
                verdicts.total += 1
                with no_hang(SECONDS_A_MUTATION):
                    try:
                        witness = decode_witness(changed)
                        verify_witness(engine, witness, target.parent_root, target.state_root, markers=markers)
                    except Rejection as rejection:
                        if not str(rejection):
                            verdicts.silent.append(mutation.__name__)
                        verdicts.reasons[mutation.__name__, str(rejection.reason)] += 1
                        continue
                    except DecodeError as error:
                        if not error.message or "\n" in str(error):
                            verdicts.silent.append(mutation.__name__)
                        verdicts.reasons[mutation.__name__, "decode-error"] += 1
                        continue
                assert tells_nothing_new(view, witness), f"{mutation.__name__} on target {index}: a lie was accepted"
                verdicts.accepted.append(mutation.__name__)
    return verdicts
