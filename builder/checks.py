"""Whether the records of a database follow from each other. Every check yields the problems that it finds.

    state       stems and nodes are those that the values lead to; preimages lead to the stems; code has its hash
    chain       headers, blocks and receipts, from the genesis to the head
    undo        what can be taken off leads back, block by block

Records are read as they are: whoever asks has looked at their checksums before (`builder.scan`). Where a record is
damaged, what depends on it is told as well.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from builder import records
from builder import undo as undo_codec
from builder.bulk import Entry, Maker, Places, Run, by_first_byte, parts, root_record, suffixes_of
from builder.database import (
    BLOCKS,
    CANONICAL,
    CODE,
    HEADERS,
    LEAVES,
    META,
    NODES,
    PREIMAGES,
    RECEIPTS,
    STEMS,
    TABLES,
    UNDO,
    Reader,
)
from builder.records import BITMAP_BYTES, CHECKSUM_BYTES, Link, node_key, sealed
from builder.scan import Problem
from builder.work import TREE_INDEX_BYTES
from spec.codec import rlp, ssz_request
from spec.codec.rlp_items import each, list_item, string
from spec.containers import Header
from spec.crypto import keccak256
from spec.errors import DecodeError
from spec.params import CODE_HASH_LEAF_KEY, EMPTY_CODE_HASH, STEM_BYTES, LeafLayout, Profile
from spec.types import Address, Hash32, StateRoot
from stateless.header import header_of
from stateless.tries import ordered_root
from verkle.embedding import FIELD_CODE_HASH_LEAF_KEY, address32
from verkle.engine import Engine

AT_ONCE: Final = 1 << 14
"""Stems that are derived in one job."""
NUMBER_BYTES: Final = 8

OnDone = Callable[[int], None]
"""Told how many records of the table that is gone through are done."""


def _place(table: bytes, key: bytes) -> str:
    return f"{table.decode()}[0x{key.hex()}]"


def _raw(reader: Reader, table: bytes, key: bytes) -> bytes | None:
    """A record's content, whatever its checksum."""
    record = reader.sealed(table, key)
    return None if record is None else record[:-CHECKSUM_BYTES]


def _contents(reader: Reader, table: bytes) -> Iterator[tuple[bytes, bytes]]:
    for key, record in reader.sealed_items(table):
        yield key, record[:-CHECKSUM_BYTES]


# ---- state


def nodes(reader: Reader, engine: Engine[Any], run: Run, root: StateRoot | None, on_done: OnDone) -> Iterator[Problem]:
    """Make stems and nodes anew from the values, and compare. `root`: what the head's header says; None: not known."""
    bad: list[Problem] = []

    def values() -> Iterator[Entry]:
        for stem, content in _contents(reader, LEAVES):
            if is_values(stem, content):
                yield stem, content
            else:
                bad.append(Problem("this is no set of values", _place(LEAVES, stem)))

    links: list[tuple[int, Link]] = []
    found = {STEMS: 0, NODES: 1}
    for made in run(parts(by_first_byte(values()))):
        for table in found:
            found[table] += len(made.records[table])
            yield from _differences(reader, table, made.records[table])
        links += made.links
        on_done(found[STEMS])
    yield from bad
    computed, record = root_record(engine, links)
    key = node_key(b"")
    yield from _differences(reader, NODES, [(key, sealed(NODES, key, record))])
    if root is not None and root != computed:
        yield Problem(f"its state root is 0x{root.hex()}, the values lead to 0x{computed.hex()}", "the head")
    for table, count in found.items():
        if reader.count(table) > count:
            yield Problem(f"records that no value leads to: {reader.count(table) - count}", table.decode())


def is_values(stem: bytes, content: bytes) -> bool:
    """Whether this is a stem with at least one value."""
    if len(stem) != STEM_BYTES or len(content) <= BITMAP_BYTES:
        return False
    return len(content) == BITMAP_BYTES + 32 * len(suffixes_of(content[:BITMAP_BYTES]))


def _differences(reader: Reader, table: bytes, expected: Sequence[tuple[bytes, bytes]]) -> Iterator[Problem]:
    for key, record in expected:
        stored = reader.sealed(table, key)
        if stored != record:
            what = "it is missing" if stored is None else "it is not what the values below it lead to"
            yield Problem(what, _place(table, key))


def preimages(reader: Reader, profile: Profile, run: Run, on_done: OnDone) -> Iterator[Problem]:
    """Each stem is derived from one address and tree_index; accounts' code hashes have their code."""
    suffix = CODE_HASH_LEAF_KEY if profile.leaf_layout is LeafLayout.PACKED else FIELD_CODE_HASH_LEAF_KEY
    waiting: list[list[bytes]] = []
    bad: list[Problem] = []

    def jobs() -> Iterator[Places]:
        keys: list[bytes] = []
        places: list[tuple[bytes, int]] = []
        for stem, content in _contents(reader, PREIMAGES):
            if len(content) != Address.LENGTH + TREE_INDEX_BYTES:
                bad.append(Problem("this is no address with a tree index", _place(PREIMAGES, stem)))
                continue
            keys.append(stem)
            address = Address(content[: Address.LENGTH])
            places.append((address32(address), int.from_bytes(content[Address.LENGTH :], "big")))
            if len(keys) == AT_ONCE:
                waiting.append(keys)
                yield Places(profile.key_hash, places)
                keys, places = [], []
        waiting.append(keys)
        yield Places(profile.key_hash, places)

    known = {bytes(EMPTY_CODE_HASH)}
    done = 0
    for derived in run(jobs()):
        for key, stem in zip(waiting.pop(0), derived, strict=True):
            values = _raw(reader, LEAVES, key)
            if key != stem:
                yield Problem(f"address and tree index lead to stem 0x{stem.hex()}", _place(PREIMAGES, key))
            elif values is None:
                yield Problem("nothing is stored at this stem", _place(PREIMAGES, key))
            elif is_values(key, values):
                code_hash = records.value_at(values, suffix)
                index = _raw(reader, PREIMAGES, key) or b""
                if code_hash is not None and not any(index[Address.LENGTH :]) and code_hash not in known:
                    known.add(bytes(code_hash))
                    if reader.sealed(CODE, code_hash) is None:
                        yield Problem(f"the code of account 0x{index[: Address.LENGTH].hex()} is missing",
                                      _place(CODE, code_hash))  # fmt: skip
            done += 1
        on_done(done)
    yield from bad
    if reader.count(PREIMAGES) < reader.count(LEAVES):
        missing = reader.count(LEAVES) - reader.count(PREIMAGES)
        yield Problem(f"stems of which nobody knows the address: {missing}", PREIMAGES.decode())


