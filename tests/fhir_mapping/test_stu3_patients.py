"""Whole STU3 patients as a public server sent them (SMART's sample patients), not made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir_mapping import Chart, Kind, map_chart
from fhir_mapping.loading import load_path

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENTS = ("1557780", "765583", "967332")
KINDS = {
    "AllergyIntolerance": Kind.ALLERGY,
    "Condition": Kind.PROBLEM,
    "MedicationRequest": Kind.MEDICATION,
}


def _resources(folder: Path, patient: str) -> list[dict[str, Any]]:
    """A patient's three pages of results as one."""
    files = sorted(
        (folder / "patients" / "smart-stu3").glob(f"patient-{patient}.fhir-bundle*.json")
    )
    assert len(files) == 3
    return [dict(resource) for file in files for resource in load_path(file)]


def _chart(resources: list[dict[str, Any]], version: str | None = None) -> Chart:
    return map_chart(resources, patient_id=_patient(resources), now=NOW, fhir_version=version)


def _patient(resources: list[dict[str, Any]]) -> str:
    return str(next(each["id"] for each in resources if each["resourceType"] == "Patient"))


@pytest.mark.parametrize("patient", PATIENTS)
def test_each_resource_of_a_real_stu3_patient_is_told(shared_data: Path, patient: str) -> None:
    resources = _resources(shared_data, patient)
    chart = _chart(resources)
    assert chart.fhir_version == "STU3", "found by shape"
    told = {source.partition("#")[0] for fact in chart.facts for source in fact.sources}
    told |= {omission.what for omission in chart.omissions}
    assert {f"{each['resourceType']}/{each['id']}" for each in resources} <= told
    for kind, means in KINDS.items():
        mine = {f"{kind}/{each['id']}" for each in resources if each["resourceType"] == kind}
        sources = {source for fact in chart.of(means) for source in fact.sources}
        assert mine <= sources, f"each {kind} is told as what it is"


@pytest.mark.parametrize("patient", PATIENTS)
def test_a_version_that_is_said_gives_what_is_found_by_shape(
    shared_data: Path, patient: str
) -> None:
    resources = _resources(shared_data, patient)
    assert _chart(resources, "3.0.2") == _chart(resources)
