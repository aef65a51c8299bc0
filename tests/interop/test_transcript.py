"""Challenges of the Fiat-Shamir transcript."""

from pathlib import Path

from tests.interop.cases import Case, UnknownCase, cases, check_each, integer, unhex
from verkle.field import FR
from verkle.transcript import Transcript


def test_challenges(vectors: Path) -> None:
    """transcript/transcript.json: the challenge after some messages, and that asking again gives another one."""
    check_each(cases(vectors, "transcript/transcript.json"), _check)


def _check(case: Case) -> None:
    transcript = Transcript(case["label"].encode())
    for kind, label, *value in case["ops"]:
        name = label.encode()
        if kind == "append_scalar":
            transcript.append_scalar(name, integer(value[0]) % FR.modulus)
        elif kind == "append_point":
            transcript.append(name, unhex(value[0]))
        elif kind == "domain_sep":
            transcript.domain_separator(name)
        elif kind == "challenge":
            challenge = transcript.challenge(name)
            assert not value or FR.encode(challenge, "little") == unhex(value[0])
        else:
            raise UnknownCase(kind)
    challenge_label = case["challenge_label"].encode()
    challenge = transcript.challenge(challenge_label)
    assert FR.encode(challenge, "little") == unhex(case["challenge_le"])
    assert transcript.challenge(challenge_label) != challenge
