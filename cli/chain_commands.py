"""`verkle chain`: what a database holds, its blocks as files, and all of them executed again."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files, output
from cli.block_files import BlockFiles, format_option
from cli.datadir import block_range, datadir_option, genesis_of, genesis_option, opened, refuse_own_files
from cli.engines import EngineChoice, bounded_engine_option
from cli.failure import Failed
from cli.parameters import PATH, force_option, json_option
from spec.errors import DecodeError

if TYPE_CHECKING:
    from builder.chain import Chain
    from spec.containers import Header

MEGA: Final = 10**6


@click.group(no_args_is_help=False)
def chain() -> None:
    """Look into a chain's database, export its blocks, execute them again."""


@chain.command()
@datadir_option
@json_option
def status(datadir: Path, as_json: bool) -> None:
    """Show the head of a chain, how far back it can go, and what its database holds.

    \b
    verkle chain status --datadir chain
    """
    from builder.database import BLOCKS, CODE, LEAVES, NODES, UNDO  # noqa: PLC0415  (loads LMDB)
    from builder.files import DATA_FILE  # noqa: PLC0415
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second)

    with opened(datadir) as held:
        with held.database.reader() as reader:
            head = held.head(reader)
            tables = {"stems": LEAVES, "internal_nodes": NODES, "codes": CODE, "blocks": BLOCKS, "undo_records": UNDO}
            counts = {name: reader.count(table) for name, table in tables.items()}
        size = files.size_of(datadir / DATA_FILE)
    taken_off = min(counts["undo_records"], held.retained)
    if as_json:
        output.json_line(
            {
                "datadir": click.format_filename(datadir),
                "profile": held.profile.name,
                "chain_id": held.chain_id,
                "genesis": output.hexed(held.genesis_hash),
                "number": head.number,
                "hash": output.hexed(rlp.block_hash(head)),
                "state_root": output.hexed(head.state_root),
                "timestamp": head.timestamp,
                "gas_limit": head.gas_limit,
                "base_fee_per_gas": head.base_fee_per_gas,
                "retain": held.retained,
                "back_to": head.number - taken_off,
                **counts,
                "bytes": size,
            }
        )
        return
    rows = [
        ("head", f"block {head.number}, 0x{rlp.block_hash(head).hex()}"),
        ("state root", f"0x{head.state_root.hex()}"),
        ("time", f"{head.timestamp}, gas limit {head.gas_limit:,}, base fee {head.base_fee_per_gas or 0:,} wei"),
        ("chain", f"id {held.chain_id}, profile {held.profile.name}, genesis 0x{held.genesis_hash.hex()}"),
        ("can go back", f"to block {head.number - taken_off} ({held.retained:,} blocks are retained at most)"),
        ("state", f"{counts['stems']:,} stems, {counts['internal_nodes']:,} internal nodes, {counts['codes']:,} codes"),
        ("file", f"{size:,} bytes"),
    ]
    for line in output.columns(rows):
        click.echo(line.removeprefix("  "))


