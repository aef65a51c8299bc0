"""The table of each fork, and laws of all contracts: a price for any claim, no failure but ExceptionalHalt."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.errors import ExceptionalHalt
from spec.forks import Fork
from spec.types import Address
from stateless.evm.precompiles import precompiles
from tests.stateless.evm.precompiles.contracts import contract, word

AFFORDABLE = 500_000
"""Gas up to which a law runs a contract."""


def addresses(*numbers: int) -> set[Address]:
    return {Address(number.to_bytes(20, "big")) for number in numbers}


@pytest.mark.parametrize("fork", Fork)
def test_contracts_of_a_fork(fork: Fork) -> None:
    expected = addresses(*range(0x01, 0x0A))
    if fork >= Fork.CANCUN:
        expected |= addresses(0x0A)
    if fork >= Fork.PRAGUE:
        expected |= addresses(*range(0x0B, 0x12))
    if fork >= Fork.OSAKA:
        expected |= addresses(0x100)
    table = precompiles(fork)
    assert set(table) == expected
    assert precompiles(fork) is table
    assert len({precompile.name for precompile in table.values()}) == len(table)


def test_tables_are_immutable() -> None:
    table = precompiles(Fork.OSAKA)
    with pytest.raises(TypeError):
        table[Address(bytes(20))] = next(iter(table.values()))  # type: ignore[index]


def test_only_modexp_changes_with_osaka() -> None:
    before, after = precompiles(Fork.PRAGUE), precompiles(Fork.OSAKA)
    assert [before[address].name for address in before if before[address] != after[address]] == ["MODEXP"]


@pytest.mark.parametrize("number", [*range(0x01, 0x12), 0x100], ids=hex)
@pytest.mark.parametrize("fork", [Fork.PRAGUE, Fork.OSAKA])
@given(data=st.binary(max_size=800), size=st.sampled_from([0, 64, 128, 160, 192, 213, 256, 288, 384, 512, None]))
def test_any_input_has_a_price_and_an_output_or_a_halt(fork: Fork, number: int, data: bytes, size: int | None) -> None:
    if fork < Fork.OSAKA and number == 0x100:
        return
    precompile = contract(number, fork)
    if size is not None:
        data = data[:size].ljust(size, b"\0")
    price = precompile.gas(data)
    assert price >= 0
    if price > AFFORDABLE:
        return
    try:
        output = precompile.run(data)
    except ExceptionalHalt:
        with pytest.raises(ExceptionalHalt):
            precompile.run(data)
    else:
        assert isinstance(output, bytes)
        assert precompile.run(data) == output


@pytest.mark.parametrize("number", [*range(0x01, 0x12), 0x100], ids=hex)
def test_prices_of_what_an_input_only_claims(number: int) -> None:
    """Any mixture of greatest and least lengths is priced at once."""
    rng = random.Random(number)
    inputs = [b"\xff" * size for size in (4, 31, 32, 64, 95, 96, 97, 128, 213, 5000)]
    lengths = [0, 1, 32, 1024, 1025, 2**63, 2**64, 2**255, 2**256 - 97, 2**256 - 1]
    inputs += [b"".join(word(rng.choice(lengths)) for _ in range(3)) + rng.randbytes(40) for _ in range(200)]
    began = time.perf_counter()
    for data in inputs:
        for fork in (Fork.PRAGUE, Fork.OSAKA):
            if number != 0x100 or fork == Fork.OSAKA:
                assert contract(number, fork).gas(data) >= 0
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("number", [0x01, 0x05, 0x06, 0x07], ids=hex)
@pytest.mark.parametrize("seed", range(8))
def test_zeros_follow_the_input(number: int, seed: int) -> None:
    rng = random.Random(seed)
    generator = word(1) + word(2)
    data = {
        0x01: rng.randbytes(32) + word(27) + rng.randbytes(64),
        0x05: word(3) + word(2) + word(4) + rng.randbytes(9),
        0x06: generator + generator[: rng.choice([0, 64])],
        0x07: generator + rng.randbytes(rng.randrange(33)),
    }[number]
    precompile = contract(number)
    assert precompile.run(data) == precompile.run(data + bytes(rng.randrange(1, 100)))
    assert precompile.gas(data) == precompile.gas(data + bytes(rng.randrange(1, 100)))
