"""General state tests: one transaction, the accounts that it finds, and the root that each fork leaves behind.

    {"name": {"env": {...}, "pre": {address: account}, "transaction": {...},
              "post": {"Cancun": [{"hash", "logs", "indexes", "txbytes", "expectException"?}, ...], ...},
              "config"?: {"chainid", "blobSchedule"}, "_info"?: ...}}

The transaction is a template: `data`, `gasLimit`, `value` and `accessLists` are arrays, and a case says by `indexes`
which element of the first three it takes (an access list goes with its data). `txbytes` is the signed transaction
itself, and the only form of one that breaks a bound.

A member that this reader does not know might change what a test means, so unknown names are refused everywhere but in
`_info`. Integers are hex with or without leading zeros, or decimal.

Source: ethereum/tests, "docs/test_types/gstate_tests.rst"; execution-spec-tests, "docs/running_tests/test_formats/
state_test.md".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from spec.codec.genesis_json import decode_alloc
from spec.codec.limits import MAX_BYTES_PER_TRANSACTION
from spec.codec.text import (
    Reader,
    an_object,
    bytes_up_to,
    each,
    fixed,
    hex_bytes,
    member,
    member_or,
    optional,
    optional_member,
    record,
    shown,
    string,
    whole_number,
)
from spec.containers import AccessTuple, Account, Authorization, Transaction
from spec.errors import DecodeError
from spec.types import Address, BoundedInt, Bytes32, Hash32, Uint64, Uint256

MAX_CASES: Final = 2**16
"""Cases of one fork in one test, and elements of each array of a template."""
MAINNET: Final = Uint64(1)
"""The chain that tests without a `config` are signed for."""

_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_BIG: Final = re.compile(r"0x:bigint 0x([0-9a-fA-F]{1,128})")
"""How retesteth writes a number that has no form in a transaction."""

N = TypeVar("N", bound=BoundedInt)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Environment:
    """The block that the transaction is in. None: not stated."""

    coinbase: Address
    number: Uint64
    timestamp: Uint64
    gas_limit: Uint64
    difficulty: Uint256
    prev_randao: Bytes32 | None
    base_fee: Uint256
    excess_blob_gas: Uint64


@dataclass(frozen=True, slots=True)
class Template:
    """The transactions of a test. Fields are None where no transaction has them."""

    nonce: Uint64
    gas_price: Uint256 | None
    max_priority_fee_per_gas: Uint256 | None
    max_fee_per_gas: Uint256 | None
    gas_limits: tuple[Uint64, ...]
    to: Address | None
    values: tuple[int, ...]
    """Not bounded: a test may have more wei than a transaction can tell."""
    data: tuple[bytes, ...]
    access_lists: tuple[tuple[AccessTuple, ...] | None, ...] | None
    """By data; None in it: this one has no access list."""
    max_fee_per_blob_gas: Uint256 | None
    blob_versioned_hashes: tuple[Bytes32, ...] | None
    authorization_list: tuple[Authorization, ...] | None
    sender: Address | None

    def transaction(self, chain_id: Uint64, data: int, gas: int, value: int) -> Transaction:
        """The transaction of a case, without its signature (zeros). Raises: DecodeError where none has such a value.

        It is of the oldest type that can say what the template says.
        """
        access_list = None if self.access_lists is None else self.access_lists[data]
        if self.authorization_list is not None:
            kind = 4
        elif self.blob_versioned_hashes is not None or self.max_fee_per_blob_gas is not None:
            kind = 3
        elif self.max_fee_per_gas is not None or self.max_priority_fee_per_gas is not None:
            kind = 2
        else:
            kind = 0 if access_list is None else 1
        return Transaction(
            type=kind,
            chain_id=chain_id,
            nonce=self.nonce,
            gas_price=self.gas_price,
            max_priority_fee_per_gas=self.max_priority_fee_per_gas,
            max_fee_per_gas=self.max_fee_per_gas,
            gas_limit=self.gas_limits[gas],
            to=self.to,
            value=Uint256(self.values[value]),
            data=self.data[data],
            access_list=access_list or (),
            max_fee_per_blob_gas=self.max_fee_per_blob_gas,
            blob_versioned_hashes=self.blob_versioned_hashes or (),
            authorization_list=self.authorization_list or (),
            y_parity=0,
            r=Uint256(0),
            s=Uint256(0),
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """One case: which transaction, and what it must lead to."""

    data: int
    gas: int
    value: int
    state_root: Hash32
    logs_hash: Hash32
    """keccak256 of the RLP of all logs."""
    transaction: bytes | None
    """The signed transaction (EIP-2718), where the file has it."""
    exception: str | None
    """Why the transaction must be refused, in the words of execution-spec-tests; alternatives stand apart by |."""


@dataclass(frozen=True, slots=True)
class BlobFigures:
    """Blobs of a block and their price, where a test brings its own. Source: EIP-7840."""

    target: Uint64
    maximum: Uint64
    base_fee_update_fraction: Uint64


@dataclass(frozen=True, slots=True)
class StateTest:
    """One test of a file."""

    name: str
    environment: Environment
    pre: Mapping[Address, Account]
    template: Template
    cases: Mapping[str, tuple[Expectation, ...]]
    """By fork, in the words of the file."""
    chain_id: Uint64
    blob_figures: Mapping[str, BlobFigures]
    """By fork."""


def decode_state_tests(value: object) -> tuple[StateTest, ...]:
    """The tests of a parsed file, in its order. Raises: DecodeError, for a file without tests too."""
    tests = []
    for name, test in an_object(value).items():
        try:
            tests.append(_read_test(name, test))
        except DecodeError as error:
            raise error.inside(f"[{shown(name)}]") from None
    if not tests:
        raise DecodeError("the file holds no test")
    return tuple(tests)


# ---- records


def _names(*names: str) -> dict[str, str]:
    """Members of a closed record: each has one spelling."""
    return {name: name for name in names}


_TEST: Final = _names("env", "pre", "transaction", "post", "config", "_info")
_ENVIRONMENT: Final = _names(
    "currentCoinbase", "currentNumber", "currentTimestamp", "currentGasLimit", "currentDifficulty", "currentRandom",
    "currentBaseFee", "currentExcessBlobGas",
    "previousHash", "currentBeaconRoot", "currentWithdrawalsRoot",
)  # fmt: skip
"""The last line is there in older files, and no opcode tells it."""
_TRANSACTION: Final = _names(
    "nonce", "gasPrice", "maxPriorityFeePerGas", "maxFeePerGas", "gasLimit", "to", "value", "data", "accessLists",
    "maxFeePerBlobGas", "blobVersionedHashes", "authorizationList", "sender", "secretKey",
)  # fmt: skip
_ACCESS: Final = _names("address", "storageKeys")
_AUTHORIZATION: Final = _names("chainId", "address", "nonce", "yParity", "v", "r", "s", "signer")
"""`v` is an older name of yParity, and `signer` tells who signed."""
_CASE: Final = _names("hash", "logs", "indexes", "txbytes", "expectException", "state")
"""`state` spells the accounts out that `hash` is the root of."""
_INDEXES: Final = _names("data", "gas", "value")
_CONFIG: Final = _names("chainid", "blobSchedule")
_BLOBS: Final = _names("target", "max", "baseFeeUpdateFraction")

_NO_CONFIG: Final[tuple[Uint64, Mapping[str, BlobFigures]]] = (MAINNET, {})


def _read_test(name: str, value: object) -> StateTest:
    members = record(value, _TEST, closed=True)
    chain_id, blob_figures = member_or(members, "config", _read_config, _NO_CONFIG)
    test = StateTest(
        name=name,
        environment=member(members, "env", _read_environment),
        pre=member(members, "pre", decode_alloc),
        template=member(members, "transaction", _read_template),
        cases=member(members, "post", _by_fork(each(_read_case, MAX_CASES, "cases"))),
        chain_id=chain_id,
        blob_figures=blob_figures,
    )
    for fork, cases in test.cases.items():
        for number, case in enumerate(cases):
            try:
                _check_case(test.template, case)
            except DecodeError as error:
                raise error.inside(f"post[{shown(fork)}][{number}]") from None
    return test


def _read_config(value: object) -> tuple[Uint64, Mapping[str, BlobFigures]]:
    members = record(value, _CONFIG, closed=True)
    chain_id = member_or(members, "chainid", _read_uint64, MAINNET)
    return chain_id, member_or(members, "blobSchedule", _by_fork(_read_blobs), {})


def _check_case(template: Template, case: Expectation) -> None:
    for index, array, name in (
        (case.data, template.data, "data"),
        (case.gas, template.gas_limits, "gas"),
        (case.value, template.values, "value"),
    ):
        if index >= len(array):
            raise DecodeError(f"there are {len(array)} of them", f"indexes.{name}")
    if template.access_lists is not None and case.data >= len(template.access_lists):
        raise DecodeError(f"there are {len(template.access_lists)} access lists", "indexes.data")
    if case.transaction is None and template.sender is None:
        raise DecodeError("neither txbytes nor the sender is given")


def _read_environment(value: object) -> Environment:
    members = record(value, _ENVIRONMENT, closed=True)
    return Environment(
        coinbase=member(members, "currentCoinbase", fixed(Address)),
        number=member(members, "currentNumber", _read_uint64),
        timestamp=member(members, "currentTimestamp", _read_uint64),
        gas_limit=member(members, "currentGasLimit", _read_uint64),
        difficulty=member_or(members, "currentDifficulty", _read_uint256, Uint256(0)),
        prev_randao=optional_member(members, "currentRandom", _read_word),
        base_fee=member_or(members, "currentBaseFee", _read_uint256, Uint256(0)),
        excess_blob_gas=member_or(members, "currentExcessBlobGas", _read_uint64, Uint64(0)),
    )


def _read_template(value: object) -> Template:
    members = record(value, _TRANSACTION, closed=True)
    template = Template(
        nonce=member(members, "nonce", _read_uint64),
        gas_price=optional_member(members, "gasPrice", _read_uint256),
        max_priority_fee_per_gas=optional_member(members, "maxPriorityFeePerGas", _read_uint256),
        max_fee_per_gas=optional_member(members, "maxFeePerGas", _read_uint256),
        gas_limits=member(members, "gasLimit", each(_read_uint64, MAX_CASES)),
        to=optional_member(members, "to", _read_to),
        values=member(members, "value", each(_read_wei, MAX_CASES)),
        data=member(members, "data", each(_read_data, MAX_CASES)),
        access_lists=optional_member(members, "accessLists", each(optional(_read_access_list), MAX_CASES)),
        max_fee_per_blob_gas=optional_member(members, "maxFeePerBlobGas", _read_uint256),
        blob_versioned_hashes=optional_member(members, "blobVersionedHashes", each(fixed(Bytes32), MAX_CASES)),
        authorization_list=optional_member(members, "authorizationList", each(_read_authorization, MAX_CASES)),
        sender=optional_member(members, "sender", fixed(Address)),
    )
    optional_member(members, "secretKey", fixed(Bytes32))
    if template.gas_price is None and template.max_fee_per_gas is None:
        raise DecodeError("neither gasPrice nor maxFeePerGas is given")
    return template


def _read_case(value: object) -> Expectation:
    members = record(value, _CASE, closed=True)
    indexes = member(members, "indexes", lambda indexes: record(indexes, _INDEXES, closed=True))
    data, gas, value_index = (member(indexes, name, _read_uint64) for name in ("data", "gas", "value"))
    return Expectation(
        data=data,
        gas=gas,
        value=value_index,
        state_root=member(members, "hash", fixed(Hash32)),
        logs_hash=member(members, "logs", fixed(Hash32)),
        transaction=optional_member(members, "txbytes", bytes_up_to(MAX_BYTES_PER_TRANSACTION)),
        exception=optional_member(members, "expectException", string),
    )


def _read_access_tuple(value: object) -> AccessTuple:
    members = record(value, _ACCESS, closed=True)
    return AccessTuple(
        address=member(members, "address", fixed(Address)),
        storage_keys=member(members, "storageKeys", each(fixed(Bytes32), MAX_CASES)),
    )


_read_access_list: Final = each(_read_access_tuple, MAX_CASES)


def _read_authorization(value: object) -> Authorization:
    members = record(value, _AUTHORIZATION, closed=True)
    parity = "yParity" if "yParity" in members else "v"
    return Authorization(
        chain_id=member(members, "chainId", _read_uint256),
        address=member(members, "address", fixed(Address)),
        nonce=member(members, "nonce", _read_uint64),
        y_parity=member(members, parity, _read_uint64),
        r=member(members, "r", _read_uint256),
        s=member(members, "s", _read_uint256),
    )


def _read_blobs(value: object) -> BlobFigures:
    members = record(value, _BLOBS, closed=True)
    return BlobFigures(
        target=member(members, "target", _read_uint64),
        maximum=member(members, "max", _read_uint64),
        base_fee_update_fraction=member(members, "baseFeeUpdateFraction", _read_uint64),
    )


def _by_fork(read: Reader[V]) -> Reader[Mapping[str, V]]:
    def read_all(value: object) -> Mapping[str, V]:
        entries = {}
        for fork, element in an_object(value).items():
            try:
                entries[fork] = read(element)
            except DecodeError as error:
                raise error.inside(f"[{shown(fork)}]") from None
        return MappingProxyType(entries)

    return read_all


# ---- values


def _number(value: object) -> int:
    if isinstance(value, str) and _HEX.fullmatch(value):
        return int(value[2:], 16)
    return whole_number(value)


def _integer(kind: type[N]) -> Reader[N]:
    return lambda value: kind(_number(value))


_read_uint64: Final = _integer(Uint64)
_read_uint256: Final = _integer(Uint256)


def _read_word(value: object) -> Bytes32:
    """A word, whose leading zeros may be left out."""
    return Bytes32(_read_uint256(value).to_bytes(Bytes32.LENGTH, "big"))


def _read_wei(value: object) -> int:
    match = _BIG.fullmatch(value) if isinstance(value, str) else None
    return int(match[1], 16) if match else int(_read_uint256(value))


def _read_to(value: object) -> Address | None:
    """The receiver; no characters create a contract."""
    return None if value == "" else fixed(Address)(value)


def _read_data(value: object) -> bytes:
    return b"" if value == "" else hex_bytes(value)
