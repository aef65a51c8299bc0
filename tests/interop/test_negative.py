"""Proofs and witnesses that are wrong, and some that look wrong and are not."""

from pathlib import Path
from typing import Any

import pytest

from spec.codec.witness_json import decode_witness
from spec.errors import DecodeError, Rejection
from spec.types import StateRoot
from tests.interop.cases import Case, UnknownCase, cases, check_each, unhex
from tests.interop.real_blocks import new_values
from verkle import ipa, multiproof
from verkle.engine import Engine
from verkle.ipa import Argument
from verkle.multiproof import MultiProof, Opening, columns
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from witness.proof import check, post_state


def test_malformed_proofs(vectors: Path, engine: Engine[Any]) -> None:
    """proofs_negative/proof_deserialization.json: wrong lengths, scalars at or above r, points outside the group.

    The fuzz corpus gives no verdict: what is read encodes to itself. None of them proves anything.
    """
    path = "proofs_negative/proof_deserialization.json"
    check_each(cases(vectors, path), lambda case: _check_malformed(case, engine))


def _check_malformed(case: Case, engine: Engine[Any]) -> None:
    text = case["input"]
    data = unhex(text) if len(text) % 2 == 0 else None
    assert case.get("len", None) in (None, None if data is None else len(data))
    if not case["expect"].startswith("reject"):
        raise UnknownCase(case["expect"])
    if data is None:
        return
    only_reject = "re-serialization is byte-identical" not in case["expect"]
    kind = case["kind"]
    if kind not in _READERS:
        raise UnknownCase(kind)
    try:
        again = _READERS[kind](engine, data)
    except DecodeError as error:
        assert str(error)
        return
    assert not only_reject, "it was read"
    assert again == data
    with pytest.raises((DecodeError, Rejection)):
        _VERIFIERS[kind](engine, data)


def _read_multiproof(engine: Engine[Any], data: bytes) -> bytes:
    proof = MultiProof.from_bytes(data)
    points = engine.decode([proof.d, *proof.argument.left, *proof.argument.right])
    encoded = engine.encode(points)
    return MultiProof(encoded[0], Argument(tuple(encoded[1:9]), tuple(encoded[9:]), proof.argument.last)).to_bytes()


def _read_argument(engine: Engine[Any], data: bytes) -> bytes:
    argument = Argument.from_bytes(data)
    encoded = engine.encode(engine.decode([*argument.left, *argument.right]))
    return Argument(tuple(encoded[:8]), tuple(encoded[8:]), argument.last).to_bytes()


def _verify_multiproof(engine: Engine[Any], data: bytes) -> None:
    opening = Opening(engine.q, 0, 1)
    multiproof.verify(engine, Transcript(TREE_PROOF_LABEL), columns(engine, [opening]), MultiProof.from_bytes(data))


def _verify_argument(engine: Engine[Any], data: bytes) -> None:
    (encoded,) = engine.encode([engine.q])
    argument = Argument.from_bytes(data)
    ipa.verify(engine, Transcript(b"ipa"), ([1], [engine.q]), encoded, (0, 1), argument)


_READERS = {"multiproof_deserialize": _read_multiproof, "ipa_deserialize": _read_argument}
_VERIFIERS = {"multiproof_deserialize": _verify_multiproof, "ipa_deserialize": _verify_argument}


def test_tampered_witnesses(vectors: Path, engine: Engine[Any]) -> None:
    """proofs_negative/tampered_witnesses.json: real witnesses, each changed in one place.

    We are strict: what other readers may accept, a surplus status byte or unsorted stems, is rejected. Accepted are the
    originals, and changes of what a pre-state proof does not commit to: new values, and which locations of a stem are
    listed whose whole slot is empty. Different writes lead to different post roots.
    """
    post_roots: dict[bytes, object] = {}

    def check_case(case: Case) -> None:
        case.get("rust_verkle")
        root, must = StateRoot(unhex(case["state_root"])), case["must"]
        if must == "accept":
            witness = decode_witness(case["witness"])
            tree = check(engine, witness, root, markers=False)
            for key, diff in witness.locations():
                assert tree.get(key) == diff.current_value
            after = post_state(tree, witness).state_root()
            writes = (root, new_values(witness))
            assert post_roots.setdefault(after, writes) == writes
        elif must in ("reject", "implementation choice (strict: reject)"):
            with pytest.raises((DecodeError, Rejection)):
                check(engine, decode_witness(case["witness"]), root, markers=False)
        else:
            raise UnknownCase(must)

    check_each(cases(vectors, "proofs_negative/tampered_witnesses.json"), check_case)
