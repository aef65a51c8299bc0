"""Fees that a block inherits from its parent: base fee, excess blob gas, blob base fee.

Amounts in wei per gas.

Source: EIP-1559, "Specification"; EIP-4844, "Gas accounting"; EIP-7918.
"""

from spec.forks import BlobSchedule
from spec.gas import (
    BASE_FEE_CHANGE_DENOMINATOR,
    BLOB_BASE_COST,
    ELASTICITY_MULTIPLIER,
    GAS_PER_BLOB,
    MIN_BASE_FEE_PER_BLOB_GAS,
)


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
    """Wei per blob gas: about MIN_BASE_FEE_PER_BLOB_GAS * e^(excess / base_fee_update_fraction), in integers."""
    fraction = blobs.base_fee_update_fraction
    term, total, index = MIN_BASE_FEE_PER_BLOB_GAS * fraction, 0, 1
    while term > 0:
        total += term
        term = term * excess // (fraction * index)
        index += 1
    return total // fraction
