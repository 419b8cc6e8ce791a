"""The sample patients that ship: each is a whole chart, placed before now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_hooks.cds_client.sample_patients import DEMO, sample_patients
from cds_hooks.plausibility import Terminology, assess_chart
from fhir_mapping import map_chart
from tests.console.inspector.conftest import ROOT

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_one_of_the_demonstration_comes_first() -> None:
    assert next(iter(sample_patients())) == DEMO


@pytest.mark.parametrize("name", sample_patients())
def test_each_is_the_chart_of_its_patient(name: str) -> None:
    sample = sample_patients()[name]
    resources = sample.resources(NOW)
    assert [r["id"] for r in resources if r["resourceType"] == "Patient"] == [sample.patient]
    encounters = [r["id"] for r in resources if r.get("status") == "in-progress"]
    assert encounters == ([sample.encounter] if sample.encounter else [])
    assert "now-" not in str(resources)
    chart = map_chart(resources, patient_id=sample.patient, now=NOW)
    assert chart.facts
    assert {o.reason for o in chart.omissions} <= {"told-as-patient"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("breathless", "Pulmonary embolism"),
        ("potassium", "Severe hyperkalemia"),
        ("sparse", None),
    ],
)
def test_rules_find_what_it_is_made_to_show(name: str, found: str | None) -> None:
    sample = sample_patients()[name]
    chart = map_chart(sample.resources(NOW), patient_id=sample.patient, now=NOW)
    with Terminology(ROOT / "build" / "terminology.sqlite") as terminology:
        findings = assess_chart(chart, terminology).chart_findings
    assert [f.diagnosis for f in findings[:1]] == ([found] if found else [])
