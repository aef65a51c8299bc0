"""Blocks written to files that `verkle block verify` reads: one stream, or a file a block.

    FILE.jsonl, FILE.jsonl.gz   all blocks, one JSON object a line
    FILE.json, FILE.ssz         the one block
    DIR                         block-000001.ssz, ... (or .json)

A stream appears under its name when it is whole, so nobody reads half of one.
"""

import errno
import gzip
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import click

from cli import files
from cli.parameters import Decorator
from cli.whole_file import WholeFile
from spec.codec import json_document, request_json
from spec.containers import NewPayloadRequest
from spec.params import Profile

SUFFIXES: Final = (".jsonl.gz", ".jsonl", ".json", ".ssz")
GZIP_LEVEL: Final = 6

format_option: Final[Decorator] = click.option(
    "--format",
    "form",
    type=click.Choice(["ssz", "json"]),
    default="ssz",
    show_default=True,
    help="Of the files in a directory.",
)


def encode(request: NewPayloadRequest, profile: Profile, *, as_ssz: bool) -> bytes:
    """A block as a file holds it."""
    if not as_ssz:
        return json_document.write(request_json.encode_request(request)).encode() + b"\n"
    from spec.codec import ssz_request  # noqa: PLC0415  (loads remerkleable)

    return ssz_request.encode_request(request, profile)


class BlockFiles:
    """Where blocks are written to. As a context: nothing of a stream stays where it is left by an exception.

    `keep` makes what was added so far a whole stream.
    """

    def __init__(self, path: Path, profile: Profile, *, form: str, force: bool) -> None:
        """Raises: click.UsageError where the output exists and `force` is not given; OSError."""
        self.path: Final = path
        self._profile: Final = profile
        self._suffix: Final = "" if path.is_dir() else next((one for one in SUFFIXES if path.name.endswith(one)), "")
        self._form: Final = form
        self._force: Final = force
        self._whole: WholeFile | None = None
        self._compressing: gzip.GzipFile | None = None
        self.count = 0
        if not self._suffix:
            path.mkdir(parents=True, exist_ok=True)
        else:
            files.refuse_overwrite(path, force)
        parent = path.parent if self._suffix else path
        if not (parent.is_dir() and os.access(parent, os.W_OK)):  # found now, not when blocks are built already
            code = errno.EACCES if parent.is_dir() else errno.ENOTDIR if parent.exists() else errno.ENOENT
            raise OSError(code, os.strerror(code), str(path))

    @property
    def holds_one(self) -> bool:
        """Whether there is room for one block only."""
        return self._suffix in (".json", ".ssz")

    def target_of(self, number: int) -> Path:
        """The file that a block of this number goes to. Raises: click.UsageError where it must not be overwritten."""
        if self._suffix:
            return self.path
        target = self.path / f"block-{number:06}.{self._form}"
        files.refuse_overwrite(target, self._force)
        return target

    def add(self, request: NewPayloadRequest) -> str:
        """Write a block; the name of its file. Raises: click.UsageError where there is no room for it; OSError."""
        if self.holds_one and self.count:
            name = click.format_filename(self.path)
            raise click.UsageError(f"{name} holds one block; write to .jsonl, .jsonl.gz or a directory")
        self.count += 1
        as_ssz = (self._suffix or "." + self._form) == ".ssz"
        data = encode(request, self._profile, as_ssz=as_ssz)
        if self._suffix in (".jsonl", ".jsonl.gz"):
            if self._whole is None:
                self._begin()
            self._write(data)
            return click.format_filename(self.path)
        target = self.target_of(request.execution_payload.block_number)
        files.write(target, data, force=self._force)
        return click.format_filename(target)

    def keep(self) -> None:
        """Give a stream its name."""
        if self._compressing is not None:
            self._compressing.close()
        if self._whole is not None:
            self._whole.keep()

    def _begin(self) -> None:
        self._whole = WholeFile(self.path)
        if self._suffix.endswith(".gz"):
            self._compressing = gzip.GzipFile(
                fileobj=self._whole.file, mode="wb", filename="", compresslevel=GZIP_LEVEL, mtime=0
            )

    def _write(self, data: bytes) -> None:
        if self._compressing is not None:
            self._compressing.write(data)
        elif self._whole is not None:
            self._whole.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None,
                 ) -> None:  # fmt: skip
        if self._whole is not None:
            self._whole.drop()
