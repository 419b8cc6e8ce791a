"""The fragments in Chromium: axe finds nothing, and no width makes the page scroll sideways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cds_hooks.console.assets import assets
from cds_hooks.console.rendering import content_security_policy
from tests.console.ehr_views.responses import cards_full_of

_URL = "http://fragments.test/"
_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def shown(browser: Any, gallery: Callable[..., str]) -> Iterator[Callable[..., Any]]:
    """Opens the page in a context; nothing is asked of any server."""
    opened: list[Any] = []

    def show(width: int = 1280, scheme: str = "light", **changes: Any) -> Any:
        html = gallery(**changes)
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        opened.append(context)
        context.route("**/*", lambda route: _answer(route, html))
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
        page.goto(_URL)
        page.wait_for_load_state("networkidle")
        return page

    yield show
    for context in opened:
        context.close()


def _answer(route: Any, html: str) -> None:
    name = urlsplit(route.request.url).path.rpartition("/")[2]
    if asset := assets().get(name):
        route.fulfill(body=asset.content, content_type=asset.media_type)
    else:
        policy = content_security_policy("not-used")
        headers = {"Content-Security-Policy": policy, "Content-Type": "text/html; charset=utf-8"}
        route.fulfill(body=html, headers=headers)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(shown: Callable[..., Any], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    page = shown(scheme=scheme)
    found = axe.Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.complaints == []


@pytest.mark.parametrize("width", [320, 800])
def test_no_width_makes_the_page_scroll_sideways(shown: Callable[..., Any], width: int) -> None:
    page = shown(width)
    for summary in page.locator("summary").all():
        if summary.locator("xpath=..").get_attribute("open") is None:
            summary.click()
    assert not page.evaluate(_WIDE)


def test_long_words_do_not_either(shown: Callable[..., Any]) -> None:
    page = shown(320, **cards_full_of("x" * 400))
    assert not page.evaluate(_WIDE)


def test_a_finding_leads_to_its_line_of_json(shown: Callable[..., Any]) -> None:
    page = shown(**cards_full_of("<b>"))
    link = page.locator("section:has(#ours) td a").first
    target = link.get_attribute("href")
    link.click()
    assert page.locator(target).count() == 1
    assert page.evaluate("document.querySelector(':target').tagName") == "SPAN"
