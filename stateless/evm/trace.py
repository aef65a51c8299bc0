"""Traces: what a transaction does, step by step, as EIP-3155 writes it down.

    tracer = StepTracer(emit)             emit(record) is called with one JSON object (a dict) after the other
    apply_block(..., tracer=tracer)       or Machine(..., tracer), or replay(..., tracer)

One record for each instruction, before the records of what it calls:

    pc, op, gas, gasCost, memSize, stack, depth, returnData, refund, opName     as EIP-3155 says; gas and stack in hex;
                all from before the instruction runs, but for the refund, which counts what it adds
    error       only where the instruction halts its frame: why
    accesses    only in networks that charge for witnesses, where there are any: the access events that are new to the
                transaction, [{"address", "treeIndex", "subIndex", "write", "gas"}]

and one when the transaction's message has ended: {"output", "gasUsed"}, with "error" where it failed, and with the
accesses that belong to no instruction. `gasUsed` is the message's: what the transaction costs before it runs is not in
it, nor are refunds (so have it go-ethereum and EELS). What the protocol does outside of transactions is not traced.

`gasCost` is all that the instruction costs: its chunk of code where the frame had not entered it, memory, state access,
and what a call takes along (not what a creation does, and not the stipend), so `gas - gasCost` is what the frame has
left before anything comes back. An instruction that halts its frame costs all that the frame has. Where not even its
chunk could be paid for, no one has seen the instruction, and its record has neither `op` nor `opName`.

Events of a new account are told with the instruction that makes it, though a creation pays for them out of what it
takes along; those of storing its code with the last instruction of its initcode.

Source: EIP-3155, "Output"; EIP-4762 (access events).
"""

from collections.abc import Callable
from typing import Final

from stateless.evm.frame import Frame, Message, Result
from witness.access import AccessWitness, Leaf

Record = dict[str, object]
Emit = Callable[[Record], None]


class StepTracer:
    """A `Tracer` that emits EIP-3155 records."""

    def __init__(self, emit: Emit) -> None:
        self._emit: Final = emit
        self._begun: Record = {}
        """The instruction that is being charged and run; no two of them ever are at once."""
        self._position = 0
        self._gas = 0
        """What the transaction's message began with."""
        self._ran: Record | None = None
        """The last instruction, which may still have events."""
        self._accesses: list[Record] = []
        """Events that no instruction has been told with yet."""
        self._apart: list[Record] = []
        """Events of the transaction that belong to no instruction."""
        self._pays = False
        """Whether the transaction's message runs: its own events, before, are free."""

    # ---- what the machine calls

    def watch(self, witness: AccessWitness) -> None:
        """See `Tracer`."""
        witness.observer = self._observe

    def begin(self, message: Message) -> None:
        """See `Tracer`."""
        self._set_apart()
        self._gas = message.gas
        self._pays = True

    def enter(self, frame: Frame) -> None:  # noqa: ARG002  (the signature is the machine's)
        """See `Tracer`."""
        if self._ran is None:
            self._set_apart()
        self._flush()

    def step(self, frame: Frame) -> None:
        """See `Tracer`."""
        self._flush()
        self._position = frame.pc
        self._begun = {
            "pc": frame.pc,
            "op": None,
            "gas": hex(frame.gas),
            "gasCost": hex(frame.gas),
            "memSize": len(frame.memory),
            "stack": [hex(word) for word in frame.stack],
            "depth": frame.message.depth + 1,
            "returnData": "0x" + frame.returned.hex(),
            "refund": frame.state.refund,
            "opName": None,
        }

    def stepped(self, frame: Frame, cost: int) -> None:
        """See `Tracer`."""
        self._finish(frame)
        self._begun["gasCost"] = hex(cost)
        self._begun["refund"] = frame.state.refund

    def leave(self, frame: Frame, result: Result) -> None:
        """See `Tracer`."""
        if result.error:
            if self._ran is None:
                self._finish(frame)
            self._begun["error"] = result.error
        self._flush()

    def end(self, result: Result) -> None:
        """See `Tracer`."""
        self._set_apart()
        record: Record = {"output": result.output.hex(), "gasUsed": hex(self._gas - result.gas_left)}
        if not result.success:
            record["error"] = result.error or "execution reverted"
        if self._apart:
            record["accesses"] = self._apart
        self._emit(record)
        self._apart = []
        self._pays = False

    # ---- records

    def _finish(self, frame: Frame) -> None:
        """The instruction has run, or halted; say which one it was, if its chunk has been decoded."""
        record = self._ran = self._begun
        if frame.program[self._position] is None:
            del record["op"], record["opName"]
            return
        opcode = frame.machine.opcodes[frame.code.read(self._position, 1)[0]]
        record["op"], record["opName"] = opcode.number, opcode.name

    def _flush(self) -> None:
        """Emit the last instruction."""
        if self._ran is not None:
            if self._accesses:
                self._ran["accesses"] = self._accesses
                self._accesses = []
            self._emit(self._ran)
            self._ran = None

    def _observe(self, leaf: Leaf, write: bool, gas: int) -> None:
        address, tree_index, sub_index = leaf
        self._accesses.append(
            {
                "address": "0x" + address.hex(),
                "treeIndex": hex(tree_index),
                "subIndex": sub_index,
                "write": write,
                "gas": hex(gas if self._pays else 0),
            }
        )

    def _set_apart(self) -> None:
        self._apart += self._accesses
        self._accesses = []
