"""Traces: programs whose every figure is told by hand, and what must hold of any trace."""

import json
import random
from typing import Any

import pytest

from stateless.evm.trace import Record, StepTracer
from tests.stateless.evm.programs import program, push
from tests.stateless.evm.scenes import CONTRACTS, PROFILES, SENDER, Scene, cast, scene

MEMBERS = ["pc", "op", "gas", "gasCost", "memSize", "stack", "depth", "returnData", "refund", "opName"]
OWN = int.from_bytes(CONTRACTS[0], "big")
OTHER = int.from_bytes(CONTRACTS[1], "big")


def traced(name: str, *codes: bytes, **asked: Any) -> tuple[list[Record], Scene]:
    records: list[Record] = []
    stage = scene(name, cast(*codes), StepTracer(records.append))
    stage.run(**asked)
    return records, stage


def told(records: list[Record], *members: str) -> list[tuple[Any, ...]]:
    return [tuple(record.get(member) for member in members) for record in records]


def event(address: bytes, sub_index: int, gas: int, *, write: bool = False, tree_index: int = 0) -> Record:
    return {
        "address": "0x" + address.hex(),
        "treeIndex": hex(tree_index),
        "subIndex": sub_index,
        "write": write,
        "gas": hex(gas),
    }


def test_members_and_their_order() -> None:
    """As EIP-3155 lists them, fit for JSON."""
    records, _ = traced("accounts", push(2) + push(1) + b"\x01\x00", gas=1000)
    *steps, end = records
    assert [list(step) for step in steps] == [MEMBERS] * 4
    assert json.loads(json.dumps(steps[2])) == {
        "pc": 4,
        "op": 1,
        "gas": hex(994),
        "gasCost": "0x3",
        "memSize": 0,
        "stack": ["0x2", "0x1"],
        "depth": 1,
        "returnData": "0x",
        "refund": 0,
        "opName": "ADD",
    }
    assert end == {"output": "", "gasUsed": "0x9"}


def test_gas_of_state_memory_and_refunds() -> None:
    """Costs hold their dynamic part: a cold slot cleared, memory grown, a word returned."""
    code = push(0) + push(1) + b"\x55" + push(7) + push(32) + b"\x52" + push(32) + push(32) + b"\xf3"
    records, _ = traced("accounts", code, gas=50_000)
    assert told(records, "opName", "gasCost", "memSize", "refund") == [
        ("PUSH0", "0x2", 0, 0),
        ("PUSH1", "0x3", 0, 0),
        ("SSTORE", hex(2100 + 2900), 0, 4800),
        ("PUSH1", "0x3", 0, 4800),
        ("PUSH1", "0x3", 0, 4800),
        ("MSTORE", hex(3 + 6), 0, 4800),
        ("PUSH1", "0x3", 64, 4800),
        ("PUSH1", "0x3", 64, 4800),
        ("RETURN", "0x0", 64, 4800),
        (None, None, None, None),
    ]
    assert records[-1] == {"output": bytes(31).hex() + "07", "gasUsed": hex(2 + 3 + 5000 + 3 + 3 + 9 + 3 + 3)}


def test_a_call_costs_what_it_takes_along_and_precedes_what_it_calls() -> None:
    call = push(0) * 4 + push(3) + push(OTHER) + push(1000) + b"\xf1"
    records, _ = traced("accounts", call + b"\x00", push(5) + b"\x50\x00", gas=60_000)
    assert told(records[6:], "opName", "depth", "gas", "gasCost") == [
        ("PUSH2", 1, hex(60_000 - 14), "0x3"),
        ("CALL", 1, hex(60_000 - 17), hex(2600 + 9000 + 1000)),
        ("PUSH1", 2, hex(3300), "0x3"),
        ("POP", 2, hex(3297), "0x2"),
        ("STOP", 2, hex(3295), "0x0"),
        ("STOP", 1, hex(60_000 - 17 - 12_600 + 3295), "0x0"),
        (None, None, None, None),
    ]


def test_a_call_that_cannot_be_made_costs_the_same() -> None:
    """More wei than there are: what it would have taken along comes back at once, with the stipend."""
    call = push(0) * 4 + push(2**200) + push(OTHER) + push(1000) + b"\xf1"
    records, _ = traced("accounts", call + b"\x00", b"\x00", gas=60_000)
    assert told(records[7:], "opName", "depth", "gas", "gasCost") == [
        ("CALL", 1, hex(60_000 - 17), hex(12_600)),
        ("STOP", 1, hex(60_000 - 17 - 12_600 + 3300), "0x0"),
        (None, None, None, None),
    ]


def test_a_creation_does_not_cost_what_it_takes_along() -> None:
    initcode = push(0) + push(0) + b"\xf3"
    code = push(int.from_bytes(initcode.ljust(32, b"\0"), "big")) + push(0) + b"\x52"
    code += push(len(initcode)) + push(0) + push(0) + b"\xf0\x00"
    records, _ = traced("accounts", code, gas=100_000)
    names = [record.get("opName") for record in records]
    created = names.index("CREATE")
    before = int(str(records[created]["gas"]), 16)
    assert records[created]["gasCost"] == hex(32_000 + 2)
    taken = (before - 32_002) - (before - 32_002) // 64
    assert told(records[created + 1 :], "opName", "depth", "gas") == [
        ("PUSH0", 2, hex(taken)),
        ("PUSH0", 2, hex(taken - 2)),
        ("RETURN", 2, hex(taken - 4)),
        ("STOP", 1, hex(before - 32_002 - 4)),
        (None, None, None),
    ]


