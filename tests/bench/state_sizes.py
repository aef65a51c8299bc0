"""What a block costs on states of different sizes: a drawing, and the figures.

python -m tests.bench.state_sizes [ACCOUNTS]... > spec/state-sizes.svg     # figures go to standard error
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from builder.build import Attributes, build_block
from cli import database_cases, plot
from cli.cases import Inputs
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


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def stages(chain: Any, listed: Any) -> dict[str, float]:
    """What building takes, by stage."""
    spent: dict[str, float] = {}
    last = time.perf_counter()

    def observe(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        name = stage if stage in BUILD else "rest"
        spent[name] = spent.get(name, 0) + now - last
        last = now

    build_block(chain, listed, Attributes(), observe=observe)
    return spent


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: 1000 * statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    inputs = Inputs(EngineChoice("auto").make(quiet=True))
    about = machine()
    groups = []
    for accounts in [int(text) for text in sys.argv[1:]] or SIZES:
        works = {
            "import": database_cases.import_block(inputs, accounts),
            "verify": database_cases.verify(inputs, accounts),
        }
        kept = database_cases._keep(inputs, accounts)
        runs = []
        for _ in range(RUNS + 1):
            run = stages(kept.chain, kept.listed)
            for name, work in works.items():
                if work.before is not None:
                    work.before()
                run[name] = seconds(work.run)
            database_cases._opened(kept)
            works["import"] = database_cases.import_block(inputs, accounts)
            runs.append(run)
        figures = medians(runs[1:])
        print(f"{accounts:>9,} accounts, ms:", {k: round(v) for k, v in figures.items()}, file=sys.stderr)
        build = tuple(figures[name] for name in BUILD)
        groups.append(plot.Group(f"{accounts:,}", (build, (figures["import"],), (figures["verify"],))))
    print(f"load: {os.getloadavg()}", file=sys.stderr)
    parts = (tuple(BUILD.values()), (IMPORT,), (VERIFY,))
    line = f"30 million gas, {works['verify'].about.split(' on ')[0]}; {about['cpu']}, engine {inputs.engine.name}"
    print(plot.draw("What a block costs", line, parts, groups, "ms", "accounts of the state"), end="")


if __name__ == "__main__":
    main()
