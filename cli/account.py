"""`verkle account show`: an account of a chain's state, and the proof of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import addresses, files, output
from cli.datadir import block_option, datadir_option, opened, reader_at, refuse_own_files
from cli.engines import EngineChoice, engine_option
from cli.parameters import PATH, force_option, json_option
from spec.codec import json_document, witness_json
from spec.codec.text import whole_number
from spec.containers import ExecutionWitness
from spec.errors import DecodeError
from spec.params import BASIC_DATA_LEAF_KEY, CODE_HASH_LEAF_KEY, LeafLayout
from spec.types import Address, Hash32, StateRoot, TreeKey, Uint64, Uint256

if TYPE_CHECKING:
    from builder.chain import Chain
    from spec.containers import Header
    from witness.access import Leaf

MAX_SLOTS: Final = 1000
HEADER_SUFFIXES: Final = {LeafLayout.PACKED: (BASIC_DATA_LEAF_KEY, CODE_HASH_LEAF_KEY), LeafLayout.FIELDS: range(5)}
"""Where an account's own fields stand, by layout."""


def _slots(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Uint256, ...]:
    try:
        return tuple(Uint256(whole_number(_canonical(value))) for value in values)
    except DecodeError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _canonical(text: str) -> str:
    """Slots are often written with leading zeros, as 32 bytes."""
    return hex(int(text, 16)) if text.startswith("0x") and 2 < len(text) <= 66 and text[2:].isalnum() else text


@click.group(no_args_is_help=False)
def account() -> None:
    """Show an account of a chain's database, with a proof."""


@account.command()
@click.argument("address_text", metavar="ADDRESS")
@datadir_option
@block_option
@click.option("--slot", "slots", multiple=True, callback=_slots, metavar="N", help="A storage slot; may be repeated.")
@click.option("--proof", "proves", is_flag=True, help="Prove what is shown.")
@click.option("--out", type=PATH, metavar="FILE", help="Write the proof here (.json or .ssz); implies --proof.")
@engine_option
@force_option
@json_option
def show(
    address_text: str,
    datadir: Path,
    block: Uint64 | Hash32 | None,
    slots: tuple[Uint256, ...],
    proves: bool,
    out: Path | None,
    engine: EngineChoice,
    force: bool,
    as_json: bool,
) -> None:
    """Show an account as a chain's state has it: balance, nonce, code, and the slots that are asked for.

    That is the state behind the head; with --block, the one behind an earlier block, as far back as blocks can be
    taken off (`verkle chain status` says to which one). Nothing is taken off for that, and nothing changed.

    With --proof, also an execution witness (go-verkle's JSON) that proves it all against that block's state root, which
    is named beside it: printed on standard output, or written to --out. An account that is not there is proven to be
    absent. `verkle tree verify` checks the proof, under the chain's --profile; it prints tree keys, which --json tells
    here for each value.

    \b
    verkle account show 0x7e5f...5bdf --datadir chain --slot 0 --out proof.json
    verkle account show 0x7e5f...5bdf --datadir chain --block 17 --proof
    verkle tree verify proof.json --root 0x..
    """
    try:
        address = addresses.read(address_text)
    except DecodeError as error:
        raise click.BadParameter(str(error), param_hint="ADDRESS") from None
    if len(slots) > MAX_SLOTS:
        raise click.UsageError(f"at most {MAX_SLOTS} slots")
    if out is not None:
        refuse_own_files(datadir, out)
        files.refuse_overwrite(out, force)
        if files.kind_of(out) not in (".json", ".ssz"):
            raise click.UsageError(f"a proof is .json or .ssz, not {click.format_filename(out)}")
    proves = proves or out is not None
    with opened(datadir, engine.make(quiet=as_json)) as chain:
        found = _look_up(chain, block, address, slots, proves=proves)
        markers = chain.profile.internal_node_markers
    witness = None if found.witness is None else witness_json.encode_witness(found.witness)
    if out is not None and found.witness is not None:
        _write(out, found.witness, markers, force)
    if as_json:
        proof = {} if not proves else {"out": click.format_filename(out)} if out is not None else {"witness": witness}
        output.json_line(found.as_json() | proof)
        return
    for line in found.lines():
        click.echo(line, err=proves and out is None)
    if witness is not None and out is None:
        output.json_line(witness)


