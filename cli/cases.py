"""What `verkle bench` measures: inputs, and what is inside the timer.

Inputs follow from a seed, by the rules of tests/bench/peers/inputs.py, so that peers are measured on the same numbers:

    word(stream, index) = SHA-256(u64le(seed) || u64le(stream * 2^32 + index))

What both sides receive ready-made is outside the timer: scalars and points in the form that each computes with (for Go
slices of field elements, for compiled engines arrays), polynomials with their commitments, the tree that is updated or
proved, a witness as an object. Inside is everything from there to the result in the same form, so for proofs all of the
transcript, and for verifications reading the proof's bytes.

| case | inside the timer |
|---|---|
| commit-256 | one commitment to a dense vector |
| update-1000 | 1,000 times: commitment + scalar * G_i, as points |
| map-1000 | map_to_scalar_field of 1,000 projective points |
| decode-1000 | 1,000 points from 32 bytes each, subgroup checked |
| ipa-prove, ipa-verify | one opening outside the domain |
| multiproof-prove-N, -verify-N | N openings of N dense polynomials |
| multiproof-prove-16xN, -verify-16xN | 16 such proofs together |
| tree-build-N | from a map of N fresh leaves to the root's encoding |
| tree-growth-N | the same; and the memory that such a tree takes |
| tree-update-1000 | 1,000 writes to a tree of 100,000 leaves, to the root's encoding |
| tree-prove-N | N present keys of that tree, to a witness as an object |
| tree-verify-N | from the witness and the root's encoding: points decoded, partial tree rebuilt, multiproof verified |
"""

import gc
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from cli.engines import EngineChoice
from spec.types import StateRoot, TreeKey, Value
from verkle import domain, ipa, multiproof
from verkle.batch import Claim, Task, prove_all, verify_all
from verkle.engine import Engine, Openings
from verkle.field import FR
from verkle.multiproof import MultiProof
from verkle.transcript import Transcript
from verkle.tree import Tree
from witness.proof import check, prove

SEED: Final = 4762
LABEL: Final = b"verkle"
WIDTH: Final = domain.SIZE
LARGE: Final = 100_000
"""Leaves of the large tree."""


@dataclass(frozen=True, slots=True)
class Work:
    """A case with its inputs made."""

    run: Callable[[], object]
    about: str
    before: Callable[[], None] | None = None
    """What readies each run, untimed."""
    amount: tuple[float, str] | None = None
    """How much a run does, and of what, where that says more than seconds."""
    asked: dict[str, Any] = field(default_factory=dict)
    """A peer's scenario that is told by the inputs; the case's own where it is empty."""
    noticed: Callable[[], str] | None = None
    """What the runs showed besides their time, asked for after the last one; may be nothing."""
    close: Callable[[], object] = lambda: None
    """Clears away behind the case."""


class Closing(Protocol):
    """What is let go of by name."""

    def close(self) -> None:
        """Let go of it."""


C = TypeVar("C", bound=Closing)


