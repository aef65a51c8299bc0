"""Polynomials on the domain, transcript, inner product argument and multiproof: definitions, round trips and forgeries.

Figures: `state` challenges are those of go-ipa, rust-verkle and verkle-trie-ref (ipa_test.go, multiproof_test.go).
"""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spec.errors import DecodeError, Reason, Rejection
from spec.types import Bytes32
from tests.toy_engine import ToyEngine
from verkle import domain, ipa, multiproof
from verkle.engine import Engine
from verkle.field import FR
from verkle.multiproof import MultiProof, Opening, columns
from verkle.transcript import Transcript

R = FR.modulus


def polynomial_value(coefficients: list[int], t: int) -> int:
    """By Horner's rule: the definition."""
    result = 0
    for coefficient in reversed(coefficients):
        result = (result * t + coefficient) % R
    return result


def random_coefficients(rng: random.Random) -> tuple[list[int], list[int]]:
    coefficients = [rng.randrange(R) for _ in range(domain.SIZE)]
    return coefficients, [polynomial_value(coefficients, i) for i in range(domain.SIZE)]


def test_evaluation_by_values_is_evaluation_by_coefficients() -> None:
    rng = random.Random(1)
    coefficients, values = random_coefficients(rng)
    for t in (0, 1, 255, 256, 2101, R - 1, rng.randrange(R)):
        assert domain.evaluate(values, t) == polynomial_value(coefficients, t)


@pytest.mark.parametrize("z", [0, 1, 100, 254, 255])
def test_quotients_divide(z: int) -> None:
    """q(t) (t - z) = f(t) - f(z) at points outside the domain."""
    rng = random.Random(z)
    _, values = random_coefficients(rng)
    q = domain.quotient(values, z)
    for t in (256, R - 1, rng.randrange(256, R)):
        assert domain.evaluate(q, t) * (t - z) % R == (domain.evaluate(values, t) - values[z]) % R


def test_transcript_challenges_of_other_implementations() -> None:
    transcript = Transcript(b"simple_protocol")
    assert transcript.challenge(b"simple_challenge").to_bytes(32, "little").hex() == (
        "c2aa02607cbdf5595f00ee0dd94a2bbff0bed6a2bf8452ada9011eadb538d003"
    )


@given(st.lists(st.sampled_from(["separator", "append", "scalar", "challenge"]), max_size=12), st.randoms())
def test_transcript_is_a_hash_of_everything_said(steps: list[str], rng: random.Random) -> None:
    """Any one byte said otherwise changes the next challenge; the same words give the same one."""
    words = [(step, rng.randbytes(4), rng.randrange(R)) for step in steps]

    def run(changed: int | None) -> int:
        transcript = Transcript(b"test")
        for index, (step, label, scalar) in enumerate(words):
            said = label if index != changed else bytes([label[0] ^ 1]) + label[1:]
            if step == "separator":
                transcript.domain_separator(said)
            elif step == "append":
                transcript.append(said, scalar.to_bytes(32, "big"))
            elif step == "scalar":
                transcript.append_scalar(said, scalar)
            else:
                transcript.challenge(said)
        return transcript.challenge(b"end")

    assert run(None) == run(None)
    assert len({run(None), *(run(index) for index in range(len(words)))}) == len(words) + 1


