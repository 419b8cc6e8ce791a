"""Ages at which something began or ended, as days before now or as words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mapping.drafting.draft import MappingContext
from fhir_mapping.elements.quantities import quantity

__all__ = ["age_words", "days_since_age"]

_DAYS = {"a": 365.25, "mo": 30.44, "wk": 7.0, "d": 1.0, "h": 1 / 24}
_WORDS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours"}
_SPELLINGS = {"years": "a", "year": "a", "yr": "a", "yrs": "a", "y": "a", "months": "mo",
              "month": "mo", "weeks": "wk", "days": "d"}  # fmt: skip


def days_since_age(value: Any, ctx: MappingContext) -> float | None:
    """How many days ago the patient had this Age (of a Range: its low end), or None."""
    if not isinstance(value, dict) or ctx.age_years is None:
        return None
    if "low" in value or "high" in value:
        return days_since_age(value.get("low") or value.get("high"), ctx)
    read = quantity(value, ctx.words)
    unit = _unit(read.unit)
    if read.value is None or unit not in _DAYS:
        return None
    days = ctx.age_years * 365.25 - read.value * _DAYS[unit]
    return days if days >= 0 else None


def age_words(holder: Mapping[str, Any], name: str, ctx: MappingContext) -> str:
    """An age as words: "62 years", "in childhood"; from `nameAge`, `nameRange` or `nameString`."""
    for suffix in ("Age", "Range"):
        value = holder.get(f"{name}{suffix}")
        if isinstance(value, dict):
            return _words(value, ctx)
    return ctx.words.typed(holder.get(f"{name}String"))


def _words(value: Mapping[str, Any], ctx: MappingContext) -> str:
    ends = [value[end] for end in ("low", "high") if isinstance(value.get(end), dict)]
    if ends:
        return " to ".join(filter(None, (_words(end, ctx) for end in ends)))
    read = quantity(dict(value), ctx.words)
    unit = _unit(read.unit)
    return f"{read.figure} {_WORDS.get(unit, unit)}".strip() if read.figure else ""


def _unit(unit: str | None) -> str:
    return _SPELLINGS.get((unit or "a").lower(), unit or "a")
