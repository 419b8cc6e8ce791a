"""Moving a chart in time, so that a recorded one is equally old whenever it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

__all__ = ["age_of", "latest", "shift"]

Resource = Mapping[str, Any]

# Elements of FHIR that hold a date or a moment; a string elsewhere that looks like one stays.
_KEYS = frozenset(
    (
        "abatementDateTime",
        "authored",
        "authoredOn",
        "birthDate",
        "collectedDateTime",
        "created",
        "date",
        "deceasedDateTime",
        "effectiveDateTime",
        "effectiveInstant",
        "end",
        "issued",
        "lastOccurrence",
        "lastUpdated",
        "occurrenceDateTime",
        "onsetDateTime",
        "performedDateTime",
        "recorded",
        "recordedDate",
        "start",
        "time",
    )
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def age_of(patient: Resource, now: datetime) -> float | None:
    """Years since the date of birth of a Patient, or None where it has none to the day."""
    try:
        born = date.fromisoformat(str(patient.get("birthDate", ""))[:10])
    except ValueError:
        return None
    return (now.date() - born) / timedelta(days=365.25)


def latest(resources: Iterable[Resource], otherwise: datetime) -> datetime:
    """The last moment that any resource tells."""
    moments = (_moment(v) for r in resources for k, v in _strings(r) if k != "birthDate")
    return max((m for m in moments if m is not None), default=otherwise)


def shift(resources: Iterable[Resource], by: timedelta) -> list[Resource]:
    """The same resources, every date and moment later by `by`; dates without a day stay."""
    return [_shifted(r, by) for r in resources]


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for k, v in value.items():
            yield from _strings(v, k)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, str) and key in _KEYS:
        yield key, value


def _shifted(value: Any, by: timedelta, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _shifted(v, by, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_shifted(item, by, key) for item in value]
    if isinstance(value, str) and key in _KEYS:
        return _later(value, by)
    return value


def _later(text: str, by: timedelta) -> str:
    moment = _moment(text)
    if moment is None:
        return text
    if _DAY.fullmatch(text):
        return (date.fromisoformat(text) + by).isoformat()
    return (moment + by).replace(microsecond=0).isoformat()


def _moment(text: str) -> datetime | None:
    """A day or a moment; None for a year, a month or what is neither."""
    if not _DAY.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
