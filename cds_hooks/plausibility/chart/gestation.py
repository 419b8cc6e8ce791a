"""Weeks of gestation as complaints and notes write them: "36 weeks pregnant", "G2P1 at 34 w"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhir_mapping.chart import Experiencer, Fact, Kind, Polarity

__all__ = ["weeks_told"]

_WEEKS = r"(\d{1,2})(?:\s?\+\s?\d|\s?\d/7)?[\s-]*(?:weeks?|wks?|wk)\b"
_BEFORE = r"(?:pregnan\w*|gestation\w*|gravid\w*|\bg\dp\d|\biup)\W{1,3}(?:of |at |about |is )?"
_AFTER = r"[\s-]*(?:of\s)?(?:pregnan|gestation|gravid|ga\b)"
_WRITTEN = tuple(re.compile(p, re.IGNORECASE) for p in (f"{_WEEKS}{_AFTER}", f"{_BEFORE}{_WEEKS}"))
_OF_COMPLAINT = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (rf"\bat {_WEEKS}(?!\s*ago)", r"[,;]\s*([234]\d)\s?(?:weeks?|wks?)\.?$")
)
"""Only what a patient comes for says "bleeding at 34 weeks" without naming the pregnancy."""
_READ = {Kind.COMPLAINT: 7.0, Kind.NOTE: 3.0, Kind.OBSERVATION: 3.0, Kind.PROBLEM: 14.0}
_MOST_WEEKS = 43


def weeks_told(facts: Iterable[Fact]) -> tuple[float, str] | None:
    """The weeks of gestation and the id of the first recent statement that tells them."""
    for fact in facts:
        days = _READ.get(fact.kind)
        if days is None or not _is_so(fact) or (fact.days_ago or 0.0) > days:
            continue
        of_complaint = _OF_COMPLAINT if fact.kind is Kind.COMPLAINT else ()
        for pattern in (*_WRITTEN, *of_complaint):
            found = pattern.search(fact.text)
            if found is not None and 3 <= int(found[1]) <= _MOST_WEEKS:
                return float(found[1]), fact.id
    return None


def _is_so(fact: Fact) -> bool:
    return fact.polarity is Polarity.PRESENT and fact.experiencer is Experiencer.PATIENT
