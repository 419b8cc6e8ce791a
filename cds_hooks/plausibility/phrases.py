"""Phrases of findings as a card shows them: "SpO2 90 %", "K 7.1 mmol/L", "11 d ago"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fhir_mapping.chart import Fact

__all__ = ["ago", "measured", "name_of"]

_BLOOD_PRESSURE = "systolic"


@cache
def _labels() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("data/chart_rules/labels.toml").read_text("utf-8")
    found: dict[str, Mapping[str, str]] = tomllib.loads(text)
    return found


def name_of(criterion: str) -> str:
    """A finding in words: its label, else its id."""
    return _labels()["findings"].get(criterion) or criterion.replace("-", " ")


def measured(analyte: str, fact: Fact) -> str:
    """A result with its value and unit; of a qualitative one, its text."""
    if fact.value is None:
        return fact.text
    label = _labels()["analytes"].get(analyte) or analyte.replace("-", " ")
    value = f"{fact.comparator or ''}{fact.value:g}"
    if analyte == _BLOOD_PRESSURE:
        value = _pressure(fact) or value
    unit = _labels()["units"].get(fact.unit or "", fact.unit or "")
    return f"{label} {value} {unit}".rstrip()


def _pressure(fact: Fact) -> str:
    """Both values of a blood pressure where the text tells them."""
    return next((w for w in fact.text.split() if w.startswith(f"{fact.value:g}/")), "")


def ago(fact: Fact) -> str:
    """How long ago, in days."""
    return "" if fact.days_ago is None else f"{max(round(fact.days_ago), 0)} d ago"
