"""Whose record a resource is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.gather.ownership import Owner, Ownership

OWNER = Owner(
    "p1",
    hosts=frozenset({"ehr.example.org"}),
    identifiers=frozenset({("urn:mrn", "77")}),
    urns=frozenset({"urn:uuid:aaaa"}),
)
MRN = {"system": "urn:mrn", "value": "77"}
OTHER_MRN = {"system": "urn:mrn", "value": "78"}

SELF, OTHER_PATIENT = {"reference": "Patient/p1"}, {"reference": "Patient/p2"}

REFERENCES: list[tuple[Any, Ownership]] = [
    ({"reference": "Patient/p1"}, Ownership.OWN),
    ({"reference": "Patient/p1/_history/3"}, Ownership.OWN),
    ({"reference": "https://ehr.example.org/api/FHIR/R4/Patient/p1"}, Ownership.OWN),
    ({"reference": "https://EHR.example.org:443/Patient/p1"}, Ownership.OWN),
    ({"reference": "urn:uuid:aaaa"}, Ownership.OWN),
    ({"reference": "urn:uuid:p1"}, Ownership.OWN),
    ({"identifier": MRN}, Ownership.OWN),
    ({"reference": "#me"}, Ownership.OWN),
    ({"reference": "Patient/p2"}, Ownership.OTHER),
    ({"reference": "Patient/p11"}, Ownership.OTHER),
    ({"reference": "Patient/p1/x"}, Ownership.OTHER),
    ({"reference": "https://elsewhere.example.net/fhir/Patient/p1"}, Ownership.OTHER),
    ({"reference": "https://evil.example.net/?x=/Patient/p1"}, Ownership.OTHER),
    ({"reference": "urn:uuid:bbbb"}, Ownership.OTHER),
    ({"reference": "Group/p1"}, Ownership.OTHER),
    ({"identifier": OTHER_MRN}, Ownership.OTHER),
    ({"reference": "#you"}, Ownership.OTHER),
    ({"reference": "#nobody"}, Ownership.UNSAID),
    ({"identifier": {"system": "urn:ssn", "value": "77"}}, Ownership.UNSAID),
    ({"display": "p1"}, Ownership.UNSAID),
    ("Patient/p1", Ownership.UNSAID),
    (None, Ownership.UNSAID),
]


@pytest.mark.parametrize(("reference", "belongs"), REFERENCES)
@pytest.mark.parametrize(
    ("kind", "element"),
    [("Observation", "subject"), ("AllergyIntolerance", "patient"), ("Coverage", "beneficiary"),
     ("Task", "for"), ("Zork", "subject")],
)  # fmt: skip
def test_a_reference_is_the_patients_when_it_says_so(
    kind: str, element: str, reference: Any, belongs: Ownership
) -> None:
    contained = [
        {"resourceType": "Patient", "id": "me", "identifier": [MRN]},
        {"resourceType": "Patient", "id": "you", "identifier": [OTHER_MRN]},
    ]
    resource = {"resourceType": kind, element: reference, "contained": contained}
    assert OWNER.judge(resource) is belongs


@pytest.mark.parametrize(
    ("resource", "belongs"),
    [
        ({"resourceType": "Patient", "id": "p1"}, Ownership.OWN),
        ({"resourceType": "Patient", "id": "p2"}, Ownership.OTHER),
        ({"resourceType": "Patient"}, Ownership.OTHER),
        ({"resourceType": "Medication", "id": "m"}, Ownership.NOBODY),
        ({"resourceType": "Practitioner"}, Ownership.NOBODY),
        ({"resourceType": "Observation"}, Ownership.UNSAID),
        ({"resourceType": "Provenance"}, Ownership.UNSAID),
        ({"resourceType": "Account", "subject": [OTHER_PATIENT, SELF]}, Ownership.OWN),
        ({"resourceType": "Account", "subject": [OTHER_PATIENT]}, Ownership.OTHER),
    ],
)  # fmt: skip
def test_types_differ_in_how_they_name_a_patient(
    resource: dict[str, Any], belongs: Ownership
) -> None:
    assert OWNER.judge(resource) is belongs


def test_without_a_known_server_any_host_will_do() -> None:
    resource = {
        "resourceType": "Observation",
        "subject": {"reference": "https://any.example.net/fhir/Patient/p1"},
    }
    assert Owner("p1").judge(resource) is Ownership.OWN


JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["Patient/p1", "#me", "urn:uuid:p1", "p1", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["reference", "identifier", "system", "value", "id"]), inner
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["Observation", "Coverage", "Patient", "Medication", "Zork"]),
    JSON, JSON, JSON, JSON,
)  # fmt: skip
def test_property_any_resource_is_judged(
    kind: str, subject: Any, beneficiary: Any, contained: Any, name: Any
) -> None:
    resource = {
        "resourceType": kind,
        "subject": subject,
        "beneficiary": beneficiary,
        "contained": contained,
        "id": name,
    }
    assert OWNER.judge(resource) in Ownership


@given(st.text(max_size=200))
def test_any_link_names_another_patient_or_not(link: str) -> None:
    assert isinstance(Owner("p1").is_other(link), bool)
