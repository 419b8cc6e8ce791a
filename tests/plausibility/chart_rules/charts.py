"""Small charts of text: what a patient says, results and problems, made into facts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

__all__ = ["SMALL", "SPOKEN", "chart_of"]

LOINC = "http://loinc.org"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
YEARS = {"y": 1.0, "mo": 1 / 12, "d": 1 / 365.25}


def _cases(name: str) -> list[dict[str, Any]]:
    text = Path(__file__).with_name(f"{name}.toml").read_text("utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["cases"]
    return found


SMALL = _cases("small")
SPOKEN = _cases("spoken")


def chart_of(case: dict[str, Any]) -> Chart:
    """The chart of a case of `small.toml`."""
    number, unit, sex = case["who"].split()
    facts = [
        *(Fact(f"S{n}", Kind.COMPLAINT, text, days_ago=0.1) for n, text in _each(case, "says")),
        *(_result(n, text) for n, text in _each(case, "results")),
        *(_problem(n, text) for n, text in _each(case, "problems")),
        *(Fact(f"M{n}", Kind.MEDICATION, m, status="active") for n, m in _each(case, "meds")),
        *(_procedure(n, text) for n, text in _each(case, "procedures")),
    ]
    if "note" in case:
        facts.append(Fact("N1", Kind.NOTE, case["note"], days_ago=0.1))
    return Chart(PatientFacts(float(number) * YEARS[unit], sex), tuple(facts))


def _each(case: dict[str, Any], key: str) -> list[tuple[int, str]]:
    return list(enumerate(case.get(key, ())))


def _result(number: int, text: str) -> Fact:
    told, _, ago = text.partition(" @")
    loinc, value, unit, flag = told.split()
    return Fact(
        f"L{number}", Kind.LAB, f"Result {value}", (Code(LOINC, loinc),), float(value), unit=unit,
        flag=None if flag == "-" else Flag(flag), days_ago=float(ago or 0.05),
    )  # fmt: skip


def _problem(number: int, text: str) -> Fact:
    told, _, rest = text.partition(" @")
    code, _, name = told.partition(" ")
    days, _, status = rest.partition(" ")
    codes = (Code(ICD_10_CM, code, name),)
    return Fact(f"P{number}", Kind.PROBLEM, name, codes, status=status or "active",
                days_ago=float(days))  # fmt: skip


def _procedure(number: int, text: str) -> Fact:
    name, _, days = text.partition(" @")
    return Fact(f"X{number}", Kind.PROCEDURE, name, status="completed", days_ago=float(days))
