"""Where the token goes, what is followed, whose records are kept: against hostile servers."""

from __future__ import annotations

import logging
import ssl
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import KeyState
from cds_hooks.gather import (
    GatherConfig,
    GatherResult,
    NoteCode,
    PatientUnavailable,
    gather,
    open_http,
)
from cds_hooks.gather.ownership import Owner, Ownership

TLS = ssl.create_default_context()
BASE = "https://ehr.example.org/fhir"
TOKEN = "s3cret-t0ken"
PATIENT = {"resourceType": "Patient", "id": "alpha"}
Ask = Callable[..., Awaitable[GatherResult]]
PROBLEMS = {"problems": "Condition?patient={{context.patientId}}"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(
    server: respx.MockRouter, problems: Ask, status: int
) -> None:
    headers = {"Location": "https://evil.example.net/fhir/Condition"}
    server.get("/Condition").respond(status, headers=headers)
    gathered = await problems()
    assert gathered.notes_of("problems") == (NoteCode.REDIRECTED,)
    assert {call.request.url.host for call in server.calls} == {"ehr.example.org"}


async def test_another_patients_record_is_not_the_patient(
    server: respx.MockRouter, problems: Ask
) -> None:
    server.get("/Patient/alpha").respond(json={"resourceType": "Patient", "id": "beta"})
    with pytest.raises(PatientUnavailable) as caught:
        await problems(templates={"patient": "Patient/{{context.patientId}}"})
    assert caught.value.reason is NoteCode.OTHER_PATIENT


@pytest.mark.parametrize(
    "fhir_server",
    [
        "https://evil.example.net/fhir",
        "http://169.254.169.254/latest/meta-data",
        "http://metadata.google.internal",
        "http://127.0.0.1:9200",
        "http://ehr.example.org/fhir",
        "https://ehr.example.org:444/fhir",
        "https://ehr.example.org",
        "https://ehr.example.org/fhirx",
        "https://ehr.example.org/fhir/../x",
        "https://ehr.example.org/fhir?x=/",
        "https://ehr.example.org@evil.example.net/fhir",
        "https://ehr.example.org./fhir",
        "ftp://ehr.example.org/fhir",
        "ehr.example.org/fhir",
        "https://",
        "//ehr.example.org/fhir",
        "https://ehr.example.org:port/fhir",
    ],
)
async def test_item_35_a_server_that_is_not_allowed_is_never_spoken_to(
    server: respx.MockRouter, problems: Ask, fhir_server: str
) -> None:
    gathered = await problems(fhir_server=fhir_server)
    assert gathered.notes_of("problems") == (NoteCode.SERVER_NOT_ALLOWED,)
    assert not server.calls


async def test_item_35_by_default_no_server_is_allowed(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    gathered = await gather(
        {}, PROBLEMS, {"patientId": "alpha"}, fhir_server=BASE, access_token=TOKEN, pool=pool
    )
    assert gathered.notes_of("problems") == (NoteCode.SERVER_NOT_ALLOWED,)
    assert not server.calls


async def test_a_server_under_an_allowed_base_is_allowed(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    server.get("/r4/Condition").respond(json=make.page("c1"))
    server.get("/r4/metadata").respond(json={"resourceType": "CapabilityStatement"})
    gathered = await problems(fhir_server=f"{BASE}/r4/")
    assert gathered.states["problems"] is KeyState.FETCHED


async def test_item_31_the_token_goes_with_every_read(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    server.get("/Condition").respond(json=make.page("c1"))
    await problems()
    assert len(server.calls) == 2
    for call in server.calls:
        assert call.request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert call.request.headers["Accept"] == "application/fhir+json"


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Evil: 1", "ключ", "=" * 3])
async def test_a_token_that_is_no_token_is_not_sent(
    server: respx.MockRouter, problems: Ask, token: str
) -> None:
    gathered = await problems(access_token=token)
    assert gathered.notes_of("problems") == (NoteCode.ACCESS_TOKEN_UNUSABLE,)
    assert not server.calls


async def test_no_cookie_is_kept_between_calls(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    server.get("/Condition").respond(
        json=make.page("c1"), headers={"Set-Cookie": "session=1; Path=/"}
    )
    await problems()
    await problems()
    assert all("cookie" not in call.request.headers for call in server.calls)


async def test_no_proxy_or_netrc_of_the_environment_is_used(monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.net:3128")
    async with open_http(GatherConfig()) as client:
        assert client.trust_env is False
        assert not any(client._mounts.values())


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500, "json": {"said": TOKEN}},
        {"content": TOKEN.encode()},
        {"json": {"resourceType": "Patient", "id": "beta", "note": TOKEN}},
    ],
)
async def test_item_33_neither_token_nor_ids_reach_logs_or_errors(
    server: respx.MockRouter,
    problems: Ask,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.get("/Patient/alpha").respond(**answer)
    with pytest.raises(PatientUnavailable) as caught:
        await problems(templates={"patient": "Patient/{{context.patientId}}"})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    told = "".join(traceback.format_exception(caught.value)) + caught.value.diagnostics()
    for text in (told, repr(vars(caught.value)), caplog.text):
        assert TOKEN not in text
        assert "alpha" not in text


async def test_item_33_an_error_of_the_library_is_not_chained(
    server: respx.MockRouter, problems: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = httpx.ReadError(f"while sending {TOKEN}")
    server.get("/Patient/alpha").mock(side_effect=fault)
    with pytest.raises(PatientUnavailable) as caught:
        await problems(templates={"patient": "Patient/{{context.patientId}}"})
    assert caught.value.__context__ is None
    assert TOKEN not in caplog.text


RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Condition", "Patient", "Medication", "MedicationRequest"])},
    optional={
        "id": st.sampled_from(["alpha", "beta", "m1"]),
        "subject": st.sampled_from([{"reference": "Patient/alpha"}, {"reference": "Patient/b"}]),
        "medicationReference": st.sampled_from([{"reference": "Medication/m1"}, {}, None]),
    },
)
LINKS = st.sampled_from(
    [f"{BASE}/Condition?page=2", "?page=3", "https://evil.example.net/", "", None]
)
PAGES = st.builds(
    lambda resources, url, total: {
        "resourceType": "Bundle",
        "entry": [{"resource": resource} for resource in resources],
        "link": [{"relation": "next", "url": url}],
        "total": total,
    },
    st.lists(RESOURCES, max_size=4),
    LINKS,
    st.integers(-1, 9) | st.none(),
)
ANSWER = st.tuples(
    st.sampled_from([200, 200, 200, 302, 401, 500]),
    st.binary(max_size=20) | (PAGES | RESOURCES).map(orjson.dumps),
)


@given(st.lists(ANSWER, min_size=1, max_size=6))
async def test_property_any_server_is_survived_and_gives_nobody_elses_record(answers: Any) -> None:
    hosts, turn = set[str](), iter(answers * 20)

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.add(request.url.host)
        status, body = next(turn)
        return httpx.Response(status, content=body)

    config = GatherConfig(allowed_bases=(BASE,), max_pages=4)
    async with open_http(config, tls=TLS, transport=httpx.MockTransport(answer)) as pool:
        gathered = await gather(
            {}, PROBLEMS, {"patientId": "alpha"}, fhir_server=BASE, pool=pool, config=config
        )
    assert hosts == {"ehr.example.org"}
    assert NoteCode.CONNECTION_LOST not in gathered.notes_of("problems")
    owner = Owner("alpha")
    judged = {owner.judge(resource) for resource in gathered.resources}
    assert judged <= {Ownership.OWN, Ownership.NOBODY}
