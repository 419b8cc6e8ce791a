"""FHIR's times as intervals: a date is a whole day, and may lie on both sides of a hook.

Source: HL7 FHIR R4, datatypes `date`, `dateTime`, `instant` (partial dates are allowed; a time has
a zone). What is written without a zone is the site's own time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

__all__ = ["Moment", "Side", "begin_of", "end_of", "first_moment", "parse_moment"]

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_PRECISION = {1: "year", 2: "month", 3: "day"}


class Side(StrEnum):
    """Where a moment lies: `AMBIGUOUS` is before or after, its writing does not tell which."""

    BEFORE = "before"
    AMBIGUOUS = "ambiguous"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Moment:
    """From `earliest` up to before `latest` (UTC seconds); both are the same for an instant."""

    earliest: float
    latest: float
    precision: str = "instant"

    def side_of(self, time: float) -> Side:
        """Whether this is before or after a time; at that very time is before."""
        if self.earliest > time or (self.earliest == time and self.latest > time):
            return Side.AFTER
        return Side.BEFORE if self.latest <= time else Side.AMBIGUOUS


def parse_moment(value: object, zone: tzinfo | None = None) -> Moment | None:
    """A date, dateTime or instant; None for anything else. `zone` is the site's, None this
    machine's."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        if partial := _PARTIAL.fullmatch(text):
            return _partial([int(each) for each in partial.groups() if each], zone)
        at = datetime.fromisoformat(text) if "T" in text else None
        return None if at is None else _instant(_stamp(at, zone))
    except (ValueError, OverflowError, OSError):
        return None


def begin_of(value: object, zone: tzinfo | None = None) -> Moment | None:
    """When something began: a time, or the start of a Period, else its end."""
    if isinstance(value, Mapping):
        return parse_moment(value.get("start"), zone) or parse_moment(value.get("end"), zone)
    return parse_moment(value, zone)


def end_of(value: object, zone: tzinfo | None = None) -> Moment | None:
    """When a Period ended, None for one without an end; a time is its own."""
    found = value.get("end") if isinstance(value, Mapping) else value
    return parse_moment(found, zone)


def first_moment(
    resource: Mapping[str, Any], names: Sequence[str], zone: tzinfo | None = None
) -> Moment | None:
    """The first of these elements that can be read as a time."""
    found = (begin_of(resource.get(name), zone) for name in names)
    return next((each for each in found if each is not None), None)


def _instant(stamp: float) -> Moment:
    return Moment(stamp, stamp)


def _partial(parts: list[int], zone: tzinfo | None) -> Moment:
    year, month, day = (*parts, 1, 1)[:3]
    begin = datetime(year, month, day)  # noqa: DTZ001 - the site's own day
    if len(parts) == 3:
        end = begin + timedelta(days=1)
    elif len(parts) == 2:
        end = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001
    else:
        end = datetime(year + 1, 1, 1)  # noqa: DTZ001
    return Moment(_stamp(begin, zone), _stamp(end, zone), _PRECISION[len(parts)])


def _stamp(at: datetime, zone: tzinfo | None) -> float:
    """UTC seconds; without a zone it is the site's time, or this machine's."""
    if at.tzinfo is None and zone is not None:
        at = at.replace(tzinfo=zone)
    return at.timestamp()
