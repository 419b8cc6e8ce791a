"""The inspector in Chromium: by keyboard alone, with a dropped file, and while the model writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.whole_service import WholeService

CHART = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p1", "gender": "female",
                      "birthDate": "1960-01-01"}},
        {"resource": {"resourceType": "Condition", "id": "c1", "code": {"text": "Gout"},
                      "subject": {"reference": "Patient/p1"}}},
    ],
}  # fmt: skip


@pytest.fixture
def page(browser: Any, whole_service: WholeService) -> Iterator[Any]:
    context = browser.new_context()
    context.add_cookies(whole_service.cookies())
    opened = context.new_page()
    opened.goto(f"{whole_service.url}/inspector")
    yield opened
    whole_service.engine.released.set()
    context.close()


def _ended(page: Any) -> None:
    page.locator("#waiting").wait_for(state="detached", timeout=300_000)
    page.locator("#samples").wait_for(timeout=300_000)


def test_a_file_that_is_chosen_is_fired_and_its_facts_lead_to_the_json(
    page: Any, whole_service: WholeService
) -> None:
    content = json.dumps(CHART).encode()
    chart = {"name": "chart.json", "mimeType": "application/json", "buffer": content}
    page.set_input_files("#file", chart)
    page.get_by_role("button", name="Fire for the files").click()
    _ended(page)
    page.locator("#fact-P1 a").last.click()
    page.wait_for_load_state()
    assert "Gout" in page.locator("pre").inner_text()
    page.get_by_role("link", name="Back to the consultation").click()
    page.locator("#facts").wait_for()


def test_three_actions_lead_from_the_link_to_the_cards(
    browser: Any, whole_service: WholeService
) -> None:
    links = whole_service.runtime.access.links
    assert links is not None
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{whole_service.url}/open/{links.make()}")
    content = json.dumps(CHART).encode()
    chart = {"name": "chart.json", "mimeType": "application/json", "buffer": content}
    opened.set_input_files("#file", chart)
    opened.get_by_role("button", name="Fire for the files").click()
    _ended(opened)
    assert opened.locator("#cards ~ details .card").count() > 0
    context.close()


def test_by_keyboard_alone_a_sample_is_fired_and_the_end_is_announced(
    page: Any, whole_service: WholeService
) -> None:
    whole_service.engine.released.clear()
    page.locator("input[name=sample]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#live").wait_for()
    assert page.locator("#progress").get_attribute("aria-live") == "polite"
    whole_service.engine.released.set()
    _ended(page)
    assert page.locator("#progress").inner_text() == "The answer has arrived."
    assert re.fullmatch(r".*/inspector/[0-9a-f-]{36}", page.url)


def test_a_session_that_expires_while_its_page_is_open_is_told_at_the_next_step(
    page: Any, whole_service: WholeService
) -> None:
    page.locator("input[name=sample][value=sparse]").check()
    page.get_by_role("button", name="Fire for the sample").click()
    _ended(page)
    whole_service.runtime.inspector.sessions._sessions.clear()
    page.locator("#fact-P1 a").last.click()
    page.wait_for_load_state()
    assert "not kept any more" in page.locator("h1").inner_text()
    page.get_by_role("link", name="Back to the inspector").click()
    page.get_by_role("button", name="Fire for the sample").wait_for()
