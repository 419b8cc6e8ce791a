"""One chart as an EHR would prefetch it, whatever the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import respx

from cds_hooks.gather import GatherConfig, PatientUnavailable, gather, open_http
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import (
    BackendClient,
    ChartIncomplete,
    ChartReader,
    SigningKey,
    TokenSource,
)

BASE = "https://ehr.example.org/fhir"
TOKEN = "https://ehr.example.org/token"
PATIENT = {"resourceType": "Patient", "id": "a", "identifier": [{"system": "s", "value": "v"}]}
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "problems": "Condition?patient={{context.patientId}}",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
}


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, "subject": {"reference": "Patient/a"}, **more}


def page(*resources: Any, next_url: str = "") -> dict[str, Any]:
    link = [{"relation": "next", "url": next_url}] if next_url else []
    entry = [{"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        tokens = [{"access_token": f"t{n}", "token_type": "bearer"} for n in range(1, 9)]
        answers = [httpx.Response(200, json=token) for token in tokens]
        router.post(TOKEN, name="token").mock(side_effect=answers)
        router.get(f"{BASE}/metadata").respond(json={"resourceType": "CapabilityStatement"})
        router.get(f"{BASE}/Patient/a", name="patient").respond(json=PATIENT)
        router.get(f"{BASE}/Condition", name="problems").respond(json=page())
        router.get(f"{BASE}/MedicationRequest", name="orders").respond(json=page())
        yield router


@pytest.fixture
async def reader(signing_key: SigningKey) -> AsyncIterator[ChartReader]:
    base = ServerBase.parse(BASE)
    assert base is not None
    config = GatherConfig(allowed_bases=(BASE,))
    async with open_http(config) as http:
        tokens = TokenSource(http, base, BackendClient("me", signing_key, "s", TOKEN))
        yield ChartReader(http, base, tokens, TEMPLATES, config)


async def again(prefetch: dict[str, Any]) -> Any:
    """What the service makes of it."""
    return await gather(prefetch, TEMPLATES, {"patientId": "a"})


async def test_what_was_read_reaches_the_service_as_it_was(
    net: respx.MockRouter, reader: ChartReader
) -> None:
    by_identifier = resource("Condition", "c1", subject={"identifier": PATIENT["identifier"][0]})
    order = resource("MedicationRequest", "m1", medicationReference={"reference": "Medication/d"})
    drug = {"resourceType": "Medication", "id": "d"}
    net["problems"].respond(json=page(by_identifier, resource("Condition", "c2")))
    net["orders"].respond(json=page(order))
    net.get(f"{BASE}/Medication/d").respond(json=drug)
    prefetch = await reader.read("a")
    found = await again(prefetch)
    names = [r["id"] for r in found.resources]
    assert sorted(names) == ["a", "c1", "c2", "d", "m1"]
    assert set(found.states.values()) == {"prefetched"}
    assert found.notes == ()
    asked = {call.request.headers.get("authorization") for call in net.calls[1:]}
    assert asked == {"Bearer t1"}


async def test_what_the_server_keeps_to_itself_is_left_out_and_what_is_empty_stays_so(
    net: respx.MockRouter, reader: ChartReader
) -> None:
    net["orders"].respond(403)
    prefetch = await reader.read("a")
    assert "medicationRequests" not in prefetch
    found = await again(prefetch)
    assert found.states == {
        "patient": "prefetched",
        "problems": "empty",
        "medicationRequests": "unavailable",
    }


async def test_a_list_that_is_cut_for_good_arrives_as_partial(
    net: respx.MockRouter, reader: ChartReader
) -> None:
    elsewhere = "https://other.example.net/fhir?page=2"
    net["problems"].respond(json=page(resource("Condition", "c1"), next_url=elsewhere))
    found = await again(await reader.read("a"))
    assert found.states["problems"] == "partial"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_chart_that_is_incomplete_for_now_is_not_handed_on(
    net: respx.MockRouter, reader: ChartReader, status: int
) -> None:
    net["problems"].respond(status)
    with pytest.raises(ChartIncomplete) as caught:
        await reader.read("a")
    assert caught.value.where == "problems"


async def test_a_token_that_is_no_longer_taken_is_renewed_once(
    net: respx.MockRouter, reader: ChartReader
) -> None:
    taken = httpx.Response(200, json=PATIENT)
    net["patient"].mock(side_effect=[httpx.Response(401), taken])
    assert (await reader.read("a"))["patient"] == PATIENT
    assert net["token"].call_count == 2
    net["patient"].mock(side_effect=None, return_value=httpx.Response(401))
    with pytest.raises(PatientUnavailable):
        await reader.read("a")
    assert net["token"].call_count == 3


async def test_another_patient_under_this_ones_id_is_nobody(
    net: respx.MockRouter, reader: ChartReader
) -> None:
    net["patient"].respond(json=PATIENT | {"id": "b"})
    with pytest.raises(PatientUnavailable, match="other-patient"):
        await reader.read("a")
