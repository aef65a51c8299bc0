"""One change at a time to a witness in its JSON form: what an attacker, a bad disk or a bad client may send.

A mutation is a function of a seeded generator, the witness (an own copy, changed in place) and another block's witness.
It returns whether it applied. Points and scalars that are not canonical would pass a reader that reduces.
"""

import copy
import random
from collections.abc import Callable
from typing import Any

from verkle.field import FP, FR

Json = dict[str, Any]
Mutation = Callable[[random.Random, Json, Json], bool]

OFF_SUBGROUP = "0x1b6989e2393c65bbad7567929cdbd72bbf0218521d975b0fb209fba0ee493c32"
"""On the curve, outside the group (go-ipa, banderwagon/element_test.go)."""


def _suffix_diffs(witness: Json) -> list[Json]:
    return [entry for diff in witness["stateDiff"] for entry in diff["suffixDiffs"]]


def _flip_hex(rng: random.Random, text: str) -> str:
    """One bit of a hex string flipped."""
    data = bytearray.fromhex(text[2:])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return "0x" + data.hex()


def _points(witness: Json) -> list[tuple[Any, Any]]:
    """Every place that holds a point: (container, key)."""
    proof = witness["verkleProof"]
    places: list[tuple[Any, Any]] = [(proof, "d")]
    for holder in (proof["commitmentsByPath"], proof["ipaProof"]["cl"], proof["ipaProof"]["cr"]):
        places += [(holder, index) for index in range(len(holder))]
    return places


def _lists(witness: Json) -> list[list[Any]]:
    """Every list of the witness."""
    proof = witness["verkleProof"]
    lists = [witness["stateDiff"], *(diff["suffixDiffs"] for diff in witness["stateDiff"])]
    lists += [proof["otherStems"], proof["commitmentsByPath"], proof["ipaProof"]["cl"], proof["ipaProof"]["cr"]]
    return [*lists, proof.get("internalNodeMarkers", [])]


def flip_stem(rng: random.Random, witness: Json, _: Json) -> bool:
    diff = rng.choice(witness["stateDiff"])
    diff["stem"] = _flip_hex(rng, diff["stem"])
    return True


def flip_current_value(rng: random.Random, witness: Json, _: Json) -> bool:
    present = [entry for entry in _suffix_diffs(witness) if entry["currentValue"] is not None]
    if present:
        entry = rng.choice(present)
        entry["currentValue"] = _flip_hex(rng, entry["currentValue"])
    return bool(present)


def flip_new_value(rng: random.Random, witness: Json, _: Json) -> bool:
    present = [entry for entry in _suffix_diffs(witness) if entry["newValue"] is not None]
    if present:
        entry = rng.choice(present)
        entry["newValue"] = _flip_hex(rng, entry["newValue"])
    return bool(present)


def drop_value(rng: random.Random, witness: Json, _: Json) -> bool:
    entry = rng.choice(_suffix_diffs(witness))
    key = rng.choice([key for key in ("currentValue", "newValue") if entry[key] is not None] or ["newValue"])
    applied = entry[key] is not None
    entry[key] = None
    return applied


def invent_value(rng: random.Random, witness: Json, _: Json) -> bool:
    entry = rng.choice(_suffix_diffs(witness))
    key = rng.choice([key for key in ("currentValue", "newValue") if entry[key] is None] or ["currentValue"])
    applied = entry[key] is None
    entry[key] = "0x" + rng.choice([bytes(32), rng.randbytes(32)]).hex()
    return applied


def change_suffix(rng: random.Random, witness: Json, _: Json) -> bool:
    entry = rng.choice(_suffix_diffs(witness))
    entry["suffix"] = rng.choice([int(entry["suffix"]) ^ 1 << rng.randrange(8), 256, -1, 2**70])
    return True


def change_extension(rng: random.Random, witness: Json, _: Json) -> bool:
    proof = witness["verkleProof"]
    data = bytearray.fromhex(proof["depthExtensionPresent"][2:])
    index = rng.randrange(len(data))
    depth, status = data[index] >> 3, data[index] & 7
    changes = [(depth + 1) % 32, (depth - 1) % 32, 0, 31]
    data[index] = rng.choice([*(new << 3 | status for new in changes), *(depth << 3 | new for new in range(8))])
    proof["depthExtensionPresent"], before = "0x" + data.hex(), proof["depthExtensionPresent"]
    return bool(before != proof["depthExtensionPresent"])


