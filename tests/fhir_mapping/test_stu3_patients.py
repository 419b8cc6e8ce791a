"""Whole STU3 patients in three parts: ours, and SMART's as a public server sent them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir_mapping import Chart, Kind, map_chart
from fhir_mapping.chart import Flag
from fhir_mapping.input.loading import load_path
from tests.sample.places import DATA

STEMS = ("stu3-1", "stu3-2", *(f"patient-{n}.fhir-bundle" for n in (1557780, 765583, 967332)))
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PARTS = [
    sorted(folder.glob(f"{stem}*.json"))
    for data in DATA
    for folder in data.charts()
    for stem in STEMS
    if any(folder.glob(f"{stem}*.json"))
]
KINDS = {
    "AllergyIntolerance": Kind.ALLERGY,
    "Condition": Kind.PROBLEM,
    "MedicationRequest": Kind.MEDICATION,
}


def _resources(files: list[Path]) -> list[dict[str, Any]]:
    """A patient's three pages of results as one."""
    assert len(files) == 3
    return [dict(resource) for file in files for resource in load_path(file)]


def _chart(resources: list[dict[str, Any]], version: str | None = None) -> Chart:
    return map_chart(resources, patient_id=_patient(resources), now=NOW, fhir_version=version)


def _patient(resources: list[dict[str, Any]]) -> str:
    return str(next(each["id"] for each in resources if each["resourceType"] == "Patient"))


@pytest.mark.parametrize("files", PARTS, ids=lambda files: files[0].stem)
def test_each_resource_of_a_whole_stu3_patient_is_told(files: list[Path]) -> None:
    resources = _resources(files)
    chart = _chart(resources)
    assert chart.fhir_version == "STU3", "found by shape"
    told = {source.partition("#")[0] for fact in chart.facts for source in fact.sources}
    told |= {omission.what for omission in chart.omissions}
    assert {f"{each['resourceType']}/{each['id']}" for each in resources} <= told
    for kind, means in KINDS.items():
        mine = {f"{kind}/{each['id']}" for each in resources if each["resourceType"] == kind}
        sources = {source for fact in chart.of(means) for source in fact.sources}
        assert mine <= sources, f"each {kind} is told as what it is"


@pytest.mark.parametrize("files", PARTS, ids=lambda files: files[0].stem)
def test_a_version_that_is_said_gives_what_is_found_by_shape(files: list[Path]) -> None:
    resources = _resources(files)
    assert _chart(resources, "3.0.2") == _chart(resources)


def test_what_a_whole_stu3_patient_is_told_as() -> None:
    chart = _chart(_resources(PARTS[0]))
    results = {f.text.split()[0]: (f.value, f.unit, f.flag) for f in chart.of(Kind.LAB)}
    assert results == {
        "Chloride": (104.0, "mmol/L", Flag.NORMAL),
        "Potassium": (5.9, "mmol/L", Flag.HIGH),
        "Hgb": (10.2, "g/dL", Flag.LOW),
    }
    assert {(f.text, f.status) for f in chart.of(Kind.PROBLEM)} == {
        ("Asthma", "active"),
        ("Hypertensive disorder", "active"),
    }
    [drug] = chart.of(Kind.MEDICATION)
    assert drug.text.startswith("montelukast 10 MG Oral Tablet")
    assert (chart.patient.age_years, chart.patient.recorded_sex) == (
        pytest.approx(55.37, abs=0.01),
        "male",
    )
