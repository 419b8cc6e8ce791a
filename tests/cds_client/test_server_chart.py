"""A chart read from a FHIR server: from a real one, and from those that misbehave."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.cds_client.charts import RemoteChart
from cds_hooks.cds_client.server_chart import (
    ChartNotRead,
    FhirAccess,
    FhirTokenRefused,
    KeyTrouble,
    read_chart,
)
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import BackendClient, SigningKey
from tests.prewarm.conftest import Authorization

TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "problems": "Condition?patient={{context.patientId}}",
}
Fhir = Callable[..., FhirAccess]


@pytest.mark.parametrize(
    ("fault", "reason", "todo"),
    [
        ("html", "html", "CapabilityStatement"),
        ("redirect", "redirected", "redirects to"),
        ("401", "unauthorized", "--token-env"),
        ("403", "forbidden", "--scope"),
        ("404", "not-found", "Look the id up"),
        ("500", "server-error", "Try again"),
    ],
)
async def test_a_server_that_misbehaves_is_told_with_what_to_do(
    fhir: Fhir, fault: str, reason: str, todo: str
) -> None:
    with pytest.raises(ChartNotRead) as refused:
        await read_chart(fhir(fault), TEMPLATES, "alpha")
    assert refused.value.reason == reason
    told = refused.value.diagnostics()
    assert told.startswith("chart-not-read: ")
    assert todo in told
    assert "alpha" not in told


async def test_a_patient_that_is_not_there_is_told(fhir: Fhir) -> None:
    with pytest.raises(ChartNotRead) as refused:
        await read_chart(replace(fhir("404")), TEMPLATES, "nobody")
    assert refused.value.reason == "not-found"


async def test_a_server_that_hangs_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        base = ServerBase.parse(f"http://127.0.0.1:{silent.getsockname()[1]}/fhir")
        assert base is not None
        with pytest.raises(ChartNotRead) as refused:
            await read_chart(FhirAccess(base, patience_s=1), TEMPLATES, "alpha")
    assert refused.value.reason in ("timeout", "deadline")


async def test_a_part_that_is_refused_is_left_out_and_told(fhir: Fhir) -> None:
    chart = RemoteChart(fhir("conditions-forbidden"), "alpha")
    body = await chart.read("patient-view", TEMPLATES)
    assert body["prefetch"] == {"patient": {**body["prefetch"]["patient"]}}
    assert chart.troubles == (KeyTrouble("problems", "forbidden"),)


async def test_a_page_on_another_host_is_never_asked_for(fhir: Fhir) -> None:
    found = await read_chart(fhir("next-elsewhere"), TEMPLATES, "alpha")
    assert KeyTrouble("problems", "link-refused") in found.troubles


async def test_a_service_that_asks_for_no_patient_gets_one_all_the_same(fhir: Fhir) -> None:
    found = await read_chart(fhir(), {"problems": TEMPLATES["problems"]}, "alpha")
    assert [r["resourceType"] for r in found.resources] == ["Patient"]


@pytest.mark.fhir_server
async def test_a_real_server_with_its_token(fhir_server: Any) -> None:
    _load(fhir_server, "client-a")
    base = ServerBase.parse(fhir_server.base)
    assert base is not None
    access = FhirAccess(base, fhir_server.token)
    body = await RemoteChart(access, "client-a").read("patient-view", TEMPLATES)
    assert body["context"]["patientId"] == "client-a"
    assert body["prefetch"]["patient"]["id"] == "client-a"
    [problem] = body["prefetch"]["problems"]["entry"]
    assert problem["resource"]["code"] == {"text": "Gout"}
    with pytest.raises(ChartNotRead) as refused:
        await read_chart(FhirAccess(base), TEMPLATES, "client-a")
    assert refused.value.reason == "unauthorized"
    with pytest.raises(ChartNotRead) as refused:
        await read_chart(access, TEMPLATES, "client-nobody")
    assert refused.value.reason == "not-found"


@pytest.mark.fhir_server
async def test_a_real_server_by_smart_backend_services(
    fhir_server: Any, authorization: Callable[..., Authorization], signing_key: SigningKey
) -> None:
    _load(fhir_server, "client-b")
    granting = authorization(lambda: fhir_server.token)
    base = ServerBase.parse(fhir_server.base)
    assert base is not None
    client = BackendClient("chartside", signing_key, "system/*.rs", granting.url)
    found = await read_chart(FhirAccess(base, client=client), TEMPLATES, "client-b")
    assert {r["resourceType"] for r in found.resources} == {"Patient", "Condition"}
    other = BackendClient("somebody", signing_key, "system/*.rs", granting.url)
    with pytest.raises(FhirTokenRefused) as refused:
        await read_chart(FhirAccess(base, client=other), TEMPLATES, "client-b")
    assert "--client-id" in refused.value.diagnostics()
    assert fhir_server.token not in refused.value.diagnostics()


def _load(server: Any, patient: str) -> None:
    subject = {"reference": f"Patient/{patient}"}
    resources = [
        {"resourceType": "Patient", "id": patient, "gender": "male", "birthDate": "1961-04-12"},
        {"resourceType": "Condition", "id": f"{patient}-gout", "subject": subject,
         "code": {"text": "Gout"}},
    ]  # fmt: skip
    entries = [{"resource": resource} for resource in resources]
    server.load({"resourceType": "Bundle", "type": "collection", "entry": entries})
