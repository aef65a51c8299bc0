"""`verkle tree prove` and `verkle tree verify`: single keys of a Verkle tree, without any chain around them."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli import files, output
from cli.engines import EngineChoice, engine_option
from cli.parameters import PATH, force_option, hex_option, json_option, profile_option, root_option
from cli.sizes import Sizes
from spec.codec import json_document, witness_json
from spec.codec.text import an_object, fixed, shown
from spec.containers import ExecutionWitness
from spec.errors import DecodeError, Rejection, UnknownNode
from spec.params import MAX_STEMS, Profile
from spec.types import StateRoot, TreeKey, Value
from verkle.engine import Engine, P
from verkle.tree import Tree
from witness import proof

_read_key = fixed(TreeKey)
_read_value = fixed(Value)


@click.group(no_args_is_help=False)
def tree() -> None:
    """Prove single keys of a Verkle tree, and verify such proofs."""


@tree.command()
@click.argument("path", metavar="FILE", type=PATH)
@hex_option("--key", TreeKey, "A key to prove, present or absent; may be repeated.", multiple=True)
@click.option("--keys-from", type=PATH, help="File with one key a line.")
@click.option("--out", type=PATH, help="Write the witness here instead of to standard output.")
@profile_option
@engine_option
@force_option
@json_option
def prove(
    path: Path,
    key: tuple[TreeKey, ...],
    keys_from: Path | None,
    out: Path | None,
    profile: Profile,
    engine: EngineChoice,
    force: bool,
    as_json: bool,
) -> None:
    """Build a tree from FILE and prove keys of it: what they hold, or that they are absent.

    FILE is a JSON object {"0xKEY": "0xVALUE", ...} of 32-byte keys and values. The proof is an execution witness in
    go-verkle's JSON with no new values; `verkle tree verify` checks it against the root, which is printed on
    standard error (and by --json).

    Under the default profile absence cannot be forged: where nothing else shows that an internal node is one, the proof
    has an internal node marker, which go-verkle does not know. --profile kaustinen7 makes proofs exactly as go-verkle.

    \b
    verkle tree prove values.json --key 0x00..01 --out proof.json
    verkle tree verify proof.json --root 0x..
    """
    if out is not None:
        files.refuse_overwrite(out, force)
    keys = [*key, *(_keys_in(keys_from) if keys_from is not None else ())]
    if not keys:
        raise click.UsageError("give at least one key, by --key or --keys-from")
    if len({one.stem for one in keys}) > MAX_STEMS:
        raise click.UsageError(f"a witness holds at most {MAX_STEMS} stems")
    values = _values_in(path)
    computing = engine.make(quiet=as_json)
    watch = output.Stopwatch()
    with output.watching(f"committing to {output.count(len(values), 'value')}", None):
        built = Tree.empty(computing).update(values)
        root = built.state_root()
        watch.lap("build")
        made = proof.prove(built, keys, markers=profile.internal_node_markers)
        watch.lap("prove")
    encoded = witness_json.encode_witness(made)
    if out is not None:
        files.write(out, json_document.write(encoded).encode() + b"\n", force=force)
    if not as_json:
        click.echo(f"root {output.hexed(root)}", err=True)
        if out is None:
            output.json_line(encoded)
        return
    sizes = Sizes.of(made)
    result: dict[str, object] = {
        "root": output.hexed(root),
        "keys": sizes.keys,
        "stems": sizes.stems,
        "openings": sizes.openings,
        "proof_bytes": sizes.proof_bytes,
        "witness_bytes": sizes.witness_bytes,
        "seconds": {stage: output.rounded(spent) for stage, spent in watch.stages.items()},
    }
    output.json_line(result | ({"witness": encoded} if out is None else {"out": click.format_filename(out)}))


@tree.command()
@click.argument("path", metavar="PROOF", type=PATH)
@root_option("--root", "The root that is trusted.", required=True)
@hex_option("--key", TreeKey, "Print these keys only; may be repeated.", multiple=True)
@profile_option
@engine_option
@json_option
def verify(
    path: Path, root: StateRoot, key: tuple[TreeKey, ...], profile: Profile, engine: EngineChoice, as_json: bool
) -> None:
    """Verify a proof against a trusted root, and print what it proves: a value, or `absent`, for each key.

    PROOF is a witness in go-verkle's JSON (or SSZ, by extension), as `verkle tree prove` writes it. New values in it
    are not looked at. A key that the proof does not cover is an error, never "absent". --profile must be the one that
    the proof was made under; the devnets' proofs show values, but what they say of absence can be forged.

    Exit codes: 0 proven, 1 the proof is wrong or does not cover a key, 2 it cannot be read.
    """
    if files.is_stream(path):
        raise click.UsageError(f"PROOF is .json or .ssz, not {click.format_filename(path)}")
    (document,) = files.documents(path)
    stated, _ = document.witness(profile)
    computing = engine.make(quiet=as_json)
    try:
        results = _proven(computing, stated, root, key, profile)
    except (Rejection, DecodeError, UnknownNode) as error:
        _reject(error, as_json)
        click.get_current_context().exit(1)
    if as_json:
        keys = [{"key": output.hexed(one), "value": output.hexed(value)} for one, value in results]
        output.json_line({"verdict": "valid", "root": output.hexed(root), "keys": keys})
        return
    for one, value in results:
        click.echo(f"{output.hexed(one)} {output.hexed(value) or 'absent'}")


def _proven(
    engine: Engine[P], stated: ExecutionWitness, root: StateRoot, keys: Sequence[TreeKey], profile: Profile
) -> list[tuple[TreeKey, Value | None]]:
    """What the proof says of these keys, or of all that it lists. Raises: Rejection, DecodeError, UnknownNode."""
    shown = proof.check(engine, stated, root, markers=profile.internal_node_markers)
    return [(key, shown.get(key)) for key in keys or [listed for listed, _ in stated.locations()]]


def _reject(error: Rejection | DecodeError | UnknownNode, as_json: bool) -> None:
    if isinstance(error, Rejection):
        reason, line = str(error.reason), str(error)
    elif isinstance(error, DecodeError):
        reason, line = "decode-error", f"decode-error: {error}"
    else:
        reason, line = "not-proven", f"not-proven: the proof does not cover key 0x{error.key.hex()}"
    if as_json:
        output.json_line({"verdict": "rejected", "reason": reason, "detail": line})
    click.echo(f"rejected: {line}", err=True)


def _values_in(path: Path) -> dict[TreeKey, Value]:
    """The key-value pairs of a file. Raises: DecodeError, where a key occurs in two spellings too."""
    value = files.read_json(path)
    values: dict[TreeKey, Value] = {}
    with files.located(click.format_filename(path)):
        for spelling, text in an_object(value).items():
            try:
                key = _read_key(spelling)
                if key in values:
                    raise DecodeError("occurs in two spellings")
                values[key] = _read_value(text)
            except DecodeError as error:
                raise error.inside(f"[{shown(spelling)}]") from None
    return values


def _keys_in(path: Path) -> list[TreeKey]:
    """One key a line; blank lines are left out."""
    keys = []
    for number, line in enumerate(files.read(path).splitlines(), 1):
        if line.strip():
            with files.located(f"{click.format_filename(path)}:{number}"):
                keys.append(_read_key(line.strip().decode("ascii", "replace")))
    return keys
