"""htmx in Chromium: its requests bring the session's token, and show what a refusal says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends
from markupsafe import Markup
from starlette.responses import HTMLResponse

from cds_hooks.console.access import Reader, Role, requires
from cds_hooks.console.assets import asset_url
from cds_hooks.console.rendering import content_security_policy, render
from tests.app.conftest import Served as Server
from tests.console.access.served_console import Console
from tests.console.conftest import make_site

_NONCE = "n" * 22
_FORM = (
    f'<form hx-post="form" hx-target="#out" hx-nonce="{_NONCE}">'
    '<input name="words" aria-label="Words"><button>Send</button></form><div id="out"></div>'
)


def _page_of(console: Console) -> Any:
    site = make_site(base_url=console.base)
    scripts = "".join(
        f'<script src="../{asset_url(name)}" nonce="{_NONCE}"></script>'
        for name in ("htmx.js", "hx-csp.js")
    )

    async def page(_: Annotated[Reader, Depends(requires(Role.REVIEWER))]) -> HTMLResponse:
        text = Markup(f"{_FORM}{scripts}")
        frame = {"site": site, "root": "../", "here": "", "nonce": _NONCE}
        said = {"title": "T", "text": text, "code": "", "elsewhere": "", "offers_sign_in": False}
        policy = content_security_policy(_NONCE, sends=True)
        return HTMLResponse(
            render("access/said.html.j2", **frame, **said),
            headers={"Content-Security-Policy": policy},
        )

    return page


@pytest.fixture
def opened(browser: Any) -> Iterator[tuple[Console, Any, str]]:
    """A console with a form for htmx, a page that shows it, and its session."""
    console = Console()
    console.router.add_api_route("/docs/htmx", _page_of(console))
    server = Server(console.make_app())
    session = console.sign_in()
    context = browser.new_context()
    cookie = {"name": console.access.cookie.name, "value": session, "url": server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(f"{server.url}/docs/htmx")
    yield console, page, session
    context.close()
    server.stop()


def test_a_request_of_a_page_brings_its_token(opened: tuple[Console, Any, str]) -> None:
    console, page, _ = opened
    page.get_by_label("Words").fill("typed")
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("#out:has-text('Ann')")
    assert console.done == [b"words=typed"]


def test_a_session_that_ended_is_told_in_the_page_and_nothing_typed_is_lost(
    opened: tuple[Console, Any, str],
) -> None:
    console, page, session = opened
    page.get_by_label("Words").fill("typed")
    console.now += 1800
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("#out [role=alert]")
    assert "You are signed out" in page.inner_text("#out")
    assert page.get_by_label("Words").input_value() == "typed"
    again = console.access.sessions.begin(Reader("ann", "Ann", frozenset(Role), "link"), session)
    cookie = {
        "name": console.access.cookie.name,
        "value": again,
        "url": page.url.partition("/docs")[0],
    }
    page.context.add_cookies([cookie])
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("#out:has-text('Ann')")
    assert console.done == [b"words=typed"]
