"""What FHIR servers do wrong, and what hostile ones do on purpose."""

from __future__ import annotations

import asyncio
import logging
import ssl
import traceback
from collections.abc import Iterator
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
    Gathered,
    NoteCode,
    PatientUnavailable,
    gather,
    open_http,
)
from cds_hooks.gather.ownership import Belongs, Owner

TLS = ssl.create_default_context()
BASE = "https://ehr.example.org/fhir"
TOKEN = "s3cret-t0ken"
PATIENT = {"resourceType": "Patient", "id": "alpha"}
PROBLEMS = {"problems": "Condition?patient={{context.patientId}}"}


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """The faulty server; a request to any other address is an error of the test."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        router.get("/metadata").respond(json={"resourceType": "CapabilityStatement"})
        yield router


async def problems(pool: httpx.AsyncClient, **changes: Any) -> Gathered:
    """Gather one missing key from the faulty server."""
    bounds = {"allowed_bases": (BASE,), "read_seconds": 5.0, **changes.pop("bounds", {})}
    words: dict[str, Any] = {
        "fhir_server": BASE,
        "access_token": TOKEN,
        "deadline_s": 10,
        **changes,
    }
    templates = words.pop("templates", PROBLEMS)
    prefetch = words.pop("prefetch", {})
    return await gather(
        prefetch,
        templates,
        {"patientId": "alpha"},
        pool=pool,
        config=GatherConfig(**bounds),
        **words,
    )


def searchset(*names: str, next_url: str | None = None, patient: str = "alpha") -> dict[str, Any]:
    """A page of Conditions."""
    subject = {"reference": f"Patient/{patient}"}
    entry = [
        {"resource": {"resourceType": "Condition", "id": name, "subject": subject}}
        for name in names
    ]
    link = [{"relation": "next", "url": next_url}] if next_url is not None else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, "link": link}


ERROR = {"severity": "error", "code": "exception"}
ANSWERS = [
    ("unauthorized", {"status_code": 401}),
    ("forbidden", {"status_code": 403}),
    ("not-found", {"status_code": 404}),
    ("gone", {"status_code": 410}),
    ("rate-limited", {"status_code": 429, "headers": {"Retry-After": "30"}}),
    ("request-refused", {"status_code": 400}),
    ("request-refused", {"status_code": 418}),
    ("request-refused", {"status_code": 204}),
    ("server-error", {"status_code": 500, "json": {"resourceType": "OperationOutcome"}}),
    ("server-error", {"status_code": 503}),
    ("html", {"html": "<!doctype html><h1>Sign in</h1>"}),
    ("html", {"content": b" \n<html>", "headers": {"Content-Type": "application/json"}}),
    ("json-invalid", {"content": b'{"resourceType": "Bundle", "entry": [{"res'}),
    ("json-invalid", {"content": b""}),
    ("json-invalid", {"content": b"[]"}),
    ("json-invalid", {"content": '{"resourceType": "Bündle"}'.encode("latin-1")}),
    ("json-too-deep", {"content": b'{"a":' * 100_000}),
    ("json-too-deep", {"content": b'{"a":' * 500 + b"1" + b"}" * 500}),
    ("not-a-resource", {"json": {"entry": []}}),
    ("wrong-resource-type", {"json": {"resourceType": "Basic"}}),
    ("error-outcome", {"json": {"resourceType": "OperationOutcome", "issue": [ERROR]}}),
    ("error-outcome", {"json": {"resourceType": "OperationOutcome"}}),
    ("compressed", {"content": b"\x1f\x8b\x00", "headers": {"Content-Encoding": "br"}}),
    ("too-large", {"content": b"{}", "headers": {"Content-Length": "99999999999"}}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "answer"), ANSWERS)
async def test_each_wrong_answer_has_its_code_and_fails_nothing_else(
    server: respx.MockRouter, pool: httpx.AsyncClient, code: str, answer: dict[str, Any]
) -> None:
    server.get("/Condition").respond(**answer)
    gathered = await problems(pool, prefetch={"patient": PATIENT})
    assert gathered.states == {"problems": KeyState.UNAVAILABLE}
    assert gathered.notes_of("problems") == (NoteCode(code),)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("unreachable", httpx.ConnectError("no route")),
        ("connection-lost", httpx.ReadError("reset")),
        ("connection-lost", httpx.RemoteProtocolError("rubbish")),
        ("timeout", httpx.ConnectTimeout("slow")),
        ("timeout", httpx.ReadTimeout("slow")),
    ],
)
async def test_each_broken_connection_has_its_code(
    server: respx.MockRouter, pool: httpx.AsyncClient, code: str, fault: Exception
) -> None:
    server.get("/Condition").mock(side_effect=fault)
    gathered = await problems(pool)
    assert gathered.notes_of("problems") == (NoteCode(code),)


async def never(request: httpx.Request) -> httpx.Response:
    """A server that hangs."""
    await asyncio.Event().wait()
    raise AssertionError("nobody wakes this up")


async def test_a_hanging_read_ends_by_its_own_time(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition").mock(side_effect=never)
    gathered = await problems(pool, bounds={"read_seconds": 0.05})
    assert gathered.notes_of("problems") == (NoteCode.TIMEOUT,)


async def test_a_hanging_read_ends_by_the_deadline_and_the_others_stand(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition").mock(side_effect=never)
    server.get("/Encounter").respond(json={"resourceType": "Bundle", "entry": []})
    templates = {**PROBLEMS, "encounters": "Encounter?patient={{context.patientId}}"}
    gathered = await problems(pool, templates=templates, deadline_s=0.2)
    assert gathered.states["problems"] is KeyState.UNAVAILABLE
    assert gathered.states["encounters"] is KeyState.EMPTY
    assert gathered.notes_of("problems") == (NoteCode.DEADLINE,)


async def test_a_server_that_trickles_is_cut_off(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    server.get("/Condition").mock(return_value=httpx.Response(200, stream=Trickle()))
    gathered = await problems(pool, bounds={"read_seconds": 0.1})
    assert gathered.notes_of("problems") == (NoteCode.TIMEOUT,)


async def test_a_body_is_read_no_further_than_the_bound(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            nonlocal sent
            while True:
                sent += 1000
                yield b" " * 1000

    server.get("/Condition").mock(return_value=httpx.Response(200, stream=Endless()))
    gathered = await problems(pool, bounds={"max_bytes": 10_000})
    assert gathered.notes_of("problems") == (NoteCode.TOO_LARGE,)
    assert sent <= 12_000


async def test_all_answers_together_are_bounded(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get(path__regex="/[A-Z].*").respond(content=b'{"resourceType": "Bundle"}'.ljust(6000))
    templates = {kind: kind + "?patient={{context.patientId}}" for kind in ("A", "B", "C", "D")}
    gathered = await problems(
        pool, templates=templates, bounds={"max_total_bytes": 15_000, "concurrency": 1}
    )
    assert sorted(gathered.states.values()) == ["empty", "empty", "unavailable", "unavailable"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(
    server: respx.MockRouter, pool: httpx.AsyncClient, status: int
) -> None:
    headers = {"Location": "https://evil.example.net/fhir/Condition"}
    server.get("/Condition").respond(status, headers=headers)
    gathered = await problems(pool)
    assert gathered.notes_of("problems") == (NoteCode.REDIRECTED,)
    assert {call.request.url.host for call in server.calls} == {"ehr.example.org"}


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.net/fhir/Condition?page=2",
        "https://ehr.example.org.evil.example.net/fhir/Condition?page=2",
        "https://ehr.example.org@evil.example.net/fhir/Condition",
        "https://user:pass@ehr.example.org/fhir/Condition?page=2",
        "//evil.example.net/fhir/Condition",
        "http://ehr.example.org/fhir/Condition?page=2",
        "https://ehr.example.org:8443/fhir/Condition?page=2",
        "https://ehr.example.org/fhir2/Condition?page=2",
        "https://ehr.example.org/admin",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org/fhir/%252e%252e/admin",
        "https://ehr.example.org/fhir/..;/admin",
        "../admin",
        "/admin",
        "https://ehr.example.org\\@evil.example.net/fhir/",
        "file:///etc/passwd",
        "https://ehr.example.org/fhir/Condition?a=\r\nX-Evil: 1",
        "",
    ],
)
async def test_item_35_next_links_are_followed_under_the_base_only(
    server: respx.MockRouter, pool: httpx.AsyncClient, link: str
) -> None:
    server.get("/Condition").respond(json=searchset("c1", next_url=link))
    gathered = await problems(pool)
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert set(gathered.notes_of("problems")) == {NoteCode.MORE_PAGES, NoteCode.LINK_REFUSED}
    assert [r["id"] for r in gathered.resources] == ["c1"]
    assert len(server.calls) == 2  # the first page and the version


@pytest.mark.parametrize(
    "link",
    [
        "https://ehr.example.org/fhir?page=2",
        "https://EHR.example.org:443/fhir/Condition?page=2",
        "Condition?page=2",
        "?page=2",
        "/fhir/Condition?page=2",
    ],
)
async def test_item_35_absolute_and_relative_next_links_are_followed(
    server: respx.MockRouter, pool: httpx.AsyncClient, link: str
) -> None:
    server.get(path__regex=".*", params={"page": "2"}).respond(json=searchset("c2"))
    server.get("/Condition").respond(json=searchset("c1", next_url=link))
    gathered = await problems(pool)
    assert [r["id"] for r in gathered.resources] == ["c1", "c2"]
    assert gathered.states["problems"] is KeyState.FETCHED


async def test_pages_that_go_round_end(server: respx.MockRouter, pool: httpx.AsyncClient) -> None:
    server.get("/Condition").respond(json=searchset("c1", next_url=f"{BASE}/Condition?page=1"))
    gathered = await problems(pool)
    assert NoteCode.LINK_REPEATS in gathered.notes_of("problems")
    assert gathered.states["problems"] is KeyState.PARTIAL


async def test_a_later_page_that_fails_leaves_the_key_partial(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition", params={"page": "2"}).respond(500)
    server.get("/Condition").respond(json=searchset("c1", next_url=f"{BASE}/Condition?page=2"))
    gathered = await problems(pool)
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert set(gathered.notes_of("problems")) == {NoteCode.MORE_PAGES, NoteCode.SERVER_ERROR}


async def test_pages_of_other_patients_are_not_read(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    page = searchset("b1", patient="beta", next_url=f"{BASE}/Condition?page=2")
    server.get("/Condition").respond(json=page)
    gathered = await problems(pool)
    assert gathered.resources == ()
    assert gathered.states["problems"] is KeyState.UNAVAILABLE
    assert len(server.calls) == 2


async def test_another_patients_record_is_not_the_patient(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Patient/alpha").respond(json={"resourceType": "Patient", "id": "beta"})
    with pytest.raises(PatientUnavailable) as caught:
        await problems(pool, templates={"patient": "Patient/{{context.patientId}}"})
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
    server: respx.MockRouter, pool: httpx.AsyncClient, fhir_server: str
) -> None:
    gathered = await problems(pool, fhir_server=fhir_server)
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
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/r4/Condition").respond(json=searchset("c1"))
    server.get("/r4/metadata").respond(json={"resourceType": "CapabilityStatement"})
    gathered = await problems(pool, fhir_server=f"{BASE}/r4/")
    assert gathered.states["problems"] is KeyState.FETCHED


async def test_item_31_the_token_goes_with_every_read(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition").respond(json=searchset("c1"))
    await problems(pool)
    assert len(server.calls) == 2
    for call in server.calls:
        assert call.request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert call.request.headers["Accept"] == "application/fhir+json"


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Evil: 1", "ключ", "=" * 3])
async def test_a_token_that_is_no_token_is_not_sent(
    server: respx.MockRouter, pool: httpx.AsyncClient, token: str
) -> None:
    gathered = await problems(pool, access_token=token)
    assert gathered.notes_of("problems") == (NoteCode.ACCESS_TOKEN_UNUSABLE,)
    assert not server.calls


async def test_no_cookie_is_kept_between_calls(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition").respond(
        json=searchset("c1"), headers={"Set-Cookie": "session=1; Path=/"}
    )
    await problems(pool)
    await problems(pool)
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
    pool: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.get("/Patient/alpha").respond(**answer)
    with pytest.raises(PatientUnavailable) as caught:
        await problems(pool, templates={"patient": "Patient/{{context.patientId}}"})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    told = "".join(traceback.format_exception(caught.value)) + caught.value.diagnostics()
    for text in (told, repr(vars(caught.value)), caplog.text):
        assert TOKEN not in text
        assert "alpha" not in text


async def test_item_33_an_error_of_the_library_is_not_chained(
    server: respx.MockRouter, pool: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = httpx.ReadError(f"while sending {TOKEN}")
    server.get("/Patient/alpha").mock(side_effect=fault)
    with pytest.raises(PatientUnavailable) as caught:
        await problems(pool, templates={"patient": "Patient/{{context.patientId}}"})
    assert caught.value.__context__ is None
    assert TOKEN not in caplog.text


async def test_what_cannot_be_resolved_of_medications_is_counted(
    server: respx.MockRouter, pool: httpx.AsyncClient, make: Any
) -> None:
    orders = [make.order(f"o{n}", f"Medication/m{n}") for n in range(4)]
    orders.append(make.order("absolute", f"{BASE}/Medication/m4"))
    orders.append(make.order("elsewhere", "https://evil.example.net/fhir/Medication/m5"))
    orders.append(make.order("contained", "#m6"))
    server.get("/Medication/m0").respond(json={"resourceType": "Medication", "id": "m0"})
    server.get("/Medication/m1").respond(404)
    server.get("/Medication/m2").respond(json={"resourceType": "Medication", "id": "other"})
    server.get("/Medication/m3").respond(json={"resourceType": "Patient", "id": "m3"})
    server.get("/Medication/m4").respond(json={"resourceType": "Medication", "id": "m4"})
    gathered = await problems(
        pool,
        templates={"medications": "MedicationRequest?patient={{context.patientId}}"},
        prefetch={"medications": make.bundle(*orders)},
    )
    found = [r["id"] for r in gathered.resources if r["resourceType"] == "Medication"]
    assert found == ["m0", "m4"]
    assert {note.code: note.count for note in gathered.notes if note.key == "Medication"} == {
        NoteCode.NOT_FOUND: 1,
        NoteCode.WRONG_TYPE: 2,
        NoteCode.LINK_REFUSED: 1,
    }


async def test_reads_of_medications_are_bounded(
    server: respx.MockRouter, pool: httpx.AsyncClient, make: Any
) -> None:
    orders = [make.order(f"o{n}", f"Medication/m{n}") for n in range(9)]
    route = server.get(path__regex="/Medication/.*").respond(404)
    gathered = await problems(
        pool,
        templates={"medications": "MedicationRequest?patient={{context.patientId}}"},
        prefetch={"medications": make.bundle(*orders)},
        bounds={"max_references": 3},
    )
    assert route.call_count == 3
    assert NoteCode.REFERENCE_LIMIT in gathered.notes_of("Medication")


async def test_a_byte_order_mark_and_odd_content_types_are_read(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps(searchset("c1"))
    for kind in ("text/plain", "application/octet-stream", "application/json+fhir;charset=UTF-8"):
        server.get("/Condition").respond(content=body, headers={"Content-Type": kind})
        gathered = await problems(pool)
        assert gathered.states["problems"] is KeyState.FETCHED


async def test_at_most_as_many_reads_at_once_as_the_site_allows(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    running = most = 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return httpx.Response(200, json={"resourceType": "Bundle"})

    server.get(path__regex="/[A-Z].*").mock(side_effect=slow)
    templates = {f"k{n}": f"T{chr(97 + n)}?patient=1" for n in range(10)}
    gathered = await problems(pool, templates=templates, bounds={"concurrency": 3})
    assert set(gathered.states.values()) == {KeyState.EMPTY}
    assert most == 3


async def test_a_cancelled_call_leaves_no_read_behind(
    server: respx.MockRouter, pool: httpx.AsyncClient
) -> None:
    server.get("/Condition").mock(side_effect=never)
    before = asyncio.all_tasks()
    task = asyncio.create_task(problems(pool))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


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

    config = GatherConfig(max_pages=4)
    async with open_http(config, tls=TLS, transport=httpx.MockTransport(answer)) as pool:
        gathered = await problems(pool, bounds={"max_pages": 4})
    assert hosts == {"ehr.example.org"}
    assert NoteCode.CONNECTION_LOST not in gathered.notes_of("problems")
    owner = Owner("alpha")
    judged = {owner.judge(resource) for resource in gathered.resources}
    assert judged <= {Belongs.OWN, Belongs.NOBODY}
