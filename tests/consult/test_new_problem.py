"""Problems just entered: checked, recorded, and never an answer of a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.protocol.request import parse_request
from cds_hooks.services.problem_check import ON_CREATE, ON_VIEW, TRIGGER
from tests.fake_engine import FakeEngine

ENTERED = {
    "resourceType": "Condition",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {
        "coding": [
            {
                "system": "http://hl7.org/fhir/sid/icd-10-cm",
                "code": "Q96.9",
                "display": "Turner syndrome",
            }
        ]
    },
    "subject": {"reference": "Patient/p1"},
}
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1956-01-01"}


def call(hook: Any, conditions: Any, extension: Any = None) -> Any:
    body = {
        "hook": hook.name,
        "hookInstance": "5e8cc1b4-4a9e-4b1a-9f7a-2d2f7f6b3c11",
        "context": {"userId": "Practitioner/1", "patientId": "p1", "conditions": conditions},
        "prefetch": {"patient": PATIENT},
        "extension": extension or {"x": 1},
    }
    return parse_request(json.dumps(body).encode(), hook)


@pytest.fixture
def consultant(make_consultant: Callable[..., Consultant]) -> Consultant:
    """With an engine that must not be asked."""
    return make_consultant(FakeEngine())


async def test_what_was_entered_is_checked_recorded_and_stands_for_no_answer(
    consultant: Consultant, store: Store
) -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": ENTERED}]}
    response = await consultant.answer(ON_CREATE, call(ON_CREATE.on, bundle))
    (card,) = response.cards
    assert card.source.topic.code == "chartsideProblemCheck"
    assert "recorded sex is male" in card.summary
    key = (await consultant.prepare(ON_CREATE, call(ON_CREATE.on, bundle))).patient_key
    assert await store.last_for_patient(key) is None


async def test_without_a_trigger_nothing_is_gathered(consultant: Consultant) -> None:
    assert (await consultant.answer(ON_VIEW, call(ON_VIEW.on, None))).cards == ()
    asked = call(ON_VIEW.on, None, {TRIGGER: "6"})
    assert (await consultant.answer(ON_VIEW, asked)).cards == ()
