"""How long ago, in the words and at the grain a clinician uses."""

from __future__ import annotations

__all__ = ["ago"]

_UNITS = ((14.0, 1.0, "day"), (56.0, 7.0, "week"), (730.5, 30.4375, "month"))
_YEAR = 365.25


def ago(days: float | None, *, fine: bool = False) -> str:
    """`days` before now as "3 days ago"; future as "in 3 days"; "" when not known.

    Days up to two weeks, weeks up to eight, months up to two years, then years. Under a day is
    "today" (within 24 hours, whatever the calendar says): coarse, so that a prompt stays the same
    from hour to hour and its evaluated prefix can be reused. `fine` tells hours and minutes.
    """
    if days is None:
        return ""
    size = abs(days)
    if size < 1:
        return _within_a_day(days) if fine else "today"
    number, unit = _in_units(size)
    words = f"{number} {unit}{'s' if number != 1 else ''}"
    return f"{words} ago" if days > 0 else f"in {words}"


def _in_units(size: float) -> tuple[int, str]:
    for limit, length, unit in _UNITS:
        if size < limit:
            return int(size / length), unit
    return int(size / _YEAR), "year"


def _within_a_day(days: float) -> str:
    minutes = int(abs(days) * 1440)
    if minutes == 0:
        return "just now"
    words = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
    return f"{words} ago" if days >= 0 else f"in {words}"
