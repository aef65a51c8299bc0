"""System contracts: whom the protocol calls, and the code that stands there.

The code is the same in every network and can never change, so where state is a Verkle tree it is a constant of the
protocol: no witness has to show the code or the account of a contract that the protocol itself calls.

Each address belongs to one code: it is that of the contract which a transaction with a made-up signature deploys, and
whoever changes the code changes the sender that the signature leads to. A test walks that way for all four.

Source: EIP-2935, EIP-4788, EIP-7002 and EIP-7251, "Deployment"; EIP-4762, "System contracts".
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from spec.forks import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUESTS_ADDRESS,
    HISTORY_ADDRESS,
    WITHDRAWAL_REQUESTS_ADDRESS,
    Execution,
)
from spec.types import Address

SYSTEM_ADDRESS: Final = Address(bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe"))
"""Who calls, where the protocol calls. Source: EIP-4788, "Specification"."""
SYSTEM_CALL_GAS: Final = 30_000_000
"""Gas of a call by the protocol; none of it counts against the block. Source: EIP-4788, "Block processing"."""
BEACON_ROOTS_WINDOW: Final = 8191
"""Slots of times, and after them as many of roots. Source: EIP-4788, HISTORY_BUFFER_LENGTH."""

HISTORY_CODE: Final = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff814303"
    "11604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)
"""Keeps the hashes of earlier blocks. Source: EIP-2935, "Deployment"."""
BEACON_ROOTS_CODE: Final = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff8106"
    "90815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
)
"""Keeps roots of beacon blocks by time. Source: EIP-4788, "Deployment"."""
WITHDRAWAL_REQUESTS_CODE: Final = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe1460cb5760115f54807fffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffff146101f457600182026001905f5b5f821115606857810190830284830290049160010191"
    "90604d565b909390049250505036603814608857366101f457346101f4575f5260205ff35b34106101f45760015460010160"
    "0155600354806003026004013381556001015f35815560010160203590553360601b5f5260385f601437604c5fa060010160"
    "0355005b6003546002548082038060101160df575060105b5f5b8181146101835782810160030260040181604c0281546060"
    "1b8152601401816001015481526020019060020154807fffffffffffffffffffffffffffffffff0000000000000000000000"
    "0000000000168252906010019060401c908160381c81600701538160301c81600601538160281c81600501538160201c8160"
    "0401538160181c81600301538160101c81600201538160081c81600101535360010160e1565b910180921461019557906002"
    "556101a0565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffff14156101cd57505f5b6001546002828201116101e25750505f6101e8565b01600290035b5f555f600155604c025ff3"
    "5b5f5ffd"
)
"""Queues withdrawal requests. Source: EIP-7002, "Deployment"."""
CONSOLIDATION_REQUESTS_CODE: Final = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe1460d35760115f54807fffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffff1461019a57600182026001905f5b5f821115606857810190830284830290049160010191"
    "90604d565b9093900492505050366060146088573661019a573461019a575f5260205ff35b341061019a5760015460010160"
    "0155600354806004026004013381556001015f358155600101602035815560010160403590553360601b5f5260605f601437"
    "60745fa0600101600355005b6003546002548082038060021160e7575060025b5f5b81811461012957828101600402600401"
    "81607402815460601b815260140181600101548152602001816002015481526020019060030154905260010160e9565b9101"
    "80921461013b5790600255610146565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffff141561017357505f5b6001546001828201116101885750505f61018e565b01600190035b5f"
    "555f6001556074025ff35b5f5ffd"
)
"""Queues consolidation requests. Source: EIP-7251, "Deployment"."""

SYSTEM_CODES: Final[Mapping[Address, bytes]] = MappingProxyType(
    {
        HISTORY_ADDRESS: HISTORY_CODE,
        BEACON_ROOTS_ADDRESS: BEACON_ROOTS_CODE,
        WITHDRAWAL_REQUESTS_ADDRESS: WITHDRAWAL_REQUESTS_CODE,
        CONSOLIDATION_REQUESTS_ADDRESS: CONSOLIDATION_REQUESTS_CODE,
    }
)
"""Runtime code by address."""


def known_codes(rules: Execution) -> Mapping[Address, bytes]:
    """The code of the contracts that a network's protocol calls; the devnets' history account has none."""
    return {address: SYSTEM_CODES[address] for address in rules.system.called() if address in SYSTEM_CODES}


DEPOSIT_REQUEST: Final = 0
"""Source: EIP-6110, DEPOSIT_REQUEST_TYPE."""
WITHDRAWAL_REQUEST: Final = 1
"""Source: EIP-7002, WITHDRAWAL_REQUEST_TYPE."""
CONSOLIDATION_REQUEST: Final = 2
"""Source: EIP-7251, CONSOLIDATION_REQUEST_TYPE."""

DEPOSIT_EVENT: Final = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
"""First topic of a deposit's log: keccak256("DepositEvent(bytes,bytes,bytes,bytes,bytes)"). Source: EIP-6110."""
DEPOSIT_FIELDS: Final = (("pubkey", 48), ("withdrawal_credentials", 32), ("amount", 8), ("signature", 96), ("index", 8))
"""Name and bytes of a deposit's fields, in the order of the log and of the request. Source: EIP-6110."""