@chain.command()
@datadir_option
@click.option("--from", "first", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="First block.")
@click.option("--to", "last", type=click.IntRange(1), metavar="N", help="Last block; else the head.")
@click.option("--out", type=PATH, metavar="PATH", required=True, help=".jsonl, .jsonl.gz, .json, .ssz or a directory.")
@click.option("--parent-header", type=PATH, metavar="FILE", help="Write the header before the first block, as RLP.")
@format_option
@force_option
@json_option
def export(
    datadir: Path,
    first: int,
    last: int | None,
    out: Path,
    parent_header: Path | None,
    form: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write blocks with their witnesses to files that `verkle block verify` and `block import` read.

    PATH is .jsonl or .jsonl.gz (a block a line), .json or .ssz (one block), or a directory (a file a block). With
    --parent-header, whoever verifies needs nothing else: a header of some 600 bytes.

    \b
    verkle chain export --datadir chain --from 5 --to 9 --out blocks.jsonl.gz --parent-header parent.rlp
    verkle block verify blocks.jsonl.gz --parent parent.rlp
    """
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second)

    refuse_own_files(datadir, out, parent_header)
    if parent_header is not None and parent_header.resolve() == out.resolve():
        raise click.UsageError("--out and --parent-header are one file")
    with opened(datadir) as held, held.database.reader() as reader:
        last = block_range(held.head(reader).number, first, last)
        before = held.hash_at(reader, first - 1)
        if before is None:
            raise DecodeError(f"block {first - 1} is missing", click.format_filename(datadir))
        if parent_header is not None:
            files.refuse_overwrite(parent_header, force)
        with BlockFiles(out, held.profile, form=form, force=force) as target:
            if target.holds_one and first != last:
                raise click.UsageError(f"{click.format_filename(out)} holds one block, not {last - first + 1}")
            with output.watching("exporting", last - first + 1, quiet=as_json) as watcher:
                for number in range(first, last + 1):
                    block_hash = held.hash_at(reader, number)
                    if block_hash is None:
                        raise DecodeError(f"block {number} is missing", click.format_filename(datadir))
                    target.add(held.block(reader, block_hash))
                    watcher.advance_to(number - first + 1, f"block {number}")
            if parent_header is not None:
                files.write(parent_header, rlp.encode_header(held.header(reader, before)), force=force)
            target.keep()
    if as_json:
        output.json_line({"from": first, "to": last, "blocks": target.count, "out": click.format_filename(out)})
    else:
        click.echo(f"{output.count(target.count, 'block')}, {first} to {last}: {click.format_filename(out)}")


@chain.command()
@datadir_option
@genesis_option
@click.option("--to", "last", type=click.IntRange(1), metavar="N", help="Last block; else the head.")
@click.option("--prove", is_flag=True, help="Make each witness again, too, and compare it byte for byte.")
@bounded_engine_option
@json_option
def replay(
    datadir: Path,
    genesis_path: Path | None,
    last: int | None,
    prove: bool,
    engine: EngineChoice,
    as_json: bool,
) -> None:
    """Execute all blocks of a chain again, from its genesis, and compare every root.

    The blocks go into a temporary database of their own, beside nothing that DIR says of the state. Header, gas,
    receipts and state root of each block must come out as they stand in it. Behind the head, every record of the state
    is compared as well. DIR is not changed.

    Exit code 1 names the first block that comes out differently.

    \b
    verkle chain replay --datadir chain --prove
    """
    from builder.replay import begin, differing  # noqa: PLC0415  (loads the machine and LMDB)
    from builder.replay import replay as again  # noqa: PLC0415

    computing = engine.make(quiet=as_json)
    watch = output.Stopwatch()
    gas = blocks = 0
    with opened(datadir, computing) as source, tempfile.TemporaryDirectory(prefix="verkle-replay-") as directory:
        head = _last(source, last)
        genesis = genesis_of(source, genesis_path)
        target = begin(source, genesis, Path(directory) / "chain")
        try:
            with output.watching("replaying", head.number, quiet=as_json) as watcher:
                for imported in again(source, target, head.number, proves=prove):
                    blocks, gas = blocks + 1, gas + imported.header.gas_used
                    watcher.advance_to(blocks, f"block {blocks}")
            whole = head == source.head()
            if whole:
                with source.database.reader() as ours, target.database.reader() as theirs:
                    different = differing(ours, theirs)
                if different:
                    raise Failed(f"the state of the database is not what its blocks lead to: {', '.join(different)}")
        finally:
            target.close()
    watch.lap("all")
    wall = watch.stages["all"]
    if as_json:
        output.json_line(
            {
                "blocks": blocks,
                "gas_used": gas,
                "state_root": output.hexed(head.state_root),
                "witnesses_compared": prove,
                "state_compared": whole,
                "seconds": output.rounded(wall),
                "mgas_per_second": round(gas / wall / MEGA, 2),
            }
        )
        return
    compared = ", witnesses equal" if prove else ""
    compared += ", the state equal record by record" if whole else ""
    click.echo(
        f"{output.count(blocks, 'block')} executed again, every root equal{compared}: {gas:,} gas in "
        f"{output.seconds(wall)}, {gas / wall / MEGA:.1f} Mgas/s"
    )


def _last(source: "Chain[Any]", last: int | None) -> "Header":
    """The header of the last block to look at: the head, or the one of a number. Raises: click.UsageError."""
    with source.database.reader() as reader:
        head = source.head(reader)
        if last is None:
            return head
        block_hash = source.hash_at(reader, last)
        if block_hash is None:
            raise click.UsageError(f"there is no block {last}; the head is block {head.number}")
        return source.header(reader, block_hash)
