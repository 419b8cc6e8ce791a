"""Remarks for the integration engineer: what fhir.resources rejects, by path, never by value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import MappingError
from fhir_mapping.quality.fhir_validation import check

Make = Callable[..., Any]

GOOD = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "code": {"text": "Gout"},
}


def test_a_valid_resource_has_no_remark() -> None:
    assert check([GOOD], "R4") == ()


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"zork": "Secretvalue"}, "Condition/c1.zork", "extra-forbidden"),
        ({"subject": None}, "Condition/c1.subject", "missing"),
        ({"stage": [{"type": {"coding": 5}}]}, "Condition/c1.stage[0].type.coding", "list-type"),
        ({"onsetDateTime": "2024-01-01T10:00:00"}, "Condition/c1.onsetDateTime", ""),
        ({"code": {"coding": [{"code": 5}]}}, "Condition/c1.code.coding[0].code", "string-type"),
    ],
)
def test_what_is_rejected_has_a_path(change: dict[str, Any], path: str, code: str) -> None:
    notes = check([{**GOOD, **change}], "4.0.1")
    assert path in [note.path for note in notes]
    assert code in ("", *(note.code for note in notes))
    assert all(note.message for note in notes)
    assert "Secretvalue" not in repr(notes)


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_required_element_that_is_missing_deep_down_is_said_so(version: str) -> None:
    signal = {"origin": {"value": 0}, "dimensions": 1}
    result = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}
    notes = check([{**result, "valueSampledData": signal}], version)
    assert {note.code for note in notes} == {"missing"}
    assert {note.message for note in notes} == {"Send this required element."}


def test_unknown_types_are_a_remark() -> None:
    notes = check([{"resourceType": "Zork", "id": "z"}, {"id": "x"}, 5], "R4")
    assert [note.code for note in notes] == ["unknown-type", "not-a-resource", "not-a-resource"]


def test_an_unknown_type_inside_is_a_remark() -> None:
    inside = {**GOOD, "contained": [{"resourceType": "Zork", "id": "z"}]}
    assert [note.code for note in check([inside], "R4")] == ["unknown-type-inside"]


def test_a_fault_of_the_models_is_not_called_the_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def model_validate(_: object) -> None:
            raise AttributeError("no such method in this version")

    monkeypatch.setattr("fhir_mapping.quality.fhir_validation._model", lambda *_: Broken)
    assert [note.code for note in check([GOOD], "R4")] == ["not-checked"]


@pytest.mark.parametrize("version", ["STU3", "R4", "R4B", "R5"])
def test_each_version_is_judged_by_its_own_models(version: str) -> None:
    stu3 = {**GOOD, "clinicalStatus": "active"}
    rejected = [note for note in check([stu3], version) if "clinicalStatus" in note.path]
    assert bool(rejected) is (version != "STU3")


def test_a_version_that_is_not_supported_is_refused() -> None:
    with pytest.raises(MappingError):
        check([GOOD], "DSTU2")
