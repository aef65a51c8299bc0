"""The cases that peers are asked, defined by our own code over any engine.

`Ours` answers a `Scenario` as `client.Peer` does, so a harness treats it as one peer more, and what it outputs with
`ReferenceEngine` is what every peer must output.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

from spec.codec import json_document
from spec.codec.witness_json import decode_witness, encode_witness
from spec.containers import ExecutionWitness
from spec.params import KeyHash
from spec.types import StateRoot, TreeKey, Value
from tests.bench.peers.inputs import (
    LABEL,
    Answer,
    Scenario,
    choice,
    entries_of,
    join,
    parse_entries,
    queries_of,
    scalar,
    scalars,
    update_of,
    words,
)
from verkle import domain, embedding, ipa, multiproof
from verkle.engine import Engine, Openings, P
from verkle.field import FR
from verkle.multiproof import MultiProof
from verkle.transcript import Transcript
from verkle.tree import Tree
from witness.proof import check, post_state, prove

WIDTH: Final = domain.SIZE
ACCEPTED: Final = b"\x01"
"""The output of a verification; one that fails raises."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario with its inputs made."""

    run: Callable[[], Any]
    """What is timed."""
    output: Callable[[Any], bytes]
    """The bytes of what a run returned."""
    units: int
    before: Callable[[], None] | None = None
    """What readies each run, untimed."""


