"""Prices of the machine that do not depend on how state is kept, in units of gas.

Source: yellow paper, appendix G, with the EIPs named beside each figure. What state access costs stands in the two
kinds of gas rules below: `AccountAccess` (EIP-2929 and its kin) and `WitnessAccess` (EIP-4762).
"""

from typing import Final

GAS_ZERO: Final = 0
GAS_JUMPDEST: Final = 1
GAS_BASE: Final = 2
GAS_VERY_LOW: Final = 3
GAS_LOW: Final = 5
GAS_MID: Final = 8
GAS_HIGH: Final = 10
GAS_EXPONENTIATION: Final = 10
GAS_EXPONENTIATION_BYTE: Final = 50
"""Per byte of the exponent. Source: EIP-160."""
GAS_KECCAK256: Final = 30
GAS_KECCAK256_WORD: Final = 6
GAS_COPY_WORD: Final = 3
GAS_MEMORY_WORD: Final = 3
MEMORY_QUADRATIC_DIVISOR: Final = 512
"""Memory of w words costs 3 w + w^2 // 512. Source: yellow paper, equation 328."""
GAS_LOG: Final = 375
GAS_LOG_TOPIC: Final = 375
GAS_LOG_BYTE: Final = 8
GAS_BLOCKHASH: Final = 20
GAS_SELF_DESTRUCT: Final = 5000
GAS_CALL_STIPEND: Final = 2300
"""Given to the callee of a call that carries value."""
GAS_INITCODE_WORD: Final = 2
"""Per word of initcode. Source: EIP-3860."""

GAS_TRANSACTION: Final = 21000
GAS_TRANSACTION_CREATE: Final = 32000
"""On top, for a transaction that creates a contract. Source: EIP-2."""
GAS_ZERO_BYTE: Final = 4
GAS_NONZERO_BYTE: Final = 16
"""Of transaction data. Source: EIP-2028."""
GAS_ACCESS_LIST_ADDRESS: Final = 2400
GAS_ACCESS_LIST_STORAGE_KEY: Final = 1900
"""Source: EIP-2930."""
GAS_FLOOR_TOKEN: Final = 10
"""Least price of a token of calldata; a zero byte is one token, another byte four. Source: EIP-7623."""
GAS_EMPTY_ACCOUNT: Final = 25000
"""Per authorization, and per new account in EIP-2929 networks. Source: EIP-7702, PER_EMPTY_ACCOUNT_COST."""
GAS_AUTHORIZATION_BASE: Final = 12500
"""What an authorization of an existing account costs in the end. Source: EIP-7702, PER_AUTH_BASE_COST."""
GAS_PER_BLOB: Final = 2**17
"""Blob gas of one blob. Source: EIP-4844."""
MIN_BASE_FEE_PER_BLOB_GAS: Final = 1
"""Source: EIP-4844."""
BLOB_BASE_COST: Final = 2**13
"""Gas that a blob costs at least, through the blob base fee. Source: EIP-7918."""
REFUND_QUOTIENT: Final = 5
"""At most a fifth of the gas used is refunded. Source: EIP-3529."""

BASE_FEE_CHANGE_DENOMINATOR: Final = 8
ELASTICITY_MULTIPLIER: Final = 2
"""Source: EIP-1559."""
GAS_LIMIT_BOUND_DIVISOR: Final = 1024
GAS_LIMIT_MINIMUM: Final = 5000
"""How far a block's gas limit may move from its parent's, and its least value. Source: yellow paper, equation 47."""
TRANSACTION_GAS_LIMIT: Final = 2**24
"""The most gas of one transaction. Source: EIP-7825."""

STACK_LIMIT: Final = 1024
CALL_DEPTH_LIMIT: Final = 1024
MAX_CODE_BYTES: Final = 24576
"""Source: EIP-170."""
MAX_INITCODE_BYTES: Final = 2 * MAX_CODE_BYTES
"""Source: EIP-3860."""
EOF_PREFIX: Final = 0xEF
"""No code may begin with it. Source: EIP-3541."""
DELEGATION_PREFIX: Final = bytes.fromhex("ef0100")
"""Code that delegates to the address behind it. Source: EIP-7702."""
