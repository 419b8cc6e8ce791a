"""What holds of every page of the console, in Chromium against the real service.

axe finds nothing (WCAG 2.2 A and AA, and its best practices), in light, dark and narrow; each
control is reached by keyboard with a focus that is seen; nothing leaves the origin and the browser
complains of nothing; there is no inline style or script; 200 KB at most; paper is white.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cds_hooks.app.routes import ALLOWED, OTHER
from tests.console.looking import Looked, look
from tests.console.pages import NOT_PAGES, PAGES, Page
from tests.console.whole_service import WholeService

EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
# Style attributes of Swagger UI are its own; the policy of that page allows them and no other.
_INLINE = re.compile(r"<[^>]+\s(?:style|on[a-z]+)=|<style")


@pytest.fixture(scope="module")
def looked(browser: Any, whole_service: WholeService) -> Callable[[Page], Looked]:
    """One visit a page for all tests."""
    visited: dict[str, Looked | Exception] = {}

    def visit(page: Page) -> Looked:
        if page.name not in visited:
            try:
                visited[page.name] = _look(browser, whole_service, page)
            except Exception as error:  # told by every test of the page, and tried once
                visited[page.name] = error
            whole_service.engine.released.set()
        seen = visited[page.name]
        if isinstance(seen, Exception):
            raise seen
        return seen

    return visit


def _look(browser: Any, service: WholeService, page: Page) -> Looked:
    return look(
        browser,
        service.url + page.address(service),
        page.shown,
        act=page.act,
        third_party=page.third_party,
        cookies=service.cookies() if page.signed_in else (),
    )


def test_every_route_that_gives_html_is_on_the_list() -> None:
    gives_html = {route for route, methods in ALLOWED.items() if "GET" in methods} - set(NOT_PAGES)
    assert gives_html | {OTHER} == {route for page in PAGES for route in page.routes}


def test_what_is_said_to_be_no_page_is_none(whole_service: WholeService) -> None:
    session = {each["name"]: each["value"] for each in whole_service.cookies()}
    for route in NOT_PAGES:
        path = re.sub(r"\{\w+\}", "console.css", route)
        answer = httpx.get(whole_service.url + path, cookies=session)
        assert answer.is_error or "html" not in answer.headers["content-type"], route


@EACH
@pytest.mark.parametrize("light", ["light", "dark", "narrow"])
def test_axe_finds_nothing(looked: Callable[[Page], Looked], page: Page, light: str) -> None:
    found = [each for each in getattr(looked(page), light) if each["rule"] not in page.excused]
    assert found == []


@EACH
def test_nothing_leaves_the_origin_and_the_browser_complains_of_nothing(
    looked: Callable[[Page], Looked], whole_service: WholeService, page: Page
) -> None:
    seen = looked(page)
    assert [u for u in seen.asked if not u.startswith((f"{whole_service.url}/", "data:"))] == []
    assert [c for c in seen.complaints if f"status of {page.status}" not in c] == []


@EACH
def test_it_fits_320_pixels(looked: Callable[[Page], Looked], page: Page) -> None:
    assert looked(page).sideways == []


@EACH
def test_the_keyboard_reaches_every_control(looked: Callable[[Page], Looked], page: Page) -> None:
    assert looked(page).not_reached == []
    assert looked(page).unseen_focus == []


@EACH
def test_it_is_light_enough(looked: Callable[[Page], Looked], page: Page) -> None:
    assert 0 < looked(page).bytes <= page.weight


@EACH
def test_paper_is_white_even_where_the_screen_is_dark(
    looked: Callable[[Page], Looked], page: Page
) -> None:
    printed = looked(page).printed
    assert printed["paper"] in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    assert max(map(int, re.findall(r"\d+", printed["ink"])[:3])) < 0x60
    assert printed["text"] > 100


@EACH
def test_no_style_or_script_stands_in_the_page(whole_service: WholeService, page: Page) -> None:
    answer = page.response(whole_service)
    whole_service.engine.released.set()
    assert answer.status_code == page.status
    assert answer.headers["content-type"].startswith("text/html")
    assert _INLINE.findall(answer.text) == []
    [nonce] = re.findall(r"script-src 'nonce-([\w-]+)'", answer.headers["content-security-policy"])
    scripts = re.findall(r"<script\b[^>]*>", answer.text)
    assert all(f'nonce="{nonce}"' in script and " src=" in script for script in scripts), scripts
    assert nonce not in whole_service.get("/").text
