"""Children of a test: forked, so that they begin at once; they speak through pipes, and can be killed."""

import os
import pickle
import signal
import struct
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = 65534
_effective = [False]

Body = Callable[[Callable[[Any], None], Callable[[], Any]], None]
"""What a child does, given how to say something and how to hear it."""


def _send(descriptor: int, word: Any) -> None:
    data = pickle.dumps(word)
    os.write(descriptor, struct.pack("<I", len(data)) + data)


def _receive(descriptor: int) -> Any:
    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = os.read(descriptor, size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    return pickle.loads(exactly(struct.unpack("<I", exactly(4))[0]))


class Child:
    """A forked process."""

    def __init__(self, body: Body) -> None:
        from_child, to_parent = os.pipe()
        from_parent, to_child = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            code = 1
            try:
                os.close(from_child)
                os.close(to_child)
                if _effective[0]:
                    os.setgroups([])
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                body(lambda word: _send(to_parent, word), lambda: _receive(from_parent))
                code = 0
            except BaseException:  # noqa: BLE001  (told to the parent by its exit code)
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(to_parent)
        os.close(from_parent)
        self._in, self._out = from_child, to_child
        self.code: int | None = None

    def say(self, word: Any) -> None:
        _send(self._out, word)

    def hear(self) -> Any:
        """The child's next word. Raises: EOFError where it has died."""
        return _receive(self._in)

    def heard(self) -> list[Any]:
        """All words until the child's end."""
        words = []
        try:
            while True:
                words.append(self.hear())
        except EOFError:
            return words

    def kill(self) -> None:
        os.kill(self.process, signal.SIGKILL)

    def end(self) -> None:
        """Wait for the end: `code` is the exit code, or minus the signal."""
        if self.code is None:
            os.close(self._out)
            _, status = os.waitpid(self.process, 0)
            os.close(self._in)
            self.code = os.waitstatus_to_exitcode(status)


@contextmanager
def in_a_child(body: Body) -> Iterator[Child]:
    """A child that must end well, or be killed by the test."""
    child = Child(body)
    try:
        yield child
    finally:
        child.end()
    assert child.code in (0, -signal.SIGKILL)


@contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """Children inside may look into the directory, but write nothing there (for root: as another user)."""
    changed = [directory, *directory.rglob("*")]
    modes = {path: path.stat().st_mode for path in changed}
    for path in changed:
        path.chmod(0o555 if path.is_dir() else 0o444)
    above = []
    if os.geteuid() == 0:
        _effective[0] = True
        for parent in directory.parents:
            if not parent.stat().st_mode & 1:
                above.append((parent, parent.stat().st_mode))
                parent.chmod(parent.stat().st_mode | 0o11)
    try:
        yield
    finally:
        _effective[0] = False
        for path, mode in (*modes.items(), *above):
            path.chmod(mode)
