"""A page that follows what is pending does so however late its scripts arrive."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.console.pages import PAGES
from tests.console.whole_service import WholeService

FOLLOWING = [page for page in PAGES if page.name in ("pending-consultation", "firing")]


@pytest.mark.parametrize("page", FOLLOWING, ids=lambda page: page.name)
@pytest.mark.parametrize("late", ["hx-csp.js", "hx-sse.js"])
def test_htmx_waits_for_its_extensions(
    browser: Any, whole_service: WholeService, page: Any, late: str
) -> None:
    """htmx begins once the page is parsed; an extension that comes later than that is not used."""

    def hold(route: Any) -> None:
        time.sleep(0.6)
        route.continue_()

    context = browser.new_context()
    path = page.address(whole_service)
    context.add_cookies(whole_service.cookies() if page.signed_in else [])
    opened = context.new_page()
    opened.route(f"**/{late}*", hold)
    try:
        with opened.expect_request("**/events"):
            opened.goto(whole_service.url + path)
    finally:
        whole_service.engine.released.set()
        context.close()


def test_there_are_two_such_pages() -> None:
    assert len(FOLLOWING) == 2
