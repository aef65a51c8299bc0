"""Threads that share out the rows of a kernel's work. Kernels run without the interpreter's lock.

Plain threads over slices: no part of Numba's own threading layers is used, so none of them can be unsafe here.

What a member of the team is given to do, it does alone: work that is shared out is not shared out again.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
PIECES: Final = 3
"""Runs of rows for each thread, at most: rows are not alike, and who is done first takes more."""


class Team:
    """`size` threads; with one, everything is done where it is asked for."""

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self._pool: Final = ThreadPoolExecutor(size - 1, "verkle") if size > 1 else None
        """The others: the one that asks works, too."""
        self._member: Final = threading.local()
        """`.busy` in threads that share nothing out."""

    @property
    def alone(self) -> bool:
        """Whether there is nobody to share work with."""
        return self._pool is None or getattr(self._member, "busy", False)

    @contextlib.contextmanager
    def by_itself(self) -> Iterator[None]:
        """Inside, this thread shares nothing out."""
        before = getattr(self._member, "busy", False)
        self._member.busy = True
        try:
            yield
        finally:
            self._member.busy = before

    def each(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of calls that do not depend on each other, in their order; who is done takes the next.

        Raises: what a call raises, after all threads have ended.
        """
        if self._pool is None or self.alone or len(calls) < 2:
            return [call() for call in calls]
        results: dict[int, T] = {}
        numbers = iter(range(len(calls)))

        def work() -> None:
            with self.by_itself():
                for number in numbers:
                    results[number] = calls[number]()

        others = [self._pool.submit(work) for _ in range(min(self.size, len(calls)) - 1)]
        try:
            work()
        finally:
            wait(others)
        for other in others:
            other.result()
        return [results[number] for number in range(len(calls))]

    def parts(self, count: int, least: int) -> list[tuple[int, int]]:
        """Runs first..last-1 of `count` rows, a few a thread, each of `least` rows or more; a multiple of eight."""
        runs = 1 if self.alone else max(min(PIECES * self.size, count // least), 1)
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
