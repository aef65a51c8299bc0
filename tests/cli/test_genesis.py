from tests.cli.conftest import Made, Run, rows


def test_root(run: Run, made: Made) -> None:
    result = run("genesis", "root", made.path("genesis.json"))
    assert (result.exit_code, result.stdout, result.stderr) == (0, made.root + "\n", "")


def test_json(run: Run, made: Made) -> None:
    (row,) = rows(run("genesis", "root", made.path("genesis.json"), "--json"))
    assert list(row) == ["state_root", "block_hash", "profile", "accounts", "leaves", "stems", "seconds"]
    assert row["state_root"] == made.root
    assert row["block_hash"] == "0x" + made.payloads[0].parent_hash.hex()
    assert row["accounts"] == 24 + 4  # and the system contracts


def test_the_profile_matters(run: Run, made: Made) -> None:
    other = run("genesis", "root", made.path("genesis.json"), "--profile", "kaustinen6")
    assert other.exit_code == 0
    assert other.stdout.strip() != made.root
