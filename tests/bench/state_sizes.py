"""What a block costs on states of different sizes: a drawing, and the figures.

python -m tests.bench.state_sizes [ACCOUNTS]... > spec/state-sizes.svg     # figures go to standard error

Shown are medians of RUNS blocks, each built, imported and verified in turn; one more before them warms up.
"""

import contextlib
import gc
import os
import statistics
import sys
import time
from typing import Final

from builder.build import Attributes, build_block
from cli import database_cases, plot
from cli.cases import Inputs, timed
from cli.database_cases import StateOnDisk
from cli.engines import EngineChoice
from cli.measured import machine

SIZES: Final = (10_000, 100_000, 1_000_000)
RUNS: Final = 7
BUILD: Final = {
    "execute": plot.Part("build: execute", "#2f6f4f"),
    "load": plot.Part("load nodes", "#5f9f7f"),
    "prove": plot.Part("prove", "#8fbf9f"),
    "rest": plot.Part("update, seal, verify", "#c5dfcf"),
}
IMPORT: Final = plot.Part("import", "#5a6b7b")
VERIFY: Final = plot.Part("verify without state", "#b9a36b")


def stages(state: StateOnDisk) -> dict[str, float]:
    """The seconds of building the block, by stage."""
    spent = dict.fromkeys(BUILD, 0.0)
    gc.collect()
    last = time.perf_counter()

    def observe(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        spent[stage if stage in BUILD else "rest"] += now - last
        last = now

    build_block(state.chain(), state.transactions, Attributes(), observe=observe)
    return spent


def measured(inputs: Inputs, accounts: int) -> tuple[dict[str, float], str]:
    """Milliseconds of everything on a state of so many accounts, and what the block is."""
    state = database_cases.on_disk(inputs, accounts)
    works = {
        "import": database_cases.import_block(inputs, accounts),
        "verify": database_cases.verify(inputs, accounts),
    }
    runs = []
    for _ in range(RUNS + 1):
        state.take_off()
        runs.append(stages(state) | {name: timed(work, 1)[0] for name, work in works.items()})
    medians = {name: 1000 * statistics.median(run[name] for run in runs[1:]) for name in runs[0]}
    return medians, f"{len(state.built.transactions):,} transactions, {state.built.header.gas_used / 1e6:.1f} Mgas"


def main() -> None:
    groups, block, about = [], "", machine()
    with contextlib.closing(Inputs(EngineChoice().make(quiet=True))) as inputs:
        for accounts in [int(text) for text in sys.argv[1:]] or SIZES:
            figures, block = measured(inputs, accounts)
            shown = ", ".join(f"{name} {value:.0f}" for name, value in figures.items())
            print(f"{accounts:>9,} accounts, ms: {shown}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            build = tuple(figures[name] for name in BUILD)
            groups.append(plot.Group(f"{accounts:,}", (build, (figures["import"],), (figures["verify"],))))
        line = f"{block}; {about['cpu']}, {about['cores']} cores, engine {inputs.engine.name}"
    parts = (tuple(BUILD.values()), (IMPORT,), (VERIFY,))
    print(plot.draw("What a block costs", line, parts, groups, "ms", "accounts of the state"), end="")


if __name__ == "__main__":
    main()
