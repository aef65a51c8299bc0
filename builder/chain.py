"""A chain on disk: its genesis, its head, and blocks put on it or taken off.

    create       a database from a genesis
    import_block verify a block by executing it on the whole state, and make it the head
    rewind       take blocks off, down to one that is retained

Everything that makes a block the head happens in one transaction of the database, also where other blocks must be
taken off first: a block that is rejected leaves the chain as it was. Which of two branches counts is for consensus to
say; here whoever imports a block has said it: the blocks above its parent are taken off, and not kept.

Source: yellow paper, section 4; EIP-6800. Layout of the database: spec/database.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Generic, Self

from builder.bulk import Run
from builder.database import (
    BLOCKS,
    CANONICAL,
    HEADERS,
    META,
    RECEIPTS,
    SCHEMA,
    UNDO,
    Batch,
    Database,
    Reader,
    Writer,
)
from builder.making import Making, OnProgress, nothing_to_say, put_state
from builder.past import PastReader
from builder.work import STAGES as FINISHING_STAGES
from builder.work import Finished, Observer, Work, header_places, unobserved
from spec.codec import rlp, ssz_request
from spec.codec.rlp_items import encode_items
from spec.containers import Genesis, Header, NewPayloadRequest
from spec.errors import DecodeError, Reason, Rejection
from spec.params import PROFILES, Profile
from spec.types import Hash32, Uint64
from stateless import header as rules_of_headers
from stateless.evm.block import BlockEnvironment
from stateless.fees import blob_base_fee
from stateless.header import Parent
from stateless.replay import signed
from stateless.system import requests_hash
from stateless.transition import Outcome, Signed
from stateless.tree_view import TreeKeys
from stateless.tries import ordered_root
from verkle.engine import Engine, P

RETAINED_BLOCKS: Final = 128
"""How many blocks can be taken off, unless the database is made with another number."""
NUMBER_BYTES: Final = 8

STAGES: Final = ("senders", *FINISHING_STAGES, "store")
"""What an observer of `Chain.import_block` is told of, in this order; "store" ends when the block is on the disk."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A block that became the head."""

    header: Header
    request: NewPayloadRequest
    """As it is kept: with the witness that was made where it came without one."""
    finished: Finished
    taken_off: int
    """Blocks that stood in its place."""


