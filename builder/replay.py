"""A chain executed again from its genesis, in a database of its own.

    begin(source, genesis, directory)    that database: one to throw away, whose blocks the disk is not waited for
    replay(source, again, last)          every block once more; each root is compared with its header's
    differing(left, right)               the tables in which two databases hold other records

What a database says of its history is then shown by its blocks alone: nothing that it keeps of the state is read.
"""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final

from builder.chain import Chain, Imported
from builder.database import CODE, LEAVES, NODES, STEMS, Reader
from builder.work import Observer, unobserved
from spec.codec import rlp
from spec.containers import Genesis
from spec.errors import DecodeError, Rejection
from verkle.engine import P

STATE_TABLES: Final = (LEAVES, STEMS, NODES, CODE)
"""Tables that the state alone decides."""


def begin(source: Chain[P], genesis: Genesis, directory: Path) -> Chain[P]:
    """A new chain in `directory` with the genesis of another: to be compared with, and then thrown away.

    It is not durable (see `Database`), and no block can be taken off.
    Raises: DecodeError where it is another genesis.
    """
    chain = Chain.create(directory, genesis, source.profile, source.engine, retained=0, durable=False)
    if chain.genesis_hash != source.genesis_hash or chain.chain_id != source.chain_id:
        chain.close()
        raise DecodeError(
            f"this genesis leads to block 0x{chain.genesis_hash.hex()} of chain {chain.chain_id}, "
            f"the database begins with 0x{source.genesis_hash.hex()} of chain {source.chain_id}"
        )
    return chain


def replay(
    source: Chain[P], again: Chain[P], last: int, *, proves: bool = False, observe: Observer = unobserved
) -> Iterator[Imported]:
    """Import the blocks up to number `last` of `source` into `again`, which has its genesis only.

    `proves`: compare the witnesses, too. Raises: Rejection, naming the block; DecodeError.
    """
    with source.database.reader() as reader:
        for number in range(1, last + 1):
            block_hash = source.hash_at(reader, number)
            if block_hash is None:
                raise DecodeError(f"block {number} is missing", str(source.database.directory))
            request = source.block(reader, block_hash)
            try:
                imported = again.import_block(request, proves=proves, observe=observe)
            except Rejection as rejection:
                raise Rejection(rejection.reason, block=number, **rejection.facts) from None
            if rlp.block_hash(imported.header) != block_hash:
                raise DecodeError(f"another block stands at number {number}", str(source.database.directory))
            yield imported


def differing(left: Reader, right: Reader) -> list[str]:
    """The tables of the state in which two databases do not hold the same records."""
    nothing = (None, None)
    return [
        table.decode()
        for table in STATE_TABLES
        if any(one != other for one, other in zip_longest(left.items(table), right.items(table), fillvalue=nothing))
    ]
