"""Files in and out: documents with the place they stand at, and outputs that are whole or not there.

Whatever keeps an input from being read (missing, a directory, cut off, not what its name says) is a `DecodeError` that
names file and line. Failures to write stay `OSError`: they are the environment's.
"""

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import click

from spec.codec import genesis_json, json_document, payload_json, request_json, witness_json
from spec.codec.text import an_object
from spec.containers import ExecutionPayload, ExecutionWitness, Genesis, NewPayloadRequest
from spec.errors import DecodeError
from spec.params import Profile

MAX_LINE_BYTES: Final = json_document.MAX_DOCUMENT_BYTES
"""Longest document, and longest line of a stream after decompression: what a small compressed file can make us hold."""

_SUFFIXES: Final = (".json", ".jsonl", ".jsonl.gz", ".ssz")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, not parsed yet."""

    place: str
    """FILE, or FILE:LINE in a stream."""
    data: bytes
    is_ssz: bool
    consumed: int
    """Bytes of the file (as stored) that were read so far."""

    def parse(self) -> object:
        """The JSON document."""
        with located(self.place):
            return json_document.parse(self.data, MAX_LINE_BYTES)

    def payload(self, profile: Profile) -> ExecutionPayload:
        """The execution payload. Raises: DecodeError."""
        return self.request(profile).execution_payload

    def request(self, profile: Profile) -> NewPayloadRequest:
        """The new payload request: the payload alone, or with what comes beside it. Raises: DecodeError."""
        with located(self.place):
            if self.is_ssz:
                return self._ssz_request(profile)
            return request_json.decode_request(json_document.parse(self.data, MAX_LINE_BYTES))

    def _ssz_request(self, profile: Profile) -> NewPayloadRequest:
        from spec.codec import ssz, ssz_request  # noqa: PLC0415  (loads remerkleable, which JSON does without)

        try:
            return ssz_request.decode_request(self.data, profile)
        except DecodeError as as_request:
            try:
                return NewPayloadRequest(ssz.decode_payload(self.data, profile))
            except DecodeError as as_payload:
                raise DecodeError(
                    f"under profile {profile.name} neither a request ({as_request}) nor a payload ({as_payload})"
                ) from None

    def witness(self, profile: Profile) -> tuple[ExecutionWitness, ExecutionPayload | None]:
        """The witness, alone or of a payload (then with it). Raises: DecodeError."""
        if self.is_ssz:
            return self._ssz_witness(profile)
        value = self.parse()
        with located(self.place):
            members = an_object(value)
            if "stateDiff" in members or "state_diff" in members:
                return witness_json.decode_witness(value), None
            return self._of_payload(payload_json.decode_payload(value))

    def _ssz_witness(self, profile: Profile) -> tuple[ExecutionWitness, ExecutionPayload | None]:
        from spec.codec import ssz  # noqa: PLC0415  (see request)

        with located(self.place):
            try:
                return ssz.decode_witness(self.data, profile.internal_node_markers), None
            except DecodeError as as_witness:
                try:
                    payload = self._ssz_request(profile).execution_payload
                except DecodeError as other:
                    raise DecodeError(f"{other.message}, nor a witness ({as_witness})") from None
            return self._of_payload(payload)

    @staticmethod
    def _of_payload(payload: ExecutionPayload) -> tuple[ExecutionWitness, ExecutionPayload]:
        if payload.execution_witness is None:
            raise DecodeError("the payload carries no execution witness")
        return payload.execution_witness, payload


@contextmanager
def located(place: str) -> Iterator[None]:
    """Put the file in front of where a DecodeError says it was."""
    try:
        yield
    except DecodeError as error:
        raise DecodeError(error.message, f"{place}: {error.where}" if error.where else place) from None


@contextmanager
def _reading(path: Path, line: int | None = None) -> Iterator[None]:
    """Failures of reading, in the words of an input that is not what it claims to be."""
    name = click.format_filename(path) + ("" if line is None else f":{line}")
    try:
        yield
    except EOFError:
        raise DecodeError("the compressed data is cut off", name) from None
    except (gzip.BadGzipFile, zlib.error):
        raise DecodeError("not valid gzip data", name) from None
    except OSError as error:
        raise DecodeError((error.strerror or type(error).__name__).lower(), name) from None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file that somebody else reads. Raises: DecodeError where it cannot be opened."""
    with _reading(path):
        raw = path.open("rb")
    with raw:
        yield raw


def kind_of(path: Path) -> str:
    """The suffix that says what is in a file. Raises: DecodeError for any other."""
    for suffix in reversed(_SUFFIXES):
        if path.name.endswith(suffix):
            return suffix
    raise DecodeError(f"unknown extension, expected one of {', '.join(_SUFFIXES)}", click.format_filename(path))


def is_stream(path: Path) -> bool:
    """Whether a file holds one document a line."""
    return kind_of(path) in (".jsonl", ".jsonl.gz")


def documents(path: Path) -> Iterator[Document]:
    """The documents of a file: one, or one a line. Raises: DecodeError where there is none."""
    kind = kind_of(path)
    name = click.format_filename(path)
    if not is_stream(path):
        data = read(path)
        yield Document(name, data, kind == ".ssz", len(data))
        return
    with _reading(path):
        raw = path.open("rb")
    found = False
    with raw:
        stream = gzip.GzipFile(fileobj=raw, mode="rb") if kind == ".jsonl.gz" else raw
        for number, line in _lines(path, stream):
            found = True
            yield Document(f"{name}:{number}", line, False, raw.tell() if raw.seekable() else 0)
    if not found:
        raise DecodeError("the file holds no block", name)


def _lines(path: Path, stream: BinaryIO | gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers from 1, blank ones left out, none longer than MAX_LINE_BYTES."""
    number = 0
    while True:
        number += 1
        with _reading(path, number):
            line = stream.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            raise DecodeError(f"line has more than {MAX_LINE_BYTES} bytes", f"{click.format_filename(path)}:{number}")
        if not line.isspace():
            yield number, line


def all_documents(paths: Iterable[Path]) -> Iterator[Document]:
    """The documents of several files as one stream."""
    for path in paths:
        yield from documents(path)


def read(path: Path, limit: int = MAX_LINE_BYTES) -> bytes:
    """A whole file of at most `limit` bytes. Raises: DecodeError, for an empty file too."""
    with _reading(path), path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise DecodeError(f"file has more than {limit} bytes", click.format_filename(path))
    if not data:
        raise DecodeError("the file is empty", click.format_filename(path))
    return data


def read_json(path: Path) -> object:
    """The JSON document of a file."""
    data = read(path)
    with located(click.format_filename(path)):
        return json_document.parse(data, MAX_LINE_BYTES)


def read_genesis(path: Path, profile: Profile) -> Genesis:
    """The genesis in a file, with or without a wrapper {"genesis": {...}}."""
    value = read_json(path)
    with located(click.format_filename(path)):
        members = an_object(value)
        wrapped = members.get("genesis")
        return genesis_json.decode_genesis(wrapped if isinstance(wrapped, dict) else value, profile)


def size_of(path: Path) -> int:
    """Bytes of a file as stored; 0 where that cannot be said."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def refuse_overwrite(path: Path, force: bool) -> None:
    """Raise a usage error where an output exists already and `force` is not given."""
    if not force and path.exists():
        raise click.UsageError(f"{click.format_filename(path)} exists; --force overwrites it")


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file that is whole or not there: a temporary neighbour, made durable, then renamed.

    Raises: click.UsageError where it exists and `force` is not given; OSError.
    """
    refuse_overwrite(path, force)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def umask() -> int:
    """The mask that new files get; it can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
