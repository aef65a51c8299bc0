"""What `verkle bench` measures of the machine: programs and transfers on plain accounts, and real blocks on witnesses.

    arithmetic   256-bit arithmetic, comparisons, shifts, bits, stack
    storage      SLOAD and SSTORE on sixteen slots, again and again: nearly all warm
    mix          what a token does: hash a key, load, store, call another contract, log
    keccak       KECCAK256 of 64 bytes
    transfers    signed transfers of wei, each to an account of its own

A run goes from transaction bytes to executed transactions: decoding, sender recovery, checks, execution, receipts.
State is plain accounts, so that schedules are compared and not trees; block-execute has trees and proofs.

Peers are given the same block, as the JSON text of a transition tool's inputs, and execute it by Osaka's rules.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cli import files
from cli.cases import Inputs, Work
from cli.chain import Rules, Selection, Verifier
from cli.failure import Failed
from spec.codec import rlp
from spec.codec.text import to_hex, to_quantity
from spec.codec.transition_json import encode_accounts
from spec.containers import Account, Transaction
from spec.crypto import address_of, keccak256, sign
from spec.forks import OSAKA, Fork, SystemContracts, WitnessAccess
from spec.params import VERKLE, Profile
from spec.types import Address, StateRoot, Uint64, Uint256
from stateless.accounts import AccountsView
from stateless.evm.account_schedule import AccountSchedule
from stateless.evm.block import BlockEnvironment
from stateless.evm.opcodes import opcodes
from stateless.evm.schedule import Schedule
from stateless.evm.witness_schedule import WitnessSchedule
from stateless.header import Parent
from stateless.transition import Outcome, Signed, apply_block
from verkle.embedding import account_leaves
from witness.access import AccessWitness, Leaf

TRANSFERS: Final = 1400
"""Of one run: what a block of 30 million gas has room for."""
GAS_LIMIT: Final = 2**24
"""Of the one transaction that runs a program. Source: EIP-7825."""
SECRET: Final = bytes(31) + b"\1"
PRICE: Final = 10
BASE_FEE: Final = 7
BLOCK: Final = BlockEnvironment(
    number=1,
    timestamp=1000,
    coinbase=Address(b"\xcb" * 20),
    gas_limit=10**9,
    prev_randao=bytes(32),
    base_fee=BASE_FEE,
    chain_id=1,
)
CONTRACT: Final = Address(b"\xcc" * 20)
CALLEE: Final = Address(b"\xdd" * 20)
LAST_REAL_BLOCK: Final = 665
"""The last block of Kaustinen 6 before its transactions stop."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Transactions of one block, over these accounts."""

    accounts: Mapping[Address, Account]
    transactions: tuple[bytes, ...]

    def document(self) -> bytes:
        """What peers are given."""
        env = {
            "currentCoinbase": to_hex(BLOCK.coinbase),
            "currentGasLimit": to_quantity(BLOCK.gas_limit),
            "currentNumber": to_quantity(BLOCK.number),
            "currentTimestamp": to_quantity(BLOCK.timestamp),
            "currentRandom": to_hex(BLOCK.prev_randao),
            "currentBaseFee": to_quantity(BLOCK.base_fee),
            "currentExcessBlobGas": "0x0",
        }
        transactions = [to_hex(transaction) for transaction in self.transactions]
        return json.dumps({"env": env, "alloc": encode_accounts(self.accounts), "txs": transactions}).encode()


# ---- programs


_NUMBERS: Final = {opcode.name: opcode.number for opcode in opcodes(Fork.OSAKA)}


def assemble(text: str) -> bytes:
    """Code from names of opcodes and hex digits of push data."""
    return b"".join(bytes((_NUMBERS[word],)) if word in _NUMBERS else bytes.fromhex(word) for word in text.split())


def _loop(turns: int, body: str, before: str = "") -> bytes:
    """`body` so many times; the turns left are on top of the stack before and after it."""
    start = assemble(before) + bytes((_NUMBERS["PUSH3"],)) + turns.to_bytes(3, "big")
    end = assemble("PUSH1 01 SWAP1 SUB DUP1") + bytes((_NUMBERS["PUSH2"],)) + len(start).to_bytes(2, "big")
    return start + assemble(f"JUMPDEST {body}") + end + assemble("JUMPI STOP")


_A_PRIME: Final = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff43"

