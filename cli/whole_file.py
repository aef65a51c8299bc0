"""A file that is written piece by piece, and appears under its name when it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from cli import files


class WholeFile:
    """Write to `file`; `keep` gives it its name. As a context: what is not kept is gone."""

    def __init__(self, path: Path) -> None:
        """Begin, beside the place where it is to stand. Raises: OSError that names it."""
        self.path: Final = path
        with self._named():
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        self._temporary: Final = Path(temporary)
        self.file: Final[BinaryIO] = os.fdopen(handle, "wb")

    def write(self, data: bytes) -> None:
        """Add to it. Raises: OSError that names it."""
        with self._named():
            self.file.write(data)

    def keep(self) -> None:
        """Make it durable, and give it its name. Raises: OSError that names it."""
        with self._named():
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            self._temporary.chmod(0o666 & ~files.umask())
            self._temporary.replace(self.path)

    def drop(self) -> None:
        """Leave nothing behind, unless it was kept."""
        self.file.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
                 ) -> None:  # fmt: skip
        self.drop()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
