"""Many openings proved at once: 576 bytes, however many there are.

Notation: opening i says f_i(z_i) = y_i for a polynomial committed to in C_i, with z_i in the domain 0..255.

    r = challenge        g(X) = sum of r^i (f_i(X) - y_i) / (X - z_i)           D = commit(g)
    t = challenge        h(X) = sum of r^i f_i(X) / (t - z_i)                   E = commit(h)
                         E = sum of r^i / (t - z_i) C_i, which the verifier computes itself
    then                 g(t) = h(t) - sum of r^i y_i / (t - z_i)
    so                   (h - g)(t) = sum of r^i y_i / (t - z_i), proved by one inner product argument on E - D at t.

The prover gathers the openings of one z, F_z = sum of r^i f_i over z_i = z, and so looks at each polynomial once:

    g(X) = sum over z of (F_z(X) - F_z(z)) / (X - z)        h(X) = sum over z of F_z(X) / (t - z)

The verifier gathers the openings of one commitment before multiplying.

Binary form: D || L_0..L_7 || R_0..R_7 || a, 576 bytes; a little-endian.

Source: Dankrad Feist, "PCS multiproofs using random evaluation"; go-ipa `multiproof.go`; EIP-6800.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple

from spec.errors import DecodeError, Reason, Rejection
from spec.types import Bytes32
from verkle import ipa
from verkle.domain import SIZE
from verkle.engine import Engine, Openings, P, decode_at
from verkle.field import FR
from verkle.transcript import Transcript

PROOF_BYTES: Final = 32 + ipa.PROOF_BYTES
_R: Final = FR.modulus


class Opening(NamedTuple, Generic[P]):
    """f(z) = y for the polynomial committed to in `commitment`. z: 0..255; y: Fr."""

    commitment: P
    z: int
    y: int


def columns(engine: Engine[P], openings: Sequence[Opening[P]]) -> Openings[P]:
    """These openings, each with a commitment of its own."""
    values = engine.vectors.of([opening.y for opening in openings])
    points = bytes(opening.z for opening in openings)
    return Openings([opening.commitment for opening in openings], range(len(openings)), points, values)


@dataclass(frozen=True, slots=True)
class MultiProof:
    """What the prover sends."""

    d: Bytes32
    argument: ipa.Argument

    def to_bytes(self) -> bytes:
        """The 576-byte binary form."""
        return self.d + self.argument.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "MultiProof":
        """The proof in a 576-byte binary form (points are decoded when verified)."""
        if len(data) != PROOF_BYTES:
            raise DecodeError(f"a multiproof has {PROOF_BYTES} bytes, got {len(data)}")
        return cls(Bytes32(data[:32]), ipa.Argument.from_bytes(data[32:]))


def _begin(engine: Engine[P], transcript: Transcript, openings: Openings[P]) -> int:
    """Absorb the openings; the challenge r."""
    encoded = engine.encode_joined(openings.commitments)
    transcript.domain_separator(b"multiproof")
    transcript.absorb(engine.vectors.statement(encoded, openings.groups, openings.points, openings.values))
    return transcript.challenge(b"r")


def _evaluation_point(transcript: Transcript, d: Bytes32) -> int:
    """Absorb D; the challenge t."""
    transcript.append(b"D", d)
    t = transcript.challenge(b"t")
    if t < SIZE:
        raise Rejection(Reason.CHALLENGE_IN_DOMAIN, t=t)
    return t


def prove(engine: Engine[P], transcript: Transcript, openings: Openings[P], polynomials: Any) -> MultiProof:
    """A proof of all openings. `polynomials`: one a commitment, made by `engine.vectors.polynomials`.

    Raises: ValueError where an opening is not true of its polynomial, or there is none.
    """
    if not len(openings.points):
        raise ValueError("a multiproof opens at least one commitment")
    v, groups, points = engine.vectors, openings.groups, openings.points
    if not v.equal(v.values_at(polynomials, groups, points), openings.values):
        raise ValueError("a polynomial's value is not the opening's")
    r = _begin(engine, transcript, openings)
    gathered = v.gather(polynomials, groups, points, r)
    g = v.quotients(gathered)
    (d,) = engine.encode(engine.commit_vectors([g], [0]))
    t = _evaluation_point(transcript, d)
    h = v.combination(gathered, t)
    difference = v.difference(h, g)
    e, opened = engine.encode(engine.commit_vectors([h, difference], [0, 0]))
    transcript.append(b"E", e)
    return MultiProof(d, ipa.prove(engine, transcript, opened, difference, t))


def reduce(engine: Engine[P], transcript: Transcript, openings: Openings[P], proof: MultiProof) -> ipa.Relation[P]:
    """What remains to be checked of a proof of these openings, in this order.

    Raises: DecodeError for a point outside the group; Rejection(PROOF_INVALID), Rejection(CHALLENGE_IN_DOMAIN).
    """
    if not len(openings.points):
        raise Rejection(Reason.PROOF_INVALID, rule="a multiproof opens at least one commitment")
    v = engine.vectors
    r = _begin(engine, transcript, openings)
    (point_d,) = decode_at(engine, "d", [proof.d])
    t = _evaluation_point(transcript, proof.d)
    weights = v.weights(r, t, openings.points)
    value = v.inner_product(weights, openings.values)
    gathered = v.group_sums(weights, openings.groups, len(openings.commitments))
    point_e = engine.msm_vector(gathered, openings.commitments)
    e, difference = engine.encode([point_e, engine.msm([1, _R - 1], [point_e, point_d])])
    transcript.append(b"E", e)
    combination = [1, _R - 1], [point_e, point_d]
    return ipa.reduce(engine, transcript, combination, difference, (t, value), proof.argument)


def verify(engine: Engine[P], transcript: Transcript, openings: Openings[P], proof: MultiProof) -> None:
    """Check a proof: `reduce`, and the relation.

    Raises: DecodeError, Rejection(PROOF_INVALID), Rejection(CHALLENGE_IN_DOMAIN).
    """
    reduce(engine, transcript, openings, proof).require(engine)
