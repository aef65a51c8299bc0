import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli import meaning, sample
from cli.sizes import Sizes
from spec.codec import json_document, witness_json
from spec.params import KAUSTINEN6
from spec.types import StateRoot, Value
from tests.cli.conftest import Made, Run, assert_one_line, rows
from verkle.engine import ReferenceEngine
from witness.openings import walk
from witness.proof import check


def test_what_a_block_touches(run: Run, made: Made) -> None:
    contract = sample.address(sample.FIRST_CONTRACT)
    arguments = ("witness", "show", made.path("blocks.jsonl"), "--block", "3", "--address", "0x" + contract.hex())
    result = run(*arguments)
    assert result.exit_code == 0
    assert "slot 2: absent -> 0x" in result.stdout
    assert "slot 65: absent -> 0x" in result.stdout
    assert "(history contract), header" in result.stdout
    assert "basic data: nonce 1, balance 9000000000000000000, 260 bytes of code" in result.stdout
    assert "multiproof" in result.stdout
    assert "\x1b" not in result.stdout

    (row,) = rows(run(*arguments, "--json"))
    stems = {stem["address"]: stem for stem in row["stems"] if stem["tree_index"] == 0}
    assert stems["0x" + contract.hex()]["status"] == "present"
    assert row["witness_bytes"] == sum(row["bytes"].values())
    assert row["number"] == 3


def test_main_storage_of_a_given_address_is_not_guessed(run: Run, made: Made) -> None:
    (row,) = rows(run("witness", "show", made.path("block3.json"), "--json"))
    known = [stem["address"] for stem in row["stems"]]
    assert "0x" + sample.PROFILE.history_address.hex() in known
    assert None in known


@pytest.mark.parametrize("number", range(3))
def test_openings_are_those_of_the_walk(made: Made, number: int) -> None:
    witness = made.payloads[number].execution_witness
    assert witness is not None
    parent = bytes.fromhex(made.root[2:]) if number == 0 else made.payloads[number - 1].state_root
    engine = ReferenceEngine()
    tree = check(engine, witness, StateRoot(parent), markers=True)
    met = walk(tree.root, engine.zero, [key for key, _ in witness.locations()], lambda _path, _node: 0)
    assert Sizes.of(witness).openings == len(met.points)


def test_openings_of_contradictory_extensions_are_not_counted(made: Made) -> None:
    witness = made.payloads[0].execution_witness
    assert witness is not None
    cut = replace(witness, verkle_proof=replace(witness.verkle_proof, depth_extension_present=b"\x0a"))
    assert Sizes.of(cut).openings is None


def test_conversion_there_and_back(run: Run, made: Made, tmp_path: Path) -> None:
    as_ssz, as_json, again = (str(tmp_path / name) for name in ("w.ssz", "w.json", "w2.ssz"))
    assert "bytes -> " in run("witness", "convert", made.path("block1.json"), as_ssz).stdout
    assert run("witness", "convert", as_ssz, as_json).exit_code == 0
    assert run("witness", "convert", as_json, again).exit_code == 0
    assert Path(as_ssz).read_bytes() == Path(again).read_bytes()
    decoded = witness_json.decode_witness(json_document.parse(Path(as_json).read_bytes()))
    assert decoded == made.payloads[0].execution_witness
    assert run("witness", "convert", made.path("block1.ssz"), again, "--force").exit_code == 0
    assert Path(as_ssz).read_bytes() == Path(again).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.json", "w.ssz", "w2.ssz"]


def test_nothing_is_overwritten_unasked(run: Run, made: Made, tmp_path: Path) -> None:
    out = tmp_path / "w.ssz"
    out.write_bytes(b"precious")
    assert_one_line(run("witness", "convert", made.path("block1.json"), str(out)), 2, "w.ssz exists", "--force")
    assert out.read_bytes() == b"precious"


def test_the_parent_root_has_no_place_in_ssz(run: Run, made: Made, tmp_path: Path) -> None:
    witness = made.payloads[0].execution_witness
    assert witness is not None
    stated = replace(witness, parent_state_root=StateRoot(bytes.fromhex(made.root[2:])))
    (tmp_path / "w.json").write_text(json.dumps(witness_json.encode_witness(stated)))
    result = run("witness", "convert", str(tmp_path / "w.json"), str(tmp_path / "w.ssz"))
    assert result.exit_code == 0
    assert result.stderr == "note: parentStateRoot has no place in SSZ and was dropped\n"
    (row,) = rows(run("witness", "convert", str(tmp_path / "w.json"), str(tmp_path / "w.ssz"), "--force", "--json"))
    assert row["parent_state_root_dropped"] is True
    assert row["out_bytes"] == (tmp_path / "w.ssz").stat().st_size


def test_unwritable_output(run: Run, made: Made, tmp_path: Path) -> None:
    result = run("witness", "convert", made.path("block1.json"), str(tmp_path / "none" / "w.ssz"))
    assert_one_line(result, 3, "w.ssz", "no such file or directory")
    assert not list(tmp_path.iterdir())


def test_values_of_fields_are_little_endian() -> None:
    place = meaning.Place(sample.address(1), ("given",), 0)
    value = Value((5).to_bytes(32, "little"))
    assert [meaning.name_of(KAUSTINEN6, place, suffix) for suffix in (0, 1, 2, 3, 4, 5, 64, 127, 128)] == [
        "version",
        "balance",
        "nonce",
        "code hash",
        "code size",
        "reserved",
        "slot 0",
        "slot 63",
        "code chunk 0",
    ]
    assert meaning.text_of("balance", value) == "5"
    assert meaning.text_of("basic data", Value(b"\0\1" + bytes(30))).endswith("(not basic data)")
