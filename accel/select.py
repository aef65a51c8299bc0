"""The one place where an engine is chosen.

    python       plain Python, the reference
    numba        compiled kernels for any 64-bit CPU
    numba-ifma   compiled kernels for CPUs with AVX-512 IFMA
    auto         the fastest of these that runs here

Asking by name for an engine that cannot run is an error with the reason; `auto` falls back and says why. An engine
passes a known-answer test before it is handed out, and is never exchanged afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from spec.errors import EngineUnavailable
from verkle.engine import Engine, ReferenceEngine
from verkle.field import FR
from verkle.vectors import LIST_VECTORS, Vectors

NAMES: Final = ("auto", "numba-ifma", "numba", "python")

_ROW: Final = [(i, i % 32 + 1) for i in range(256)]
_ROW_COMMITMENT: Final = bytes.fromhex("1b9dff8f5ebbac250d291dfe90e36283a227c64b113c37f1bfb9e7a743cdb128")
"""The commitment to 1, 2, ..., 32, 1, 2, ... Source: go-ipa, rust-verkle, verkle-trie-ref (IPA consistency test)."""
_KEY_ROW: Final = [(0, 16386)]
_KEY_HASH: Final = bytes.fromhex("1a100684fd68185060405f3f160e4bb6e034194336b547bdae323f888d533207")
"""map_to_scalar_field of the commitment to 64 zero bytes, little-endian. Source: rust-verkle, `smoke_test_hash64`."""


@dataclass(frozen=True, slots=True)
class Selection:
    """An engine, and why others were passed over."""

    engine: Engine[Any]
    remarks: tuple[str, ...]


OnCompile = Callable[[Path | None], None]
"""Called before kernels are compiled that no earlier run kept: where they will be kept, None for nowhere."""


def select(
    name: str = "auto", memory: int | None = None, on_compile: OnCompile = lambda _: None, threads: int = 1
) -> Selection:
    """The engine called `name`, its tables in at most `memory` bytes (None: what it thinks best).

    Compiled engines share long work out to `threads` threads.

    Raises: EngineUnavailable with the reason in one line.
    """
    if name != "auto":
        return Selection(_make(name, Wanted(memory, threads, on_compile)), ())
    remarks: list[str] = []
    for candidate in NAMES[1:]:
        try:
            return Selection(_make(candidate, Wanted(memory, threads, on_compile)), tuple(remarks))
        except EngineUnavailable as reason:
            remarks.append(f"{candidate}: {reason}")
    raise EngineUnavailable("; ".join(remarks))


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an engine is to be made."""

    memory: int | None
    threads: int
    on_compile: OnCompile


def _make(name: str, wanted: Wanted) -> Engine[Any]:
    makers: dict[str, Callable[[Wanted], Engine[Any]]] = {
        "python": lambda _: ReferenceEngine(),
        "numba": _numba,
        "numba-ifma": _numba_ifma,
    }
    if name not in makers:
        raise EngineUnavailable(f"there is no engine {name!r}; known are {', '.join(NAMES)}")
    engine = makers[name](wanted)
    self_test(engine)
    return engine


def _require_numba() -> None:
    try:
        import numba  # noqa: F401, PLC0415
    except ImportError as error:
        raise EngineUnavailable(f"Numba cannot be imported ({error})") from error


def _numba(wanted: Wanted) -> Engine[Any]:
    """The scalar backend, if Numba is installed."""
    _require_numba()
    from accel import wide_kernels, wide_vectors  # noqa: PLC0415

    _announce("wide", wanted.on_compile)
    return _numba_engine("numba", wide_kernels, wide_vectors, wanted)


def _numba_ifma(wanted: Wanted) -> Engine[Any]:
    """The IFMA backend, if Numba is installed and the CPU has the instructions (else LLVM would abort the process)."""
    _require_numba()
    import llvmlite.binding  # noqa: PLC0415

    features = llvmlite.binding.get_host_cpu_features()
    missing = [feature for feature in ("avx512f", "avx512ifma", "avx512dq", "avx512vl") if not features.get(feature)]
    if missing:
        raise EngineUnavailable(f"the CPU has no {', '.join(missing)}")
    from accel import ifma_kernels, ifma_vectors  # noqa: PLC0415

    _announce("ifma", wanted.on_compile)
    return _numba_engine("numba-ifma", ifma_kernels, ifma_vectors, wanted)


def _announce(backend: str, on_compile: OnCompile) -> None:
    from accel import compile as keeping  # noqa: PLC0415

    if not keeping.is_cached(backend):
        on_compile(keeping.cache_directory())


def _numba_engine(name: str, kernels: ModuleType, vectors: ModuleType, wanted: Wanted) -> Engine[Any]:
    from accel.numba_engine import DEFAULT_MEMORY, NumbaEngine  # noqa: PLC0415

    memory = DEFAULT_MEMORY if wanted.memory is None else wanted.memory
    return NumbaEngine(name, kernels, vectors, memory, wanted.threads)


def self_test(engine: Engine[Any]) -> None:
    """Known answers, and what a verifier needs against its definition. Raises: EngineUnavailable naming what failed.

    Operations that only provers need are left out: a wrong one makes proofs that nobody accepts.
    """
    row, key = engine.commit([_ROW, _KEY_ROW])
    encoded = engine.encode([row, key])
    if encoded[0] != _ROW_COMMITMENT:
        raise EngineUnavailable(f"self-test of {engine.name} failed: a commitment is wrong")
    if engine.to_scalars([key])[0].to_bytes(32, "little") != _KEY_HASH:
        raise EngineUnavailable(f"self-test of {engine.name} failed: a map to the scalar field is wrong")
    decoded = engine.decode(encoded)
    total = engine.add([engine.msm([3, FR.modulus - 2], decoded)], [engine.msm([2, FR.modulus - 3], [key, row])])
    if engine.encode(total) != engine.encode([engine.zero]):
        raise EngineUnavailable(f"self-test of {engine.name} failed: sums of points are wrong")
    vectors = engine.vectors
    row_vector = vectors.of([value for _, value in _ROW])
    doubled = vectors.fold(row_vector, row_vector, FR.modulus - 1)
    if engine.encode(engine.commit_vectors([row_vector, doubled], [0, 0])) != [_ROW_COMMITMENT, bytes(32)]:
        raise EngineUnavailable(f"self-test of {engine.name} failed: arithmetic of vectors is wrong")
    if _verifying(vectors) != _verifying(LIST_VECTORS):
        raise EngineUnavailable(f"self-test of {engine.name} failed: vectors of a verifier are wrong")


def _verifying(v: Vectors[Any]) -> list[Any]:
    """What a verifier computes with vectors, on fixed inputs."""
    r, t, points = FR.modulus - 2, 1 << 200, [0, 255, 7, 7, 128]
    weights = v.weights(r, t, points)
    values = v.of([1, FR.modulus - 1, 0, 1 << 128, 5])
    factors = v.branch(v.branch(v.of([1]), r), t)
    return [
        v.integers(weights),
        v.inner_product(weights, values),
        v.integers(v.group_sums(weights, [0, 1, 0, 2, 1], 3)),
        v.integers(v.scale(factors, r)),
        v.integers(v.evaluation_weights(t)),
        v.statement(bytes(range(64)), [0, 1, 1, 0, 1], points, values),
    ]
