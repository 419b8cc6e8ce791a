"""A reference range that was only written: "0,5 - 1,2 mg/dl", "< 5", "bis 0,9", "4.000-10.000 /uL".

Only a text that is wholly a range is one: what stands beside it ("13-17 (men)") may say that the
range is another patient's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fhir_mapping.units.conversions import convert
from fhir_mapping.units.ucum import ucum

__all__ = ["WrittenRange", "written_range"]

_NUMBER = r"[-\u2212+]?\d{1,9}(?:[.,]\d{1,9}){0,3}"
_UNIT = r"(?P<unit>[^\s\d(\[;:,<>=][^()\[\];:,]{0,30})"
_BETWEEN = re.compile(
    rf"(?P<low>{_NUMBER})\s*(?:-|\u2013|\u2014|\u2212|~|\.\.|;|to|bis|\u00e0|a|until|and|und|et)\s*"
    rf"(?P<high>{_NUMBER})\s*{_UNIT}?",
    re.IGNORECASE,
)
_UPPER = ("<=", "=<", "<", "\u2264", "up to", "to", "bis zu", "bis", "unter", "less than", "below",
          "jusqu'\u00e0", "inf\u00e9rieur \u00e0", "inf. \u00e0")  # fmt: skip
_LOWER = (">=", "=>", ">", "\u2265", "at least", "above", "more than", "ab", "\u00fcber",
          "sup\u00e9rieur \u00e0", "sup. \u00e0")  # fmt: skip
_ONE_SIDED = re.compile(
    rf"(?P<sign>{'|'.join(map(re.escape, (*_UPPER, *_LOWER)))})\s*(?P<bound>{_NUMBER})\s*{_UNIT}?",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:normal(?:bereich|wert)?|norm(?:bereich|wert)?|ref(?:erence|erenz(?:bereich|wert)?)?"
    r"|reference (?:range|interval)|valeurs? normales?|neg(?:ative?|ativ)?|von|from|de"
    r"|zwischen|between|entre)[.:]{0,2}\s+",
    re.IGNORECASE,
)
"""What is written before the limits without changing them."""

_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")
_BEYOND = 2.0
"""How many times beyond the limits a result may be when their figures can be read in two ways,
which are a thousand times apart. Ours: a range that might be another is worse than none."""


@dataclass(frozen=True, slots=True)
class WrittenRange:
    """The limits that a text gives, in the unit of the result."""

    low: float | None = None
    high: float | None = None


def written_range(text: object, value: float | None, unit: str | None, loinc: str) -> WrittenRange:
    """The range in a text, in `unit`; empty when it is none, or none that can be compared."""
    if not isinstance(text, str) or len(text) > 80:
        return WrittenRange()
    plain = text.replace("\u2019", "'").strip().rstrip("*").strip("()[] ")
    plain = _LEAD.sub("", plain, count=1) if plain[:1].isalpha() else plain
    match = _BETWEEN.fullmatch(plain) or _ONE_SIDED.fullmatch(plain)
    if match is None:
        return WrittenRange()
    own = ucum(match["unit"].strip()) if match["unit"] else unit
    if not own or not unit or own == unit:
        return _limits(match, value)
    compared = None if value is None else convert(value, unit, own, loinc)
    return _in_unit(_limits(match, compared), own, unit, loinc)


def _limits(match: re.Match[str], value: float | None) -> WrittenRange:
    found = match.groupdict()
    sent = [found[name] for name in ("low", "high", "bound") if found.get(name)]
    figures = _figures([s.replace("\u2212", "-") for s in sent], value)
    if figures is None:
        return WrittenRange()
    if len(figures) == 2:
        return WrittenRange(*figures)
    is_lower = found["sign"].lower() in _LOWER
    return WrittenRange(low=figures[0]) if is_lower else WrittenRange(high=figures[0])


def _figures(sent: list[str], value: float | None) -> list[float] | None:
    """The numbers, when their points and commas can be read in one way, or in one near the value.

    "4.000" is four or four thousand; "0.500" beside it says that it is four.
    """
    decimal, grouped = [_decimal(s) for s in sent], [_grouped(s) for s in sent]
    if any(g is None for g in grouped):
        return None if any(d is None for d in decimal) else [d for d in decimal if d is not None]
    thousands = [g for g in grouped if g is not None]
    if any(d is None for d in decimal):
        return thousands
    plain = [d for d in decimal if d is not None]
    near = [r for r in (plain, thousands) if len(r) == 2 and value and _is_near(value, r)]
    return near[0] if len(near) == 1 else None


def _decimal(text: str) -> float | None:
    """The number whose last point or comma begins the decimals: "0,5", "1.000,5"."""
    whole, mark, decimals = re.fullmatch(r"(.*?)([.,]?)(\d*)", text).groups()  # type: ignore[union-attr]
    if not mark:
        return float(text)
    if whole.lstrip("+-").isdigit():
        return float(f"{whole}.{decimals}")
    other = "," if mark == "." else "."
    if mark in whole or _GROUPED.fullmatch(whole) is None:
        return None
    return float(f"{whole.replace(other, '')}.{decimals}")


def _grouped(text: str) -> float | None:
    """The number whose points or commas only group its digits: "4.000", "1,234,567"."""
    match = _GROUPED.fullmatch(text)
    return None if match is None else float(text.replace(match[1], ""))


def _is_near(value: float, limits: list[float]) -> bool:
    low, high = limits
    return 0 < low / _BEYOND <= value <= high * _BEYOND


def _in_unit(limits: WrittenRange, own: str, unit: str, loinc: str) -> WrittenRange:
    sent = (limits.low, limits.high)
    ends = [None if end is None else convert(end, own, unit, loinc) for end in sent]
    lost = any(e is None and s is not None for e, s in zip(ends, sent, strict=True))
    return WrittenRange() if lost else WrittenRange(*ends)
