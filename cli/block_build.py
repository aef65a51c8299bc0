"""`verkle block build`: blocks made of transactions, with their witnesses, put on a chain."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import files, output, transactions
from cli.block_files import BlockFiles, format_option
from cli.datadir import datadir_option, opened, refuse_own_files
from cli.engines import EngineChoice, bounded_engine_option
from cli.parameters import PATH, force_option, hex_option, json_option
from cli.sizes import Sizes
from spec.codec import payload_json
from spec.codec.limits import MAX_EXTRA_DATA_BYTES, MAX_WITHDRAWALS_PER_PAYLOAD
from spec.codec.text import each, hex_bytes
from spec.containers import Withdrawal
from spec.errors import DecodeError, Rejection
from spec.types import Address, Bytes32, Uint64

if TYPE_CHECKING:
    from builder.build import Attributes, Built
    from builder.chain import Chain
    from stateless.transition import Signed

MEGA: Final = 10**6

_read_withdrawals: Final = each(payload_json.decode_withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD, "withdrawals")


def _extra_data(ctx: click.Context, param: click.Parameter, value: str | None) -> bytes:
    if value is None:
        return b""
    try:
        data = hex_bytes(value) if value.startswith("0x") else value.encode("utf-8", "surrogateescape")
    except DecodeError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    except UnicodeEncodeError:
        raise click.BadParameter("this is no text", ctx, param) from None
    if len(data) > MAX_EXTRA_DATA_BYTES:
        raise click.BadParameter(f"at most {MAX_EXTRA_DATA_BYTES} bytes", ctx, param)
    return data


@click.command()
@datadir_option
@click.option("--txs", "source", metavar="FILE|-", help="Transactions: a file, or - for standard input.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Most blocks to build; else until none is left.")
@click.option("--out", type=PATH, metavar="PATH", help="Write the blocks: .jsonl(.gz), .json, .ssz or a directory.")
@format_option
@click.option("--strict", is_flag=True, help="Refuse a transaction that does not fit, instead of leaving it out.")
@click.option("--timestamp", type=click.IntRange(1, 2**64 - 1), metavar="N", help="Of the first block.")
@hex_option("--fee-recipient", Address, "Who is paid the priority fees.")
@click.option("--gas-limit", type=click.IntRange(5000, 2**63 - 1), metavar="N", help="To move towards.")
@click.option("--extra-data", callback=_extra_data, metavar="TEXT", help="At most 32 bytes: text, or 0x and hex.")
@click.option("--withdrawals", "withdrawals_path", type=PATH, metavar="FILE", help="JSON array, for the first block.")
@hex_option("--prev-randao", Bytes32, "Randomness that the blocks' code sees.")
@hex_option("--parent-beacon-root", Bytes32, "Root of the parent beacon block, for all blocks.")
@bounded_engine_option
@force_option
@json_option
def build(
    datadir: Path,
    source: str | None,
    count: int | None,
    out: Path | None,
    form: str,
    strict: bool,
    timestamp: int | None,
    fee_recipient: Address | None,
    gas_limit: int | None,
    extra_data: bytes,
    withdrawals_path: Path | None,
    prev_randao: Bytes32 | None,
    parent_beacon_root: Bytes32 | None,
    engine: EngineChoice,
    force: bool,
    as_json: bool,
) -> None:
    """Build blocks with execution witnesses on the head of a chain, and put them on it.

    Transactions are one a line, in hex or as JSON objects (JSON-RPC's members), or a JSON array; `verkle tx sign` makes
    them. They are tried in the order given, and blocks are built until all are used up, or --count blocks are. Without
    --txs, --count empty blocks are built (1 where that is not given, either).

    A transaction that does not fit (nonce, funds, fee, form) is left out, and a line on standard error (an object
    {"left_out": ...} with --json) says which and why: FILE:LINE, and the rule's name. With --strict it is refused: exit
    code 1, and the block that it would be in is not built; blocks before it stay. One that is not a transaction at all
    is always an error, before anything is built.

    Every block is executed once more from its witness alone before it is put on the chain: a block that our own
    stateless verifier does not accept is never given away. What --out writes is the new payload request, for
    `verkle block verify`; a file that holds one block (.json, .ssz) means --count 1.

    Without --timestamp a block comes 12 seconds after its parent, as the following ones do in any case. The gas limit
    moves towards --gas-limit by 1/1024 a block. --json prints an object per block, and {"totals": ...} at the end.

    \b
    verkle tx sign fields.jsonl --key-file key | verkle block build --datadir chain --txs - --out block.ssz
    verkle block build --datadir chain --txs txs.txt --count 5 --out blocks.jsonl.gz --json
    """
    refuse_own_files(datadir, out)
    entries = [] if source is None else transactions.entries(source)
    signed = [entry.signed() for entry in entries]
    withdrawals = () if withdrawals_path is None else _withdrawals(withdrawals_path)
    computing = engine.make(quiet=as_json)
    with ExitStack() as held:
        chain = held.enter_context(opened(datadir, computing, write=True))
        target = None
        if out is not None:
            target = held.enter_context(BlockFiles(out, chain.profile, form=form, force=force))
        from builder.build import NO_ADDRESS, Attributes  # noqa: PLC0415  (loads the machine)

        attributes = Attributes(
            timestamp=None if timestamp is None else Uint64(timestamp),
            fee_recipient=fee_recipient or NO_ADDRESS,
            gas_limit=None if gas_limit is None else Uint64(gas_limit),
            extra_data=extra_data,
            withdrawals=withdrawals,
            **{} if prev_randao is None else {"prev_randao": prev_randao},
            **{} if parent_beacon_root is None else {"parent_beacon_block_root": parent_beacon_root},
        )
        watcher = held.enter_context(output.watching("building", len(entries) or count, quiet=as_json))
        session = Session(chain, entries, signed, watcher, as_json=as_json, strict=strict, target=target)
        if count is None and (source is None or (target is not None and target.holds_one)):
            count = 1
        if target is not None and target.holds_one and count != 1:
            raise click.UsageError(f"{click.format_filename(target.path)} holds one block only")
        try:
            session.build(attributes, count)
        finally:
            if target is not None:
                target.keep()
        session.end()


def _withdrawals(path: Path) -> tuple[Withdrawal, ...]:
    value = files.read_json(path)
    with files.located(click.format_filename(path)):
        return _read_withdrawals(value)


@dataclass(slots=True)
class Session:
    """Blocks that are built one after the other, and what is said of them."""

    chain: "Chain[Any]"
    entries: list[transactions.Entry]
    signed: "list[Signed]"
    watcher: output.Watcher
    as_json: bool
    strict: bool
    target: BlockFiles | None
    blocks: int = 0
    used: int = 0
    gas: int = 0
    left_out: int = 0
    pending: list[int] = field(default_factory=list)
    """Indices of transactions that were in no block yet."""
    clock: output.Stopwatch = field(default_factory=output.Stopwatch)

    def build(self, attributes: "Attributes", most: int | None) -> None:
        """Build until nothing is pending, at most `most` blocks. Raises: Rejection; DecodeError; OSError."""
        self.pending = list(range(len(self.signed)))
        while (most is None or self.blocks < most) and (self.pending or not self.signed):
            self._next(attributes)
            attributes = replace(attributes, timestamp=None, withdrawals=())

    def _next(self, attributes: "Attributes") -> None:
        from builder.build import build_block  # noqa: PLC0415  (see build)

        watch = output.Stopwatch()
        tried = self.pending
        try:
            built = build_block(
                self.chain, [self.signed[i] for i in tried], attributes, strict=self.strict, observe=watch.lap
            )
        except Rejection as rejection:
            raise self._at_its_place(rejection, tried) from None
        left_out = [(tried[one.index], one.rejection) for one in built.left_out]
        self.left_out += len(left_out)
        self.pending = [tried[index] for index in built.later]
        self._say_left_out(left_out)
        if self.signed and not built.transactions:
            return
        if self.target is not None:
            self.target.target_of(built.header.number)
        self.chain.put(built.request, built.header, built.finished)
        watch.lap("store")
        name = None if self.target is None else self.target.add(built.request)
        self.blocks += 1
        self.used += len(built.transactions)
        self.gas += built.header.gas_used
        self.watcher.advance_to(len(self.signed) - len(self.pending) or self.blocks, f"block {built.header.number}")
        self._say_built(built, len(left_out), watch.stages, name)

    def _at_its_place(self, rejection: Rejection, tried: list[int]) -> Exception:
        """A transaction's rejection, with the file and line that it stands at."""
        index = rejection.facts.get("transaction")
        if not isinstance(index, int):
            return rejection
        facts = {name: fact for name, fact in rejection.facts.items() if name != "transaction"}
        return Rejection(rejection.reason, at=self.entries[tried[index]].place, **facts)

    def _say_left_out(self, left_out: list[tuple[int, Rejection]]) -> None:
        for index, rejection in left_out:
            place = self.entries[index].place
            if self.as_json:
                facts = {"place": place, "reason": str(rejection.reason), "detail": str(rejection)}
                self.watcher.json({"left_out": facts})
            else:
                self.watcher.note(f"{place}: left out: {rejection}")

    def _say_built(self, built: "Built", left_out: int, seconds: dict[str, float], name: str | None) -> None:
        witness = built.request.execution_payload.execution_witness
        assert witness is not None, "every block is built with one"
        sizes, header = Sizes.of(witness), built.header
        spent = sum(seconds.values())
        block_hash = built.request.execution_payload.block_hash
        if not self.as_json:
            self.watcher.line(
                f"block {header.number}  0x{block_hash.hex()}  {output.count(len(built.transactions), 'transaction')}, "
                f"{header.gas_used:,} gas, {sizes.witness_bytes:,} witness bytes, {output.seconds(spent)}"
            )
            return
        self.watcher.json(
            {
                "number": header.number,
                "hash": output.hexed(block_hash),
                "state_root": output.hexed(header.state_root),
                "transactions": len(built.transactions),
                "gas_used": header.gas_used,
                "gas_limit": header.gas_limit,
                "base_fee_per_gas": header.base_fee_per_gas,
                "timestamp": header.timestamp,
                "left_out": left_out,
                "stems": sizes.stems,
                "keys": sizes.keys,
                "proof_bytes": sizes.proof_bytes,
                "witness_bytes": sizes.witness_bytes,
                "seconds": {stage: output.rounded(value) for stage, value in seconds.items()},
                "file": name,
            }
        )

    def end(self) -> None:
        """The totals."""
        self.clock.lap("all")
        wall = self.clock.stages["all"]
        head = self.chain.head()
        if self.as_json:
            totals = {
                "blocks": self.blocks,
                "transactions": self.used,
                "left_out": self.left_out,
                "left_over": len(self.pending),
                "gas_used": self.gas,
                "head": head.number,
                "state_root": output.hexed(head.state_root),
                "wall_seconds": output.rounded(wall),
                "mgas_per_second": round(self.gas / wall / MEGA, 2),
            }
            output.json_line({"totals": totals})
            return
        rest = f", {self.left_out:,} left out" if self.left_out else ""
        rest += f", {len(self.pending):,} left over" if self.pending else ""
        click.echo(
            f"{output.count(self.blocks, 'block')} of {output.count(self.used, 'transaction')}{rest}: "
            f"{self.gas:,} gas in {output.seconds(wall)}, {self.gas / wall / MEGA:.1f} Mgas/s; "
            f"head is block {head.number}"
        )
