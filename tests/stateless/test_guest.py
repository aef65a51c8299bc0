"""The guest program: bytes in, bytes out, whatever the bytes are, and nothing needed but plain Python."""

import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from spec.codec import rlp, ssz_request
from spec.containers import StatelessInput, StatelessResult
from spec.errors import Reason
from spec.params import KAUSTINEN6, KAUSTINEN7, VERKLE
from spec.types import Bytes32, Hash32, Uint64
from stateless.guest import DECODE_ERROR, NOTHING, guest
from stateless.header import header_of
from tests.stateless.blocks import Block, block_of, chain_of, signed_by
from tests.toy_engine import ToyEngine
from verkle.engine import ReferenceEngine

TOY = ToyEngine()
SEED = 8025
RESULT_BYTES = 73


def made(engine: object, profile: object = VERKLE) -> tuple[Block, StatelessInput]:
    """The second block of a chain, and the guest's input for it."""
    chain = chain_of(engine, profile, accounts=4)  # type: ignore[arg-type]
    first = block_of(chain)
    block = block_of(chain, signed_by(1, chain.profile))
    header = rlp.encode_header(header_of(first.request))
    return block, StatelessInput(block.request, header, Uint64(chain.profile.chain_id))


@pytest.fixture(scope="module", params=[VERKLE, KAUSTINEN7, KAUSTINEN6], ids=lambda profile: profile.name)
def toy_input(request: pytest.FixtureRequest) -> tuple[Block, StatelessInput]:
    return made(TOY, request.param)


def run(data: bytes) -> StatelessResult:
    """The result in the toy group."""
    encoded = guest(data, TOY)
    assert len(encoded) == RESULT_BYTES
    result = ssz_request.decode_result(encoded)
    assert ssz_request.encode_result(result) == encoded
    assert result.successful_validation == (not result.reason)
    return result


def test_a_valid_block(toy_input: tuple[Block, StatelessInput]) -> None:
    block, given = toy_input
    result = run(ssz_request.encode_input(given, block.profile))
    root = ssz_request.request_root(given.new_payload_request, block.profile)
    assert result == StatelessResult(root, True, given.chain_id, "")


def test_every_input_decodes_to_itself(toy_input: tuple[Block, StatelessInput]) -> None:
    block, given = toy_input
    data = ssz_request.encode_input(given, block.profile)
    profile, found = ssz_request.decode_input(data)
    assert profile is block.profile
    assert found == given
    assert ssz_request.encode_input(found, profile) == data


def test_what_is_wrong_is_said(toy_input: tuple[Block, StatelessInput]) -> None:
    """The reason of the broken rule, and the root of the very request that breaks it."""
    block, given = toy_input
    payload = block.request.execution_payload
    other_hash = replace(payload, block_hash=Hash32(bytes(32)))
    empty = replace(payload.execution_witness, state_diff=())  # type: ignore[type-var]
    header = header_of(block.request)
    cases = [
        (replace(given, new_payload_request=replace(block.request, execution_payload=other_hash)),
         Reason.BLOCK_HASH_MISMATCH),
        (replace(given, chain_id=Uint64(5)), Reason.CHAIN_ID_MISMATCH),
        (replace(given, parent_header=b""), DECODE_ERROR),
        (replace(given, parent_header=given.parent_header[:-1]), DECODE_ERROR),
        (replace(given, parent_header=rlp.encode_header(header)), Reason.PARENT_MISMATCH),
        (replace(given, parent_header=rlp.encode_header(replace(rlp.decode_header(given.parent_header),
                                                                extra_data=b"!"))), Reason.PARENT_MISMATCH),
        (replace(given, new_payload_request=replace(
            block.request, execution_payload=replace(payload, execution_witness=empty))), Reason.WITNESS_MISSING),
        (replace(given, new_payload_request=block.with_payload(gas_used=Uint64(1)).request),
         Reason.GAS_USED_MISMATCH),
    ]  # fmt: skip
    for wrong, reason in cases:
        result = run(ssz_request.encode_input(wrong, block.profile))
        root = ssz_request.request_root(wrong.new_payload_request, block.profile)
        assert result == StatelessResult(root, False, wrong.chain_id, str(reason))


