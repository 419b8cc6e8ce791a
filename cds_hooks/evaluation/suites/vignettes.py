"""Vignettes that ask for the diagnosis: with four options, and without any."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cds_hooks.evaluation.suites.charts import ChartBuilder, parse_age, parse_sex
from cds_hooks.evaluation.suites.leaks import answer_in_text
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite, Task
from cds_hooks.evaluation.suites.suite_rows import Rows, SuiteRow, digest, to_cases

__all__ = ["load_vignettes"]


class VignetteRow(SuiteRow):
    """A line of the file."""

    id: str
    category: str = ""
    vignette: str
    choices: tuple[str, ...] = ()
    answer: str


def load_vignettes(
    path: Path, task: Task, *, now: datetime, on_error: OnError = OnError.STOP
) -> Suite:
    """The vignettes as questions with options, or as charts that hold one note each."""
    rows = Rows(path, on_error)
    cases = to_cases(path, VignetteRow, lambda _, row: _case(row, task, now), rows)
    suite = "vignettes" if task is Task.CLOSED else "vignettes-open"
    return make_suite(suite, digest(path), cases, rows.rejected)


def _case(row: VignetteRow, task: Task, now: datetime) -> EvaluationCase:
    age, sex = parse_age(row.vignette), parse_sex(row.vignette)
    tags = {row.category} if row.category else set()
    if answer_in_text(row.answer, row.vignette):
        tags.add("answer-in-text")
    case = EvaluationCase(
        id=row.id,
        gold=Gold((row.answer,)),
        text=row.vignette,
        age_years=age,
        recorded_sex=sex,
        tags=frozenset(tags),
    )
    if task is Task.CLOSED:
        return case.asking(row.choices)
    chart = _chart(case, now)
    return case.charted(chart.patient_id, chart.resources)


def _chart(case: EvaluationCase, now: datetime) -> ChartBuilder:
    chart = ChartBuilder(case.id.replace("_", "-"), now)
    chart.patient(case.age_years, case.recorded_sex)
    chart.encounter([])
    chart.note("History and examination", case.text)
    return chart
