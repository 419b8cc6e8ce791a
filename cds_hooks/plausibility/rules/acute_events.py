"""Acute events, and the recorded conditions of which they come (`data/acute.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.name_keys import expand, words
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept

__all__ = ["AcuteForm", "acute_source", "acute_forms", "is_acute", "same_event_days"]

_WITHOUT = re.compile(r"\bwithout\b.*|\bnot specified as\b.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AcuteForm:
    """ICD-10-CM codes and MeSH descriptors of acute events, and the codes of what they come of."""

    acute: tuple[str, ...]
    mesh: frozenset[str]
    of: tuple[str, ...]
    reason: str

    def names(self, event: Iterable[Concept]) -> bool:
        """Whether one of the concepts is among the events."""
        return any(
            c.code.startswith(self.acute) if c.system == ICD_10_CM else c.code in self.mesh
            for c in event
        )


@cache
def _data() -> dict[str, Any]:
    return read_toml("acute.toml")


@cache
def acute_forms() -> tuple[AcuteForm, ...]:
    """The shipped rows."""
    return tuple(
        AcuteForm(tuple(r["acute"]), frozenset(r.get("mesh", ())), tuple(r["of"]), r["reason"])
        for r in _data()["form"]
    )


@cache
def acute_source() -> str:
    """Where the rows and words are from."""
    return str(_data()["source"])


def same_event_days() -> float:
    """Days for which a recorded event is still the same one."""
    return float(_data()["same_event_days"])


@lru_cache(maxsize=4096)
def is_acute(name: str, concepts: tuple[Concept, ...]) -> bool:
    """Whether a diagnosis is an acute event: by a word of its name or of its codes' titles, or by
    what it is. What a title says is not there ("without exacerbation") counts for nothing."""
    told = [c for c in concepts if c.system == ICD_10_CM]
    if told and all(c.code.startswith(_lasting()) for c in told):
        return False
    return (
        _says_so(name)
        or any(c.code.startswith(_events()) or _says_so(c.display) for c in told)
        or any(c.code in _mesh() for c in concepts)
    )


def _says_so(text: str) -> bool:
    return not _words().isdisjoint(words(expand(_WITHOUT.sub("", text))))


@cache
def _words() -> frozenset[str]:
    return frozenset(_data()["words"])


@cache
def _events() -> tuple[str, ...]:
    return tuple(_data()["events"])


@cache
def _lasting() -> tuple[str, ...]:
    return tuple(_data()["lasting"])


@cache
def _mesh() -> frozenset[str]:
    return frozenset(_data()["mesh"])
