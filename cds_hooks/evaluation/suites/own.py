"""A site's own cases: charts with the diagnosis that turned out to be true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite
from cds_hooks.evaluation.suites.suite_rows import Rows, SuiteRow, digest, read_rows, to_cases
from cds_hooks.evaluation.suites.times import age_of
from fhir_mapping.chart import Code

__all__ = ["load_own", "load_own_ndjson"]

Resource = Mapping[str, Any]

_ICD = "http://hl7.org/fhir/sid/icd-10-cm"


class GoldRow(SuiteRow):
    """The truth: a code, a name, or both."""

    code: str = ""
    system: str = _ICD
    display: str = ""

    @property
    def gold(self) -> Gold:
        codes = (Code(self.system, self.code.strip(), self.display),) if self.code.strip() else ()
        return Gold((self.display.strip(),) if self.display.strip() else (), codes)


class OwnRow(SuiteRow):
    """A line of a JSONL file: a case with its bundle (or resources) and its gold."""

    id: str
    bundle: dict[str, Any] = Field(default_factory=dict)
    resources: tuple[dict[str, Any], ...] = ()
    gold: GoldRow
    patient: str = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, row: Any) -> Any:
        """A gold that is only a name."""
        if isinstance(row, dict) and isinstance(row.get("gold"), str):
            return {**row, "gold": {"display": row["gold"]}}
        return row


class LabelRow(SuiteRow):
    """A line of a labels file beside an NDJSON export: the patient and the gold."""

    patient: str = Field(min_length=1)
    gold: GoldRow


class ResourceRow(SuiteRow):
    """A line of an NDJSON export: any resource."""

    resource: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, row: Any) -> Any:
        return {"resource": row}


def load_own(path: Path, *, now: datetime, on_error: OnError = OnError.STOP) -> Suite:
    """JSONL of `{id, bundle | resources, gold: {system, code, display} | name, patient}`."""
    rows = Rows(path, on_error)
    cases = to_cases(path, OwnRow, lambda _, row: _case(row, now), rows)
    return make_suite("own", digest(path), cases, rows.rejected)


def load_own_ndjson(
    path: Path, labels: Path, *, now: datetime, on_error: OnError = OnError.STOP
) -> Suite:
    """NDJSON of FHIR resources, and JSONL of `{patient, gold}` that says which are cases."""
    rows = Rows(path, on_error)
    charts: dict[str, list[Resource]] = {}
    for _, row in read_rows(path, ResourceRow, rows):
        charts.setdefault(_patient_of(row.resource), []).append(row.resource)
    told = Rows(labels, on_error, rows.rejected)

    def make(_: int, label: LabelRow) -> EvaluationCase:
        patient = label.patient.removeprefix("Patient/")
        if patient not in charts:
            raise SuiteError("no resource of this patient")
        return _of(patient, label.gold.gold, charts[patient], patient, now)

    cases = to_cases(labels, LabelRow, make, told)
    return make_suite("own", digest(path, labels), cases, told.rejected)


def _case(row: OwnRow, now: datetime) -> EvaluationCase:
    entries = row.bundle.get("entry")
    inside = (e.get("resource") for e in entries or () if isinstance(e, dict))
    resources = [*row.resources, *(r for r in inside if isinstance(r, dict))]
    patient = row.patient.removeprefix("Patient/") or next(_patients(resources), "")
    return _of(row.id, row.gold.gold, resources, patient, now)


def _of(
    case_id: str, gold: Gold, chart: Sequence[Resource], patient: str, now: datetime
) -> EvaluationCase:
    about = next((r for r in chart if r.get("resourceType") == "Patient"), {})
    made = EvaluationCase(
        id=case_id,
        gold=gold,
        resources=tuple(chart),
        patient_id=patient,
        age_years=age_of(about, now),
        recorded_sex=about.get("gender") if isinstance(about.get("gender"), str) else None,
    )
    return made.tagged("gold-recorded") if _recorded(chart, gold) else made


def _patients(resources: Sequence[Resource]) -> Iterator[str]:
    return (str(r.get("id", "")) for r in resources if r.get("resourceType") == "Patient")


def _patient_of(resource: Resource) -> str:
    if resource.get("resourceType") == "Patient":
        return str(resource.get("id", ""))
    for key in ("subject", "patient", "beneficiary"):
        reference = resource.get(key)
        if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
            return str(reference["reference"].rpartition("/")[2])
    return ""


def _recorded(chart: Sequence[Resource], gold: Gold) -> bool:
    """Whether a Condition of the chart has the gold code: then it is told, not found."""
    wanted = {c.code for c in gold.codes}
    return any(
        coding.get("code") in wanted
        for r in chart
        if r.get("resourceType") == "Condition" and isinstance(r.get("code"), dict)
        for coding in r["code"].get("coding") or ()
        if isinstance(coding, dict)
    )
