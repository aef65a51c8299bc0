"""Many multiproofs verified together: their relations are combined, and one is checked in place of all.

Each proof leaves a relation that is the identity where the proof is true (`verkle.ipa.Relation`). With

    rho = challenge of a transcript that absorbs, per proof, the last challenge of its own transcript and its scalar a

the sum of rho^k relation_k is checked. A proof's own transcript has absorbed everything else that the relation is made
of, so rho is drawn after all relations are fixed: where one of n does not hold, the sum is the identity for at most
n - 1 of the r values of rho. Errors that would cancel under equal weights, or under weights known in advance, do not.

Definition: `verify` of one proof after the other; what is refused, and why, is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

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


def verify_all(engine: Engine[P], claims: Sequence[Claim[P]]) -> None:
    """Check all claims.

    Raises: what `multiproof.verify` raises for the first claim that is wrong, with its number: as the fact `proof` of a
    Rejection, and as the place `proofs[k]` of a DecodeError.
    """
    relations: list[ipa.Relation[P]] = []
    chooser = Transcript(LABEL)
    failure: Rejection | DecodeError | None = None
    for number, claim in enumerate(claims):
        try:
            relations.append(multiproof.reduce(engine, claim.transcript, claim.openings, claim.proof))
        except (Rejection, DecodeError) as error:
            failure = _numbered(error, number)
            break
        chooser.append_scalar(b"state", claim.transcript.challenge(b"state"))
        chooser.append_scalar(b"a", claim.proof.argument.last)
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


def _numbered(error: Rejection | DecodeError, number: int) -> Rejection | DecodeError:
    if isinstance(error, DecodeError):
        return error.inside(f"proofs[{number}]")
    return Rejection(error.reason, **{**error.facts, "proof": number})
