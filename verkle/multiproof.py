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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from spec.errors import DecodeError, Reason, Rejection
from spec.types import Bytes32
from verkle import ipa
from verkle.domain import SIZE, quotient
from verkle.engine import Engine, P, decode_at
from verkle.field import FR
from verkle.transcript import Transcript

PROOF_BYTES: Final = 32 + ipa.PROOF_BYTES
_R: Final = FR.modulus


@dataclass(frozen=True, slots=True)
class Opening(Generic[P]):
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
class _Combination:
    """The openings gathered with powers of r, and the challenge t: what both sides compute alike."""

    powers: list[int]
    """r^i / (t - z_i)."""
    t: int
    value: int
    """sum of r^i y_i / (t - z_i)."""


def _begin(transcript: Transcript, openings: Sequence[Opening[P]], encoded: Sequence[Bytes32]) -> list[int]:
    """Absorb the openings; the powers of the challenge r, from r^0."""
    transcript.domain_separator(b"multiproof")
    for opening, commitment in zip(openings, encoded, strict=True):
        transcript.append(b"C", commitment)
        transcript.append_scalar(b"z", opening.z)
        transcript.append_scalar(b"y", opening.y)
    r = transcript.challenge(b"r")
    powers = [1]
    for _ in range(len(openings) - 1):
        powers.append(powers[-1] * r % _R)
    return powers


def _combine(transcript: Transcript, openings: Sequence[Opening[P]], powers: Sequence[int], d: Bytes32) -> _Combination:
    """Absorb D; the challenge t and what follows from it."""
    transcript.append(b"D", d)
    t = transcript.challenge(b"t")
    if t < SIZE:
        raise Rejection(Reason.CHALLENGE_IN_DOMAIN, t=t)
    inverses = FR.batch_inverse([(t - z) % _R for z in range(SIZE)])
    weighted = [power * inverses[opening.z] % _R for power, opening in zip(powers, openings, strict=True)]
    value = sum(weight * opening.y for weight, opening in zip(weighted, openings, strict=True)) % _R
    return _Combination(weighted, t, value)


def _add_scaled(total: list[int], scale: int, values: Iterable[tuple[int, int]]) -> None:
    """total += scale * values, where values are sparse (index, value)."""
    for index, value in values:
        total[index] += scale * value


def prove(
    engine: Engine[P],
    transcript: Transcript,
    openings: Sequence[Opening[P]],
    polynomials: Sequence[Mapping[int, int]],
) -> MultiProof:
    """A proof of all openings. `polynomials[i]` holds the non-zero values of f_i on the domain.

    Raises: ValueError where an opening is not true of its polynomial, or there is none.
    """
    if not openings:
        raise ValueError("a multiproof opens at least one commitment")
    for opening, polynomial in zip(openings, polynomials, strict=True):
        if polynomial.get(opening.z, 0) != opening.y:
            raise ValueError(f"the polynomial's value at {opening.z} is not the opening's")
    powers = _begin(transcript, openings, engine.encode([opening.commitment for opening in openings]))
    by_point: dict[int, list[int]] = {}
    for opening, polynomial, power in zip(openings, polynomials, powers, strict=True):
        _add_scaled(by_point.setdefault(opening.z, [0] * SIZE), power, polynomial.items())
    g = [0] * SIZE
    for z, gathered in by_point.items():
        g = [total + value for total, value in zip(g, quotient([v % _R for v in gathered], z), strict=True)]
    g = [value % _R for value in g]
    (point_d,) = engine.commit([enumerate(g)])
    (d,) = engine.encode([point_d])
    combination = _combine(transcript, openings, powers, d)
    h = [0] * SIZE
    for polynomial, weight in zip(polynomials, combination.powers, strict=True):
        _add_scaled(h, weight, polynomial.items())
    h = [value % _R for value in h]
    (point_e,) = engine.commit([enumerate(h)])
    e, difference = engine.encode([point_e, engine.msm([1, _R - 1], [point_e, point_d])])
    transcript.append(b"E", e)
    values = [(left - right) % _R for left, right in zip(h, g, strict=True)]
    return MultiProof(d, ipa.prove(engine, transcript, difference, values, combination.t))


def verify(engine: Engine[P], transcript: Transcript, openings: Sequence[Opening[P]], proof: MultiProof) -> None:
    """Check a proof of these openings, in this order.

    Commitments that are the same object are gathered into one term of the multi-scalar multiplication.
    Raises: DecodeError for a point outside the group; Rejection(PROOF_INVALID), Rejection(CHALLENGE_IN_DOMAIN).
    """
    if not openings:
        raise Rejection(Reason.PROOF_INVALID, rule="a multiproof opens at least one commitment")
    distinct = {id(opening.commitment): opening.commitment for opening in openings}
    points = list(distinct.values())
    encoded = dict(zip(distinct, engine.encode(points), strict=True))
    powers = _begin(transcript, openings, [encoded[id(opening.commitment)] for opening in openings])
    (point_d,) = decode_at(engine, "d", [proof.d])
    combination = _combine(transcript, openings, powers, proof.d)
    weights = dict.fromkeys(distinct, 0)
    for opening, weight in zip(openings, combination.powers, strict=True):
        weights[id(opening.commitment)] += weight
    point_e = engine.msm([weight % _R for weight in weights.values()], points)
    e, difference = engine.encode([point_e, engine.msm([1, _R - 1], [point_e, point_d])])
    transcript.append(b"E", e)
    ipa.verify(
        engine,
        transcript,
        ([1, _R - 1], [point_e, point_d]),
        difference,
        (combination.t, combination.value),
        proof.argument,
    )
