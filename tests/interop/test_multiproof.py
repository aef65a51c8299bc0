"""Multiproofs: many openings in 576 bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spec.errors import DecodeError, Rejection
from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, unhex
from verkle import multiproof
from verkle.domain import SIZE
from verkle.engine import Engine
from verkle.field import FR
from verkle.multiproof import MultiProof, Opening, columns
from verkle.transcript import Transcript

FILE = "multiproof/multiproofs.json"
EVERY = range(SIZE)

Openings = Sequence[Opening[Any]]


def test_multiproofs(vectors: Path, engine: Engine[Any]) -> None:
    """multiproof/multiproofs.json: proofs verify, are made byte for byte, and fix the transcript's next challenge.

    Where a proof verifies for one opening point only, the neighbours and the edges of the domain are tried here.
    """
    check_each(cases(vectors, FILE), lambda case: _check(case, engine, range(0, SIZE, 51)))


@pytest.mark.slow
def test_multiproofs_at_every_point(vectors: Path, engine: Engine[Any]) -> None:
    """multiproof/multiproofs.json: as above, with every other point of the domain tried."""
    check_each(cases(vectors, FILE), lambda case: _check(case, engine, EVERY))


def _check(case: Case, engine: Engine[Any], points: range) -> None:
    if "queries" in case:
        _check_queries(case, engine)
    elif "z_that_verifies" in case:
        _check_only_point(case, engine, points)
    else:
        raise UnknownCase(sorted(case.members))


def _check_only_point(case: Case, engine: Engine[Any], points: range) -> None:
    label, proof = case["transcript_label"].encode(), MultiProof.from_bytes(unhex(case["proof"]))
    assert "only for z_that_verifies" in case.members["property"]
    (commitment,) = engine.decode([unhex(case["commitment"])])
    y, right = FR.decode(unhex(case["y_be"]), "big"), case["z_that_verifies"]
    multiproof.verify(engine, Transcript(label), columns(engine, [Opening(commitment, right, y)]), proof)
    for z in sorted({*points, (right - 1) % SIZE, (right + 1) % SIZE} - {right}):
        with pytest.raises(Rejection):
            multiproof.verify(engine, Transcript(label), columns(engine, [Opening(commitment, z, y)]), proof)


def _check_queries(case: Case, engine: Engine[Any]) -> None:
    label, data = case["transcript_label"].encode(), unhex(case["proof"])
    assert "D" in case.get("proof_layout", "D")
    openings, polynomials = _openings(case["queries"], engine)
    if not case["expect_verify"]:
        with pytest.raises((DecodeError, Rejection)):
            multiproof.verify(engine, Transcript(label), columns(engine, openings), MultiProof.from_bytes(data))
        return
    proof = MultiProof.from_bytes(data)
    assert proof.to_bytes() == data
    transcripts = [Transcript(label)]
    multiproof.verify(engine, transcripts[0], columns(engine, openings), proof)
    if len(polynomials) == len(openings):
        transcripts.append(Transcript(label))
        made = multiproof.prove(
            engine, transcripts[1], columns(engine, openings), engine.vectors.polynomials(polynomials)
        )
        assert not case.get("expect_prover_bytes_equal", True) or made.to_bytes() == data
    else:
        assert not case.get("expect_prover_bytes_equal")
    if "proof_struct_raw" in case:
        _check_parts(case["proof_struct_raw"], proof)
    if "state_challenge_le" in case:
        challenge_label = case["state_challenge_label"].encode()
        challenges = [FR.encode(transcript.challenge(challenge_label), "little") for transcript in transcripts]
        assert challenges == [unhex(case["state_challenge_le"])] * len(transcripts)
    wrong = [Opening(openings[0].commitment, openings[0].z, openings[0].y + 1), *openings[1:]]
    with pytest.raises(Rejection):
        multiproof.verify(engine, Transcript(label), columns(engine, wrong), proof)


def _openings(queries: list[dict[str, Any]], engine: Engine[Any]) -> tuple[Openings, list[Any]]:
    """The openings; and the polynomials, where the queries give them. Equal commitments are one object."""
    commitments: dict[bytes, Any] = {}
    openings, polynomials = [], []
    for query in queries:
        assert set(query) <= {"commitment", "poly_evals_int", "z", "y_int", "y_le", "y_be"}
        if "poly_evals_int" in query:
            values = {index: value for index, value in enumerate(query["poly_evals_int"]) if value}
            polynomials.append(values)
            (point,) = engine.commit([values.items()])
        else:
            (point,) = engine.decode([unhex(query["commitment"])])
        (encoded,) = engine.encode([point])
        assert unhex(query.get("commitment", encoded.hex())) == encoded
        openings.append(Opening(commitments.setdefault(encoded, point), query["z"], _value(query)))
    return openings, polynomials


def _value(query: dict[str, Any]) -> int:
    if "y_int" in query:
        return integer(query["y_int"])
    return FR.decode(unhex(query["y_le"]), "little") if "y_le" in query else FR.decode(unhex(query["y_be"]), "big")


def _check_parts(given: dict[str, Any], proof: MultiProof) -> None:
    """The proof's parts as another library's structure holds them."""
    assert given["order"] == "D, a, L[8], R[8]"
    last = FR.encode(proof.argument.last, "little")
    assert [unhex(text) for text in given["values"]] == [proof.d, last, *proof.argument.left, *proof.argument.right]