class Ours(Generic[P]):
    """The cases over one engine. Keeps the last preparation and the last random tree."""

    name: Final = "ours"

    def __init__(self, engine: Engine[P]) -> None:
        self.engine = engine
        self._scenario: Scenario | None = None
        self._prepared: Prepared | None = None
        self._tree: tuple[tuple[int, int], Tree[P]] | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """What can be asked."""
        return tuple(self._makers)

    def ask(self, scenario: Scenario, repeat: int = 1, output: bool = False) -> Answer:
        """Run a scenario. Raises: Rejection, DecodeError where a verification fails."""
        prepared = self._prepare(scenario, fresh=output and scenario.case == "tree-update")
        if not output:
            gc.collect()  # what the preparation left behind is not charged to the runs
        seconds = []
        result: Any = None
        for _ in range(max(repeat, 1)):
            if prepared.before is not None:
                prepared.before()
            began = time.perf_counter()
            result = prepared.run()
            seconds.append(time.perf_counter() - began)
        return Answer(tuple(seconds), prepared.output(result) if output else None, prepared.units)

    def _prepare(self, scenario: Scenario, fresh: bool) -> Prepared:
        if self._prepared is None or fresh or scenario != self._scenario:
            self._prepared = None
            self._prepared = self._makers[scenario.case](self, scenario)
            self._scenario = scenario
        return self._prepared

    # Points and vectors.

    def _multiples_of_g0(self, scenario: Scenario) -> Sequence[P]:
        return self.engine.commit([[(0, s)] for s in scalars(scenario.seed, 0, scenario.size)])

    def _encode(self, points: Sequence[P]) -> bytes:
        return join(self.engine.encode(points))

    def _commit(self, scenario: Scenario) -> Prepared:
        row = list(enumerate(scalars(scenario.seed, 0, scenario.size)))
        return Prepared(lambda: self.engine.commit([row]), self._encode, 1)

    def _update(self, scenario: Scenario) -> Prepared:
        old = self._multiples_of_g0(scenario)
        deltas = enumerate(scalars(scenario.seed, 1, scenario.size))
        rows = [[(choice(scenario.seed, 2, k, WIDTH), delta)] for k, delta in deltas]
        return Prepared(lambda: self.engine.add(old, self.engine.commit(rows)), self._encode, scenario.size)

    def _map_to_field(self, scenario: Scenario) -> Prepared:
        points = self._multiples_of_g0(scenario)
        return Prepared(lambda: self.engine.to_scalars(points), _little_endian, scenario.size)

    def _encode_points(self, scenario: Scenario) -> Prepared:
        points = self._multiples_of_g0(scenario)
        return Prepared(lambda: self.engine.encode(points), join, scenario.size)

    def _decode(self, scenario: Scenario) -> Prepared:
        encoded = self.engine.encode(self._multiples_of_g0(scenario))

        def output(points: Sequence[P]) -> bytes:
            return _little_endian(self.engine.to_scalars(points))

        return Prepared(lambda: self.engine.decode(encoded), output, scenario.size)

    def _tree_key(self, scenario: Scenario) -> Prepared:
        addresses = words(scenario.seed, 0, scenario.size)
        indices = [int.from_bytes(data, "little") for data in words(scenario.seed, 1, scenario.size)]
        places = list(zip(addresses, indices, strict=True))
        key_hash = KeyHash.MAP_TO_SCALAR_FIELD
        return Prepared(
            lambda: embedding.stems(self.engine, key_hash, places),
            lambda stems: join([TreeKey.at(stem, 0) for stem in stems]),
            scenario.size,
        )

    # One opening.

    def _ipa(self, scenario: Scenario) -> "_Statement[P]":
        values = scalars(scenario.seed, 0, WIDTH)
        (encoded,) = self.engine.encode(self.engine.commit([list(enumerate(values))]))
        (commitment,) = self.engine.decode([encoded])
        point = scalar(scenario.seed, 1, 0)
        return _Statement(self.engine, commitment, values, point, domain.evaluate(values, point))

    def _ipa_prove(self, scenario: Scenario) -> Prepared:
        return Prepared(self._ipa(scenario).prove, ipa.Argument.to_bytes, 1)

    def _ipa_verify(self, scenario: Scenario) -> Prepared:
        statement = self._ipa(scenario)
        data = statement.prove().to_bytes() if scenario.proof is None else scenario.proof
        return Prepared(lambda: statement.verify(data), _accepted, 1)

    # Many openings.

    def _openings(self, scenario: Scenario) -> tuple[Openings[P], Any]:
        seed = scenario.seed
        common = scalars(seed, 0, WIDTH)
        changes = list(enumerate(scalars(seed, 1, scenario.size)))
        engine = self.engine
        base = [*engine.commit([list(enumerate(common))])] * scenario.size
        commitments = engine.add(base, engine.commit([[(k % WIDTH, change)] for k, change in changes]))
        rows: list[Mapping[int, int]] = []
        for k, change in changes:
            polynomial = dict(enumerate(common))
            polynomial[k % WIDTH] = (common[k % WIDTH] + change) % FR.modulus
            rows.append(polynomial)
        points = bytes(choice(seed, 2, k, WIDTH) for k in range(scenario.size))
        values = engine.vectors.of([row[z] for row, z in zip(rows, points, strict=True)])
        decoded = engine.decode(engine.encode(commitments))
        return Openings(decoded, range(scenario.size), points, values), engine.vectors.polynomials(rows)

    def _multiproof_prove(self, scenario: Scenario) -> Prepared:
        openings, polynomials = self._openings(scenario)
        return Prepared(
            lambda: multiproof.prove(self.engine, Transcript(LABEL), openings, polynomials),
            MultiProof.to_bytes,
            scenario.size,
        )

    def _multiproof_verify(self, scenario: Scenario) -> Prepared:
        openings, polynomials = self._openings(scenario)
        data = scenario.proof
        if data is None:
            data = multiproof.prove(self.engine, Transcript(LABEL), openings, polynomials).to_bytes()

        def run() -> None:
            multiproof.verify(self.engine, Transcript(LABEL), openings, MultiProof.from_bytes(data))

        return Prepared(run, _accepted, scenario.size)

    # Trees.

    def _tree_of(self, scenario: Scenario) -> Tree[P]:
        key = scenario.seed, scenario.size
        if scenario.entries is None and self._tree is not None and self._tree[0] == key:
            return self._tree[1]
        if scenario.entries is None:
            self._tree = None
        tree = Tree.empty(self.engine).update(entries_of(scenario))
        if scenario.entries is None:
            self._tree = key, tree
        return tree

    def _tree_build(self, scenario: Scenario) -> Prepared:
        entries = entries_of(scenario)
        return Prepared(lambda: Tree.empty(self.engine).update(entries).state_root(), bytes, len(entries))

    def _tree_update(self, scenario: Scenario) -> Prepared:
        chain = _Chain(scenario, self._tree_of(scenario))
        return Prepared(chain.step, bytes, scenario.count, chain.ready)

    def _tree_prove(self, scenario: Scenario) -> Prepared:
        tree, queries = self._tree_of(scenario), queries_of(scenario)
        writes = None if scenario.writes is None else parse_entries(scenario.writes)
        return Prepared(lambda: prove(tree, queries, writes, markers=False), witness_text, len(queries))

    def _witness_of(self, scenario: Scenario) -> tuple[ExecutionWitness, StateRoot]:
        if scenario.witness is not None:
            if scenario.root is None:
                raise ValueError("a witness is given without its root")
            return decode_witness(json_document.parse(scenario.witness)), StateRoot(scenario.root)
        tree = self._tree_of(scenario)
        return prove(tree, queries_of(scenario), markers=False), tree.state_root()

    def _tree_verify(self, scenario: Scenario) -> Prepared:
        witness, root = self._witness_of(scenario)
        return Prepared(lambda: check(self.engine, witness, root, markers=False), _accepted, len(witness.state_diff))

    def _tree_accept(self, scenario: Scenario) -> Prepared:
        witness, root = self._witness_of(scenario)

        def run() -> StateRoot:
            return post_state(check(self.engine, witness, root, markers=False), witness).state_root()

        return Prepared(run, bytes, len(witness.state_diff))

    _makers: Final[dict[str, Callable[["Ours[P]", Scenario], Prepared]]] = {  # type: ignore[misc]
        "commit": _commit,
        "update": _update,
        "map-to-field": _map_to_field,
        "encode": _encode_points,
        "decode": _decode,
        "tree-key": _tree_key,
        "ipa-prove": _ipa_prove,
        "ipa-verify": _ipa_verify,
        "multiproof-prove": _multiproof_prove,
        "multiproof-verify": _multiproof_verify,
        "tree-build": _tree_build,
        "tree-update": _tree_update,
        "tree-prove": _tree_prove,
        "tree-verify": _tree_verify,
        "tree-accept": _tree_accept,
    }


