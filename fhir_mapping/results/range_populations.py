"""Whether a reference range is for this patient: by type, appliesTo, age and the words beside it.

A range for a group that is not looked at here (in pregnancy, fasting, of a therapy) is for nobody:
a flag by it would be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.elements.concepts import codings
from fhir_mapping.elements.json_values import items, string
from fhir_mapping.elements.quantities import quantity
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.tables import table

__all__ = ["is_for"]

_WORD = re.compile(r"[^\W_]+(?:-[^\W\d_]+)*")
_LONE_LETTER = re.compile(r"(?<=\S)[\W\d_]+[^\W\d_](?![^\W\d_]|\s*[:=])")
"""A letter within a text ("10 g/24 h", "5 m"); at its beginning it names a sex ("f: 12-16")."""

_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25, "years": 1.0, "year": 1.0,
          "months": 1 / 12, "month": 1 / 12, "weeks": 7 / 365.25, "days": 1 / 365.25}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Population:
    sex: str = ""
    from_age: float = 0.0
    to_age: float = float("inf")
    never: bool = False

    def holds(self, age_years: float | None, sex: str | None) -> bool:
        if self.never or (self.sex and self.sex != sex):
            return False
        is_any_age = self.from_age == 0.0 and self.to_age == float("inf")
        return is_any_age or (age_years is not None and self.from_age <= age_years < self.to_age)


def is_for(
    candidate: Mapping[str, Any], age_years: float | None, sex: str | None, words: TextCleaner
) -> bool:
    """Whether one Observation.referenceRange is of healthy people of this age and sex."""
    for name in ("type", "meaning"):
        if candidate.get(name) and _normal().isdisjoint(_said(candidate[name])):
            return False
    if candidate.get("appliesTo") and not _applies(candidate["appliesTo"], age_years, sex):
        return False
    if candidate.get("text") and (candidate.get("low") or candidate.get("high")):
        named = list(_named(_LONE_LETTER.sub(" ", string(candidate["text"]))))
        if named and not _hold(named, age_years, sex):
            return False
    return "age" not in candidate or _fits_age(candidate["age"], age_years, words)


def _applies(sent: Any, age_years: float | None, sex: str | None) -> bool:
    """Whether all that is said of the people is understood and holds; of sexes one must."""
    said = _said(sent)
    named = [p for text in said for p in _named(text)]
    if not named:
        return not said or not said.isdisjoint(_anyone())
    return _hold(named, age_years, sex)


def _hold(named: list[_Population], age_years: float | None, sex: str | None) -> bool:
    of_sex = [p for p in named if p.sex]
    others = [p for p in named if not p.sex]
    return (not of_sex or any(p.holds(age_years, sex) for p in of_sex)) and all(
        p.holds(age_years, sex) for p in others
    )


def _named(text: str) -> Iterator[_Population]:
    for word in _WORD.findall(text.lower()):
        if word in _populations():
            yield _populations()[word]


def _said(sent: Any) -> set[str]:
    """The codes, or where there are none the displays and texts, in lower case."""
    found: set[str] = set()
    for concept in items(sent):
        if isinstance(concept, str):
            found.add(concept.strip().lower())
            continue
        coded = {string(c.get("code")).lower() for c in codings(concept)}
        known = coded & (_populations().keys() | _anyone() | _normal())
        if known:
            found |= known
        elif isinstance(concept, dict):
            found |= {string(c.get("display")).lower() for c in codings(concept)}
            found |= {string(concept.get("text")).lower(), *coded}
    return found - {""} or found


@cache
def _populations() -> dict[str, _Population]:
    rows = table("populations")["populations"]
    return {
        word: _Population(**{key: row[key] for key in row if key != "words"})
        for row in rows
        for word in row["words"]
    }


@cache
def _anyone() -> frozenset[str]:
    return frozenset(table("populations")["anyone"]["words"])


@cache
def _normal() -> frozenset[str]:
    return frozenset(table("populations")["normal"]["words"])


def _fits_age(age: Any, age_years: float | None, words: TextCleaner) -> bool:
    if not isinstance(age, dict):
        return True
    low, high = _years(age.get("low"), words), _years(age.get("high"), words)
    if low is None and high is None:
        return True
    if age_years is None:
        return False
    return (low is None or age_years >= low) and (high is None or age_years <= high)


def _years(value: Any, words: TextCleaner) -> float | None:
    read = quantity(value, words) if isinstance(value, dict) else None
    if read is None or read.value is None:
        return None
    return read.value * _YEARS.get(read.unit or "a", 1.0)
