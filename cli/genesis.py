"""`verkle genesis root`: the state that a chain starts from, as one commitment."""

from pathlib import Path

import click

from cli import files, output
from cli.engines import EngineChoice, engine_option
from cli.parameters import PATH, json_option, profile_option
from spec.params import Profile


@click.group(no_args_is_help=False)
def genesis() -> None:
    """Compute the state root of a genesis.json."""


@genesis.command()
@click.argument("path", metavar="GENESIS.json", type=PATH)
@profile_option
@engine_option
@json_option
def root(path: Path, profile: Profile, engine: EngineChoice, as_json: bool) -> None:
    """Print the state root of an allocation as a Verkle tree, under the rules of a profile.

    GENESIS.json is geth's format; {"genesis": {...}} around it is accepted. The default profile is the EIPs' final
    text; a devnet's genesis needs the devnet's name, or its root will differ.

    With --json: also the hash of block 0, the number of accounts, leaves and stems, and the seconds it took.

    \b
    verkle genesis root kaustinen6.json --profile kaustinen6
    """
    from builder.genesis import genesis_writes  # noqa: PLC0415  (loaded with the mathematics, when there is work)
    from verkle.tree import Tree  # noqa: PLC0415

    computing = engine.make(quiet=as_json)
    watch = output.Stopwatch()
    first = files.read_genesis(path, profile)
    with output.watching(f"committing to {output.count(len(first.alloc), 'account')}", None):
        with files.located(click.format_filename(path)):
            writes = genesis_writes(first, profile, computing)
        tree = Tree.empty(computing).update(writes)
        state_root = tree.state_root()
    watch.lap("all")
    if not as_json:
        click.echo(output.hexed(state_root))
        return
    from builder.genesis import genesis_header  # noqa: PLC0415
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second, for the hash only)

    output.json_line(
        {
            "state_root": output.hexed(state_root),
            "block_hash": output.hexed(rlp.block_hash(genesis_header(first, tree))),
            "profile": profile.name,
            "accounts": len(first.alloc),
            "leaves": len(writes),
            "stems": len({key.stem for key in writes}),
            "seconds": output.rounded(watch.stages["all"]),
        }
    )