def test_halts_name_their_reason_and_cost_everything() -> None:
    records, _ = traced("accounts", push(1) + b"\x01", gas=500)
    assert records[-2]["error"] == "stack underflow"
    assert (records[-2]["opName"], records[-2]["gasCost"]) == ("ADD", hex(497))
    assert records[-1] == {"output": "", "gasUsed": hex(500), "error": "stack underflow"}
    records, _ = traced("accounts", push(0) + push(0) + b"\xfd", gas=500)
    assert "error" not in records[-2]
    assert records[-1] == {"output": "", "gasUsed": "0x4", "error": "execution reverted"}


def test_code_that_may_not_be_stored_halts_the_last_instruction() -> None:
    initcode = push(0xEF) + push(0) + b"\x53" + push(1) + push(0) + b"\xf3"
    records, _ = traced("accounts", gas=100_000, initcode=initcode)
    assert (records[-2]["opName"], records[-2]["error"]) == ("RETURN", "code begins with 0xef")


def test_access_events_stand_with_their_instruction() -> None:
    """EIP-4762, figure by figure: the transaction's own events are free, and make the header's branch warm.

    One chunk of code (200), a slot of the header written first (200 + 3000 + 500 + 6200 to fill it), and a slot beyond
    it read (1900 + 200).
    """
    code = push(5) + push(2) + b"\x55" + push(64) + b"\x54\x00"
    records, stage = traced("verkle", code, gas=50_000)
    first, _, store, _, load, stop, end = records
    assert first["accesses"] == [event(CONTRACTS[0], 128, 200)]
    assert (first["opName"], first["gasCost"]) == ("PUSH1", hex(200 + 3))
    assert store["accesses"] == [
        event(CONTRACTS[0], 66, 200 + 3000 + 500, write=True),
        event(CONTRACTS[0], 66, 6200, write=True),
    ]
    assert store["gasCost"] == hex(9900)
    assert load["accesses"] == [event(CONTRACTS[0], 64, 1900 + 200, tree_index=2**240)]
    assert load["gasCost"] == hex(2100)
    assert "accesses" not in stop
    assert end["accesses"] == [
        event(SENDER, 0, 0, write=True),
        event(SENDER, 1, 0),
        event(CONTRACTS[0], 0, 0),
        event(CONTRACTS[0], 1, 0),
    ]
    assert end["gasUsed"] == hex(203 + 3 + 9900 + 3 + 2100)
    assert len(stage.witness.block) == 7


def test_events_of_a_new_account_stand_with_the_creation() -> None:
    initcode = push(1) + push(0) + b"\xf3"
    code = push(int.from_bytes(initcode.ljust(32, b"\0"), "big")) + push(0) + b"\x52"
    code += push(len(initcode)) + push(0) + push(0) + b"\xf0\x00"
    records, _ = traced("verkle", code, gas=100_000)
    (creation,) = (record for record in records if record.get("opName") == "CREATE")
    (returned,) = (record for record in records if record.get("opName") == "RETURN")
    leaves = [(access["subIndex"], access["write"]) for access in creation["accesses"]]  # type: ignore[attr-defined]
    assert leaves[-6:] == [(0, False), (1, False), (0, True), (0, True), (1, True), (1, True)]
    assert [access["subIndex"] for access in returned["accesses"]] == [128, 128]  # type: ignore[attr-defined]


def test_an_instruction_that_nobody_has_seen_has_no_name() -> None:
    """Its chunk could not be paid for."""
    records, _ = traced("verkle", b"\x5b" * 40, gas=300)
    unseen, end = records[-2:]
    assert "op" not in unseen
    assert "opName" not in unseen
    assert (unseen["pc"], unseen["gas"], unseen["gasCost"]) == (31, hex(300 - 200 - 31), hex(300 - 200 - 31))
    assert unseen["error"] == end["error"] == "out of gas: witness"


def test_a_plain_transfer_has_no_step() -> None:
    records: list[Record] = []
    accounts = cast()
    stage = scene("verkle", accounts, StepTracer(records.append))
    stage.run(gas=50_000, value=1)
    (end,) = records
    assert end["output"] == ""
    paid = [access for access in end["accesses"] if access["gas"] != "0x0"]  # type: ignore[attr-defined]
    assert int(str(end["gasUsed"]), 16) == sum(int(access["gas"], 16) for access in paid)


@pytest.mark.parametrize("name", PROFILES)
def test_gas_adds_up_in_any_program(name: str) -> None:
    """Within a frame, what an instruction leaves is what the next one finds; what comes back from a call is more.

    And the events of all records are those of the witness.
    """
    rng = random.Random(4762)
    print("seed 4762")
    steps = 0
    for _ in range(40):
        codes = [program(rng, 4 + rng.randrange(30)) for _ in CONTRACTS]
        records, stage = traced(name, *codes, gas=150_000)
        *instructions, end = records
        steps += len(instructions)
        open_frames: list[Record] = []
        for record in instructions:
            depth = record["depth"]
            assert isinstance(depth, int)
            while len(open_frames) > depth:
                open_frames.pop()
            if len(open_frames) == depth:
                before = open_frames.pop()
                left = int(str(before["gas"]), 16) - int(str(before["gasCost"]), 16)
                found = int(str(record["gas"]), 16)
                calls = str(before["opName"]) in ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")
                created = str(before["opName"]) in ("CREATE", "CREATE2")
                assert found >= left if calls else found <= left if created else found == left, (before, record)
                assert "error" not in before
            open_frames.append(record)
        used = int(str(end["gasUsed"]), 16)
        assert used <= 150_000
        seen = {
            (access["address"], int(access["treeIndex"], 16), access["subIndex"])
            for record in records
            for access in record.get("accesses", ())  # type: ignore[attr-defined]
        }
        assert seen == {("0x" + address.hex(), index, sub) for address, index, sub in stage.witness.block}
    assert steps > 1000
