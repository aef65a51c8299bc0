"""A chain of blocks, each verified from its witness and its parent.

The blocks are independent of each other: what a block builds on is its predecessor's header, whether that predecessor
was found valid or not. So every verdict is conditional on the parent's header, and blocks can be verified in any order,
or side by side.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

from cli.engines import EngineChoice
from cli.files import Document
from cli.output import Stopwatch
from cli.sizes import Sizes
from spec.containers import ExecutionPayload, NewPayloadRequest
from spec.errors import DecodeError, Reason, Rejection, UnknownNode
from spec.forks import Execution, Fork
from spec.params import Profile
from spec.types import Hash32
from stateless.header import Parent, check_block_hash, check_follows, check_shape
from stateless.tree_view import TreeKeys
from stateless.verdict import PROOF_CHECKS, assumptions_of
from stateless.verify import STAGES as VERIFIER_STAGES
from stateless.verify import verify_block, verify_witness
from verkle.engine import Engine, P

STAGES: Final = ("read", *VERIFIER_STAGES)
"""What is timed, in this order."""
DECODE_ERROR: Final = "decode-error"
"""The reason of a block whose proof holds a point or scalar that is not canonical."""
UNKNOWN_NODE: Final = "unknown-node"
"""The reason of a block that writes where its witness proves nothing, when nothing is executed."""

NO_HASH: Final = Hash32(bytes(32))


@dataclass(frozen=True, slots=True)
class Rules:
    """How blocks are verified. Can be sent to another process."""

    profile: Profile
    full: bool = True
    """Everything; or the proof and the post-state root alone."""
    lenient: bool = False
    """Whether a witness may list more than is touched."""
    chain_id: int | None = None
    """None: the profile's."""

    def execution(self) -> Execution | None:
        """The rules of execution, where blocks are executed. Raises: DecodeError where there are none."""
        if not self.full:
            return None
        if self.profile.execution is None:
            raise DecodeError(
                f"profile {self.profile.name}: its gas rules are not known, so its blocks cannot be executed; "
                "use --checks proof"
            )
        return self.profile.execution


@dataclass(frozen=True, slots=True)
class Job:
    """One block to verify, on its own."""

    place: str
    request: NewPayloadRequest
    parent: Parent
    read_seconds: float = 0.0
    consumed: int = 0

    @property
    def payload(self) -> ExecutionPayload:
        """The block itself."""
        return self.request.execution_payload


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
    checks: tuple[str, ...] = ()
    """What a valid block passed."""
    assumed: tuple[str, ...] = ()
    """What was taken for granted."""
    gas_used: int | None = None
    """By execution; None where the block was not executed, or is rejected."""
    transactions: int | None = None
    unneeded: int | None = None
    """Locations that the witness lists for nothing; more than 0 only for a lenient verifier."""

    @property
    def valid(self) -> bool:
        """Whether every check passed."""
        return self.reason is None


def is_empty_slot(payload: ExecutionPayload) -> bool:
    """Whether this is the empty payload that a beacon chain's genesis slot carries: no block at all."""
    return payload.block_number == 0 and payload.block_hash == NO_HASH


def require_whole(rules: Execution, request: NewPayloadRequest, place: str) -> None:
    """A header's hash covers more than the payload, since Cancun. Raises: DecodeError where the file lacks it."""
    needed = [("parent_beacon_block_root", Fork.CANCUN), ("versioned_hashes", Fork.CANCUN)]
    needed.append(("execution_requests", Fork.PRAGUE))
    missing = [name for name, fork in needed if rules.fork >= fork and getattr(request, name) is None]
    if missing:
        raise DecodeError(
            f"{', '.join(missing)} must stand beside the execution payload to verify a block in full; "
            "--checks proof does without",
            place,
        )


def trusted(rules: Execution | None, request: NewPayloadRequest, place: str) -> Parent:
    """The parent that a block is to its successor, when nobody verifies it: its hash must be that of its header.

    Raises: DecodeError where that cannot be said; Rejection.
    """
    if rules is not None:
        require_whole(rules, request, place)
        check_shape(rules, request)
        check_block_hash(request)
    return Parent.of_payload(request.execution_payload)


