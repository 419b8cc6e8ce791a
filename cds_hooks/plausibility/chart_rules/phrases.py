"""Phrases of findings as a card shows them: "SpO2 90 %", "K 7.1 mmol/L", "11 d ago"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from cds_hooks.plausibility.data_files import read_toml
from fhir_mapping.chart import Fact

__all__ = ["ago", "labels", "measured", "name_of", "value_of"]

_PRESSURES = ("systolic", "diastolic")
_PRESSURE = re.compile(r"\b\d{2,3}/(\d{2,3})\b")


@cache
def labels() -> Mapping[str, Mapping[str, Any]]:
    """`data/chart_rules/labels.toml`: words of findings, analytes and units, and their order."""
    return read_toml("chart_rules", "labels.toml")


def name_of(criterion: str) -> str:
    """A finding in words: its label, else its id."""
    return str(labels()["findings"].get(criterion) or criterion.replace("-", " "))


def measured(analyte: str, fact: Fact) -> str:
    """A result with its value and unit; of a qualitative one, its text."""
    if fact.value is None:
        return fact.text
    label = labels()["analytes"].get(analyte) or analyte.replace("-", " ")
    value = f"{fact.comparator or ''}{fact.value:g}"
    if analyte in _PRESSURES:
        both = _PRESSURE.search(fact.text)
        value = both[0] if both else value
    unit = labels()["units"].get(fact.unit or "", fact.unit or "")
    return f"{label} {value} {unit}".rstrip()


def value_of(analyte: str, fact: Fact) -> float | None:
    """What a fact tells of an analyte: of a blood pressure, whose value is the systolic one, the
    diastolic one stands in its text."""
    both = _PRESSURE.search(fact.text) if analyte == "diastolic" else None
    return float(both[1]) if both else fact.value


def ago(fact: Fact) -> str:
    """How long ago, in days."""
    return "" if fact.days_ago is None else f"{max(round(fact.days_ago), 0)} d ago"
