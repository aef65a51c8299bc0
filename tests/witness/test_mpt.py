"""The Merkle-Patricia baseline: roots as the definition has them after any changes, and paths that prove."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trie.hexary import HexaryTrie

from spec.codec.rlp_items import encode_items, number
from spec.containers import Account
from spec.crypto import keccak256
from spec.params import VERKLE
from spec.types import Address, Uint64, Uint256
from stateless.tries import state_root
from verkle.embedding import chunk_location, storage_location
from witness.merkle_trie import seeded
from witness.mpt import AccountAccess, MerkleState, accesses

SEED = 1559


def account(rng: random.Random) -> Account:
    slots = {
        Uint256(rng.choice((0, 1, 63, 64, rng.getrandbits(256)))): Uint256(rng.getrandbits(rng.choice((1, 8, 200))))
        for _ in range(rng.randrange(4))
    }
    return Account(rng.randrange(1, 2**80), Uint64(rng.randrange(3)), rng.randbytes(rng.choice((0, 0, 40))), slots)


def random_state(rng: random.Random, size: int) -> dict[Address, Account]:
    return {Address(rng.randbytes(20)): account(rng) for _ in range(size)}


def test_seeded_equals_one_by_one() -> None:
    rng = random.Random(SEED)
    for size in (0, 1, 2, 17, 300):
        entries = [(keccak256(rng.randbytes(8)), rng.randbytes(rng.choice((1, 20, 90)))) for _ in range(size)]
        plain = HexaryTrie({}, prune=True)
        for key, value in entries:
            plain[key] = value
        made = seeded(entries)
        assert made.root_hash == plain.root_hash
        assert made.db == plain.db
        assert {key: count for key, count in made.ref_count.items() if count} == {
            key: count for key, count in plain.ref_count.items() if count
        }


def test_root_after_any_changes() -> None:
    rng = random.Random(SEED)
    held = random_state(rng, 60)
    state = MerkleState(held)
    assert state.root == state_root(held)
    for _ in range(15):
        for address in rng.sample(sorted(held), 6):
            change(rng, state, held, address)
        fresh = Address(rng.randbytes(20))
        held[fresh] = account(rng)
        put(state, fresh, held[fresh])
        assert state.root == state_root(held)
    for address in list(held):
        state.remove(address)
    assert state.root == state_root({})


def put(state: MerkleState, address: Address, one: Account) -> None:
    state.update(address, one.balance, one.nonce, one.code, one.storage.items())


def change(rng: random.Random, state: MerkleState, held: dict[Address, Account], address: Address) -> None:
    before = held[address]
    match rng.randrange(5):
        case 0:
            state.remove(address)
            del held[address]
        case 1:
            held[address] = replace(before, balance=before.balance + 1)
            state.update(address, balance=before.balance + 1)
        case 2:
            slots: dict[Any, Any] = dict(before.storage)
            chosen = [*rng.sample(sorted(slots), len(slots) // 2), Uint256(rng.getrandbits(256))]
            written = {slot: Uint256(rng.choice((0, 7))) for slot in chosen}
            held[address] = replace(before, storage=slots | written)
            state.update(address, storage=written.items())
        case 3:
            held[address] = replace(before, storage={Uint256(5): Uint256(6)})
            state.update(address, storage=[(5, 6)], wipes=True)
        case _:
            if before.code:
                return
            state.update(address, balance=0, nonce=0, code=b"")
            del held[address]


def test_nodes_prove_present_and_absent() -> None:
    rng = random.Random(SEED)
    held = random_state(rng, 80)
    state = MerkleState(held)
    touched: dict[Address, AccountAccess] = {}
    for address in [*rng.sample(sorted(held), 20), Address(rng.randbytes(20))]:
        slots = {*map(int, held[address].storage)} if address in held else set()
        touched[address] = AccountAccess({*slots, rng.getrandbits(256)}, code=rng.random() < 0.5)
    proven = state.prove(touched)
    nodes = {keccak256(node): node for node in proven.nodes}
    checked = 0
    for address, access in touched.items():
        found = HexaryTrie(dict(nodes), state.root)[keccak256(address)]
        assert bool(found) == (address in held)
        if address not in held:
            continue
        root = storage_root(held[address].storage)
        for slot in access.slots:
            value = held[address].storage.get(Uint256(slot), 0)
            stored = HexaryTrie(dict(nodes), root)[keccak256(slot.to_bytes(32, "big"))]
            assert stored == (encode_items(number(value)) if value else b"")
            checked += 1
    assert checked > 20
    assert proven.codes == {held[address].code for address, access in touched.items()
                            if access.code and address in held and held[address].code}  # fmt: skip
    assert proven.node_bytes == sum(map(len, proven.nodes))
    assert proven.code_bytes == sum(map(len, proven.codes))


def storage_root(storage: Mapping[Any, int]) -> bytes:
    root: bytes = seeded(
        (keccak256(slot.to_bytes(32, "big")), encode_items(number(value))) for slot, value in storage.items() if value
    ).root_hash
    return root


def test_accesses_are_said_of_accounts() -> None:
    one, other = Address(b"\1" * 20), Address(b"\2" * 20)
    slots = (0, 63, 64, 2**255)
    leaves = [(one, 0, 0), (one, 0, 1), *((one, *storage_location(VERKLE, slot)) for slot in slots)]
    leaves += [(other, *chunk_location(index)) for index in (0, 127, 128, 1000)]
    found = accesses(leaves, VERKLE.main_storage_offset)
    assert found[one] == AccountAccess(set(slots), code=False)
    assert found[other] == AccountAccess(set(), code=True)