@dataclass(slots=True)
class Selection:
    """Which blocks of a stream are verified, and what the first one builds on."""

    rules: Rules
    parent: Parent | None
    first: int | None
    last: int | None
    on_skip: Callable[[str], None]
    """Called with the place of an empty payload."""

    def jobs(self, documents: Iterable[Document]) -> Iterator[Job]:
        """The blocks to verify, with their parents; reading stops behind the last one.

        Raises: DecodeError; click.UsageError where nothing is known of a block's parent; Rejection where the block
        before the range is not what it says.
        """
        execution = self.rules.execution()
        parent, unverified = self.parent, False
        before: tuple[NewPayloadRequest, str] | None = None
        source = iter(documents)
        while True:
            watch = Stopwatch()
            document = next(source, None)
            if document is None:
                return
            request = document.request(self.rules.profile)
            payload = request.execution_payload
            watch.lap("read")
            if is_empty_slot(payload):
                self.on_skip(document.place)
                continue
            number = payload.block_number
            if self.last is not None and number > self.last:
                return
            chosen = self.first is None or number >= self.first
            if chosen:
                if unverified and before is not None:
                    parent = trusted(execution, *before)
                if parent is None:
                    raise click.UsageError(
                        f"{document.place}: nothing is known of the parent of block {number}; "
                        "give --parent, --parent-root or --genesis"
                    )
                if execution is not None:
                    require_whole(execution, request, document.place)
                yield Job(document.place, request, parent, watch.stages["read"], document.consumed)
            parent, unverified, before = Parent.of_payload(payload), not chosen, (request, document.place)


class Verifier:
    """Verifies blocks with one engine. The stems that it derives are kept from block to block."""

    def __init__(self, engine: Engine[P], rules: Rules) -> None:
        self._engine: Final[Engine[Any]] = engine
        self._rules: Final = rules
        self._keys: Final = TreeKeys(engine, rules.profile)

    def __call__(self, job: Job) -> Verdict:
        """The verdict on one block."""
        watch = Stopwatch()
        reason = detail = None
        found: dict[str, Any] = {}
        try:
            found = self._execute(job, watch) if self._rules.full else self._prove(job, watch)
        except Rejection as rejection:
            reason, detail = str(rejection.reason), str(rejection)
        except DecodeError as error:
            reason, detail = DECODE_ERROR, str(error)
        except UnknownNode as error:
            reason, detail = UNKNOWN_NODE, str(error)
        payload = job.payload
        return Verdict(
            place=job.place,
            number=payload.block_number,
            block_hash=payload.block_hash,
            reason=reason,
            detail=detail,
            sizes=None if payload.execution_witness is None else Sizes.of(payload.execution_witness),
            seconds={"read": job.read_seconds, **watch.stages},
            consumed=job.consumed,
            **found,
        )

    def _execute(self, job: Job, watch: Stopwatch) -> dict[str, Any]:
        """Everything. Raises: Rejection; DecodeError."""
        rules = self._rules
        verified = verify_block(
            self._engine,
            rules.profile,
            job.request,
            job.parent,
            chain_id=rules.chain_id,
            lenient=rules.lenient,
            keys=self._keys,
            observe=watch.lap,
        )
        return {
            "checks": tuple(map(str, verified.checks)),
            "assumed": tuple(map(str, verified.assumed)),
            "gas_used": verified.gas_used,
            "transactions": verified.transactions,
            "unneeded": verified.unneeded,
        }

    def _prove(self, job: Job, watch: Stopwatch) -> dict[str, Any]:
        """The proof and the root after the witness's new values. Raises: Rejection; DecodeError; UnknownNode."""
        payload, header = job.payload, job.parent.header
        if header is not None:
            check_follows(payload, header)
        if payload.execution_witness is None:
            raise Rejection(Reason.WITNESS_MISSING, block=payload.block_number)
        markers = self._rules.profile.internal_node_markers
        roots = job.parent.state_root, payload.state_root
        verify_witness(self._engine, payload.execution_witness, *roots, watch.lap, markers=markers)
        assumed = assumptions_of(header=header is not None, markers=markers, executed=False)
        return {"checks": tuple(map(str, PROOF_CHECKS)), "assumed": tuple(map(str, assumed))}


def warm(engine: Engine[P]) -> Engine[P]:
    """The engine, its generators derived: so that the first block's time is not theirs."""
    engine.commit([[(0, 1)]])
    return engine


def verifier(choice: EngineChoice, rules: Rules) -> Callable[[Job], Verdict]:
    """A function that verifies jobs, for a process of its own. Its engine is made there, and says nothing."""
    return Verifier(warm(choice.make(quiet=True)), rules)
