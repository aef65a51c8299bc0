"""The inner product argument: one commitment opened at one point, in 8 rounds.

Notation: G_0..G_255 and Q are the bases; a is the vector of a polynomial's values on the domain, C = sum of a_i G_i;
b are the evaluation weights of the point t, so y = <a, b> is the polynomial's value at t. Halves are written a_L, a_R.

    w = challenge, Q' = w Q
    round:  L = <a_R, G_L> + <a_R, b_L> Q'        R = <a_L, G_R> + <a_L, b_R> Q'
            x = challenge
            a = a_L + x a_R      b = b_L + x^-1 b_R      G = G_L + x^-1 G_R
    last:   a is one scalar

    relation:  C + y Q' + sum of (x_j L_j + x_j^-1 R_j) = a G' + a b' Q'
    where G' = sum of s_i G_i, b' = sum of s_i b_i, and s_i is the product of the x_j^-1 for which bit 7-j of i is set.

The bases are never folded: generator k of a round is the sum of s G over a block of the fixed basis, so L and R of each
round are commitments to rows over the fixed basis, 128 entries each, which every engine is fastest at.

Binary form (byte order: points compressed, big-endian): L_0..L_7 || R_0..R_7 || a, a little-endian; 544 bytes.

Source: Bowe, Grigg, Hopwood, "Halo" (IACR 2019/1021), section 3; go-ipa; rust-verkle `ipa-multipoint`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

from spec.errors import DecodeError, Reason, Rejection
from spec.params import IPA_PROOF_DEPTH
from spec.types import Bytes32
from verkle.domain import SIZE
from verkle.engine import IDENTITY, Engine, P, decode_at
from verkle.field import FR
from verkle.transcript import Transcript

ROUNDS: Final = IPA_PROOF_DEPTH
PROOF_BYTES: Final = 32 * (2 * ROUNDS + 1)
_R: Final = FR.modulus


@dataclass(frozen=True, slots=True)
class Argument:
    """What the prover sends: encoded L and R by round, and the last scalar."""

    left: tuple[Bytes32, ...]
    right: tuple[Bytes32, ...]
    last: int

    def __post_init__(self) -> None:
        if len(self.left) != ROUNDS or len(self.right) != ROUNDS:
            raise DecodeError(f"an inner product argument has {ROUNDS} rounds")
        if not 0 <= self.last < _R:
            raise DecodeError("not canonical: at or above the modulus of Fr")

    def to_bytes(self) -> bytes:
        """The 544-byte binary form."""
        return b"".join(self.left) + b"".join(self.right) + FR.encode(self.last, "little")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Argument":
        """The argument in a 544-byte binary form (points are decoded when verified)."""
        if len(data) != PROOF_BYTES:
            raise DecodeError(f"an inner product argument has {PROOF_BYTES} bytes, got {len(data)}")
        words = [Bytes32(data[i : i + 32]) for i in range(0, PROOF_BYTES, 32)]
        return cls(tuple(words[:ROUNDS]), tuple(words[ROUNDS:-1]), FR.decode(words[-1], "little"))


def _begin(transcript: Transcript, commitment: Bytes32, point: int, value: int) -> int:
    """Absorb the statement; the challenge w."""
    transcript.domain_separator(b"ipa")
    transcript.append(b"C", commitment)
    transcript.append_scalar(b"input point", point)
    transcript.append_scalar(b"output point", value)
    return transcript.challenge(b"w")


def _round(transcript: Transcript, left: Bytes32, right: Bytes32) -> int:
    """Absorb L and R; the challenge x."""
    transcript.append(b"L", left)
    transcript.append(b"R", right)
    return transcript.challenge(b"x")


def prove(engine: Engine[P], transcript: Transcript, commitment: Bytes32, values: Any, point: int) -> Argument:
    """An argument for the value at `point` of the polynomial with these 256 values and this (encoded) commitment.

    values: a vector of `engine.vectors`.
    """
    v = engine.vectors
    a, b = values, v.evaluation_weights(point)
    w = _begin(transcript, commitment, point, v.inner_product(a, b))
    scale = v.of([1])
    """scale[k]: what block k of the fixed basis counts for in the folded basis."""
    left_points, right_points = [], []
    for _ in range(ROUNDS):
        (a_left, a_right), (b_left, b_right) = v.halves(a), v.halves(b)
        rows = [v.spread(scale, a_right, 0), v.spread(scale, a_left, 1)]
        along_q = [v.inner_product(a_right, b_left) * w % _R, v.inner_product(a_left, b_right) * w % _R]
        left, right = engine.encode(engine.commit_vectors(rows, along_q))
        left_points.append(left)
        right_points.append(right)
        x = _round(transcript, left, right)
        inverse_x = FR.inverse(x)
        a, b, scale = v.fold(a_left, a_right, x), v.fold(b_left, b_right, inverse_x), v.branch(scale, inverse_x)
    return Argument(tuple(left_points), tuple(right_points), v.integers(a)[0])


@dataclass(frozen=True, slots=True)
class Relation(Generic[P]):
    """What remains of a proof to be checked: a sum over fixed and free bases that is the identity if the proof is true.

    <fixed, G> + along_q Q + sum of scalars_i points_i = 0
    """

    fixed: Any
    """A vector of the engine's, 256 long."""
    along_q: int
    scalars: Sequence[int]
    points: Sequence[P]

    def holds(self, engine: Engine[P]) -> bool:
        """One commitment of a full row and one multi-scalar multiplication."""
        fixed = engine.commit_vectors([self.fixed], [self.along_q])
        total = engine.add(fixed, [engine.msm(self.scalars, self.points)])
        return engine.encode(total)[0] == IDENTITY

    def require(self, engine: Engine[P]) -> None:
        """Raises: Rejection(PROOF_INVALID) where it does not hold."""
        if not self.holds(engine):
            raise Rejection(Reason.PROOF_INVALID, rule="the inner product argument's relation does not hold")


