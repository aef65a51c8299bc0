"""Proofs and witnesses: the same bytes in every engine, and each engine accepts the others'."""

import json
import random
from typing import Any

import pytest

from spec.codec.witness_json import encode_witness
from spec.errors import DecodeError, Rejection
from spec.types import Bytes32, TreeKey, Value
from tests.accel.conftest import COMPILED, REFERENCE, engine_called, scalars
from tests.vectors import generate
from tests.vectors.test_vectors import CASES
from verkle import domain, ipa, multiproof
from verkle.engine import Engine, Openings
from verkle.field import FR
from verkle.multiproof import MultiProof
from verkle.transcript import Transcript
from verkle.tree import Tree
from witness.proof import check, post_state, prove

LABEL = b"accel"


def argument(engine: Engine[Any], values: list[int], point: int) -> tuple[Bytes32, ipa.Argument, int]:
    """An argument, its commitment, and the transcript's next challenge."""
    vector = engine.vectors.of(values)
    (encoded,) = engine.encode(engine.commit_vectors([vector], [0]))
    transcript = Transcript(LABEL)
    made = ipa.prove(engine, transcript, encoded, vector, point)
    return encoded, made, transcript.challenge(b"state")


@pytest.mark.parametrize("point", [0, 255, 256, 2101, FR.modulus - 1])
@pytest.mark.parametrize("kind", ["random", "zero", "edges", "one"])
def test_arguments_are_the_same_bytes(fast: Any, kind: str, point: int) -> None:
    rng = random.Random(f"{kind} {point}")
    values = {
        "random": [rng.randrange(FR.modulus) for _ in range(256)],
        "zero": [0] * 256,
        "edges": scalars(rng, 256),
        "one": [0] * 255 + [1],
    }[kind]
    encoded, made, state = argument(fast, values, point)
    assert (encoded, made, state) == argument(REFERENCE, values, point)
    value = values[point] if point < 256 else domain.evaluate(values, point)
    for engine in (fast, REFERENCE):
        commitment = [1], engine.decode([encoded])
        transcript = Transcript(LABEL)
        ipa.verify(engine, transcript, commitment, encoded, (point, value), made)
        assert transcript.challenge(b"state") == state
        with pytest.raises(Rejection):
            ipa.verify(engine, Transcript(LABEL), commitment, encoded, (point, value + 1), made)


def openings(engine: Engine[Any], count: int) -> tuple[Openings[Any], Any]:
    """Openings of empty, sparse and dense polynomials, each opened several times."""
    rng = random.Random(count)
    rows = []
    for _ in range(max(1, count // 4)):
        size = rng.choice([0, 1, 3, 256])
        rows.append(dict(zip(rng.sample(range(256), size), scalars(rng, size), strict=True)))
    groups = [rng.randrange(len(rows)) for _ in range(count)]
    points = bytes(rng.choice([0, 1, 255, rng.randrange(256)]) for _ in range(count))
    values = engine.vectors.of([rows[group].get(z, 0) for group, z in zip(groups, points, strict=True)])
    commitments = engine.commit([row.items() for row in rows])
    return Openings(commitments, groups, points, values), engine.vectors.polynomials(rows)


@pytest.mark.parametrize("count", [1, 2, 5, 100, 1000])
def test_multiproofs_are_the_same_bytes(fast: Any, count: int) -> None:
    opened, polynomials = openings(fast, count)
    transcript = Transcript(LABEL)
    proof = multiproof.prove(fast, transcript, opened, polynomials)
    slow, slow_polynomials = openings(REFERENCE, count)
    slow_transcript = Transcript(LABEL)
    assert multiproof.prove(REFERENCE, slow_transcript, slow, slow_polynomials) == proof
    assert transcript.challenge(b"state") == slow_transcript.challenge(b"state")
    multiproof.verify(fast, Transcript(LABEL), opened, proof)
    multiproof.verify(REFERENCE, Transcript(LABEL), slow, proof)


def test_every_field_forged_is_refused_alike(fast: Any) -> None:
    opened, polynomials = openings(fast, 4)
    slow, _ = openings(REFERENCE, 4)
    data = multiproof.prove(fast, Transcript(LABEL), opened, polynomials).to_bytes()
    other = fast.encode([fast.msm([12345], [fast.q])])[0]
    for position in range(0, len(data), 32):
        for word in (other, b"\x01" + bytes(31), bytes(31) + b"\x01", b"\xff" * 32):
            forged = data[:position] + word + data[position + 32 :]
            verdicts = []
            for engine, stated in ((fast, opened), (REFERENCE, slow)):
                with pytest.raises((Rejection, DecodeError)) as refusal:
                    multiproof.verify(engine, Transcript(LABEL), stated, MultiProof.from_bytes(forged))
                verdicts.append((type(refusal.value), str(refusal.value)))
            assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("name", CASES)
def test_our_own_vectors_in_every_engine(fast: Any, name: str) -> None:
    """tests/vectors/witnesses.json: all statuses, depths up to 29, with markers and without."""
    assert json.dumps(generate.case(fast, name, generate.scenarios()[name])) == json.dumps(CASES[name])


@pytest.mark.parametrize("markers", [False, True], ids=["plain", "marked"])
@pytest.mark.parametrize("seed", range(4))
def test_witnesses_cross_engines(markers: bool, seed: int) -> None:
    """A witness made by one engine is, byte for byte, the others', and proves the same view in each."""
    rng = random.Random(seed)

    def key() -> TreeKey:
        head = bytes(rng.choice([0, 1, 7]) for _ in range(rng.choice([1, 2, 4])))
        return TreeKey(head + rng.randbytes(31 - len(head)) + bytes([rng.choice([0, 1, 64, 128, 200])]))

    state = {key(): Value(rng.randbytes(32)) for _ in range(30)}
    known = rng.sample(sorted(state), 6)
    changes = {known[0]: Value(bytes(32)), known[1]: Value(rng.randbytes(32)), key(): Value(rng.randbytes(32))}
    reads = [*known, key(), key(), key()]
    engines = [REFERENCE, *(engine_called(name) for name in COMPILED)]
    trees = [Tree.empty(engine).update(state) for engine in engines]
    witnesses = [prove(tree, reads, changes, markers=markers) for tree in trees]
    roots = [tree.state_root() for tree in trees]
    after = [tree.update(changes).state_root() for tree in trees]
    assert (
        len({json.dumps(encode_witness(witness)) for witness in witnesses}) == len(set(roots)) == len(set(after)) == 1
    )
    for engine in engines:
        view = check(engine, witnesses[0], roots[0], markers=markers)
        assert [view.get(key) for key in reads] == [state.get(key) for key in reads]
        assert post_state(view, witnesses[0]).state_root() == after[0]
