"""Elements that were sent and are not read, with the reason of the reviewed list."""

from __future__ import annotations

from typing import Any

from fhir_mapping.quality.elements_left_out import elements_left_out
from fhir_mapping.tables import table

SENT: list[dict[str, Any]] = [
    {"resourceType": "Observation", "id": "o1", "status": "final", "performer": [{}], "code": {}},
    {"resourceType": "Observation", "id": "o2", "performer": [{}], "zork": 1, "text": {}},
    {"resourceType": "Patient", "id": "p", "name": [{}], "photo": [{}], "gender": "female"},
    {"resourceType": "Claim", "id": "c", "total": {}},
    {"resourceType": 5, "x": 1},
]


def test_each_element_that_is_not_read_has_a_reason() -> None:
    found = {(left.element, left.reason, left.count) for left in elements_left_out(SENT)}
    assert found == {
        ("Observation.performer", "names-people", 2),
        ("Observation.text", "narrative", 1),
        ("Observation.zork", "not-listed", 1),
        ("Patient.photo", "identifies", 1),
    }
    assert all(left.detail for left in elements_left_out(SENT))


def test_most_often_sent_comes_first() -> None:
    counts = [left.count for left in elements_left_out(SENT)]
    assert counts == sorted(counts, reverse=True)


def counted(resource: dict[str, Any]) -> dict[str, str]:
    return {left.element: left.reason for left in elements_left_out([resource])}


def test_parts_codings_and_contained_resources_count_too() -> None:
    coding = {"system": "s", "code": "c", "version": "1", "extension": [{"url": "u"}]}
    sent = {
        "resourceType": "Observation",
        "code": {"coding": [coding]},
        "_status": {"extension": []},
        "component": [{"code": {}, "valueString": "x", "zork": 1, "extension": [{"url": "u"}]}],
        "contained": [{"resourceType": "Medication", "code": {}, "form": {}}],
    }
    assert counted(sent) == {
        "Observation._status": "extension",
        "Observation.code.coding.extension": "extension",
        "Observation.code.coding.version": "technical",
        "Observation.component.extension": "extension",
        "Observation.component.zork": "finer",
        "Medication.form": "finer",
    }


def test_items_within_items_and_what_is_read_do_not_count() -> None:
    inner = {"linkId": "1", "text": "t", "answer": [{"valueString": "x", "item": []}], "zork": 1}
    sent = {"resourceType": "QuestionnaireResponse", "item": [{"item": [inner]}]}
    assert counted(sent) == {"QuestionnaireResponse.item.item.zork": "finer"}
    certainty = {"url": "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"}
    read = {"resourceType": "Condition", "code": {"coding": [{"extension": [certainty]}]}}
    assert counted(read) == {}


def test_a_resource_counts_once_however_often_it_sends_an_element() -> None:
    part = {"code": {}, "extension": [{"url": "u"}]}
    (left,) = elements_left_out([{"resourceType": "Observation", "component": [part, part]}])
    assert (left.element, left.count) == ("Observation.component.extension", 1)


def test_every_part_of_the_list_is_one_that_is_read() -> None:
    known = {
        (kind, path.rpartition(".")[2])
        for kind, paths in table("modifiers")["parts"].items()
        for path in paths
    }
    listed = table("minimum_necessary")["parts"]
    assert {(kind, part) for kind, parts in listed.items() for part in parts} <= known
