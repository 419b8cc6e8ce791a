"""Parts with a modifier extension: known ones are read, all others are left out and recorded."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, Polarity
from fhir_mapping.drafting.draft import MappingAccumulator
from fhir_mapping.drafting.modifier_extensions import without_modified_parts
from fhir_mapping.tables import table

Make = Callable[..., Any]
STRANGE = [{"url": "http://ehr.example/turned-around", "valueBoolean": True}]
RESULT = "https://fhir-ehr.cerner.com/r4/StructureDefinition/condition-result"
DID_NOT_HAVE = "http://hl7.org/fhir/StructureDefinition/familyhistory-didNotHave"
SNOMED = "http://snomed.info/sct"


def left_out(chart: Chart) -> dict[str, str]:
    return {o.what: o.reason for o in chart.omissions if o.reason == "modifier-extension"}


@pytest.fixture(scope="session")
def father(resource: Make) -> Make:
    """A relative with conditions that have modifier extensions."""

    def make(*extensions: list[dict[str, Any]]) -> dict[str, Any]:
        conditions = [
            {"code": {"text": f"Disease {n}"}, "modifierExtension": found}
            for n, found in enumerate(extensions, 1)
        ]
        relative = {"text": "father"}
        return resource("FamilyMemberHistory", "f1", relationship=relative, condition=conditions)

    return make


def result(code: str) -> list[dict[str, Any]]:
    value = {"coding": [{"system": SNOMED, "code": code}]}
    return [{"url": RESULT, "valueCodeableConcept": value}]


@pytest.mark.parametrize(
    ("extension", "polarity", "text"),
    [
        (result("260385009"), Polarity.ABSENT, "Father: Disease 1 (absent)"),
        (result("10828004"), Polarity.PRESENT, "Father: Disease 1"),
        (result("261665006"), Polarity.UNKNOWN, "Father: Disease 1 (unknown)"),
        (result("404684003"), Polarity.UNKNOWN, "Father: Disease 1 (unknown)"),
        (
            [{"url": DID_NOT_HAVE, "valueBoolean": True}],
            Polarity.ABSENT,
            "Father: Disease 1 (absent)",
        ),
        ([{"url": DID_NOT_HAVE, "valueBoolean": False}], Polarity.PRESENT, "Father: Disease 1"),
    ],
)
def test_a_known_extension_says_whether_a_relative_had_it(
    only: Make, father: Make, extension: list[dict[str, Any]], polarity: Polarity, text: str
) -> None:
    fact = only(father(extension))
    assert (fact.polarity, fact.text) == (polarity, text)


def test_an_unknown_one_leaves_that_part_out_and_no_other(chart_of: Make, father: Make) -> None:
    chart = chart_of(father(result("10828004"), STRANGE, result("10828004") + STRANGE))
    assert [f.text for f in chart.facts] == ["Father: Disease 1"]
    assert left_out(chart) == {
        "FamilyMemberHistory/f1#condition-2": "modifier-extension",
        "FamilyMemberHistory/f1#condition-3": "modifier-extension",
    }


def test_a_known_one_elsewhere_is_unknown(chart_of: Make, resource: Make) -> None:
    component = {"code": {"text": "Rash"}, "valueBoolean": True}
    modified = {**component, "modifierExtension": result("260385009")}
    chart = chart_of(resource("Observation", "o1", code={"text": "x"}, component=[modified]))
    assert chart.facts == ()
    assert left_out(chart) == {"Observation/o1#component-1": "modifier-extension"}


@pytest.mark.parametrize(
    ("kind", "elements", "place", "gone"),
    [
        (
            "Observation",
            {
                "code": {"text": "Sodium"},
                "valueQuantity": {"value": 150},
                "referenceRange": [{"high": {"value": 100}, "modifierExtension": STRANGE}],
            },
            "referenceRange-1",
            "100",
        ),
        (
            "Observation",
            {
                "code": {"text": "Panel"},
                "component": [
                    {
                        "code": {"text": "Sodium"},
                        "valueQuantity": {"value": 150},
                        "referenceRange": [{"high": {"value": 100}, "modifierExtension": STRANGE}],
                    }
                ],
            },
            "component-1.referenceRange-1",
            "100",
        ),
        (
            "MedicationRequest",
            {
                "medicationCodeableConcept": {"text": "Warfarin"},
                "dosageInstruction": [
                    {"text": "1 tablet"},
                    {"text": "never on Mondays", "modifierExtension": STRANGE},
                ],
            },
            "dosageInstruction-2",
            "Mondays",
        ),
        (
            "AllergyIntolerance",
            {
                "code": {"text": "Penicillin"},
                "reaction": [
                    {"manifestation": [{"text": "hives"}], "modifierExtension": STRANGE},
                    {"manifestation": [{"text": "cough"}]},
                ],
            },
            "reaction-1",
            "hives",
        ),
        (
            "Condition",
            {
                "code": {"text": "Carcinoma"},
                "stage": [{"summary": {"text": "IV"}, "modifierExtension": STRANGE}],
            },
            "stage-1",
            "IV",
        ),
        (
            "QuestionnaireResponse",
            {
                "item": [
                    {
                        "text": "Symptoms",
                        "item": [
                            {"text": "Rash", "answer": [{"valueBoolean": True}]},
                            {
                                "text": "Hives",
                                "answer": [{"valueBoolean": True, "modifierExtension": STRANGE}],
                            },
                        ],
                    }
                ]
            },
            "item-1.item-2.answer-1",
            "Hives",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_part_of_any_kind_is_read_with_an_unknown_one(
    chart_of: Make, resource: Make, kind: str, elements: dict[str, Any], place: str, gone: str
) -> None:
    chart = chart_of(resource(kind, "r1", **elements))
    assert len(chart.facts) == 1
    assert gone not in chart.facts[0].text
    assert left_out(chart) == {f"{kind}/r1#{place}": "modifier-extension"}


def test_a_drug_that_is_referred_to_is_not_read_with_one(chart_of: Make, resource: Make) -> None:
    drug = {"resourceType": "Medication", "id": "m1", "code": {"text": "Warfarin"}}
    order = resource("MedicationRequest", "r1", medicationReference={"reference": "Medication/m1"})
    assert [f.text for f in chart_of(drug, order).facts] == ["Warfarin"]
    modified = {**drug, "modifierExtension": STRANGE}
    assert chart_of(modified, order).facts == ()


def _backbones(kind: str) -> Iterator[str]:
    """The parts of a type that may have modifier extensions and of which something is read."""
    read = set(table("minimum_necessary")[kind]["read"])
    for package in ("fhir.resources.STU3", "fhir.resources.R4B", "fhir.resources"):
        try:
            module = importlib.import_module(f"{package}.{kind.lower()}")
        except ModuleNotFoundError:
            continue
        for name, field in getattr(module, kind).model_fields.items():
            written = field.alias or name
            for part in re.findall(r"abc\.(\w+)Type\b", str(field.annotation)):
                if written in read and _is_backbone(module, package, part):
                    yield written


def _is_backbone(module: Any, package: str, part: str) -> bool:
    model = getattr(module, part, None)
    if model is None:
        try:
            model = getattr(importlib.import_module(f"{package}.{part.lower()}"), part)
        except ModuleNotFoundError:
            return False
    return "modifierExtension" in model.model_fields and part != "Resource"


KINDS = sorted(
    k for k, v in table("minimum_necessary").items() if isinstance(v, dict) and "read" in v
)


@pytest.mark.parametrize("kind", [k for k in KINDS if k[0].isupper() and k != "Patient"])
def test_every_part_that_is_read_is_looked_at(kind: str) -> None:
    assert set(_backbones(kind)) <= set(table("modifiers")["parts"].get(kind, ()))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["item", "answer", "text", "modifierExtension", "url"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_shape_is_searched_and_nothing_modified_is_left(item: Any) -> None:
    found = MappingAccumulator()
    sent = {"resourceType": "QuestionnaireResponse", "item": item}
    read = without_modified_parts("QuestionnaireResponse", sent, "QuestionnaireResponse/q", found)
    assert all(o.reason == "modifier-extension" for o in found.omissions)
    assert not list(_modified(read.get("item")))


def _modified(value: Any, *, of_item: bool = True) -> Iterator[Any]:
    """Items, their items and answers, and the items of those, with a modifier extension.

    An answer of an answer is no part of FHIR, and nothing reads it.
    """
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            if part.get("modifierExtension"):
                yield part
            yield from _modified(part.get("item"))
            if of_item:
                yield from _modified(part.get("answer"), of_item=False)


def test_a_contained_resource_with_an_unknown_modifier_is_not_read(
    chart_of: Make, resource: Make
) -> None:
    unknown = [{"url": "http://a.example/not", "valueBoolean": True}]
    code = {"text": "Warfarin"}
    drug = {"resourceType": "Medication", "id": "x", "code": code, "modifierExtension": unknown}
    order = resource("MedicationRequest", "m", status="active", contained=[drug],
                     medicationReference={"reference": "#x"})  # fmt: skip
    chart = chart_of(order)
    assert chart.facts == ()
    assert "MedicationRequest/m" in {omission.what for omission in chart.omissions}
