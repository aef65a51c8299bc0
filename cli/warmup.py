"""`verkle warmup`: compile every kernel now, so that no later command has to."""

import importlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from cli import output
from cli.engines import EngineChoice, bounded_engine_option
from cli.parameters import json_option
from spec.types import TreeKey, Value
from verkle import multiproof
from verkle.engine import Engine, Openings, ReferenceEngine
from verkle.field import FR
from verkle.transcript import TREE_PROOF_LABEL, Transcript
from verkle.tree import Tree
from witness.proof import check, post_state, prove

SEED: Final = 4762


@click.command()
@bounded_engine_option
@json_option
def warmup(engine: EngineChoice, as_json: bool) -> None:
    """Compile the engine's kernels, or load those that were kept, and tell how long each group took.

    Kernels are compiled once for a machine and kept: in the directory that the environment variable VERKLE_CACHE_DIR
    names, else in ~/.cache/stateless-verkle. Without this command, the first command that computes compiles what it
    needs.

    \b
    verkle warmup
    VERKLE_CACHE_DIR=/var/cache/verkle verkle warmup --engine numba
    """
    watch = output.Stopwatch()
    computing = engine.make(quiet=as_json)
    groups: dict[str, Callable[[], object]] = {"engine and self-test": lambda: None}
    if computing.name != ReferenceEngine.name:
        groups |= {
            "commitments": lambda: _commitments(computing),
            "points": lambda: _points(computing),
            "proofs": lambda: _proofs(computing),
            "trees and witnesses": lambda: _trees(computing),
        }
    if not as_json:
        click.echo(f"engine {computing.name}")
    for name, run in groups.items():
        run()
        watch.lap(name)
        if not as_json:
            click.echo(f"  {name:<22} {output.seconds(watch.stages[name]):>9}")
    directory, count, size = _kept(computing)
    if as_json:
        seconds = {name: output.rounded(spent) for name, spent in watch.stages.items()}
        kept = None if directory is None else click.format_filename(directory)
        output.json_line({"engine": computing.name, "seconds": seconds, "cache": kept, "files": count, "bytes": size})
    elif count:
        assert directory is not None, "files are somewhere"
        click.echo(f"{output.count(count, 'kernel')}, {size / 1e6:.1f} MB, in {click.format_filename(directory)}")
    else:
        click.echo("nothing is kept: this engine has no kernels, or no directory can be written")


def _kept(engine: Engine[Any]) -> tuple[Path | None, int, int]:
    """Where kernels are kept, how many, and their bytes."""
    if engine.name == ReferenceEngine.name:
        return None, 0, 0
    directory: Path | None = importlib.import_module("accel.compile").cache_directory()
    sizes = [] if directory is None else [path.stat().st_size for path in directory.glob("*.nbc")]
    return directory, len(sizes), sum(sizes)


def _commitments(engine: Engine[Any]) -> None:
    """Rows of every kind: none, short, long, dense, along Q."""
    numbers = random.Random(SEED)
    rows = [[(numbers.randrange(257), numbers.randrange(FR.modulus)) for _ in range(n)] for n in (0, 1, 2, 5, 300)]
    engine.commit(rows)
    vector = engine.vectors.of([numbers.randrange(FR.modulus) for _ in range(256)])
    engine.commit_vectors([vector], [1])


def _points(engine: Engine[Any]) -> None:
    """Free points, few and many."""
    points = engine.commit([[(index, 1 + index)] for index in range(256)])
    engine.to_scalars(engine.add(points, engine.decode(engine.encode(points))))
    for count in (1, 20, len(points)):
        engine.msm(list(range(count)), points[:count])


def _proofs(engine: Engine[Any]) -> None:
    """Openings of sparse and dense polynomials, proved and verified."""
    vectors, numbers = engine.vectors, random.Random(SEED)
    values = [{z: numbers.randrange(FR.modulus) for z in numbers.sample(range(256), n)} for n in (1, 2, 256)]
    commitments = engine.commit([row.items() for row in values])
    made = vectors.polynomials(values)
    which = [index % len(values) for index in range(300)]
    opened = vectors.of([values[k].get(z % 256, 0) for z, k in enumerate(which)])
    openings = Openings(commitments, which, bytes(z % 256 for z in range(len(which))), opened)
    proof = multiproof.prove(engine, Transcript(TREE_PROOF_LABEL), openings, made)
    multiproof.verify(engine, Transcript(TREE_PROOF_LABEL), openings, proof)


def _trees(engine: Engine[Any]) -> None:
    """A tree built, updated, proved, and its witness accepted."""
    numbers = random.Random(SEED)
    values = {TreeKey(numbers.randbytes(32)): Value(numbers.randbytes(32)) for _ in range(300)}
    tree = Tree.empty(engine).update(values)
    writes = {key: Value(bytes(32)) for key in numbers.sample(sorted(values), 20)}
    writes |= {TreeKey(numbers.randbytes(32)): Value(numbers.randbytes(32)) for _ in range(20)}
    for markers in (False, True):
        witness = prove(tree, numbers.sample(sorted(values), 20), writes, markers=markers)
        view = check(engine, witness, tree.state_root(), markers=markers)
        if post_state(view, witness).state_root() != tree.update(writes).state_root():
            raise AssertionError("the witness's post-state is not the tree's")
