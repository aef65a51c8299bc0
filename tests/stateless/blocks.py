"""Blocks of our own to verify, and ways to change one so that a chosen rule is broken and no other.

A block hash covers nearly everything, so a changed block gets the hash of what it has become (`resealed`); a changed
witness gets a proof of its own (`relisted`), from the tree that stands behind it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cli import sample
from cli.sample import Chain, Step
from spec.codec import rlp
from spec.codec.rlp import DYNAMIC_FEE
from spec.containers import ExecutionWitness, NewPayloadRequest, Transaction
from spec.errors import Reason, Rejection
from spec.params import VERKLE, Profile
from spec.types import Address, TreeKey, Uint64, Uint256, Value
from stateless.header import Parent, header_of
from stateless.verify import Verified, verify_block
from verkle.engine import Engine
from verkle.tree import Tree
from witness.proof import prove

ACCOUNTS = 24


@dataclass(frozen=True)
class Block:
    """A block with all that its verifier and its builder know."""

    engine: Engine[Any]
    profile: Profile
    request: NewPayloadRequest
    parent: Parent
    tree: Tree[Any]
    """The whole state before it."""

    @property
    def witness(self) -> ExecutionWitness:
        witness = self.request.execution_payload.execution_witness
        assert witness is not None
        return witness

    def verify(self, **options: Any) -> Verified[Any]:
        return verify_block(self.engine, self.profile, self.request, self.parent, **options)

    def reason(self, **options: Any) -> Reason:
        """Why it is rejected."""
        return self.rejection(**options).reason

    def rejection(self, **options: Any) -> Rejection:
        with pytest.raises(Rejection) as rejected:
            self.verify(**options)
        assert "\n" not in str(rejected.value)
        return rejected.value

    def with_payload(self, **fields: Any) -> "Block":
        """The same with other fields of the payload, sealed again."""
        return self.with_request(execution_payload=replace(self.request.execution_payload, **fields))

    def with_request(self, **fields: Any) -> "Block":
        """The same with other fields beside the payload, sealed again."""
        return replace(self, request=resealed(replace(self.request, **fields)))

    def with_witness(self, witness: ExecutionWitness | None) -> "Block":
        """The same with another witness, which the hash does not cover."""
        payload = replace(self.request.execution_payload, execution_witness=witness)
        return replace(self, request=replace(self.request, execution_payload=payload))

    def listed(self) -> list[TreeKey]:
        return [key for key, _ in self.witness.locations()]

    def writes(self) -> dict[TreeKey, Value]:
        return {key: entry.new_value for key, entry in self.witness.locations() if entry.new_value is not None}

    def relisted(self, keys: Iterable[TreeKey], writes: Mapping[TreeKey, Value]) -> "Block":
        """The same with a true witness of these keys, that states these new values."""
        return self.with_witness(prove(self.tree, keys, writes, markers=self.profile.internal_node_markers))


def resealed(request: NewPayloadRequest) -> NewPayloadRequest:
    """A request whose block hash is that of the header it describes; unchanged where it describes none."""
    try:
        block_hash = rlp.block_hash(header_of(request))
    except ValueError:
        return request
    return replace(request, execution_payload=replace(request.execution_payload, block_hash=block_hash))


def chain_of(engine: Engine[Any], profile: Profile = VERKLE, accounts: int = ACCOUNTS) -> Chain:
    """A chain that has its genesis."""
    return Chain.begin(sample.genesis_document(accounts, profile), engine, profile)


def block_of(chain: Chain, *transactions: bytes, **step: Any) -> Block:
    """The next block of a chain."""
    parent, tree = chain.parent, chain.tree
    request = chain.add(Step("", transactions, **step))
    return Block(chain.engine, chain.profile, request, parent, tree)


def draft(profile: Profile, **fields: Any) -> Transaction:
    """An unsigned transfer of account 1 with some of its fields changed."""
    kind = fields.get("type", DYNAMIC_FEE)
    unsigned = Transaction(
        type=kind,
        chain_id=Uint64(profile.chain_id),
        nonce=Uint64(0),
        gas_price=Uint256(3 * 10**9) if kind < DYNAMIC_FEE else None,
        max_priority_fee_per_gas=None if kind < DYNAMIC_FEE else Uint256(10**9),
        max_fee_per_gas=None if kind < DYNAMIC_FEE else Uint256(3 * 10**9),
        gas_limit=Uint64(100_000),
        to=Address(b"\x55" * 20),
        value=Uint256(1),
        data=b"",
        max_fee_per_blob_gas=Uint256(1) if kind == rlp.BLOB else None,
    )
    return replace(unsigned, **fields)


def signed_by(sender: int, profile: Profile, **fields: Any) -> bytes:
    """The encoding of such a transfer, signed."""
    return sample.sealed(draft(profile, **fields), sender)