class Chain(Generic[P]):
    """A chain in a database, on one engine."""

    def __init__(self, database: Database, engine: Engine[P]) -> None:
        """The chain of a database. Raises: DecodeError where it is not one, or its making was cut off."""
        self.database: Final = database
        self.engine: Final = engine
        with database.reader() as reader:
            name = _meta(database, reader, b"profile").decode()
            if name not in PROFILES:
                raise DecodeError(f"the database is of profile {name!r}, which this version does not know")
            self.profile: Final[Profile] = PROFILES[name]
            self.chain_id: Final = int.from_bytes(_meta(database, reader, b"chain_id"), "big")
            self.retained: Final = int.from_bytes(_meta(database, reader, b"retained"), "big")
            self.genesis_hash: Final = Hash32(_meta(database, reader, b"genesis"))
        self.keys: Final = TreeKeys(engine, self.profile)

    @classmethod
    def create(
        cls,
        directory: Path,
        genesis: Genesis,
        profile: Profile,
        engine: Engine[P],
        retained: int = RETAINED_BLOCKS,
        *,
        durable: bool = True,
        run: Run | None = None,
        on_progress: OnProgress = nothing_to_say,
    ) -> Self:
        """A chain that has its genesis only. `run`, `on_progress`: see `making.put_state`.

        `durable`: see `Database`; False only for a chain that is thrown away when the command ends.
        Raises: DecodeError where there is a database already; DatabaseUnavailable.
        """
        with Making(directory) as making:
            state_root = put_state(making, genesis.alloc, profile, engine, run=run, on_progress=on_progress)
            header = replace(genesis.header, state_root=state_root)
            batch = Batch()
            _put_head(batch, header)
            chain_id = profile.chain_id if genesis.chain_id is None else genesis.chain_id
            for name, content in (
                (b"schema", SCHEMA),
                (b"profile", profile.name.encode()),
                (b"chain_id", chain_id.to_bytes(NUMBER_BYTES, "big")),
                (b"retained", retained.to_bytes(NUMBER_BYTES, "big")),
                (b"genesis", rlp.block_hash(header)),
            ):
                batch.put(META, name, content)
            making.put(batch)
            making.finish()
        return cls(Database(directory, write=True, durable=durable), engine)

    # ---- reading

    def head(self, reader: Reader | None = None) -> Header:
        """The header of the last block."""
        if reader is None:
            with self.database.reader() as own:
                return self.head(own)
        return self.header(reader, Hash32(_meta(self.database, reader, b"head")))

    def header(self, reader: Reader, block_hash: Hash32) -> Header:
        """A block's header. Raises: DecodeError where there is none."""
        content = reader.get(HEADERS, block_hash)
        if content is None:
            raise DecodeError("there is no such block", f"headers[0x{block_hash.hex()}]")
        return rlp.decode_header(content)

    def hash_at(self, reader: Reader, number: int) -> Hash32 | None:
        """The hash of the block of a number, None where the chain has none."""
        found = reader.get(CANONICAL, number.to_bytes(NUMBER_BYTES, "big"))
        return None if found is None else Hash32(found)

    def block(self, reader: Reader, block_hash: Hash32) -> NewPayloadRequest:
        """A block with its witness. Raises: DecodeError where there is none (the genesis has none)."""
        content = reader.get(BLOCKS, block_hash)
        if content is None:
            raise DecodeError("there is no such block", f"blocks[0x{block_hash.hex()}]")
        return ssz_request.decode_request(content, self.profile)

    def at(self, reader: Reader, block_hash: Hash32) -> Reader:
        """The database as it was when this block was the head; the reader itself where it still is.

        Raises: Rejection where it is not in the chain, or too old: as far back as blocks can be taken off.
        """
        number, later = self._number_of(reader, block_hash), []
        for above in range(self.head(reader).number, number, -1):
            found = self.hash_at(reader, above)
            if found is None or reader.get(UNDO, found) is None:
                raise Rejection(Reason.BLOCK_NOT_RETAINED, block=number, retained=self.retained)
            later.append(found)
        return PastReader(reader, later) if later else reader

    def _number_of(self, reader: Reader, block_hash: Hash32) -> int:
        content = reader.get(HEADERS, block_hash)
        if content is None:
            raise Rejection(Reason.PARENT_UNKNOWN, parent_hash=block_hash)
        return rlp.decode_header(content).number

    def holds(self, reader: Reader, request: NewPayloadRequest) -> bool:
        """Whether a block is in the chain. Its witness, which its hash does not cover, is not looked at.

        Raises: Rejection where the hash that it states is not its own: a false block is never taken for a known one.
        """
        rules_of_headers.check_shape(self.profile.require_execution(), request)
        rules_of_headers.check_block_hash(request)
        payload = request.execution_payload
        return self.hash_at(reader, payload.block_number) == payload.block_hash

    # ---- changing

    def import_block(
        self,
        request: NewPayloadRequest,
        transactions: Sequence[Signed] | None = None,
        *,
        proves: bool,
        observe: Observer = unobserved,
    ) -> Imported:
        """Execute a block on the whole state; where all it says is so, it becomes the head.

        Blocks above its parent are taken off. `transactions`: those of the request, where they are decoded already.
        `proves`: make the witness and compare it with the block's; a block without one is given it in any case.
        Raises: Rejection; DecodeError; DatabaseUnavailable. The chain is then as it was.
        """
        rules = self.profile.require_execution()
        rules_of_headers.check_shape(rules, request)
        rules_of_headers.check_block_hash(request)
        header = rules_of_headers.header_of(request)
        found = signed(request.execution_payload.transactions) if transactions is None else transactions
        check_blobs(request, found)
        observe("senders")
        proving = proves or request.execution_payload.execution_witness is None

        def work(writer: Writer) -> Imported:
            taken_off = self._take_off(writer, header.parent_hash)
            parent = Parent.of_header(self.header(writer, header.parent_hash)).header
            if parent is not None:
                rules_of_headers.check_parent(rules, request.execution_payload, parent)
            finished = self._executed(writer, header, request, found, proves=proving, observe=observe)
            whole = _with_witness(request, finished)
            self._put_block(writer, header, whole, finished)
            return Imported(header, whole, finished, taken_off)

        imported = self.database.atomically(work)
        observe("store")
        return imported

    def put(self, request: NewPayloadRequest, header: Header, finished: Finished) -> None:
        """Make a block the head that was just built on it. Raises: Rejection where the head has moved on."""

        def work(writer: Writer) -> None:
            head = rlp.block_hash(self.head(writer))
            if head != header.parent_hash:
                raise Rejection(Reason.PARENT_MISMATCH, parent_hash=header.parent_hash, head=head)
            self._put_block(writer, header, request, finished)

        self.database.atomically(work)

    def _executed(
        self,
        reader: Reader,
        header: Header,
        request: NewPayloadRequest,
        transactions: Sequence[Signed],
        *,
        proves: bool,
        observe: Observer,
    ) -> Finished:
        """Execute a block and compare. Raises: Rejection."""
        payload = request.execution_payload
        self.keys.prepare(header_places(payload.fee_recipient, transactions))
        work = Work(reader, self.engine, self.keys, self.environment(header))
        work.execution.begin()
        for index, one in enumerate(transactions):
            try:
                work.execution.apply(one)
            except Rejection as rejection:
                raise Rejection(rejection.reason, transaction=index, **rejection.facts) from None
        finished = work.finish(payload.withdrawals or (), proves=proves, observe=observe)
        check_outcome(header, finished)
        if proves and payload.execution_witness is not None:
            stated = payload.execution_witness
            made = finished.witness
            if made is None or (stated.state_diff, stated.verkle_proof) != (made.state_diff, made.verkle_proof):
                raise Rejection(Reason.WITNESS_DIFFERS, block=header.number)
        return finished

    def environment(self, header: Header) -> BlockEnvironment:
        """What code can learn of a block with this header."""
        blobs = self.profile.require_execution().blobs
        return BlockEnvironment(
            number=header.number,
            timestamp=header.timestamp,
            coinbase=header.fee_recipient,
            gas_limit=header.gas_limit,
            prev_randao=header.prev_randao,
            base_fee=header.base_fee_per_gas or 0,
            chain_id=self.chain_id,
            blob_base_fee=blob_base_fee(blobs, header.excess_blob_gas or 0) if blobs else 1,
            parent_hash=header.parent_hash,
            parent_beacon_block_root=header.parent_beacon_block_root,
        )

    def _put_block(self, writer: Writer, header: Header, request: NewPayloadRequest, finished: Finished) -> None:
        """Make a block the head, and forget how to take off the oldest one that is retained."""
        batch, block_hash = finished.batch, rlp.block_hash(header)
        _put_head(batch, header)
        batch.put(BLOCKS, block_hash, ssz_request.encode_request(request, self.profile))
        batch.put(RECEIPTS, block_hash, encode_receipts(finished.outcome))
        if not self.retained:
            writer.apply(batch)
            return
        if header.number > self.retained:
            oldest = self.hash_at(writer, header.number - self.retained)
            if oldest is not None:
                batch.delete(UNDO, oldest)
        writer.apply(batch, block_hash)

    def rewind(self, block_hash: Hash32) -> int:
        """Take blocks off until this one is the head; how many they were.

        Raises: Rejection where it is not in the chain, or too old.
        """
        return self.database.atomically(lambda writer: self._take_off(writer, block_hash))

    def _take_off(self, writer: Writer, block_hash: Hash32) -> int:
        number = self._number_of(writer, block_hash)
        taken_off = 0
        while (head := self.head(writer)).number > number:
            head_hash = rlp.block_hash(head)
            if writer.get(UNDO, head_hash) is None:
                raise Rejection(Reason.BLOCK_NOT_RETAINED, block=number, retained=self.retained)
            writer.rewind(head_hash)
            taken_off += 1
        return taken_off

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def check_blobs(request: NewPayloadRequest, transactions: Sequence[Signed]) -> None:
    """The versioned hashes beside the payload are those of its transactions. Raises: Rejection. Source: EIP-4844."""
    hashes = tuple(one for each in transactions for one in each.transaction.blob_versioned_hashes)
    if request.versioned_hashes is not None and request.versioned_hashes != hashes:
        raise Rejection(Reason.BLOB_HASHES_MISMATCH, given=len(request.versioned_hashes), of_transactions=len(hashes))