@dataclass(frozen=True, slots=True)
class Found:
    """An account as a block has left it."""

    address: Address
    header: "Header"
    exists: bool
    balance: int
    nonce: int
    code_size: int
    code_hash: bytes
    slots: dict[int, int]
    keys: "dict[Leaf, TreeKey]"
    slot_keys: dict[int, TreeKey]
    witness: ExecutionWitness | None

    @property
    def root(self) -> StateRoot:
        """What the proof is checked against."""
        return self.header.state_root

    def as_json(self) -> dict[str, object]:
        """One object."""
        return {
            "address": output.hexed(self.address),
            "block": self.header.number,
            "state_root": output.hexed(self.root),
            "exists": self.exists,
            "balance": self.balance,
            "nonce": self.nonce,
            "code_size": self.code_size,
            "code_hash": output.hexed(self.code_hash) if self.exists else None,
            "slots": [
                {"slot": hex(slot), "value": hex(value), "key": output.hexed(self.slot_keys[slot])}
                for slot, value in self.slots.items()
            ],
            "header_keys": [output.hexed(key) for key in self.keys.values()],
        }

    def lines(self) -> list[str]:
        """For people."""
        head = f"0x{self.address.hex()} at block {self.header.number}"
        rows = [("state root", f"0x{self.root.hex()}")]
        if self.exists:
            rows += [
                ("balance", f"{self.balance:,} wei"),
                ("nonce", f"{self.nonce:,}"),
                ("code", f"{self.code_size:,} bytes, hash 0x{self.code_hash.hex()}" if self.code_size else "none"),
            ]
        rows += [(f"slot {hex(slot)}", hex(value)) for slot, value in self.slots.items()]
        return [head if self.exists else f"{head}: there is no such account", *output.columns(rows)]


def _look_up(
    chain: "Chain[Any]",
    block: Uint64 | Hash32 | None,
    address: Address,
    slots: tuple[Uint256, ...],
    *,
    proves: bool,
) -> Found:
    from builder.stored_tree import StoredLeaves, load  # noqa: PLC0415  (loads LMDB)
    from stateless.tree_view import TreeView  # noqa: PLC0415
    from verkle.embedding import storage_location  # noqa: PLC0415
    from witness.proof import prove  # noqa: PLC0415

    profile, keys = chain.profile, chain.keys
    leaves: dict[Leaf, TreeKey] = {
        (address, 0, suffix): keys.key((address, 0, suffix)) for suffix in HEADER_SUFFIXES[profile.leaf_layout]
    }
    places = {int(slot): storage_location(profile, slot) for slot in slots}
    slot_keys = {slot: keys.key((address, place.tree_index, place.sub_index)) for slot, place in places.items()}
    with chain.database.reader() as now:
        reader = reader_at(chain, now, block)
        view = TreeView(StoredLeaves(reader), keys)
        witness = None
        if proves:
            wanted = {*leaves.values(), *slot_keys.values()}
            tree = load(reader, chain.engine, {key.stem for key in wanted})
            witness = prove(tree, wanted, markers=profile.internal_node_markers)
        return Found(
            address=address,
            header=chain.head(reader),
            exists=view.exists(address),
            balance=view.balance(address),
            nonce=view.nonce(address),
            code_size=view.code(address).size,
            code_hash=view.code_hash(address),
            slots={int(slot): view.storage(address, slot) for slot in slots},
            keys=leaves,
            slot_keys=slot_keys,
            witness=witness,
        )


def _write(out: Path, witness: ExecutionWitness, markers: bool, force: bool) -> None:
    if files.kind_of(out) == ".ssz":
        from spec.codec import ssz  # noqa: PLC0415  (loads remerkleable)

        data = ssz.encode_witness(witness, markers)
    else:
        data = json_document.write(witness_json.encode_witness(witness)).encode() + b"\n"
    files.write(out, data, force=force)
