"""What `verkle t8n` writes, as JSON: names and forms of go-ethereum's `evm t8n`.

Members that a network does not have are left out. `blockException` is EELS's: why the block is invalid whatever its
transactions are. Hash and number of a block that is not sealed yet are go-ethereum's placeholders.

Source: go-ethereum, `cmd/evm/internal/t8ntool/execution.go` and `core/types/gen_receipt_json.go`; its branch
`kaustinen-with-shapella` for Verkle.
"""

from collections.abc import Mapping
from typing import Final

from builder.transition_tool import Executed, Transition
from spec.codec import rlp
from spec.codec.text import to_hex, to_quantity
from spec.codec.transition_json import encode_accounts, encode_leaves
from spec.codec.witness_json import encode_witness
from spec.types import Address
from stateless.state import Log

BLOCK_HASH: Final = "0x1337" + 60 * "0"
"""What receipts and logs say of a block whose hash is not known yet."""
NO_ADDRESS: Final = to_hex(Address(bytes(20)))


def members(done: Transition) -> Mapping[str, object]:
    """The outputs by name."""
    outputs: dict[str, object] = {
        "alloc": encode_accounts(done.accounts),
        "result": _result(done),
        "body": to_hex(rlp.encode_body(one.encoded for one in done.executed)),
    }
    if done.tree is not None:
        outputs["vkt"] = encode_leaves(done.tree.leaves)
        if done.tree.witness is not None:
            witness = encode_witness(done.tree.witness)
            outputs["witness"] = {**witness, "parentStateRoot": to_hex(done.tree.parent_root)}
    return outputs


def _result(done: Transition) -> dict[str, object]:
    difficulty = done.block.difficulty
    result: dict[str, object] = {
        "stateRoot": to_hex(done.state_root),
        "txRoot": to_hex(done.transactions_root),
        "receiptsRoot": to_hex(done.receipts_root),
        "logsHash": to_hex(done.logs_hash),
        "logsBloom": to_hex(done.logs_bloom),
        "receipts": _receipts(done),
        "rejected": [{"index": index, "error": error} for index, error in done.rejected.items()],
        "currentDifficulty": to_quantity(difficulty) if difficulty else None,
        "gasUsed": to_quantity(done.gas_used),
        "currentBaseFee": to_quantity(done.block.base_fee),
    }
    if done.withdrawals_root is not None:
        result["withdrawalsRoot"] = to_hex(done.withdrawals_root)
    if done.excess_blob_gas is not None:
        result["currentExcessBlobGas"] = to_quantity(done.excess_blob_gas)
        result["blobGasUsed"] = to_quantity(done.blob_gas_used)
    if done.requests is not None and done.requests_hash is not None:
        result["requestsHash"] = to_hex(done.requests_hash)
        result["requests"] = [to_hex(request) for request in done.requests]
    if done.block_exception is not None:
        result["blockException"] = done.block_exception
    if done.tree is not None:
        result["parentStateRoot"] = to_hex(done.tree.parent_root)
        result["currentConversionEnded"] = True
        if done.tree.witness is not None:
            witness = encode_witness(done.tree.witness)
            result |= {"verkleProof": witness["verkleProof"], "stateDiff": witness["stateDiff"]}
    return result


def _receipts(done: Transition) -> list[dict[str, object]]:
    receipts = []
    logs_before = 0
    for index, one in enumerate(done.executed):
        receipts.append(_receipt(done, one, index, logs_before))
        logs_before += len(one.receipt.logs)
    return receipts


def _receipt(done: Transition, one: Executed, index: int, logs_before: int) -> dict[str, object]:
    created = one.created
    receipt: dict[str, object] = {
        "type": to_quantity(one.transaction.type),
        "root": "0x",
        "status": to_quantity(int(one.receipt.success)),
        "cumulativeGasUsed": to_quantity(one.receipt.cumulative_gas_used),
        "logsBloom": to_hex(one.receipt.bloom),
        "logs": [_log(done, one, log, index, logs_before + place) for place, log in enumerate(one.receipt.logs)],
        "transactionHash": to_hex(one.hash),
        "contractAddress": NO_ADDRESS if created is None else to_hex(created),
        "gasUsed": to_quantity(one.applied.gas_used),
        "effectiveGasPrice": to_quantity(one.gas_price),
        "blockHash": BLOCK_HASH,
        "blockNumber": to_quantity(done.block.number),
        "transactionIndex": to_quantity(index),
    }
    if one.transaction.blob_versioned_hashes:
        receipt["blobGasUsed"] = to_quantity(one.blob_gas)
        receipt["blobGasPrice"] = to_quantity(done.block.blob_base_fee)
    return receipt


def _log(done: Transition, one: Executed, log: Log, index: int, place: int) -> dict[str, object]:
    return {
        "address": to_hex(log.address),
        "topics": [to_hex(topic) for topic in log.topics],
        "data": to_hex(log.data),
        "blockNumber": to_quantity(done.block.number),
        "transactionHash": to_hex(one.hash),
        "transactionIndex": to_quantity(index),
        "blockHash": BLOCK_HASH,
        "logIndex": to_quantity(place),
        "removed": False,
    }