@dataclass(frozen=True, slots=True)
class _Statement(Generic[P]):
    """What an ipa case proves."""

    engine: Engine[P]
    commitment: P
    values: list[int]
    point: int
    value: int

    def prove(self) -> ipa.Argument:
        (encoded,) = self.engine.encode([self.commitment])
        values = self.engine.vectors.of(self.values)
        return ipa.prove(self.engine, Transcript(LABEL), encoded, values, self.point)

    def verify(self, data: bytes) -> None:
        argument = ipa.Argument.from_bytes(data)
        (encoded,) = self.engine.encode([self.commitment])
        combination = [1], [self.commitment]
        ipa.verify(self.engine, Transcript(LABEL), combination, encoded, (self.point, self.value), argument)


class _Chain(Generic[P]):
    """Updates of one tree, each on top of the last."""

    def __init__(self, scenario: Scenario, tree: Tree[P]) -> None:
        self.scenario, self.tree = scenario, tree
        self.writes: Mapping[TreeKey, Value] = {}
        self.runs = 0

    def ready(self) -> None:
        self.writes = update_of(self.scenario, self.runs)
        self.runs += 1

    def step(self) -> StateRoot:
        self.tree = self.tree.update(self.writes)
        return self.tree.state_root()


def witness_text(witness: ExecutionWitness) -> bytes:
    """A witness as the JSON text that go-verkle writes."""
    return json_document.write(encode_witness(witness)).encode()


def _little_endian(numbers: list[int]) -> bytes:
    return join([FR.encode(number, "little") for number in numbers])


def _accepted(_: object) -> bytes:
    return ACCEPTED