def check_outcome(header: Header, finished: Finished) -> None:
    """What a block came to is what its header says. Raises: Rejection."""
    outcome = finished.outcome
    if outcome.gas_used != header.gas_used:
        raise Rejection(Reason.GAS_USED_MISMATCH, computed=outcome.gas_used, header=header.gas_used)
    root = ordered_root(receipt.encode() for receipt in outcome.receipts)
    if root != header.receipts_root:
        raise Rejection(Reason.RECEIPTS_ROOT_MISMATCH, computed=root, header=header.receipts_root)
    if outcome.logs_bloom != header.logs_bloom:
        raise Rejection(Reason.LOGS_BLOOM_MISMATCH, computed=outcome.logs_bloom, header=header.logs_bloom)
    if header.blob_gas_used is not None and outcome.blob_gas_used != header.blob_gas_used:
        raise Rejection(Reason.BLOB_GAS_MISMATCH, computed=outcome.blob_gas_used, header=header.blob_gas_used)
    if header.requests_hash is not None and requests_hash(outcome.requests) != header.requests_hash:
        raise Rejection(
            Reason.REQUESTS_HASH_MISMATCH, computed=requests_hash(outcome.requests), header=header.requests_hash
        )
    if finished.state_root != header.state_root:
        raise Rejection(Reason.STATE_ROOT_MISMATCH, computed=finished.state_root, header=header.state_root)


def _with_witness(request: NewPayloadRequest, finished: Finished) -> NewPayloadRequest:
    payload = request.execution_payload
    if payload.execution_witness is not None:
        return request
    return replace(request, execution_payload=replace(payload, execution_witness=finished.witness))


def encode_receipts(outcome: Outcome) -> bytes:
    """A block's receipts: the RLP list of their encodings, each a byte string."""
    return encode_items([receipt.encode() for receipt in outcome.receipts])


def _put_head(batch: Batch, header: Header) -> None:
    block_hash = rlp.block_hash(header)
    batch.put(HEADERS, block_hash, rlp.encode_header(header))
    batch.put(CANONICAL, Uint64(header.number).to_bytes(NUMBER_BYTES, "big"), block_hash)
    batch.put(META, b"head", block_hash)


def _meta(database: Database, reader: Reader, name: bytes) -> bytes:
    content = reader.get(META, name)
    if content is None:
        raise DecodeError(f"the database does not say its {name.decode()}", str(database.directory))
    return content
