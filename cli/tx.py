"""`verkle tx`: transactions read, and signed."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli import files, output, transactions
from cli.parameters import PATH, json_option
from spec.codec import transaction_json
from spec.containers import Transaction
from spec.errors import DecodeError
from spec.types import Address

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_VARIABLE: Final = "VERKLE_PRIVATE_KEY"


@click.group(no_args_is_help=False)
def tx() -> None:
    """Decode transactions, and sign them."""


@tx.command()
@click.argument("source", metavar="SOURCE")
@json_option
def decode(source: str, as_json: bool) -> None:
    """Show what transactions say, who signed them, and their hashes.

    SOURCE is a transaction in hex (0x..), a file of them, or - for standard input. A file holds one transaction a line,
    in hex or as JSON, or a JSON array. Lines that begin with # are left out.

    With --json: a line for each with the members of JSON-RPC, which `tx sign` and `block build` read.

    \b
    verkle tx decode 0x02f86e0182...
    verkle tx decode transactions.txt --json
    """
    inline = source.startswith("0x")
    found = [transactions.Entry("SOURCE", source)] if inline else transactions.entries(source)
    for entry in found:
        signed = entry.signed()
        document = _document(signed.transaction, signed.sender)
        if as_json:
            output.json_line(document)
            continue
        place = [] if inline else [("place", entry.place)]
        for line in [f"transaction {document['hash']}", *output.columns(place + list(_rows(document)))]:
            click.echo(line)


@tx.command()
@click.argument("source", metavar="SOURCE")
@click.option("--key-file", type=PATH, help="File with the private key: 64 hex digits.")
@click.option(
    "--key-env",
    metavar="NAME",
    default=KEY_VARIABLE,
    show_default=True,
    help="Environment variable with the private key, where there is no --key-file.",
)
@click.option("--chain-id", type=click.IntRange(0, 2**64 - 1), metavar="N", help="For objects that do not say it.")
@json_option
def sign(source: str, key_file: Path | None, key_env: str, chain_id: int | None, as_json: bool) -> None:
    """Sign transactions, and print them in hex, one a line: what `block build --txs` reads.

    SOURCE is a file, or - for standard input, with JSON objects, one a line, or an array of them. Members have the
    names of JSON-RPC; those that are mostly 0 or empty may be missing. The type follows from the members where it is
    not given: gasPrice 0 (or 1 with an accessList), maxFeePerGas 2, blobVersionedHashes 3, authorizationList 4. An
    authorization without a signature is signed by the same key. Nothing is looked up: nonce, gas and fees must be
    there.

    The key is read from a file or from the environment, never from the command line, where everybody on the machine
    can see it. Do not use keys here that hold value: this program is made for tests and experiments.

    \b
    echo '{"nonce": 0, "to": "0x..", "value": "1000", "gas": 21000, "chainId": 1,
           "maxFeePerGas": "2000000000", "maxPriorityFeePerGas": "1"}' | verkle tx sign - --key-file key.txt
    """
    from cli.signing import Signer, key_in  # noqa: PLC0415  (loads rlp)

    key = key_in(key_file, key_env)
    unsigned = [(entry, entry.unsigned(chain_id)) for entry in transactions.entries(source)]
    signer = Signer(key)
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second)

    for entry, one in unsigned:
        with files.located(entry.place):
            _, stated = transaction_json.stated(entry.value)
            if stated is not None and stated != signer.address:
                raise DecodeError(f"the key is that of 0x{signer.address.hex()}", "from")
            signed = signer.sign(one)
        raw = output.hexed(rlp.encode_transaction(signed))
        if as_json:
            output.json_line({"raw": raw, **_document(signed, signer.address)})
        else:
            click.echo(raw)


def _document(transaction: Transaction, sender: Address) -> dict[str, object]:
    """JSON-RPC's object of a signed transaction."""
    from spec.codec import rlp  # noqa: PLC0415  (a quarter of a second)
    from spec.crypto import keccak256  # noqa: PLC0415

    found = keccak256(rlp.encode_transaction(transaction))
    names = {"hash": output.hexed(found), "from": output.hexed(sender)}
    return names | transaction_json.encode_transaction(transaction)


def _rows(document: dict[str, object]) -> "Iterable[tuple[str, str]]":
    """The members as people read them: numbers in decimal, lists with their length."""
    for name, value in document.items():
        if name == "hash":
            continue
        if isinstance(value, list):
            yield name, output.count(len(value), "entry", "entries") if value else "empty"
        elif value is None:
            yield name, "none: creates a contract"
        elif name in ("from", "to", "input", "r", "s"):
            yield name, _shortened(str(value))
        else:
            yield name, f"{int(str(value), 16):,}"


def _shortened(text: str) -> str:
    return text if len(text) <= 130 else f"{text[:66]}... ({(len(text) - 2) // 2:,} bytes)"
