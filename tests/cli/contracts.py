"""Compile the demonstration's contracts: python -m tests.cli.contracts (needs vyper)."""

import hashlib
import importlib
import json
from typing import Any

from cli.contracts import COMPILED, DIRECTORY

NAMES = ("token", "swap")


def compile_all() -> dict[str, Any]:
    """What stands in compiled.json."""
    vyper, compiler = importlib.import_module("vyper"), importlib.import_module("vyper.compiler")
    contracts = {}
    for name in NAMES:
        source = (DIRECTORY / f"{name}.vy").read_text(encoding="utf-8")
        made = compiler.compile_code(source, output_formats=["bytecode", "method_identifiers"])
        contracts[name] = {
            "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
            "creation": made["bytecode"],
            "methods": {
                signature: f"0x{int(selector, 16):08x}"
                for signature, selector in sorted(made["method_identifiers"].items())
            },
        }
    return {"compiler": f"vyper {vyper.__version__}", "contracts": contracts}


def text() -> str:
    """compiled.json as it is written."""
    return json.dumps(compile_all(), indent=1) + "\n"


if __name__ == "__main__":
    COMPILED.write_text(text(), encoding="ascii")
