"""A dump comes back as the same database, and what is no dump as none."""

import gzip
import hashlib
import io
import random
import zlib
from pathlib import Path
from typing import Any

import pytest

from builder.chain import Chain
from builder.database import TABLES, Database
from builder.dump import MAGIC, Dumped, export, import_
from builder.maintenance import check
from spec.errors import DecodeError
from spec.types import Hash32
from tests.builder.chains import TOY, contents, grow, new_chain, open_chain
from tests.builder.checking import no_child as no_child
from verkle.engine import Engine

SEED = 31


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Dumped]:
    """A chain of some blocks, and its dump."""
    directory = tmp_path_factory.mktemp("dump") / "db"
    chain = new_chain(directory, 7, others=40)
    grow(chain, random.Random(SEED), 12)
    file = io.BytesIO()
    dumped = export(chain.database, file)
    chain.close()
    return directory, file.getvalue(), dumped


def test_there_and_back(exported: tuple[Path, bytes, Dumped], tmp_path: Path) -> None:
    """Every table is the same; so is the dump of the copy, and both chains go on alike."""
    directory, data, dumped = exported
    told: list[str] = []
    copied = import_(tmp_path / "db", io.BytesIO(data), TOY, on_progress=lambda stage, _done, _of: told.append(stage))
    assert copied == dumped
    assert set(told) == {f"records of {table.decode()}" for table in TABLES if table not in (b"stems", b"nodes")}
    with Database(directory, write=False) as first:
        wanted = contents(first)
    with Database(tmp_path / "db", write=False) as second:
        assert contents(second) == wanted
        again = io.BytesIO()
        assert export(second, again) == dumped
        assert again.getvalue() == data
    assert check(tmp_path / "db", TOY).sound
    chain = open_chain(tmp_path / "db")
    assert chain.rewind(ancestor(chain, 7)) == 7
    grow(chain, random.Random(1), 2)
    chain.close()
    assert check(tmp_path / "db", TOY).sound


def ancestor(chain: Chain[Any], back: int) -> Hash32:
    with chain.database.reader() as reader:
        found = chain.hash_at(reader, chain.head(reader).number - back)
    assert found is not None
    return found


def test_another_history(exported: tuple[Path, bytes, Dumped], tmp_path: Path) -> None:
    """The dump tells the records, not how they came there: a copy that went back and on again has the same."""
    _, data, dumped = exported
    import_(tmp_path / "db", io.BytesIO(data), TOY)
    chain = open_chain(tmp_path / "db")
    with chain.database.reader() as reader:
        requests = [chain.block(reader, ancestor(chain, back)) for back in (2, 1, 0)]
    chain.rewind(ancestor(chain, 3))
    for request in requests:
        chain.import_block(request, proves=False)
    assert export(chain.database, io.BytesIO()) == dumped
    chain.close()


def test_over_the_real_group(tmp_path: Path, engine: Engine[int]) -> None:
    chain = new_chain(tmp_path / "db", engine=engine)
    file = io.BytesIO()
    dumped = export(chain.database, file)
    wanted = contents(chain.database)
    chain.close()
    file.seek(0)
    assert import_(tmp_path / "copy", file, engine) == dumped
    with Database(tmp_path / "copy", write=False) as database:
        assert contents(database) == wanted


def refused(directory: Path, data: bytes) -> str:
    """The line that says why there is no database now."""
    with pytest.raises(DecodeError) as why:
        import_(directory, io.BytesIO(data), TOY)
    assert [path.name for path in directory.iterdir()] == ["writer.lock"]
    assert "\n" not in str(why.value)
    return str(why.value)


def test_what_is_no_dump(exported: tuple[Path, bytes, Dumped], tmp_path: Path) -> None:
    """Cut off, changed, out of order, longer: refused, and nothing is left behind."""
    directory, data, _ = exported
    plain = gzip.decompress(data)
    rng = random.Random(SEED)
    for cut in [0, 1, 10, 11, len(data) // 2, len(data) - 9, len(data) - 1]:
        assert "cut off" in refused(tmp_path / "db", data[:cut])
    for _ in range(40):
        place = rng.randrange(10, len(data) - 8)
        changed = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        if decompressed(changed) != plain:  # the last byte of a deflate stream has bits that mean nothing
            refused(tmp_path / "db", changed)
    for _ in range(60):
        place = rng.randrange(len(plain))
        changed = plain[:place] + bytes([plain[place] ^ 1 << rng.randrange(8)]) + plain[place + 1 :]
        refused(tmp_path / "db", gzip.compress(changed))
        refused(tmp_path / "db", gzip.compress(resigned(changed)[:-1]))
    assert "is no dump" in refused(tmp_path / "db", gzip.compress(b"something else altogether, and long enough"))
    assert "schema 2" in refused(tmp_path / "db", gzip.compress(plain.replace(MAGIC + b"\x011", MAGIC + b"\x012", 1)))
    assert "follows the end" in refused(tmp_path / "db", gzip.compress(plain + b"\0"))
    assert "follows the end" in refused(tmp_path / "db", data + gzip.compress(b"more"))
    with pytest.raises(DecodeError, match="there is a database already"):
        import_(directory, io.BytesIO(data), TOY)


def decompressed(data: bytes) -> bytes | None:
    """None where gzip itself refuses."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def resigned(plain: bytes) -> bytes:
    """With the digest of what is there now."""
    return plain[:-32] + hashlib.sha256(plain[:-32]).digest()


@pytest.mark.usefixtures("no_child")
def test_a_false_dump(exported: tuple[Path, bytes, Dumped], tmp_path: Path) -> None:
    """One byte changed by somebody who also makes the digest: refused, or found by a check, unless nothing follows."""
    _, data, _ = exported
    plain = gzip.decompress(data)
    rng = random.Random(SEED)
    outcomes = {"refused": 0, "found": 0, "taken": 0}
    for number in range(60):
        place = rng.randrange(len(MAGIC) + 2, len(plain) - 33)
        changed = resigned(plain[:place] + bytes([plain[place] ^ 1 << rng.randrange(8)]) + plain[place + 1 :])
        directory = tmp_path / str(number)
        try:
            import_(directory, io.BytesIO(gzip.compress(changed)), TOY)
        except DecodeError:
            outcomes["refused"] += 1
            continue
        outcomes["taken" if check(directory, TOY).sound else "found"] += 1
    print(outcomes)
    assert outcomes["refused"] > 10
