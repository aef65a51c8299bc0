"""Genesis trees. Figures: geth `TestVerkleGenesisCommit` (packed layout)."""

from typing import Any

from builder.genesis import genesis_header, genesis_tree
from spec.codec.genesis_json import decode_genesis
from spec.containers import Account
from spec.params import VERKLE
from spec.types import Address, Uint64, Uint256
from verkle.engine import Engine


def test_the_root_of_geths_test(engine: Engine[Any]) -> None:
    word = "0x01" + "00" * 31
    genesis = decode_genesis(
        {
            "config": {"chainId": 69420},
            "gasLimit": "0x1",
            "difficulty": "0x0",
            "alloc": {"01" + "00" * 19: {"balance": "1", "storage": {word: word}}},
        },
        VERKLE,
    )
    (address,) = genesis.alloc
    expected = Account(1, Uint64(0), b"", {Uint256(1 << 248): Uint256(1 << 248)})
    assert (address, genesis.alloc[address]) == (Address(b"\x01" + bytes(19)), expected)
    tree = genesis_tree(genesis, VERKLE, engine)
    assert tree.state_root().hex() == "018d20eebb130b5e2b796465fe36aafab650650729a92435aec071bf2386f080"
    assert genesis_header(genesis, tree).state_root == tree.state_root()
