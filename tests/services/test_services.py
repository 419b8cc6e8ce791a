"""The services we offer, and the page for those who type them in by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.protocol.prefetch_template_rules import LONGEST_TEMPLATE
from cds_hooks.services import REGISTRY, PrefetchTemplate, ServiceDefinition, discovery_of, find
from cds_hooks.services.prefetch_page import prefetch_page

ROOT = Path(__file__).resolve().parents[2]
CHART = {
    "patient": "Patient",
    "problems": "Condition",
    "allergies": "AllergyIntolerance",
    "encounters": "Encounter",
    "vitals": "Observation",
    "laboratory": "Observation",
    "medicationRequests": "MedicationRequest",
    "medicationStatements": "MedicationStatement",
    "procedures": "Procedure",
    "diagnosticReports": "DiagnosticReport",
    "documents": "DocumentReference",
    "familyHistory": "FamilyMemberHistory",
    "immunizations": "Immunization",
}


def types(service: ServiceDefinition) -> dict[str, str]:
    return {key: query.partition("?")[0].split("/")[0] for key, query in service.prefetch.items()}


def test_each_hook_has_one_service():
    assert [(service.id, service.hook) for service in REGISTRY] == [
        ("chartside-patient-view", "patient-view"),
        ("chartside-encounter-start", "encounter-start"),
        ("chartside-appointment-book", "appointment-book"),
        ("chartside-problem-check", "problem-list-item-create"),
        ("chartside-problem-check-view", "patient-view"),
    ]
    assert [find(service.id) for service in REGISTRY] == list(REGISTRY)
    assert find("chartside-order-sign") is None


def test_the_whole_chart_is_asked_for():
    assert types(find("chartside-patient-view")) == CHART
    assert types(find("chartside-encounter-start")) == CHART | {"encounter": "Encounter"}


def test_booking_only_starts_work_on_the_same_queries_as_opening_the_chart():
    booked = find("chartside-appointment-book")
    assert booked.prefetch == find("chartside-patient-view").prefetch
    assert [service.id for service in REGISTRY if service.only_starts] == [booked.id]


def test_only_the_patient_must_be_had():
    assert {service.required for service in REGISTRY} == {frozenset({"patient"})}


@pytest.mark.parametrize("service", REGISTRY, ids=lambda service: service.id)
def test_queries_are_short_and_ask_for_this_patient_only(service):
    for query in service.prefetch.values():
        assert len(query) <= LONGEST_TEMPLATE
        assert "{{context.patientId}}" in query or query == "Encounter/{{context.encounterId}}"


def test_a_template_outside_the_subset_stops_the_start():
    bad = PrefetchTemplate("x", "Condition?patient={{context.patientId}}&_include=*", "x", "x")
    with pytest.raises(ValueError, match="outside the recommended subset"):
        replace(REGISTRY[0], templates=(bad,))


def test_a_key_cannot_be_there_twice():
    template = REGISTRY[0].templates[0]
    with pytest.raises(ValueError, match="twice"):
        replace(REGISTRY[0], templates=(template, template))


def test_prefetch_cannot_be_changed():
    with pytest.raises(TypeError):
        REGISTRY[0].prefetch["x"] = "y"


def test_discovery_has_what_the_definitions_have():
    entries = discovery_of(REGISTRY).services
    assert [dict(entry.prefetch) for entry in entries] == [dict(s.prefetch) for s in REGISTRY]
    assert [entry.hook_version for entry in entries] == [s.on.version for s in REGISTRY]


def test_the_page_to_type_in_is_what_the_definitions_say():
    page = (ROOT / "docs" / "integrators" / "prefetch.md").read_text("utf-8")
    assert page == prefetch_page(), (
        "run: python -m cds_hooks.services.prefetch_page > docs/integrators/prefetch.md"
    )


def test_the_page_has_each_query_once_per_service_on_one_line():
    for service in REGISTRY:
        section = prefetch_page().partition(f"`/cds-services/{service.id}`")[2].split("\n## ")[0]
        for key, query in service.prefetch.items():
            assert section.count(f"| `{key}`") == 1
            assert f"| `{query}` |" in section
