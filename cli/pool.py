"""Processes that verify blocks side by side. Results come in the order of the blocks.

Each worker has a pipe of its own, whose other end only this process holds: if this process dies, however it dies, the
workers read the end of their pipe and leave. Interrupts are blocked in the workers, so one Ctrl-C has one answer.
A worker is given a job only when it has none, so neither side ever waits to write while the other one does.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

import click

from cli.collecting import collect_seldom
from spec.errors import DecodeError, EngineUnavailable

J = TypeVar("J")
R = TypeVar("R")

WINDOW = 4
"""Jobs read ahead per worker, while the results of earlier ones are waited for: bounds memory."""


class Pool(Generic[J, R]):
    """Workers that all run `make()` once, and the function which that returns for each job."""

    def __init__(self, workers: int, make: Callable[[], Callable[[J], R]]) -> None:
        context = multiprocessing.get_context("spawn")
        resource_tracker.ensure_running()  # it would unblock interrupts while the first worker starts
        self._idle: deque[Connection] = deque()
        self._busy: dict[Connection, int] = {}
        self._processes: list[SpawnProcess] = []
        with _interrupts_blocked():
            for _ in range(workers):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, make), daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)
                self._idle.append(ours)

    def map(self, jobs: Iterator[J]) -> Iterator[R]:
        """The results of the jobs, in order. Where `jobs` raises, the results before it come first.

        Raises: EngineUnavailable where a worker died; whatever `jobs` raises.
        """
        results: dict[int, R] = {}
        sent = given = 0
        failure: Exception | None = None
        ended = False
        while not ended or given < sent:
            while self._idle and not ended and sent - given < WINDOW * len(self._processes):
                try:
                    job = next(jobs)
                except StopIteration:
                    ended = True
                except (DecodeError, click.ClickException, OSError) as error:
                    ended, failure = True, error  # raised after the results before it
                else:
                    self._send(sent, job)
                    sent += 1
            self._receive(results)
            while given in results:
                yield results.pop(given)
                given += 1
        if failure is not None:
            raise failure

    def _send(self, number: int, job: J) -> None:
        worker = self._idle.popleft()
        self._busy[worker] = number
        try:
            worker.send(job)
        except OSError:
            raise EngineUnavailable("a verifying process has died") from None

    def _receive(self, results: dict[int, R]) -> None:
        for worker in wait(list(self._busy)) if self._busy else ():
            assert isinstance(worker, Connection), "only connections are waited for"
            try:
                results[self._busy.pop(worker)] = worker.recv()
            except (EOFError, OSError):
                raise EngineUnavailable("a verifying process has died") from None
            self._idle.append(worker)

    def close(self) -> None:
        """End the workers, in whatever they are."""
        for worker in (*self._idle, *self._busy):
            worker.close()
        for process in self._processes:
            process.terminate()
            process.join()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes started inside never see an interrupt; this one sees it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, make: Callable[[], Callable[[J], R]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    run = make()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(run(job))
        except OSError:
            return
