"""Patients of FHIR servers: of a real one, and of those that misbehave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cds_hooks.console.assets import asset_url
from tests.cds_client.conftest import PATIENT, faulty_fhir
from tests.console.conftest import Elements
from tests.console.hostile import HOSTILE

Start = Callable[..., Any]
Serve = Callable[[Any], Any]


def _named(family: str, found: str) -> dict[str, Any]:
    name = [{"family": family, "given": ["Ada"]}]
    return {"resourceType": "Patient", "id": found, "name": name, "birthDate": "1970-01-02"}


async def _search(browser: Any, base: str, find: str, **more: str) -> Any:
    return await browser.send(**{"from": "server", "server": base, "find": find, **more})


@pytest.fixture
async def ask(start: Start, browser_of: Any, serve: Serve) -> Any:
    """Serve an application, list it, and search it for a patient."""

    async def search(app: Any, find: str = "alpha", server_s: float = 20.0, **more: str) -> Any:
        base = f"{serve(app).url}/fhir"
        runtime = await start({"server_s": server_s}, fhir={"allowed_bases": [base]})
        browser = await browser_of(runtime)
        return browser, await _search(browser, base, find, **more)

    return search


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("html", "a web page instead of FHIR"),
        ("redirect", "redirects are not followed"),
        ("401", "wants a token"),
        ("403", "may not read"),
        ("500", "the server failed"),
        ("429", "less often"),
    ],
)
async def test_a_server_that_misbehaves_is_told_with_what_to_do(
    ask: Any, fault: str, told: str
) -> None:
    _, answer = await ask(faulty_fhir(fault))
    assert answer.status_code == 502
    assert "fhir-server-not-read" in answer.text
    assert told in answer.text
    assert "--" not in answer.text.partition("What to do")[2].partition("</div>")[0]


async def test_a_server_that_hangs_is_given_up(ask: Any) -> None:
    async def hang(_: Any) -> Response:
        await asyncio.sleep(60)
        return JSONResponse({})

    app = Starlette(routes=[Route("/fhir/{path:path}", hang)])
    _, answer = await ask(app, server_s=0.3)
    assert answer.status_code == 502
    assert "did not answer in time" in answer.text


async def test_a_patient_that_is_not_there_is_told(ask: Any) -> None:
    _, answer = await ask(faulty_fhir(""), find="nobody")
    assert answer.status_code == 502
    assert "no such patient" in answer.text


async def test_pages_of_patients_are_followed_within_a_bound_and_no_further(
    start: Start, browser_of: Any, serve: Serve
) -> None:
    asked: list[str] = []

    async def read(request: Any) -> Response:
        asked.append(request.url.path + "?" + request.url.query)
        page = int(request.query_params.get("page", 0))
        if "/Patient/" in request.url.path:
            return Response(status_code=404)
        rows = [{"resource": _named(f"N{page}-{n}", f"p{page}-{n}")} for n in range(10)]
        link = [{"relation": "next", "url": f"{base}/Patient?page={page + 1}"}]
        return JSONResponse({"resourceType": "Bundle", "entry": rows, "link": link})

    base = f"{serve(Starlette(routes=[Route('/fhir/{path:path}', read)])).url}/fhir"
    runtime = await start({"patients_listed": 25}, fhir={"allowed_bases": [base]})
    answer = await _search(await browser_of(runtime), base, "Ada N")
    assert answer.status_code == 200
    assert answer.text.count('name="patient"') == 25
    assert "there are more" in answer.text
    assert len(asked) == 3
    assert asked[0].endswith("Patient?name=Ada%20N&_count=20")


async def test_a_next_page_elsewhere_is_not_read(ask: Any, serve: Serve) -> None:
    elsewhere: list[str] = []

    async def other(scope: Any, receive: Any, send: Any) -> None:
        elsewhere.append(scope["path"])

    url = serve(other).url

    async def read(request: Any) -> Response:
        link = [{"relation": "next", "url": f"{url}/fhir/Patient?page=2"}]
        rows = [{"resource": _named("Alpha", "alpha")}]
        return JSONResponse({"resourceType": "Bundle", "entry": rows, "link": link})

    _, answer = await ask(Starlette(routes=[Route("/fhir/{path:path}", read)]), find="A b")
    assert "Alpha" in answer.text
    assert elsewhere == []


async def test_a_token_is_sent_and_shown_on_no_page(ask: Any) -> None:
    token, seen = "s3cret-token-of-a-reader", set[str]()

    async def read(request: Any) -> Response:
        seen.add(request.headers.get("authorization", ""))
        if request.url.path.endswith("/Patient/alpha"):
            return JSONResponse(PATIENT)
        return JSONResponse({"resourceType": "Bundle", "type": "searchset", "total": 0})

    app = Starlette(routes=[Route("/fhir/{path:path}", read)])
    for send in ("prefetch", "none"):
        browser, answer = await ask(app, token=token, send=send)
        assert answer.status_code == 200
        place = await browser.fire(**{"from": "patient", "patient": "alpha", "send": send})
        pages = [answer.text, await browser.ended(place), await browser.get(f"{place}/request")]
        assert seen == {f"Bearer {token}"}
        assert not any(token in page for page in pages)
        assert "There is no answer" not in pages[1]


async def test_a_server_that_fails_after_the_list_is_told_on_the_page(ask: Any) -> None:
    up = [True]

    async def read(request: Any) -> Response:
        if not up[0]:
            return Response("<html>Maintenance</html>", media_type="text/html")
        return JSONResponse(PATIENT)

    browser, _ = await ask(Starlette(routes=[Route("/fhir/{path:path}", read)]))
    up[0] = False
    page = await browser.ended(await browser.fire(**{"from": "patient", "patient": "alpha"}))
    assert "fhir-server-not-read" in page
    assert "Maintenance" not in page


@pytest.mark.fhir_server
async def test_a_patient_of_a_real_server_is_found_and_fired_both_ways(
    start: Start, browser_of: Any, fhir_server: Any, engine: Any
) -> None:
    patient = _named("Inspectorson", "insp-1")
    problem = {"resourceType": "Condition", "id": "insp-c1", "code": {"text": "Gout of the knee"},
               "subject": {"reference": "Patient/insp-1"}}  # fmt: skip
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
        for r in (patient, problem)
    ]
    fhir_server.load({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    runtime = await start(
        fhir={"allowed_bases": [fhir_server.base], "gather_within_s": 30.0, "read_s": 20.0},
        services={"answer_within_s": 40.0, "samples": 1},
    )
    browser = await browser_of(runtime)
    for send, state in (("prefetch", "sent with the call"), ("none", "read from the FHIR server")):
        more = {"token": fhir_server.token or "", "send": send}
        for find in ("Inspectorson", "insp-1"):
            answer = await _search(browser, fhir_server.base, find, **more)
            assert re.findall(r'name="patient" value="([^"]*)"', answer.text) == ["insp-1"]
        place = await browser.fire(**{"from": "patient", "patient": "insp-1", "send": send})
        page = await browser.ended(place)
        assert "Gout of the knee" in page
        assert state in page, page[page.index('id="keys"') :][:1500]
    assert "Gout of the knee" in engine.requests[-1].messages[-1].content


async def test_hostile_names_and_ids_of_a_server_give_no_markup(ask: Any) -> None:
    rows = [
        {"resource": {**_named(text, f"p{n}"), "gender": text, "birthDate": text}}
        for n, text in enumerate(HOSTILE)
    ]
    rows += [{"resource": _named("Alpha", text)} for text in HOSTILE]

    async def read(request: Any) -> Response:
        return JSONResponse({"resourceType": "Bundle", "entry": rows})

    _, answer = await ask(Starlette(routes=[Route("/fhir/{path:path}", read)]), find="A b")
    assert answer.status_code == 200
    assert answer.text.count('name="patient"') >= len(HOSTILE)
    found = Elements(answer.text)
    tags = {tag for tag, _ in found.found}
    assert tags.isdisjoint({"svg", "iframe", "object", "style", "math"})
    assert [each["src"] for each in found.all("img")] == ["../" + asset_url("mark.svg")]
    assert found.all("script") == []
    assert not any(name.startswith("on") for _, given in found.found for name in given)
