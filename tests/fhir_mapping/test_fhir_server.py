"""Charts as a real FHIR server hands them out: in pages, with includes, with somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_mapping import Chart, map_chart
from fhir_mapping.chart import Kind

pytestmark = pytest.mark.fhir_server
LABS = 45
MINE, THEIRS = "mapping-mine", "mapping-theirs"


def _owned(kind: str, identity: str, owner: str, **elements: Any) -> dict[str, Any]:
    whose = "patient" if kind == "FamilyMemberHistory" else "subject"
    made = {"resourceType": kind, "id": f"{owner}-{identity}"}
    return {**made, whose: {"reference": f"Patient/{owner}"}, **elements}


def _records(owner: str) -> Iterator[dict[str, Any]]:
    yield {"resourceType": "Patient", "id": owner, "gender": "female", "birthDate": "1964-06-15"}
    gout = [{"code": {"text": f"Gout of {owner}"}}]
    father = {"status": "completed", "relationship": {"text": "father"}, "condition": gout}
    yield _owned("FamilyMemberHistory", "father", owner, **father)
    yield {"resourceType": "Medication", "id": f"{owner}-drug", "code": {"text": "Apixaban"}}
    drug = {"reference": f"Medication/{owner}-drug"}
    order = {"status": "active", "intent": "order", "medicationReference": drug}
    yield _owned("MedicationRequest", "order", owner, **order)
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    category = [{"coding": [{"system": system, "code": "laboratory"}]}]
    for n in range(LABS):
        result = {
            "status": "final",
            "category": category,
            "code": {"text": f"Analyte {n}"},
            "valueQuantity": {"value": n + 0.5, "unit": "mg/dL"},
            "effectiveDateTime": f"2024-06-{1 + n % 14:02}T08:00:00Z",
        }
        yield _owned("Observation", f"lab-{n}", owner, **result)


@pytest.fixture(scope="module")
def server(fhir_server: Any) -> Any:
    entries = [{"resource": r} for owner in (MINE, THEIRS) for r in _records(owner)]
    fhir_server.load({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return fhir_server


def _pages(server: Any, query: str) -> list[dict[str, Any]]:
    """Every page of a search, as the server sent them."""
    pages = []
    url: str | None = query
    while url:
        page = server.request("GET", url)
        pages.append(page)
        links = (link["url"] for link in page.get("link", ()) if link["relation"] == "next")
        url = next(links, None)
        url = url.removeprefix(f"{server.base}/") if url else None
    return pages


def _chart(server: Any, now: Any, *queries: str) -> tuple[Chart, list[dict[str, Any]]]:
    pages = [page for query in queries for page in _pages(server, query)]
    version = server.request("GET", "metadata")["fhirVersion"]
    patient = server.request("GET", f"Patient/{MINE}")
    return map_chart([patient, *pages], patient_id=MINE, now=now, fhir_version=version), pages


def test_every_page_is_read_and_says_each_thing_once(server: Any, now: Any) -> None:
    chart, pages = _chart(server, now, f"Observation?patient={MINE}&_count=10")
    assert len(pages) > 3
    assert chart.fhir_version == "R4"
    labs = chart.of(Kind.LAB)
    assert sorted(fact.value or 0 for fact in labs) == [n + 0.5 for n in range(LABS)]
    doubled = [*pages, *reversed(pages)]
    patient = server.request("GET", f"Patient/{MINE}")
    again = map_chart([*doubled, patient], patient_id=MINE, now=now, fhir_version="4.0.1")
    assert again.facts == chart.facts


def test_an_included_medication_names_the_order(server: Any, now: Any) -> None:
    query = f"MedicationRequest?patient={MINE}&_include=MedicationRequest:medication"
    chart, pages = _chart(server, now, query)
    modes = {entry.get("search", {}).get("mode") for entry in pages[0]["entry"]}
    assert "include" in modes
    (order,) = chart.of(Kind.MEDICATION)
    assert order.text == "Apixaban"
    assert set(order.sources) == {f"MedicationRequest/{MINE}-order", f"Medication/{MINE}-drug"}


def test_a_family_history_of_somebody_else_is_refused_and_recorded(server: Any, now: Any) -> None:
    """The server does not know this search parameter, ignores it and sends everybody's."""
    chart, pages = _chart(server, now, f"FamilyMemberHistory?patient={MINE}")
    sent = {entry["resource"].get("id") for page in pages for entry in page["entry"]}
    assert f"{THEIRS}-father" in sent
    assert [fact.text for fact in chart.facts] == [f"Father: Gout of {MINE}"]
    reasons = {omission.what: omission.reason for omission in chart.omissions}
    assert reasons[f"FamilyMemberHistory/{THEIRS}-father"] == "other-patient"


def test_everything_of_a_patient_is_accounted_for(server: Any, now: Any) -> None:
    chart, pages = _chart(server, now, f"Patient/{MINE}/$everything?_count=20")
    sent = {
        f"{resource['resourceType']}/{resource['id']}"
        for page in pages
        for resource in (entry["resource"] for entry in page.get("entry", ()))
        if "id" in resource
    }
    told = {source for fact in chart.facts for source in fact.sources}
    assert sent <= told | {omission.what for omission in chart.omissions}
    assert len(chart.of(Kind.LAB)) == LABS
