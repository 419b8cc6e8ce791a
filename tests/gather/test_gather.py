"""Gathering from prefetch alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import KeyState
from cds_hooks.gather import GatherResult, NoteCode, PatientUnavailable, gather
from cds_hooks.gather.ownership import Owner, Ownership
from tests.sample.places import DATA

ALPHA = {"patientId": "alpha"}
CHARTS = [
    charts
    for charts in (
        "stays-r4/*_*.json",
        "transactions-r4/*.json",
        "profiles-r4/*.json",
        "clinosim/*_*.json",
        "synthea-r4/*.json",
        "smart-stu3/patient-*bundle.json",
    )
    if any(any((d.folder / "patients").glob(charts)) for d in DATA)
]
OTHER_PATIENT = {"resourceType": "Patient", "id": "beta"}


async def test_item_27_what_is_in_prefetch_is_taken(make: Any, templates: dict[str, str]) -> None:
    prefetch = {
        "patient": make.patient(),
        "problems": make.bundle(make.condition("c1"), make.condition("c2"), total=2),
        "labs": make.bundle(total=0),
        "newest": None,
        "medications": make.bundle(make.outcome("warning"), total=0),
    }
    gathered = await gather(prefetch, templates, ALPHA)
    assert gathered.states == {
        "patient": KeyState.PREFETCHED,
        "problems": KeyState.PREFETCHED,
        "labs": KeyState.EMPTY,
        "newest": KeyState.EMPTY,
        "medications": KeyState.EMPTY,
        "family": KeyState.UNAVAILABLE,
    }
    assert gathered.notes_of("family") == (NoteCode.SERVER_MISSING,)
    assert [r.get("id") for r in gathered.resources] == ["alpha", "c1", "c2"]
    assert gathered.fhir_version is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"resourceType": "OperationOutcome", "issue": []}, "fhir-server-missing"),
        ("alpha", "fhir-server-missing"),
        ({"resourceType": "Practitioner", "id": "alpha"}, "fhir-server-missing"),
        (OTHER_PATIENT, "other-patient"),
        ({"resourceType": "Patient"}, "other-patient"),
        ({"resourceType": "Bundle", "entry": [{"resource": OTHER_PATIENT}]}, "other-patient"),
    ],
)  # fmt: skip
async def test_item_28_a_patient_that_cannot_be_had_is_412(
    templates: dict[str, str], value: Any, reason: str
) -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await gather({"patient": value}, templates, ALPHA)
    assert (caught.value.status, caught.value.code) == (412, "patient-unavailable")
    assert caught.value.reason == reason
    assert caught.value.where == "prefetch.patient"
    assert "alpha" not in caught.value.diagnostics()


async def test_item_28_an_absent_patient_is_412(templates: dict[str, str]) -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await gather({}, templates, ALPHA)
    assert (caught.value.status, caught.value.issue) == (412, "required")


@pytest.mark.parametrize("value", [None, {"resourceType": "Bundle", "total": 0}])
async def test_item_28_null_and_empty_are_present(templates: dict[str, str], value: Any) -> None:
    gathered = await gather({"patient": value}, templates, ALPHA)
    assert gathered.states["patient"] is KeyState.EMPTY


async def test_a_paged_bundle_is_partial_when_nothing_can_be_fetched(make: Any) -> None:
    link = [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}]
    gathered = await gather(
        {"problems": make.bundle(make.condition("c1"), link=link)},
        {"problems": "Condition?patient={{context.patientId}}"},
        ALPHA,
        fhir_server="https://ehr.example.org/fhir",
    )
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert gathered.notes_of("problems") == (NoteCode.MORE_PAGES, NoteCode.SERVER_NOT_ALLOWED)


async def test_records_of_other_patients_are_set_aside_and_counted(make: Any) -> None:
    mixed = make.bundle(
        make.condition("a1"), make.condition("b1", "beta"), make.condition("b2", "beta")
    )
    gathered = await gather({"problems": mixed}, {"problems": "Condition?patient=x"}, ALPHA)
    assert [r["id"] for r in gathered.resources] == ["a1"]
    [note] = gathered.notes
    assert (note.key, note.code, note.count) == ("problems", NoteCode.OTHER_PATIENT, 2)


async def test_only_other_patients_records_are_no_answer(make: Any) -> None:
    others = make.bundle(make.condition("b1", "beta"))
    gathered = await gather({"problems": others}, {"problems": "Condition?patient=x"}, ALPHA)
    assert gathered.states["problems"] is KeyState.UNAVAILABLE


async def test_a_record_that_names_no_patient_makes_the_key_partial(make: Any) -> None:
    unnamed = make.bundle(make.condition("a1"), {"resourceType": "Condition", "id": "x"})
    gathered = await gather({"problems": unnamed}, {"problems": "Condition?patient=x"}, ALPHA)
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert gathered.notes_of("problems") == (NoteCode.SUBJECT_MISSING,)


async def test_keys_of_the_clients_own_are_used_only_if_they_are_the_patients(make: Any) -> None:
    prefetch = {
        "patient": make.patient(),
        "-user": {"resourceType": "Practitioner", "id": "dr"},
        "more": make.bundle(make.condition("a1"), make.condition("b1", "beta")),
        "note": "free text",
        "drug": {"resourceType": "Medication", "id": "m1"},
    }
    gathered = await gather(prefetch, {"patient": "Patient/{{context.patientId}}"}, ALPHA)
    assert [r["id"] for r in gathered.resources] == ["alpha", "a1", "m1"]
    assert set(gathered.states) == {"patient"}
    assert {(note.key, note.code) for note in gathered.notes} == {("?", NoteCode.UNKNOWN_KEY)}


async def test_the_same_resource_under_two_keys_is_kept_once(make: Any) -> None:
    one = make.bundle(make.condition("a1"))
    gathered = await gather(
        {"problems": one, "all": one},
        {"problems": "Condition?patient=x", "all": "Condition?patient=x"},
        ALPHA,
    )
    assert len(gathered.resources) == 1
    assert set(gathered.states.values()) == {KeyState.PREFETCHED}


async def test_references_by_urn_and_by_identifier_are_understood(make: Any) -> None:
    def of(name: str, subject: dict[str, Any]) -> dict[str, Any]:
        return {"resourceType": "Condition", "id": name, "subject": subject}

    patient = make.patient()
    [identifier] = patient["identifier"]
    entries = [
        {"fullUrl": "urn:uuid:1234", "resource": patient},
        {"resource": of("by-urn", {"reference": "urn:uuid:1234"})},
        {"resource": of("by-identifier", {"identifier": identifier})},
        {"resource": of("other-urn", {"reference": "urn:uuid:5678"})},
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    gathered = await gather({"all": bundle}, {"all": "Condition?patient=x"}, ALPHA)
    assert [r["id"] for r in gathered.resources] == ["alpha", "by-urn", "by-identifier"]


async def test_a_wrong_answer_is_replaced_by_nothing_but_its_own_patients_data(make: Any) -> None:
    """Observations under the key for problems are the patient's, but no answer about problems."""
    gathered = await gather(
        {"problems": make.bundle(make.lab(1))}, {"problems": "Condition?patient=x"}, ALPHA
    )
    assert gathered.states["problems"] is KeyState.UNAVAILABLE
    assert [r["resourceType"] for r in gathered.resources] == ["Observation"]


