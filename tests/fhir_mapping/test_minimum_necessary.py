"""The allow-list is complete, the code keeps to it, and nothing that identifies gets through."""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, map_chart
from fhir_mapping.input.resource_filter import FOR_OTHERS
from fhir_mapping.mapping import MAPPERS
from fhir_mapping.resources.simple_resources import simple_types
from fhir_mapping.tables import table

Make = Callable[..., Any]
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
TABLE = table("minimum_necessary")
TYPES = sorted(name for name, rule in TABLE.items() if isinstance(rule, dict) and name[0].isupper())


def _skipped(rule: dict[str, Any]) -> dict[str, str]:
    return {e: reason for reason, elements in rule.get("skip", {}).items() for e in elements}


def _read(kind: str) -> set[str]:
    return {*TABLE[kind]["read"], *TABLE[kind].get("mask", ()), *TABLE["everywhere"]["read"]}


def _elements(kind: str) -> set[str]:
    """Every element of the type in STU3, R4B and R5."""
    found: set[str] = set()
    for package in ("STU3.", "R4B.", ""):
        try:
            module = importlib.import_module(f"fhir.resources.{package}{kind.lower()}")
        except ModuleNotFoundError:
            continue
        fields = getattr(module, kind).model_fields
        names = {field.alias or name for name, field in fields.items()}
        found |= {n for n in names if not n.startswith("_") and not n.endswith("__ext")}
    return found - {"fhir_comments", "resource_type", "resourceType"}


def test_every_type_that_is_read_has_its_list() -> None:
    assert set(TYPES) == {*FOR_OTHERS, *simple_types(), *MAPPERS, "Encounter", "Patient"}


@pytest.mark.parametrize("kind", TYPES)
def test_every_element_is_read_or_skipped_for_a_reason(kind: str) -> None:
    everywhere = _skipped(TABLE["everywhere"])
    skipped = _skipped(TABLE[kind])
    assert {*skipped.values(), *everywhere.values()} <= set(TABLE["reasons"])
    listed = _read(kind) | set(skipped) | set(everywhere)
    assert _elements(kind) <= listed
    assert not set(TABLE[kind]["read"]) & set(skipped)
    assert not set(TABLE["everywhere"]["read"]) & set(skipped)


