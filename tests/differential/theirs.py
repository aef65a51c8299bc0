"""A case executed by the execution specifications (EELS), through the peer `eels`."""

import json
from typing import Any

from tests.bench.peers.client import Peer
from tests.bench.peers.inputs import Scenario


def ask(peer: Peer, document: dict[str, Any]) -> dict[str, Any]:
    """What EELS makes of a case."""
    answer = peer.ask(Scenario("block", block=json.dumps(document).encode()), output=True)
    assert answer.output is not None
    result: dict[str, Any] = json.loads(answer.output)
    return result