def _ours(gathered: GatherResult, patient_id: str) -> bool:
    owner = Owner(patient_id)
    allowed = (Ownership.OWN, Ownership.NOBODY)
    return all(owner.judge(resource) in allowed for resource in gathered.resources)


SUBJECTS = st.sampled_from(
    [{"reference": "Patient/alpha"}, {"reference": "Patient/beta"}, {"reference": "#x"}, None, "x"]
)
RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Condition", "Observation", "Patient", "Medication"])},
    optional={"id": st.sampled_from(["alpha", "beta", "c1"]), "subject": SUBJECTS},
)
VALUES = st.one_of(
    st.none(),
    st.text(max_size=5),
    RESOURCES,
    st.lists(RESOURCES | st.none(), max_size=6).map(
        lambda found: {"resourceType": "Bundle", "entry": [{"resource": r} for r in found]}
    ),
)


@given(st.dictionaries(st.sampled_from(["patient", "problems", "labs", "zork"]), VALUES))
async def test_property_nothing_of_another_patient_is_ever_gathered(prefetch: Any) -> None:
    templates = {
        "patient": "Patient/{{context.patientId}}",
        "problems": "Condition?patient={{context.patientId}}",
        "labs": "Observation?patient={{context.patientId}}",
    }
    try:
        gathered = await gather(prefetch, templates, ALPHA)
    except PatientUnavailable:
        return
    assert _ours(gathered, "alpha")
    assert set(gathered.states) == set(templates)
    for key, state in gathered.states.items():
        if state in (KeyState.UNAVAILABLE, KeyState.PARTIAL):
            assert gathered.notes_of(key)


@pytest.mark.parametrize("charts", CHARTS)
def test_a_generators_chart_belongs_to_its_patient_whole(charts: str) -> None:
    paths = [p for d in DATA for p in sorted((d.folder / "patients").glob(charts))]
    assert paths
    for path in paths:
        resources = [entry["resource"] for entry in orjson.loads(path.read_bytes())["entry"]]
        patients = {r["id"] for r in resources if r["resourceType"] == "Patient"}
        if len(patients) != 1:
            continue
        owner = Owner(*patients)
        aside = {
            resource["resourceType"]
            for resource in resources
            if owner.judge(resource) not in (Ownership.OWN, Ownership.NOBODY)
        }
        # A Provenance names what it is about as `target`, and nobody as its patient.
        assert aside == ({"Provenance"} if path.name == "collection.json" else set()), path.name
