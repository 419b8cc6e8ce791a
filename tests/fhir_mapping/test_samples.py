"""Every sample patient goes through without a resource lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_mapping import Chart, map_chart
from fhir_mapping.elements.json_values import objects
from fhir_mapping.input.loading import find_patient_ids, load_path
from tests.sample.places import DATA

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
FOLDERS = [folder for data in DATA for folder in data.charts()]
IN_PARTS = ("export-r4", "parts-stu3", "smart-stu3", "uscore-examples")
"""Folders in which a patient is in several files."""


def _patient_id(resources: list[dict]) -> str:
    ids = find_patient_ids(resources)
    if ids:
        return ids[0]
    references = (
        owner["reference"]
        for r in resources
        for owner in (r.get("subject"), r.get("patient"))
        if isinstance(owner, dict) and "reference" in owner
    )
    return next(references, "nobody").rpartition("/")[2]


def _files(folder: Path) -> list[Path]:
    found = sorted((*folder.rglob("*.json*"), *folder.rglob("*.ndjson")))
    return [f for f in found if f.name != "labels.json"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_resource_of_a_sample_is_lost(folder: Path) -> None:
    files = _files(folder)
    assert files
    for file in files:
        resources = load_path(file)
        chart = map_chart(resources, patient_id=_patient_id(resources), now=NOW)
        told = {source for fact in chart.facts for source in fact.sources}
        told |= {omission.what for omission in chart.omissions}
        known = {f"{r['resourceType']}/{r['id']}" for r in resources if "id" in r}
        assert known <= told, file.name
        assert "unreadable" not in {omission.reason for omission in chart.omissions}, file.name


def _secrets(resources: list[dict]) -> set[str]:
    """Whatever the Patient resources say of who they are and where they can be reached."""
    found: set[str] = set()
    for patient in resources:
        for holder in (patient, *objects(patient.get("contact"))):
            for name in objects(holder.get("name")):
                found |= {name.get("family", ""), name.get("text", ""), *name.get("given", ())}
            found |= {contact.get("value", "") for contact in objects(holder.get("telecom"))}
            for address in objects(holder.get("address")):
                found |= {*address.get("line", ()), address.get("postalCode", "")}
        found |= {i.get("value", "") for i in objects(patient.get("identifier"))}
        found.add(patient.get("birthDate", ""))
    return {secret for secret in found if len(secret) > 3}


def _shown(chart: Chart) -> str:
    facts = (
        (f.text, f.status, f.unit or "", *(word for c in f.codes for word in (c.code, c.display)))
        for f in chart.facts
    )
    return " ".join(word for words in facts for word in words)


def _whole_patients(folder: Path) -> list[list[dict]]:
    """The resources of each file, or of all of them where a patient is in several."""
    loaded = [load_path(file) for file in _files(folder)]
    if folder.name in IN_PARTS:
        return [[resource for resources in loaded for resource in resources]]
    return loaded


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f.name)
def test_no_sample_patient_can_be_known_by_the_facts(folder: Path) -> None:
    known = 0
    for resources in _whole_patients(folder):
        for patient_id in find_patient_ids(resources):
            mine = [r for r in resources if r["resourceType"] == "Patient"]
            mine = [r for r in mine if r.get("id") == patient_id]
            shown = _shown(map_chart(resources, patient_id=patient_id, now=NOW))
            found = {s for s in _secrets(mine) if re.search(rf"(?<!\w){re.escape(s)}(?!\w)", shown)}
            assert not found, patient_id
            assert not re.search(r"[\w.]+@[\w-]+\.\w+|https?://", shown)
            assert not re.search(r"\b(?:19|20)\d\d-\d\d-\d\d\b", shown)
            known += 1
    assert known
