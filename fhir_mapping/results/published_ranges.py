"""Reference ranges from the reviewed table, for results that came without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_mapping.chart import Code, Range
from fhir_mapping.tables import table
from fhir_mapping.units.conversions import convert

__all__ = ["in_unit", "table_range"]

_LOINC = ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1")


@dataclass(frozen=True, slots=True)
class _Entry:
    unit: str
    low: float | None
    high: float | None
    sex: str | None
    from_age: float
    to_age: float
    source: str

    def fits(self, age_years: float | None, sex: str | None) -> bool:
        if self.sex is not None and self.sex != sex:
            return False
        return age_years is not None and self.from_age <= age_years < self.to_age


@cache
def _entries() -> dict[str, tuple[_Entry, ...]]:
    by_code: dict[str, tuple[_Entry, ...]] = {}
    for row in table("ranges")["ranges"]:
        entry = _Entry(
            row["unit"],
            row.get("low"),
            row.get("high"),
            row.get("sex"),
            row["from_age"],
            row.get("to_age", 1000.0),
            row["source"],
        )
        for code in row["codes"]:
            by_code[code] = (*by_code.get(code, ()), entry)
    return by_code


def table_range(
    codes: tuple[Code, ...], unit: str | None, age_years: float | None, sex: str | None
) -> Range | None:
    """The range for a result with these codes, in its unit, or None.

    A unit that cannot be converted to that of the table is not compared.
    """
    known = _entries()
    for code in codes:
        if code.code in known and code.system in _LOINC:
            for entry in known[code.code]:
                if entry.fits(age_years, sex):
                    return _in_unit(entry, unit, code.code)
    return None


def in_unit(row: Mapping[str, Any], unit: str | None, loinc: str) -> Range | None:
    """The range of a table's row in another unit; None where that cannot be converted."""
    low, high = row.get("low"), row.get("high")
    entry = _Entry(row["unit"], low, high, None, 0.0, 1000.0, row["source"])
    return _in_unit(entry, unit, loinc)


def _in_unit(entry: _Entry, unit: str | None, loinc: str) -> Range | None:
    if unit is None:
        return None
    if unit == entry.unit:
        return Range(entry.low, entry.high, entry.source)
    low = None if entry.low is None else convert(entry.low, entry.unit, unit, loinc)
    high = None if entry.high is None else convert(entry.high, entry.unit, unit, loinc)
    if (entry.low is not None and low is None) or (entry.high is not None and high is None):
        return None
    return Range(low, high, entry.source)
