"""Numbers and spans of time as a clinician writes them."""

from __future__ import annotations

__all__ = ["ago", "plain", "span"]

_YEAR = 365.25
_MONTH = 30.44


def plain(value: float) -> str:
    """Four significant digits, never in exponents: 185.37 -> "185.4", 7823.0 -> "7823"."""
    size = abs(value)
    if size >= 1000 or value == int(value):
        return str(round(value)) if size < 1e15 else f"{value:.3g}"
    if size < 0.0001:
        return f"{value:.2g}"
    return f"{value:.4g}"


def span(days: float) -> str:
    """A length of time in its natural unit: "5 hours", "3 days", "2 months", "4 years"."""
    if days < 1 / 24:
        return _counted(days * 24 * 60, "minute")
    if days < 2:
        return _counted(days * 24, "hour")
    if days < 60:
        return _counted(days, "day")
    if days < 2 * _YEAR:
        return _counted(days / _MONTH, "month")
    return _counted(days / _YEAR, "year")


def ago(days: float) -> str:
    """A moment relative to now: "today", "3 days ago", "in 2 months"."""
    if abs(days) < 1:
        return "today"
    return f"{span(days)} ago" if days > 0 else f"in {span(-days)}"


def _counted(amount: float, unit: str) -> str:
    n = max(1, round(amount))
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"
