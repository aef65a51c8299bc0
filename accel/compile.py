"""Compiling kernels, and keeping what was compiled.

A kernel is compiled once a machine and kept on disk. Numba looks only at the file of the kernel's own function; here
a kernel counts as changed when *any* source of `accel`, Numba, llvmlite or the CPU's features change: all of that is
hashed into the directory's name.

The directory is `$VERKLE_CACHE_DIR`, else `$XDG_CACHE_HOME/stateless-verkle`, else `~/.cache/stateless-verkle`. Where
it cannot be written, kernels are compiled anew by each process.

Each compiled signature is a file of its own, named by what it was compiled for and beginning with its digest. (Numba
keeps an index that numbers the files: two processes that compile different signatures at once may mix them up.)
"""

import contextlib
import hashlib
import os
import pickle
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import llvmlite
import llvmlite.binding
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator

CACHE_VARIABLE: Final = "VERKLE_CACHE_DIR"
FINGERPRINT: Final = re.compile("[0-9a-f]{16}")
KEPT_BESIDES: Final = 1
"""Directories of other fingerprints that are kept: two checkouts can take turns."""


@cache
def fingerprint() -> str:
    """A hash of everything that decides what a kernel compiles to."""
    return fingerprint_of(Path(__file__).parent)


def fingerprint_of(sources: Path) -> str:
    """The same, for the sources in a directory."""
    digest = hashlib.sha256()
    for source in sorted(sources.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    features = llvmlite.binding.get_host_cpu_features().flatten()
    for part in (numba.__version__, llvmlite.__version__, llvmlite.binding.get_host_cpu_name(), features):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


@cache
def cache_directory() -> Path | None:
    """Where compiled kernels of this fingerprint are kept; None where nothing can be written."""
    named = os.environ.get(CACHE_VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    directory = (Path(named) if named else Path(home) / "stateless-verkle") / fingerprint()
    try:
        fresh = not directory.exists()
        directory.mkdir(parents=True, exist_ok=True)
        if fresh:
            forget_old(directory)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError:
        return None


def forget_old(directory: Path) -> None:
    """Remove what was kept under other fingerprints, but for the newest. A process that still uses it compiles anew."""
    others = [path for path in directory.parent.iterdir() if FINGERPRINT.fullmatch(path.name) and path != directory]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_BESIDES:]:
        shutil.rmtree(path, ignore_errors=True)


class _Locator(_CacheLocator):
    """Our directory, for every kernel."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        self._name = f"{Path(py_file).stem}.{py_func.__qualname__}"

    def get_cache_path(self) -> str:
        return str(cache_directory())

    def get_source_stamp(self) -> str:
        return fingerprint()

    def get_disambiguator(self) -> str:
        return self._name

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_Locator":
        return cls(py_func, py_file)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012  (Numba's attribute)


class _KernelFiles(IndexDataCacheFile):
    """Compiled signatures as files. What is damaged is not there; what cannot be written is lost."""

    def _name(self, key: Any) -> str:
        name: str = self._data_name(int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big"))
        return name

    def save(self, key: Any, data: Any) -> None:
        content = self._dump((key, data))
        with contextlib.suppress(OSError), self._open_for_write(self._data_path(self._name(key))) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def load(self, key: Any) -> Any:
        try:
            stored = Path(self._data_path(self._name(key))).read_bytes()
        except OSError:
            return None
        digest, content = stored[:32], stored[32:]
        if hashlib.sha256(content).digest() != digest:
            return None
        known, data = pickle.loads(content)
        return data if known == key else None

    def flush(self) -> None:
        """There is no index to empty."""


class _KernelCache(FunctionCache):
    _impl_class = _Implementation

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _KernelFiles(self._cache_path, self._impl.filename_base, fingerprint())


def is_cached(backend: str) -> bool:
    """Whether a backend ("ifma", "wide") was compiled here before, up to its vectors: the self-test ends with them."""
    directory = cache_directory()
    return directory is not None and any(directory.glob(f"{backend}_vectors.*.nbc"))


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` with Numba, without the interpreter's lock, and keep it on disk."""
    dispatcher = numba.njit(nogil=True, boundscheck=False)(function)
    if cache_directory() is not None:
        dispatcher._cache = _KernelCache(function)
    return dispatcher
