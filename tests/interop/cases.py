"""Reading published vectors: files, their cases, and the list of those that failed.

Files hold cases made by other implementations; each says its origin. Tests go through whatever cases a file holds: a
file without cases fails, and so does a case with a member that nobody looked at.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from spec import params
from spec.errors import Rejection
from spec.types import TreeKey, Value

DESCRIPTIONS: Final = frozenset(
    ("id", "note", "notes", "comment", "description", "confidence", "source", "origin", "reason", "property")
)
"""Members of a case that explain it and check nothing."""

_FAILURES: Final = (AssertionError, ValueError, LookupError, TypeError, Rejection)
"""What a failed case raises: a wrong result, or members that are not what the test knows."""


class UnknownCase(AssertionError):
    """An operation or form that no test handles."""


class Case:
    """One case of a file. Remembers which members were looked at."""

    def __init__(self, members: dict[str, Any], name: str) -> None:
        self.members = members
        self.name = name
        self._read: set[str] = set()

    def __getitem__(self, member: str) -> Any:
        self._read.add(member)
        return self.members[member]

    def __contains__(self, member: str) -> bool:
        return member in self.members

    def get(self, member: str, default: Any = None) -> Any:
        """A member, or `default` where it is missing."""
        self._read.add(member)
        return self.members.get(member, default)

    def unread(self) -> set[str]:
        """Members that the test has not looked at, descriptions left out."""
        return set(self.members) - self._read - DESCRIPTIONS


def read(vectors: Path, path: str) -> Any:
    """The document of one file."""
    return json.loads((vectors / path).read_bytes())


def cases(vectors: Path, path: str) -> Iterator[Case]:
    """The cases of one file."""
    for index, members in enumerate(read(vectors, path)["cases"]):
        name = str(members.get("id", f"{path}[{index}]"))
        yield Case(members, name)


def documents(vectors: Path, pattern: str) -> Iterator[Case]:
    """The documents of the files that match a pattern, each as one case, by name."""
    for path in sorted(vectors.glob(pattern)):
        yield Case(read(vectors, str(path.relative_to(vectors))), path.stem)


def check_each(listed: Iterable[Case], check: Callable[[Case], None], *, every_member: bool = True) -> None:
    """Run `check` on every case. Fails with the list of failed cases, and where there is no case at all.

    A case also fails where the check has not looked at each of its members, unless they are mostly descriptions.
    """
    failed = []
    count = 0
    for case in listed:
        count += 1
        try:
            check(case)
            assert not (every_member and case.unread()), f"members that nothing checks: {sorted(case.unread())}"
        except _FAILURES as error:
            failed.append(f"{case.name}: {type(error).__name__}: {str(error)[:500]}")
    assert count, "no cases"
    assert not failed, f"{len(failed)} of {count} cases:\n" + "\n".join(failed)


def unhex(text: str) -> bytes:
    """Bytes of hex digits, with or without 0x."""
    return bytes.fromhex(text.removeprefix("0x"))


def integer(value: str | int) -> int:
    """An integer given as a number, or as decimal or 0x text, with a sign or not."""
    return value if isinstance(value, int) else int(value, 0)


def leaf(text: str) -> Value:
    """A value of the tree; shorter ones are filled up with zeros on the right, as go-verkle does."""
    return Value(unhex(text).ljust(32, b"\0"))


def leaves(pairs: Iterable[tuple[str, str]]) -> dict[TreeKey, Value]:
    """(key, value) pairs as the writes of an update."""
    return {TreeKey(unhex(key)): leaf(value) for key, value in pairs}


def profile_of(layout: str) -> params.Profile:
    """The profile of a network, by the words with which files describe its layout."""
    text = layout.lower()
    if "packed" in text:
        return params.KAUSTINEN7
    if text.startswith(("kaustinen1", "kaustinen2")) or "2^39" in text:
        return params.KAUSTINEN2
    if text.startswith(("kaustinen3", "kaustinen4", "kaustinen5")) or "legacy" in text:
        return params.KAUSTINEN5
    if text.startswith("kaustinen6") or "eip6800" in text or "leaf-per-field" in text:
        return params.KAUSTINEN6
    raise UnknownCase(f"no profile is known for {layout!r}")
