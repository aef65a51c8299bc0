"""The demonstration's contracts: sources in Vyper, and beside them what the compiler made of these.

`compiled.json` is written by `python -m tests.cli.contracts` (with vyper, which only developers need); a test compiles
again and compares.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path(__file__).parent
COMPILED: Final = DIRECTORY / "compiled.json"
WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Contract:
    """What a compiler makes of a source."""

    creation: bytes
    """Initcode; the constructor's arguments are put behind it."""
    methods: dict[str, bytes]
    """Selectors by signature."""

    def deploy(self, *arguments: int | bytes) -> bytes:
        """The data of a transaction that creates the contract."""
        return self.creation + encoded(arguments)

    def call(self, signature: str, *arguments: int | bytes) -> bytes:
        """The data of a call."""
        return self.methods[signature] + encoded(arguments)


def encoded(arguments: tuple[int | bytes, ...]) -> bytes:
    """Numbers and addresses as contracts read them: 32 bytes each, big-endian. Source: Solidity, "Contract ABI"."""
    words = (one if isinstance(one, int) else int.from_bytes(one, "big") for one in arguments)
    return b"".join(word.to_bytes(WORD, "big") for word in words)


@cache
def contract(name: str) -> Contract:
    """A contract by its source's name: "token", "swap"."""
    document = json.loads(COMPILED.read_text(encoding="ascii"))["contracts"][name]
    methods = {signature: bytes.fromhex(selector[2:]) for signature, selector in document["methods"].items()}
    return Contract(bytes.fromhex(document["creation"][2:]), methods)
