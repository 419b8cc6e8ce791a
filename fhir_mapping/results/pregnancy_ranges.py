"""In pregnancy the ranges of others do not hold: results lose what the shipped table said of them,
and get a published range of pregnancy where there is one.

A laboratory's own range stays; it may be one of pregnancy. Vital signs keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from fhir_mapping.chart import Code, Kind, Polarity, Range
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.elements.json_values import objects
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.input.resource_index import ResourceIndex
from fhir_mapping.results.flags import flag_against, range_for
from fhir_mapping.results.published_ranges import in_unit
from fhir_mapping.tables import table

__all__ = ["forget_usual_ranges"]


def forget_usual_ranges(drafts: Iterable[Draft], index: ResourceIndex) -> None:
    """Take published ranges and the flags by them from results of a pregnant patient."""
    found = list(drafts)
    for begun in _pregnancies(found, index):
        for draft in found:
            if draft.kind is Kind.LAB and _is_within(draft, begun):
                _forget(draft)
                _use_published(draft)
                _use_own(draft, index)


def _forget(draft: Draft) -> None:
    if draft.range is not None and draft.range.source != "chart":
        draft.range = None
        if draft.by_range:
            draft.flag = None


def _use_published(draft: Draft) -> None:
    """The published range of pregnancy, where a value lies outside it whatever the trimester and
    the laboratory says nothing itself. Of a value within it nothing is said."""
    if draft.value is None or draft.range is not None or draft.flag is not None:
        return
    for limits in _published(draft):
        flag = flag_against(draft.value, draft.comparator, limits)
        if flag is not None and flag.is_abnormal:
            draft.range, draft.flag, draft.by_range = limits, flag, True


def _published(draft: Draft) -> Iterator[Range]:
    for row in table("pregnancy")["ranges"]:
        for code in draft.codes:
            limits = in_unit(row, draft.unit, code.code) if code.code in row["codes"] else None
            if limits is not None:
                yield limits


def _use_own(draft: Draft, index: ResourceIndex) -> None:
    """The laboratory's own range of pregnancy, where it sends one; of several (one for each
    trimester) none is chosen, and that of others does not hold."""
    resource = index.resolve(draft.ref) or {}
    sent = [] if "component" in resource else objects(resource.get("referenceRange"))
    of_pregnancy = [candidate for candidate in sent if _is_of_pregnancy(candidate)]
    if not of_pregnancy or draft.value is None:
        return
    plain = [{k: c[k] for k in ("low", "high") if k in c} for c in of_pregnancy]
    found = range_for(plain, TextCleaner(), draft.unit, None, None, draft.codes, draft.value)
    draft.range = found if len(plain) == 1 else None
    if draft.by_range or draft.flag is None:
        draft.by_range = True
        limits = draft.range
        draft.flag = flag_against(draft.value, draft.comparator, limits) if limits else None


def _is_of_pregnancy(candidate: dict[str, Any]) -> bool:
    said = f"{candidate.get('appliesTo')} {candidate.get('text')}".lower()
    return any(word in said for word in table("pregnancy")["range_words"])


def _is_within(draft: Draft, told: float | None) -> bool:
    """Whether a result is from within a pregnancy's length of when the pregnancy was told."""
    if told is None or draft.days_ago is None:
        return True
    return abs(draft.days_ago - told) <= float(table("pregnancy")["longest_days"])


def _pregnancies(drafts: Iterable[Draft], index: ResourceIndex) -> list[float | None]:
    """When the patient was told to be pregnant, in days ago; None: now."""
    return [d.days_ago for d in drafts if d.polarity is Polarity.PRESENT and _tells(d, index)]


def _tells(draft: Draft, index: ResourceIndex) -> bool:
    if draft.kind is Kind.PROBLEM:
        return draft.status in ("", "active") and any(map(_is_pregnancy, draft.codes))
    asked = any(code.code in _codes()["asked"] for code in draft.codes)
    return asked and any(map(_is_yes, _codings_of(draft.ref, index)))


def _codings_of(ref: str, index: ResourceIndex) -> Iterable[dict[str, Any]]:
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
