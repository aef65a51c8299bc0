"""Published vectors: every contract gives the output that its EIP lists, or fails where the EIP says so.

`vectors.json` says where each comes from.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from spec.errors import ExceptionalHalt
from spec.forks import Fork
from spec.types import Address
from stateless.evm.precompiles import precompiles


class Vector(NamedTuple):
    fork: Fork
    address: Address
    data: bytes
    output: bytes | None
    gas: int | None


def load() -> dict[str, Vector]:
    listed = json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]
    return {
        f"{entry['fork']} {entry['address']} {entry['name']}": Vector(
            Fork[entry["fork"].upper()],
            Address(int(entry["address"], 16).to_bytes(20, "big")),
            bytes.fromhex(entry["input"][2:]),
            None if entry["output"] is None else bytes.fromhex(entry["output"][2:]),
            entry.get("gas"),
        )
        for entry in listed
    }


VECTORS = load()


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    contract = precompiles(vector.fork)[vector.address]
    if vector.gas is not None:
        assert contract.gas(vector.data) == vector.gas
    if vector.output is None:
        with pytest.raises(ExceptionalHalt):
            contract.run(vector.data)
    else:
        assert contract.run(vector.data) == vector.output


def test_every_contract_has_a_vector_or_a_test_of_its_own() -> None:
    covered = {vector.address for vector in VECTORS.values()}
    others = {int.from_bytes(address, "big") for address in precompiles(max(Fork)) if address not in covered}
    assert others == {0x02, 0x03, 0x04, 0x06, 0x07, 0x08}  # test_hashes.py, test_bn254.py
