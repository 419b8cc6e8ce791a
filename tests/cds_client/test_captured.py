"""Captured hook requests: ours, an EHR's own, and those of another version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cds_client.captured import (
    FORMAT,
    CaptureUnusable,
    captured_request,
    resources_of,
)
from cds_hooks.cds_client.charts import CapturedChart, open_chart

PATIENT = {"resourceType": "Patient", "id": "p"}
CONDITION = {"resourceType": "Condition", "id": "c"}
REQUEST: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "11111111-1111-4111-8111-111111111111",
    "context": {"userId": "Practitioner/1", "patientId": "p"},
    "fhirAuthorization": {"access_token": "s3cret"},
    "prefetch": {
        "patient": PATIENT,
        "problems": {"resourceType": "Bundle", "entry": [{"resource": CONDITION}]},
        "allergies": None,
        "labs": {"resourceType": "OperationOutcome", "issue": []},
    },
}


def test_a_bare_request_and_an_envelope_are_read_without_the_token() -> None:
    bare = captured_request(REQUEST, where="f")
    assert bare is not None
    assert "fhirAuthorization" not in bare
    assert captured_request({"format": FORMAT, "version": 1, "request": REQUEST}, where="f") == bare
    assert resources_of(bare) == [PATIENT, CONDITION]


@pytest.mark.parametrize("document", [PATIENT, [REQUEST], None, {"hello": 1}])
def test_what_is_no_request_is_left_to_the_reader_of_fhir(document: Any) -> None:
    assert captured_request(document, where="f") is None


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_capture_of_another_version_says_which_one_is_read(version: Any) -> None:
    with pytest.raises(CaptureUnusable) as refused:
        captured_request(
            {"format": FORMAT, "version": version, "request": REQUEST}, where="old.json"
        )
    told = refused.value.diagnostics()
    assert told.startswith("capture-unusable: the capture is of version ")
    assert "old.json" in told
    assert "Version 1 is read here" in told


def test_a_request_from_before_1_0_names_what_it_lacks() -> None:
    old = {"hook": "patient-view", "patient": "p", "user": "Practitioner/1"}
    with pytest.raises(CaptureUnusable, match="names no patient in its context"):
        captured_request(old, where="f")


def test_its_own_hook_is_sent_as_it_was_and_another_is_made_of_its_resources(
    tmp_path: Path,
) -> None:
    file = tmp_path / "captured.json"
    file.write_text(json.dumps(REQUEST))
    chart = open_chart(file)
    assert isinstance(chart, CapturedChart)
    again = chart.request("patient-view", {"patient": "Patient/{{context.patientId}}"})
    assert again["prefetch"] == REQUEST["prefetch"]
    assert again["hookInstance"] != REQUEST["hookInstance"]
    other = chart.request(
        "encounter-start", {"problems": "Condition?patient={{context.patientId}}"}
    )
    assert other["hook"] == "encounter-start"
    assert other["prefetch"]["problems"]["entry"] == [{"resource": CONDITION}]
