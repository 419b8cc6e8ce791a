"""Whether what a model says would discriminate is a test or a finding that exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind
from cds_hooks.plausibility.terminology.resolution import MatchStatus

__all__ = ["discriminates"]

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_MOST_WORDS, _LONGEST = 16, 4
_SHORTEST = 3
_TESTS = frozenset(
    {NonDiagnosisKind.PROCEDURE, NonDiagnosisKind.SUBSTANCE, NonDiagnosisKind.CHANGE}
)


@dataclass(frozen=True, slots=True)
class _Known:
    tests: frozenset[str]
    generic: frozenset[str]


def discriminates(terminology: Terminology) -> Callable[[str], bool]:
    """A check of one text: whether a part of it names a test or a finding that is known."""

    def known(text: str) -> bool:
        words = _WORD.findall(text.lower())[:_MOST_WORDS]
        return any(_listed(part) for part in _parts(words)) or any(
            _found(part, terminology) for part in _parts(words)
        )

    return known


def _listed(part: str) -> bool:
    return part in _tables().tests


def _found(part: str, terminology: Terminology) -> bool:
    """A heading of MeSH's tests or substances, or a whole name of a finding or a disease."""
    if len(part) < _SHORTEST or part in _tables().generic:
        return False
    found = terminology.resolve(part)
    other = found.other
    named = other is not None and other.kind in _TESTS and bool(other.code)
    return named or (found.status is MatchStatus.EXACT and found.recognised)


def _parts(words: list[str]) -> Iterator[str]:
    """Runs of up to four words, the longest first."""
    for size in range(min(_LONGEST, len(words)), 0, -1):
        for at in range(len(words) - size + 1):
            yield " ".join(words[at : at + size])


@cache
def _tables() -> _Known:
    raw, analytes = read_toml("discriminators.toml"), read_toml("analytes.toml")
    rows = (row for row in analytes.values() if isinstance(row, dict))
    names = (str(name).lower() for row in rows for name in row.get("names", ()))
    return _Known(frozenset((*raw["tests"], *names)), frozenset(raw["generic"]))
