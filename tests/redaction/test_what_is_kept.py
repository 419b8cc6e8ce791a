"""What a redacted request is still good for: shape, codes, numbers, time between dates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.cds_client.captured import FORMAT, VERSION, captured_request, resources_of
from cds_hooks.protocol.hooks import PATIENT_VIEW
from cds_hooks.protocol.request import parse_request
from cds_hooks.redaction import redact
from cds_hooks.redaction.dates import ANCHOR, MovedDates
from fhir_mapping import map_chart
from tests.redaction.charts import PATIENT, REQUEST, golden

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
moments = st.integers(-2_000_000_000, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
DONE = redact(REQUEST, now=NOW)


def test_the_service_can_answer_it_as_it_would_the_other() -> None:
    parsed = parse_request(json.dumps(DONE.request).encode(), PATIENT_VIEW)
    assert parsed.prefetch.keys() >= {"patient", "laboratory", "allergies", "medications", "user"}
    assert parsed.prefetch["allergies"] is None
    assert parsed.prefetch["medications"]["issue"] == [{"severity": "error", "code": "forbidden"}]
    assert parsed.extension == {"com.epic.cdshooks.request.bpa-trigger-action": "23"}
    assert parsed.fhir_authorization is None


def test_the_envelope_of_a_capture_takes_it() -> None:
    envelope = {"format": FORMAT, "version": VERSION, "request": DONE.request,
                "redaction": DONE.told()}  # fmt: skip
    request = captured_request(json.loads(json.dumps(envelope)), where="file")
    assert request is not None
    assert {r["resourceType"] for r in resources_of(request)} >= {"Patient", "Observation"}


def test_what_was_done_is_told() -> None:
    told = DONE.told()
    assert told["now"] == "2020-01-01T07:00:00+00:00"
    assert told["by"].startswith("chartside ")
    assert told["rules"] == "1"
    assert told["removed"]["access-token"] == 1
    assert {"names", "telecom", "addresses", "identifiers", "narrative", "free-text", "attachments",
            "dates-moved", "ids-replaced", "local-codes"} <= set(told["removed"])  # fmt: skip


def test_the_same_id_becomes_the_same_wherever_it_stands() -> None:
    prefetch, context = DONE.request["prefetch"], DONE.request["context"]
    observation = prefetch["laboratory"]["entry"][0]["resource"]
    assert context["patientId"] == prefetch["patient"]["id"] == "patient-1"
    assert observation["subject"] == {"reference": "Patient/patient-1"}
    assert context["userId"] == f"Practitioner/{prefetch['user']['id']}"
    assert prefetch["immunizations"]["entry"][0]["resource"]["id"] == "immunization-1"
    assert observation["id"] == "observation-1"


def test_a_next_page_stays_a_next_page() -> None:
    assert DONE.request["prefetch"]["laboratory"]["link"] == [
        {"relation": "next", "url": "https://fhir.example/next"}
    ]


def test_the_facts_are_the_same_but_for_free_text() -> None:
    """Codes, values, units, flags and how long ago, of what is coded."""
    before = map_chart(_resources(REQUEST), patient_id="pat-77a1", now=NOW)
    after = map_chart(_resources(DONE.request), patient_id="patient-1", now=DONE.now)
    said = [[(f.kind, f.value, f.unit, f.flag, f.status, f.codes[:1]) for f in chart.facts
             if f.codes] for chart in (before, after)]  # fmt: skip
    assert said[0] == said[1]
    assert len(said[0]) >= 3
    ages = [[f.days_ago for f in chart.facts if f.codes] for chart in (before, after)]
    assert ages[0] == pytest.approx(ages[1], abs=1e-6)
    assert before.patient == after.patient


def _resources(request: dict[str, Any]) -> list[dict[str, Any]]:
    return resources_of({"context": {}, **request})


def test_golden_observations_keep_their_values() -> None:
    count = 0
    for resource in golden():
        if resource["resourceType"] != "Observation" or "valueQuantity" not in resource:
            continue
        request = {"hook": "patient-view", "context": {}, "prefetch": {"o": resource}}
        kept = redact(request, now=NOW).request["prefetch"]["o"]
        assert kept["valueQuantity"].get("value") == resource["valueQuantity"].get("value")
        assert kept["status"] == resource["status"]
        count += 1
    assert count > 5


def test_words_that_the_terminology_knows_stay() -> None:
    condition = {"resourceType": "Condition", "code": {"text": "Asthma"}}
    request = {"hook": "patient-view", "context": {}, "prefetch": {"p": PATIENT, "c": condition}}
    plain = redact(request, now=NOW).request["prefetch"]["c"]
    known = redact(request, now=NOW, is_term=lambda text: text == "Asthma").request["prefetch"]["c"]
    assert plain["code"] == {"text": "[redacted]"}
    assert known["code"] == {"text": "Asthma"}
    named = {**condition, "code": {"text": "Zebulon"}}
    request["prefetch"]["c"] = named
    kept = redact(request, now=NOW, is_term=lambda _: True).request["prefetch"]["c"]
    assert kept["code"] == {"text": "[redacted]"}


@given(moments, moments, moments)
def test_the_time_between_any_two_dates_stays(one: datetime, two: datetime, now: datetime) -> None:
    moved = MovedDates(now)
    texts = [moved.move(each.isoformat()) for each in (one, two)]
    first, second = (datetime.fromisoformat(text) for text in texts if text)
    assert second - first == two - one
    assert moved.moved_now.date() == ANCHOR


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2026-11-29", "2020-01-01"),
        ("2026-11-28T23:59:59.123+01:00", "2019-12-31T23:59:59.123+01:00"),
        ("2026-11", "2019-12"),
        ("2026", "2019"),
        ("29.11.2026", None),
        ("2026-13-01", None),
        ("0001", None),
        ("2026-11-29 Zebulon", None),
    ],
)
def test_dates_keep_their_precision(text: str, moved: str | None) -> None:
    assert MovedDates(NOW).move(text) == moved


@pytest.mark.parametrize(
    ("age_years", "told"), [(88, 88), (89, 89), (91, 90), (104, 90)]
)  # of 90 and older as 90
def test_ages_over_89_are_told_as_90(age_years: int, told: int) -> None:
    born = (NOW - timedelta(days=365.25 * age_years + 100)).date().isoformat()
    patient = {"resourceType": "Patient", "id": "p", "birthDate": born}
    done = redact(
        {"hook": "patient-view", "context": {}, "prefetch": {"patient": patient}}, now=NOW
    )
    kept = done.request["prefetch"]["patient"]
    chart = map_chart([kept], patient_id="patient-1", now=done.now)
    assert chart.patient.age_years is not None
    assert int(chart.patient.age_years) == told


def test_an_age_in_years_is_at_most_90() -> None:
    condition = {"resourceType": "Condition", "onsetAge": {"value": 93, "unit": "years"}}
    done = redact({"hook": "x", "context": {}, "prefetch": {"c": condition}}, now=NOW)
    assert done.request["prefetch"]["c"]["onsetAge"]["value"] == 90
    assert done.request["hook"] == "unknown-hook"


def test_now_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="timezone"):
        redact(REQUEST, now=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
