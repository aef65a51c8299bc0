"""State access priced by account and slot: cold the first time in a transaction, warm after.

Warm sets live in the state's journal: unlike EIP-4762 events they are taken back with a reverted frame.

Source: EIP-2929 (cold and warm), EIP-2930 (access lists), EIP-2200 and EIP-3529 (SSTORE and refunds), EIP-3651
(warm coinbase), EIP-150 (63/64), EIP-7702 (delegations).
"""

from typing import TYPE_CHECKING, Final

from spec.gas import GAS_CALL_STIPEND, GAS_INITCODE_WORD
from spec.types import Address
from stateless.evm.calls import Callee, CallKind, all_but_one_64th, delegate_of
from stateless.evm.code import Program
from stateless.evm.frame import Frame, Message, OutOfGas
from stateless.evm.schedule import Schedule

if TYPE_CHECKING:
    from stateless.evm.machine import Machine
    from stateless.state import Slot

COLD_ACCOUNT_ACCESS: Final = 2600
COLD_STORAGE_ACCESS: Final = 2100
WARM_ACCESS: Final = 100
STORAGE_SET: Final = 20000
STORAGE_UPDATE: Final = 5000
STORAGE_CLEAR_REFUND: Final = 4800
"""Source: EIP-3529."""
CALL_VALUE: Final = 9000
NEW_ACCOUNT: Final = 25000
CREATE: Final = 32000
KECCAK_WORD: Final = 6
"""CREATE2 hashes its initcode. Source: EIP-1014."""
CODE_DEPOSIT_BYTE: Final = 200


class AccountSchedule(Schedule):
    """EIP-2929 and its kin."""

    deletes_empty = True

    def __init__(self) -> None:
        self._always_warm: dict[Address | Slot, bool] = {}
        """The precompiles, once they are known."""

    def begin_transaction(  # noqa: D102
        self, machine: "Machine", target: Address | None, value: int, accessed: list[tuple[Address, list[int]]]
    ) -> None:
        warm = machine.state.warm
        if not self._always_warm:
            self._always_warm.update(dict.fromkeys(machine.precompiles, True))
        warm.update(self._always_warm)
        warm[machine.origin] = True
        if target is not None:
            warm[target] = True
        if machine.rules.warm_coinbase:
            warm[machine.block.coinbase] = True
        for address, slots in accessed:
            warm[address] = True
            warm.update({(address, slot): True for slot in slots})

    def authority(self, machine: "Machine", authority: Address) -> None:  # noqa: D102
        machine.state.make_warm(authority)

    def target_delegates(self, machine: "Machine", delegate: Address) -> None:  # noqa: D102
        machine.state.make_warm(delegate)

    # ---- code is free

    def program(self, machine: "Machine", message: Message) -> Program:  # noqa: D102
        return machine.empty_program(message.code) if message.is_creation else machine.program_of(message.code)

    def enter(self, frame: Frame, position: int) -> None:  # noqa: D102
        frame.machine.decode(frame.program, frame.code, position)

    def jump(self, frame: Frame, destination: int) -> None:  # noqa: D102
        if destination < frame.code.size and frame.program[destination] is None:
            frame.machine.decode(frame.program, frame.code, destination)

    def copy_code(self, frame: Frame, address: Address, gas: int, start: int, size: int) -> None:  # noqa: D102
        frame.charge(gas + self._account(frame, address))

    # ---- accounts and storage

    @staticmethod
    def _account(frame: Frame, address: Address) -> int:
        return COLD_ACCOUNT_ACCESS if frame.state.make_warm(address) else WARM_ACCESS

    def balance(self, frame: Frame, address: Address) -> None:  # noqa: D102
        frame.charge(self._account(frame, address))

    def code_size(self, frame: Frame, address: Address) -> None:  # noqa: D102
        frame.charge(self._account(frame, address))

    def code_hash(self, frame: Frame, address: Address) -> None:  # noqa: D102
        frame.charge(self._account(frame, address))

    def load(self, frame: Frame, slot: int) -> None:  # noqa: D102
        frame.charge(COLD_STORAGE_ACCESS if frame.state.make_warm((frame.address, slot)) else WARM_ACCESS)

    def store(self, frame: Frame, slot: int, value: int) -> None:
        """SSTORE's three values: at the start of the transaction, now, and to be (EIP-2200)."""
        state, address = frame.state, frame.address
        if frame.gas <= GAS_CALL_STIPEND:
            raise OutOfGas("out of gas: SSTORE needs more than the stipend")
        gas = COLD_STORAGE_ACCESS if state.make_warm((address, slot)) else 0
        original, current = state.original_storage(address, slot), state.storage(address, slot)
        if original == current != value:
            gas += STORAGE_SET if original == 0 else STORAGE_UPDATE - COLD_STORAGE_ACCESS
        else:
            gas += WARM_ACCESS
        frame.charge(gas)
        if current == value:
            return
        if original and current and not value:
            state.refund += STORAGE_CLEAR_REFUND
        if original and not current:
            state.refund -= STORAGE_CLEAR_REFUND
        if original == value:
            restored = STORAGE_SET if original == 0 else STORAGE_UPDATE - COLD_STORAGE_ACCESS
            state.refund += restored - WARM_ACCESS

    def block_hash(self, frame: Frame, number: int) -> int:  # noqa: D102
        return int.from_bytes(frame.machine.block.hash_of(number), "big")

    # ---- calls

    def call(  # noqa: D102
        self, frame: Frame, kind: CallKind, target: Address, value: int, requested: int, memory_gas: int
    ) -> Callee:
        gas = memory_gas + self._account(frame, target)
        code_address = target
        delegate = delegate_of(frame.machine.code(target))
        if delegate is not None:
            gas += self._account(frame, delegate)
            code_address = delegate
        if value:
            gas += CALL_VALUE
            if kind is CallKind.CALL and frame.state.is_empty(target):
                gas += NEW_ACCOUNT
        frame.charge(gas)
        taken = min(requested, all_but_one_64th(frame.gas))
        frame.gas -= taken
        return Callee(taken, code_address)

    def create(self, frame: Frame, size: int, memory_gas: int, *, salted: bool) -> None:  # noqa: D102
        words = (size + 31) // 32
        per_word = (GAS_INITCODE_WORD if frame.machine.rules.limits_initcode else 0) + (KECCAK_WORD if salted else 0)
        frame.charge(CREATE + memory_gas + per_word * words)

    def creation_access(self, machine: "Machine", message: Message, gas: int) -> int:  # noqa: D102
        machine.state.make_warm(message.address)
        return gas

    def deposit(self, machine: "Machine", address: Address, code: bytes, gas: int) -> int:  # noqa: D102
        cost = CODE_DEPOSIT_BYTE * len(code)
        if cost > gas:
            raise OutOfGas("out of gas: code deposit")
        return gas - cost

    def destroy(self, frame: Frame, beneficiary: Address) -> None:  # noqa: D102
        gas = COLD_ACCOUNT_ACCESS if frame.state.make_warm(beneficiary) else 0
        if frame.state.balance(frame.address) and frame.state.is_empty(beneficiary):
            gas += NEW_ACCOUNT
        frame.charge(gas)
