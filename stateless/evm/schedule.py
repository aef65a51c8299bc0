"""What state access costs, and what it leaves in the witness: one interface, a rule set behind it.

A schedule is asked before state is read or written. Where a frame is given, it charges that frame (and may raise
OutOfGas: the frame's gas is lost); where gas is given, it returns what is left of it. The interpreter, the state and
the precompiles are the same for every schedule.

    AccountSchedule   EIP-2929: accounts and slots, warm and cold
    WitnessSchedule   EIP-4762: leaves and subtrees of the Verkle tree
    FieldSchedule     the same as devnet 6 had it

Code: a frame runs a program (see code.py). A schedule that charges for code hands out programs with nothing decoded
in them, so that the interpreter asks (`enter`) at the first step into a chunk.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from spec.types import Address
from stateless.evm.calls import Callee, CallKind
from stateless.evm.code import Program
from stateless.evm.frame import Frame, Message
from witness.access import AccessWitness

if TYPE_CHECKING:
    from stateless.evm.machine import Machine


class Schedule(ABC):
    """Prices of state access for one block."""

    witness: AccessWitness | None = None
    """Where events go, in networks that have them."""
    deletes_empty = False
    """Whether touched empty accounts are deleted though they were there before (EIP-161)."""
    clears_destroyed = True
    """Whether a destroyed account's own leaves become zero."""
    bare_precompiles = False
    """Whether precompiles have no code, whatever the state says: their header may not be in the witness."""

    def touches(self, address: Address, *, is_precompile: bool) -> bool:
        """Whether no value sent makes an empty account that exists until the transaction ends (EIP-161)."""
        return True

    # ---- the transaction

    def begin_transaction(
        self, machine: "Machine", target: Address | None, value: int, accessed: list[tuple[Address, list[int]]]
    ) -> None:
        """The sender (`machine.origin`) and target are read and written; make warm what the rules say.

        `target`: None for a creation; `accessed`: the access list, by address.
        """

    def authority(self, machine: "Machine", authority: Address) -> None:
        """An EIP-7702 authorization looks at its signer's account."""

    def target_delegates(self, machine: "Machine", delegate: Address) -> None:
        """The transaction's target turns out to delegate, all authorizations done: its delegate's code is read."""

    def delegate(self, machine: "Machine", authority: Address, *, to_nothing: bool) -> None:
        """An EIP-7702 authorization sets its signer's code and nonce; `to_nothing`: takes the code away."""

    def pay_coinbase(self, machine: "Machine", coinbase: Address, fee: int) -> None:
        """The fee recipient's account is written, after execution."""

    def withdraw(self, machine: "Machine", address: Address, amount: int) -> None:
        """A withdrawal writes an account."""

    def system_read(self, machine: "Machine", address: Address, slot: int) -> None:
        """The protocol reads a slot of a system contract outside of transactions."""

    def system_write(self, machine: "Machine", address: Address, slot: int) -> None:
        """The protocol writes a slot of a system contract outside of transactions."""

    def end_transaction(self, machine: "Machine") -> None:
        """Forget what lives for one transaction only."""

    # ---- code

    @abstractmethod
    def program(self, machine: "Machine", message: Message) -> Program:
        """The program that a new frame runs."""

    @abstractmethod
    def enter(self, frame: Frame, position: int) -> None:
        """A frame gets to a chunk that is not decoded in its program: charge for it, and decode it."""

    def push_data(self, frame: Frame, start: int, size: int) -> None:
        """PUSHn reads `size` bytes from `start`, some of them in a later chunk or past the end."""

    def jump(self, frame: Frame, destination: int) -> None:
        """A jump is about to be taken, to a destination that may be invalid."""

    def copy_own_code(self, frame: Frame, start: int, size: int) -> None:
        """CODECOPY, after its own price."""

    @abstractmethod
    def copy_code(self, frame: Frame, address: Address, gas: int, start: int, size: int) -> None:
        """EXTCODECOPY; `gas` is for the copy and its memory, not charged yet."""

    # ---- accounts

    @abstractmethod
    def balance(self, frame: Frame, address: Address) -> None:
        """BALANCE."""

    @abstractmethod
    def code_size(self, frame: Frame, address: Address) -> None:
        """EXTCODESIZE."""

    @abstractmethod
    def code_hash(self, frame: Frame, address: Address) -> None:
        """EXTCODEHASH."""

    def code_hash_of(self, frame: Frame, address: Address) -> int:
        """What EXTCODEHASH answers."""
        empty = frame.state.is_empty(address)
        return 0 if empty else int.from_bytes(frame.state.code_hash(address), "big")

    @abstractmethod
    def load(self, frame: Frame, slot: int) -> None:
        """SLOAD."""

    @abstractmethod
    def store(self, frame: Frame, slot: int, value: int) -> None:
        """SSTORE."""

    @abstractmethod
    def block_hash(self, frame: Frame, number: int) -> int | None:
        """BLOCKHASH of a block in the window: charge for it and answer; None has the frame revert."""

    # ---- calls

    @abstractmethod
    def call(
        self, frame: Frame, kind: CallKind, target: Address, value: int, requested: int, memory_gas: int
    ) -> Callee:
        """Charge for a call with all that it takes along. `value`: what the caller sends (0 for DELEGATECALL)."""

    def enter_call(self, machine: "Machine", message: Message, gas: int) -> int:
        """A CALL finds that its callee does not exist (and is about to be made, if value moves)."""
        return gas

    @abstractmethod
    def create(self, frame: Frame, size: int, memory_gas: int, *, salted: bool) -> None:
        """CREATE and CREATE2 of `size` bytes of initcode, before anything else."""

    def before_creation(self, frame: Frame, address: Address, value: int) -> bool:
        """The creator's own share of the new account's events; False has the creator's frame revert."""
        return True

    def creation_access(self, machine: "Machine", message: Message, gas: int) -> int:
        """A creation is about to look whether its address is taken."""
        return gas

    def creation_write(self, machine: "Machine", message: Message, gas: int) -> int:
        """A creation is about to make its account."""
        return gas

    @abstractmethod
    def deposit(self, machine: "Machine", address: Address, code: bytes, gas: int) -> int:
        """The new account's code is about to be stored."""

    @abstractmethod
    def destroy(self, frame: Frame, beneficiary: Address) -> None:
        """SELFDESTRUCT, after its constant price."""
