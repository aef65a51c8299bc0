"""A peer around the execution specifications (EELS, `ethereum-execution`): executes transactions by Osaka's rules.

It runs in an environment of its own and knows nothing of this repository. ../README.md defines the protocol and the
one case, `block`.
"""

# mypy: disable-error-code="import-not-found, no-any-return"

import gc
import hashlib
import json
import sys
import time
from importlib.metadata import version
from typing import Any

from ethereum.crypto.hash import Hash32
from ethereum.exceptions import EthereumException
from ethereum.forks.osaka import state as states
from ethereum.forks.osaka.blocks import Receipt
from ethereum.forks.osaka.fork import process_transaction
from ethereum.forks.osaka.fork_types import Account, Address
from ethereum.forks.osaka.transactions import LegacyTransaction, decode_transaction
from ethereum.forks.osaka.trie import trie_get
from ethereum.forks.osaka.vm import BlockEnvironment, BlockOutput
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes32
from ethereum_types.numeric import U64, U256, Uint

RECURSION_LIMIT = 20_000
"""A call depth of 1024 takes several of Python's frames each."""
FIRST_LIST_BYTE = 0xC0


def number(text: str) -> int:
    return int(text, 16)


def data(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def block_hash(height: int) -> Any:
    """What stands for the hash of an earlier block."""
    return Hash32(hashlib.sha256(height.to_bytes(8, "big")).digest())


def make_state(alloc: dict[str, Any]) -> Any:
    state = states.State()
    for key, account in alloc.items():
        address = Address(data(key))
        states.set_account(
            state,
            address,
            Account(
                Uint(number(account.get("nonce", "0x0"))),
                U256(number(account["balance"])),
                data(account.get("code", "0x")),
            ),
        )
        for slot, value in account.get("storage", {}).items():
            states.set_storage(state, address, Bytes32(number(slot).to_bytes(32, "big")), U256(number(value)))
    return state


def make_environment(env: dict[str, Any], state: Any) -> Any:
    height = number(env["currentNumber"])
    return BlockEnvironment(
        chain_id=U64(1),
        state=state,
        block_gas_limit=Uint(number(env["currentGasLimit"])),
        block_hashes=[block_hash(earlier) for earlier in range(max(0, height - 256), height)],
        coinbase=Address(data(env["currentCoinbase"])),
        number=Uint(height),
        base_fee_per_gas=Uint(number(env["currentBaseFee"])),
        time=U256(number(env["currentTimestamp"])),
        prev_randao=Bytes32(number(env["currentRandom"]).to_bytes(32, "big")),
        excess_blob_gas=U64(number(env["currentExcessBlobGas"])),
        parent_beacon_block_root=Hash32(bytes(32)),
    )


def decode(raw: bytes) -> Any:
    return rlp.decode_to(LegacyTransaction, raw) if raw[0] >= FIRST_LIST_BYTE else decode_transaction(raw)


class Block:
    """The transactions of a block over a state, made anew before each run."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.transactions = [data(raw) for raw in document["txs"]]
        self.errors: list[str | None] = []

    def ready(self) -> None:
        self.environment = make_environment(self.document["env"], make_state(self.document["alloc"]))
        self.output = BlockOutput()
        self.errors = []

    def run(self) -> None:
        """Execute what can be executed, in order; a transaction that cannot is left out."""
        for raw in self.transactions:
            index = len(self.output.receipt_keys)
            try:
                process_transaction(self.environment, self.output, decode(raw), Uint(index))
                self.errors.append(None)
            except (EthereumException, RLPException, OverflowError) as error:
                self.errors.append(f"{type(error).__name__}: {error}")

    def result(self) -> dict[str, Any]:
        receipts = iter(self.output.receipt_keys)
        results: list[dict[str, Any]] = []
        before = 0
        for error in self.errors:
            if error is not None:
                results.append({"error": error})
                continue
            receipt = trie_get(self.output.receipts_trie, next(receipts))
            if isinstance(receipt, bytes):
                receipt = rlp.decode_to(Receipt, receipt[1:])
            after = int(receipt.cumulative_gas_used)
            logs = [
                {"address": log.address.hex(), "topics": [topic.hex() for topic in log.topics], "data": log.data.hex()}
                for log in receipt.logs
            ]
            results.append({"status": int(receipt.succeeded), "gasUsed": hex(after - before), "logs": logs})
            before = after
        return {"txs": results, "post": self.accounts()}

    def accounts(self) -> dict[str, Any]:
        state = self.environment.state
        post = {}
        for address, account in state._main_trie._data.items():
            trie = state._storage_tries.get(address)
            storage = {} if trie is None else trie._data
            post["0x" + address.hex()] = {
                "nonce": hex(int(account.nonce)),
                "balance": hex(int(account.balance)),
                "code": "0x" + account.code.hex(),
                "storage": {hex(int.from_bytes(slot, "big")): hex(int(value)) for slot, value in storage.items()},
            }
        return post


def answer(request: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    if request["case"] != "block":
        return {"case": request["case"], "error": "unsupported"}
    if last.get("text") != request["block"]:
        last["block"] = Block(json.loads(bytes.fromhex(request["block"])))
        last["text"] = request["block"]
        gc.collect()
    block = last["block"]
    seconds = []
    for _ in range(max(request["repeat"], 1)):
        block.ready()
        began = time.perf_counter()
        block.run()
        seconds.append(time.perf_counter() - began)
    output = json.dumps(block.result()).encode().hex() if request["output"] else None
    return {"case": "block", "seconds": seconds, "output": output, "unit_count": len(block.transactions)}


def main() -> None:
    sys.setrecursionlimit(RECURSION_LIMIT)
    gc.freeze()  # what is loaded stays, and no collection looks at it
    libraries = {name: version(name) for name in ("ethereum-execution", "coincurve", "pycryptodome")}
    print(json.dumps({"peer": "eels", "cases": ["block"], "libraries": libraries, "threads": 1}), flush=True)
    last: dict[str, Any] = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), last)), flush=True)


if __name__ == "__main__":
    main()
