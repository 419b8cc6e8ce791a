"""Structured OSCE cases -> charts in FHIR R4, so that they go through the whole service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from cds_hooks.evaluation.suites.charts import ChartBuilder, parse_age, parse_sex
from cds_hooks.evaluation.suites.leaks import answer_in_text
from cds_hooks.evaluation.suites.osce_results import (
    Read,
    is_report,
    left_out,
    name_of,
    read_pressure,
    read_result,
    read_vital,
    says_nothing,
)
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite
from cds_hooks.evaluation.suites.suite_rows import Rows, SuiteRow, digest, to_cases

__all__ = ["load_osce", "osce_resources"]

Texts = str | list[Any] | dict[str, Any] | None


class Symptoms(SuiteRow):
    """What the patient complains of."""

    primary: str = Field("", alias="Primary_Symptom")
    secondary: tuple[str, ...] = Field((), alias="Secondary_Symptoms")


class Actor(SuiteRow):
    """What the patient tells."""

    demographics: str = Field("", alias="Demographics")
    history: str = Field("", alias="History")
    symptoms: Symptoms = Field(Symptoms(), alias="Symptoms")
    past: Texts = Field(None, alias="Past_Medical_History")
    social: Texts = Field(None, alias="Social_History")
    review: Texts = Field(None, alias="Review_of_Systems")
    family: Texts = Field(None, alias="Family_History")
    drug_history: Texts = Field(None, alias="Drug_History")
    medications: Texts = Field(None, alias="Medications")
    current: Texts = Field(None, alias="Current_Medications")


class Examination(SuiteRow):
    """One case."""

    actor: Actor = Field(alias="Patient_Actor")
    findings: dict[str, Any] = Field({}, alias="Physical_Examination_Findings")
    tests: dict[str, Any] = Field({}, alias="Test_Results")
    diagnosis: str = Field(alias="Correct_Diagnosis")


class OsceRow(SuiteRow):
    """A line of the file."""

    examination: Examination = Field(alias="OSCE_Examination")


def load_osce(path: Path, *, now: datetime, on_error: OnError = OnError.STOP) -> Suite:
    """Every case as a chart at `now`; ids are line numbers, the file has none."""
    rows = Rows(path, on_error)
    cases = to_cases(path, OsceRow, lambda n, row: _case(n, row.examination, now), rows)
    return make_suite("osce", digest(path), cases, rows.rejected)


def osce_resources(case: Examination, patient_id: str, now: datetime) -> list[dict[str, Any]]:
    """The chart of one case. What the case only asks for, or does, is left out."""
    actor = case.actor
    chart = ChartBuilder(patient_id, now)
    chart.patient(parse_age(actor.demographics), parse_sex(f"{actor.demographics} {actor.history}"))
    symptoms = (actor.symptoms.primary, *actor.symptoms.secondary)
    chart.encounter([s for s in symptoms if not says_nothing(s)])
    _tell(chart, actor)
    _examine(chart, case.findings)
    _test(chart, case.tests)
    return chart.resources


def _case(line: int, case: Examination, now: datetime) -> EvaluationCase:
    case_id = f"osce-{line:03d}"
    gold = case.diagnosis.strip()
    told = f"{case.actor.demographics} {case.actor.history}"
    made = EvaluationCase(
        id=case_id,
        gold=Gold((gold,)),
        resources=tuple(osce_resources(case, case_id, now)),
        patient_id=case_id,
        text=" ".join(_sentences(case)),
        age_years=parse_age(case.actor.demographics),
        recorded_sex=parse_sex(told),
    )
    return made.tagged("answer-in-text") if answer_in_text(gold, made.text) else made


def _tell(chart: ChartBuilder, actor: Actor) -> None:
    for title, told in (
        ("History of present illness", actor.history),
        ("Review of systems", actor.review),
        ("Social history", actor.social),
        ("Family history", actor.family),
        ("Medication history", actor.drug_history),
    ):
        text = _prose(told)
        if text:
            chart.note(title, text)
    if isinstance(actor.past, list):
        for problem in _items(actor.past):
            chart.problem(problem)
    elif text := _prose(actor.past):
        chart.note("Past medical history", text)
    for drug in (*_items(actor.current), *_items(actor.medications)):
        chart.medication(drug)


def _examine(chart: ChartBuilder, findings: Mapping[str, Any]) -> None:
    for system, found in findings.items():
        if system == "Vital_Signs" and isinstance(found, dict):
            _measure(chart, found)
        elif text := _prose(found):
            chart.note(name_of([system]), text)


def _measure(chart: ChartBuilder, vitals: Mapping[str, Any]) -> None:
    for key, said in vitals.items():
        text = str(said)
        if says_nothing(text):
            continue
        read = read_pressure(text) if key == "Blood_Pressure" else read_vital(key, text)
        _observe(chart, "vital-signs", read)


def _test(chart: ChartBuilder, tests: Mapping[str, Any]) -> None:
    for path, text in _leaves(tests):
        if left_out(path) or says_nothing(text):
            continue
        if is_report(path):
            chart.report(name_of(path), text)
        else:
            _observe(chart, "laboratory", read_result(name_of(path), text))


def _observe(chart: ChartBuilder, category: str, read: Read) -> None:
    chart.observation(category, read.name, read.value, loinc=read.loinc, flag=read.flag)


def _leaves(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(found, list):
        yield path, "; ".join(_prose(item) for item in found)
    elif found is not None:
        yield path, str(found).strip()


def _items(listed: Any) -> list[str]:
    items = listed if isinstance(listed, list) else [listed]
    return [i.strip() for i in items if isinstance(i, str) and not says_nothing(i)]


def _prose(told: Any) -> str:
    """Everything under a key as sentences: "Palpation: soft. Percussion: dull."."""
    parts = [
        f"{name_of(path)}: {text}" if path else text
        for path, text in _leaves(told)
        if not says_nothing(text)
    ]
    return " ".join(p if p[-1:] in ".!?" else f"{p}." for p in parts if p)


def _sentences(case: Examination) -> Iterable[str]:
    """All that the chart tells, for looking for leaks and near-duplicates."""
    actor = case.actor
    yield from (actor.demographics, actor.history, actor.symptoms.primary)
    yield from actor.symptoms.secondary
    for told in (actor.past, actor.social, actor.review, case.findings):
        yield _prose(told)
    yield from (text for path, text in _leaves(case.tests) if not left_out(path))
