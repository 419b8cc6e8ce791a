"""Each client on its own terms: its FHIR version, its cards, its servers, its patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import ClientTerms, Consultant, patient_scope
from cds_hooks.consultation import Caller
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
