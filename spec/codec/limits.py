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
