"""Captured hook requests: ours, an EHR's own, and those of another version."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.cds_client.captured import (
    FORMAT,
    LARGEST,
    CaptureUnusable,
    captured_request,
    read_capture,
    resources_of,
)
from cds_hooks.cds_client.charts import CapturedChart, open_chart
from cds_hooks.replay.exchanges import cards_of

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


def envelope(**more: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": 1, "request": REQUEST, **more}


def test_what_was_answered_and_by_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "captured.json"
    told = {
        "captured": "2026-11-29T08:00:00+00:00",
        "service": "chartside-patient-view",
        "redacted": True,
        "response": {"cards": []},
        "served_by": {"version": "1", "odd": 2},
    }
    file.write_text(json.dumps(envelope(**told)))
    found = read_capture(file)
    assert found is not None
    assert found.response == {"cards": []}
    assert found.when == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert (found.service, found.redacted) == ("chartside-patient-view", True)
    assert found.served_by == {"version": "1"}
    assert "fhirAuthorization" not in found.request


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (json.dumps(envelope(version=9)), "of version 9"),
        (json.dumps(envelope(version=True)), "of version"),
        (json.dumps(envelope())[:-40], "cut off"),
        (json.dumps(envelope(request=[1])), "holds no request"),
        (json.dumps(envelope(kind="discovery", request=None)), "of discovery, not of a hook"),
        (json.dumps(envelope(kind="feedback")), "of feedback, not of a hook"),
        (json.dumps(envelope(kind={"a": 1})), "of another call"),
    ],
)
def test_a_capture_that_cannot_be_used_says_why(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "captured.json"
    file.write_text(content)
    with pytest.raises(CaptureUnusable, match=told):
        open_chart(file)


def test_a_gigantic_capture_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "captured.json"
    with file.open("wb") as opened:
        opened.write(json.dumps(envelope()).encode())
        opened.truncate(LARGEST + 1)
    with pytest.raises(CaptureUnusable, match="more than"):
        read_capture(file)


@pytest.mark.parametrize("content", ["", "<html>", "[]", '"x"', '{"resourceType": "Patient"}'])
def test_what_holds_no_capture_is_left_to_others(tmp_path: Path, content: str) -> None:
    file = tmp_path / "some.json"
    file.write_text(content)
    assert read_capture(file) is None
    assert read_capture(tmp_path) is None
    assert read_capture(tmp_path / "none.json") is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(sorted({*REQUEST, "format", "version", "request", "response", "kind",
                                "captured", "served_by", "redacted", "service", "x"})),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda more: json.dumps(
            {"format": FORMAT, "version": 1, "request": REQUEST, **more}
        ).encode(),
        st.dictionaries(
            st.sampled_from(
                [
                    "version",
                    "request",
                    "response",
                    "kind",
                    "captured",
                    "served_by",
                    "redacted",
                    "service",
                ]
            ),
            _JSON,
            max_size=4,
        ),
    )
)
def test_any_bytes_are_a_capture_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "captured.json"
        file.write_bytes(data)
        try:
            found = read_capture(file)
        except CaptureUnusable as refused:
            assert refused.where == "captured.json"  # noqa: PT017 - an error is one of two outcomes
            return
        if found is not None:
            assert isinstance(found.request["context"]["patientId"], str)
            assert "s3cret" not in repr(found)
            cards_of(found.response or {})
            assert CapturedChart(found.request).resources is not None
