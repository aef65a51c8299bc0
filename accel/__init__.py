"""The same operations as the reference engine's, faster: Numba kernels on the CPU.

Only `cli` and tests import this floor. Deleting it changes no result.
"""
