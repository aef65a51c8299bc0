"""`verkle witness compare`: a chain's Verkle witnesses beside Merkle-Patricia proofs of the same accesses."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import files, output
from cli.comparison import HEADINGS, Weight, chart, table
from cli.datadir import block_range, datadir_option, genesis_of, genesis_option, opened
from cli.engines import EngineChoice, bounded_engine_option
from cli.parameters import PATH, force_option, json_option

if TYPE_CHECKING:
    from builder.chain import Chain
    from spec.containers import Genesis


@click.command()
@datadir_option
@genesis_option
@click.option("--from", "first", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="First block.")
@click.option("--to", "last", type=click.IntRange(1), metavar="N", help="Last block; else the head.")
@click.option("--plot", "plot_path", type=PATH, metavar="FILE.svg", help="Draw both witnesses, block by block.")
@bounded_engine_option
@force_option
@json_option
def compare(
    datadir: Path,
    genesis_path: Path | None,
    first: int,
    last: int | None,
    plot_path: Path | None,
    engine: EngineChoice,
    force: bool,
    as_json: bool,
) -> None:
    """Weigh the execution witnesses of a chain's blocks, and what the same accesses weigh as Merkle-Patricia proofs.

    The blocks are executed again from the genesis, in a temporary database, with the same accounts in Merkle-Patricia
    tries beside it (py-trie). For each block, in bytes:

    \b
      state diff, proof   the two parts of the Verkle witness
      SSZ                 the whole Verkle witness as it travels
      MPT nodes           every trie node on the path of an account or slot that the block touched, once, as RLP
      MPT code            the whole code of every contract that ran or was copied, once
      MPT/SSZ             how many times as much the Merkle-Patricia witness weighs

    What a block touched is what EIP-4762 lists, for both. Nodes beside the paths, which deletions may ask for, are not
    counted: that favours the tries. So does a small state; Verkle proofs hardly grow with it, Merkle proofs do.

    \b
    verkle witness compare --datadir chain --plot sizes.svg
    """
    if plot_path is not None:
        files.refuse_overwrite(plot_path, force)
        if plot_path.suffix != ".svg":
            raise click.UsageError(f"a drawing is .svg, not {click.format_filename(plot_path)}")
    computing = engine.make(quiet=as_json)
    with opened(datadir, computing) as source:
        last = block_range(source.head().number, first, last)
        weights = _weigh(source, genesis_of(source, genesis_path), first, last, as_json)
        profile = source.profile.name
    total = Weight.total(weights)
    if plot_path is not None:
        about = f"profile {profile}, blocks {first} to {last}; Merkle-Patricia is {total.ratio:.2f} times as large"
        drawing = chart("Execution witnesses, and Merkle-Patricia proofs of the same accesses", about, weights)
        files.write(plot_path, drawing.encode(), force=force)
    if as_json:
        for one in weights:
            output.json_line(one.as_json())
        summed = {name: value for name, value in total.as_json().items() if name != "number"}
        output.json_line({"totals": {"blocks": len(weights), **summed}})
        return
    rows = [[f"{one.number}", f"{one.gas_used:,}", f"{one.keys:,}", *one.cells()] for one in weights]
    rows.append(["all", f"{total.gas_used:,}", f"{total.keys:,}", *total.cells()])
    for line in table(("block", "gas", "keys", *HEADINGS), rows):
        click.echo(line)
    if plot_path is not None:
        output.note(f"drawn in {click.format_filename(plot_path)}")


def _weigh(source: "Chain[Any]", genesis: "Genesis", first: int, last: int, quiet: bool) -> list[Weight]:
    """Every block of the range. Raises: Rejection; DecodeError."""
    from builder.baseline import Baseline  # noqa: PLC0415  (loads py-trie)
    from builder.replay import begin, replay  # noqa: PLC0415

    weights = []
    with tempfile.TemporaryDirectory(prefix="verkle-compare-") as directory:
        target = begin(source, genesis, Path(directory) / "chain")
        try:
            with output.watching("executing", last, quiet=quiet) as watcher:
                baseline = Baseline(genesis, source.profile)
                for imported in replay(source, target, last):
                    number, payload = imported.header.number, imported.request.execution_payload
                    merkle = baseline.add(imported.finished, measures=number >= first)
                    watcher.advance_to(number, f"block {number}")
                    witness = payload.execution_witness
                    if number >= first and witness is not None:
                        counts = (number, len(payload.transactions), imported.header.gas_used)
                        weights.append(Weight.of(*counts, witness, merkle, source.profile))
        finally:
            target.close()
    return weights