def resize_extensions(rng: random.Random, witness: Json, _: Json) -> bool:
    proof = witness["verkleProof"]
    text = proof["depthExtensionPresent"]
    proof["depthExtensionPresent"] = rng.choice([text + "0a", text[:-2], "0x", text[:2] + text[4:], text + text[2:]])
    return bool(proof["depthExtensionPresent"] != text)


def flip_point(rng: random.Random, witness: Json, _: Json) -> bool:
    holder, key = rng.choice(_points(witness))
    holder[key] = _flip_hex(rng, holder[key])
    return True


def replace_point(rng: random.Random, witness: Json, other: Json) -> bool:
    """Another valid point: of this witness, of another one, or the identity."""
    holder, key = rng.choice(_points(witness))
    source = rng.choice([*_points(witness), *_points(other)])
    new = rng.choice([source[0][source[1]], "0x" + bytes(32).hex()])
    applied = holder[key] != new
    holder[key] = new
    return bool(applied)


def point_that_is_not_canonical(rng: random.Random, witness: Json, _: Json) -> bool:
    """x + p where it still fits 32 bytes, p itself, -x (the other representative), outside the group, wrong sizes."""
    holder, key = rng.choice(_points(witness))
    x = int(holder[key], 16)
    choices = [FP.modulus, 2**256 - 1, FP.modulus - x if x else FP.modulus]
    if x + FP.modulus < 2**256:
        choices.append(x + FP.modulus)
    texts = [f"0x{choice:064x}" for choice in choices]
    holder[key] = rng.choice([*texts, OFF_SUBGROUP, holder[key][:-2], holder[key] + "00", "0x", holder[key][2:]])
    return True


def scalar_that_is_not_canonical(rng: random.Random, witness: Json, _: Json) -> bool:
    proof = witness["verkleProof"]["ipaProof"]
    a = int(proof["finalEvaluation"], 16)
    little = bytes.fromhex(proof["finalEvaluation"][2:])[::-1].hex()
    plus = a + FR.modulus
    proof["finalEvaluation"] = rng.choice([f"0x{plus:064x}", f"0x{FR.modulus:064x}", "0x" + "ff" * 32, "0x" + little])
    return True


def flip_scalar(rng: random.Random, witness: Json, _: Json) -> bool:
    proof = witness["verkleProof"]["ipaProof"]
    proof["finalEvaluation"] = _flip_hex(rng, proof["finalEvaluation"])
    return True


def remove_item(rng: random.Random, witness: Json, _: Json) -> bool:
    items = rng.choice([items for items in _lists(witness) if items])
    del items[rng.randrange(len(items))]
    return True


def duplicate_item(rng: random.Random, witness: Json, _: Json) -> bool:
    items = rng.choice([items for items in _lists(witness) if items])
    index = rng.randrange(len(items))
    items.insert(index, copy.deepcopy(items[index]))
    return True


def reorder_items(rng: random.Random, witness: Json, _: Json) -> bool:
    longer = [items for items in _lists(witness) if len(items) > 1]
    if not longer:
        return False
    items = rng.choice(longer)
    left, right = rng.sample(range(len(items)), 2)
    items[left], items[right] = items[right], items[left]
    return bool(items[left] != items[right])


def swap_field(rng: random.Random, witness: Json, other: Json) -> bool:
    """A whole field from another block's witness."""
    mine, theirs = rng.choice(
        [
            (witness, other),
            (witness["verkleProof"], other["verkleProof"]),
            (witness["verkleProof"]["ipaProof"], other["verkleProof"]["ipaProof"]),
        ]
    )
    key = rng.choice(sorted(mine))
    applied = mine[key] != theirs[key]
    mine[key] = copy.deepcopy(theirs[key])
    return bool(applied)


def extra_stem(rng: random.Random, witness: Json, other: Json) -> bool:
    """One more queried stem, with or without an extension byte for it."""
    stems = {diff["stem"] for diff in witness["stateDiff"]}
    extra = copy.deepcopy(rng.choice(other["stateDiff"]))
    if rng.random() < 0.5:
        extra["stem"] = "0x" + rng.randbytes(31).hex()
    if extra["stem"] in stems:
        return False
    witness["stateDiff"] = sorted([*witness["stateDiff"], extra], key=lambda diff: diff["stem"])
    if rng.random() < 0.8:
        index = witness["stateDiff"].index(extra)
        text = witness["verkleProof"]["depthExtensionPresent"]
        extension = rng.choice([1, 2, 3]) << 3 | rng.choice([0, 1, 2])
        witness["verkleProof"]["depthExtensionPresent"] = (
            f"{text[: 2 + 2 * index]}{extension:02x}{text[2 + 2 * index :]}"
        )
    return True


