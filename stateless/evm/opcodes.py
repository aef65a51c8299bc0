"""The one table of opcodes: number, name, operation, words taken and left, constant gas, and the fork that brought it.

Source: yellow paper, appendix H; the EIPs named in the modules of the operations.
"""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from spec.forks import Fork
from spec.gas import (
    GAS_BASE,
    GAS_BLOCKHASH,
    GAS_EXPONENTIATION,
    GAS_HIGH,
    GAS_JUMPDEST,
    GAS_KECCAK256,
    GAS_LOG,
    GAS_LOW,
    GAS_MID,
    GAS_SELF_DESTRUCT,
    GAS_VERY_LOW,
    GAS_ZERO,
)
from stateless.evm import arithmetic, calls, environment, flow
from stateless.evm.code import Operation


class Opcode(NamedTuple):
    """One line of the table."""

    number: int
    name: str
    operation: Operation
    takes: int
    leaves: int
    gas: int
    """Constant part; what state access costs is the schedule's matter."""
    since: Fork = Fork.LONDON


def _family(first: int, name: str, make: Callable[[int], Operation], takes_leaves: Callable[[int], tuple[int, int]],
            numbers: range, gas: int) -> list[Opcode]:  # fmt: skip
    return [Opcode(first + i, f"{name}{n}", make(n), *takes_leaves(n), gas) for i, n in enumerate(numbers)]


_PUSHES = [Opcode(0x5F + n, f"PUSH{n}", flow.push(0), 0, 1, GAS_VERY_LOW) for n in range(1, 33)]
"""The decoder makes each its own operation, with its data."""

