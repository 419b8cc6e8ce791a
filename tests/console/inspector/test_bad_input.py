"""Whatever is dropped, named or chosen wrongly is told with a code and what to do next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cds_hooks.console.access import Reader, Role
from tests.fake_engine import FakeReply

Start = Callable[..., Any]
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "one", "gender": "male"}},
        {"resource": {"resourceType": "Condition", "id": "c", "code": {"text": "Gout"},
                      "subject": {"reference": "Patient/one"}}},
    ],
}  # fmt: skip


def dropped(value: Any, name: str = "chart.json") -> list[tuple[str, bytes]]:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [(name, content)]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"<html><body>Sign in</body></html>", "file-unusable", "this is not JSON"),
        (b"{}", "file-unusable", "no FHIR resource"),
        (b'{"resourceType": "Bundle", "entry": [', "file-unusable", "ends too early"),
        (b"[1, 2, 3]", "file-unusable", "no FHIR resource"),
        (b"\x00\x01\x02\xff" * 50, "file-unusable", "not-json"),
        (b"\x1f\x8b\x08\x00" + b"\x00" * 40, "file-unusable", "compressed"),
        ({"resourceType": "Bundle", "type": "collection"}, "choice-incomplete", "no patient"),
        ({"format": "chartside-captured-request", "version": 99, "request": {}},
         "capture-unusable", "version 99"),
        ({"hook": "patient-view", "context": {}}, "capture-unusable", "no patient"),
    ],
)  # fmt: skip
async def test_a_file_that_holds_no_chart_is_refused_with_its_reason(
    start: Start, browser_of: Any, content: Any, code: str, told: str
) -> None:
    browser = await browser_of(await start())
    answer = await browser.send(dropped(content), **{"from": "files"})
    assert answer.status_code == 400
    assert code in answer.text
    assert told in answer.text
    assert "What to do" in answer.text


async def test_a_file_s_name_and_content_are_not_told_again(start: Start, browser_of: Any) -> None:
    browser = await browser_of(await start())
    files = dropped(b"Winterbourne, Adela", name="winterbourne-adela.json")
    answer = await browser.send(files, **{"from": "files"})
    assert answer.status_code == 400
    assert "winterbourne" not in answer.text.lower()


async def test_a_form_without_a_choice_is_told_what_is_missing(
    start: Start, browser_of: Any
) -> None:
    browser = await browser_of(await start())
    for fields in ({}, {"from": "files"}, {"from": "sample", "sample": "nobody"},
                   {"from": "sample", "service": "none"}):  # fmt: skip
        answer = await browser.send(**fields)
        assert answer.status_code == 400
        assert "choice-incomplete" in answer.text


async def test_an_unlisted_server_is_never_asked_and_the_line_to_add_is_shown(
    start: Start, browser_of: Any, serve: Callable[[Any], Any]
) -> None:
    asked: list[str] = []

    async def server(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    url = f"{serve(server).url}/fhir"
    listed = "https://ehr.example.org/fhir"
    browser = await browser_of(await start(fhir={"allowed_bases": [listed]}))
    answer = await browser.send(**{"from": "server", "server": url, "find": "x"})
    assert answer.status_code == 403
    assert "fhir-server-not-listed" in answer.text
    assert f"allowed_bases = [&#34;{listed}&#34;,&#34;{url}&#34;]" in answer.text
    assert asked == []


@pytest.mark.parametrize(
    "address",
    ["", "ftp://a/b", "http://user:pw@a/fhir", "http://a/fhir?x=1", "javascript:alert(1)"],
)
async def test_what_is_no_address_is_refused(start: Start, browser_of: Any, address: str) -> None:
    browser = await browser_of(await start())
    answer = await browser.send(**{"from": "server", "server": address})
    assert answer.status_code == 400
    assert "address-unusable" in answer.text


async def test_two_browsers_do_not_see_each_other_s(start: Start, browser_of: Any) -> None:
    runtime = await start()
    one, two = await browser_of(runtime), await browser_of(runtime)
    place = await one.fire(**{"from": "sample", "sample": "sparse"})
    await one.ended(place)
    await two.get("/inspector")
    for path in (place, f"{place}/content", f"{place}/events", f"{place}/request",
                 f"{place}/facts/P1", f"{place}/resources/0"):  # fmt: skip
        assert "inspection-expired" in await two.get(path, status=410)
    assert place.rpartition("/")[2] not in await two.get("/inspector")


async def test_what_was_fired_is_found_below_a_path_and_beside_another_service(
    start: Start, browser_of: Any
) -> None:
    """Browsers send a cookie by its path, which a proxy may lengthen, and to every port."""
    browser = await browser_of(await start())
    place = await browser.fire(**{"from": "sample", "sample": "sparse"})
    cookies = [each for each in browser.http.cookies.jar if "inspector" in each.name]
    assert [(each.path, each.name) for each in cookies] == [("/", "chartside-inspector-8010")]
    await browser.ended(place)


async def test_what_has_expired_says_so_and_how_to_fire_again(
    start: Start, browser_of: Any
) -> None:
    browser = await browser_of(await start({"per_session": 1}))
    first = await browser.fire(**{"from": "sample", "sample": "sparse"})
    await browser.ended(first)
    second = await browser.fire(**{"from": "sample", "sample": "sparse"})
    told = await browser.get(first, status=410)
    assert "inspection-expired" in told
    assert "Fire the hook again" in told
    assert "cards" in await browser.ended(second)


async def test_a_session_of_nobody_has_expired(start: Start, browser_of: Any) -> None:
    browser = await browser_of(await start())
    assert "inspection-expired" in await browser.get("/inspector/none", status=410)
    assert "choice-incomplete" in (await browser.send(**{"from": "none"})).text


async def test_a_request_of_another_hook_fires_the_chosen_one(
    start: Start, browser_of: Any
) -> None:
    prefetch = {"patient": {"resourceType": "Patient", "id": "one", "gender": "male"}}
    captured = {"hook": "order-sign", "hookInstance": "h", "context": {"patientId": "one"},
                "prefetch": prefetch}  # fmt: skip
    browser = await browser_of(await start())
    page = await browser.ended(await browser.fire(dropped(captured), **{"from": "files"}))
    assert "patient-view" in page
    assert "There is no answer" not in page


async def test_a_hook_that_cannot_be_made_of_a_chart_says_what_can(
    start: Start, browser_of: Any
) -> None:
    browser = await browser_of(await start())
    service = {"service": "chartside-problem-check"}
    for form, files in (({"from": "sample", "sample": "sparse"}, None),
                        ({"from": "files"}, dropped(BUNDLE))):  # fmt: skip
        answer = await browser.send(files, **service, **form)
        assert answer.status_code == 400
        assert "hook-not-fireable" in answer.text


async def test_no_more_hooks_are_open_than_may_be(
    start: Start, browser_of: Any, engine: Any
) -> None:
    engine.push(FakeReply(delay_s=30.0))
    browser = await browser_of(await start({"at_once": 1}))
    place = await browser.fire(**{"from": "sample", "sample": "sparse"})
    answer = await browser.send(**{"from": "sample", "sample": "sparse"})
    assert answer.status_code == 429
    assert "inspector-busy" in answer.text
    assert 'id="live"' in await browser.get(place)


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.REVIEWER, Role.ADMINISTRATOR])
async def test_only_an_integrator_opens_it(
    start: Start, browser_of: Any, engine: Any, role: Role | None
) -> None:
    runtime = await start()
    browser = await browser_of(runtime, signed_in=False)
    if role is not None:
        reader = Reader("other", "Other", frozenset([role]), "link")
        session = runtime.access.sessions.begin(reader)
        browser.http.cookies.set(runtime.access.cookie.name, session)
    for path in ("/inspector", "/inspector/x", "/inspector/x/events"):
        assert (await browser.http.get(path)).status_code in (303, 401, 403)
        assert (await browser.http.head(path)).status_code in (303, 401, 403)
    answer = await browser.http.post("/inspector/fire", files={"from": (None, "sample")})
    assert answer.status_code in (303, 401, 403)
    assert engine.requests == []


async def test_a_form_that_no_page_of_the_session_sent_fires_nothing(
    start: Start, browser_of: Any, engine: Any
) -> None:
    browser = await browser_of(await start())
    browser.csrf = "x" * 43
    answer = await browser.send(**{"from": "sample", "sample": "sparse"})
    assert answer.status_code == 403
    assert engine.requests == []


async def test_another_machine_opens_nothing_of_the_demo_s(start: Start, browser_of: Any) -> None:
    runtime = await start()
    transport = httpx.ASGITransport(runtime.app, client=("10.1.2.3", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as other:
        assert (await other.get("/inspector")).status_code == 404
        assert (await other.post("/inspector/fire")).status_code == 404
