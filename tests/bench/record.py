"""Keep a run of `verkle bench`, with the machine and the command that made it.

python -m tests.bench.record [--engine NAME] [CASE]...      # writes tests/bench/results/DATE-MACHINE.json
python -m tests.bench.chart tests/bench/results/DATE-MACHINE.json > spec/engine.svg
"""

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).with_name("results")
COMMAND: Final = ["verkle", "bench", "--peers", "--json"]


def slug(text: str) -> str:
    """Small letters and digits, joined by dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def run(arguments: list[str]) -> dict[str, Any]:
    """The document of one run; progress goes to standard error."""
    machine: dict[str, Any] = {}
    cases: list[dict[str, Any]] = []
    busy = os.getloadavg()[0]
    command = [sys.executable, "-m", "cli.main", *COMMAND[1:], *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None, "piped"
        for line in child.stdout:
            document = json.loads(line)
            machine |= document.get("machine", {})
            if "case" in document:
                cases.append(document)
                print(f"{document['case']}: {document['median']:.6f} s", file=sys.stderr)
    if child.returncode:
        raise SystemExit(f"verkle bench ended with exit code {child.returncode}")
    date = datetime.date.today().isoformat()
    about = {"date": date, "command": " ".join([*COMMAND, *arguments]), "load_before": round(busy, 2)}
    return {**about, "machine": machine, "cases": cases}


def main() -> None:
    document = run(sys.argv[1:])
    RESULTS.mkdir(exist_ok=True)
    machine = document["machine"]
    path = RESULTS / f"{document['date']}-{slug(machine['cpu'])}-{machine['cores']}-{slug(machine['engine'])}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    print(path)


if __name__ == "__main__":
    main()
