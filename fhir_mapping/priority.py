"""Which facts matter most when not all fit: an order, and what must always be shown.

The order is a choice of presentation, documented here and the same for every chart:

0. the complaint
1. urgent vital signs, and critical results of the last year
2. allergies and active problems that are present
3. active medications
4. abnormal results of the last days
5. the present encounter, other vital signs of the last days, statements that nothing is known
6. older abnormal results, reports and notes of the last days
7. procedures, devices, other results of the last days
8. past problems and stopped medications, family and social history, pregnancy
9. everything else: older results, visits, reports, immunizations, plans

Within a class newer comes before older, abnormal before normal.

`group` is the other way to divide the same facts: each group has a share of a prompt that no other
group can take (`prompts/shares.toml`), so that thirty long drug lines leave space for the results.

Urgent vital signs are those beyond the limits of `tables/urgent_vital_signs.toml`, which names its
sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from fhir_mapping.chart import Chart, Fact, Kind, Polarity
from fhir_mapping.tables import table
from fhir_mapping.units.conversions import convert

__all__ = [
    "RECENT_DAYS",
    "Group",
    "group",
    "is_critical",
    "is_urgent_vital_sign",
    "must_keep",
    "priority",
]

RECENT_DAYS = 7.0
"""How long a result counts as one of the last days."""

CURRENT_DAYS = 366.0
"""How long the newest result of a test counts as the patient's present value. Ours: the year over
which a course is told."""

_PRESENT = 3e5
_ACTIVE = frozenset({"", "active", "recurrence", "relapse"})
_TAKEN = frozenset({"", "active", "in-progress", "on-hold", "intended", "recorded"})
_RESULTS = frozenset({Kind.LAB, Kind.OBSERVATION, Kind.VITAL})


class Group(StrEnum):
    """Facts that share a part of the prompt; the values are the keys of `prompts/shares.toml`."""

    COMPLAINT = "complaint"
    CRITICAL = "critical"
    PROBLEM = "problem"
    ALLERGY = "allergy"
    RESULT = "result"
    VISIT = "visit"
    DOCUMENT = "document"
    MEDICATION = "medication"


def priority(fact: Fact, chart: Chart) -> tuple[int, bool, float, str, int]:
    """A key to sort facts by: lower is more important. Total: no two facts of a chart are equal."""
    days = _PRESENT if fact.days_ago is None else abs(fact.days_ago)
    return (_class(fact, chart), not fact.is_abnormal, days, fact.kind, int(fact.id[1:] or 0))


def must_keep(fact: Fact, chart: Chart) -> bool:
    """Whether a prompt must show this fact whatever its budget."""
    return _class(fact, chart) <= _LAST_MUST


_LAST_MUST = 4
_PAST = 8
_BY_KIND = {
    Kind.COMPLAINT: Group.COMPLAINT,
    Kind.PROBLEM: Group.PROBLEM,
    Kind.ALLERGY: Group.ALLERGY,
    Kind.ENCOUNTER: Group.VISIT,
    Kind.REPORT: Group.DOCUMENT,
    Kind.NOTE: Group.DOCUMENT,
    Kind.MEDICATION: Group.MEDICATION,
}


def group(fact: Fact, chart: Chart) -> Group | None:
    """The group whose share of the prompt this fact may use; None for what has no share.

    Past problems and stopped drugs have none; an abnormal result has one, however old.
    """
    if is_critical(fact, chart):
        return Group.CRITICAL
    if fact.kind in _RESULTS:
        return Group.RESULT if fact.is_abnormal or fact.kind is Kind.VITAL else None
    return None if _class(fact, chart) == _PAST else _BY_KIND.get(fact.kind)


def is_critical(fact: Fact, chart: Chart) -> bool:
    """Whether it is a recent urgent vital sign, or a critical result of the last year."""
    return is_urgent_vital_sign(fact, chart) or _is_critical_result(fact)


def _is_critical_result(fact: Fact) -> bool:
    critical = fact.flag is not None and fact.flag.is_critical
    return critical and fact.days_ago is not None and fact.days_ago <= CURRENT_DAYS


def is_urgent_vital_sign(fact: Fact, chart: Chart) -> bool:
    """Whether a vital sign of the last days is urgent by the published limits for the age."""
    age = chart.patient.age_years
    if fact.kind is not Kind.VITAL or fact.value is None or age is None or not _is_recent(fact):
        return False
    codes = {code.code for code in fact.codes}
    for limit in table("urgent_vital_signs")["vitals"]:
        if codes.isdisjoint(limit["codes"]) or not _fits(limit, age):
            continue
        value = convert(fact.value, fact.unit or "", limit["unit"])
        return value is not None and _is_beyond(value, limit, age)
    return False


def _fits(limit: Mapping[str, Any], age: float) -> bool:
    return bool(limit["from_age"] <= age < limit.get("to_age", float("inf")))


def _is_beyond(value: float, limit: Mapping[str, Any], age: float) -> bool:
    low = limit.get("at_most", float("-inf")) + limit.get("at_most_per_year", 0) * int(age)
    return bool(value <= low or value >= limit.get("at_least", float("inf")))


def _is_recent(fact: Fact) -> bool:
    return fact.days_ago is not None and fact.days_ago <= RECENT_DAYS


def _class(fact: Fact, chart: Chart) -> int:
    if fact.kind in _RESULTS:
        return _result_class(fact, chart)
    present = fact.polarity in (Polarity.PRESENT, Polarity.UNKNOWN)
    match fact.kind:
        case Kind.COMPLAINT:
            return 0
        case Kind.PROBLEM:
            return (2 if present else 5) if fact.status in _ACTIVE else _PAST
        case Kind.ALLERGY:
            return 2 if fact.status in _ACTIVE else _PAST
        case Kind.MEDICATION:
            return (3 if present else 5) if fact.status in _TAKEN else _PAST
        case Kind.ENCOUNTER:
            return 5 if fact.text.startswith("Present encounter") else 9
        case Kind.REPORT | Kind.NOTE:
            return 6 if _is_recent(fact) else 9
        case Kind.PROCEDURE | Kind.DEVICE:
            return 7
        case Kind.FAMILY | Kind.SOCIAL:
            return _PAST
        case _:
            return 9


def _result_class(fact: Fact, chart: Chart) -> int:
    if is_critical(fact, chart):
        return 1
    if _is_recent(fact):
        return 4 if fact.is_abnormal else 5 if fact.kind is Kind.VITAL else 7
    return 6 if fact.is_abnormal else 9