PROGRAMS: Final = {
    "arithmetic": _loop(
        8000,
        "SWAP1 DUP3 ADD DUP3 MUL DUP1 PUSH1 0d SHR XOR"
        " PUSH16 c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7 DUP2 MOD DUP4 LT ISZERO ADD"
        f" PUSH32 {_A_PRIME} DUP2 DUP5 MULMOD DUP2 AND DUP2 SUB SWAP1 POP SWAP1",
        before=f"PUSH32 {'ff' * 16 + 'ab' * 16} PUSH32 {'9e3779b97f4a7c15f39cc0605cedc834' * 2}",
    ),
    "storage": _loop(6000, "DUP1 PUSH1 0f AND DUP1 SLOAD PUSH1 01 ADD SWAP1 SSTORE"),
    "mix": _loop(
        1000,
        "DUP1 PUSH1 0f AND PUSH1 00 MSTORE PUSH1 20 PUSH1 00 KECCAK256 DUP1 SLOAD DUP3 ADD SWAP1 SSTORE"
        " DUP1 PUSH1 03 MUL PUSH1 07 ADD DUP1 PUSH1 20 MSTORE DUP2 LT POP"
        f" PUSH1 20 PUSH1 00 PUSH1 20 PUSH1 00 PUSH1 00 PUSH20 {CALLEE.hex()} PUSH2 ffff CALL POP"
        " CALLER ADDRESS PUSH1 20 PUSH1 00 LOG2",
    ),
    "keccak": _loop(12000, "PUSH1 40 PUSH1 00 KECCAK256 PUSH1 00 MSTORE"),
}
_CALLEE_CODE: Final = assemble(
    "PUSH1 00 CALLDATALOAD PUSH1 05 MUL PUSH1 03 ADD PUSH1 00 MSTORE PUSH1 20 PUSH1 00 RETURN"
)


def scene(name: str) -> Scene:
    """The scene of a case."""
    accounts = {address_of(SECRET): Account(10**20, Uint64(0), b"", {})}
    if name == "transfers":
        receivers = (Address(keccak256(number.to_bytes(4, "big"))[12:]) for number in range(TRANSFERS))
        return Scene(accounts, tuple(_signed(nonce, to, 21_000, 1) for nonce, to in enumerate(receivers)))
    accounts[CONTRACT] = Account(1, Uint64(1), PROGRAMS[name], {Uint256(slot): Uint256(1) for slot in range(16)})
    accounts[CALLEE] = Account(0, Uint64(1), _CALLEE_CODE, {})
    return Scene(accounts, (_signed(0, CONTRACT, GAS_LIMIT, 0),))


def _signed(nonce: int, to: Address, gas: int, value: int) -> bytes:
    unsigned = Transaction(
        type=rlp.DYNAMIC_FEE,
        chain_id=Uint64(BLOCK.chain_id),
        nonce=Uint64(nonce),
        max_priority_fee_per_gas=Uint256(PRICE - BASE_FEE),
        max_fee_per_gas=Uint256(PRICE),
        gas_limit=Uint64(gas),
        to=to,
        value=Uint256(value),
        data=b"",
    )
    parity, r, s = sign(rlp.signing_hash(unsigned), SECRET)
    return rlp.encode_transaction(replace(unsigned, y_parity=parity, r=Uint256(r), s=Uint256(s)))


# ---- cases


def _leaves(accounts: Mapping[Address, Account]) -> dict[Leaf, Any]:
    return {
        (address, *place): value
        for address, account in accounts.items()
        for place, value in account_leaves(VERKLE, account).items()
    }


def run_scene(played: Scene, leaves: Mapping[Leaf, Any] | None) -> Outcome:
    """Execute a scene from the bytes of its transactions. `leaves`: under EIP-4762, where these are the tree's."""
    access = VERKLE.require_execution().access
    rules = OSAKA
    schedule: Schedule = AccountSchedule()
    if leaves is not None and isinstance(access, WitnessAccess):
        rules, schedule = VERKLE.require_execution(), WitnessSchedule(VERKLE, access, AccessWitness(), leaves.get)
    signed = [Signed(*rlp.decode_signed(transaction)) for transaction in played.transactions]
    return apply_block(replace(rules, system=SystemContracts()), schedule, AccountsView(played.accounts), BLOCK, signed)


def execute(name: str, schedule: str) -> Work:
    """A scene under the schedule of `osaka` (EIP-2929) or of `verkle` (EIP-4762)."""
    played = scene(name)
    leaves = _leaves(played.accounts) if schedule == "verkle" else None
    outcome = run_scene(played, leaves)
    if not all(receipt.success for receipt in outcome.receipts):
        raise Failed(f"{name}: a transaction fails")
    asked = {"case": "block", "block": played.document()}
    if name == "transfers":
        count = float(len(played.transactions))
        return Work(lambda: run_scene(played, leaves), "one each", amount=(count, "transactions"), asked=asked)
    about = f"{outcome.gas_used:,} gas in one transaction"
    return Work(lambda: run_scene(played, leaves), about, amount=(outcome.gas_used / 1e6, "Mgas"), asked=asked)


def execute_blocks(inputs: Inputs, path: Path, profile: Profile, rejected: Iterable[int]) -> Work:
    """Real blocks, verified in full one after the other: proof, execution, roots."""
    selection = Selection(Rules(profile), Parent(StateRoot(bytes(32))), None, LAST_REAL_BLOCK, lambda _: None)
    jobs = [job for job in selection.jobs(files.documents(path)) if job.payload.block_number not in rejected]
    gas = sum(job.payload.gas_used for job in jobs)

    def run() -> None:
        verify = Verifier(inputs.engine, Rules(profile))
        for job in jobs:
            verdict = verify(job)
            if not verdict.valid:
                raise Failed(f"{verdict.place}: block {verdict.number} is rejected: {verdict.detail}")

    return Work(run, f"{len(jobs)} real blocks of Kaustinen 6, {gas:,} gas", amount=(gas / 1e6, "Mgas"))
