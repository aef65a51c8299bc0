# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title An exchange of ether for a token, for demonstrations
@notice The product of what the pool holds of both never falls (x * y = k). Of what is given 0.3 % stays in the pool;
        it belongs to those who provided, by their shares.
"""

from ethereum.ercs import IERC20

event Swap:
    trader: indexed(address)
    ether_in: uint256
    token_in: uint256
    ether_out: uint256
    token_out: uint256

FEE: constant(uint256) = 3
OF: constant(uint256) = 1000

TOKEN: immutable(IERC20)

ether_held: public(uint256)
token_held: public(uint256)
shares: public(HashMap[address, uint256])
all_shares: public(uint256)


@deploy
def __init__(token: address):
    TOKEN = IERC20(token)


@external
@payable
@nonreentrant
def provide(most_token: uint256) -> uint256:
    """
    @notice Add ether and as much of the token as keeps the price; the first to provide sets it.
    """
    amount: uint256 = most_token
    made: uint256 = msg.value
    if self.all_shares > 0:
        amount = msg.value * self.token_held // self.ether_held + 1
        made = msg.value * self.all_shares // self.ether_held
        assert amount <= most_token, "the price has moved"
    self.ether_held += msg.value
    self.token_held += amount
    self.all_shares += made
    self.shares[msg.sender] += made
    assert extcall TOKEN.transferFrom(msg.sender, self, amount)
    return made


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take back what shares stand for.
    """
    ether_out: uint256 = amount * self.ether_held // self.all_shares
    token_out: uint256 = amount * self.token_held // self.all_shares
    self.shares[msg.sender] -= amount
    self.all_shares -= amount
    self.ether_held -= ether_out
    self.token_held -= token_out
    assert extcall TOKEN.transfer(msg.sender, token_out)
    send(msg.sender, ether_out)


@external
@payable
@nonreentrant
def buy(least_token: uint256) -> uint256:
    """
    @notice Give ether, take the token.
    """
    bought: uint256 = self._price(msg.value, self.ether_held, self.token_held)
    assert bought >= least_token, "the price has moved"
    self.ether_held += msg.value
    self.token_held -= bought
    assert extcall TOKEN.transfer(msg.sender, bought)
    log Swap(trader=msg.sender, ether_in=msg.value, token_in=0, ether_out=0, token_out=bought)
    return bought


@external
@nonreentrant
def sell(amount: uint256, least_ether: uint256) -> uint256:
    """
    @notice Give the token, take ether.
    """
    earned: uint256 = self._price(amount, self.token_held, self.ether_held)
    assert earned >= least_ether, "the price has moved"
    self.token_held += amount
    self.ether_held -= earned
    assert extcall TOKEN.transferFrom(msg.sender, self, amount)
    send(msg.sender, earned)
    log Swap(trader=msg.sender, ether_in=0, token_in=amount, ether_out=earned, token_out=0)
    return earned


@internal
@pure
def _price(given: uint256, held_of_given: uint256, held_of_other: uint256) -> uint256:
    counted: uint256 = given * (OF - FEE)
    return counted * held_of_other // (held_of_given * OF + counted)
