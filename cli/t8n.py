"""`verkle t8n`: the transition tool, as `evm t8n` of go-ethereum and as execution-spec-tests drives it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from cli import files, output
from cli.engines import EngineChoice, engine_option
from spec.codec import json_document
from spec.codec.text import an_object, hex_bytes
from spec.errors import DecodeError

if TYPE_CHECKING:
    from builder.transition_block import Network
    from builder.transition_tool import Emit
    from spec.containers import Transaction
    from spec.types import Hash32

STDIN: Final = "stdin"
STDOUT: Final = "stdout"
STDERR: Final = "stderr"

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def input_option(name: str, default: str | None, text: str) -> Decorator:
    """--input.NAME, passed on as `input_NAME`."""
    return click.option(f"--input.{name}", f"input_{name}", metavar="FILE|stdin", default=default, help=text)


def _output(name: str, default: str | None, text: str) -> Decorator:
    return click.option(f"--output.{name}", f"output_{name}", metavar="FILE|stdout|stderr", default=default, help=text)


def _network(ctx: click.Context, param: click.Parameter, name: str) -> "Network":
    from builder.transition_block import NETWORKS  # noqa: PLC0415  (loads the machine and rlp)

    if name not in NETWORKS:
        raise click.BadParameter(f"unknown: {name}, expected one of {', '.join(NETWORKS)}", ctx, param)
    return NETWORKS[name]


@dataclass(frozen=True, slots=True)
class Tracing:
    """What of a step is written."""

    stack: bool
    return_data: bool


@click.command(context_settings={"max_content_width": 110})
@input_option("alloc", "alloc.json", "Accounts before the block.")
@input_option("env", "env.json", "The block's environment.")
@input_option("txs", "txs.json", "Transactions: a JSON array, or the RLP of a list of them as a JSON string.")
@input_option("vkt", None, "Leaves of the Verkle tree before the block, in place of accounts.")
@click.option("--output.basedir", "basedir", type=click.Path(path_type=Path), default=".", help="Where files go.")
@_output("alloc", "alloc.json", "Accounts after the block.")
@_output("result", "result.json", "Roots, receipts, rejected transactions.")
@_output("body", None, "RLP of the list of executed transactions.")
@_output("vkt", "vkt.json", "Leaves of the Verkle tree after the block.")
@_output("witness", "witness.json", "The block's execution witness, with its proof.")
@click.option("--state.fork", "--profile", "network", metavar="NAME", default="Osaka", callback=_network,
              show_default=True, help="Rules: a fork of mainnet, Verkle, or one of our profiles.")  # fmt: skip
@click.option("--state.chainid", "chain_id", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True,
              help="What transactions are signed for.")  # fmt: skip
@click.option("--state.reward", "reward", type=click.IntRange(-1, 2**128), default=-1, show_default=True,
              help="Wei for the coinbase, before the merge; -1 for none at all.")  # fmt: skip
@click.option("--state-test", is_flag=True, help="Execute transactions only: no system call, no withdrawal, no reward.")
@click.option("--trace", is_flag=True, help="Write trace-N-HASH.jsonl (EIP-3155) for each executed transaction.")
@click.option("--trace.nostack", "no_stack", is_flag=True, help="Traces without the stack.")
@click.option("--trace.returndata", "return_data", is_flag=True, help="Traces with return data.")
@click.option("--trace.memory/--trace.nomemory", "memory", default=False, help="Accepted; memory is not written.")
@click.option("--trace.noreturndata", "_no_return_data", is_flag=True, hidden=True, expose_value=False)
@click.option("--verbosity", type=int, hidden=True, expose_value=False)
@engine_option
def t8n(
    network: "Network",
    chain_id: int,
    reward: int,
    basedir: Path,
    engine: EngineChoice,
    **options: Any,
) -> None:
    """Execute a block of given transactions over a given state: the transition tool that test fillers drive.

    Inputs and outputs are those of go-ethereum's `evm t8n`. Each input is a file, or "stdin": then one JSON object
    there has it as a member: alloc, env, txs (or txsRlp), vkt. Each output is a file below --output.basedir, "stdout"
    or "stderr" (one JSON object there has them as members), or nothing where the name is empty. A transaction may be
    signed, or carry a "secretKey". One that may not be in the block is left out and told in "rejected".

    Rules (--state.fork): London, Paris (Merge), Shanghai, Cancun, Prague, Osaka; Verkle, which means devnet 7 as in
    execution-spec-tests' Verkle branch; and the profiles verkle, kaustinen7, kaustinen6.

    With a Verkle tree the state is --input.vkt, or without it the tree of --input.alloc; "vkt" and "witness" are
    written besides, and "alloc" only where accounts were given. Conversion blocks are not executed: the tree is taken
    as complete (currentConversionEnded).

    Exit codes: 0 executed, with whatever became of single transactions; 1 no block can come of this; 2 wrong usage or
    input that cannot be read (go-ethereum: 3, 10, 11, 12); 3 output that cannot be written.

    \b
    verkle t8n --state.fork Cancun --input.alloc alloc.json --input.env env.json --input.txs txs.json --output.alloc ""
    verkle t8n --state.fork verkle --input.alloc stdin --input.env stdin --input.txs stdin \\
        --output.result stdout --output.alloc stdout --output.vkt stdout --output.witness stdout <block.json
    """
    from builder.transition_tool import Task, transition  # noqa: PLC0415  (loads the machine and rlp)
    from cli.t8n_result import members  # noqa: PLC0415

    inputs = Inputs({name: options[f"input_{name}"] for name in ("alloc", "env", "txs", "vkt")})
    on_tree = network.profile is not None
    task = Task(
        network=network,
        chain_id=chain_id,
        environment=inputs.environment(),
        accounts=inputs.accounts(),
        leaves=inputs.leaves() if on_tree else None,
        transactions=inputs.transactions(chain_id),
        reward=reward,
        is_state_test=options["state_test"],
    )
    if options["memory"]:
        output.note("memory is not written to traces")
    computing = engine.make(quiet=True) if on_tree else None
    basedir.mkdir(parents=True, exist_ok=True)
    tracing = Tracing(stack=not options["no_stack"], return_data=options["return_data"])
    with _traces(basedir, tracing) if options["trace"] else _no_traces() as emit:
        done = transition(task, computing, emit)
    wanted = {name: options[f"output_{name}"] for name in ("alloc", "result", "body", "vkt", "witness")}
    _dispatch(members(done), wanted, basedir)


class Inputs:
    """The documents that the options name, standard input read at most once."""

    def __init__(self, sources: Mapping[str, str | None]) -> None:
        self._sources = sources
        self._stdin: dict[str, object] = {}
        if STDIN in sources.values():
            with files.located(STDIN):
                self._stdin = an_object(json_document.parse(sys.stdin.buffer.read()))

    def _read(self, name: str) -> tuple[object, str]:
        """(document, where it stands). None where it is missing in standard input."""
        source = self._sources[name]
        if source == STDIN:
            return self._stdin.get(name), name
        path = Path(source or "")
        return files.read_json(path), click.format_filename(path)

    def environment(self) -> Any:
        """See `transition_json`."""
        from spec.codec.transition_json import decode_environment  # noqa: PLC0415

        document, place = self._read("env")
        with files.located(place):
            return decode_environment(document)

    def accounts(self) -> Any:
        """See `transition_json`."""
        from spec.codec.transition_json import decode_accounts  # noqa: PLC0415

        document, place = self._read("alloc")
        with files.located(place):
            return decode_accounts(document)

    def leaves(self) -> Any:
        """See `transition_json`; None where the option is not given, or standard input has none."""
        from spec.codec.transition_json import decode_leaves  # noqa: PLC0415

        if not self._sources["vkt"]:
            return None
        document, place = self._read("vkt")
        with files.located(place):
            return None if document is None else decode_leaves(document)

    def transactions(self, chain_id: int) -> "list[Transaction | DecodeError]":
        """Each transaction, or why it cannot be read."""
        from spec.codec import filler_json, rlp  # noqa: PLC0415

        document, place = self._read("txs")
        if self._sources["txs"] == STDIN and self._stdin.get("txsRlp"):
            document = self._stdin["txsRlp"]
        with files.located(place):
            if document is None:
                return []
            if isinstance(document, str):
                encoded = rlp.decode_body(hex_bytes(document))
                return [_or_error(rlp.decode_transaction, one) for one in encoded]
            if not isinstance(document, list):
                raise DecodeError("expected an array of transactions, or their RLP as a string")
            return [_or_error(filler_json.decode_transaction, one, chain_id) for one in document]


def _or_error(read: "Callable[..., Transaction]", *arguments: Any) -> "Transaction | DecodeError":
    try:
        return read(*arguments)
    except DecodeError as error:
        return error


def _dispatch(members: Mapping[str, object], wanted: Mapping[str, str | None], basedir: Path) -> None:
    """Write what there is to where it is wanted."""
    streams: dict[str, dict[str, object]] = {STDOUT: {}, STDERR: {}}
    for name, target in wanted.items():
        if name not in members or not target:
            continue
        if target in streams:
            streams[target][name] = members[name]
        else:
            path = basedir / target
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, (json_document.write(members[name]) + "\n").encode(), force=True)
    for target, document in streams.items():
        if document:
            click.echo(json_document.write(document), err=target == STDERR)


@contextmanager
def _no_traces() -> Iterator[None]:
    yield None


@contextmanager
def _traces(basedir: Path, tracing: Tracing) -> "Iterator[Emit]":
    """One file for each transaction, opened with its first step."""
    with ExitStack() as stack:
        current: list[tuple[int, TextIO]] = []

        def emit(number: int, transaction: "Hash32", record: dict[str, object]) -> None:
            if not current or current[0][0] != number:
                stack.close()
                path = basedir / f"trace-{number}-0x{transaction.hex()}.jsonl"
                current[:] = [(number, stack.enter_context(path.open("w", encoding="ascii")))]
            shown = dict(record)
            if not tracing.stack:
                shown.pop("stack", None)
            if not tracing.return_data:
                shown.pop("returnData", None)
            current[0][1].write(json_document.write(shown) + "\n")

        yield emit
