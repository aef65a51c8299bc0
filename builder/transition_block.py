"""The block of a transition tool: its rules by name, and its environment, completed from its parent's figures.

Source: go-ethereum, `cmd/evm/README.md` ("Env"); EIPs 1559, 2935, 4399, 4844, 7918.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from spec.codec.transition_json import Environment
from spec.errors import DecodeError
from spec.forks import FORKS, Execution, Fork
from spec.gas import ELASTICITY_MULTIPLIER
from spec.params import KAUSTINEN7, PROFILES, Profile
from spec.types import Bytes32
from stateless.evm.block import BlockEnvironment
from stateless.fees import blob_base_fee, most_excess, next_base_fee, next_excess_blob_gas

NO_RANDAO: Final = Bytes32(bytes(32))


@dataclass(frozen=True, slots=True)
class Network:
    """The rules of a block."""

    rules: Execution
    profile: Profile | None
    """How state stands in a Verkle tree. None: it is plain accounts."""


def _networks() -> dict[str, Network]:
    named = {name: Network(rules, None) for name, rules in FORKS.items()}
    named |= {name.capitalize(): network for name, network in named.items()}
    named["Merge"] = named["paris"]
    named |= {
        name: Network(profile.execution, profile) for name, profile in PROFILES.items() if profile.execution is not None
    }
    named["Verkle"] = named[KAUSTINEN7.name]
    return named


NETWORKS: Final[Mapping[str, Network]] = MappingProxyType(_networks())
"""By name: forks as execution-spec-tests writes them (`Cancun`) or as we do (`cancun`), and profiles.

`Verkle` is what execution-spec-tests' Verkle branch means by it, which is devnet 7; `verkle` is our own profile.
"""


def block_of(env: Environment, rules: Execution, chain_id: int) -> tuple[BlockEnvironment, int | None]:
    """The block that an environment describes, and its excess blob gas (None before Cancun).

    Raises: DecodeError where something is missing that the rules ask for.
    """
    if rules.fork >= Fork.PARIS and env.prev_randao is None:
        raise DecodeError("missing; there is one since the merge", "env.currentRandom")
    if rules.fork < Fork.PARIS and env.difficulty is None:
        raise DecodeError("missing; it is not computed here", "env.currentDifficulty")
    if env.conversion_started and not env.conversion_ended:
        raise DecodeError("blocks of an ongoing conversion cannot be executed", "env.currentConversionEnded")
    base_fee = _base_fee(env)
    excess = _excess_blob_gas(rules, env, base_fee)
    before = env.parent_hash if env.parent_hash is not None else env.block_hashes.get(env.number - 1)
    block = BlockEnvironment(
        number=env.number,
        timestamp=env.timestamp,
        coinbase=env.coinbase,
        gas_limit=env.gas_limit,
        prev_randao=NO_RANDAO if env.prev_randao is None else env.prev_randao,
        base_fee=base_fee,
        chain_id=chain_id,
        difficulty=env.difficulty or 0 if rules.fork < Fork.PARIS else 0,
        blob_base_fee=1 if rules.blobs is None or excess is None else blob_base_fee(rules.blobs, excess),
        parent_hash=None if before is None else Bytes32(before),
        parent_beacon_block_root=env.parent_beacon_block_root,
        hashes=tuple(env.block_hashes.items()),
    )
    return block, excess


def _base_fee(env: Environment) -> int:
    if env.base_fee is not None:
        return env.base_fee
    if env.parent_base_fee is None or env.parent_gas_limit is None:
        raise DecodeError("neither it nor parentBaseFee and parentGasLimit are given", "env.currentBaseFee")
    if env.parent_gas_limit < ELASTICITY_MULTIPLIER:
        raise DecodeError("no block has so little", "env.parentGasLimit")
    return next_base_fee(env.parent_gas_limit, env.parent_gas_used, env.parent_base_fee)


def _excess_blob_gas(rules: Execution, env: Environment, base_fee: int) -> int | None:
    blobs = rules.blobs
    if blobs is None:
        return None
    most = most_excess(blobs)
    for name, excess in (
        ("currentExcessBlobGas", env.excess_blob_gas),
        ("parentExcessBlobGas", env.parent_excess_blob_gas),
    ):
        if excess is not None and excess > most:
            raise DecodeError(f"at most {most}: beyond, no blob can be paid for", f"env.{name}")
    if env.excess_blob_gas is not None:
        return env.excess_blob_gas
    parent_fee = base_fee if env.parent_base_fee is None else env.parent_base_fee
    return next_excess_blob_gas(blobs, env.parent_excess_blob_gas, env.parent_blob_gas_used, parent_fee)
