"""What `verkle` does differently from `kaustinen7`, scenario by scenario, and the switches that it comes from.

    VERKLE_VECTORS=DIR python -m tests.interop.gas_differences

writes gas_differences.json, and from it a table into spec/gas.md.

A *switch* is one thing that the two profiles say differently: a field of `WitnessAccess`, or of the rest of the rules.

A scenario's outcome is, for each transaction, whether it succeeds and what gas it uses, and which leaves the block
touches (those that its empty twin touches left out: they are the protocol's own).

A switch *matters* to a scenario where the outcome changes if it alone is turned from `kaustinen7`'s side, or if it
alone is turned back from `verkle`'s. The switches that matter are the whole explanation: turned together, they make
`kaustinen7`'s outcome `verkle`'s.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from spec.containers import Account
from spec.errors import Rejection
from spec.forks import KAUSTINEN7_ACCESS, VERKLE_ACCESS
from spec.gas import TRANSACTION_GAS_LIMIT
from spec.params import KAUSTINEN7, VERKLE, Profile
from spec.types import Uint64, Uint256
from stateless.transition import Signed
from stateless.tree_view import TreeKeys
from tests.interop.gas_scenarios import Scenario, scenarios
from tests.stateless.programs import system_accounts
from tests.stateless.worlds import Block, World
from tests.toy_engine import ToyEngine
from witness.access import Leaf

TABLE: Final = Path(__file__).with_name("gas_differences.json")
CHAPTER: Final = Path(__file__).parents[2] / "spec" / "gas.md"
BEGIN: Final = "<!-- The table below is written by tests/interop/gas_differences.py. -->\n"
END: Final = "<!-- End of the table. -->\n"

Switch = Callable[[Profile], Profile]


def _of_access(name: str) -> Switch:
    def turn(profile: Profile) -> Profile:
        rules = profile.require_execution()
        access = replace(rules.access, **{name: getattr(VERKLE_ACCESS, name)})
        return replace(profile, execution=replace(rules, access=access))

    return turn


def _of_rules(*names: str) -> Switch:
    def turn(profile: Profile) -> Profile:
        wanted = VERKLE.require_execution()
        rules = replace(profile.require_execution(), **{name: getattr(wanted, name) for name in names})
        return replace(profile, execution=rules)

    return turn


def _system(profile: Profile) -> Profile:
    turned = _of_rules("system", "history_window", "history_write_makes_account")(profile)
    return replace(turned, history_address=VERKLE.history_address, history_window=VERKLE.history_window)


SWITCHES: Final[Mapping[str, Switch]] = {
    **{
        field.name: _of_access(field.name)
        for field in fields(VERKLE_ACCESS)
        if getattr(VERKLE_ACCESS, field.name) != getattr(KAUSTINEN7_ACCESS, field.name)
    },
    "fork": _of_rules("fork", "blobs"),
    "calldata_floor": _of_rules("calldata_floor"),
    "transaction_gas_limit": _of_rules("transaction_gas_limit"),
    "system": _system,
}
"""From `kaustinen7`'s side to `verkle`'s, by the name of the field. `fork` brings opcodes, precompiles and blobs;
`system` the addresses and the window of the contracts that the protocol calls."""


def turned(names: Iterable[str]) -> Profile:
    """`kaustinen7` with some switches turned."""
    profile = KAUSTINEN7
    for name in SWITCHES:
        if name in names:
            profile = SWITCHES[name](profile)
    return profile


Outcome = tuple[list[bool], list[int], set[Leaf]] | str


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of one scenario."""

    kaustinen7: Outcome
    verkle: Outcome
    switches: tuple[str, ...]

    def entry(self) -> dict[str, Any]:
        """As JSON."""
        entry: dict[str, Any] = {"switches": list(self.switches)}
        old, new = self.kaustinen7, self.verkle
        if isinstance(old, str) or isinstance(new, str):
            return entry | {"rejected": [outcome if isinstance(outcome, str) else None for outcome in (old, new)]}
        return entry | {
            "gas": [sum(old[1]), sum(new[1])],
            "success": [all(old[0]), all(new[0])],
            "leaves": [len(old[2] - new[2]), len(new[2] - old[2])],
        }


class Comparison:
    """One scenario under any rules, over one tree."""

    def __init__(self, scenario: Scenario, engine: ToyEngine) -> None:
        self._engine = engine
        number = len(scenario.blocks)
        alloc = {**system_accounts(), **scenario.alloc}
        for profile in (KAUSTINEN7, VERKLE):
            alloc[profile.history_address] = _with_hashes(alloc[profile.history_address], number)
        self._tree = World.of(KAUSTINEN7, engine, alloc).tree
        self._block = scenario.block(number, scenario.genesis_hash)

    def outcome(self, profile: Profile) -> Outcome:
        """What the scenario's last block comes to."""
        world, block = self.scene(profile)
        try:
            run = world.run(block)
        except Rejection as rejection:
            return str(rejection.reason)
        empty = world.run(replace(block, transactions=(), withdrawals=()))
        return run.status, run.gas, set(run.access) - set(empty.access)

    def scene(self, profile: Profile) -> tuple[World, Block]:
        """The pre-state and the block."""
        return World(profile, self._tree, TreeKeys(self._engine, profile), {}), self._block

    def most_gas(self) -> int:
        """The largest gas limit."""
        return max(signed.transaction.gas_limit for signed in self._block.transactions)

    def with_most_gas(self, limit: int) -> None:
        """Lower every gas limit to `limit` at most."""
        self._block = replace(self._block, transactions=tuple(_limited(one, limit) for one in self._block.transactions))


