"""A whole launch in Chromium: from the EHR over its sign-in to the page, and the answer arrives."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.console.smart_launch.smart_service import SmartService
from tests.hostile.charts import Hostile

Somebody = Callable[[], Hostile]


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A browser tab; `asked` are its requests, `complaints` what its console says."""
    context = browser.new_context()
    page = context.new_page()
    page.asked, page.complaints = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()


def launch(service: SmartService, tab: Any, chart: Hostile) -> None:
    """What the EHR does for a clinician who opens the card's link."""
    link = service.opened(chart)
    service.ehr.says.patient, service.ehr.says.app_context = chart.patient_id, link["appContext"]
    tab.goto(f"{link['url']}?iss={service.ehr.base}&launch={uuid.uuid4().hex}")
    tab.wait_for_load_state("domcontentloaded")


def test_the_answer_arrives_in_a_page_that_the_ehr_opened(
    service: SmartService, tab: Any, somebody: Somebody
) -> None:
    service.engine.truthful = True
    service.engine.released.clear()
    launch(service, tab, somebody())
    tab.wait_for_selector("#waiting")
    assert "/smart/" in tab.url
    assert "code=" not in tab.url
    service.engine.released.set()
    tab.wait_for_selector("#waiting", state="detached", timeout=30_000)
    assert "Opened from the EHR as Practitioner/7" in tab.inner_text("#consultation")
    tab.get_by_label("useful").first.check()
    tab.get_by_role("button", name="Keep").click()
    tab.wait_for_selector("text=said before: useful")
    assert tab.complaints == []
    own = (service.url, service.ehr.url)
    assert [url for url in tab.asked if not url.startswith(own)] == []


def test_the_session_ends_by_its_button(
    service: SmartService, tab: Any, somebody: Somebody
) -> None:
    launch(service, tab, somebody())
    address = tab.url
    tab.get_by_role("button", name="End").click()
    tab.wait_for_url("**/basis")
    tab.goto(address)
    assert tab.locator("h1").inner_text() == "Your session is over"


def test_a_pending_page_says_when_its_session_is_over(
    service: SmartService, tab: Any, somebody: Somebody
) -> None:
    service.engine.released.clear()
    launch(service, tab, somebody())
    tab.wait_for_selector("#waiting")
    launched = service.runtime.launched
    assert launched is not None
    launched._sessions._open.clear()
    service.engine.released.set()
    tab.wait_for_selector("#session-over", state="visible", timeout=40_000)
    assert "Open the card in the EHR again" in tab.inner_text("#session-over")


def test_axe_finds_nothing_on_a_launched_page(
    service: SmartService, tab: Any, somebody: Somebody
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    launch(service, tab, somebody())
    found = axe.Axe().run(tab)
    assert [each["id"] for each in found.response["violations"]] == []
