"""What the machine must know of a network besides its tree: forks and their rules, as data.

`Fork` only orders: an opcode, a precompile or a transaction type that came with a fork is there in every later one.
Everything else a network says field by field in its `Execution` record; the machine never asks for a fork's name.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from types import MappingProxyType
from typing import Final

from spec.gas import GAS_PER_BLOB, TRANSACTION_GAS_LIMIT
from spec.types import Address


@unique
class Fork(IntEnum):
    """Forks of mainnet that the machine knows, oldest first."""

    LONDON = 1
    PARIS = 2
    SHANGHAI = 3
    CANCUN = 4
    PRAGUE = 5
    OSAKA = 6


@dataclass(frozen=True, slots=True)
class BlobSchedule:
    """Blobs of a block and their price. Source: EIP-4844, EIP-7691, EIP-7840."""

    target: int
    maximum: int
    base_fee_update_fraction: int
    per_transaction: int
    """The most blobs of one transaction. Source: EIP-7594."""
    reserve_price: bool
    """Whether a blob costs at least what its share of execution gas would. Source: EIP-7918."""

    @property
    def most_gas(self) -> int:
        """Blob gas of a full block."""
        return GAS_PER_BLOB * self.maximum


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """State access priced by account and slot: EIP-2929, EIP-2200 and EIP-3529. No switch is needed since London."""


@dataclass(frozen=True, slots=True)
class WitnessAccess:
    """State access priced by witness size: EIP-4762 and the points on which its text is silent or clients disagree.

    Each switch has a line in spec/gas.md: what the EIP says, what clients do, what we do, why.
    """

    chunk_fill_cost: int
    """CHUNK_FILL_COST, for the first write of a leaf that was absent; the devnets never charged it."""
    warm_cost: int
    """Charged by SLOAD, SSTORE, BALANCE, EXTCODE* and calls instead of nothing, when all their events were paid for."""
    warm_sender_and_target: bool
    """Whether a transaction's own events make its sender and target warm."""
    new_account_gas: int
    """Of a call that carries value to an empty account. The EIP removed it, devnet 7 kept it."""
    stipend_is_paid: bool
    """Whether who sends value pays for the stipend, so that no call can leave more gas than it found."""
    caller_pays_for_new_account: bool
    """Who pays for writing the code hash of an account that a call creates: the caller, or the callee's gas."""
    new_precompile_has_code_hash: bool
    """Whether value sent to an absent precompile writes (and lists) its code hash as for any account."""
    callcode_has_transfer_events: bool
    """Whether CALLCODE with value has the events of a transfer, though no wei moves. The EIP's text says so."""
    creation_writes_creator: bool
    """Whether CREATE and CREATE2 have a write event on the creator's basic data: its nonce changes."""
    copy_reads_own_basic_data: bool
    """Whether CODECOPY has an event on the running account's basic data."""
    precompile_code_hash_is_read: bool
    """Whether EXTCODEHASH of a precompile has its event: whether there is an account decides the answer."""
    absent_target_writes_code_hash: bool
    """Whether a transaction to an absent account writes the code hash even when it carries no value."""
    jump_destination_bits: int
    """How many bits of a jump destination decide which chunk is charged."""
    warm_out_of_gas_is_forgiven: bool
    """Whether BALANCE and EXTCODE* that cannot pay the warm cost take what is left and go on."""
    failed_copy_records_basic_data: bool
    """Whether EXTCODECOPY records the target's basic data before it finds that it cannot pay for its memory."""
    touch_makes_account: bool
    """Whether an empty account that a call of no value touches exists until the transaction ends."""
    zero_withdrawal_has_events: bool
    """Whether a withdrawal of nothing lists its account."""
    clears_destroyed: bool
    """Whether an account destroyed in the transaction that created it leaves zeros in leaves that it had before."""


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """State access as devnet 6 priced it: EIP-4762 of spring 2024 over five leaves per account."""


Access = AccountAccess | WitnessAccess | FieldAccess


@dataclass(frozen=True, slots=True)
class SystemContracts:
    """Contracts that the protocol itself calls. None: the network does not."""

    history: Address | None = None
    """EIP-2935."""
    beacon_roots: Address | None = None
    """EIP-4788."""
    withdrawal_requests: Address | None = None
    """EIP-7002."""
    consolidation_requests: Address | None = None
    """EIP-7251."""
    deposits: Address | None = None
    """EIP-6110: its logs are requests. The protocol never calls it."""

    def called(self) -> tuple[Address, ...]:
        """Those that the protocol calls: EIP-4762's system contracts."""
        known = (self.history, self.beacon_roots, self.withdrawal_requests, self.consolidation_requests)
        return tuple(address for address in known if address is not None)


@dataclass(frozen=True, slots=True)
class Execution:
    """The rules by which a network executes."""

    fork: Fork
    """Opcodes, precompiles and transaction types up to this fork."""
    access: Access
    limits_initcode: bool
    """EIP-3860."""
    warm_coinbase: bool
    """EIP-3651."""
    destroys_only_created: bool
    """SELFDESTRUCT deletes only what the same transaction created. Source: EIP-6780."""
    calldata_floor: bool
    """EIP-7623."""
    transaction_gas_limit: int | None
    """EIP-7825."""
    blobs: BlobSchedule | None
    """EIP-4844."""
    system: SystemContracts
    history_window: int = 8191
    """Slots of the history contract. Source: EIP-2935, HISTORY_SERVE_WINDOW."""
    history_write_makes_account: bool = False
    """Whether storing the first hash makes an (empty) account of a history contract that is not there."""

    @property
    def last_transaction_type(self) -> int:
        """Types 0 to 2, 3 from Cancun (EIP-4844), 4 from Prague (EIP-7702)."""
        return 2 + (self.fork >= Fork.CANCUN) + (self.fork >= Fork.PRAGUE)

    @property
    def delegates(self) -> bool:
        """Whether accounts can delegate to code (EIP-7702)."""
        return self.fork >= Fork.PRAGUE


