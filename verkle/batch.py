"""Many multiproofs at once.

Proofs that are made together are made side by side, where the engine has threads.

Of proofs that are verified together the relations are combined, and one is checked in place of all. Each proof leaves a
relation that is the identity where the proof is true (`verkle.ipa.Relation`). With

    rho = challenge of a transcript that absorbs, per proof, the last challenge of its own transcript and its scalar a

the sum of rho^k relation_k is checked. A proof's own transcript has absorbed everything else that the relation is made
of, so rho is drawn after all relations are fixed: where one of n does not hold, the sum is the identity for at most
n - 1 of the r values of rho. Errors that would cancel under equal weights, or under weights known in advance, do not.

Definition: `prove`, and `verify`, of one proof after the other; what is refused, and why, is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic

from spec.errors import DecodeError, Rejection
from verkle import ipa, multiproof
from verkle.engine import Engine, Openings, P
from verkle.multiproof import MultiProof
from verkle.transcript import Transcript

LABEL: Final = b"batch"


@dataclass(frozen=True, slots=True)
class Claim(Generic[P]):
    """A proof with what it is to prove. The transcript is used up."""

    transcript: Transcript
    openings: Openings[P]
    proof: MultiProof


@dataclass(frozen=True, slots=True)
class Task(Generic[P]):
    """What is to be proved: the arguments of `multiproof.prove`. The transcript is used up."""

    transcript: Transcript
    openings: Openings[P]
    polynomials: Any


def prove_all(engine: Engine[P], tasks: Sequence[Task[P]]) -> list[MultiProof]:
    """A proof for each task, as `multiproof.prove` makes it; the engine's threads share the tasks out.

    Raises: ValueError where an opening is not true of its polynomial, or a task has none.
    """
    return engine.each(
        [partial(multiproof.prove, engine, task.transcript, task.openings, task.polynomials) for task in tasks]
    )


def verify_all(engine: Engine[P], claims: Sequence[Claim[P]]) -> None:
    """Check all claims; the engine's threads share out what depends on one only.

    Raises: what `multiproof.verify` raises for the first claim that is wrong, with its number: as the fact `proof` of a
    Rejection, and as the place `proofs[k]` of a DecodeError.
    """
    relations: list[ipa.Relation[P]] = []
    chooser = Transcript(LABEL)
    failure: Rejection | DecodeError | None = None
    for number, made in enumerate(engine.each([partial(_reduced, engine, claim) for claim in claims])):
        if isinstance(made, Rejection | DecodeError):
            failure = _numbered(made, number)
            break
        relations.append(made)
        chooser.append_scalar(b"state", claims[number].transcript.challenge(b"state"))
        chooser.append_scalar(b"a", claims[number].proof.argument.last)
    rho = chooser.challenge(b"rho")
    if relations and not ipa.combined(engine, relations, rho).holds(engine):
        for number, relation in enumerate(relations):
            try:
                relation.require(engine)
            except Rejection as error:
                raise _numbered(error, number) from None
        raise AssertionError("relations that all hold have a sum that does")
    if failure is not None:
        raise failure


def _reduced(engine: Engine[P], claim: Claim[P]) -> ipa.Relation[P] | Rejection | DecodeError:
    """What remains of a claim to be checked, or what is wrong with it."""
    try:
        return multiproof.reduce(engine, claim.transcript, claim.openings, claim.proof)
    except (Rejection, DecodeError) as error:
        return error


def _numbered(error: Rejection | DecodeError, number: int) -> Rejection | DecodeError:
    if isinstance(error, DecodeError):
        return error.inside(f"proofs[{number}]")
    return Rejection(error.reason, **{**error.facts, "proof": number})
