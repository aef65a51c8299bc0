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
from typing import Any, Final

from spec.errors import DecodeError, Reason, Rejection
from spec.params import IPA_PROOF_DEPTH
from spec.types import Bytes32
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


def verify(
    engine: Engine[P],
    transcript: Transcript,
    commitment: tuple[Sequence[int], Sequence[P]],
    encoded: Bytes32,
    statement: tuple[int, int],
    argument: Argument,
) -> None:
    """Check the relation for statement (t, y) of a commitment given as a combination (scalars, points) and encoded.

    One commitment of a full row and one multi-scalar multiplication of 16 + len(points) terms.
    Raises: DecodeError for L or R outside the group; Rejection(PROOF_INVALID).
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
    fixed = engine.commit_vectors([v.scale(s, -a % _R)], [w * (value - a * b) % _R])
    free = engine.msm([*scalars, *x, *inverse_x], [*points, *left, *right])
    if engine.encode(engine.add(fixed, [free]))[0] != IDENTITY:
        raise Rejection(Reason.PROOF_INVALID, rule="the inner product argument's relation does not hold")