@dataclass(slots=True)
class Inputs:
    """What cases are made from, for one engine. Keeps what several share: the last large tree, the last state on disk.

    Close it when all cases are through.
    """

    engine: Engine[Any]
    choice: EngineChoice = field(default_factory=EngineChoice)
    """By which other processes make such an engine for themselves."""
    _tree: tuple[int, Tree[Any]] | None = field(default=None)
    _kept: tuple[int, Closing] | None = field(default=None)

    def tree(self, size: int) -> Tree[Any]:
        """The tree of so many random leaves."""
        if self._tree is None or self._tree[0] != size:
            self._tree = None
            self._tree = size, Tree.empty(self.engine).update(leaves(size))
        return self._tree[1]

    def kept(self, kind: type[C], size: int, make: Callable[[], C]) -> C:
        """The thing of a kind and size: the last one, or one that is made, and then the last one is closed first."""
        if self._kept is not None and self._kept[0] == size and isinstance(self._kept[1], kind):
            return self._kept[1]
        self.close()
        made = make()
        self._kept = size, made
        return made

    def close(self) -> None:
        """Close what is kept."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None


def word(stream: int, index: int) -> bytes:
    """Random 32 bytes."""
    return hashlib.sha256(SEED.to_bytes(8, "little") + ((stream << 32) + index).to_bytes(8, "little")).digest()


def scalars(stream: int, count: int) -> list[int]:
    """Random elements of Fr."""
    return [FR.from_bytes_mod_order(word(stream, index), "little") for index in range(count)]


def choice(stream: int, index: int, bound: int) -> int:
    """A random number in [0, bound)."""
    return int.from_bytes(word(stream, index)[:8], "little") % bound


def leaves(count: int) -> dict[TreeKey, Value]:
    """The random leaves of a tree."""
    return {TreeKey(word(0, k)): Value(word(1, k)) for k in range(count)}


def timed(work: Work, runs: int) -> list[float]:
    """The seconds of each run. What was left behind before is collected first, untimed."""
    gc.collect()
    spent = []
    for _ in range(runs):
        if work.before is not None:
            work.before()
        began = time.perf_counter()
        work.run()
        spent.append(time.perf_counter() - began)
    return spent


# ---------------------------------------------------------------- the group


def commit(inputs: Inputs) -> Work:
    """One dense vector."""
    engine = inputs.engine
    vector = engine.vectors.of(scalars(0, WIDTH))
    return Work(lambda: engine.commit_vectors([vector], [0]), "one vector of 256 random scalars")


def update(inputs: Inputs, count: int) -> Work:
    """C_k + d_k G_i for many k."""
    engine: Any = inputs.engine
    old = engine.commit([[(0, s)] for s in scalars(0, count)])
    rows = [[(choice(2, k, WIDTH), delta)] for k, delta in enumerate(scalars(1, count))]
    about = f"{count:,} commitments, one scalar each added"
    if hasattr(engine, "commit_arrays"):
        olds, listed = engine.point_array(old), engine.row_arrays(rows)
        return Work(lambda: engine.add_arrays(olds, engine.commit_arrays(*listed)), about)
    return Work(lambda: engine.add(old, engine.commit(rows)), about)


def map_to_field(inputs: Inputs, count: int) -> Work:
    """Many points at once."""
    engine: Any = inputs.engine
    points = engine.commit([[(0, s)] for s in scalars(0, count)])
    about = f"{count:,} projective points"
    if hasattr(engine, "commit_arrays"):
        array = engine.point_array(points)
        return Work(lambda: engine.scalar_arrays(array), about)
    return Work(lambda: engine.to_scalars(points), about)


def decode(inputs: Inputs, count: int) -> Work:
    """Many points at once."""
    engine = inputs.engine
    encoded = engine.encode(engine.commit([[(0, s)] for s in scalars(0, count)]))
    return Work(lambda: engine.decode(encoded), f"{count:,} encodings")


# ---------------------------------------------------------------- proofs


def _argument(inputs: Inputs) -> tuple[Any, Any, int, int]:
    """(vector, commitment, t, f(t))."""
    engine = inputs.engine
    values, t = scalars(0, WIDTH), scalars(1, 1)[0]
    vector = engine.vectors.of(values)
    (commitment,) = engine.decode(engine.encode(engine.commit_vectors([vector], [0])))
    return vector, commitment, t, domain.evaluate(values, t)


def _prove_argument(engine: Engine[Any], vector: Any, commitment: Any, t: int) -> ipa.Argument:
    (encoded,) = engine.encode([commitment])
    return ipa.prove(engine, Transcript(LABEL), encoded, vector, t)


def ipa_prove(inputs: Inputs) -> Work:
    """One inner product argument."""
    engine = inputs.engine
    vector, commitment, t, _ = _argument(inputs)
    return Work(lambda: _prove_argument(engine, vector, commitment, t), "a dense polynomial at a random point")


def ipa_verify(inputs: Inputs) -> Work:
    """One inner product argument."""
    engine = inputs.engine
    vector, commitment, t, value = _argument(inputs)
    data = _prove_argument(engine, vector, commitment, t).to_bytes()

    def run() -> None:
        (encoded,) = engine.encode([commitment])
        argument = ipa.Argument.from_bytes(data)
        ipa.verify(engine, Transcript(LABEL), ([1], [commitment]), encoded, (t, value), argument)

    return Work(run, "the same, from 544 bytes")


def _openings(engine: Engine[Any], count: int) -> tuple[Openings[Any], Any]:
    """One opening each of polynomials that are all dense, with commitments of their own, as decoded."""
    common, changes = scalars(0, WIDTH), scalars(1, count)
    base = [*engine.commit([list(enumerate(common))])] * count
    moved = engine.add(base, engine.commit([[(k % WIDTH, change)] for k, change in enumerate(changes)]))
    rows = []
    for k, change in enumerate(changes):
        row = dict(enumerate(common))
        row[k % WIDTH] = (row[k % WIDTH] + change) % FR.modulus
        rows.append(row)
    points = bytes(choice(2, k, WIDTH) for k in range(count))
    values = engine.vectors.of([row[z] for row, z in zip(rows, points, strict=True)])
    commitments = engine.decode(engine.encode(moved))
    return Openings(commitments, range(count), points, values), engine.vectors.polynomials(rows)


def multiproof_prove(inputs: Inputs, count: int) -> Work:
    """Many openings in one proof."""
    engine = inputs.engine
    openings, polynomials = _openings(engine, count)
    about = f"openings of as many dense polynomials: {count:,}"
    return Work(lambda: multiproof.prove(engine, Transcript(LABEL), openings, polynomials), about)


def multiproof_verify(inputs: Inputs, count: int) -> Work:
    """Many openings in one proof."""
    engine = inputs.engine
    openings, polynomials = _openings(engine, count)
    data = multiproof.prove(engine, Transcript(LABEL), openings, polynomials).to_bytes()

    def run() -> None:
        multiproof.verify(engine, Transcript(LABEL), openings, MultiProof.from_bytes(data))

    return Work(run, f"from 576 bytes, openings of as many commitments: {count:,}")


BATCH: Final = 16
"""Proofs made, or verified, together."""


def multiproofs_prove(inputs: Inputs, count: int) -> Work:
    """Many proofs together: the engine's threads share them out."""
    engine = inputs.engine
    openings, polynomials = _openings(engine, count)

    def run() -> object:
        return prove_all(engine, [Task(Transcript(LABEL), openings, polynomials) for _ in range(BATCH)])

    return Work(run, f"{BATCH} of {count:,} openings each", amount=(BATCH, "proofs"))


