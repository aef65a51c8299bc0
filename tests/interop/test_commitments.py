"""The generators, and commitments to vectors of up to 256 scalars."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.interop import uncompressed
from tests.interop.cases import Case, UnknownCase, cases, check_each, documents, leaf, read, unhex
from verkle import crs, curve
from verkle.embedding import FIELD_CODE_HASH_LEAF_KEY
from verkle.engine import Engine, P
from verkle.field import FR, ByteOrder
from verkle.node import leaf_index, leaf_scalars

CRS = "crs/default_crs_256.json"


def test_generators(vectors: Path) -> None:
    """crs/default_crs_256.json: every generator, compressed and as x || y little-endian."""
    check_each(cases(vectors, CRS), _check_generator)


def _check_generator(case: Case) -> None:
    generator = crs.generators()[case["i"]]
    assert curve.encode([generator]) == [unhex(case["compressed"])]
    assert uncompressed.decode(unhex(case["uncompressed_rust"]), "little") == generator


def test_generators_as_a_whole(vectors: Path) -> None:
    """crs/default_crs_256.json, meta: seed, digest of all generators, and Q."""
    document = read(vectors, CRS)
    meta = document["meta"]
    encoded = curve.encode(crs.generators())
    assert meta["seed"].encode() == crs.SEED
    assert hashlib.sha256(b"".join(encoded)).digest() == unhex(meta["sha256_of_concatenated_compressed"]) == crs.DIGEST
    assert curve.encode([crs.Q]) == [unhex(meta["Q"])]
    assert sorted(case["i"] for case in document["cases"]) == list(range(len(encoded)))


def test_commitments(vectors: Path, engine: Engine[Any]) -> None:
    """pedersen/*.json but small_commitments.json: commitments to whole vectors, and their hashes.

    Scalars are reduced mod r, as the libraries behind these files do. Little-endian, big-endian (commit_root_java) or
    decimal, as the member's name says.
    """
    listed = []
    for document in documents(vectors, "pedersen/*.json"):
        if document.name == "small_commitments":
            continue
        members = document.members.get("cases", [document.members])
        assert members, f"no cases in {document.name}"
        listed += [Case(given, f"{document.name}[{index}]") for index, given in enumerate(members)]
    check_each(listed, lambda case: _check_vector(case, engine))


def _check_vector(case: Case, engine: Engine[Any]) -> None:
    if "meta" in case:
        assert case["meta"]
    (point,) = engine.commit([enumerate(_scalars(case))])
    _check_result(case, engine, point)


def _scalars(case: Case) -> list[int]:
    for name in ("scalars_le", "scalars_be", "scalars_dec", "scalars", "scalars_int"):
        if name in case:
            given = case[name]
            if name == "scalars_le":
                return _reduced(given, "little")
            if name == "scalars_be" or (isinstance(given[0], str) and given[0].startswith("0x")):
                return _reduced(given, "big")
            return [int(text) % FR.modulus for text in given]
    raise UnknownCase(f"no scalars among {sorted(case.members)}")


def _reduced(texts: Sequence[str], order: ByteOrder) -> list[int]:
    return [FR.from_bytes_mod_order(unhex(text), order) for text in texts]


def _check_result(case: Case, engine: Engine[P], point: P) -> None:
    """Whatever forms of the result the case gives; at least one."""
    checked = 0
    for name in ("compressed", "commitment", "commitment_compressed", "out"):
        if name in case:
            assert engine.encode([point]) == [unhex(case[name])]
            checked += 1
    if "hash_le" in case:
        assert FR.encode(engine.to_scalars([point])[0], "little") == unhex(case["hash_le"])
        checked += 1
    if "uncompressed_le" in case:
        assert curve.encode([uncompressed.decode(unhex(case["uncompressed_le"]), "little")]) == engine.encode([point])
        checked += 1
    assert checked, "the case gives no result"


def test_small_commitments(vectors: Path, engine: Engine[Any]) -> None:
    """pedersen/small_commitments.json: commit, scalar * G_i, updates of a commitment, a leaf's half."""
    check_each(cases(vectors, "pedersen/small_commitments.json"), lambda case: _check_small(case, engine))


def _check_small(case: Case, engine: Engine[Any]) -> None:
    op = case["op"]
    if op.startswith("commit"):
        (point,) = engine.commit([enumerate(_scalars(case))])
    elif op.startswith("scalar * G"):
        (scalar,) = _scalars(case)
        (point,) = engine.commit([[(case["index"], scalar)]])
        assert engine.encode([point]) == curve.encode([scalar * crs.generators()[case["index"]]])
    elif op.startswith("update"):
        _check_update(case, engine)
        return
    elif (match := re.match(r"C([12]) of a leaf", op)) is not None:
        suffix = _suffix(case)
        assert suffix // 128 == int(match[1]) - 1
        low, high = leaf_scalars(leaf(case["value"]))
        (point,) = engine.commit([[(leaf_index(suffix), low), (leaf_index(suffix) + 1, high)]])
    elif op.startswith(("hash", "serialize")):
        point = _uncompressed(engine, case["commitment_uncompressed_le"])
    else:
        raise UnknownCase(op)
    _check_result(case, engine, point)


def _suffix(case: Case) -> int:
    """Where the leaf stands.

    go-verkle's CodeHashVectorPosition is 3, the code hash's place in a leaf per field, and its cached point is the
    commitment for that suffix. The file says 1 of it, which is where the packed layout has the code hash.
    """
    suffix: int = case["suffix"]
    return FIELD_CODE_HASH_LEAF_KEY if "CodeHashVectorPosition" in case["op"] else suffix


def _check_update(case: Case, engine: Engine[Any]) -> None:
    """C' = C + sum of (new - old) G_i. "= another case" stands for the commitment to the old, or new, scalar alone."""
    if "indices" in case:
        indices = case["indices"]
        old, new = _reduced(case["old_scalars_le"], "little"), _reduced(case["new_scalars_le"], "little")
    else:
        indices = [case["index"]]
        old, new = _reduced([case["old_scalar_le"]], "little"), _reduced([case["new_scalar_le"]], "little")
    before, expected = (
        engine.commit([list(zip(indices, scalars, strict=True))])[0]
        if text.startswith("=")
        else _uncompressed(engine, text)
        for text, scalars in ((case["commitment_uncompressed_le"], old), (case["uncompressed_le"], new))
    )
    row = [(index, b - a) for index, a, b in zip(indices, old, new, strict=True)]
    assert engine.encode(engine.add([before], engine.commit([row]))) == engine.encode([expected])


def _uncompressed(engine: Engine[P], text: str) -> P:
    """A point of the engine from both coordinates."""
    return engine.decode(curve.encode([uncompressed.decode(unhex(text), "little")]))[0]
