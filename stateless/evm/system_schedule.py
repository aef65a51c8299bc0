"""State access of the protocol's own calls in networks priced by witness size: free, and on slots only.

The contracts' code and accounts are known to everyone (see spec/system_contracts.py), so a call by the protocol leaves
in the block's witness the slots that it reads and writes, and nothing else; no transaction finds them warm.

That code does nothing with state but read and write its own slots. Whatever else a schedule is asked for has no
meaning here and halts the call.

Source: EIP-4762, "System contracts".
"""

from typing import TYPE_CHECKING, Final, NoReturn

from spec.errors import ExceptionalHalt
from spec.types import Address
from stateless.evm.calls import Callee, CallKind
from stateless.evm.code import Program
from stateless.evm.frame import Frame, Message
from stateless.evm.schedule import Schedule

if TYPE_CHECKING:
    from stateless.evm.machine import Machine


class SystemSchedule(Schedule):
    """What a block's schedule becomes while the protocol itself calls."""

    def __init__(self, block_schedule: Schedule) -> None:
        """`block_schedule`: takes what is read and written into the block's witness."""
        self._block_schedule: Final = block_schedule

    def program(self, machine: "Machine", message: Message) -> Program:  # noqa: D102
        return machine.program_of(message.code)

    def enter(self, frame: Frame, position: int) -> None:  # noqa: D102
        frame.machine.decode(frame.program, frame.code, position)

    def jump(self, frame: Frame, destination: int) -> None:  # noqa: D102
        if destination < frame.code.size and frame.program[destination] is None:
            frame.machine.decode(frame.program, frame.code, destination)

    def load(self, frame: Frame, slot: int) -> None:  # noqa: D102
        self._block_schedule.system_read(frame.machine, frame.address, slot)

    def store(self, frame: Frame, slot: int, value: int) -> None:  # noqa: D102
        self._block_schedule.system_write(frame.machine, frame.address, slot)

    # ---- what no system contract does

    @staticmethod
    def _refuse() -> NoReturn:
        raise ExceptionalHalt("a system contract reads and writes its own slots only")

    def copy_code(self, frame: Frame, address: Address, gas: int, start: int, size: int) -> None:  # noqa: D102
        self._refuse()

    def balance(self, frame: Frame, address: Address) -> None:  # noqa: D102
        self._refuse()

    def code_size(self, frame: Frame, address: Address) -> None:  # noqa: D102
        self._refuse()

    def code_hash(self, frame: Frame, address: Address) -> None:  # noqa: D102
        self._refuse()

    def block_hash(self, frame: Frame, number: int) -> int:  # noqa: D102
        self._refuse()

    def call(  # noqa: D102
        self, frame: Frame, kind: CallKind, target: Address, value: int, requested: int, memory_gas: int
    ) -> Callee:
        self._refuse()

    def create(self, frame: Frame, size: int, memory_gas: int, *, salted: bool) -> None:  # noqa: D102
        self._refuse()

    def deposit(self, machine: "Machine", address: Address, code: bytes, gas: int) -> int:  # noqa: D102
        self._refuse()

    def destroy(self, frame: Frame, beneficiary: Address) -> None:  # noqa: D102
        self._refuse()
