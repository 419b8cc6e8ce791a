"""A browser that meets an error gets a page that says what to do; everybody else an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.app import AppConfig
from cds_hooks.app.browsers import wants_page
from cds_hooks.console import error_page_of
from cds_hooks.console.error_pages import _root, _time
from cds_hooks.errors import ChartsideError
from tests.console.conftest import NoPages, Served, make_site
from tests.console.hostile import HOSTILE

# What Chromium and Firefox send for an address that somebody types.
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LINK = "/consultations/3f2a.1.ab"


def test_an_expired_link_tells_a_browser_what_to_do(serve_site: Callable[..., Any]) -> None:
    response = serve_site(link_s=7200.0).get(LINK, headers=BROWSER)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "script-src 'nonce-" in response.headers["content-security-policy"]
    assert "This link opens nothing any more" in response.text
    assert "for 2 hours" in response.text
    assert "chart in the EHR again" in response.text
    assert "link-unknown" in response.text
    assert response.headers["x-request-id"] in response.text
    assert "3f2a" not in response.text


def test_others_still_get_an_outcome(serve_site: Callable[..., Any]) -> None:
    for accept in ("*/*", "application/json", "application/fhir+json, text/html;q=0.5"):
        response = serve_site().get(LINK, headers={"accept": accept})
        assert response.status_code == 404
        assert response.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "told"),
    [
        ("GET", "/nowhere", {}, 404, "There is no such page"),
        ("GET", "/assets/none.css", {}, 404, "There is no such page"),
        ("POST", "/basis", {}, 405, "This page does not take that"),
        ("POST", f"{LINK}/feedback", {"content-type": "text/plain"}, 415, "That cannot be read"),
        ("POST", f"{LINK}/feedback", {"content-length": "999999999"}, 413, "That is too large"),
        ("POST", f"{LINK}/feedback", {}, 400, "This could not be kept"),
        ("GET", "/nowhere%0A", {}, 404, "There is no such page"),
    ],
)  # fmt: skip
def test_every_error_on_a_page_address_is_a_page(
    serve_site: Callable[..., Any],
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    told: str,
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
    response = serve_site().request(method, path, headers={**BROWSER, **form, **headers})
    assert response.status_code == status
    assert told in response.text
    assert "<h1>" in response.text


class _Failing(NoPages):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def open(self, link: str) -> Any:
        raise self._error


class _Late(ChartsideError):
    code = "store-unavailable"
    status = 503


class _Forbidden(ChartsideError):
    code = "role-missing"
    status = 403


def test_a_store_that_is_away_says_when_to_come_again() -> None:
    response = Served(make_site(), _Failing(_Late("x"))).get(LINK, headers=BROWSER)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "Not available just now" in response.text


def test_a_fault_of_ours_tells_nothing_of_itself() -> None:
    response = Served(make_site(), _Failing(KeyError("Jane Roe"))).get(LINK, headers=BROWSER)
    assert response.status_code == 500
    assert "Something went wrong here" in response.text
    assert "Roe" not in response.text


def test_what_we_have_no_words_for_is_told_in_its_own() -> None:
    error = _Forbidden("you may not open this page", hint="Ask an administrator.")
    response = Served(make_site(), _Failing(error)).get(LINK, headers=BROWSER)
    assert response.status_code == 403
    assert "<h1>You may not open this page</h1>" in response.text
    assert "Ask an administrator." in response.text


def test_the_changing_part_is_bounded_in_time() -> None:
    class Slow(NoPages):
        async def open(self, link: str) -> Any:
            await asyncio.sleep(3600)

    config = AppConfig(answer_at_most_s=0.05)
    for part in ("/content", ""):
        response = Served(make_site(), Slow(), config).get(LINK + part, headers=BROWSER)
        assert response.status_code == 503


def test_the_protocol_is_never_answered_with_a_page(serve_site: Callable[..., Any]) -> None:
    response = serve_site().request("GET", "/cds-services/nothing/feedback", headers=BROWSER)
    assert response.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_and_paths_make_no_markup(
    serve_site: Callable[..., Any], elements_of: Callable[[str], Any], text: str
) -> None:
    page = error_page_of(make_site())
    plain = page(_Forbidden("plain", hint="plain"), "/x", "plain")
    evil = page(_Forbidden(text, hint=text), f"/{text}", text)
    tags = {tag for tag, _ in elements_of(bytes(plain.body).decode()).found}
    assert {tag for tag, _ in elements_of(bytes(evil.body).decode()).found} <= tags


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", True),
        ("text/html;q=0", False),
        ("TEXT/HTML ; q=0.9, application/json;q=0.9", True),
        ("text/html;q=0.8, application/json", False),
        ("text/html;q=x, */*", False),
        ("application/xhtml+xml", True),
        ("," * 5000 + "text/html", False),
    ],
)
def test_who_reads_pages(accept: str, page: bool) -> None:
    scope = {"type": "http", "path": "/x", "headers": [(b"accept", accept.encode())]}
    assert wants_page(scope) is page


def test_addresses_and_times_in_words() -> None:
    assert [_root(path) for path in ("/", "/x", "/a/b", "/a/b/c")] == ["", "", "../", "../../"]
    assert _root("/" * 5000) == "/"
    assert [_time(s) for s in (30, 60, 5400, 3600, 86_400, 172_800)] == [
        "1 minute", "1 minute", "2 hours", "1 hour", "24 hours", "2 days",
    ]  # fmt: skip
