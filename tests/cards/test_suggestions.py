"""Suggestions: one provisional Condition each, labelled as an AI's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.condition import Condition

from cds_hooks.cards import build
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Suggestion

Uuids = Callable[[], str]


def made(done: Consultation, make_uuid: Uuids, **more: Any) -> tuple[Suggestion, ...]:
    more.setdefault("patient_id", "pat-1")
    return (
        build(done, base_url="http://localhost:1", make_uuid=make_uuid, **more).cards[0].suggestions
    )


def test_only_what_has_a_code_and_stands_is_suggested(
    answered: Consultation, make_uuid: Uuids
) -> None:
    """Not the uncertain, recorded, contradicted and unrecognised ones of the six."""
    labels = [suggestion.label for suggestion in made(answered, make_uuid)]
    assert labels == [
        "Provisional problem: Acute kidney failure, unspecified (N17.9)",
        "Provisional problem: Hyperkalemia (E87.5)",
    ]


def test_each_is_one_action_and_none_is_recommended(
    answered: Consultation, make_uuid: Uuids
) -> None:
    found = made(answered, make_uuid)
    assert all(len(s.actions) == 1 and s.is_recommended is None for s in found)
    assert all(s.actions[0].type == "create" and s.actions[0].description for s in found)
    assert len({s.uuid for s in found}) == len(found)


def test_the_condition_is_valid_r4(answered: Consultation, make_uuid: Uuids) -> None:
    for suggestion in made(answered, make_uuid, encounter_id="enc-1"):
        Condition.model_validate(suggestion.actions[0].resource)


def test_the_condition_is_provisional_and_says_an_ai_asserted_it(
    answered: Consultation, make_uuid: Uuids
) -> None:
    resource = made(answered, make_uuid, encounter_id="enc-1")[0].actions[0].resource
    assert resource is not None
    assert resource["verificationStatus"]["coding"][0]["code"] == "provisional"
    assert resource["clinicalStatus"]["coding"][0]["code"] == "active"
    assert resource["subject"] == {"reference": "Patient/pat-1"}
    assert resource["encounter"] == {"reference": "Encounter/enc-1"}
    assert resource["code"]["coding"] == [
        {
            "system": "http://hl7.org/fhir/sid/icd-10-cm",
            "code": "N17.9",
            "display": "Acute kidney failure, unspecified",
        }
    ]
    (label,) = resource["meta"]["security"]
    assert label["system"] == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    assert label["code"] == "AIAST"


def test_the_encounter_is_left_out_when_it_is_not_known(
    answered: Consultation, make_uuid: Uuids
) -> None:
    resource = made(answered, make_uuid)[0].actions[0].resource
    assert resource is not None
    assert "encounter" not in resource


def test_nothing_is_suggested_without_a_patient(answered: Consultation, make_uuid: Uuids) -> None:
    assert made(answered, make_uuid, patient_id="") == ()


@pytest.mark.parametrize(
    ("version", "count"),
    [("R4", 2), ("R4B", 2), ("R5", 2), ("4.0.1", 2), ("STU3", 0), ("3.0.2", 0), ("DSTU2", 0)],
)
def test_a_client_before_r4_gets_no_r4_resource(
    answered: Consultation, make_uuid: Uuids, version: str, count: int
) -> None:
    done = replace(answered, chart=replace(answered.chart, fhir_version=version))
    assert len(made(done, make_uuid)) == count


def test_a_demonstration_model_suggests_nothing(
    demonstration: Consultation, make_uuid: Uuids
) -> None:
    assert made(demonstration, make_uuid) == ()
