"""How near a proposed diagnosis is to an outcome, by their codes alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cds_hooks.trial.cases import Code, MatchLevel

__all__ = ["CodeMatcher", "Matcher", "nearest"]

_ICD_10 = "http://hl7.org/fhir/sid/icd-10"
_CATEGORY = 3
_ORDER = tuple(MatchLevel)


class Matcher(Protocol):
    """Tells how near two codes are."""

    def __call__(self, proposed: Code, outcome: Code, /) -> MatchLevel | None: ...


@dataclass(frozen=True, slots=True)
class CodeMatcher:
    """Compares codes as they are written, points and case aside. ICD-10 and its national versions
    share their categories of three characters, in which they also are compared with each other.

    `equivalent` lists, for a code, the codes that are the same disease; `related` those that count
    as related. Both are read in both directions.
    """

    equivalent: Mapping[Code, Collection[Code]] = field(default_factory=dict)
    related: Mapping[Code, Collection[Code]] = field(default_factory=dict)

    def __call__(self, proposed: Code, outcome: Code, /) -> MatchLevel | None:
        """The strictest level at which they match, None where they do not."""
        if proposed == outcome or _plain(proposed) == _plain(outcome):
            return MatchLevel.SAME
        if _listed(self.equivalent, proposed, outcome):
            return MatchLevel.SAME
        category = _category(proposed)
        if category and category == _category(outcome):
            return MatchLevel.CATEGORY
        return MatchLevel.RELATED if _listed(self.related, proposed, outcome) else None


def nearest(matcher: Matcher, codes: Iterable[Code], outcome: Code) -> MatchLevel | None:
    """The strictest level at which any of the codes matches an outcome."""
    return min(
        filter(None, (matcher(code, outcome) for code in codes)), key=_ORDER.index, default=None
    )


@lru_cache(maxsize=65_536)
def _plain(code: Code) -> Code:
    return code[0], code[1].strip().upper().replace(".", "")


@lru_cache(maxsize=65_536)
def _category(code: Code) -> str:
    system, plain = _plain(code)
    return plain[:_CATEGORY] if system.startswith(_ICD_10) and len(plain) >= _CATEGORY else ""


def _listed(table: Mapping[Code, Collection[Code]], one: Code, other: Code) -> bool:
    return bool(table) and (other in table.get(one, ()) or one in table.get(other, ()))
