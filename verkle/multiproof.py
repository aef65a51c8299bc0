"""Many openings proved at once: 576 bytes, however many there are.

Notation: opening i says f_i(z_i) = y_i for a polynomial committed to in C_i, with z_i in the domain 0..255.

    r = challenge        g(X) = sum of r^i (f_i(X) - y_i) / (X - z_i)           D = commit(g)
    t = challenge        h(X) = sum of r^i f_i(X) / (t - z_i)                   E = commit(h)
                         E = sum of r^i / (t - z_i) C_i, which the verifier computes itself
    then                 g(t) = h(t) - sum of r^i y_i / (t - z_i)
    so                   (h - g)(t) = sum of r^i y_i / (t - z_i), proved by one inner product argument on E - D at t.

The prover gathers the openings of one z before dividing (at most 256 divisions); the verifier gathers the openings of
one commitment before multiplying.

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
from verkle.engine import Engine, P, decode_at
from verkle.field import FR
from verkle.transcript import Transcript

PROOF_BYTES: Final = 32 + ipa.PROOF_BYTES
_R: Final = FR.modulus


class Opening(NamedTuple, Generic[P]):
    """f(z) = y for the polynomial committed to in `commitment`. z: 0..255; y: Fr."""

    commitment: P
    z: int
    y: int


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


@dataclass(frozen=True, slots=True)
class _Statement(Generic[P]):
    """Openings column by column, commitments that are the same object listed once."""

    commitments: list[P]
    encoded: list[Bytes32]
    groups: list[int]
    """Which commitment each opening is of."""
    points: list[int]
    values: Any
    """The y, a vector."""

    @classmethod
    def of(cls, engine: Engine[P], openings: Sequence[Opening[P]]) -> "_Statement[P]":
        identities = [id(opening.commitment) for opening in openings]
        distinct = dict(zip(identities, openings, strict=True))
        places = {identity: place for place, identity in enumerate(distinct)}
        commitments = [opening.commitment for opening in distinct.values()]
        return cls(
            commitments,
            engine.encode(commitments),
            [places[identity] for identity in identities],
            [opening.z for opening in openings],
            engine.vectors.of([opening.y for opening in openings]),
        )


def _begin(engine: Engine[P], transcript: Transcript, statement: _Statement[P]) -> int:
    """Absorb the openings; the challenge r."""
    transcript.domain_separator(b"multiproof")
    transcript.absorb(engine.vectors.statement(statement.encoded, statement.groups, statement.points, statement.values))
    return transcript.challenge(b"r")


def _evaluation_point(transcript: Transcript, d: Bytes32) -> int:
    """Absorb D; the challenge t."""
    transcript.append(b"D", d)
    t = transcript.challenge(b"t")
    if t < SIZE:
        raise Rejection(Reason.CHALLENGE_IN_DOMAIN, t=t)
    return t


def prove(
    engine: Engine[P], transcript: Transcript, openings: Sequence[Opening[P]], polynomials: Sequence[Any]
) -> MultiProof:
    """A proof of all openings. `polynomials[i]` is f_i, made by `engine.vectors.polynomials`.

    Raises: ValueError where an opening is not true of its polynomial, or there is none.
    """
    if not openings:
        raise ValueError("a multiproof opens at least one commitment")
    v = engine.vectors
    statement = _Statement.of(engine, openings)
    points = statement.points
    gathered = v.gather(polynomials)
    if v.integers(v.values_at(gathered, points)) != v.integers(statement.values):
        raise ValueError("a polynomial's value is not the opening's")
    r = _begin(engine, transcript, statement)
    g = v.quotients(gathered, points, r)
    (point_d,) = engine.commit_vectors([g], [0])
    (d,) = engine.encode([point_d])
    t = _evaluation_point(transcript, d)
    h = v.combination(gathered, v.weights(r, t, points))
    difference = v.difference(h, g)
    e, opened = engine.encode(engine.commit_vectors([h, difference], [0, 0]))
    transcript.append(b"E", e)
    return MultiProof(d, ipa.prove(engine, transcript, opened, difference, t))


def verify(engine: Engine[P], transcript: Transcript, openings: Sequence[Opening[P]], proof: MultiProof) -> None:
    """Check a proof of these openings, in this order.

    Commitments that are the same object are gathered into one term of the multi-scalar multiplication.
    Raises: DecodeError for a point outside the group; Rejection(PROOF_INVALID), Rejection(CHALLENGE_IN_DOMAIN).
    """
    if not openings:
        raise Rejection(Reason.PROOF_INVALID, rule="a multiproof opens at least one commitment")
    v = engine.vectors
    statement = _Statement.of(engine, openings)
    r = _begin(engine, transcript, statement)
    (point_d,) = decode_at(engine, "d", [proof.d])
    t = _evaluation_point(transcript, proof.d)
    weights = v.weights(r, t, statement.points)
    value = v.inner_product(weights, statement.values)
    gathered = v.group_sums(weights, statement.groups, len(statement.commitments))
    point_e = engine.msm(v.integers(gathered), statement.commitments)
    e, difference = engine.encode([point_e, engine.msm([1, _R - 1], [point_e, point_d])])
    transcript.append(b"E", e)
    ipa.verify(engine, transcript, ([1, _R - 1], [point_e, point_d]), difference, (t, value), proof.argument)
