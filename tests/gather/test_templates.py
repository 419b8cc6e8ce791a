"""Filling our own templates: an id can never change the query."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.gather.prefetch_queries import PrefetchQuery, UnfilledError
from cds_hooks.gather.result import NoteCode
from cds_hooks.gather.server_base import ServerBase

CONTEXT = {"patientId": "p-1.2_3", "encounterId": "e1", "userId": "Practitioner/dr-1"}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("Patient/{{context.patientId}}", "Patient/p-1.2_3"),
        ("{{context.userId}}", "Practitioner/dr-1"),
        (
            "Condition?patient={{context.patientId}}&category=problem-list-item",
            "Condition?patient=p-1.2_3&category=problem-list-item",
        ),
        ("Encounter/{{context.encounterId}}", "Encounter/e1"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/dr-1"),
        ("Practitioner?_id={{userPractitionerId}}", "Practitioner?_id=dr-1"),
    ],
)
def test_item_19_to_21_tokens_are_filled(text: str, url: str) -> None:
    assert PrefetchQuery("key", text).fill(CONTEXT) == url


@pytest.mark.parametrize(
    ("text", "context", "code"),
    [
        ("Encounter/{{context.encounterId}}", {}, NoteCode.TOKEN_MISSING),
        ("Encounter/{{context.encounterId}}", {"encounterId": ""}, NoteCode.TOKEN_MISSING),
        ("X/{{userPractitionerRoleId}}", CONTEXT, NoteCode.TOKEN_MISSING),
        ("X/{{userPatientId}}", {"userId": "Practitioner"}, NoteCode.TOKEN_MISSING),
        ("X?date=ge{{today()}}", CONTEXT, NoteCode.TOKEN_UNKNOWN),
        ("X/{{context.draftOrders.MedicationRequest.id}}", CONTEXT, NoteCode.TOKEN_UNKNOWN),
        ("X/{{context.patientId}}", {"patientId": 7}, NoteCode.TOKEN_REFUSED),
        ("X/{{context.patientId}}", {"patientId": {"a": "b"}}, NoteCode.TOKEN_REFUSED),
        ("{{context.userId}}", {"userId": "../admin"}, NoteCode.TOKEN_REFUSED),
        ("{{context.userId}}", {"userId": "Practitioner/.."}, NoteCode.TOKEN_REFUSED),
        ("{{context.userId}}", {"userId": "Practitioner/a/b"}, NoteCode.TOKEN_REFUSED),
    ],
)
def test_a_token_without_a_usable_value_is_told_by_code(
    text: str, context: dict[str, Any], code: NoteCode
) -> None:
    with pytest.raises(UnfilledError) as caught:
        PrefetchQuery("key", text).fill(context)
    assert caught.value.code is code


@pytest.mark.parametrize(
    "hostile",
    ["1,2", "1|2", "1$2", "1\\,2", "..", ".", "a/b", "a b", "a\nb", "{{x}}", "\u00a0", "\ud800"],
)
def test_an_id_with_a_meaning_of_its_own_is_refused(hostile: str) -> None:
    for text in ("Patient/{{context.patientId}}", "Condition?patient={{context.patientId}}"):
        with pytest.raises(UnfilledError):
            PrefetchQuery("key", text).fill({"patientId": hostile})


@pytest.mark.parametrize("odd", ["1&_include=*", "1?x=2", "1#f", "1%2e%2e", "1;v", "1=2", "é"])
def test_an_id_with_odd_characters_stays_one_value(odd: str) -> None:
    url = PrefetchQuery("k", "Condition?patient={{context.patientId}}&_sort=-date").fill(
        {"patientId": odd}
    )
    assert parse_qsl(urlsplit(url).query) == [("patient", odd), ("_sort", "-date")]


@given(st.text(max_size=40))
def test_property_no_id_changes_the_query_or_leaves_the_type(patient_id: str) -> None:
    base = ServerBase.parse("https://ehr.example.org/fhir")
    assert base is not None
    try:
        search = PrefetchQuery("k", "Condition?patient={{context.patientId}}&_count=5")
        query = urlsplit(search.fill({"patientId": patient_id})).query
        read = PrefetchQuery("k", "Patient/{{context.patientId}}").fill({"patientId": patient_id})
    except UnfilledError:
        return
    assert parse_qsl(query) == [("patient", patient_id), ("_count", "5")]
    url = base.resolve(read)
    if url is not None:
        assert url.raw_path.count(b"/") == 3
        assert url.path == f"/fhir/Patient/{patient_id}"
        assert url.query == b""


@pytest.mark.parametrize(
    ("text", "kind", "head"),
    [
        ("Patient/{{context.patientId}}", "Patient", None),
        ("Observation?patient=1&_sort=-date&_count=50", "Observation", 50),
        ("Observation?_count=50&_sort=-date", "Observation", 50),
        ("Observation?patient=1&_count=50", "Observation", None),
        ("{{context.userId}}", "", None),
    ],
)
def test_a_template_says_what_it_asks_for(text: str, kind: str, head: int | None) -> None:
    template = PrefetchQuery("key", text)
    assert (template.resource_type, template.head) == (kind, head)
