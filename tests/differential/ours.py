"""A case executed by us, and the comparison of two results.

A result is a JSON object, the same as that of the peer `eels` (tests/bench/peers/README.md):

    {"txs": [{"error": ".."} or {"status": 1, "gasUsed": "0x..", "logs": [..]}], "post": {address: account}}
"""

from collections.abc import Mapping
from typing import Any, Final

from spec.codec import rlp
from spec.codec.text import hex_bytes, to_quantity
from spec.codec.transition_json import decode_accounts, decode_environment
from spec.errors import DecodeError, Rejection
from spec.forks import OSAKA, Execution
from stateless.accounts import AccountsView, changed
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.block import BlockEnvironment
from stateless.fees import blob_base_fee
from stateless.transition import BlockExecution, Signed
from tests.differential.cases import block_hash
from tests.stateless.programs import CHAIN

RULES: Final[Execution] = OSAKA


def execute(document: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a case: its transactions, without what the protocol does before and after them."""
    accounts = decode_accounts(document["alloc"])
    execution = BlockExecution(RULES, AccountSchedule(), AccountsView(accounts), environment(document["env"]))
    results: list[dict[str, Any]] = []
    for text in document["txs"]:
        try:
            applied = execution.apply(Signed(*rlp.decode_signed(hex_bytes(text))))
        except (DecodeError, Rejection) as error:
            results.append({"error": str(error)})
            continue
        logs = [
            {"address": log.address.hex(), "topics": [topic.hex() for topic in log.topics], "data": log.data.hex()}
            for log in applied.logs
        ]
        results.append({"status": int(applied.success), "gasUsed": to_quantity(applied.gas_used), "logs": logs})
    after = changed(accounts, execution.machine.state.changes())
    post = {
        "0x" + address.hex(): {
            "nonce": to_quantity(account.nonce),
            "balance": to_quantity(account.balance),
            "code": "0x" + account.code.hex(),
            "storage": {to_quantity(slot): to_quantity(value) for slot, value in account.storage.items() if value},
        }
        for address, account in after.items()
    }
    return {"txs": results, "post": post}


def environment(document: Mapping[str, Any]) -> BlockEnvironment:
    """The block of a case."""
    env = decode_environment(document)
    assert env.base_fee is not None and env.prev_randao is not None and env.excess_blob_gas is not None
    assert RULES.blobs is not None
    return BlockEnvironment(
        number=env.number,
        timestamp=env.timestamp,
        coinbase=env.coinbase,
        gas_limit=env.gas_limit,
        prev_randao=env.prev_randao,
        base_fee=env.base_fee,
        chain_id=CHAIN,
        blob_base_fee=blob_base_fee(RULES.blobs, env.excess_blob_gas),
        hashes=tuple((height, block_hash(height)) for height in range(max(0, env.number - 256), env.number)),
    )


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """A line for each thing that two results disagree on; both may refuse a transaction for reasons of their own."""
    lines: list[str] = []
    for index, (own, other) in enumerate(zip(ours["txs"], theirs["txs"], strict=True)):
        if "error" in own and "error" in other:
            continue
        lines += [
            f"transaction {index}: {name}: ours {own.get(name)}, theirs {other.get(name)}"
            for name in ("error", "status", "gasUsed", "logs")
            if own.get(name) != other.get(name)
        ]
    for address in sorted({*ours["post"], *theirs["post"]}):
        own, other = ours["post"].get(address), theirs["post"].get(address)
        if own != other:
            lines.append(f"account {address}: ours {own}, theirs {other}")
    return lines