def make_openings(engine: Engine[Any], count: int, seed: int) -> tuple[list[Opening[Any]], Any]:
    rng = random.Random(seed)
    rows = []
    for _ in range(max(1, count // 2)):
        size = rng.choice([0, 1, 3, 256])
        rows.append({index: rng.choice([1, R - 1, rng.randrange(R)]) for index in rng.sample(range(256), size)})
    commitments = engine.commit([row.items() for row in rows])
    openings, opened = [], []
    for _ in range(count):
        which, z = rng.randrange(len(rows)), rng.choice([0, 1, 255, rng.randrange(256)])
        openings.append(Opening(commitments[which], z, rows[which].get(z, 0)))
        opened.append(rows[which])
    return openings, engine.vectors.polynomials(opened)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_multiproofs_verify_in_the_toy_group(toy: ToyEngine, count: int) -> None:
    for seed in range(5):
        openings, polynomials = make_openings(toy, count, seed)
        proof = multiproof.prove(toy, Transcript(b"test"), columns(toy, openings), polynomials)
        multiproof.verify(toy, Transcript(b"test"), columns(toy, openings), proof)
        assert MultiProof.from_bytes(proof.to_bytes()) == proof


def test_multiproof_with_banderwagon_and_every_field_forged(engine: Engine[Any]) -> None:
    openings, polynomials = make_openings(engine, 4, seed=7)
    prover, verifier = Transcript(b"test"), Transcript(b"test")
    proof = multiproof.prove(engine, prover, columns(engine, openings), polynomials)
    multiproof.verify(engine, verifier, columns(engine, openings), proof)
    assert prover.challenge(b"state") == verifier.challenge(b"state"), "both absorbed the same bytes"

    data = proof.to_bytes()
    other = engine.encode([engine.msm([12345], [engine.q])])[0]
    for position in range(0, len(data), 32):
        forged = data[:position] + (other if position < 544 else (1).to_bytes(32, "little")) + data[position + 32 :]
        with pytest.raises(Rejection) as rejection:
            multiproof.verify(engine, Transcript(b"test"), columns(engine, openings), MultiProof.from_bytes(forged))
        assert rejection.value.reason is Reason.PROOF_INVALID
    first = openings[0]
    for lie in (
        Opening(first.commitment, first.z, (first.y + 1) % R),
        Opening(first.commitment, (first.z + 1) % 256, first.y),
        Opening(engine.add([first.commitment], [engine.q])[0], first.z, first.y),
    ):
        with pytest.raises(Rejection):
            multiproof.verify(engine, Transcript(b"test"), columns(engine, [lie, *openings[1:]]), proof)
    for changed in (openings[1:], openings[::-1], [*openings, openings[0]]):
        with pytest.raises(Rejection):
            multiproof.verify(engine, Transcript(b"test"), columns(engine, changed), proof)
    with pytest.raises(Rejection):
        multiproof.verify(engine, Transcript(b"vt"), columns(engine, openings), proof)


def test_nothing_is_not_proved(toy: ToyEngine) -> None:
    with pytest.raises(ValueError, match="at least one"):
        multiproof.prove(toy, Transcript(b"test"), columns(toy, []), [])
    openings, polynomials = make_openings(toy, 1, seed=1)
    proof = multiproof.prove(toy, Transcript(b"test"), columns(toy, openings), polynomials)
    with pytest.raises(Rejection, match="at least one"):
        multiproof.verify(toy, Transcript(b"test"), columns(toy, []), proof)


def test_a_false_opening_is_not_proved(toy: ToyEngine) -> None:
    (opening,), polynomials = make_openings(toy, 1, seed=3)
    false = Opening(opening.commitment, opening.z, (opening.y + 1) % R)
    with pytest.raises(ValueError, match="not the opening's"):
        multiproof.prove(toy, Transcript(b"test"), columns(toy, [false]), polynomials)


class _Fixed(Transcript):
    """A transcript whose challenges are all the same: to reach what a hash reaches with probability 2^-245."""

    def __init__(self, challenge: int) -> None:
        super().__init__(b"")
        self.fixed = challenge

    def challenge(self, label: bytes) -> int:
        return self.fixed


def test_a_challenge_in_the_domain_is_a_rejection(toy: ToyEngine) -> None:
    openings, polynomials = make_openings(toy, 2, seed=4)
    proof = multiproof.prove(toy, Transcript(b"test"), columns(toy, openings), polynomials)
    for run in (
        lambda: multiproof.verify(toy, _Fixed(255), columns(toy, openings), proof),
        lambda: multiproof.prove(toy, _Fixed(7), columns(toy, openings), polynomials),
    ):
        with pytest.raises(Rejection) as rejection:
            run()
        assert rejection.value.reason is Reason.CHALLENGE_IN_DOMAIN


def test_a_round_challenge_of_zero_is_a_rejection(toy: ToyEngine) -> None:
    words = (Bytes32(bytes(32)),) * ipa.ROUNDS
    with pytest.raises(Rejection) as rejection:
        ipa.verify(toy, _Fixed(0), ([], []), Bytes32(bytes(32)), (300, 0), ipa.Argument(words, words, 0))
    assert rejection.value.reason is Reason.PROOF_INVALID


@pytest.mark.parametrize("size", [0, 543, 545, 576])
def test_arguments_have_544_bytes(size: int) -> None:
    with pytest.raises(DecodeError, match="544"):
        ipa.Argument.from_bytes(bytes(size))


@pytest.mark.parametrize("size", [0, 575, 577])
def test_multiproofs_have_576_bytes(size: int) -> None:
    with pytest.raises(DecodeError, match="576"):
        MultiProof.from_bytes(bytes(size))


def test_the_last_scalar_is_canonical() -> None:
    with pytest.raises(DecodeError, match="modulus"):
        ipa.Argument.from_bytes(bytes(512) + R.to_bytes(32, "little"))
    words = (Bytes32(bytes(32)),) * ipa.ROUNDS
    with pytest.raises(DecodeError, match="modulus"):
        ipa.Argument(words, words, R)
    with pytest.raises(DecodeError, match="8 rounds"):
        ipa.Argument(words[:-1], words, 0)


@settings(max_examples=10)
@given(st.integers(0, R - 1), st.sampled_from([0, 17, 255, 256, 2101, R - 1]))
def test_one_argument_inside_and_outside_the_domain(seed: int, point: int) -> None:
    """The same argument opens at any point of Fr; in the domain, at the value itself."""
    toy = ToyEngine()
    values = [random.Random(seed + i).randrange(R) for i in range(256)]
    commitments = toy.commit([enumerate(values)])
    encoded = toy.encode(commitments)[0]
    argument = ipa.prove(toy, Transcript(b"test"), encoded, values, point)
    value = values[point] if point < 256 else domain.evaluate(values, point)
    ipa.verify(toy, Transcript(b"test"), ([1], commitments), encoded, (point, value), argument)
    with pytest.raises(Rejection):
        ipa.verify(toy, Transcript(b"test"), ([1], commitments), encoded, (point, (value + 1) % R), argument)
