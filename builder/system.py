"""Whether a genesis holds the contracts that the protocol calls.

Source: EIP-2935, EIP-4788, EIP-7002, EIP-7251; EIP-4762, "System contracts".
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from spec.containers import Genesis
from spec.errors import DecodeError
from spec.forks import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUESTS_ADDRESS,
    HISTORY_ADDRESS,
    WITHDRAWAL_REQUESTS_ADDRESS,
)
from spec.params import Profile
from spec.system_contracts import known_codes
from spec.types import Address

NAMES: Final[Mapping[Address, str]] = MappingProxyType(
    {
        HISTORY_ADDRESS: "block hashes, EIP-2935",
        BEACON_ROOTS_ADDRESS: "beacon roots, EIP-4788",
        WITHDRAWAL_REQUESTS_ADDRESS: "withdrawal requests, EIP-7002",
        CONSOLIDATION_REQUESTS_ADDRESS: "consolidation requests, EIP-7251",
    }
)


def lacking(genesis: Genesis, profile: Profile) -> list[Address]:
    """The protocol's contracts that are not in a genesis; none where blocks are not executed, or call none.

    Raises: DecodeError where other code stands at the address of one.
    """
    codes = {} if profile.execution is None else known_codes(profile.execution)
    missing = []
    for address, code in codes.items():
        account = genesis.alloc.get(address)
        if account is None or not account.code:
            missing.append(address)
        elif account.code != code:
            raise DecodeError(f"other code than the protocol's ({NAMES[address]})", f"alloc[0x{address.hex()}]")
    return missing


def named(addresses: Sequence[Address]) -> str:
    """Contracts of the protocol, in words."""
    return ", ".join(f"0x{address.hex()} ({NAMES[address]})" for address in addresses)
