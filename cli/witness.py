"""`verkle witness show` and `verkle witness convert`."""

from dataclasses import replace
from pathlib import Path

import click

from cli import files, meaning, output
from cli.engines import EngineChoice, engine_option
from cli.lazy import LazySubgroup
from cli.parameters import PATH, force_option, hex_option, json_option, profile_option
from cli.show import View
from spec.codec import json_document, witness_json
from spec.containers import ExecutionPayload, ExecutionWitness
from spec.errors import DecodeError
from spec.params import Profile
from spec.types import Address


@click.group(
    cls=LazySubgroup,
    subcommands={
        "compare": (
            "cli.witness_compare",
            "compare",
            "Weigh a chain's witnesses beside Merkle-Patricia proofs of the same accesses.",
        )
    },
    no_args_is_help=False,
)
def witness() -> None:
    """Look into execution witnesses, convert them, and weigh them beside Merkle proofs."""


@witness.command()
@click.argument("path", metavar="PATH", type=PATH)
@profile_option
@click.option("--block", "number", type=click.IntRange(0), metavar="N", help="Which block of a .jsonl or .jsonl.gz.")
@hex_option("--address", Address, "An address whose leaves shall be named; may be repeated.", multiple=True)
@engine_option
@json_option
def show(
    path: Path,
    profile: Profile,
    number: int | None,
    address: tuple[Address, ...],
    engine: EngineChoice,
    as_json: bool,
) -> None:
    """Show what a witness touches: stems and suffixes, values before and after, and where its bytes go.

    PATH holds a witness or a payload with one (.json, .ssz), or payloads (.jsonl, .jsonl.gz; then give --block).

    Tree keys are hashes. Leaves are named where the address is known: senders, receivers and created contracts of
    the block's transactions, the fee recipient, withdrawals, the history contract, and what --address adds.

    Nothing is verified here; `verkle block verify` does that.

    \b
    verkle witness show blocks.jsonl.gz --block 72 --profile kaustinen6
    """
    shown, payload = _read(path, profile, number)
    block = None if payload is None else int(payload.block_number)
    roles = meaning.roles_of(payload, profile, address)
    places = meaning.places(engine.make(quiet=as_json), profile, shown, block, roles)
    view = View(profile, shown, block, places)
    if as_json:
        output.json_line(view.as_json())
        return
    output.render(view.tree(), view.budget())


@witness.command()
@click.argument("source", metavar="IN", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@profile_option
@force_option
@json_option
def convert(source: Path, target: Path, profile: Profile, force: bool, as_json: bool) -> None:
    """Convert a witness between JSON (go-verkle's form) and SSZ (EIP-6800's containers).

    The extensions of IN and OUT say which. Where IN is a payload, its witness is taken out. --profile says which
    fields the SSZ form has: the devnets' witnesses lack internal node markers. What is written is read back and
    compared before OUT appears.

    The JSON member parentStateRoot has no place in SSZ: it is dropped, and a note says so.

    \b
    verkle witness convert witness.json witness.ssz
    """
    if files.is_stream(target):
        raise click.UsageError(f"OUT is .json or .ssz, not {click.format_filename(target)}")
    files.refuse_overwrite(target, force)
    found, _ = _read(source, profile, None)
    with files.located(click.format_filename(source)):
        kept, data = _encode(found, files.kind_of(target) == ".ssz", profile)
    if kept != replace(found, parent_state_root=kept.parent_state_root):
        raise ValueError("what was encoded does not decode to itself")
    files.write(target, data, force=force)
    dropped = kept != found
    if dropped:
        output.note("parentStateRoot has no place in SSZ and was dropped")
    names = [click.format_filename(path) for path in (source, target)]
    before = files.size_of(source)
    if as_json:
        sizes = {"in": names[0], "out": names[1], "in_bytes": before, "out_bytes": len(data)}
        output.json_line({**sizes, "parent_state_root_dropped": dropped})
    else:
        click.echo(f"{names[0]}: {before:,} bytes -> {names[1]}: {len(data):,} bytes")


def _encode(found: ExecutionWitness, as_ssz: bool, profile: Profile) -> tuple[ExecutionWitness, bytes]:
    """The bytes of a witness, and the witness that they hold."""
    if not as_ssz:
        data = json_document.write(witness_json.encode_witness(found)).encode() + b"\n"
        return witness_json.decode_witness(json_document.parse(data)), data
    from spec.codec import ssz  # noqa: PLC0415  (loads remerkleable)

    markers = profile.internal_node_markers
    if found.verkle_proof.internal_node_markers and not markers:
        raise DecodeError(f"the witness has internal node markers, which profile {profile.name} has no place for")
    data = ssz.encode_witness(found, markers)
    return ssz.decode_witness(data, markers), data


def _read(path: Path, profile: Profile, number: int | None) -> tuple[ExecutionWitness, ExecutionPayload | None]:
    """The witness in a file; in a stream, that of one block."""
    name = click.format_filename(path)
    if not files.is_stream(path):
        (document,) = files.documents(path)
        found, payload = document.witness(profile)
        if number is not None and (payload is None or payload.block_number != number):
            raise DecodeError(f"block {number} is not in this file", name)
        return found, payload
    if number is None:
        raise click.UsageError(f"{name} holds many blocks: choose one with --block")
    for document in files.documents(path):
        payload = document.payload(profile)
        if payload.block_number == number and payload.execution_witness is not None:
            return payload.execution_witness, payload
    raise DecodeError(f"no block {number} with a witness in this file", name)
