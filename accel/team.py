"""Threads that share out the rows of a kernel's work. Kernels run without the interpreter's lock.

Plain threads over slices: no part of Numba's own threading layers is used, so none of them can be unsafe here.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Team:
    """`size` threads; with one, everything is done where it is asked for."""

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self._pool: Final = ThreadPoolExecutor(size - 1, "verkle") if size > 1 else None
        """The others: the one that asks works, too."""

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of calls that do not depend on each other, in their order."""
        if self._pool is None or len(calls) < 2:
            return [call() for call in calls]
        waiting = [self._pool.submit(call) for call in calls[1:]]
        return [calls[0](), *(future.result() for future in waiting)]

    def parts(self, count: int, least: int) -> list[tuple[int, int]]:
        """Runs first..last-1 of `count` rows, one a thread, each of `least` rows or more; a multiple of eight."""
        runs = max(min(self.size, count // least), 1)
        step = max(-(-count // (8 * runs)), 1) * 8
        return [(first, min(first + step, count)) for first in range(0, count, step)] or [(0, 0)]

    def split(self, function: Callable[..., T], arrays: Sequence[NDArray[Any]], least: int) -> list[T]:
        """function(*arrays) of each run of the rows."""
        parts = self.parts(len(arrays[0]), least)
        if len(parts) == 1:
            return [function(*arrays)]
        return self.each([partial(function, *(array[first:last] for array in arrays)) for first, last in parts])

    def rows(self, function: Callable[..., NDArray[Any]], arrays: Sequence[NDArray[Any]], least: int) -> NDArray[Any]:
        """function(*arrays), which works row by row, on runs of the rows."""
        made = self.split(function, arrays, least)
        return made[0] if len(made) == 1 else np.concatenate(made)