def test_bytes_that_are_no_input() -> None:
    rng = random.Random(SEED)
    for data in (b"", b"\x68", b"\x68\x00", b"\x00\x00", b"\x68\x00" + bytes(100), *map(rng.randbytes, range(3, 300))):
        assert run(data) == NOTHING


def test_every_truncation(toy_input: tuple[Block, StatelessInput]) -> None:
    block, given = toy_input
    data = ssz_request.encode_input(given, block.profile)
    stride = 1 if block.profile is KAUSTINEN7 else 5
    lengths = range(0, len(data), stride)
    assert len(lengths) > 500
    for length in lengths:
        assert not run(data[:length]).successful_validation, length


def test_bits_flipped_and_pieces_moved(toy_input: tuple[Block, StatelessInput]) -> None:
    mutate(*toy_input, turns=400)


@pytest.mark.slow
def test_many_bits_flipped_and_pieces_moved(toy_input: tuple[Block, StatelessInput]) -> None:
    mutate(*toy_input, turns=4000)


def mutate(block: Block, given: StatelessInput, turns: int) -> None:
    """Never an exception, and never "valid" but for what a verdict does not rest on: the root then is another."""
    data = ssz_request.encode_input(given, block.profile)
    honest = run(data)
    rng = random.Random(f"{SEED} {block.profile.name}")
    reasons: dict[str, int] = {}
    for turn in range(turns):
        changed = bytearray(data)
        if turn % 3:
            position = rng.randrange(len(changed))
            changed[position] ^= 1 << rng.randrange(8)
        else:
            start, length = rng.randrange(len(changed)), rng.randrange(1, 64)
            changed[start : start + length] = rng.choice((b"", rng.randbytes(length), changed[:length]))
        if bytes(changed) == data:
            continue
        result = run(bytes(changed))
        reasons[result.reason] = reasons.get(result.reason, 0) + 1
        assert not result.successful_validation or result.new_payload_request_root != honest.new_payload_request_root
    print(f"seed {SEED}: {sorted(reasons.items(), key=lambda item: -item[1])}")
    assert len(reasons) > 5


def test_the_same_under_every_hash_seed_and_with_nothing_compiled() -> None:
    """In a process of its own, in which neither numba nor click nor rich can be imported."""
    block, given = made(ReferenceEngine())
    data = ssz_request.encode_input(given, block.profile)
    lie = ssz_request.encode_input(replace(given, chain_id=Uint64(7)), block.profile)
    program = (
        "import sys\n"
        "for name in ('numba', 'llvmlite', 'numpy', 'click', 'rich', 'accel', 'cli', 'builder'):\n"
        "    sys.modules[name] = None\n"
        "from stateless.guest import guest\n"
        "for line in sys.stdin:\n"
        "    print(guest(bytes.fromhex(line)).hex())\n"
    )
    text = f"{data.hex()}\n{lie.hex()}\n{data[:1000].hex()}\n"
    outputs = set()
    for seed in ("0", "1"):
        process = subprocess.run(
            [sys.executable, "-c", program],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        outputs.add(process.stdout)
    (output,) = outputs
    valid, wrong, cut = (ssz_request.decode_result(bytes.fromhex(line)) for line in output.split())
    root = ssz_request.request_root(given.new_payload_request, block.profile)
    assert valid == StatelessResult(root, True, Uint64(1), "")
    assert wrong == StatelessResult(root, False, Uint64(7), Reason.CHAIN_ID_MISMATCH)
    assert cut == NOTHING == StatelessResult(Bytes32(bytes(32)), False, Uint64(0), DECODE_ERROR)


def test_every_reason_has_room() -> None:
    for reason in (*map(str, Reason), DECODE_ERROR):
        assert reason.isascii()
        assert len(reason) <= ssz_request.REASON_BYTES
