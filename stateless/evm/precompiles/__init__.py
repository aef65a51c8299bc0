"""Precompiled contracts: prices and results, as pure functions of the input.

contract = precompiles(fork).get(address)
contract.gas(data)    the price; callers who cannot pay it stop here
contract.run(data)    the output, or ExceptionalHalt where the contract fails and all gas is lost
"""

from stateless.evm.precompiles.precompile import Precompile as Precompile
from stateless.evm.precompiles.table import precompiles as precompiles
