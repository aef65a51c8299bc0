"""A builder with a defect gives no block away: the verifier that it asks is the real one, and finds each of them.

Nothing of the verifier is touched here. What is broken is what the builder hands to it: the prover's output, the
outcome of execution, or the records that both are made from.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder import build as module
from builder import work
from builder.build import Attributes, build_block
from builder.chain import Chain
from builder.database import LEAVES, Batch
from builder.records import decode_values, encode_values
from builder.work import Finished, Work
from spec.containers import ExecutionWitness, StateDiff, StemStateDiff
from spec.errors import Reason, Rejection
from spec.params import BASIC_DATA_LEAF_KEY
from spec.types import Bloom, Bytes32, StateRoot, Stem, TreeKey, Value
from stateless.transition import Signed
from tests.builder.chains import STORES, actor_address, contents, new_chain, transaction
from verkle.embedding import BasicData
from witness.proof import prove

Writes = Mapping[TreeKey, Value]


def payments() -> list[Signed]:
    """Two payments, and a word stored."""
    word = bytes(31) + b"\5" + bytes(31) + b"\7"
    return [
        transaction(0, 0, actor_address(3), 5),
        transaction(1, 0, actor_address(4), 6),
        transaction(2, 0, STORES, 0, word),
    ]


def refused(chain: Chain[Any]) -> Rejection:
    """What a build on the chain comes to; the chain is as before."""
    before = contents(chain.database)
    with pytest.raises(Rejection) as rejected:
        build_block(chain, payments(), Attributes())
    assert contents(chain.database) == before
    return rejected.value


@pytest.fixture
def chain(tmp_path: Path) -> Any:
    made = new_chain(tmp_path / "db", others=20)
    yield made
    made.close()


# ---- a prover with a defect


def without(tree: Any, keys: set[TreeKey], writes: Writes, left_out: TreeKey, markers: bool) -> ExecutionWitness:
    """A true proof of one key too few."""
    shown = {key: value for key, value in writes.items() if key != left_out}
    return prove(tree, keys - {left_out}, shown, markers=markers)


def test_a_witness_with_any_entry_missing(chain: Chain[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key in turn; without a defect the same block is built."""
    whole = build_block(chain, payments(), Attributes())
    assert whole.finished.witness is not None
    listed = sorted(key for key, _ in whole.finished.witness.locations())
    for left_out in listed:

        def defective(
            tree: Any, keys: set[TreeKey], writes: Writes, *, markers: bool, left_out: TreeKey = left_out
        ) -> ExecutionWitness:
            return without(tree, keys, writes, left_out, markers)

        with monkeypatch.context() as patched:
            patched.setattr(work, "prove", defective)
            assert refused(chain).reason is Reason.WITNESS_INCOMPLETE
    assert len(listed) > 20
    assert build_block(chain, payments(), Attributes()).request == whole.request


def edited(edit: Callable[[StateDiff], StateDiff]) -> Callable[..., ExecutionWitness]:
    """A prover that proves what it should, and then lists something else."""

    def defective(tree: Any, keys: set[TreeKey], writes: Writes, *, markers: bool) -> ExecutionWitness:
        witness = prove(tree, keys, writes, markers=markers)
        return replace(witness, state_diff=edit(witness.state_diff))

    return defective


def each_suffix(change: Callable[[Any], Any]) -> Callable[[StateDiff], StateDiff]:
    """Change the first entry that `change` makes another one of."""

    def edit(diff: StateDiff) -> StateDiff:
        stems: list[StemStateDiff] = []
        done = False
        for stem in diff:
            entries = []
            for entry in stem.suffix_diffs:
                other = entry if done else change(entry)
                done = done or other != entry
                if other is not None:
                    entries.append(other)
            stems.append(replace(stem, suffix_diffs=tuple(entries)))
        assert done
        return tuple(stem for stem in stems if stem.suffix_diffs)

    return edit


def other_proof(tree: Any, keys: set[TreeKey], writes: Writes, *, markers: bool) -> ExecutionWitness:
    """The proof of fewer keys under the list of all."""
    witness = prove(tree, keys, writes, markers=markers)
    fewer = without(tree, keys, writes, sorted(keys)[0], markers)
    return replace(witness, verkle_proof=fewer.verkle_proof)


def one_more(tree: Any, keys: set[TreeKey], writes: Writes, *, markers: bool) -> ExecutionWitness:
    """A true proof of a key that nobody touched."""
    first = sorted(keys)[0]
    spare = next(s for s in range(256) if TreeKey.at(first.stem, s) not in keys)
    return prove(tree, keys | {TreeKey.at(first.stem, spare)}, writes, markers=markers)


