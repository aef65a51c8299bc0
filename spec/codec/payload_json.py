"""Execution payloads as JSON: the Engine API's form out, and the beacon API's or a mixture in.

The Engine API writes camelCase names and 0x quantities, the beacon API snake_case names and decimal strings; devnet
archives hold snake_case payloads with camelCase witnesses. Each name and each integer is read in either form. A
payload may stand in a wrapper, `{"execution_payload": {...}}` or `{"executionPayload": {...}}`, whose other members
are ignored.

Unknown members of a payload are ignored: later forks add some, and the block hash and the payload's SSZ root commit to
the known ones. The witness, which the block hash does not commit to, is read strictly (`spec.codec.witness_json`).

Addresses are read in any letter case; EIP-55 checksums are not verified.
Source: execution-apis, `ExecutionPayloadV1..V3`; beacon-APIs; consensus-specs, EIP-6800 feature.
"""

from typing import Final

from spec.codec.limits import (
    MAX_BYTES_PER_TRANSACTION,
    MAX_EXTRA_DATA_BYTES,
    MAX_TRANSACTIONS_PER_PAYLOAD,
    MAX_WITHDRAWALS_PER_PAYLOAD,
)
from spec.codec.text import (
    bytes_up_to,
    each,
    fixed,
    integer,
    member,
    optional_member,
    record,
    spellings,
    to_hex,
    to_quantity,
)
from spec.codec.witness_json import decode_witness, encode_witness
from spec.containers import ExecutionPayload, Withdrawal
from spec.errors import DecodeError
from spec.types import Address, Bloom, Bytes32, Hash32, StateRoot, Uint64, Uint256

_WRAPPER_NAMES: Final = spellings("execution_payload")
_PAYLOAD_NAMES: Final = spellings(*ExecutionPayload.__slots__)
_WITHDRAWAL_NAMES: Final = spellings(*Withdrawal.__slots__)

_read_hash: Final = fixed(Hash32)
_read_uint64: Final = integer(Uint64)
_read_address: Final = fixed(Address)


def decode_payload(value: object) -> ExecutionPayload:
    """A payload from a parsed JSON object, with or without its wrapper.

    Withdrawals, blob gas and the witness may be missing or null; of the two blob gas members both or none are there.
    Shapes: the bounds of `spec.codec.limits`, checked before the elements are read.
    Raises: DecodeError.
    """
    wrapper = record(value, _WRAPPER_NAMES, closed=False)
    if wrapper:
        return member(wrapper, "execution_payload", _read_payload)
    return _read_payload(value)


def encode_payload(payload: ExecutionPayload) -> dict[str, object]:
    """The Engine API's JSON object of a payload; members that the payload lacks are left out."""
    encoded: dict[str, object] = {
        "parentHash": to_hex(payload.parent_hash),
        "feeRecipient": to_hex(payload.fee_recipient),
        "stateRoot": to_hex(payload.state_root),
        "receiptsRoot": to_hex(payload.receipts_root),
        "logsBloom": to_hex(payload.logs_bloom),
        "prevRandao": to_hex(payload.prev_randao),
        "blockNumber": to_quantity(payload.block_number),
        "gasLimit": to_quantity(payload.gas_limit),
        "gasUsed": to_quantity(payload.gas_used),
        "timestamp": to_quantity(payload.timestamp),
        "extraData": to_hex(payload.extra_data),
        "baseFeePerGas": to_quantity(payload.base_fee_per_gas),
        "blockHash": to_hex(payload.block_hash),
        "transactions": [to_hex(transaction) for transaction in payload.transactions],
    }
    if payload.withdrawals is not None:
        encoded["withdrawals"] = [encode_withdrawal(withdrawal) for withdrawal in payload.withdrawals]
    if payload.blob_gas_used is not None:
        encoded["blobGasUsed"] = to_quantity(payload.blob_gas_used)
    if payload.excess_blob_gas is not None:
        encoded["excessBlobGas"] = to_quantity(payload.excess_blob_gas)
    if payload.execution_witness is not None:
        encoded["executionWitness"] = encode_witness(payload.execution_witness)
    return encoded


def decode_withdrawal(value: object) -> Withdrawal:
    """A withdrawal from a parsed JSON object, in either API's form."""
    members = record(value, _WITHDRAWAL_NAMES, closed=False)
    return Withdrawal(
        index=member(members, "index", _read_uint64),
        validator_index=member(members, "validator_index", _read_uint64),
        address=member(members, "address", _read_address),
        amount=member(members, "amount", _read_uint64),
    )


def encode_withdrawal(withdrawal: Withdrawal) -> dict[str, object]:
    """The Engine API's JSON object of a withdrawal."""
    return {
        "index": to_quantity(withdrawal.index),
        "validatorIndex": to_quantity(withdrawal.validator_index),
        "address": to_hex(withdrawal.address),
        "amount": to_quantity(withdrawal.amount),
    }


_read_transactions: Final = each(bytes_up_to(MAX_BYTES_PER_TRANSACTION), MAX_TRANSACTIONS_PER_PAYLOAD, "transactions")
_read_withdrawals: Final = each(decode_withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD, "withdrawals")


def _read_payload(value: object) -> ExecutionPayload:
    members = record(value, _PAYLOAD_NAMES, closed=False)
    payload = ExecutionPayload(
        parent_hash=member(members, "parent_hash", _read_hash),
        fee_recipient=member(members, "fee_recipient", _read_address),
        state_root=member(members, "state_root", fixed(StateRoot)),
        receipts_root=member(members, "receipts_root", _read_hash),
        logs_bloom=member(members, "logs_bloom", fixed(Bloom)),
        prev_randao=member(members, "prev_randao", fixed(Bytes32)),
        block_number=member(members, "block_number", _read_uint64),
        gas_limit=member(members, "gas_limit", _read_uint64),
        gas_used=member(members, "gas_used", _read_uint64),
        timestamp=member(members, "timestamp", _read_uint64),
        extra_data=member(members, "extra_data", bytes_up_to(MAX_EXTRA_DATA_BYTES)),
        base_fee_per_gas=member(members, "base_fee_per_gas", integer(Uint256)),
        block_hash=member(members, "block_hash", _read_hash),
        transactions=member(members, "transactions", _read_transactions),
        withdrawals=optional_member(members, "withdrawals", _read_withdrawals),
        blob_gas_used=optional_member(members, "blob_gas_used", _read_uint64),
        excess_blob_gas=optional_member(members, "excess_blob_gas", _read_uint64),
        execution_witness=optional_member(members, "execution_witness", decode_witness),
    )
    if (payload.blob_gas_used is None) != (payload.excess_blob_gas is None):
        raise DecodeError("blob_gas_used and excess_blob_gas come together")
    return payload
