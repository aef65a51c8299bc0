"""`verkle block trace`: what a block's transactions do, step by step, executed on nothing but the witness."""

from collections.abc import Callable
from pathlib import Path

import click

from cli import files, output
from cli.engines import EngineChoice, engine_option
from cli.origin import Origin, origin_options
from cli.parameters import PATH, chain_id_option, profile_option
from spec.errors import DecodeError
from spec.params import Profile


@click.command()
@click.argument("path", metavar="PATH", type=PATH)
@profile_option
@origin_options
@click.option("--block", "number", type=click.IntRange(0), metavar="N", help="Which block of a .jsonl or .jsonl.gz.")
@click.option("--tx", "wanted", type=click.IntRange(0), metavar="N", help="Only this transaction, the first being 0.")
@chain_id_option
@engine_option
def trace(
    path: Path,
    profile: Profile,
    origin: Origin,
    number: int | None,
    wanted: int | None,
    chain_id: int | None,
    engine: EngineChoice,
) -> None:
    """Trace a block's transactions, as EIP-3155 has it: one JSON object a line for each instruction.

    PATH holds a block as `verkle block verify` reads it; of a .jsonl or .jsonl.gz, --block chooses one. The block is
    executed on the values that its witness proves under the root of its parent (--parent, --parent-root, --genesis, or
    the block before it in the file). Gas, receipts and roots are not compared, so that a block which is rejected for
    them can be looked into.

    Each object has the members of EIP-3155 and, where an instruction touches something new, "accesses": the EIP-4762
    events with their gas. An object with "gasUsed" ends each transaction: the gas of its message, without what the
    transaction costs before it runs. Without --tx each object begins with "transaction", the number of the one it
    belongs to.

    Exit codes: 0 executed, 1 the proof is wrong, the witness incomplete or a transaction not allowed (after the objects
    of what came before), 2 wrong usage or a file that cannot be read.

    \b
    verkle block trace block2.json --parent block1.json --tx 0
    verkle block trace blocks.jsonl.gz --block 655 --profile kaustinen6
    """
    from cli.chain import Rules, Selection  # noqa: PLC0415  (loads the machine and rlp: half a second)
    from stateless.evm.trace import StepTracer  # noqa: PLC0415
    from stateless.replay import signed  # noqa: PLC0415
    from stateless.tree_view import TreeKeys  # noqa: PLC0415
    from stateless.verify import execute  # noqa: PLC0415
    from witness.proof import check  # noqa: PLC0415

    stream = files.is_stream(path)
    if stream and number is None:
        raise click.UsageError(f"{click.format_filename(path)} holds many blocks: choose one with --block")
    origin.require(optional=stream)
    computing = engine.make(quiet=True)
    parent, rules = origin.parent(Rules(profile, chain_id=chain_id), computing)
    rules.execution()
    selection = Selection(rules, parent, number, number, lambda _: None)
    job = next(selection.jobs(files.documents(path)), None)
    if job is None:
        raise DecodeError(f"block {number} is not in this file", click.format_filename(path))
    witness = job.payload.execution_witness
    if witness is None:
        raise DecodeError("the block carries no execution witness", job.place)
    transactions = signed(job.payload.transactions)
    if wanted is not None and wanted >= len(transactions):
        raise DecodeError(f"the block has no transaction {wanted}, but {len(transactions)} of them", job.place)
    tree = check(computing, witness, job.parent.state_root, markers=profile.internal_node_markers)
    keys = TreeKeys(computing, profile)
    tracer = StepTracer(_emitter(wanted))
    execute(keys, tree, job.request, transactions, chain_id=rules.chain_id, tracer=tracer)


def _emitter(wanted: int | None) -> Callable[[dict[str, object]], None]:
    """Prints the records of all transactions, or of one. The last record of each has the gas that it used."""
    current = 0

    def emit(record: dict[str, object]) -> None:
        nonlocal current
        if wanted is None:
            output.json_line({"transaction": current, **record})
        elif current == wanted:
            output.json_line(record)
        current += "gasUsed" in record

    return emit
