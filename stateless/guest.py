"""The verifier as a guest program: bytes in, bytes out. What a proof system runs, and what its proof then speaks of.

    guest(input) -> result

    input    schema id and SSZ of StatelessInput: the request with its witness, the parent's header, the chain id
    result   SSZ of StatelessResult, 73 bytes: the request's root, whether it is valid, the chain id, and the reason

A function of its input alone: no clock, disk, environment or randomness, and plain Python for an engine, so that it
needs nothing compiled. It never raises. What is trusted is only what the result names: the root commits to the whole
block, its hash to the parent's hash, and the parent's header, given beside it, must have that hash; so the state root
that the proof starts from is bound to the block.

The reason is the value of the broken rule's `Reason`, or "decode-error" where the input, or a point or scalar in its
proof, is not a canonical encoding. It is empty for a valid block.

Source: EIP-8025, "Guest program"; the reason is this project's addition.
"""

from typing import Any, Final

from spec.codec import rlp, ssz_request
from spec.containers import StatelessInput, StatelessResult
from spec.errors import DecodeError, Rejection
from spec.params import Profile
from spec.types import Bytes32, Uint64
from stateless.header import Parent
from stateless.verify import verify_block
from verkle.engine import Engine, ReferenceEngine

DECODE_ERROR: Final = "decode-error"
"""The reason where something is not a canonical encoding."""
NOTHING: Final = StatelessResult(Bytes32(bytes(32)), False, Uint64(0), DECODE_ERROR)
"""The result for bytes that are no input."""


def guest(data: bytes, engine: Engine[Any] | None = None) -> bytes:
    """Verify a block. Raises nothing: whatever `data` is, the result says what is wrong with it.

    `engine`: another provider of the same results; plain Python where none is given.
    """
    try:
        profile, given = ssz_request.decode_input(data)
    except DecodeError:
        return ssz_request.encode_result(NOTHING)
    root = ssz_request.request_root(given.new_payload_request, profile)
    reason = _reason(ReferenceEngine() if engine is None else engine, profile, given)
    return ssz_request.encode_result(StatelessResult(root, not reason, given.chain_id, reason))


def _reason(engine: Engine[Any], profile: Profile, given: StatelessInput) -> str:
    """Why a block is rejected; empty if it is not."""
    try:
        parent = Parent.of_header(rlp.decode_header(given.parent_header))
        verify_block(engine, profile, given.new_payload_request, parent, chain_id=given.chain_id)
    except Rejection as rejection:
        return str(rejection.reason)
    except DecodeError:
        return DECODE_ERROR
    return ""