def _with_hashes(account: Account, number: int) -> Account:
    """A history contract that holds what blocks before `number` have left there."""
    hashes = {Uint256(slot): Uint256(2**255 + slot) for slot in range(number - 1)}
    return replace(account, storage={**account.storage, **hashes})


def _limited(signed: Signed, limit: int) -> Signed:
    gas_limit = Uint64(min(signed.transaction.gas_limit, limit))
    return replace(signed, transaction=replace(signed.transaction, gas_limit=gas_limit))


def difference(scenario: Scenario, engine: ToyEngine) -> Difference:
    """Compare, and find the switches that matter.

    A gas limit above what one transaction may ask for is lowered to it, so that more can be compared than a rejection;
    in `kaustinen7` this must change nothing but how much a failed transaction loses.
    """
    comparison, matter = Comparison(scenario, engine), set()
    if comparison.most_gas() > TRANSACTION_GAS_LIMIT:
        before = comparison.outcome(KAUSTINEN7)
        assert isinstance(comparison.outcome(turned(["transaction_gas_limit"])), str)
        comparison.with_most_gas(TRANSACTION_GAS_LIMIT)
        after = comparison.outcome(KAUSTINEN7)
        assert (before[0], before[2]) == (after[0], after[2]), "the scenario needs its gas"
        matter.add("transaction_gas_limit")
    old, new = comparison.outcome(KAUSTINEN7), comparison.outcome(turned(SWITCHES))
    for name in SWITCHES:
        if comparison.outcome(turned([name])) != old or comparison.outcome(turned(SWITCHES.keys() - {name})) != new:
            matter.add(name)
    assert comparison.outcome(turned(matter)) == new, f"more than {sorted(matter)}"
    return Difference(old, new, tuple(sorted(matter)))


def differences(vectors: Path) -> dict[str, dict[str, Any]]:
    """Every scenario's difference, by its name."""
    engine = ToyEngine()
    return {case.name: difference(scenario, engine).entry() for case, scenario in scenarios(vectors, KAUSTINEN7)}


# ---- the table


def table(entries: Mapping[str, dict[str, Any]]) -> str:
    """The differences by test function, as Markdown."""
    lines = [
        "| scenarios | number | other status | more gas | fewer leaves | more leaves | switches, and to how many |",
        "|---|---|---|---|---|---|---|",
    ]
    families: dict[str, list[dict[str, Any]]] = {}
    for name, entry in entries.items():
        families.setdefault(name.split("::")[1].split("[")[0], []).append(entry)
    lines += [_row(family, listed) for family, listed in sorted(families.items())]
    counted = Counter(switch for entry in entries.values() for switch in entry["switches"])
    lines += ["", "| switch | scenarios to which it matters |", "|---|---|"]
    lines += [f"| `{switch}` | {counted[switch]} |" for switch in SWITCHES]
    return "\n".join(lines) + "\n"


def _row(family: str, entries: list[dict[str, Any]]) -> str:
    compared = [entry for entry in entries if "gas" in entry]
    statuses = sum(entry["success"][0] != entry["success"][1] for entry in compared)
    gas = sorted(entry["gas"][1] - entry["gas"][0] for entry in compared)
    counted = Counter(switch for entry in entries for switch in entry["switches"])
    switches = ", ".join(f"`{name}` {counted[name]}" for name in SWITCHES if counted[name])
    less, more = (sorted(entry["leaves"][side] for entry in compared) for side in (0, 1))
    figures = (len(entries), statuses, _range(gas, signed=True), _range(less), _range(more), switches or "none")
    return f"| `{family}` | " + " | ".join(str(figure) for figure in figures) + " |"


def _range(figures: list[int], *, signed: bool = False) -> str:
    if not figures:
        return "-"
    shown = [f"{figure:+,}" if signed and figure else f"{figure:,}" for figure in (figures[0], figures[-1])]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


def read_committed() -> dict[str, dict[str, Any]]:
    """The differences as they are committed."""
    committed: dict[str, dict[str, Any]] = json.loads(TABLE.read_bytes())
    return committed


def committed_table() -> str:
    """The table as it stands in the chapter."""
    return CHAPTER.read_text().split(BEGIN)[1].split(END)[0]


def write(entries: Mapping[str, dict[str, Any]]) -> None:
    """Commit the differences and the table."""
    listed = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items()))
    TABLE.write_text("{\n" + listed + "\n}\n")
    text = CHAPTER.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    CHAPTER.write_text(before + BEGIN + "\n" + table(read_committed()) + "\n" + END + after)


if __name__ == "__main__":
    write(differences(Path(os.environ["VERKLE_VECTORS"])))
    print(CHAPTER, TABLE)
