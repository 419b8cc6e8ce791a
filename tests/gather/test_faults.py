"""What FHIR servers do wrong, and what hostile ones do on purpose."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest
import respx

from cds_hooks.consultation import KeyState
from cds_hooks.gather import (
    GatherResult,
    NoteCode,
)

TLS = ssl.create_default_context()
BASE = "https://ehr.example.org/fhir"
TOKEN = "s3cret-t0ken"
PATIENT = {"resourceType": "Patient", "id": "alpha"}
Ask = Callable[..., Awaitable[GatherResult]]
PROBLEMS = {"problems": "Condition?patient={{context.patientId}}"}


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
    server: respx.MockRouter, problems: Ask, code: str, answer: dict[str, Any]
) -> None:
    server.get("/Condition").respond(**answer)
    gathered = await problems(prefetch={"patient": PATIENT})
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
    server: respx.MockRouter, problems: Ask, code: str, fault: Exception
) -> None:
    server.get("/Condition").mock(side_effect=fault)
    gathered = await problems()
    assert gathered.notes_of("problems") == (NoteCode(code),)


async def never(request: httpx.Request) -> httpx.Response:
    """A server that hangs."""
    await asyncio.Event().wait()
    raise AssertionError("nobody wakes this up")


async def test_a_hanging_read_ends_by_its_own_time(server: respx.MockRouter, problems: Ask) -> None:
    server.get("/Condition").mock(side_effect=never)
    gathered = await problems(read_s=0.05)
    assert gathered.notes_of("problems") == (NoteCode.TIMEOUT,)


async def test_a_hanging_read_ends_by_the_deadline_and_the_others_stand(
    server: respx.MockRouter, problems: Ask
) -> None:
    server.get("/Condition").mock(side_effect=never)
    server.get("/Encounter").respond(json={"resourceType": "Bundle", "entry": []})
    templates = {**PROBLEMS, "encounters": "Encounter?patient={{context.patientId}}"}
    gathered = await problems(templates=templates, deadline_s=2.0)
    assert gathered.states["problems"] is KeyState.UNAVAILABLE
    assert gathered.states["encounters"] is KeyState.EMPTY
    assert gathered.notes_of("problems") == (NoteCode.DEADLINE,)


async def test_a_server_that_trickles_is_cut_off(server: respx.MockRouter, problems: Ask) -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    server.get("/Condition").mock(return_value=httpx.Response(200, stream=Trickle()))
    gathered = await problems(read_s=0.1)
    assert gathered.notes_of("problems") == (NoteCode.TIMEOUT,)


async def test_a_body_is_read_no_further_than_the_bound(
    server: respx.MockRouter, problems: Ask
) -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            nonlocal sent
            while True:
                sent += 1000
                yield b" " * 1000

    server.get("/Condition").mock(return_value=httpx.Response(200, stream=Endless()))
    gathered = await problems(max_bytes=10_000)
    assert gathered.notes_of("problems") == (NoteCode.TOO_LARGE,)
    assert sent <= 12_000


async def test_all_answers_together_are_bounded(server: respx.MockRouter, problems: Ask) -> None:
    server.get(path__regex="/[A-Z].*").respond(content=b'{"resourceType": "Bundle"}'.ljust(6000))
    templates = {kind: kind + "?patient={{context.patientId}}" for kind in ("A", "B", "C", "D")}
    gathered = await problems(templates=templates, max_total_bytes=15_000, concurrency=1)
    assert sorted(gathered.states.values()) == ["empty", "empty", "unavailable", "unavailable"]


async def test_pages_that_go_round_end(server: respx.MockRouter, problems: Ask, make: Any) -> None:
    server.get("/Condition").respond(json=make.page("c1", next_url=f"{BASE}/Condition?page=1"))
    gathered = await problems()
    assert NoteCode.LINK_REPEATS in gathered.notes_of("problems")
    assert gathered.states["problems"] is KeyState.PARTIAL


async def test_a_later_page_that_fails_leaves_the_key_partial(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    server.get("/Condition", params={"page": "2"}).respond(500)
    server.get("/Condition").respond(json=make.page("c1", next_url=f"{BASE}/Condition?page=2"))
    gathered = await problems()
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert set(gathered.notes_of("problems")) == {NoteCode.MORE_PAGES, NoteCode.SERVER_ERROR}


async def test_what_cannot_be_resolved_of_medications_is_counted(
    server: respx.MockRouter, problems: Ask, make: Any
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
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    orders = [make.order(f"o{n}", f"Medication/m{n}") for n in range(9)]
    route = server.get(path__regex="/Medication/.*").respond(404)
    gathered = await problems(
        templates={"medications": "MedicationRequest?patient={{context.patientId}}"},
        prefetch={"medications": make.bundle(*orders)},
        max_references=3,
    )
    assert route.call_count == 3
    assert NoteCode.REFERENCE_LIMIT in gathered.notes_of("Medication")


async def test_a_byte_order_mark_and_odd_content_types_are_read(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps(make.page("c1"))
    for kind in ("text/plain", "application/octet-stream", "application/json+fhir;charset=UTF-8"):
        server.get("/Condition").respond(content=body, headers={"Content-Type": kind})
        gathered = await problems()
        assert gathered.states["problems"] is KeyState.FETCHED


async def test_at_most_as_many_reads_at_once_as_the_site_allows(
    server: respx.MockRouter, problems: Ask
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
    gathered = await problems(templates=templates, concurrency=3)
    assert set(gathered.states.values()) == {KeyState.EMPTY}
    assert most == 3


async def test_a_cancelled_call_leaves_no_read_behind(
    server: respx.MockRouter, problems: Ask
) -> None:
    server.get("/Condition").mock(side_effect=never)
    before = asyncio.all_tasks()
    task = asyncio.create_task(problems())
    while not server.calls:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
