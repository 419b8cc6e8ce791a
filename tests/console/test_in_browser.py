"""The pages in Chromium: nothing leaves the origin, and the policy refuses nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app.conftest import Served as Server


class Watched:
    """A browser page with what it asked for and what it complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )

    def open(self, path: str) -> Any:
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("networkidle")
        return self.page


@pytest.fixture
def watched(browser: Any, serve_site: Callable[..., Any]) -> Iterator[Watched]:
    server = Server(serve_site().app)
    context = browser.new_context()
    yield Watched(context.new_page(), server.url)
    context.close()
    server.stop()


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_no_request_leaves_the_origin_and_nothing_is_refused(watched: Watched, path: str) -> None:
    page = watched.open(path)
    assert page.locator("#content > h1, #content > section > h1").count() == 1
    assert [url for url in watched.asked if not url.startswith((watched.url, "data:"))] == []
    assert watched.complaints == []


def test_the_api_page_shows_every_operation(watched: Watched) -> None:
    page = watched.open("/docs")
    shown = page.locator(".opblock-summary-path").all_text_contents()
    assert "/cds-services/{service_id}/feedback" in [text.replace("\u200b", "") for text in shown]


def test_the_first_stop_of_the_keyboard_skips_to_the_content(watched: Watched) -> None:
    page = watched.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_scrolls_sideways(watched: Watched, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 800})
    page = watched.open("/")
    for summary in page.locator("summary").all():
        summary.click()
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
