"""Conversion between UCUM units, and between mass and substance where the analyte is known.

`tables/substances.toml` holds molar masses, measures that are related by a line (haemoglobin A1c),
and annotations that say what is counted (D-dimer units).

The common pairs are in a table; pint with ucumvert, and labunits, are loaded when one is met that
is not. A pair that none of them can convert is never compared.
"""

from __future__ import annotations

import re
import threading
from functools import cache, lru_cache
from typing import Any

from fhir_mapping.errors import UnitsUnavailable
from fhir_mapping.tables import table

__all__ = ["convert"]

Line = tuple[float, float]
"""Scale and offset: value in the one unit x scale + offset = value in the other."""

_PARSABLE = re.compile(r"[A-Za-z%\[\]/.*(){}_'0-9-]{1,32}")
_LONG_NUMBER = re.compile(r"\d{3,}")
_ONE_AT_A_TIME = threading.Lock()
"""The unit library keeps what it has parsed in dicts of its own, which two threads break."""


def convert(value: float, unit: str, to: str, loinc: str = "") -> float | None:
    """`value` in the unit `to`, or None; `loinc` is the analyte, for mass to substance.

    Raises UnitsUnavailable where a library is needed that does not work.
    """
    line = _line(unit, to, loinc)
    return None if line is None else value * line[0] + line[1]


@lru_cache(maxsize=4096)
def _line(unit: str, to: str, loinc: str) -> Line | None:
    if unit == to:
        return 1.0, 0.0
    if _counts_another(unit, to):
        return None
    known = _table().get((unit, to)) or _lines().get((loinc, unit, to))
    if known is not None:
        return known
    if not (_is_parsable(unit) and _is_parsable(to)):
        return None
    if ("meq" in unit) != ("meq" in to):
        monovalent = loinc in table("units")["monovalent"]["codes"]
        return (
            _line(unit.replace("meq", "mmol"), to.replace("meq", "mmol"), "")
            if (monovalent)
            else None
        )
    return _by_dimension(unit, to) or _by_substance(unit, to, loinc)


@cache
def _table() -> dict[tuple[str, str], Line]:
    pairs = {}
    for row in table("units")["conversions"]:
        scale, offset = row["scale"], row.get("offset", 0.0)
        pairs[row["from"], row["to"]] = (scale, offset)
        pairs[row["to"], row["from"]] = (1 / scale, -offset / scale)
    return pairs


@cache
def _lines() -> dict[tuple[str, str, str], Line]:
    lines = {}
    for row in table("substances")["lines"]:
        scale, offset = row["scale"], row["offset"]
        for code in row["codes"]:
            lines[code, row["from"], row["to"]] = (scale, offset)
            lines[code, row["to"], row["from"]] = (1 / scale, -offset / scale)
    return lines


def _counts_another(unit: str, to: str) -> bool:
    """Whether the units are annotated as counting two different things (FEU and DDU)."""
    for row in table("substances")["kinds"]:
        kinds = [{a for a in row["annotations"] if a in text.upper()} for text in (unit, to)]
        if all(kinds) and kinds[0] != kinds[1]:
            return True
    return False


def _is_parsable(unit: str) -> bool:
    """Nothing that could make a parser count to a trillion."""
    return bool(_PARSABLE.fullmatch(unit)) and not _LONG_NUMBER.search(_plain(unit))


def _plain(unit: str) -> str:
    return re.sub(r"\{[^{}]*\}", "", unit)


@cache
def _registry() -> Any:
    """The unit library, proven to convert. Raises UnitsUnavailable."""
    try:
        from ucumvert import PintUcumRegistry

        registry = PintUcumRegistry()
    except Exception as error:  # two libraries that do not fit raise what they like
        raise UnitsUnavailable(type(error).__name__) from error
    if _converted(registry, "g/dL", "mg/mL") is None:
        raise UnitsUnavailable("g/dL is not converted to mg/mL")
    return registry


def _by_dimension(unit: str, to: str) -> Line | None:
    if ("mol" in unit) != ("mol" in to):
        # A parser takes mol/mol and % for the same thing; one is of molecules, the other of mass.
        return None
    with _ONE_AT_A_TIME:
        return _converted(_registry(), unit, to)


def _converted(registry: Any, unit: str, to: str) -> Line | None:
    try:
        source, target = registry.from_ucum(unit), registry.from_ucum(to)
        zero, one = (
            float(registry.Quantity(x * source.magnitude, source.units).to(target.units).magnitude)
            for x in (0.0, 1.0)
        )
        scale = float(target.magnitude)
    except Exception:  # whatever a unit that is none makes of the parsers; `_registry` knows
        return None  # that it is not the library's own fault
    return ((one - zero) / scale, zero / scale) if scale else None


def _by_substance(unit: str, to: str, loinc: str) -> Line | None:
    """Through the traditional and the SI unit of the analyte: mg/dL -> mmol/L of glucose."""
    molar_mass = _molar_masses().get(loinc)
    if molar_mass is not None:
        return _by_molar_mass(unit, to, molar_mass)
    analyte = _analytes().get(loinc)
    if analyte is None:
        return None
    traditional, si, factor = analyte
    for begin, end, scale in ((traditional, si, factor), (si, traditional, 1 / factor)):
        first, last = _proportion(unit, begin), _proportion(end, to)
        if first is not None and last is not None:
            return first * scale * last, 0.0
    return None


@cache
def _molar_masses() -> dict[str, float]:
    rows = table("substances")["substances"]
    return {code: row["molar_mass"] for row in rows for code in row["codes"]}


def _by_molar_mass(unit: str, to: str, molar_mass: float) -> Line | None:
    """g/L to mol/L and back."""
    for begin, end, scale in (("g/L", "mol/L", 1 / molar_mass), ("mol/L", "g/L", molar_mass)):
        first, last = _proportion(unit, begin), _proportion(end, to)
        if first is not None and last is not None:
            return first * scale * last, 0.0
    return None


def _proportion(unit: str, to: str) -> float | None:
    line = _line(unit, to, "")
    return line[0] if line is not None and line[1] == 0.0 else None


@cache
def _analytes() -> dict[str, tuple[str, str, float]]:
    from fhir_mapping.units.ucum import ucum

    try:
        from labunits.converters import analytes

        return {
            a.loinc_num: (ucum(a.traditional_unit), ucum(a.si_unit), a.conversion_factor)
            for a in analytes()
            if a.conversion_factor
        }
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        raise UnitsUnavailable(type(error).__name__) from error