class _Watched(dict[str, Any]):
    """A resource that remembers which of its elements were looked at."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)


_EMPTY: tuple[Any, ...] = (
    "x",
    {"coding": [{"code": "x", "display": "x"}]},
    [{"text": "x"}],
    True,
    5,
)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("filler", range(len(_EMPTY)))
def test_the_code_reads_no_more_than_the_list(kind: str, filler: int) -> None:
    elements = _elements(kind) - {"contained", "modifierExtension", "status", "id"}
    full = _Watched(dict.fromkeys(elements, _EMPTY[filler]))
    full |= {"resourceType": kind, "id": "p1" if kind == "Patient" else "r1"}
    owner = {"reference": "Patient/p1"}
    full |= {name: owner for name in ("subject", "patient") if name in elements}
    map_chart([full], patient_id="p1", now=NOW, fhir_version="R4")
    known = _elements(kind)
    counted = {"extension"}
    assert full.seen & known <= _read(kind) | {"text"} | counted


def test_extensions_are_counted_and_an_unknown_modifier_refuses(
    resource: Make, reasons: Make, chart_of: Make
) -> None:
    sent = [{"url": "http://example.org/one", "valueString": SENTINEL}] * 2
    good = resource("Condition", "c1", code={"text": "Gout"}, extension=sent)
    other = resource("Condition", "c2", code={"text": "Asthma"}, extension=sent[:1])
    modified = resource("Condition", "c3", code={"text": "Stroke"}, modifierExtension=sent)
    chart = chart_of(good, other, modified)
    assert [fact.text for fact in chart.facts] == ["Gout", "Asthma"]
    assert reasons(good, other, modified) == {
        "Condition.extension": "unknown-extension",
        "Condition/c3": "modifier-extension",
    }
    (told,) = (o.detail for o in chart.omissions if o.reason == "unknown-extension")
    assert told == "3 extensions are not read."


SENTINEL = "Zyxwvutsrq"


def _planted(kind: str, allowed: set[str]) -> dict[str, Any]:
    """A resource with a sentinel in every string of every element that is not to be read."""
    told = f"{SENTINEL} {SENTINEL}"
    nested = {
        "reference": f"Practitioner/{SENTINEL}",
        "display": told,
        "text": told,
        "value": told,
        "title": told,
        "div": told,
        "family": told,
        "given": [told],
        "coding": [{"system": told, "code": SENTINEL, "display": told}],
        "url": told,
        "data": base64.b64encode(told.encode()).decode(),
    }
    planted: dict[str, Any] = {}
    for element in _elements(kind) - allowed:
        planted[element] = [nested] if element[-1] == "s" else nested
    return planted


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _strings(item)
    elif hasattr(value, "__slots__"):
        for name in value.__slots__:
            yield from _strings(getattr(value, name))


def _shown(chart: Chart) -> list[str]:
    """Every string of a chart but the references to its sources."""
    shown = list(_strings(chart.patient))
    for fact in chart.facts:
        shown += _strings((fact.text, fact.codes, fact.unit, fact.status, fact.comparator))
    for omission in chart.omissions:
        shown += [omission.reason, omission.detail]
    return shown


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ("Patient", "Binary")])
def test_a_sentinel_beyond_the_list_is_never_shown(kind: str) -> None:
    allowed = _read(kind)
    resource = {
        "resourceType": kind,
        "id": "r1",
        **_planted(kind, allowed),
        **_clinical(kind),
        "subject": {"reference": "Patient/p1"},
        "patient": {"reference": "Patient/p1"},
    }
    chart = map_chart([resource], patient_id="p1", now=NOW, fhir_version="R4")
    assert not [text for text in _shown(chart) if SENTINEL in text]


def _clinical(kind: str) -> dict[str, Any]:
    """Enough of what is read that the resource becomes a fact."""
    named = {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "Thing"}]}
    rules = table("simple_types")
    if kind in rules:
        element = rules[kind]["name"][0].split(".")
        value: Any = named
        for name in reversed(element[1:]):
            value = {name: value}
        return {element[0]: [value]}
    return {
        "Composition": {"type": named, "section": [{"text": {"div": "<p>Thing</p>"}}]},
        "DocumentReference": {"type": named, "description": "Thing"},
        "ClinicalImpression": {"summary": "Thing"},
        "DiagnosticReport": {"code": named, "conclusion": "Thing"},
        "Encounter": {"type": [named], "status": "in-progress"},
        "FamilyMemberHistory": {"relationship": named, "condition": [{"code": named}]},
        "Immunization": {"vaccineCode": named},
        "List": {"code": named},
        "Observation": {"code": named, "valueInteger": 1},
        "QuestionnaireResponse": {"item": [{"text": "Thing", "answer": [{"valueInteger": 1}]}]},
    }.get(kind, {"code": named, "medicationCodeableConcept": named})


WORDS = st.sampled_from(
    ["reports", "pain", "since", "Tuesday", "no", "fever", "seen", "at", "home"]
)


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6), st.data())
def test_the_patients_own_identifiers_are_masked_anywhere(
    before: list[str], after: list[str], data: st.DataObject
) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Vandermeulen", "given": ["Mirabelle", "O'Hara"]}],
        "telecom": [{"value": "555-0199-4471"}],
        "identifier": [{"value": "MRN-0047110815"}],
        "address": [{"line": ["17 Quarrystone Lane"], "postalCode": "90412"}],
        "birthDate": "1964-06-15",
    }
    secret = data.draw(
        st.sampled_from(
            [
                "Vandermeulen",
                "MIRABELLE",
                "mirabelle vandermeulen",
                "O'Hara",
                "555-0199-4471",
                "MRN-0047110815",
                "17 quarrystone lane",
                "90412",
                "1964-06-15",
            ]
        )
    )
    text = " ".join([*before, secret, *after])
    made = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": f"Headache {text}"},
        "note": [{"text": text}],
    }
    chart = map_chart([patient, made], patient_id="p1", now=NOW)
    assert not [shown for shown in _shown(chart) if secret.lower() in shown.lower()]


@pytest.mark.parametrize(
    "typed",
    [
        "JOSÉ-MARÍA",
        "Jose",
        "Jose\u0301",
        "Jo\u200bsé",
        "García",
        "Garcia",
        "Fuentes",
        "garcía-fuentes",
        "0201234567",
        "020 123 4567",
        "(020) 123-4567",
        "0047110815",
        "MRN-0047110815",
        "AB0047110815",
    ],
)
def test_other_spellings_of_who_it_is_are_masked_too(typed: str) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "García-Fuentes", "given": ["José-María"]}],
        "telecom": [{"value": "020-123-4567"}],
        "identifier": [{"value": "MRN-0047110815"}, {"value": "AB0047110815"}],
    }
    made = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": f"Headache in {typed} today"},
    }
    (fact,) = map_chart([patient, made], patient_id="p1", now=NOW).facts
    assert fact.text.replace("(", "").startswith("Headache in [")
    assert fact.text.endswith("] today")
    assert not any(part.lower() in fact.text.lower() for part in re.findall(r"\w{4,}", typed))


@pytest.mark.parametrize(
    "text", ["Sodium 140 and 020 beats", "Mary reports", "12 345 678 platelets"]
)
def test_what_is_nobodys_stays(text: str) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "telecom": [{"value": "020-123-4567"}],
               "name": [{"family": "García-Fuentes"}]}  # fmt: skip
    made = {"resourceType": "Condition", "id": "c1", "code": {"text": text}}
    (fact,) = map_chart([patient, made], patient_id="p1", now=NOW).facts
    assert fact.text == text
