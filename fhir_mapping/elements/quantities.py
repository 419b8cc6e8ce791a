"""Quantities: a number, its comparator and its unit in UCUM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from fhir_mapping.elements.json_values import number
from fhir_mapping.elements.phrasing import plain
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.units.ucum import shown_unit

__all__ = ["Quantity", "parts", "quantity", "shown_quantity"]

UCUM_SYSTEM = "http://unitsofmeasure.org"
_COUNTED = re.compile(r"1|\{[^{}]*\}")
_LONGEST_COMPARATOR = 20
_ABOUT = re.compile(
    r"(~|\u2248|\u2264|\u2265|ca\.?|circa|approx\.?|about)\s*(\d[\d.]*)", re.IGNORECASE
)
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "ad": "about ",
                "\u2264": "<=", "\u2265": ">="}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` may be None when only a unit was sent; `unit` is UCUM where that is known."""

    value: float | None
    comparator: str | None
    unit: str | None

    @property
    def figure(self) -> str:
        """The number with its comparator, without the unit: "<5"."""
        if self.value is None:
            return ""
        return f"{self.comparator or ''}{plain(self.value)}"

    def __str__(self) -> str:
        unit = shown_unit(self.unit) if self.unit else ""
        if not unit or not self.figure:
            return self.figure
        return f"{self.figure}{unit}" if unit == "%" else f"{self.figure} {unit}"


def parts(value: dict[str, Any], words: TextCleaner) -> tuple[float | None, str | None, str | None]:
    """Number, comparator and UCUM unit of a Quantity, each as far as it can be understood."""
    raw, comparator = value.get("value"), value.get("comparator")
    read = raw if type(raw) is float and isfinite(raw) else number(raw)
    if read is None and isinstance(raw, str):
        written, read = _compared(raw)
        comparator = written or comparator
    known = _comparator(comparator, words) if comparator else None
    unit = value.get("code") if value.get("system") == UCUM_SYSTEM else value.get("unit")
    unit = words.unit(unit) or words.unit(value.get("unit")) or words.unit(value.get("code"))
    return read, known, unit


def _comparator(sent: Any, words: TextCleaner) -> str | None:
    """The comparator; one that FHIR does not know is kept as it was sent ("~", "approx")."""
    text = words.typed(sent)
    if not text or len(text) > _LONGEST_COMPARATOR:
        return None
    return _COMPARATORS.get(text) or f"{text} "


def quantity(value: dict[str, Any], words: TextCleaner) -> Quantity:
    """A Quantity (Age, Duration, SimpleQuantity ...) as it can be understood."""
    return Quantity(*parts(value, words))


def shown_quantity(value: Any, words: TextCleaner) -> str:
    """A Quantity as text, or ''; what is counted by no unit of UCUM ("{Tablette}", "1") is told by
    the words that were sent with it."""
    if not isinstance(value, dict):
        return ""
    read = quantity(value, words)
    if read.unit and _COUNTED.fullmatch(read.unit) and not shown_unit(read.unit):
        counted = words.coded(value.get("unit"))
        if counted and not _COUNTED.fullmatch(counted) and read.figure:
            return f"{read.figure} {counted}"
    return str(read)


def _compared(raw: str) -> tuple[str | None, float | None]:
    """ "<5" written into the number itself."""
    text = raw.strip()
    if len(text) > _LONGEST_COMPARATOR:
        return None, None
    for sign in ("<=", ">=", "<", ">"):
        if text.startswith(sign):
            return sign, _number_of(text[len(sign) :].strip())
    about = _ABOUT.fullmatch(text)
    return (about[1], number(about[2])) if about else (None, _number_of(text))


def _number_of(text: str) -> float | None:
    """A number, also with a decimal comma; "1,234" may be a thousand and is none."""
    whole, comma, decimals = text.partition(",")
    if comma and decimals.isdecimal() and len(decimals) != 3 and "." not in whole:
        return number(f"{whole}.{decimals}")
    return number(text)
