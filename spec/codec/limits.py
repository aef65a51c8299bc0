"""The lengths that consensus-specs sets to the lists of an execution payload. Codecs refuse longer ones unread."""

from typing import Final

MAX_BYTES_PER_TRANSACTION: Final = 2**30
"""Source: consensus-specs, Bellatrix, "Execution" preset."""
MAX_TRANSACTIONS_PER_PAYLOAD: Final = 2**20
"""Source: consensus-specs, Bellatrix, "Execution" preset."""
MAX_EXTRA_DATA_BYTES: Final = 32
"""Source: consensus-specs, Bellatrix, "Execution" preset; yellow paper, section 4.4.4."""
MAX_WITHDRAWALS_PER_PAYLOAD: Final = 16
"""Source: consensus-specs, Capella, "Execution" preset."""
MAX_BLOB_COMMITMENTS_PER_BLOCK: Final = 4096
"""Source: consensus-specs, Deneb, "Execution" preset."""
MAX_DEPOSIT_REQUESTS_PER_PAYLOAD: Final = 8192
"""Source: consensus-specs, Electra, "Execution" preset."""
MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD: Final = 16
"""Source: consensus-specs, Electra, "Execution" preset."""
MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD: Final = 2
"""Source: consensus-specs, Electra, "Execution" preset."""
MAX_REQUEST_TYPES: Final = 256
"""A request's type is one byte. Source: EIP-7685."""
MAX_REQUEST_BYTES: Final = 2**21
"""Of one type: more than 8,192 deposits of 192 bytes."""
MAX_HEADER_BYTES: Final = 2**10
"""Source: EIP-8025 as execution-specs has it, MAX_BYTES_PER_HEADER."""
