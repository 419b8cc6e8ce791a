"""What only a Bundle knows: addresses, deletions, versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, map_chart
from fhir_mapping.input.bundle_entries import open_bundle
from fhir_mapping.input.loading import find_patient_ids, load_bytes

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
BASE = "http://a.example/fhir"
OTHER = "https://b.example/r4"


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "gender": "female", "birthDate": "1971-03-02", **more}


def condition(name: str, text: str, subject: str = "Patient/p1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": name, "code": {"text": text},
            "subject": {"reference": subject}, **more}  # fmt: skip


def entry(resource: dict[str, Any], url: str = "", **more: Any) -> dict[str, Any]:
    return {**({"fullUrl": url} if url else {}), "resource": resource, **more}


def deletion(target: str, when: str = "") -> dict[str, Any]:
    response = {"response": {"lastModified": when}} if when else {}
    return {"fullUrl": f"{BASE}/{target}", "request": {"method": "DELETE", "url": target},
            **response}  # fmt: skip


def bundle(*entries: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def charts(given: dict[str, Any]) -> list[Chart]:
    """The chart of the bundle as a file, and of the bundle itself handed to the mapping."""
    resources = load_bytes(orjson.dumps(given))
    [patient_id] = find_patient_ids(resources)
    return [map_chart(found, patient_id=patient_id, now=NOW) for found in (resources, [given])]


def texts(chart: Chart) -> list[str]:
    return sorted(fact.text for fact in chart.facts)


def left_out(chart: Chart) -> dict[str, str]:
    return {omission.what: omission.reason for omission in chart.omissions}


V1 = {"meta": {"versionId": "1", "lastUpdated": "2026-11-01T00:00:00Z"}}


@pytest.mark.parametrize(
    "entries",
    [
        [deletion("Condition/c1", "2026-11-02T00:00:00Z"), entry(condition("c1", "Gout", **V1))],
        [entry(condition("c1", "Gout", **V1)), deletion("Condition/c1", "2026-11-02T00:00:00Z")],
        [deletion("Condition/c1"), entry(condition("c1", "Gout"))],
        [deletion("Condition/c1"), entry(condition("c1", "Gout")), entry(condition("c1", "Old"))],
    ],
)
def test_what_was_deleted_last_is_gone_and_said_to_be(entries: list[dict[str, Any]]) -> None:
    for chart in charts(bundle(*entries, entry(patient(id="p1")), kind="history")):
        assert texts(chart) == []
        assert left_out(chart)["Condition/c1"] == "deleted"


@pytest.mark.parametrize(
    "entries",
    [
        [entry(condition("c1", "Gout", meta={"lastUpdated": "2026-11-03T00:00:00Z"})),
         deletion("Condition/c1", "2026-11-02T00:00:00Z")],
        [deletion("Condition/c1", "2026-11-02T00:00:00Z"),
         entry(condition("c1", "Gout", meta={"lastUpdated": "2026-11-03T00:00:00Z"}))],
        [entry(condition("c1", "Gout")), deletion("Condition/c1"),
         entry(condition("c1", "Old words"))],
        [entry(condition("c1", "Gout")), entry(condition("c1", "Old words"))],
        [entry(condition("c1", "Gout", meta={"versionId": "10"})),
         entry(condition("c1", "Old words", meta={"versionId": "9"}))],
    ],
)  # fmt: skip
def test_the_newest_version_counts_also_after_a_deletion(entries: list[dict[str, Any]]) -> None:
    for chart in charts(bundle(*entries, entry(patient(id="p1")), kind="history")):
        assert texts(chart) == ["Gout"]


def test_a_deletion_of_one_resource_leaves_another_of_its_id() -> None:
    given = bundle(deletion("Observation/c1"), entry(condition("c1", "Gout")),
                   entry(patient(id="p1")), kind="history")  # fmt: skip
    for chart in charts(given):
        assert texts(chart) == ["Gout"]


def test_a_resource_without_id_is_found_by_its_address() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
             "subject": {"reference": f"{BASE}/Patient/p1"},
             "medicationReference": {"reference": f"{BASE}/Medication/abc"}}  # fmt: skip
    warfarin = {"resourceType": "Medication", "code": {"text": "Warfarin 5 mg tablet"}}
    given = bundle(entry(patient(id="p1"), f"{BASE}/Patient/p1"),
                   entry(warfarin, f"{BASE}/Medication/abc"),
                   entry(order, f"{BASE}/MedicationRequest/m1"), kind="document")  # fmt: skip
    for chart in charts(given):
        assert texts(chart) == ["Warfarin 5 mg tablet"]
        assert chart.facts[0].sources == ("MedicationRequest/m1", "Medication/abc")


def test_one_id_on_two_servers_is_two_resources() -> None:
    given = bundle(entry(patient(id="p1"), f"{BASE}/Patient/p1"),
                   entry(condition("1", "Gout"), f"{BASE}/Condition/1"),
                   entry(condition("1", "Asthma"), f"{OTHER}/Condition/1"))  # fmt: skip
    for chart in charts(given):
        assert texts(chart) == ["Asthma", "Gout"]
        assert {s for f in chart.facts for s in f.sources} == {"Condition/1", "Condition/1-2"}


def test_a_patient_of_another_server_with_the_same_id_is_another_patient() -> None:
    given = bundle(entry(patient(id="p1"), f"{BASE}/Patient/p1"),
                   entry(patient(id="p1"), f"{OTHER}/Patient/p1"),
                   entry(condition("1", "Gout"), f"{BASE}/Condition/1"),
                   entry(condition("1", "Asthma"), f"{OTHER}/Condition/1"),
                   entry(condition("2", "Migraine", f"{OTHER}/Patient/p1"),
                         f"{BASE}/Condition/2"))  # fmt: skip
    resources = load_bytes(orjson.dumps(given))
    assert find_patient_ids(resources) == ["p1", "p1-2"]
    assert texts(map_chart(resources, patient_id="p1", now=NOW)) == ["Gout"]
    assert texts(map_chart(resources, patient_id="p1-2", now=NOW)) == ["Asthma", "Migraine"]


def test_without_a_patient_resource_the_one_that_all_name_is_the_patient() -> None:
    for chart in charts(bundle(entry(condition("c1", "Gout", "Patient/p9")))):
        assert texts(chart) == ["Gout"]
        assert chart.patient.age_years is None
        assert [note.code for note in chart.quality] == ["no-patient"]


def test_without_a_patient_resource_and_with_two_named_nobody_is_the_patient() -> None:
    given = bundle(entry(condition("c1", "Gout", "Patient/p9")),
                   entry(condition("c2", "Asthma", "Patient/p8")))  # fmt: skip
    assert find_patient_ids(load_bytes(orjson.dumps(given))) == []


def test_a_group_or_an_identifier_names_no_patient() -> None:
    given = bundle(
        entry(condition("c1", "Gout", "Group/g1")),
        entry(condition("c2", "A") | {"subject": {"identifier": {"value": "1"}}}),
    )
    assert find_patient_ids(load_bytes(orjson.dumps(given))) == []


@pytest.mark.parametrize(
    ("subject", "identity"), [("Patient/p7", "p7"), ("urn:uuid:77", "77"), ("Group/g", "patient")]
)
def test_a_patient_without_id_is_the_one_that_the_others_name(subject: str, identity: str) -> None:
    resources = load_bytes(
        orjson.dumps(bundle(entry(patient()), entry(condition("c1", "Gout", subject))))
    )
    assert find_patient_ids(resources) == [identity]
    chart = map_chart(resources, patient_id=identity, now=NOW)
    assert chart.patient.recorded_sex == "female"


def test_opening_leaves_the_bundle_as_it_was() -> None:
    given = bundle(
        entry(patient(), f"{BASE}/Patient/p1"),
        entry(condition("1", "Gout"), f"{BASE}/Condition/1"),
        entry(condition("1", "A"), f"{OTHER}/Condition/1"),
        kind="history",
    )
    before = orjson.dumps(given)
    assert len(list(open_bundle(given))) == 3
    assert orjson.dumps(given) == before


@pytest.mark.parametrize(
    ("deleted", "told"),
    [
        ({"request": {"url": "Condition/c1/_history/2"}}, []),
        ({"request": {"url": "Condition/c1"}, "response": {"etag": 'W/"2"'}}, []),
        ({"request": {"url": "Condition/c1"}, "response": {"etag": 'W/"0"'}}, ["Asthma"]),
        ({"request": {"url": "Condition/c1"},
          "response": {"lastModified": "2021-01-01T00:30:00+02:00"}}, ["Asthma"]),
        ({"request": {"url": "Condition/c1"},
          "response": {"lastModified": "2021-01-01T02:30:00+02:00"}}, []),
    ],
)  # fmt: skip
def test_a_deletion_that_comes_last_counts_by_its_version_or_time(
    deleted: dict[str, Any], told: list[str]
) -> None:
    meta = {"versionId": "1", "lastUpdated": "2021-01-01T00:00:00Z"}
    gone = {**deleted, "request": {"method": "DELETE", **deleted["request"]}}
    first = entry(condition("c1", "Asthma", meta=meta))
    for chart in charts(bundle(entry(patient(id="p1")), first, gone, kind="history")):
        assert texts(chart) == told


URLS = st.sampled_from(
    ["", "urn:uuid:1", f"{BASE}/Condition/1", f"{OTHER}/Condition/1", "x", "/", "Condition/", "1"]
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "fullUrl": URLS | st.integers(),
        "resource": st.fixed_dictionaries(
            {"resourceType": st.sampled_from(["Condition", "Patient", "Bundle", 5])},
            optional={"id": st.sampled_from(["1", "1-2", 7, None]), "meta": st.just([]),
                      "subject": st.fixed_dictionaries({"reference": URLS})},
        ) | st.none() | st.integers(),
        "request": st.fixed_dictionaries({"method": st.sampled_from(["DELETE", "PUT", 1]),
                                          "url": URLS}) | st.none(),
    },
)  # fmt: skip


@given(st.lists(ENTRIES, max_size=6), st.sampled_from(["history", "collection", None]))
def test_any_bundle_is_opened_and_every_resource_stays_or_was_deleted(
    entries: list[dict[str, Any]], kind: str | None
) -> None:
    given = {"resourceType": "Bundle", "type": kind, "entry": entries}
    found = list(open_bundle(given))
    chart = map_chart([given], patient_id="1", now=NOW)
    assert isinstance(chart, Chart)
    deleted = any(e.get("request") and e["request"]["method"] == "DELETE" for e in entries)
    if not deleted:
        sent = [e["resource"] for e in entries if "resource" in e]
        opened = [r for r in sent if not (isinstance(r, dict) and r["resourceType"] == "Bundle")]
        assert len(found) == len(opened)
