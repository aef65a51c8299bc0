"""Which precompiled contracts a fork has, and where they stand.

Source: yellow paper, appendix E; the EIPs that each module names; EIP-7910 for the names.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from spec.forks import Fork
from spec.types import Address
from stateless.evm.precompiles.blake2f import BLAKE2F
from stateless.evm.precompiles.bls12381 import (
    BLS12_G1ADD,
    BLS12_G1MSM,
    BLS12_G2ADD,
    BLS12_G2MSM,
    BLS12_MAP_FP2_TO_G2,
    BLS12_MAP_FP_TO_G1,
    BLS12_PAIRING_CHECK,
)
from stateless.evm.precompiles.bn254 import BN254_ADD, BN254_MUL, BN254_PAIRING
from stateless.evm.precompiles.hashes import IDENTITY, RIPEMD160, SHA256
from stateless.evm.precompiles.modexp import MODEXP_BERLIN, MODEXP_OSAKA
from stateless.evm.precompiles.p256 import P256VERIFY
from stateless.evm.precompiles.point_evaluation import KZG_POINT_EVALUATION
from stateless.evm.precompiles.precompile import Precompile
from stateless.evm.precompiles.signature import ECRECOVER

_TABLE: Final = (
    (Fork.LONDON, 0x01, ECRECOVER),
    (Fork.LONDON, 0x02, SHA256),
    (Fork.LONDON, 0x03, RIPEMD160),
    (Fork.LONDON, 0x04, IDENTITY),
    (Fork.LONDON, 0x05, MODEXP_BERLIN),
    (Fork.LONDON, 0x06, BN254_ADD),
    (Fork.LONDON, 0x07, BN254_MUL),
    (Fork.LONDON, 0x08, BN254_PAIRING),
    (Fork.LONDON, 0x09, BLAKE2F),
    (Fork.CANCUN, 0x0A, KZG_POINT_EVALUATION),
    (Fork.PRAGUE, 0x0B, BLS12_G1ADD),
    (Fork.PRAGUE, 0x0C, BLS12_G1MSM),
    (Fork.PRAGUE, 0x0D, BLS12_G2ADD),
    (Fork.PRAGUE, 0x0E, BLS12_G2MSM),
    (Fork.PRAGUE, 0x0F, BLS12_PAIRING_CHECK),
    (Fork.PRAGUE, 0x10, BLS12_MAP_FP_TO_G1),
    (Fork.PRAGUE, 0x11, BLS12_MAP_FP2_TO_G2),
    (Fork.OSAKA, 0x05, MODEXP_OSAKA),
    (Fork.OSAKA, 0x100, P256VERIFY),
)
"""Since which fork, the address as a number, what stands there; a later line replaces an earlier one."""


@cache
def precompiles(fork: Fork) -> Mapping[Address, Precompile]:
    """The contracts of a fork by address. Immutable, and the same object for the same fork."""
    return MappingProxyType(
        {
            Address(number.to_bytes(Address.LENGTH, "big")): precompile
            for since, number, precompile in _TABLE
            if since <= fork
        }
    )