def no_witness(_tree: Any, _keys: set[TreeKey], _writes: Writes, *, markers: bool) -> None:
    """None at all."""
    return


DEFECTS: dict[str, tuple[Callable[..., Any], set[Reason]]] = {
    "an entry lost behind the proof": (edited(each_suffix(lambda _: None)), {Reason.PROOF_INVALID}),
    "another value before": (
        edited(each_suffix(lambda e: replace(e, current_value=Value(b"\1" * 32)) if e.current_value else e)),
        {Reason.PROOF_INVALID},
    ),
    "a presence told as absence": (
        edited(each_suffix(lambda e: replace(e, current_value=None) if e.current_value else e)),
        {Reason.PROOF_INVALID},
    ),
    "another value after": (
        edited(each_suffix(lambda e: replace(e, new_value=Value(b"\1" * 32)) if e.new_value else e)),
        {Reason.WRITE_MISMATCH},
    ),
    "a write not told": (
        edited(each_suffix(lambda e: replace(e, new_value=None) if e.new_value else e)),
        {Reason.WRITE_MISMATCH},
    ),
    "the proof of another list": (other_proof, {Reason.PROOF_INVALID}),
    "a key too many": (one_more, {Reason.WITNESS_NOT_MINIMAL}),
    "no witness": (no_witness, {Reason.WITNESS_MISSING}),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_prover_with_a_defect(chain: Chain[Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    defective, reasons = DEFECTS[name]
    monkeypatch.setattr(work, "prove", defective)
    assert refused(chain).reason in reasons


# ---- an execution with a defect


def with_outcome(**fields: Any) -> Callable[[Finished], Finished]:
    return lambda finished: replace(finished, outcome=replace(finished.outcome, **fields))


def fewer_receipts(finished: Finished) -> Finished:
    return replace(finished, outcome=replace(finished.outcome, receipts=finished.outcome.receipts[1:]))


def more_gas(finished: Finished) -> Finished:
    return replace(finished, outcome=replace(finished.outcome, gas_used=finished.outcome.gas_used + 1))


OUTCOMES: dict[str, tuple[Callable[[Finished], Finished], Reason]] = {
    "another state root": (
        lambda finished: replace(finished, state_root=StateRoot(b"\1" + finished.state_root[1:])),
        Reason.STATE_ROOT_MISMATCH,
    ),
    "a receipt lost": (fewer_receipts, Reason.RECEIPTS_ROOT_MISMATCH),
    "a unit of gas more": (more_gas, Reason.GAS_USED_MISMATCH),
    "another bloom": (with_outcome(logs_bloom=Bloom(b"\1" * 256)), Reason.LOGS_BLOOM_MISMATCH),
    "requests that nobody made": (with_outcome(requests=(b"\1\2",)), Reason.REQUESTS_HASH_MISMATCH),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_execution_with_a_defect(chain: Chain[Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change, reason = OUTCOMES[name]

    class Defective(Work[Any]):
        def finish(self, *arguments: Any, **named: Any) -> Finished:
            return change(super().finish(*arguments, **named))

    monkeypatch.setattr(module, "Work", Defective)
    assert refused(chain).reason is reason


# ---- records with a defect, under a right checksum


def stem_of(chain: Chain[Any], actor: int) -> Stem:
    return chain.keys.stem(actor_address(actor), 0)


def richer(chain: Chain[Any]) -> None:
    """A sender has more than the tree says."""
    stem = stem_of(chain, 0)
    values = decode_values(contents(chain.database, [LEAVES])[LEAVES][stem])
    data = BasicData.unpack(values[BASIC_DATA_LEAF_KEY])
    values[BASIC_DATA_LEAF_KEY] = replace(data, balance=2 * data.balance).pack()
    chain.database.commit(Batch({LEAVES: {stem: encode_values(values)}}))


def forgotten(chain: Chain[Any]) -> None:
    """The values of a payee are gone from where execution looks."""
    stem = stem_of(chain, 3)
    values = decode_values(contents(chain.database, [LEAVES])[LEAVES][stem])
    del values[BASIC_DATA_LEAF_KEY]
    chain.database.commit(Batch({LEAVES: {stem: encode_values(values)}}))


@pytest.mark.parametrize("damage", [richer, forgotten])
def test_records_with_a_defect(chain: Chain[Any], damage: Callable[[Chain[Any]], None]) -> None:
    damage(chain)
    assert refused(chain).reason is Reason.PROOF_INVALID


def test_randomness_of_the_prover_is_no_defect(chain: Chain[Any]) -> None:
    """The same attributes lead to the same block, so a refusal above is never by chance."""
    wanted = Attributes(prev_randao=Bytes32(b"\3" * 32))
    assert build_block(chain, payments(), wanted).request == build_block(chain, payments(), wanted).request
