"""Hostile blocks made from real ones of kaustinen6, verified in full: a named rejection, or nothing has changed.

Payloads are changed field by field and transaction by transaction, with the block hash as it was or sealed again;
witnesses by every mutation of tests/fuzz. The default run takes some of each; `make test-slow` ten times as many.
"""

import random
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from spec.codec.witness_json import decode_witness, encode_witness
from spec.containers import ExecutionPayload, ExecutionWitness, NewPayloadRequest, Withdrawal
from spec.errors import DecodeError, Reason, Rejection
from spec.params import KAUSTINEN6
from spec.types import Address, Uint64, Uint256
from stateless.header import Parent
from stateless.tree_view import TreeKeys
from stateless.verify import verify_block
from tests.fuzz.hostile import no_hang
from tests.fuzz.mutations import MUTATIONS, mutate
from tests.interop.real_blocks import chain_lines, read_payload
from tests.stateless.blocks import resealed
from verkle.engine import Engine

SEED = 4844
BLOCKS = 12
BLOCKS_IN_PYTHON = 2
SECONDS = 60
MEMORY_KIB = 1 << 20
Target = tuple[ExecutionPayload, Parent]
Change = Callable[[random.Random, ExecutionPayload, ExecutionPayload], dict[str, Any]]


def targets(vectors: Path, count: int, until: int) -> list[Target]:
    """Blocks with transactions from equal sections of the chain, with their parents."""
    found: list[Target] = []
    for before, line in pairwise(chain_lines(vectors)):
        (_, parent), (_, payload) = read_payload(before), read_payload(line)
        if payload.block_number > until:
            break
        if payload.transactions and payload.block_number > 1:
            found.append((payload, Parent.of_payload(parent)))
    assert len(found) >= count
    rng = random.Random(SEED)
    edges = [i * len(found) // count for i in range(count + 1)]
    return [found[rng.randrange(low, high)] for low, high in pairwise(edges)]


def flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _one_transaction(change: Callable[[random.Random, bytes], bytes]) -> Change:
    def apply(rng: random.Random, payload: ExecutionPayload, _: ExecutionPayload) -> dict[str, Any]:
        transactions = list(payload.transactions)
        index = rng.randrange(len(transactions))
        transactions[index] = change(rng, transactions[index])
        return {"transactions": tuple(transactions)}

    return apply


def _without_one(rng: random.Random, payload: ExecutionPayload, _: ExecutionPayload) -> dict[str, Any]:
    index = rng.randrange(len(payload.transactions))
    return {"transactions": payload.transactions[:index] + payload.transactions[index + 1 :]}


def _one_twice(rng: random.Random, payload: ExecutionPayload, _: ExecutionPayload) -> dict[str, Any]:
    index = rng.randrange(len(payload.transactions))
    return {"transactions": payload.transactions[: index + 1] + payload.transactions[index:]}


def _reordered(rng: random.Random, payload: ExecutionPayload, _: ExecutionPayload) -> dict[str, Any]:
    return {"transactions": tuple(rng.sample(payload.transactions, len(payload.transactions)))}


def _anothers(rng: random.Random, payload: ExecutionPayload, other: ExecutionPayload) -> dict[str, Any]:
    return {"transactions": (*payload.transactions, rng.choice(other.transactions))}


def _field(name: str) -> Change:
    def apply(rng: random.Random, payload: ExecutionPayload, other: ExecutionPayload) -> dict[str, Any]:
        value = getattr(payload, name)
        if isinstance(value, bytes):
            kind: Any = type(value)
            changes = [kind(flip(rng, value)) if value else b"\0", kind(bytes(len(value))), getattr(other, name)]
            return {name: rng.choice(changes)}
        kind = type(value)
        top = 2**256 - 1 if kind is Uint256 else 2**64 - 1
        return {
            name: kind(rng.choice([0, 1, value ^ 1, max(value - 1, 0), min(value + 1, top), top, rng.randrange(top)]))
        }

    return apply


def _withdrawal(rng: random.Random, payload: ExecutionPayload, _: ExecutionPayload) -> dict[str, Any]:
    one = Withdrawal(Uint64(0), Uint64(0), Address(rng.randbytes(20)), Uint64(rng.choice([0, 1, 2**64 - 1])))
    return {"withdrawals": rng.choice([None, (one,), (one,) * 16])}


CHANGES: dict[str, Change] = {
    "a bit of a transaction": _one_transaction(flip),
    "a transaction cut off": _one_transaction(lambda rng, data: data[: rng.randrange(len(data))]),
    "a transaction with more": _one_transaction(lambda rng, data: data + rng.randbytes(3)),
    "a transaction of noise": _one_transaction(lambda rng, data: rng.randbytes(len(data))),
    "one transaction less": _without_one,
    "one transaction twice": _one_twice,
    "another order": _reordered,
    "a stranger's transaction": _anothers,
    "withdrawals": _withdrawal,
    **{
        name: _field(name)
        for name in (
            "parent_hash", "fee_recipient", "state_root", "receipts_root", "logs_bloom", "prev_randao", "block_number",
            "gas_limit", "gas_used", "timestamp", "extra_data", "base_fee_per_gas",
        )
    },
}  # fmt: skip
FREE = frozenset({"extra_data", "prev_randao", "gas_limit", "timestamp", "another order"})
"""What a sealed block may well have otherwise: nothing in these blocks reads it, or depends on it."""


def verdict(engine: Engine[Any], keys: TreeKeys[Any], payload: ExecutionPayload, parent: Parent) -> str:
    """What becomes of a payload. Anything but a rejection or a decode error goes through."""
    with no_hang(SECONDS):
        try:
            verify_block(engine, KAUSTINEN6, NewPayloadRequest(payload), parent, keys=keys)
        except Rejection as rejection:
            assert str(rejection)
            assert "\n" not in str(rejection)
            return str(rejection.reason)
        except DecodeError as error:
            assert error.message
            return "decode-error"
    return "valid"


def attack_payloads(vectors: Path, engine: Engine[Any], blocks: int, until: int, rounds: int) -> Counter[str]:
    rng, keys, reasons = random.Random(SEED), TreeKeys(engine, KAUSTINEN6), Counter[str]()
    chosen = targets(vectors, blocks, until)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index, (payload, parent) in enumerate(chosen):
        other, _ = chosen[(index + 1) % len(chosen)]
        for name, change in CHANGES.items():
            for _ in range(rounds):
                fields = change(rng, payload, other)
                changed = replace(payload, **fields)
                if changed == payload:
                    continue
                assert verdict(engine, keys, changed, parent) != "valid", name
                sealed = resealed(NewPayloadRequest(changed)).execution_payload
                found = verdict(engine, keys, sealed, parent)
                assert found != "valid" or name in FREE, f"{name} of block {payload.block_number}"
                reasons[found] += 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB
    return reasons


def test_changed_payloads(vectors: Path, engine: Engine[Any], in_full: bool) -> None:
    reasons = attack_payloads(vectors, engine, *((BLOCKS, 665, 1) if in_full else (BLOCKS_IN_PYTHON, 60, 1)))
    print(f"seed {SEED}: {reasons.most_common()}")
    assert len(reasons) > (12 if in_full else 8)


@pytest.mark.slow
def test_many_changed_payloads(vectors: Path, engine: Engine[Any]) -> None:
    print(f"seed {SEED}: {attack_payloads(vectors, engine, BLOCKS, 665, 20).most_common()}")


def attack_witnesses(vectors: Path, engine: Engine[Any], blocks: int, until: int, rounds: int) -> Counter[str]:
    """Every mutation of a witness. One that is accepted says what the real one says."""
    rng, keys, reasons = random.Random(SEED), TreeKeys(engine, KAUSTINEN6), Counter[str]()
    chosen = targets(vectors, blocks, until)
    for index, (payload, parent) in enumerate(chosen):
        other, _ = chosen[(index + 1) % len(chosen)]
        honest = _witness(payload)
        for mutation in MUTATIONS:
            for _ in range(rounds):
                document = mutate(mutation, rng, encode_witness(honest), encode_witness(_witness(other)))
                if document is None:
                    continue
                try:
                    witness = decode_witness(document)
                except DecodeError:
                    reasons["decode-error"] += 1
                    continue
                found = verdict(engine, keys, replace(payload, execution_witness=witness), parent)
                reasons[found] += 1
                assert found != "valid" or list(witness.locations()) == list(honest.locations()), mutation.__name__
    return reasons


def _witness(payload: ExecutionPayload) -> ExecutionWitness:
    assert payload.execution_witness is not None
    return payload.execution_witness


def test_changed_witnesses(vectors: Path, engine: Engine[Any], in_full: bool) -> None:
    reasons = attack_witnesses(vectors, engine, *((BLOCKS, 665, 1) if in_full else (BLOCKS_IN_PYTHON, 60, 1)))
    print(f"seed {SEED}: {reasons.most_common()}")
    assert len(reasons) > 8


@pytest.mark.slow
def test_many_changed_witnesses(vectors: Path, engine: Engine[Any]) -> None:
    print(f"seed {SEED}: {attack_witnesses(vectors, engine, BLOCKS, 665, 10).most_common()}")


def test_a_block_under_the_rules_of_another_network(vectors: Path, engine: Engine[Any]) -> None:
    """Another chain id: every transaction is signed for the wrong chain, the first one is named."""
    (payload, parent), *_ = targets(vectors, BLOCKS_IN_PYTHON, 60)
    with pytest.raises(Rejection) as rejected:
        verify_block(engine, KAUSTINEN6, NewPayloadRequest(payload), parent, chain_id=1)
    assert rejected.value.reason is Reason.CHAIN_ID_MISMATCH
    assert rejected.value.facts["transaction"] == 0
