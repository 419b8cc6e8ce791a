"""The page at `/` and the API page: what they show, to whom, and under which policy."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from cds_hooks.app import Readiness
from cds_hooks.console import LinkedPages, make_router
from cds_hooks.console.assets import assets
from cds_hooks.consultation import ModelIdentity
from cds_hooks.services import REGISTRY
from tests.console.conftest import NoPages, make_site
from tests.console.hostile import HOSTILE

Serve = Callable[..., Any]


def test_it_says_what_runs_and_that_the_model_is_a_demonstration(serve_site: Serve) -> None:
    page = serve_site().get("/").text
    assert "Demonstration model." in page
    assert "Small shows that the service runs" in page
    assert "demo profile" in page
    assert "Ready</span>" in page


def test_a_model_for_care_is_not_called_a_demonstration(serve_site: Serve) -> None:
    model = ModelIdentity("Large", "cd" * 32, "llama.cpp")
    page = serve_site(model=lambda: model).get("/").text
    assert "Demonstration model." not in page
    assert "Large" in page


def test_what_is_missing_is_told(serve_site: Serve) -> None:
    loading = Readiness(ready=False, checks={"engine": "loading", "store": "ok"})
    page = serve_site(ready=lambda: loading).get("/").text
    assert "Not ready</span>" in page
    assert "<dt>engine</dt><dd>loading</dd>" in page


def test_each_service_has_its_prefetch_and_a_call(serve_site: Serve) -> None:
    page = unescape(serve_site().get("/").text)
    for service in REGISTRY:
        assert f"http://127.0.0.1:8010/cds-services/{service.id}" in page
        for template in service.templates:
            assert template.query in page


def _calls(page: str) -> list[list[str]]:
    texts = re.findall(r"<code>(curl .+?)</code>", page, re.DOTALL)
    # A shell joins lines at a backslash before it splits words; shlex does not.
    return [shlex.split(unescape(text).replace("\\\n", "")) for text in texts]


def test_the_calls_are_answered(serve_site: Serve) -> None:
    served = serve_site()
    calls = _calls(served.get("/").text)
    assert len(calls) == len(REGISTRY)
    for _curl, _silent, url, _header, header, _data, body in calls:
        name, _, value = header.partition(": ")
        path = url.removeprefix("http://127.0.0.1:8010")
        response = served.request("POST", path, content=body, headers={name: value})
        assert (response.status_code, response.json()["cards"][0]["uuid"]) == (200, "c-1")
        assert json.loads(body)["hook"] in {service.hook for service in REGISTRY}


def test_a_call_shows_where_the_token_goes_when_one_is_needed(serve_site: Serve) -> None:
    for call in _calls(serve_site(tokens=True).get("/").text):
        assert "Authorization: Bearer $TOKEN" in call


@pytest.mark.parametrize(("path", "shown"), [("/", True), ("/docs", False)])
def test_production_has_no_page_to_try_things(serve_site: Serve, path: str, shown: bool) -> None:
    served = serve_site(profile="production")
    assert (served.get(path).status_code == 200) is shown
    assert 'href="docs"' not in served.get("/").text
    assert "Demo profile" not in served.get("/").text


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("192.0.2.7", "127.0.0.1:8010"),
        ("127.0.0.1", "rebound.example:8010"),
        ("127.0.0.1", ""),
        ("127.0.0.1", "[localhost"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_api_page_is_for_this_machine_alone(
    serve_site: Serve, method: str, peer: str, host: str
) -> None:
    response = serve_site().request(method, "/docs", peer=peer, headers={"host": host})
    assert response.status_code == 404
    own = serve_site().request(method, "/docs", headers={"host": "localhost:8010"})
    assert own.status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_policy_lets_in_nothing_from_elsewhere(
    serve_site: Serve, elements_of: Callable[[str], Any], path: str
) -> None:
    first, second = serve_site().get(path), serve_site().get(path)
    policy = first.headers["content-security-policy"]
    [nonce] = re.findall(r"script-src 'nonce-([\w-]{22})'", policy)
    assert nonce not in second.text
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*|unsafe-eval|'unsafe-inline' *;|script-src[^;]*unsafe", policy)
    page = elements_of(first.text)
    for script in page.all("script"):
        assert script["nonce"] == nonce
        assert script["src"].startswith("assets/")
    assert page.all("style") == []
    for _, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_a_page_and_its_assets_are_at_most_200_kb(
    serve_site: Serve, elements_of: Callable[[str], Any]
) -> None:
    page = serve_site().get("/")
    named = {
        each.get("src", each.get("href", "")).rpartition("/")[2].partition("?")[0]
        for tag in ("script", "link", "img")
        for each in elements_of(page.text).all(tag)
    }
    whole = len(page.content) + sum(len(assets()[name].content) for name in named)
    assert whole <= 200_000


def _page_full_of(text: str) -> str:
    """The page of a site whose every word is this text, made without the application around it."""
    service = replace(REGISTRY[0], title=text, description=text)
    site = make_site(
        version=text,
        base_url=f"http://127.0.0.1/{text}",
        services=(service, *REGISTRY[1:]),
        model=lambda: ModelIdentity(text, text, text, text, demonstration=True),
        ready=lambda: Readiness(ready=True, checks={"engine": text, "store": "ok"}),
    )
    [landing] = [
        route
        for route in make_router(site, LinkedPages(site, NoPages())).routes
        if route.path == "/"
    ]
    return asyncio.run(landing.endpoint()).body.decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_markup(elements_of: Callable[[str], Any], text: str) -> None:
    plain, page = elements_of(_page_full_of("plain")), elements_of(_page_full_of(text))
    assert [tag for tag, _ in page.found] == [tag for tag, _ in plain.found]
    assert [list(a) for _, a in page.found] == [list(a) for _, a in plain.found]