HISTORY_ADDRESS: Final = Address(bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935"))
"""Source: EIP-2935, "Parameters"."""
BEACON_ROOTS_ADDRESS: Final = Address(bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02"))
"""Source: EIP-4788, "Specification"."""
WITHDRAWAL_REQUESTS_ADDRESS: Final = Address(bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002"))
"""Source: EIP-7002, "Configuration"."""
CONSOLIDATION_REQUESTS_ADDRESS: Final = Address(bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251"))
"""Source: EIP-7251, "Constants"."""
DEPOSIT_CONTRACT_ADDRESS: Final = Address(bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa"))
"""Mainnet's. Source: EIP-6110."""

LONDON: Final = Execution(
    fork=Fork.LONDON,
    access=AccountAccess(),
    limits_initcode=False,
    warm_coinbase=False,
    destroys_only_created=False,
    calldata_floor=False,
    transaction_gas_limit=None,
    blobs=None,
    system=SystemContracts(),
)
PARIS: Final = replace(LONDON, fork=Fork.PARIS)
SHANGHAI: Final = replace(PARIS, fork=Fork.SHANGHAI, limits_initcode=True, warm_coinbase=True)
CANCUN: Final = replace(
    SHANGHAI,
    fork=Fork.CANCUN,
    destroys_only_created=True,
    blobs=BlobSchedule(3, 6, 3338477, per_transaction=6, reserve_price=False),
    system=SystemContracts(beacon_roots=BEACON_ROOTS_ADDRESS),
)
PRAGUE: Final = replace(
    CANCUN,
    fork=Fork.PRAGUE,
    calldata_floor=True,
    blobs=BlobSchedule(6, 9, 5007716, per_transaction=9, reserve_price=False),
    system=SystemContracts(
        HISTORY_ADDRESS,
        BEACON_ROOTS_ADDRESS,
        WITHDRAWAL_REQUESTS_ADDRESS,
        CONSOLIDATION_REQUESTS_ADDRESS,
        DEPOSIT_CONTRACT_ADDRESS,
    ),
)
OSAKA: Final = replace(
    PRAGUE,
    fork=Fork.OSAKA,
    transaction_gas_limit=TRANSACTION_GAS_LIMIT,
    blobs=BlobSchedule(6, 9, 5007716, per_transaction=6, reserve_price=True),
)

FORKS: Final = MappingProxyType(
    {
        "london": LONDON,
        "paris": PARIS,
        "shanghai": SHANGHAI,
        "cancun": CANCUN,
        "prague": PRAGUE,
        "osaka": OSAKA,
    }
)
"""Rules of mainnet's forks by name: state in a Merkle-Patricia trie."""

VERKLE_ACCESS: Final = WitnessAccess(
    chunk_fill_cost=6200,
    warm_cost=100,
    warm_sender_and_target=True,
    new_account_gas=0,
    stipend_is_paid=True,
    caller_pays_for_new_account=True,
    new_precompile_has_code_hash=True,
    callcode_has_transfer_events=True,
    creation_writes_creator=True,
    copy_reads_own_basic_data=True,
    precompile_code_hash_is_read=True,
    absent_target_writes_code_hash=False,
    jump_destination_bits=256,
    warm_out_of_gas_is_forgiven=False,
    failed_copy_records_basic_data=False,
    touch_makes_account=False,
    zero_withdrawal_has_events=False,
    clears_destroyed=True,
)
"""EIP-4762's text, with its gaps closed."""
KAUSTINEN7_ACCESS: Final = WitnessAccess(
    chunk_fill_cost=0,
    warm_cost=100,
    warm_sender_and_target=True,
    new_account_gas=25000,
    stipend_is_paid=False,
    caller_pays_for_new_account=False,
    new_precompile_has_code_hash=False,
    callcode_has_transfer_events=False,
    creation_writes_creator=False,
    copy_reads_own_basic_data=False,
    precompile_code_hash_is_read=False,
    absent_target_writes_code_hash=True,
    jump_destination_bits=64,
    warm_out_of_gas_is_forgiven=True,
    failed_copy_records_basic_data=True,
    touch_makes_account=True,
    zero_withdrawal_has_events=True,
    clears_destroyed=False,
)
"""As the devnet's client had it."""

DEVNET_HISTORY_ADDRESS: Final = Address(bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe"))
"""Where the devnets kept history: today's SYSTEM_ADDRESS."""

VERKLE_EXECUTION: Final = replace(OSAKA, access=VERKLE_ACCESS)
KAUSTINEN7_EXECUTION: Final = replace(
    SHANGHAI,
    access=KAUSTINEN7_ACCESS,
    destroys_only_created=True,
    system=SystemContracts(history=DEVNET_HISTORY_ADDRESS),
    history_window=8192,
    history_write_makes_account=True,
)
KAUSTINEN6_EXECUTION: Final = replace(KAUSTINEN7_EXECUTION, access=FieldAccess())
