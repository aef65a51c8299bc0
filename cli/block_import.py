"""`verkle block import`: blocks of others, executed on the whole state and put on a chain."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files, output
from cli.datadir import datadir_option, opened
from cli.engines import EngineChoice, bounded_engine_option
from cli.parameters import PATH, json_option
from spec.containers import NewPayloadRequest
from spec.errors import DecodeError, Rejection

if TYPE_CHECKING:
    from builder.chain import Chain, Imported

MEGA: Final = 10**6


@click.command(name="import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@datadir_option
@click.option("--prove", is_flag=True, help="Make each witness, and compare it with the block's, byte for byte.")
@click.option("--to", "last", type=click.IntRange(1), metavar="N", help="Last block number to import.")
@bounded_engine_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--verbose", "-v", is_flag=True, help="Print a line for every block.")
def import_(
    paths: tuple[Path, ...],
    datadir: Path,
    prove: bool,
    last: int | None,
    engine: EngineChoice,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Execute blocks on the whole state of a chain, and put them on it.

    PATH is .json, .jsonl, .jsonl.gz or .ssz, as for `verkle block verify`. Header, transactions, gas, receipts and
    state root of each block are checked by execution; what a stateless verifier checks besides, that the witness is the
    one that this state gives, --prove checks: state diff and proof must be equal byte for byte. A block that comes
    without a witness is given one.

    A block may build on an earlier block than the head: the blocks above its parent are then taken off, and are not
    kept (import them again to come back). That reaches as far as the database retains what blocks replaced, 128 blocks
    unless `verkle init --retain` said otherwise. So whoever imports decides which branch the chain is; there is no rule
    that the longer one wins. Blocks that are in the chain already are passed over.

    Each block is on the disk before the next one begins. The first block that is rejected ends the run: exit code 1,
    and the chain is as it was after the block before. --json prints an object per block, and {"totals": ...} at the
    end.

    \b
    verkle block import blocks.jsonl.gz --datadir chain --prove
    """
    for path in paths:
        files.kind_of(path)
    computing = engine.make(quiet=quiet or as_json)
    total = files.size_of(paths[0]) if len(paths) == 1 else None
    with (
        opened(datadir, computing, write=True) as chain,
        output.watching("reading", total, quiet=quiet or as_json) as watcher,
    ):
        session = Session(chain, watcher, prove=prove, as_json=as_json, quiet=quiet, verbose=verbose)
        for document in files.all_documents(paths):
            request = document.request(chain.profile)
            if last is not None and request.execution_payload.block_number > last:
                break
            watcher.advance_to(document.consumed, f"block {request.execution_payload.block_number}")
            session.add(request, document.place)
        if not session.seen:
            raise DecodeError("no block to import", ", ".join(click.format_filename(path) for path in paths))
        session.end()


@dataclass(slots=True)
class Session:
    """Blocks imported one after the other, and what is said of them."""

    chain: "Chain[Any]"
    watcher: output.Watcher
    prove: bool
    as_json: bool
    quiet: bool
    verbose: bool
    imported: int = 0
    known: int = 0
    taken_off: int = 0
    gas: int = 0
    transactions: int = 0
    clock: output.Stopwatch = field(default_factory=output.Stopwatch)

    @property
    def seen(self) -> int:
        """Blocks that were there to be imported."""
        return self.imported + self.known

    def add(self, request: NewPayloadRequest, place: str) -> None:
        """Import a block. Raises: Rejection, naming the block; DecodeError; OSError."""
        from cli.chain import is_empty_slot  # noqa: PLC0415  (loads the machine)

        payload = request.execution_payload
        if is_empty_slot(payload):
            if not self.quiet:
                self.watcher.note(f"{place}: the empty payload of a genesis slot, skipped")
            return
        watch = output.Stopwatch()
        try:
            with self.chain.database.reader() as reader:
                known = self.chain.holds(reader, request)
            if known:
                self.known += 1
                return
            imported = self.chain.import_block(request, proves=self.prove, observe=watch.lap)
        except Rejection as rejection:
            facts = {name: fact for name, fact in rejection.facts.items() if name not in ("block", "at")}
            raise Rejection(rejection.reason, block=payload.block_number, at=place, **facts) from None
        self.imported += 1
        self.taken_off += imported.taken_off
        self.gas += imported.header.gas_used
        self.transactions += len(payload.transactions)
        self._say(imported, place, watch.stages)

    def _say(self, imported: "Imported", place: str, seconds: dict[str, float]) -> None:
        header, payload = imported.header, imported.request.execution_payload
        if imported.taken_off and not self.quiet:
            taken = output.count(imported.taken_off, "block")
            self.watcher.note(f"{place}: {taken} taken off, for another branch from block {header.number}")
        if self.quiet:
            return
        if self.as_json:
            self.watcher.json(
                {
                    "number": header.number,
                    "hash": output.hexed(payload.block_hash),
                    "state_root": output.hexed(header.state_root),
                    "transactions": len(payload.transactions),
                    "gas_used": header.gas_used,
                    "taken_off": imported.taken_off,
                    "proved": imported.finished.witness is not None,
                    "seconds": {stage: output.rounded(value) for stage, value in seconds.items()},
                    "place": place,
                }
            )
        elif self.verbose:
            spent = output.seconds(sum(seconds.values()))
            transactions = output.count(len(payload.transactions), "transaction")
            self.watcher.line(f"block {header.number}  {transactions}, {header.gas_used:,} gas, {spent}")

    def end(self) -> None:
        """The totals."""
        self.clock.lap("all")
        wall = self.clock.stages["all"]
        head = self.chain.head()
        if self.quiet:
            return
        if self.as_json:
            totals = {
                "imported": self.imported,
                "known": self.known,
                "taken_off": self.taken_off,
                "transactions": self.transactions,
                "gas_used": self.gas,
                "head": head.number,
                "state_root": output.hexed(head.state_root),
                "wall_seconds": output.rounded(wall),
                "mgas_per_second": round(self.gas / wall / MEGA, 2),
            }
            output.json_line({"totals": totals})
            return
        rest = f", {self.known:,} known already" if self.known else ""
        rest += f", {self.taken_off:,} taken off" if self.taken_off else ""
        witnesses = ", witnesses equal" if self.prove and self.imported else ""
        click.echo(
            f"{output.count(self.imported, 'block')} imported{rest}{witnesses}: {self.gas:,} gas in "
            f"{output.seconds(wall)}, {self.gas / wall / MEGA:.1f} Mgas/s; head is block {head.number}, "
            f"state root 0x{head.state_root.hex()}"
        )
