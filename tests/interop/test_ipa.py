"""Polynomials on the domain, and the inner product argument."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spec.errors import DecodeError, Rejection
from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, unhex
from verkle import domain, ipa
from verkle.engine import Engine
from verkle.field import FR
from verkle.transcript import Transcript

PROOFS = "ipa/ipa_proofs.json"
EVERY = range(domain.SIZE)
SOME = (0, 1, 7, 13, 14, 128, 254, 255)
"""Points of the domain for the default run: the edges of the domain and of the short polynomial."""


def test_domain(vectors: Path) -> None:
    """ipa/lagrange_domain.json: evaluation outside the domain, quotients on it, weights and Lagrange coefficients."""
    check_each(cases(vectors, "ipa/lagrange_domain.json"), _check_domain)


def _check_domain(case: Case) -> None:
    op = case["op"]
    for words, check in _DOMAIN_OPERATIONS:
        if op.startswith(words):
            check(case)
            return
    raise UnknownCase(op)


def _padded(values: list[int]) -> list[int]:
    return values + [0] * (domain.SIZE - len(values))


def _check_evaluation(case: Case) -> None:
    values, point = _padded([integer(value) % FR.modulus for value in case["evals_int"]]), integer(case["point_int"])
    assert FR.encode(domain.evaluate(values, point), "little") == unhex(case["result_le"])


def _check_known_quotient(case: Case) -> None:
    values = [(x - 1) * (x + 1) * x**253 % FR.modulus for x in EVERY]
    quotient = domain.quotient(values, case["z_index"])
    assert FR.encode(quotient[255], "little") == unhex(case["quotient_255_le"])


def _check_quotient(case: Case) -> None:
    values = [integer(value) for value in case["evals_dec"]]
    assert domain.quotient(values, case["z_index"]) == [integer(value) for value in case["quotient_dec"]]


def _check_weights(case: Case) -> None:
    values = [integer(value) for value in case["values_dec"]]
    assert values == [*domain.vanishing_derivatives(), *domain.inverse_vanishing_derivatives()]


def _check_coefficients(case: Case) -> None:
    assert domain.evaluation_weights(integer(case["z_dec"])) == [integer(value) for value in case["values_dec"]]


def _check_inverses(case: Case) -> None:
    """1/k for k = 1, 2, ..., 255, and perhaps the same again negated."""
    values = [integer(value) for value in case["values_dec"]]
    inverses = FR.batch_inverse(range(1, domain.SIZE))
    negated = [-inverse % FR.modulus for inverse in inverses]
    assert values in (inverses, [0, *inverses], negated, [0, *negated], inverses + negated)


_DOMAIN_OPERATIONS: tuple[tuple[str | tuple[str, ...], Callable[[Case], None]], ...] = (
    ("evaluate lagrange-form polynomial", _check_evaluation),
    ("f=(X-1)(X+1)X^253", _check_known_quotient),
    ("(f - f(z))/(X - z)", _check_quotient),
    ("A'(x_i)", _check_weights),
    ("L_i(z)", _check_coefficients),
    (("1/", "-1/", "inverses", "inverted"), _check_inverses),
)


def test_arguments(vectors: Path, engine: Engine[Any]) -> None:
    """ipa/ipa_proofs.json: arguments verify, are made byte for byte, and fix the transcript's next challenge.

    Where a case asks for openings at all points of the domain, only some are made here.
    """
    check_each(cases(vectors, PROOFS), lambda case: _check_argument(case, engine, SOME))


@pytest.mark.slow
def test_openings_at_every_point_of_the_domain(vectors: Path, engine: Engine[Any]) -> None:
    """ipa/ipa_proofs.json: as above, with an opening at every one of the 256 points."""
    check_each(cases(vectors, PROOFS), lambda case: _check_argument(case, engine, EVERY))


def _check_argument(case: Case, engine: Engine[Any], points: tuple[int, ...] | range) -> None:
    if "proof" in case:
        _check_proof(case, engine)
        return
    label, values = case["transcript_label"].encode(), case["poly_evals_int"]
    assert case["pad_to"] == domain.SIZE
    assert case.members["property"].startswith("for every i in 0..255 an opening")
    padded = _padded(values)
    (commitment,) = engine.commit([enumerate(values)])
    (encoded,) = engine.encode([commitment])
    for point in points:
        argument = ipa.prove(engine, Transcript(label), encoded, engine.vectors.of(padded), point)
        ipa.verify(engine, Transcript(label), ([1], [commitment]), encoded, (point, padded[point]), argument)
        wrong = (point, padded[point] + 1)
        with pytest.raises(Rejection):
            ipa.verify(engine, Transcript(label), ([1], [commitment]), encoded, wrong, argument)


def _check_proof(case: Case, engine: Engine[Any]) -> None:
    label, proof = case["transcript_label"].encode(), unhex(case["proof"])
    assert case.get("proof_layout", "a(32, little-endian)").endswith("a(32, little-endian)")
    encoded = unhex(case["commitment"])
    (commitment,) = engine.decode([encoded])
    (canonical,) = engine.encode([commitment])
    assert canonical == encoded
    statement = (integer(case["eval_point_int"]), _result(case))
    transcript = Transcript(label)
    if not case["expect_verify"]:
        with pytest.raises((DecodeError, Rejection)):
            argument = ipa.Argument.from_bytes(proof)
            ipa.verify(engine, transcript, ([1], [commitment]), canonical, statement, argument)
        return
    argument = ipa.Argument.from_bytes(proof)
    assert argument.to_bytes() == proof
    ipa.verify(engine, transcript, ([1], [commitment]), canonical, statement, argument)
    transcripts = [transcript]
    values = _polynomial(case)
    if values is not None:
        transcripts.append(Transcript(label))
        assert engine.encode(engine.commit([enumerate(values)])) == [encoded]
        assert domain.evaluate(values, statement[0]) == statement[1]
        made = ipa.prove(engine, transcripts[1], canonical, engine.vectors.of(values), statement[0])
        assert not case.get("expect_prover_bytes_equal", True) or made.to_bytes() == proof
    _check_next_challenge(case, transcripts)


def _result(case: Case) -> int:
    if "eval_result_be" in case:
        return FR.decode(unhex(case["eval_result_be"]), "big")
    return FR.decode(unhex(case["eval_result_le"]), "little")


def _polynomial(case: Case) -> list[int] | None:
    """The polynomial's values, where the case gives them or says of which form they are."""
    if "poly_evals_int" in case:
        return _padded(case["poly_evals_int"])
    hint = re.search(r"\((\d+)\.\.(\d+)\) zero padded", case.get("poly_evals_int_hint", ""))
    return _padded(list(range(int(hint[1]), int(hint[2]) + 1))) if hint else None


def _check_next_challenge(case: Case, transcripts: list[Transcript]) -> None:
    if "state_challenge_le" in case:
        label = case["state_challenge_label"].encode()
        challenges = [FR.encode(transcript.challenge(label), "little") for transcript in transcripts]
        assert challenges == [unhex(case["state_challenge_le"])] * len(transcripts)
