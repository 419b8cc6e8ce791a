"""Radiology cases whose answers were recorded elsewhere: lists and truths, without the texts."""

from __future__ import annotations

from pathlib import Path

from cds_hooks.evaluation.research.catalogue import catalogue
from cds_hooks.evaluation.research.recording import Recorded, read_recording
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite
from cds_hooks.evaluation.suites.suite_rows import Rows, digest

__all__ = ["EURORAD", "load_eurorad"]

EURORAD = "eurorad-replay"


def load_eurorad(path: Path, *, on_error: OnError = OnError.STOP) -> Suite:
    """One closed-list case a row of the CSV. A row without a truth is named by its case id.

    Raises SuiteError for a column that is missing, a case id twice or a row that is none.
    """
    recording = read_recording(path, [c for m in catalogue().model for c in m.columns])
    rows = Rows(path, on_error)
    for case_id in recording.unlabelled:
        rows.reject_at(f"case {case_id}", "no gold diagnosis")
    cases = []
    for recorded in recording.cases:
        if recorded.truth in recorded.listed:
            cases.append(_case(recorded))
        else:
            rows.reject_at(f"case {recorded.id}", "the gold diagnosis is not among the options")
    return make_suite(EURORAD, digest(path), cases, rows.rejected)


def _case(recorded: Recorded) -> EvaluationCase:
    tags = frozenset({recorded.section} if recorded.section else ())
    return EvaluationCase(id=recorded.id, gold=Gold((recorded.gold,)), tags=tags).asking(
        recorded.options
    )
