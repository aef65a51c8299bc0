"""The cases of `verkle bench`, by name, with what is wanted of each.

    cli.cases             the group, proofs, trees in memory
    cli.execution_cases   the machine
    cli.database_cases    states on disk

What loads much is imported when its case is measured.
"""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Final

from cli import cases, files
from cli.cases import Inputs, Work
from cli.chain import Job, Rules, Selection, Verifier
from cli.demo import REAL_BLOCKS, REAL_GENESIS, REAL_PROFILE, REAL_REJECTED, VECTORS
from cli.failure import Failed
from cli.measured import Case
from spec.params import PROFILES, VERKLE
from spec.types import StateRoot
from stateless.header import Parent
from verkle.engine import ReferenceEngine

SEED: Final = cases.SEED
SAMPLED_BLOCKS: Final = 40


def _vectors() -> Path | None:
    """The directory of published vectors, where the environment names one."""
    directory = os.environ.get(VECTORS)
    return Path(directory) if directory else None


def _block_verify(inputs: Inputs) -> Work:
    """Proof and post root of blocks, one after the other."""
    vectors = _vectors()
    jobs = _sampled_jobs(vectors / REAL_BLOCKS) if vectors is not None else _own_jobs()
    turn = count()
    profile = VERKLE if vectors is None else PROFILES[REAL_PROFILE]
    verify = Verifier(inputs.engine, Rules(profile, full=False))

    def run() -> None:
        verdict = verify(jobs[next(turn) % len(jobs)])
        if not verdict.valid:
            raise Failed(f"{verdict.place}: block {verdict.number} is rejected: {verdict.detail}")

    kind = "synthetic blocks of our own" if vectors is None else "real blocks of Kaustinen 6"
    numbers = f"numbers {jobs[0].payload.block_number} to {jobs[-1].payload.block_number}"
    return Work(run, f"{len(jobs)} {kind}, {numbers}")


def _sampled_jobs(path: Path) -> list[Job]:
    """A block of each of as many stretches of the file, chosen by the seed."""
    unknown = Parent(StateRoot(bytes(32)))
    selection = Selection(Rules(PROFILES[REAL_PROFILE], full=False), unknown, None, None, lambda _: None)
    usable = [job for job in selection.jobs(files.documents(path)) if job.payload.block_number not in REAL_REJECTED]
    stretch = len(usable) / SAMPLED_BLOCKS
    generator = random.Random(SEED)
    starts = [round(index * stretch) for index in range(SAMPLED_BLOCKS + 1)]
    return [usable[generator.randrange(low, high)] for low, high in pairwise(starts) if low < high]


def _own_jobs() -> list[Job]:
    from cli import sample  # noqa: PLC0415  (loads rlp)

    builder = sample.Chain.begin(sample.genesis_document(), ReferenceEngine())
    jobs = []
    for step in sample.steps():
        parent = builder.parent
        jobs.append(Job("synthetic", builder.add(step), parent))
    return jobs


def _genesis_root(inputs: Inputs) -> Work:
    from builder.genesis import genesis_tree  # noqa: PLC0415
    from cli import sample  # noqa: PLC0415
    from spec.codec import genesis_json  # noqa: PLC0415

    vectors = _vectors()
    if vectors is None:
        profile, about = sample.PROFILE, "a synthetic genesis of our own, 280 accounts"
        genesis = genesis_json.decode_genesis(sample.genesis_document(280), profile)
    else:
        profile, about = PROFILES[REAL_PROFILE], "the genesis of Kaustinen 6"
        genesis = files.read_genesis(vectors / REAL_GENESIS, profile)
    return Work(lambda: genesis_tree(genesis, profile, inputs.engine).state_root(), about)


def _help(_: Inputs) -> Work:
    def run() -> None:
        subprocess.run([sys.executable, "-m", "cli.main", "--help"], stdout=subprocess.DEVNULL, check=True)

    return Work(run, "wall time of a process")


def _with(prepare: Callable[[Inputs, int], Work], number: int) -> Callable[[Inputs], Work]:
    return partial(prepare, count=number)  # type: ignore[call-arg]


def _asked(case: str, size: int, number: int = 0) -> dict[str, Any]:
    """A peer's scenario (tests/bench/peers/README.md)."""
    return {"case": case, "seed": SEED, "size": size, "count": number}


def _execute(_: Inputs, name: str, schedule: str) -> Work:
    from cli import execution_cases  # noqa: PLC0415  (loads the machine)

    return execution_cases.execute(name, schedule)


def _execute_blocks(inputs: Inputs) -> Work:
    from cli import execution_cases  # noqa: PLC0415  (loads the machine)

    vectors = _vectors()
    if vectors is None:
        return Work(lambda: None, f"nothing: {VECTORS} does not name the published vectors")
    return execution_cases.execute_blocks(inputs, vectors / REAL_BLOCKS, PROFILES[REAL_PROFILE], REAL_REJECTED)


def _on_disk(inputs: Inputs, verb: str, accounts: int) -> Work:
    from cli import database_cases  # noqa: PLC0415  (loads LMDB)

    return database_cases.VERBS[verb](inputs, accounts)