def extra_suffix(rng: random.Random, witness: Json, _: Json) -> bool:
    diff = rng.choice(witness["stateDiff"])
    taken = {int(entry["suffix"]) for entry in diff["suffixDiffs"]}
    suffix = rng.randrange(256)
    if suffix in taken:
        return False
    new = rng.choice([None, "0x" + rng.randbytes(32).hex()])
    entry = {"suffix": suffix, "currentValue": None, "newValue": new}
    diff["suffixDiffs"] = sorted([*diff["suffixDiffs"], entry], key=lambda item: int(item["suffix"]))
    return True


def extra_commitment(rng: random.Random, witness: Json, _: Json) -> bool:
    commitments = witness["verkleProof"]["commitmentsByPath"]
    point = rng.choice([*commitments, witness["verkleProof"]["d"], "0x" + bytes(32).hex()])
    commitments.insert(rng.randrange(len(commitments) + 1), point)
    return True


def extra_other_stem(rng: random.Random, witness: Json, other: Json) -> bool:
    proof = witness["verkleProof"]
    known = [diff["stem"] for diff in witness["stateDiff"] + other["stateDiff"]]
    stem = rng.choice([*known, "0x" + rng.randbytes(31).hex()])
    proof["otherStems"] = sorted({*proof["otherStems"], stem})
    return True


def change_marker(rng: random.Random, witness: Json, _: Json) -> bool:
    """A marker more, or another value for one: false, 1 (a stem node's), or not canonical."""
    proof = witness["verkleProof"]
    markers = proof.setdefault("internalNodeMarkers", [])
    before = list(markers)
    choices = ["0x" + value.to_bytes(32, "little").hex() for value in (0, 1, rng.randrange(FR.modulus), FR.modulus)]
    if markers and rng.random() < 0.8:
        markers[rng.randrange(len(markers))] = rng.choice(choices)
    else:
        markers.append(rng.choice(choices))
    return bool(markers != before)


def huge_list(rng: random.Random, witness: Json, _: Json) -> bool:
    """A list some 100,000 times as long."""
    items = rng.choice([items for items in _lists(witness) if items])
    items.extend(items[:1] * 100_000)
    return True


def wrong_type(rng: random.Random, witness: Json, _: Json) -> bool:
    holder = rng.choice(
        [witness, witness["verkleProof"], witness["verkleProof"]["ipaProof"], *_suffix_diffs(witness)[:3]]
    )
    junk: list[Any] = [None, True, 1, -1, 1.5, "", "0x", "0xzz", [], {}, [None], "💥", "0x" + "00" * 33]
    key = rng.choice(sorted(holder))
    value = rng.choice(junk)
    applied = holder[key] != value
    holder[key] = value
    return bool(applied)


def key_games(rng: random.Random, witness: Json, _: Json) -> bool:
    """A key missing, one that nobody knows, or a parent state root that is not the trusted one."""
    holder = rng.choice([witness, witness["verkleProof"], witness["verkleProof"]["ipaProof"], witness["stateDiff"][0]])
    game = rng.randrange(3)
    if game == 0:
        del holder[rng.choice(sorted(holder))]
    elif game == 1:
        holder["comment"] = "0x00"
    else:
        witness["parentStateRoot"] = "0x" + rng.randbytes(32).hex()
    return True


MUTATIONS: tuple[Mutation, ...] = (
    flip_stem, flip_current_value, flip_new_value, drop_value, invent_value, change_suffix, change_extension,
    resize_extensions, flip_point, replace_point, point_that_is_not_canonical, scalar_that_is_not_canonical,
    flip_scalar, remove_item, duplicate_item, reorder_items, swap_field, extra_stem, extra_suffix, extra_commitment,
    extra_other_stem, change_marker, huge_list, wrong_type, key_games,
)  # fmt: skip
"""All kinds of change; a run takes them in turn."""


def mutate(mutation: Mutation, rng: random.Random, witness: Json, other: Json) -> Json | None:
    """A changed copy, or None where the mutation does not apply to this witness."""
    changed = copy.deepcopy(witness)
    return changed if mutation(rng, changed, other) else None
