"""Our own conformance vectors: each is accepted as it stands, and is what the prover makes again."""

import json
from pathlib import Path
from typing import Any

import pytest

from spec.codec.witness_json import decode_witness
from spec.errors import Reason, Rejection
from spec.types import StateRoot
from stateless.verify import verify_witness
from tests.vectors import generate
from verkle.engine import Engine

FILE = Path(__file__).with_name("witnesses.json")
CASES = {case["id"]: case for case in json.loads(FILE.read_text())["cases"]}


def test_the_file_holds_every_scenario() -> None:
    assert list(CASES) == list(generate.scenarios())


@pytest.mark.parametrize("name", CASES)
def test_the_prover_makes_the_same_bytes(engine: Engine[Any], name: str) -> None:
    assert generate.case(engine, name, generate.scenarios()[name]) == CASES[name]


@pytest.mark.parametrize("name", CASES)
def test_the_verifier_accepts_it_under_its_root_alone(engine: Engine[Any], name: str) -> None:
    case = CASES[name]
    witness = decode_witness(case["witness"])
    pre, post = (StateRoot(bytes.fromhex(case[f"{when}StateRoot"][2:])) for when in ("pre", "post"))
    verify_witness(engine, witness, pre, post, markers=case["internalNodeMarkers"])
    with pytest.raises(Rejection) as rejection:
        verify_witness(engine, witness, pre, StateRoot(bytes(32)), markers=case["internalNodeMarkers"])
    assert rejection.value.reason is (Reason.STATE_ROOT_MISMATCH)
