"""`verkle init`: a database with the first state of a chain."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli import files, output
from cli.datadir import GENESIS_FILE, datadir_option
from cli.engines import EngineChoice, bounded_engine_option
from cli.making import making_jobs_option, running
from cli.parameters import PATH, json_option, profile_option
from spec.codec import genesis_json, json_document
from spec.codec.text import an_object, to_hex
from spec.containers import Genesis
from spec.errors import DecodeError
from spec.params import Profile
from spec.types import Address
from stateless.fees import most_excess

RETAINED: Final = 128
"""As `builder.chain` has it."""
MAX_RETAINED: Final = 2**20
LEAST_GAS_LIMIT: Final = 5000
MOST_GAS_LIMIT: Final = 2**63 - 1
"""Of a block. Source: yellow paper, section 4.4.4; geth."""
LATEST: Final = 2**63
"""Of a genesis, in seconds: half of what its field holds is left for the blocks after it."""
BALANCE_BITS: Final = 128
CODE_SIZE_BITS: Final = 24
"""Of basic data. Source: EIP-6800, "Header values"."""


@click.command()
@click.argument("path", metavar="GENESIS.json", type=PATH)
@datadir_option
@profile_option
@click.option("--with-system-contracts", is_flag=True, help="Add the contracts that the protocol calls.")
@click.option(
    "--retain",
    type=click.IntRange(0, MAX_RETAINED),
    metavar="N",
    default=RETAINED,
    show_default=True,
    help="How many blocks can be taken off again, for another branch.",
)
@making_jobs_option
@bounded_engine_option
@json_option
def init(
    path: Path,
    datadir: Path,
    profile: Profile,
    with_system_contracts: bool,
    retain: int,
    jobs: int | None,
    engine: EngineChoice,
    as_json: bool,
) -> None:
    """Make a database that holds the state of a genesis, for blocks to be built on or imported to.

    GENESIS.json is geth's format; {"genesis": {...}} around it is accepted. A copy of it is kept in DIR. The profile is
    written into the database: later commands know it from there.

    In profile verkle the protocol calls four contracts (block hashes, beacon roots, withdrawal and consolidation
    requests), and a genesis without them is refused: --with-system-contracts adds those that are missing, which gives
    the chain another genesis hash. Nothing else is ever added.

    A directory that holds a database already, or another genesis.json, is left as it is. An interrupted run leaves no
    database behind.

    \b
    verkle init genesis.json --datadir chain --with-system-contracts
    verkle init kaustinen6.json --datadir devnet --profile kaustinen6
    """
    from builder.chain import Chain  # noqa: PLC0415  (loaded when there is work)
    from builder.files import DATA_FILE  # noqa: PLC0415

    if profile.execution is None:
        raise click.UsageError(f"profile {profile.name}: its gas rules are not known, so no block can be put on it")
    if (datadir / DATA_FILE).exists():
        raise DecodeError("there is a database already", click.format_filename(datadir))
    document, genesis = _read(path, profile, with_system_contracts)
    has_copy = _has_copy(datadir / GENESIS_FILE, document)
    computing = engine.make(quiet=as_json)
    watch = output.Stopwatch()
    accounts = len(genesis.alloc)
    with (
        running(computing, engine, jobs, accounts) as run,
        output.watching("accounts", accounts, quiet=as_json) as watcher,
    ):
        chain = Chain.create(
            datadir, genesis, profile, computing, retained=retain, run=run, on_progress=watcher.progress
        )
    try:
        if not has_copy:
            files.write(datadir / GENESIS_FILE, json_document.write(document).encode() + b"\n", force=False)
        header = chain.head()
    finally:
        chain.close()
    watch.lap("all")
    made: dict[str, Any] = {
        "datadir": click.format_filename(datadir),
        "profile": profile.name,
        "chain_id": chain.chain_id,
        "hash": output.hexed(chain.genesis_hash),
        "state_root": output.hexed(header.state_root),
        "accounts": accounts,
        "retain": retain,
        "seconds": output.rounded(watch.stages["all"]),
    }
    if as_json:
        output.json_line(made)
        return
    rows = [
        ("hash", made["hash"]),
        ("state root", made["state_root"]),
        ("chain", f"id {chain.chain_id}, profile {profile.name}, {output.count(accounts, 'account')}"),
        ("time", output.seconds(watch.stages["all"])),
    ]
    for line in [f"block 0 in {made['datadir']}", *output.columns(rows)]:
        click.echo(line)


def _read(path: Path, profile: Profile, with_system_contracts: bool) -> tuple[dict[str, object], Genesis]:
    """A genesis on which blocks can be built, and its document. Raises: DecodeError."""
    from builder import system  # noqa: PLC0415  (loaded when there is work)

    document = files.read_json(path)
    with files.located(click.format_filename(path)):
        members = an_object(document)
        wrapped = members.get("genesis")
        members = wrapped if isinstance(wrapped, dict) else members
        genesis = genesis_json.decode_genesis(members, profile)
        missing = system.lacking(genesis, profile)
        if missing and with_system_contracts:
            _add(members, missing, profile)
            genesis = genesis_json.decode_genesis(members, profile)
        elif missing:
            raise DecodeError(f"{system.named(missing)} missing; --with-system-contracts adds them", "alloc")
        _require_a_next_block(genesis, profile)
    return members, genesis


def _has_copy(path: Path, document: dict[str, object]) -> bool:
    """Whether the genesis stands where its copy belongs. Another one that somebody keeps there is never overwritten.

    Raises: click.UsageError.
    """
    if not path.exists():
        return False
    try:
        there = an_object(files.read_json(path))
    except DecodeError:
        there = {}
    if document in (there, there.get("genesis")):
        return True
    name = click.format_filename(path)
    raise click.UsageError(f"{name} exists and says something else; a copy of the genesis belongs there, so move it")


def _require_a_next_block(genesis: Genesis, profile: Profile) -> None:
    """Refuse a genesis that no block could ever follow, or that has no form as a tree. Raises: DecodeError."""
    header = genesis.header
    blobs = profile.require_execution().blobs
    for fits, where, why in (
        (header.base_fee_per_gas is not None, "config", "header 0 has no base fee: londonBlock must be 0"),
        (header.number == 0, "number", f"the genesis is block 0, not {header.number}"),
        (
            LEAST_GAS_LIMIT <= header.gas_limit <= MOST_GAS_LIMIT,
            "gasLimit",
            f"the gas limit of a block is {LEAST_GAS_LIMIT} to 2^63-1, not {header.gas_limit}",
        ),
        (header.timestamp <= LATEST, "timestamp", "no time is left for blocks after this one"),
        (
            blobs is None or (header.excess_blob_gas or 0) <= most_excess(blobs),
            "excessBlobGas",
            "the price of a blob would have more than 256 bits",
        ),
    ):
        if not fits:
            raise DecodeError(why, where)
    for address, one in genesis.alloc.items():
        if one.balance >> BALANCE_BITS or len(one.code) >> CODE_SIZE_BITS:
            what = "balance has more than 16 bytes" if one.balance >> BALANCE_BITS else "code has 2^24 bytes or more"
            raise DecodeError(f"its {what}, and so no form in the tree", f"alloc[0x{address.hex()}]")


def _add(members: dict[str, object], missing: Sequence[Address], profile: Profile) -> None:
    """Put contracts into the allocation of a genesis document; a balance that stands there stays."""
    from spec.system_contracts import known_codes  # noqa: PLC0415  (see init)

    codes = known_codes(profile.require_execution())
    name = next(spelling for spelling in members if spelling.lower() == "alloc")
    alloc = dict(an_object(members[name]))
    spellings = {spelling.lower().removeprefix("0x"): spelling for spelling in alloc}
    for address in missing:
        spelling = spellings.get(address.hex(), to_hex(address))
        there = an_object(alloc.get(spelling, {"balance": "0x0"}))
        alloc[spelling] = {**there, "nonce": "0x1", "code": to_hex(codes[address])}
    members[name] = alloc
