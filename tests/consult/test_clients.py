"""Each client on its own terms: its FHIR version, its cards, its servers, its patients."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.conform.cards import response_problems
from cds_hooks.consult import (
    ClientTerms,
    Consultant,
    NoConsultation,
    OtherPatient,
    PatientScope,
    patient_scope,
)
from cds_hooks.consultation import Caller
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.json_output import to_document
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.fake_engine import FakeEngine, FakeReply

BASE = "https://fhir.north.example/r4"
TERMS = {
    "north": ClientTerms((BASE,), "STU3", "epic"),
    "south": ClientTerms(("https://fhir.south.example",), "R5", "generic"),
}

Ask = Callable[..., HookRequest]


@pytest.fixture
def from_client(make_request: Any, resources: Any) -> Ask:
    def make(client: str = "", *, server: str = "", tenant: str = "") -> HookRequest:
        caller = Caller(client, f"https://{client}.example", tenant, "h1:00", "Practitioner/1")
        return replace(make_request(resources), caller=caller, fhir_server=server)

    return make


@pytest.fixture
def consultant(make_consultant: Any, answer_of: Any) -> Consultant:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))] * 6)
    made: Consultant = make_consultant(engine, samples=1, clients=TERMS, version="R4")
    return made


@pytest.mark.parametrize(("client", "version"), [("north", "STU3"), ("south", "R5"), ("", "R4")])
async def test_the_version_is_the_clients(
    consultant: Consultant, service: ServiceDefinition, from_client: Ask, client: str, version: str
) -> None:
    asked = await consultant.prepare(service, from_client(client))
    assert asked.chart.fhir_version == version


async def test_the_cards_are_of_its_family_also_from_the_store(
    consultant: Consultant, service: ServiceDefinition, from_client: Ask
) -> None:
    epic = "com.epic.cdshooks.card.detail.content-type"
    [first] = (await consultant.answer(service, from_client("north"))).cards
    [second] = (await consultant.answer(service, from_client("south"))).cards
    [third] = (await consultant.answer(service, from_client())).cards
    assert epic in str(first.extension)
    assert epic not in str(second.extension)
    assert epic not in str(third.extension)


async def test_who_asked_is_on_record(
    consultant: Consultant, service: ServiceDefinition, from_client: Ask, store: Store, seen: Any
) -> None:
    await consultant.answer(service, from_client("north", tenant="main"), digest=b"d" * 32)
    found = await store.get(seen[0].id)
    assert found is not None
    assert found.caller == Caller(
        "north", "https://north.example", "main", "h1:00", "Practitioner/1"
    )


async def test_a_body_that_is_recalled_is_asked_by_who_sent_it_now(
    consultant: Consultant, service: ServiceDefinition, from_client: Ask
) -> None:
    await consultant.answer(service, from_client("north", tenant="a"), digest=b"d" * 32)
    again = consultant._prepared_before(b"d" * 32, Caller("north", tenant="b"))
    assert again is not None
    assert again.caller is not None
    assert again.caller.tenant == "b"


async def test_a_client_does_not_reach_anothers_patients_by_naming_their_server(
    consultant: Consultant, service: ServiceDefinition, from_client: Ask
) -> None:
    own = await consultant.prepare(service, from_client("north", server=BASE))
    below = await consultant.prepare(service, from_client("north", server=BASE))
    other = await consultant.prepare(service, from_client("south", server=BASE))
    assert own.patient_key == below.patient_key
    assert other.patient_key != own.patient_key


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (("north", BASE, ""), ("north", BASE, "x"), True),
        (("north", "", "a"), ("north", "", "b"), False),
        (("north", "", ""), ("south", "", ""), False),
        (("north", "https://x.example", ""), ("south", "https://x.example", ""), False),
        (("", "", ""), ("", "", ""), True),
    ],
)
def test_within_what_an_id_is_one_patient(one: Any, two: Any, alike: bool) -> None:
    def scope(client: str, server: str, tenant: str) -> str:
        return patient_scope(TERMS.get(client), Caller(client, tenant=tenant), server)

    assert (scope(*one) == scope(*two)) == alike


def test_without_clients_the_scope_is_the_server() -> None:
    assert patient_scope(None, None, BASE) == BASE
    assert patient_scope(None, Caller(), BASE) == BASE


async def test_cards_start_the_app_only_where_the_client_does_that(
    make_consultant: Any,
    pages_of: Any,
    answer_of: Any,
    service: ServiceDefinition,
    from_client: Ask,
    store: Store,
) -> None:
    terms = {**TERMS, "north": replace(TERMS["north"], smart=True)}
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))] * 3)
    consultant = make_consultant(engine, samples=1, clients=terms, link_s=3600.0)
    request = from_client("north", server=BASE)
    [card] = (await consultant.answer(service, request)).cards
    [link] = [each for each in card.links if each.type == "smart"]
    assert link.url == "http://127.0.0.1:8010/smart/launch"
    named = json.loads(link.app_context)["consultation"]
    assert await store.get(named) is not None
    assert [each for each in card.links if "/consultations/" in each.url] == []
    assert list(response_problems(to_document(Response((card,))))) == []
    [other] = (await consultant.answer(service, from_client("south"))).cards
    assert [each.type for each in other.links if "/consultations/" in each.url] == ["absolute"]
    assert [each for each in other.links if each.type == "smart" or each.app_context] == []
    silent = make_consultant(engine, samples=1, clients=terms, link_s=0.0)
    [card] = (await silent.answer(service, request)).cards
    assert [each.type for each in card.links if each.type == "smart"] == ["smart"]


async def test_the_pages_of_a_patient_are_of_that_patient(
    make_consultant: Any,
    pages_of: Any,
    answer_of: Any,
    service: ServiceDefinition,
    from_client: Ask,
    store: Store,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))] * 2)
    consultant = make_consultant(engine, samples=1, clients=TERMS)
    request = from_client("north", server=BASE)
    asked = await consultant.prepare(service, request)
    pages = pages_of(consultant)
    scope = PatientScope((asked.patient_key,))
    with pytest.raises(NoConsultation):
        await pages.open_of(scope)
    assert (await consultant.answer(service, request)).cards
    opened = await pages.open_of(scope)
    assert opened.consultation.patient_key == asked.patient_key
    assert opened.newer_link == ""
    with pytest.raises(NoConsultation):
        await pages.open_of(PatientScope(("p1:other",)))
    with pytest.raises(OtherPatient):
        await pages.open_of(PatientScope(("p1:other",), opened.consultation.id))
