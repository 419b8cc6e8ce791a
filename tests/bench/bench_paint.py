"""First paint of each page of the console on loopback, in Chromium; nothing where it is missing.

Each visit has a profile of its own, so that nothing is in the browser's cache; what the service
alone takes to send the page is told too.
"""

from __future__ import annotations

import importlib.util
import shutil
import statistics
from typing import Any

from tests.bench.console_service import console_service

TIMES = 7
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SENT = "(n => n.responseEnd - n.requestStart)(performance.getEntriesByType('navigation')[0])"


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`: the aim is 300 ms."""
    chromium = shutil.which("chromium")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        return []
    from playwright.sync_api import sync_playwright

    with console_service() as told, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _visit(browser, told, "/")  # the browser itself is cold before
        found = [_row(browser, told, name, path) for name, path in told["pages"].items()]
        browser.close()
    return found


def _row(browser: Any, told: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    visits = [_visit(browser, told, path) for _ in range(TIMES)]
    paints, sent = ([float(visit[part]) for visit in visits] for part in (0, 1))
    return {
        "name": f"first paint of a page: {name}",
        "value": statistics.median(paints),
        "unit": "ms",
        "n": TIMES,
        "minimum": min(paints),
        "maximum": max(paints),
        "against": f"sent within {statistics.median(sent):.0f} ms (aim at most 300 ms)",
    }


def _visit(browser: Any, told: dict[str, Any], path: str) -> tuple[float, float]:
    """Milliseconds until something was painted, and until the page was sent whole."""
    context = browser.new_context()
    context.add_cookies(told["cookies"])
    page = context.new_page()
    answer = page.goto(told["url"] + path)
    assert answer.status == 200
    page.wait_for_function(f"() => {_PAINT.partition('.startTime')[0]} !== undefined")
    found = (page.evaluate(_PAINT), page.evaluate(_SENT))
    context.close()
    return found
