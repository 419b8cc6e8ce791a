"""The acceptance set as a suite, and what a model has to reach on it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from cds_hooks.admission.record import Purpose
from cds_hooks.evaluation.suites.charts import ChartBuilder, quantity
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, Suite, Task
from fhir_mapping.chart import Code

__all__ = ["Acceptance", "FigureBound", "acceptance", "acceptance_suite"]

_ICD = "http://hl7.org/fhir/sid/icd-10-cm"

Vital = tuple[str, str, float, str]
Lab = tuple[str, str, float, str, float, float] | tuple[str, str, str, str]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FigureBound(_Data):
    """A bound on a figure, and the reason for it."""

    why: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether a value is within the bound; NaN never is."""
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)

    @property
    def text(self) -> str:
        """ "at least 0.7"."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}"


class _Gold(_Data):
    code: str
    display: str


class AcceptanceCase(_Data):
    """A presentation; `labs` are LOINC (or ""), name, value, unit and reference range."""

    id: str
    gold: _Gold
    source: str
    age: float
    sex: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    reports: tuple[tuple[str, str], ...] = ()
    vitals: tuple[Vital, ...] = ()
    labs: tuple[Lab, ...] = ()


class Acceptance(_Data):
    """`acceptance.toml`."""

    version: int
    require: Mapping[Purpose, Mapping[str, FigureBound]]
    case: tuple[AcceptanceCase, ...]


@cache
def acceptance() -> Acceptance:
    """The shipped set, read once."""
    return Acceptance.model_validate(tomllib.loads(_raw().decode()))


def acceptance_suite(now: datetime, *, limit: int = 0) -> Suite:
    """The set as charts at `now`, or its first `limit` cases, which its title then says."""
    whole = acceptance().case
    chosen = whole[: limit or None]
    cut = "" if len(chosen) == len(whole) else f", the first {len(chosen)} of {len(whole)} cases"
    return Suite(
        id="acceptance",
        title=f"Acceptance set, version {acceptance().version}{cut}",
        task=Task.OPEN,
        origin="made for this project",
        licence="Apache-2.0",
        sha256=hashlib.sha256(_raw()).hexdigest(),
        cases=tuple(_case(case, now) for case in chosen),
        notes=("Textbook presentations: they show that a model works, not how good it is.",),
    )


def _case(case: AcceptanceCase, now: datetime) -> EvaluationCase:
    chart = ChartBuilder(f"acceptance-{case.id}", now)
    chart.patient(case.age, case.sex)
    chart.encounter(list(case.reasons))
    for note in case.notes:
        chart.note("History and examination", note)
    for problem in case.problems:
        chart.problem(problem)
    for medication in case.medications:
        chart.medication(medication)
    for title, conclusion in case.reports:
        chart.report(title, conclusion)
    for loinc, name, value, unit in case.vitals:
        measured = {"valueQuantity": quantity(value, unit, unit)}
        chart.observation("vital-signs", name, measured, loinc=loinc)
    for lab in case.labs:
        _result(chart, lab)
    return EvaluationCase(
        id=case.id,
        gold=Gold((case.gold.display,), (Code(_ICD, case.gold.code, case.gold.display),)),
        resources=tuple(chart.resources),
        patient_id=chart.patient_id,
        age_years=case.age,
        recorded_sex=case.sex,
    )


def _result(chart: ChartBuilder, lab: Lab) -> None:
    loinc, name, value, unit, *limits = lab
    if isinstance(value, str):
        chart.observation("laboratory", name, {"valueString": value}, loinc=loinc)
        return
    low, high = (float(limit) for limit in limits)
    measured = {
        "valueQuantity": quantity(value, unit, unit),
        "referenceRange": [{"low": quantity(low, unit, unit), "high": quantity(high, unit, unit)}],
    }
    chart.observation("laboratory", name, measured, loinc=loinc)


def _raw() -> bytes:
    return files(__package__).joinpath("acceptance.toml").read_bytes()
