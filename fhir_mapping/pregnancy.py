"""In pregnancy the ranges of others do not hold: results lose what the shipped table said of them.

A laboratory's own range stays; it may be one of pregnancy. Vital signs keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from fhir_mapping.chart import Code, Kind, Polarity
from fhir_mapping.draft import Draft
from fhir_mapping.index import Index
from fhir_mapping.reading import objects
from fhir_mapping.tables import table

__all__ = ["forget_usual_ranges"]


def forget_usual_ranges(drafts: Iterable[Draft], index: Index) -> None:
    """Take published ranges and the flags by them from results of a pregnant patient."""
    found = list(drafts)
    for begun in _pregnancies(found, index):
        for draft in found:
            if _is_within(draft, begun) and draft.range is not None:
                _forget(draft)


def _forget(draft: Draft) -> None:
    by_table = draft.range is not None and draft.range.source != "chart"
    if draft.kind is Kind.LAB and by_table:
        draft.range = None
        if draft.by_range:
            draft.flag = None


def _is_within(draft: Draft, told: float | None) -> bool:
    """Whether a result is from within a pregnancy's length of when the pregnancy was told."""
    if told is None or draft.days_ago is None:
        return True
    return abs(draft.days_ago - told) <= float(table("pregnancy")["longest_days"])


def _pregnancies(drafts: Iterable[Draft], index: Index) -> list[float | None]:
    """When the patient was told to be pregnant, in days ago; None: now."""
    return [d.days_ago for d in drafts if d.polarity is Polarity.PRESENT and _tells(d, index)]


def _tells(draft: Draft, index: Index) -> bool:
    if draft.kind is Kind.PROBLEM:
        return draft.status in ("", "active") and any(map(_is_pregnancy, draft.codes))
    asked = any(code.code in _codes()["asked"] for code in draft.codes)
    return asked and any(map(_is_yes, _codings_of(draft.ref, index)))


def _codings_of(ref: str, index: Index) -> Iterable[dict[str, Any]]:
    resource = index.resolve(ref) or {}
    for concept in objects(resource.get("valueCodeableConcept")):
        yield from objects(concept.get("coding"))


def _is_yes(coding: dict[str, Any]) -> bool:
    return coding.get("code") in _codes()["yes"]


@cache
def _codes() -> dict[str, frozenset[str]]:
    raw = table("pregnancy")
    return {name: frozenset(raw[name]) for name in ("asked", "yes", "problems")}


def _is_pregnancy(code: Code) -> bool:
    if "icd-10" in code.system:
        return code.code.upper().startswith(tuple(table("pregnancy")["icd_10"]))
    return code.code in _codes()["problems"]
