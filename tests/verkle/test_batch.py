"""Many proofs at once: the verdict of one after the other, and errors that cancel only where weights are known."""

import random
from dataclasses import replace
from typing import Any

import pytest

from spec.errors import DecodeError, Reason, Rejection
from spec.types import Bytes32
from tests.toy_engine import ToyEngine
from verkle import ipa, multiproof
from verkle.batch import Claim, Task, prove_all, verify_all
from verkle.engine import Engine, Openings
from verkle.field import FR
from verkle.multiproof import MultiProof
from verkle.transcript import Transcript

R = FR.modulus
Proved = tuple[Openings[Any], MultiProof]


def stated(engine: Engine[Any], count: int, seed: int) -> tuple[Openings[Any], Any]:
    """Openings, and the polynomials that they are of."""
    rng = random.Random(seed)
    rows = [{index: rng.randrange(R) for index in rng.sample(range(256), 3)} for _ in range(count)]
    points = bytes(rng.randrange(256) for _ in rows)
    values = engine.vectors.of([row.get(z, 0) for row, z in zip(rows, points, strict=True)])
    openings = Openings(engine.commit([row.items() for row in rows]), range(count), points, values)
    return openings, engine.vectors.polynomials(rows)


def proved(engine: Engine[Any], count: int, seed: int) -> Proved:
    openings, polynomials = stated(engine, count, seed)
    return openings, multiproof.prove(engine, Transcript(b"test"), openings, polynomials)


def claims(listed: list[Proved]) -> list[Claim[Any]]:
    return [Claim(Transcript(b"test"), openings, proof) for openings, proof in listed]


def with_last(proof: MultiProof, by: int) -> MultiProof:
    return replace(proof, argument=replace(proof.argument, last=(proof.argument.last + by) % R))


def one_by_one(engine: Engine[Any], listed: list[Proved]) -> tuple[int, type[Exception], str] | None:
    """The definition: which proof is refused first, by what, and why."""
    for number, (openings, proof) in enumerate(listed):
        try:
            multiproof.verify(engine, Transcript(b"test"), openings, proof)
        except (Rejection, DecodeError) as error:
            return number, type(error), str(error.reason if isinstance(error, Rejection) else error.message)
    return None


def together(engine: Engine[Any], listed: list[Proved]) -> tuple[int, type[Exception], str] | None:
    try:
        verify_all(engine, claims(listed))
    except Rejection as error:
        number = error.facts["proof"]
        assert isinstance(number, int)
        return number, Rejection, str(error.reason)
    except DecodeError as error:
        return int(str(error.where).split("[")[1].split("]")[0]), DecodeError, error.message
    return None


@pytest.mark.parametrize("count", [0, 1, 5])
def test_proofs_made_together_are_those_made_one_by_one(engine: Engine[Any], count: int) -> None:
    rows = [stated(engine, 1 + 3 * k, seed=k) for k in range(count)]
    made = prove_all(engine, [Task(Transcript(b"test"), openings, polynomials) for openings, polynomials in rows])
    assert made == [proved(engine, 1 + 3 * k, seed=k)[1] for k in range(count)]


def test_a_false_opening_is_not_proved(engine: Engine[Any]) -> None:
    openings, polynomials = stated(engine, 2, seed=3)
    lie = replace(openings, values=engine.vectors.of([1, 2]))
    tasks = [Task(Transcript(b"test"), one, polynomials) for one in (openings, lie)]
    with pytest.raises(ValueError, match="not the opening's"):
        prove_all(engine, tasks)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_true_proofs_are_accepted_together(engine: Engine[Any], count: int) -> None:
    verify_all(engine, claims([proved(engine, 1 + 3 * k, seed=k) for k in range(count)]))


def test_whichever_is_wrong_is_named(engine: Engine[Any]) -> None:
    """As one after the other: a false scalar, a false value, another's proof, a point that is none, in every order."""
    listed = [proved(engine, 2, seed=k) for k in range(3)]
    openings, proof = proved(engine, 2, seed=9)
    lie = replace(openings, values=engine.vectors.of([1, 2]))
    broken = replace(proof, d=Bytes32(b"\xff" * 32))
    wrong = [(openings, with_last(proof, 1)), (lie, proof), (openings, listed[0][1]), (openings, broken)]
    for forged in wrong:
        for place in range(3):
            changed = [*listed[:place], forged, *listed[place:]]
            verdict = together(engine, changed)
            assert verdict is not None
            assert verdict == one_by_one(engine, changed)
            assert verdict[0] == place
    changed = [listed[0], wrong[0], wrong[3]]
    assert together(engine, changed) == one_by_one(engine, changed)


def test_errors_that_cancel_under_equal_weights_are_found(engine: Engine[Any]) -> None:
    """The same proof twice, its last scalar off by +1 and by -1: the relations are not true, and their sum is."""
    openings, proof = proved(engine, 3, seed=4)
    forged = [(openings, with_last(proof, 1)), (openings, with_last(proof, -1))]
    relations = [multiproof.reduce(engine, Transcript(b"test"), *one) for one in forged]
    assert not any(relation.holds(engine) for relation in relations)
    assert ipa.combined(engine, relations, 1).holds(engine), "so equal weights would not do"
    verdict = together(engine, forged)
    assert verdict == one_by_one(engine, forged) == (0, Rejection, str(Reason.PROOF_INVALID))


def test_the_weights_depend_on_everything(toy: ToyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    combined = ipa.combined

    def noted(engine: Any, relations: Any, rho: int) -> Any:
        drawn.append(rho)
        return combined(engine, relations, rho)

    monkeypatch.setattr(ipa, "combined", noted)
    listed = [proved(toy, 2, seed=k) for k in range(2)]
    openings, proof = listed[1]
    zeros = replace(proof.argument, right=(*proof.argument.right[:-1], Bytes32(bytes(32))))
    for last in (
        (openings, proof),
        (openings, with_last(proof, 1)),
        (openings, replace(proof, argument=zeros)),
        (replace(openings, values=toy.vectors.of([3, 4])), proof),
        (replace(openings, points=bytes([1, 2])), proof),
    ):
        together(toy, [listed[0], last])
    together(toy, listed[::-1])
    assert len(set(drawn)) == len(drawn) == 6
