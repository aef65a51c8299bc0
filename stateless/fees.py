"""Fees that a block inherits from its parent: base fee, excess blob gas, blob base fee.

Amounts in wei per gas.

Source: EIP-1559, "Specification"; EIP-4844, "Gas accounting"; EIP-7918.
"""

from typing import Final

from spec.errors import Reason, Rejection
from spec.forks import BlobSchedule
from spec.gas import (
    BASE_FEE_CHANGE_DENOMINATOR,
    BLOB_BASE_COST,
    ELASTICITY_MULTIPLIER,
    GAS_PER_BLOB,
    MIN_BASE_FEE_PER_BLOB_GAS,
)

MAX_EXCESS_FRACTIONS: Final = 177
"""e^177 < 2^256: no blob can be paid for where the excess is higher."""


def next_base_fee(gas_limit: int, gas_used: int, base_fee: int) -> int:
    """The base fee of the block after one with these figures: up to an eighth more or less."""
    target = gas_limit // ELASTICITY_MULTIPLIER
    if gas_used == target:
        return base_fee
    change = base_fee * abs(gas_used - target) // target // BASE_FEE_CHANGE_DENOMINATOR
    return base_fee + max(change, 1) if gas_used > target else base_fee - change


def next_excess_blob_gas(blobs: BlobSchedule, excess: int, blob_gas_used: int, base_fee: int) -> int:
    """The excess blob gas of the block after one with these figures."""
    target = blobs.target * GAS_PER_BLOB
    if excess + blob_gas_used < target:
        return 0
    if blobs.reserve_price and BLOB_BASE_COST * base_fee > GAS_PER_BLOB * blob_base_fee(blobs, excess):
        return excess + blob_gas_used * (blobs.maximum - blobs.target) // blobs.maximum
    return excess + blob_gas_used - target


def blob_base_fee(blobs: BlobSchedule, excess: int) -> int:
    """Wei per blob gas: about MIN_BASE_FEE_PER_BLOB_GAS * e^(excess / base_fee_update_fraction), in integers.

    Raises: Rejection where it would not fit 256 bits (the sum would have as many terms as the excess has fractions).
    """
    check_excess(blobs, excess)
    fraction = blobs.base_fee_update_fraction
    term, total, index = MIN_BASE_FEE_PER_BLOB_GAS * fraction, 0, 1
    while term > 0:
        total += term
        term = term * excess // (fraction * index)
        index += 1
    return total // fraction


def most_excess(blobs: BlobSchedule) -> int:
    """The highest excess blob gas whose blob base fee fits 256 bits: it grows by e with each update fraction."""
    return MAX_EXCESS_FRACTIONS * blobs.base_fee_update_fraction


def check_excess(blobs: BlobSchedule, excess: int) -> None:
    """Raises: Rejection where no blob could be paid for."""
    most = most_excess(blobs)
    if excess > most:
        raise Rejection(Reason.HEADER_FIELD, field="excess_blob_gas", excess_blob_gas=excess, most=most)