EXECUTION_RATES: Final = {"arithmetic": 10.0, "storage": 30.0, "mix": 15.0, "keccak": None, "transfers": 15_000.0}
"""Mgas in a second, or transactions, that the machine should execute."""
PROOF_SIZES: Final = ((1, 8, 6), (100, 8, 6), (1000, 8, 5), (8000, 8, 5))
"""Openings, and the ratios wanted of prover and verifier."""
DATABASE_SIZES: Final = (10_000, 100_000, 1_000_000)
"""Accounts. Only the smallest state is made unless a case is named: the largest takes minutes."""
DATABASE_SECONDS: Final = {"genesis": 45.0, "open": 1.0, "build": 4.0, "import": None, "verify": 3.0}
"""What is wanted of the largest state."""
DATABASE_ABOUT: Final = {
    "genesis": "a state on disk, from nothing",
    "open": "the database, and its head",
    "build": "a block of 30 million gas, with its witness",
    "import": "that block, made durable",
    "verify": "that block, without state",
}

CASES: Final = {
    case.name: case
    for case in (
        Case("block-verify", "proof and post root of one block", _block_verify, target=0.3),
        Case("genesis-root", "from parsed accounts to the root", _genesis_root, target=3.0),
        Case("help", "verkle --help", _help, target=0.25),
        Case("commit-256", "one commitment", cases.commit, ratio=8, asked=_asked("commit", 256)),
        Case("update-1000", "one-scalar updates", _with(cases.update, 1000), ratio=4, asked=_asked("update", 1000)),
        Case("map-1000", "maps to Fr", _with(cases.map_to_field, 1000), ratio=15, asked=_asked("map-to-field", 1000)),
        Case("decode-1000", "decoded points", _with(cases.decode, 1000), ratio=4, asked=_asked("decode", 1000)),
        Case("ipa-prove", "one argument", cases.ipa_prove, ratio=8, asked=_asked("ipa-prove", 0)),
        Case("ipa-verify", "one argument", cases.ipa_verify, ratio=6, asked=_asked("ipa-verify", 0)),
        *(
            Case(
                f"multiproof-prove-{n}",
                "one proof",
                _with(cases.multiproof_prove, n),
                ratio=wanted,
                asked=_asked("multiproof-prove", n),
                heavy=n > 1000,
            )
            for n, wanted, _ in PROOF_SIZES
        ),
        *(
            Case(
                f"multiproof-verify-{n}",
                "one proof",
                _with(cases.multiproof_verify, n),
                ratio=wanted,
                asked=_asked("multiproof-verify", n),
                heavy=n > 1000,
            )
            for n, _, wanted in PROOF_SIZES
        ),
        *(
            Case(f"multiproof-{verb}-16x1000", "proofs together", _with(prepare, 1000), scaling=wanted, heavy=True)
            for verb, prepare, wanted in (
                ("prove", cases.multiproofs_prove, 1.7),
                ("verify", cases.multiproofs_verify, None),
            )
        ),
        Case("tree-build-1000", "a tree from nothing", _with(cases.tree_build, 1000), asked=_asked("tree-build", 1000)),
        *(
            Case(
                f"tree-build-{n}",
                "a tree from nothing",
                _with(cases.tree_build, n),
                ratio=8,
                scaling=1.7,
                asked=_asked("tree-build", n),
                heavy=True,
            )
            for n in (10_000, cases.LARGE)
        ),
        Case(
            "tree-growth-1000000",
            "a tree from nothing",
            _with(cases.tree_growth, 1_000_000),
            heavy=True,
        ),
        Case(
            "tree-update-1000",
            "writes and root",
            _with(cases.tree_update, 1000),
            ratio=6,
            asked=_asked("tree-update", cases.LARGE, 1000),
            heavy=True,
        ),
        *(
            Case(
                f"tree-{verb}-{n}",
                "a witness",
                _with(prepare, n),
                ratio=wanted,
                asked=_asked(f"tree-{verb}", cases.LARGE, n),
                heavy=True,
            )
            for verb, prepare, wanted in (("prove", cases.tree_prove, 6), ("verify", cases.tree_verify, 5))
            for n in (1, 100, 1000)
        ),
        *(
            Case(
                f"evm-{name}-{schedule}",
                f"the machine under the gas schedule of {schedule}",
                partial(_execute, name=name, schedule=schedule),
                ratio=5,
                judge="eels",
                rate=rate,
            )
            for name, rate in EXECUTION_RATES.items()
            for schedule in ("osaka", "verkle")
        ),
        Case("block-execute", "blocks in full: proof, execution, roots", _execute_blocks, rate=12, heavy=True),
        *(
            Case(
                f"database-{verb}-{accounts}",
                about,
                partial(_on_disk, verb=verb, accounts=accounts),
                target=DATABASE_SECONDS[verb] if accounts == max(DATABASE_SIZES) else None,
                heavy=True,
                named=accounts > min(DATABASE_SIZES),
            )
            for accounts in DATABASE_SIZES
            for verb, about in DATABASE_ABOUT.items()
        ),
    )
}
