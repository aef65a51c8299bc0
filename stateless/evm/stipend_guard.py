"""How transactions end in devnets whose gas can grow.

There who sends value in a call does not pay for the 2,300 gas that the callee is given, and what the callee leaves
comes back to the caller: a warm call costs 100 and returns 2,300.

Source: spec/gas.md, "Devnet 7".
"""

from typing import Final

from stateless.evm.frame import OutOfGas


class StipendGuard:
    """Ends transactions of devnets that give the stipend away: there a loop of calls gains gas and never stops.

    Every call costs at least the warm price, so a transaction cannot make more calls than its gas limit pays for,
    unless it lives on stipends; from there on its calls fail.
    """

    def __init__(self, least: int) -> None:
        """`least`: what the cheapest call costs, in gas."""
        self._least: Final = least
        self._left = 0

    def begin(self, gas_limit: int) -> None:
        """A transaction begins."""
        self._left = gas_limit // self._least

    def count(self) -> None:
        """A call is made. Raises: OutOfGas."""
        if not self._left:
            raise OutOfGas("out of gas: more calls than the transaction can have paid for")
        self._left -= 1