def code(reader: Reader, on_done: OnDone) -> Iterator[Problem]:
    """Each code has its hash."""
    for done, (key, content) in enumerate(_contents(reader, CODE), 1):
        if keccak256(content) != key:
            yield Problem("the code has another hash", _place(CODE, key))
        on_done(done)


# ---- the chain


def chain(reader: Reader, profile: Profile, on_done: OnDone) -> Iterator[Problem]:
    """Headers, blocks and receipts, from the genesis to the head."""
    parent: Header | None = None
    before = Hash32(bytes(32))
    for done, (key, block_hash) in enumerate(_contents(reader, CANONICAL), 1):
        where = f"block {int.from_bytes(key, 'big')}"
        header = _header(reader, block_hash)
        if header is None:
            yield Problem("its header is missing, or none", where)
            return
        if rlp.block_hash(header) != block_hash:
            yield Problem("its header has another hash", where)
        if len(key) != NUMBER_BYTES or header.number != int.from_bytes(key, "big"):
            yield Problem(f"its header is that of block {header.number}", where)
        if parent is None:
            if _raw(reader, META, b"genesis") != block_hash:
                yield Problem("it is not the genesis that the database names", where)
        elif header.number != parent.number + 1 or header.parent_hash != before:
            yield Problem(f"it does not follow block {parent.number}", where)
        else:
            yield from _block(reader, profile, header, block_hash, where)
        parent, before = header, Hash32(block_hash)
        on_done(done)
    if parent is None or _raw(reader, META, b"head") != before:
        yield Problem("the last block is not the head that the database names", "the head")
    blocks = reader.count(CANONICAL)
    for table, count in ((HEADERS, blocks), (BLOCKS, blocks - 1), (RECEIPTS, blocks - 1)):
        if reader.count(table) != count:
            yield Problem(f"{reader.count(table)} records, where the chain has {count}", table.decode())


def _header(reader: Reader, block_hash: bytes) -> Header | None:
    content = _raw(reader, HEADERS, block_hash) if len(block_hash) == Hash32.LENGTH else None
    try:
        return None if content is None else rlp.decode_header(content)
    except DecodeError:
        return None


def _block(reader: Reader, profile: Profile, header: Header, block_hash: bytes, where: str) -> Iterator[Problem]:
    content, receipts = _raw(reader, BLOCKS, block_hash), _raw(reader, RECEIPTS, block_hash)
    if content is None or receipts is None:
        yield Problem("the block is missing" if content is None else "its receipts are missing", where)
        return
    try:
        request = ssz_request.decode_request(content, profile)
        listed = each(string)(list_item(receipts))
    except DecodeError as error:
        yield Problem(f"it cannot be read ({error})", where)
        return
    if request.execution_payload.block_hash != block_hash or header_of(request) != header:
        yield Problem("the block is not that of its header", where)
    if ordered_root(listed) != header.receipts_root:
        yield Problem("its receipts have another root", where)


# ---- undo records


def undo(reader: Reader, retained: int, on_done: OnDone) -> Iterator[Problem]:
    """Go back, block by block, as far as undo records say: the head and the root are those of the parent each time."""
    followed = {(META, b"head"), (NODES, node_key(b""))}
    now = {place: _raw(reader, *place) for place in followed}
    head = now[META, b"head"]
    found = 0
    while head is not None and (record := _raw(reader, UNDO, head)) is not None:
        found += 1
        try:
            for entry in undo_codec.entries(record, len(TABLES)):
                place = (TABLES[entry.table], entry.key)
                if place in followed:
                    now[place] = undo_codec.before(entry, now[place])
        except DecodeError as error:
            yield Problem(str(error), _place(UNDO, head))
            return
        own, parent = _header(reader, head), _header(reader, now[META, b"head"] or b"")
        root = now[NODES, node_key(b"")]
        if own is None or parent is None or own.parent_hash != now[META, b"head"]:
            yield Problem("taking the block off does not lead to its parent", _place(UNDO, head))
            return
        if root is None or records.decode_internal(root)[0].point != parent.state_root:
            yield Problem("taking the block off does not lead to its parent's state", _place(UNDO, head))
        head = now[META, b"head"]
        on_done(found)
    if reader.count(UNDO) != found or found > retained:
        yield Problem(
            f"{reader.count(UNDO)} undo records; {found} lead back from the head, {retained} are retained",
            UNDO.decode(),
        )


def default_run(engine: Engine[Any]) -> Run:
    """Jobs in this process."""
    return Maker(engine).in_turn
