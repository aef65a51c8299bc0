"""Each system contract's address and code prove each other: see the deployments of EIPs 2935, 4788, 7002 and 7251."""

import pytest

from spec.codec import rlp
from spec.containers import Transaction
from spec.crypto import keccak256
from spec.forks import (
    BEACON_ROOTS_ADDRESS,
    CANCUN,
    CONSOLIDATION_REQUESTS_ADDRESS,
    HISTORY_ADDRESS,
    KAUSTINEN7_EXECUTION,
    OSAKA,
    VERKLE_EXECUTION,
    WITHDRAWAL_REQUESTS_ADDRESS,
)
from spec.system_contracts import DEPOSIT_EVENT, SYSTEM_CODES, known_codes
from spec.types import Address, Uint64, Uint256
from stateless.evm.calls import create_address

DEPLOYMENTS = [
    (
        HISTORY_ADDRESS,
        "60538060095f395ff3",
        "3462413Af4609098e1E27A490f554f260213D685",
        0xAA12693182426612186309F02CFE8A80A0000,
    ),
    (BEACON_ROOTS_ADDRESS, "60618060095f395ff3", "0B799C86a49DEeb90402691F1041aa3AF2d3C875", 0x1B9B6EB1F0),
    (
        WITHDRAWAL_REQUESTS_ADDRESS,
        "7f" + "ff" * 32 + "5f556101f880602d5f395ff3",
        "8646861A7cF453dDD086874d622b0696dE5b9674",
        0x5FEEB084551E4E03A3581E269BC2EA2F8D0008,
    ),
    (
        CONSOLIDATION_REQUESTS_ADDRESS,
        "7f" + "ff" * 32 + "5f5561019e80602d5f395ff3",
        "13d1913d623E6a9D8811736359E50fD31Fe54fCA",
        0xC0730F92DC275B663D377A7CBB141B6600052,
    ),
]
"""Address, what runs before the code at its deployment, sender, and s of the made-up signature (r is 0x539)."""


@pytest.mark.parametrize(("address", "prefix", "sender", "s"), DEPLOYMENTS)
def test_the_address_belongs_to_the_code(address: Address, prefix: str, sender: str, s: int) -> None:
    """The signature is over the code, so another code has another sender, and deploys elsewhere."""

    def deployed(code: bytes) -> tuple[Address, Address]:
        deployment = Transaction(
            type=rlp.LEGACY,
            chain_id=None,
            nonce=Uint64(0),
            gas_price=Uint256(10**12),
            max_priority_fee_per_gas=None,
            max_fee_per_gas=None,
            gas_limit=Uint64(250_000),
            to=None,
            value=Uint256(0),
            data=bytes.fromhex(prefix) + code,
            r=Uint256(0x539),
            s=Uint256(s),
        )
        signer = rlp.sender(deployment)
        return signer, create_address(signer, 0)

    code = SYSTEM_CODES[address]
    assert deployed(code) == (bytes.fromhex(sender), address)
    assert deployed(code[:-1] + b"\xfe")[1] != address


def test_every_code_is_proven() -> None:
    assert SYSTEM_CODES.keys() == {address for address, *_ in DEPLOYMENTS}


def test_which_codes_a_network_knows() -> None:
    """Those that it calls; the devnets' history account is no contract."""
    assert known_codes(VERKLE_EXECUTION) == SYSTEM_CODES == known_codes(OSAKA)
    assert list(known_codes(CANCUN)) == [BEACON_ROOTS_ADDRESS]
    assert known_codes(KAUSTINEN7_EXECUTION) == {}


def test_the_topic_of_a_deposit() -> None:
    assert keccak256(b"DepositEvent(bytes,bytes,bytes,bytes,bytes)") == DEPOSIT_EVENT
