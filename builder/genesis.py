"""The first state: a genesis allocation as a Verkle tree.

Source: EIP-6800, "Tree embedding"; geth's `genesis.json`.
"""

from dataclasses import replace

from spec.containers import Genesis, Header
from spec.params import Profile
from spec.types import TreeKey, Value
from verkle.embedding import account_leaves, tree_keys
from verkle.engine import Engine, P
from verkle.tree import Tree


def genesis_writes(genesis: Genesis, profile: Profile, engine: Engine[P]) -> dict[TreeKey, Value]:
    """Every leaf of the allocation under the profile's embedding."""
    leaves = [
        (address, location, value)
        for address, account in genesis.alloc.items()
        for location, value in account_leaves(profile, account).items()
    ]
    keys = tree_keys(engine, profile, [(address, location) for address, location, _ in leaves])
    return {key: value for key, (_, _, value) in zip(keys, leaves, strict=True)}


def genesis_tree(genesis: Genesis, profile: Profile, engine: Engine[P]) -> Tree[P]:
    """The tree that holds the allocation."""
    return Tree.empty(engine).update(genesis_writes(genesis, profile, engine))


def genesis_header(genesis: Genesis, tree: Tree[P]) -> Header:
    """Header 0 with the state root of the tree."""
    return replace(genesis.header, state_root=tree.state_root())
