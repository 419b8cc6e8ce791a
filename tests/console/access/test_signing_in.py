"""In Chromium, against the real service and a real provider in its own process: the whole way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.settings import Settings
from tests.console.access.providers import real_provider
from tests.console.looking import look, watched
from tests.console.whole_service import ROOT, WholeService

ANN = {"sub": "ann.roe", "name": "Ann <b>Roe</b>", "groups": ["integrators"]}
WHY = "unconscious in the emergency room"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeService]:
    folder = tmp_path_factory.mktemp("openid")
    secret = folder / "secret"
    secret.write_text("s")
    secret.chmod(0o600)
    with real_provider(ANN) as issuer:

        def settings(where: Path, _port: int) -> Settings:
            store = {"path": str(where / "r.sqlite"), "site_key": str(where / "site.key")}
            openid = {
                "issuer": issuer,
                "client_id": "chartside",
                "client_secret": str(secret),
                "roles_claim": "groups",
                "integrators": ["integrators"],
            }
            return Settings.model_validate(
                {
                    "store": store,
                    "openid": openid,
                    "console": {"emergency_from": ["integrator"]},
                    "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
                }
            )

        found = WholeService(folder, settings)
        yield found
        found.stop()


@pytest.fixture
def page(browser: Any, service: WholeService) -> Iterator[Any]:
    context = browser.new_context()
    opened, looked = watched(context)
    yield opened
    context.close()
    # The provider's own page asks for a style sheet of another site, which is not there.
    expected = ("status of 4", "ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED")
    assert [each for each in looked.complaints if not any(e in each for e in expected)] == []


def _sign_in(page: Any, url: str) -> None:
    page.goto(f"{url}/account")
    page.get_by_role("link", name="Sign in with your hospital account").click()
    page.get_by_role("button", name="ann.roe").click()
    page.wait_for_url(f"{url}/account")


def _records(service: WholeService) -> list[dict[str, Any]]:
    async def read() -> list[bytes]:
        ledger = service.runtime.store.ledger
        kinds = ("signed-in", "signed-out", "emergency-role-taken", "emergency-role-ended")
        return [record for kind in kinds if (record := await ledger.last_record(kind))]

    # The browser has the loop of this thread.
    with ThreadPoolExecutor(1) as thread:
        return [json.loads(each) for each in thread.submit(asyncio.run, read()).result()]


def test_from_a_page_to_the_provider_and_back_and_out_again(
    page: Any, service: WholeService
) -> None:
    _sign_in(page, service.url)
    assert page.locator("h1").text_content() == "Ann <b>Roe</b>"
    page.locator("header.top").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{service.url}/signed-out")
    page.goto(f"{service.url}/account")
    assert page.locator("h1").text_content() == "Sign in"


def test_a_role_is_taken_shown_and_given_back(page: Any, service: WholeService) -> None:
    _sign_in(page, service.url)
    page.get_by_label("Why").fill(WHY)
    page.get_by_role("button", name="Take the role").click()
    page.goto(f"{service.url}/")
    assert "Emergency access. You have the role reviewer" in page.locator("header.top").inner_text()
    page.get_by_role("link", name="Give it back").click()
    page.get_by_role("button", name="Give it back").click()
    page.wait_for_url(f"{service.url}/account")
    assert "Emergency access. You" not in page.locator("header.top").inner_text()


def test_what_was_typed_is_sent_after_signing_in_in_another_tab(
    page: Any, service: WholeService
) -> None:
    _sign_in(page, service.url)
    page.get_by_label("Why").fill(WHY)
    for session in service.runtime.access.sessions:
        session.seen -= 100_000
    page.get_by_role("button", name="Take the role").click()
    assert WHY in page.inner_text("main")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in with your hospital account").click()
    opened.value.get_by_role("button", name="ann.roe").click()
    opened.value.wait_for_url(f"{service.url}/signed-in")
    page.get_by_role("button", name="Send it again").click()
    page.wait_for_url(f"{service.url}/account")
    assert "You have the role reviewer" in page.inner_text("main")


def test_it_is_in_the_ledger_under_a_keyed_hash(page: Any, service: WholeService) -> None:
    _sign_in(page, service.url)
    page.get_by_label("Why").fill(WHY)
    page.get_by_role("button", name="Take the role").click()
    page.get_by_role("button", name="Give it back").click()
    page.locator("header.top").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{service.url}/signed-out")
    records = _records(service)
    assert [each["type"] for each in records] == [
        "signed-in",
        "signed-out",
        "emergency-role-taken",
        "emergency-role-ended",
    ]
    assert len({each["user_ref"] for each in records}) == 1
    assert records[2]["details"]["reason"] == WHY
    assert "ann" not in json.dumps(records).lower()


@pytest.mark.parametrize("emergency", [False, True])
def test_axe_finds_nothing_on_the_page_of_who_one_is(
    browser: Any, page: Any, service: WholeService, emergency: bool
) -> None:
    _sign_in(page, service.url)
    if emergency:
        page.get_by_label("Why").fill(WHY)
        page.get_by_role("button", name="Take the role").click()
    seen = look(browser, f"{service.url}/account", "h1", cookies=page.context.cookies())
    assert seen.light + seen.dark + seen.narrow == []
    assert seen.sideways + seen.not_reached + seen.unseen_focus + seen.complaints == []