OPCODES: Final[tuple[Opcode, ...]] = (
    Opcode(0x00, "STOP", flow.stop, 0, 0, GAS_ZERO),
    Opcode(0x01, "ADD", arithmetic.add, 2, 1, GAS_VERY_LOW),
    Opcode(0x02, "MUL", arithmetic.mul, 2, 1, GAS_LOW),
    Opcode(0x03, "SUB", arithmetic.sub, 2, 1, GAS_VERY_LOW),
    Opcode(0x04, "DIV", arithmetic.div, 2, 1, GAS_LOW),
    Opcode(0x05, "SDIV", arithmetic.sdiv, 2, 1, GAS_LOW),
    Opcode(0x06, "MOD", arithmetic.mod, 2, 1, GAS_LOW),
    Opcode(0x07, "SMOD", arithmetic.smod, 2, 1, GAS_LOW),
    Opcode(0x08, "ADDMOD", arithmetic.addmod, 3, 1, GAS_MID),
    Opcode(0x09, "MULMOD", arithmetic.mulmod, 3, 1, GAS_MID),
    Opcode(0x0A, "EXP", arithmetic.exp, 2, 1, GAS_EXPONENTIATION),
    Opcode(0x0B, "SIGNEXTEND", arithmetic.signextend, 2, 1, GAS_LOW),
    Opcode(0x10, "LT", arithmetic.lt, 2, 1, GAS_VERY_LOW),
    Opcode(0x11, "GT", arithmetic.gt, 2, 1, GAS_VERY_LOW),
    Opcode(0x12, "SLT", arithmetic.slt, 2, 1, GAS_VERY_LOW),
    Opcode(0x13, "SGT", arithmetic.sgt, 2, 1, GAS_VERY_LOW),
    Opcode(0x14, "EQ", arithmetic.eq, 2, 1, GAS_VERY_LOW),
    Opcode(0x15, "ISZERO", arithmetic.iszero, 1, 1, GAS_VERY_LOW),
    Opcode(0x16, "AND", arithmetic.and_, 2, 1, GAS_VERY_LOW),
    Opcode(0x17, "OR", arithmetic.or_, 2, 1, GAS_VERY_LOW),
    Opcode(0x18, "XOR", arithmetic.xor, 2, 1, GAS_VERY_LOW),
    Opcode(0x19, "NOT", arithmetic.not_, 1, 1, GAS_VERY_LOW),
    Opcode(0x1A, "BYTE", arithmetic.byte, 2, 1, GAS_VERY_LOW),
    Opcode(0x1B, "SHL", arithmetic.shl, 2, 1, GAS_VERY_LOW),
    Opcode(0x1C, "SHR", arithmetic.shr, 2, 1, GAS_VERY_LOW),
    Opcode(0x1D, "SAR", arithmetic.sar, 2, 1, GAS_VERY_LOW),
    Opcode(0x1E, "CLZ", arithmetic.clz, 1, 1, GAS_LOW, Fork.OSAKA),
    Opcode(0x20, "KECCAK256", arithmetic.keccak, 2, 1, GAS_KECCAK256),
    Opcode(0x30, "ADDRESS", environment.address, 0, 1, GAS_BASE),
    Opcode(0x31, "BALANCE", environment.balance, 1, 1, GAS_ZERO),
    Opcode(0x32, "ORIGIN", environment.origin, 0, 1, GAS_BASE),
    Opcode(0x33, "CALLER", environment.caller, 0, 1, GAS_BASE),
    Opcode(0x34, "CALLVALUE", environment.callvalue, 0, 1, GAS_BASE),
    Opcode(0x35, "CALLDATALOAD", environment.calldataload, 1, 1, GAS_VERY_LOW),
    Opcode(0x36, "CALLDATASIZE", environment.calldatasize, 0, 1, GAS_BASE),
    Opcode(0x37, "CALLDATACOPY", environment.calldatacopy, 3, 0, GAS_VERY_LOW),
    Opcode(0x38, "CODESIZE", environment.codesize, 0, 1, GAS_BASE),
    Opcode(0x39, "CODECOPY", environment.codecopy, 3, 0, GAS_VERY_LOW),
    Opcode(0x3A, "GASPRICE", environment.gasprice, 0, 1, GAS_BASE),
    Opcode(0x3B, "EXTCODESIZE", environment.extcodesize, 1, 1, GAS_ZERO),
    Opcode(0x3C, "EXTCODECOPY", environment.extcodecopy, 4, 0, GAS_ZERO),
    Opcode(0x3D, "RETURNDATASIZE", environment.returndatasize, 0, 1, GAS_BASE),
    Opcode(0x3E, "RETURNDATACOPY", environment.returndatacopy, 3, 0, GAS_VERY_LOW),
    Opcode(0x3F, "EXTCODEHASH", environment.extcodehash, 1, 1, GAS_ZERO),
    Opcode(0x40, "BLOCKHASH", environment.blockhash, 1, 1, GAS_BLOCKHASH),
    Opcode(0x41, "COINBASE", environment.coinbase, 0, 1, GAS_BASE),
    Opcode(0x42, "TIMESTAMP", environment.timestamp, 0, 1, GAS_BASE),
    Opcode(0x43, "NUMBER", environment.number, 0, 1, GAS_BASE),
    Opcode(0x44, "DIFFICULTY", environment.difficulty, 0, 1, GAS_BASE),
    Opcode(0x44, "PREVRANDAO", environment.prevrandao, 0, 1, GAS_BASE, Fork.PARIS),
    Opcode(0x45, "GASLIMIT", environment.gaslimit, 0, 1, GAS_BASE),
    Opcode(0x46, "CHAINID", environment.chainid, 0, 1, GAS_BASE),
    Opcode(0x47, "SELFBALANCE", environment.selfbalance, 0, 1, GAS_LOW),
    Opcode(0x48, "BASEFEE", environment.basefee, 0, 1, GAS_BASE),
    Opcode(0x49, "BLOBHASH", environment.blobhash, 1, 1, GAS_VERY_LOW, Fork.CANCUN),
    Opcode(0x4A, "BLOBBASEFEE", environment.blobbasefee, 0, 1, GAS_BASE, Fork.CANCUN),
    Opcode(0x50, "POP", flow.pop, 1, 0, GAS_BASE),
    Opcode(0x51, "MLOAD", flow.mload, 1, 1, GAS_VERY_LOW),
    Opcode(0x52, "MSTORE", flow.mstore, 2, 0, GAS_VERY_LOW),
    Opcode(0x53, "MSTORE8", flow.mstore8, 2, 0, GAS_VERY_LOW),
    Opcode(0x54, "SLOAD", environment.sload, 1, 1, GAS_ZERO),
    Opcode(0x55, "SSTORE", environment.sstore, 2, 0, GAS_ZERO),
    Opcode(0x56, "JUMP", flow.jump, 1, 0, GAS_MID),
    Opcode(0x57, "JUMPI", flow.jumpi, 2, 0, GAS_HIGH),
    Opcode(0x58, "PC", flow.pc, 0, 1, GAS_BASE),
    Opcode(0x59, "MSIZE", flow.msize, 0, 1, GAS_BASE),
    Opcode(0x5A, "GAS", flow.gas, 0, 1, GAS_BASE),
    Opcode(0x5B, "JUMPDEST", flow.jumpdest, 0, 0, GAS_JUMPDEST),
    Opcode(0x5C, "TLOAD", environment.tload, 1, 1, 100, Fork.CANCUN),
    Opcode(0x5D, "TSTORE", environment.tstore, 2, 0, 100, Fork.CANCUN),
    Opcode(0x5E, "MCOPY", flow.mcopy, 3, 0, GAS_VERY_LOW, Fork.CANCUN),
    Opcode(0x5F, "PUSH0", flow.push_zero, 0, 1, GAS_BASE, Fork.SHANGHAI),
    *_PUSHES,
    *_family(0x80, "DUP", flow.dup, lambda n: (n, n + 1), range(1, 17), GAS_VERY_LOW),
    *_family(0x90, "SWAP", flow.swap, lambda n: (n + 1, n + 1), range(1, 17), GAS_VERY_LOW),
    *_family(0xA0, "LOG", environment.log, lambda n: (n + 2, 0), range(5), GAS_LOG),
    Opcode(0xF0, "CREATE", calls.create, 3, 1, GAS_ZERO),
    Opcode(0xF1, "CALL", calls.call, 7, 1, GAS_ZERO),
    Opcode(0xF2, "CALLCODE", calls.callcode, 7, 1, GAS_ZERO),
    Opcode(0xF3, "RETURN", flow.return_, 2, 0, GAS_ZERO),
    Opcode(0xF4, "DELEGATECALL", calls.delegatecall, 6, 1, GAS_ZERO),
    Opcode(0xF5, "CREATE2", calls.create2, 4, 1, GAS_ZERO),
    Opcode(0xFA, "STATICCALL", calls.staticcall, 6, 1, GAS_ZERO),
    Opcode(0xFD, "REVERT", flow.revert, 2, 0, GAS_ZERO),
    Opcode(0xFE, "INVALID", flow.invalid, 0, 0, GAS_ZERO),
    Opcode(0xFF, "SELFDESTRUCT", calls.selfdestruct, 1, 0, GAS_SELF_DESTRUCT),
)


@cache
def opcodes(fork: Fork) -> tuple[Opcode, ...]:
    """The opcode of every byte in `fork`; others behave as INVALID. A later line replaces an earlier one."""
    table = [Opcode(number, f"0x{number:02x}", flow.invalid, 0, 0, GAS_ZERO) for number in range(256)]
    for opcode in OPCODES:
        if opcode.since <= fork:
            table[opcode.number] = opcode
    return tuple(table)