def combined(engine: Engine[P], relations: Sequence[Relation[P]], rho: int) -> Relation[P]:
    """Sum of rho^k relation_k.

    With rho drawn after the relations are fixed, it holds with probability (n - 1) / r where one of the n does not.
    """
    v, along_q, power = engine.vectors, 0, 1
    fixed = v.of([0] * SIZE)
    scalars: list[int] = []
    points: list[P] = []
    for relation in relations:
        fixed = v.fold(fixed, relation.fixed, power)
        along_q += power * relation.along_q
        scalars += [power * scalar % _R for scalar in relation.scalars]
        points += relation.points
        power = power * rho % _R
    return Relation(fixed, along_q % _R, scalars, points)


def reduce(
    engine: Engine[P],
    transcript: Transcript,
    commitment: tuple[Sequence[int], Sequence[P]],
    encoded: Bytes32,
    statement: tuple[int, int],
    argument: Argument,
) -> Relation[P]:
    """What remains to be checked of an argument for (t, y) of a commitment, a combination (scalars, points), encoded.

    Raises: DecodeError for L or R outside the group; Rejection(PROOF_INVALID) for a challenge 0.
    """
    point, value = statement
    w = _begin(transcript, encoded, point, value)
    x = [_round(transcript, left, right) for left, right in zip(argument.left, argument.right, strict=True)]
    if 0 in x:
        raise Rejection(Reason.PROOF_INVALID, rule="a round's challenge is 0")
    inverse_x = FR.batch_inverse(x)
    v = engine.vectors
    s = v.of([1])
    for inverse in inverse_x:
        s = v.branch(s, inverse)
    b = v.inner_product(s, v.evaluation_weights(point))
    a = argument.last
    scalars, points = commitment
    left = decode_at(engine, "ipa_proof.cl", argument.left)
    right = decode_at(engine, "ipa_proof.cr", argument.right)
    along_q = w * (value - a * b) % _R
    return Relation(v.scale(s, -a % _R), along_q, [*scalars, *x, *inverse_x], [*points, *left, *right])


def verify(
    engine: Engine[P],
    transcript: Transcript,
    commitment: tuple[Sequence[int], Sequence[P]],
    encoded: Bytes32,
    statement: tuple[int, int],
    argument: Argument,
) -> None:
    """Check an argument: `reduce`, and the relation. Raises: DecodeError, Rejection(PROOF_INVALID)."""
    reduce(engine, transcript, commitment, encoded, statement, argument).require(engine)
