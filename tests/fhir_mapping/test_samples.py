"""Every sample patient goes through without a resource lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhir_mapping import map_chart
from fhir_mapping.loading import find_patient_ids, load_path

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


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


@pytest.mark.parametrize(
    "folder",
    ["clinosim", "pysynthea", "smart-stu3", "synthea-r4", "uscore", "uscore-examples"],
)
def test_no_resource_of_a_sample_is_lost(shared_data: Path, folder: str) -> None:
    files = [
        f
        for f in sorted((shared_data / "patients" / folder).rglob("*.json*"))
        if f.name != "labels.json"
    ]
    assert files
    for file in files:
        resources = load_path(file)
        chart = map_chart(resources, patient_id=_patient_id(resources), now=NOW)
        told = {source for fact in chart.facts for source in fact.sources}
        told |= {omission.what for omission in chart.omissions}
        known = {f"{r['resourceType']}/{r['id']}" for r in resources if "id" in r}
        assert known <= told, file.name
        assert "unreadable" not in {omission.reason for omission in chart.omissions}, file.name
