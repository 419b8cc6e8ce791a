"""Checks conversions whose results are known, so that a broken library is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

from fhir_mapping.errors import MappingError
from fhir_mapping.tables import table
from fhir_mapping.units.conversions import convert

__all__ = ["check_units"]


def check_units(*, library: bool = True) -> Iterator[tuple[str, str]]:
    """Each known conversion by name, and what is wrong with it: nothing, where all is well.

    Without `library` only those that need no unit library, whose loading takes half a second.
    """
    for row in table("known_conversions")["known"]:
        if library or not row.get("library", False):
            yield row["name"], _problem(row)


def _problem(row: Mapping[str, Any]) -> str:
    expected = row.get("expected")
    try:
        found = convert(row["value"], row["unit"], row["to"], row.get("loinc", ""))
    except MappingError as error:
        return error.diagnostics()
    if found is None or expected is None:
        told = "is converted" if expected is None else "cannot be converted"
        return "" if found is expected else f"{row['unit']} to {row['to']} {told}"
    if isclose(found, expected, rel_tol=row["within"]):
        return ""
    return f"{row['value']} {row['unit']} is {found!r} {row['to']}, not {expected}"
