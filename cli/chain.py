"""A chain of blocks, each verified from its witness and its parent's state root.

The blocks are independent of each other: a block's parent root is its predecessor's header state root, whether that
predecessor was found valid or not. So every verdict is conditional on the parent's header, and blocks can be verified
in any order, or side by side.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import click

from cli.engines import EngineChoice
from cli.files import Document
from cli.output import Stopwatch
from cli.sizes import Sizes
from spec.containers import ExecutionPayload
from spec.errors import DecodeError, Reason, Rejection, UnknownNode
from spec.params import Profile
from spec.types import Hash32, StateRoot
from stateless.verify import verify_block
from verkle.engine import Engine, P

CHECKS: Final = ("proof", "post-root")
"""What a verdict rests on so far."""
STAGES: Final = ("read", "proof", "post_root")
"""What is timed, in this order."""
DECODE_ERROR: Final = "decode-error"
"""The reason of a block whose proof holds a point or scalar that is not canonical."""
UNKNOWN_NODE: Final = "unknown-node"
"""The reason of a block that writes where its witness proves nothing."""

NO_HASH: Final = Hash32(bytes(32))


@dataclass(frozen=True, slots=True)
class Parent:
    """What is known of a block's parent; number and hash are None where only the root is trusted."""

    state_root: StateRoot
    number: int | None = None
    block_hash: Hash32 | None = None

    @classmethod
    def of(cls, payload: ExecutionPayload) -> "Parent":
        """The parent that a payload is to its successor."""
        return cls(payload.state_root, payload.block_number, payload.block_hash)


@dataclass(frozen=True, slots=True)
class Job:
    """One block to verify, on its own."""

    place: str
    payload: ExecutionPayload
    parent: Parent
    profile: Profile
    read_seconds: float
    consumed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one block."""

    place: str
    number: int
    block_hash: Hash32
    reason: str | None
    """None: valid."""
    detail: str | None
    sizes: Sizes | None
    """None where there is no witness."""
    seconds: dict[str, float]
    """By stage, as far as it went."""
    consumed: int

    @property
    def valid(self) -> bool:
        """Whether every check passed."""
        return self.reason is None


def is_empty_slot(payload: ExecutionPayload) -> bool:
    """Whether this is the empty payload that a beacon chain's genesis slot carries: no block at all."""
    return payload.block_number == 0 and payload.block_hash == NO_HASH


@dataclass(slots=True)
class Selection:
    """Which blocks of a stream are verified, and what the first one builds on."""

    profile: Profile
    parent: Parent | None
    first: int | None
    last: int | None
    on_skip: Callable[[str], None]
    """Called with the place of an empty payload."""

    def jobs(self, documents: Iterable[Document]) -> Iterator[Job]:
        """The blocks to verify, with their parents; reading stops behind the last one.

        Raises: DecodeError; click.UsageError where nothing is known of a block's parent.
        """
        parent = self.parent
        source = iter(documents)
        while True:
            watch = Stopwatch()
            document = next(source, None)
            if document is None:
                return
            payload = document.payload(self.profile)
            watch.lap("read")
            if is_empty_slot(payload):
                self.on_skip(document.place)
                continue
            number = payload.block_number
            if self.last is not None and number > self.last:
                return
            if self.first is None or number >= self.first:
                if parent is None:
                    raise click.UsageError(
                        f"{document.place}: nothing is known of the parent of block {number}; "
                        "give --parent, --parent-root or --genesis"
                    )
                yield Job(document.place, payload, parent, self.profile, watch.stages["read"], document.consumed)
            parent = Parent.of(payload)


def verify(engine: Engine[P], job: Job) -> Verdict:
    """The verdict on one block."""
    payload = job.payload
    watch = Stopwatch()
    reason = detail = None
    try:
        _require_successor(job.parent, payload)
        markers = job.profile.internal_node_markers
        verify_block(engine, payload, job.parent.state_root, watch.lap, markers=markers)
    except Rejection as rejection:
        reason, detail = str(rejection.reason), str(rejection)
    except DecodeError as error:
        reason, detail = DECODE_ERROR, str(error)
    except UnknownNode as error:
        reason, detail = UNKNOWN_NODE, str(error)
    return Verdict(
        place=job.place,
        number=payload.block_number,
        block_hash=payload.block_hash,
        reason=reason,
        detail=detail,
        sizes=None if payload.execution_witness is None else Sizes.of(payload.execution_witness),
        seconds={"read": job.read_seconds, **watch.stages},
        consumed=job.consumed,
    )


def warm(engine: Engine[P]) -> Engine[P]:
    """The engine, its generators derived: so that the first block's time is not theirs."""
    engine.commit([[(0, 1)]])
    return engine


def verifier(choice: EngineChoice) -> Callable[[Job], Verdict]:
    """A function that verifies jobs, for a process of its own. Its engine is made there, and says nothing."""
    return partial(verify, warm(choice.make(quiet=True)))


def _require_successor(parent: Parent, payload: ExecutionPayload) -> None:
    if parent.number is not None and payload.block_number != parent.number + 1:
        raise Rejection(Reason.PARENT_MISMATCH, number=payload.block_number, expected=parent.number + 1)
    if parent.block_hash is not None and payload.parent_hash != parent.block_hash:
        raise Rejection(Reason.PARENT_MISMATCH, parent_hash=payload.parent_hash, expected=parent.block_hash)