def multiproofs_verify(inputs: Inputs, count: int) -> Work:
    """Many proofs together: one combined relation."""
    engine = inputs.engine
    openings, polynomials = _openings(engine, count)
    proof = multiproof.prove(engine, Transcript(LABEL), openings, polynomials)

    def run() -> None:
        verify_all(engine, [Claim(Transcript(LABEL), openings, proof) for _ in range(BATCH)])

    return Work(run, f"{BATCH} of {count:,} openings each", amount=(BATCH, "proofs"))


# ---------------------------------------------------------------- trees


def tree_build(inputs: Inputs, count: int) -> Work:
    """A whole tree at once."""
    values = leaves(count)
    engine = inputs.engine
    return Work(lambda: Tree.empty(engine).update(values).state_root(), f"{count:,} leaves, each in a stem of its own")


def tree_growth(inputs: Inputs, count: int) -> Work:
    """A whole tree at once, and what this process grows by when it holds one more."""
    values, engine = leaves(count), inputs.engine
    Tree.empty(engine).update({})
    before = _resident()
    held = Tree.empty(engine).update(values)
    taken = (_resident() - before) / count
    about = f"{count:,} leaves, each in a stem of its own"
    if before:
        about += f"; {taken:.0f} bytes of memory a leaf, tables and all"
    del held
    return Work(lambda: Tree.empty(engine).update(values).state_root(), about)


def _resident() -> int:
    """Bytes of memory that this process has, 0 where the system does not say."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def tree_update(inputs: Inputs, count: int) -> Work:
    """Updates one after the other, each on top of the last, of leaves that are there."""
    tree, runs = inputs.tree(LARGE), 0
    writes: dict[TreeKey, Value] = {}

    def ready() -> None:
        nonlocal writes, runs
        numbers = range(runs * count, (runs + 1) * count)
        writes = {TreeKey(word(0, choice(2, j, LARGE))): Value(word(3, j)) for j in numbers}
        runs += 1

    def run() -> StateRoot:
        nonlocal tree
        tree = tree.update(writes)
        return tree.state_root()

    return Work(run, f"{count:,} writes to a tree of {LARGE:,} leaves", ready)


def _keys(count: int) -> list[TreeKey]:
    return [TreeKey(word(0, j * (LARGE // count))) for j in range(count)]


def tree_prove(inputs: Inputs, count: int) -> Work:
    """A witness, in go-verkle's format."""
    tree, keys = inputs.tree(LARGE), _keys(count)
    return Work(lambda: prove(tree, keys, markers=False), f"present keys of a tree of {LARGE:,} leaves: {count:,}")


def tree_verify(inputs: Inputs, count: int) -> Work:
    """A witness, in go-verkle's format."""
    tree = inputs.tree(LARGE)
    witness, root, engine = prove(tree, _keys(count), markers=False), tree.state_root(), inputs.engine
    return Work(lambda: check(engine, witness, root, markers=False), f"the same, from the witness: {count:,}")
