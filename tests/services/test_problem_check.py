"""A problem just entered: from the hook's bytes to the card, without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.cards import build
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome, Verdict
from cds_hooks.plausibility import Terminology, assess_new_problems
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.json_output import to_document
from cds_hooks.protocol.request import HookContext, HookRequest, parse_request
from cds_hooks.services import problem_check
from cds_hooks.services.problem_check import (
    ON_CREATE,
    ON_VIEW,
    SERVICES,
    is_triggered,
    new_conditions,
)
from cds_hooks.services.service_definition import discovery_of
from fhir_mapping import map_chart

NOW = datetime(2026, 4, 2, 10, 0, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
COMPILED = Path(__file__).resolve().parents[2] / "build" / "terminology.sqlite"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(COMPILED) as opened:
        yield opened


def condition(code: str, name: str, **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": ICD, "code": code, "display": name}], "text": name},
        "subject": {"reference": "Patient/p1"},
        **rest,
    }


def patient(gender: str = "male", born: str = "1956-01-01") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p1", "gender": gender, "birthDate": born}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}


def call(conditions: Any, **rest: Any) -> HookRequest:
    body = {
        "hook": "problem-list-item-create",
        "hookInstance": "5e8cc1b4-4a9e-4b1a-9f7a-2d2f7f6b3c11",
        "context": {"userId": "Practitioner/1", "patientId": "p1", "conditions": conditions},
        **rest,
    }
    return parse_request(json.dumps(body).encode(), ON_CREATE.on)


def view(**extension: Any) -> HookRequest:
    body = {
        "hook": "patient-view",
        "hookInstance": "5e8cc1b4-4a9e-4b1a-9f7a-2d2f7f6b3c11",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "extension": extension,
    }
    return parse_request(json.dumps(body).encode(), ON_VIEW.on)


@pytest.fixture(scope="module")
def answer(terminology: Terminology) -> Callable[..., tuple[Consultation, Response]]:
    """The whole way: told apart, mapped, checked, made a card, conforming."""

    def make(
        request: HookRequest, *resources: dict[str, Any], profile: str = "generic"
    ) -> tuple[Consultation, Response]:
        found = new_conditions(request, resources, now=NOW)
        who = [r for r in resources if r["resourceType"] == "Patient"]
        chart = map_chart(found.others, patient_id="p1", now=NOW)
        new = map_chart([*who, *found.conditions], patient_id="p1", now=NOW)
        done = CheckedConsultation(
            id="c",
            key="k",
            service=ON_CREATE.id,
            created=NOW.timestamp(),
            patient_key="p",
            chart=chart,
            assessments=assess_new_problems(chart, new.facts, terminology),
            outcome=Outcome.CHECKED,
        )
        uuids = iter(f"u{n}" for n in range(9))
        base = "https://cds.hospital.example"
        cards = build(done, base_url=base, make_uuid=lambda: next(uuids), profile=profile)
        to_document(cards)
        return done, cards

    return make


def test_both_services_can_be_published() -> None:
    told = discovery_of(SERVICES).services
    assert [(s.id, s.hook) for s in told] == [
        ("chartside-problem-check", "problem-list-item-create"),
        ("chartside-problem-check-view", "patient-view"),
    ]
    assert all(s.checks_new_problems and s.required == {"patient"} for s in SERVICES)


def test_what_does_not_fit_the_record_is_told_about_the_record(answer: Any) -> None:
    request = call(bundle(condition("O00.90", "Ectopic pregnancy")))
    done, response = answer(request, patient())
    (card,) = response.cards
    assert done.assessments[0].verdict is Verdict.CONTRADICTED
    assert card.indicator == "warning"
    assert card.summary.startswith("Just entered, Ectopic pregnancy: A condition that coding ties")
    assert "recorded sex is male" in card.detail
    assert len(card.summary) < 140
    assert card.source.label == "Chartside rules (no AI)"


def test_what_fits_gives_no_card(answer: Any) -> None:
    done, response = answer(call(bundle(condition("M10.9", "Gout"))), patient())
    assert response.cards == ()
    assert [a.verdict for a in done.assessments] == [Verdict.PLAUSIBLE]


def lab(loinc: str, name: str, value: float, unit: str, low: float, high: float) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{loinc}",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc, "display": name}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": (NOW - timedelta(hours=2)).isoformat(),
        "valueQuantity": {"value": value, "unit": unit},
        "referenceRange": [{"low": {"value": low}, "high": {"value": high}}],
    }


POTASSIUM = lab("2823-3", "Potassium", 4.1, "mmol/L", 3.5, 5.1)
HYPERKALEMIA = condition("E87.5", "Hyperkalemia")


def test_a_result_that_defines_it_is_quoted(answer: Any) -> None:
    done, response = answer(call(bundle(HYPERKALEMIA)), patient(), POTASSIUM)
    (card,) = response.cards
    assert done.assessments[0].verdict is Verdict.CONTRADICTED
    assert "Potassium 4.1 mmol/L" in card.detail
    high = {**POTASSIUM, "valueQuantity": {"value": 6.2, "unit": "mmol/L"}}
    done, response = answer(call(bundle(HYPERKALEMIA)), patient(), high)
    assert done.assessments[0].verdict is Verdict.SUPPORTED
    assert response.cards == ()


def test_a_problem_of_the_past_is_not_checked_against_the_results_of_today(answer: Any) -> None:
    old = {**HYPERKALEMIA, "onsetDateTime": "2024-05-01"}
    _, response = answer(call(bundle(old)), patient(), POTASSIUM)
    assert response.cards == ()
    over = {**HYPERKALEMIA, "clinicalStatus": {"coding": [{"code": "resolved"}]}}
    done, _ = answer(call(bundle(over)), patient(), POTASSIUM)
    assert done.assessments == ()


def test_a_drug_that_can_cause_it_is_information(answer: Any) -> None:
    drug = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": "Lisinopril 20 mg daily"},
    }
    _, response = answer(call(bundle(HYPERKALEMIA)), patient(), drug)
    (card,) = response.cards
    assert card.indicator == "info"
    assert "A current medication can cause it: Lisinopril" in card.detail


def test_what_is_there_already_is_told_but_not_of_itself(answer: Any) -> None:
    same = condition("M10.9", "Gout", id="new")
    before = condition("M10.9", "Gout", id="old", onsetDateTime="2020-01-01")
    _, response = answer(call(bundle(same)), patient(), same)
    assert response.cards == ()
    done, response = answer(call(bundle(same)), patient(), same, before)
    (card,) = response.cards
    assert done.assessments[0].verdict is Verdict.RECORDED
    assert "on the problem list already" in card.detail


def test_a_condition_of_another_patient_is_not_judged(answer: Any) -> None:
    other = condition("O00.90", "Ectopic pregnancy", subject={"reference": "Patient/p2"})
    done, response = answer(call(bundle(other)), patient())
    assert (done.assessments, response.cards) == ((), ())


def test_several_are_one_card_the_worst_first(answer: Any) -> None:
    many = bundle(
        condition("M10.9", "Gout"),
        condition("M31.6", "Giant cell arteritis"),
        condition("O00.90", "Ectopic pregnancy"),
    )
    _, response = answer(call(many), patient(born="1996-01-01"))
    (card,) = response.cards
    assert card.summary == "2 problems just entered raise a remark from this chart"
    assert card.detail.index("Ectopic") < card.detail.index("Giant cell")
    assert "Gout" not in card.detail


@pytest.mark.parametrize(
    "sent",
    [
        bundle(condition("M10.9", "Gout")),
        {"resourceType": "Bundle", "entry": [{"resource": {"resource": condition("M10", "G")}}]},
        [condition("M10.9", "Gout")],
        condition("M10.9", "Gout"),
        {"entry": [condition("M10.9", "Gout")]},
    ],
)
def test_conditions_are_read_however_they_are_sent(sent: Any) -> None:
    assert len(new_conditions(call(sent), [], now=NOW).conditions) == 1


@pytest.mark.parametrize("sent", [None, "", {}, [], 7, {"entry": "x"}, [[[[[[[]]]]]]]])
def test_nothing_readable_is_nothing_entered(sent: Any) -> None:
    assert new_conditions(call(sent), [patient()], now=NOW).conditions == ()


@pytest.mark.parametrize(
    ("value", "asked"),
    [("6", True), ("7", True), (6, True), ("60", False), ("5", False), (None, False), ({}, False)],
)
def test_on_patient_view_only_entering_asks(value: Any, asked: bool) -> None:
    assert is_triggered(ON_VIEW, view(**{problem_check.TRIGGER: value})) is asked
    assert not is_triggered(ON_VIEW, view())
    assert is_triggered(ON_CREATE, call(None))


@pytest.mark.parametrize(
    ("recorded", "new"),
    [
        ((NOW - timedelta(minutes=2)).isoformat(), True),
        ("2026-04-02T09:58:00Z", True),
        ("2026-04-02", True),
        ((NOW - timedelta(hours=3)).isoformat(), False),
        ("2026-04-01", False),
        ("2019-01-01", False),
        ("yesterday", False),
        (None, False),
    ],
)
def test_on_patient_view_what_was_recorded_just_now_was_entered(recorded: Any, new: bool) -> None:
    one = condition("M10.9", "Gout", id="c1", recordedDate=recorded)
    old = condition("I10", "Hypertension", id="c2", recordedDate="2019-01-01")
    found = new_conditions(view(**{problem_check.TRIGGER: "6"}), [patient(), one, old], now=NOW)
    assert [c["id"] for c in found.conditions] == (["c1"] if new else [])
    assert ("c1" in [r["id"] for r in found.others]) is not new


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("Condition"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resourceType", "entry", "resource", "id", "subject", "code", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_context_raises(sent: Any) -> None:
    request = HookRequest("h", "i", HookContext("u", "p1", "", {"conditions": sent}))
    found = new_conditions(request, [patient()], now=NOW)
    map_chart([patient(), *found.conditions], patient_id="p1", now=NOW)


def test_epic_gets_a_static_topic_and_markdown(answer: Any) -> None:
    request = call(bundle(condition("O00.90", "Ectopic pregnancy")))
    _, response = answer(request, patient(), profile="epic")
    (card,) = response.cards
    assert card.source.topic is not None
    assert card.source.topic.code == "chartsideProblemCheck"
    assert card.extension == {"com.epic.cdshooks.card.detail.content-type": "text/markdown"}
