"""The page of a verification follows it in a browser, and says what came of it."""

from __future__ import annotations

import threading
from typing import Any

from tests.console.desking import send
from tests.console.looking import watched
from tests.console.whole_service import WholeService


def test_the_page_follows_a_verification(browser: Any, whole_service: WholeService) -> None:
    desk, leave = whole_service.runtime.desk, threading.Event()
    source = desk.open_source

    def waiting() -> Any:
        leave.wait(30)
        return source()

    desk.open_source = waiting
    try:
        send(whole_service, "/desk/verify")
        context = browser.new_context()
        context.add_cookies(whole_service.cookies())
        page, looked = watched(context)
        page.goto(f"{whole_service.url}/desk/verify")
        assert page.locator("#waiting progress").count() == 1
        with page.expect_response("**/desk/verify/content"):
            pass
        assert page.locator("#waiting").count() == 1
    finally:
        desk.open_source = source
        leave.set()
    page.wait_for_selector(".notice.good")
    assert page.locator("text=Verify again").count() == 1
    assert looked.complaints == []
    context.close()


def test_a_record_leads_to_others_of_its_user(browser: Any, whole_service: WholeService) -> None:
    context = browser.new_context()
    context.add_cookies(whole_service.cookies())
    page, looked = watched(context)
    page.goto(f"{whole_service.url}/desk")
    page.fill("#type", "ledger-searched")
    page.click("text=Search >> nth=-1")
    page.click("text=Search >> nth=-1")
    page.click("table button >> nth=0")
    assert page.locator("table.records tbody tr").count() >= 4
    assert page.url == f"{whole_service.url}/desk/search"
    assert looked.complaints == []
    context.close()
