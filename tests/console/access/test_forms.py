"""Forms: refused unless a page of this session sent them, and kept when the session has ended."""

from __future__ import annotations

from html import unescape
from typing import Any

import httpx
import pytest

from cds_hooks.console.access import Reader, Role
from tests.console.access.served_console import BASE, Console


@pytest.fixture
def console() -> Console:
    return Console()


def _form(console: Console, session: str) -> dict[str, str]:
    return {"csrf": console.csrf(session), "words": "é & <b>"}


def test_a_form_of_this_session_is_taken_and_its_body_is_whole(console: Console) -> None:
    session = console.sign_in()
    assert console.send(session, _form(console, session)).status_code == 200
    assert console.done == [httpx.Request("POST", BASE, data=_form(console, session)).content]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_form_of_another_site_is_refused(console: Console, site: str) -> None:
    session = console.sign_in()
    response = console.send(session, _form(console, session), site=site)
    assert response.status_code == 403
    assert console.done == []


@pytest.mark.parametrize(
    ("origin", "taken"),
    [
        (BASE, True),
        ("http://127.0.0.1:8011", False),
        ("http://127.0.0.1", False),
        ("https://127.0.0.1:8010", False),
        ("null", False),
        ("", False),
        ("http://evil.example", False),
        (f"{BASE}/x", False),
    ],
)
def test_without_fetch_metadata_the_origin_decides(
    console: Console, origin: str, taken: bool
) -> None:
    session = console.sign_in()
    asked = {"origin": origin} if origin else {}
    response = console.ask(
        "POST", "/docs/form", session, data=_form(console, session), headers=asked
    )
    assert (response.status_code == 200) is taken


def test_a_form_without_the_token_is_refused(console: Console) -> None:
    session, other = console.sign_in(), console.sign_in(subject="bob")
    token = console.csrf(session)
    bodies: list[Any] = [
        {},
        {"csrf": ""},
        {"csrf": console.csrf(other)},
        {"csrf": token[:-1]},
        {"csrf": token + "x"},
        {"words": token},
        {"first": "1", "csrf": token},
    ]
    for body in bodies:
        assert console.send(session, body).status_code == 403
    assert console.done == []


def test_the_token_may_come_in_a_header_or_first_in_a_multipart_form(console: Console) -> None:
    session = console.sign_in()
    token = console.csrf(session)
    by_header = {"x-csrf-token": token, "content-type": "application/json"}
    assert console.send(session, None, **by_header).status_code == 200
    asked = {"sec-fetch-site": "same-origin"}
    parts = [("csrf", (None, token)), ("file", ("a.json", b"{}", "application/json"))]
    response = console.ask("POST", "/docs/form", session, files=parts, headers=asked)
    assert response.status_code == 200
    response = console.ask("POST", "/docs/form", session, files=parts[::-1], headers=asked)
    assert response.status_code == 403


# Sessions that end


def test_what_was_typed_comes_back_when_the_session_has_ended(console: Console) -> None:
    session = console.sign_in()
    body = _form(console, session)
    console.now += 1800
    response = console.send(session, body)
    assert response.status_code == 401
    page = unescape(response.text)
    assert "Nothing you typed is lost" in page
    assert f'name="words" value="{body["words"]}"' in page
    assert "<b>" not in response.text
    assert console.done == []
    again = console.access.sessions.begin(Reader("ann", "Ann", frozenset(Role), "link"), session)
    assert console.send(again, body).status_code == 200


def test_a_body_that_is_no_small_form_is_not_shown_again(console: Console) -> None:
    session = console.sign_in()
    console.now += 1800
    for body in ({"a": "x" * 70_000}, {f"f{n}": "1" for n in range(300)}, None):
        response = console.send(session, body)
        assert response.status_code == 401
        assert "your browser keeps what you typed" in response.text


def test_another_person_in_the_same_browser_cannot_send_the_form(console: Console) -> None:
    session = console.sign_in()
    body = _form(console, session)
    console.now += 1800
    assert console.send(session, body).status_code == 401
    bob = Reader("bob", "Bob", frozenset(Role), "link")
    assert console.send(console.access.sessions.begin(bob, session), body).status_code == 403
    assert console.done == []


def test_signing_out_ends_the_session_here_and_in_the_browser(console: Console) -> None:
    session = console.sign_in()
    asked = {"sec-fetch-site": "same-origin"}
    data = {"csrf": console.csrf(session)}
    response = console.ask("POST", "/sign-out", session, data=data, headers=asked)
    assert (response.status_code, response.headers["location"]) == (303, "signed-out")
    [cookie] = response.headers.get_list("set-cookie")
    assert "Max-Age=0" in cookie
    assert console.ask("GET", "/docs/page", session).status_code == 401
    assert console.recorded[-1][0] == "signed-out"
    assert "You are signed out" in console.ask("GET", "/signed-out").text


def test_another_site_cannot_sign_somebody_out(console: Console) -> None:
    session = console.sign_in()
    asked = {"sec-fetch-site": "cross-site"}
    data = {"csrf": console.csrf(session)}
    response = console.ask("POST", "/sign-out", session, data=data, headers=asked)
    assert response.status_code in (403, 404)
    assert console.ask("GET", "/docs/page", session).status_code == 200


def test_two_people_are_told_apart(console: Console) -> None:
    ann, bob = console.sign_in(Role.REVIEWER), console.sign_in(Role.VIEWER, subject="bob")
    assert console.ask("GET", "/docs/page", ann).text == "Ann"
    assert console.ask("GET", "/docs/page", bob).status_code == 403
    assert "<h1>Ann</h1>" in console.ask("GET", "/account", ann).text
    assert "<h1>Bob</h1>" in console.ask("GET", "/account", bob).text


def test_ones_other_sessions_can_be_ended(console: Console) -> None:
    here, elsewhere = console.sign_in(), console.sign_in()
    assert "1 other open session" in console.ask("GET", "/account", here).text
    asked = {"sec-fetch-site": "same-origin"}
    data = {"csrf": console.csrf(here)}
    response = console.ask("POST", "/account/end-others", here, data=data, headers=asked)
    assert response.status_code == 303
    assert console.ask("GET", "/docs/page", elsewhere).status_code == 401
    assert console.ask("GET", "/docs/page", here).status_code == 200
    assert [told["by"] for kind, told in console.recorded if kind == "signed-out"] == ["ann"]


def _end_session(console: Console, session: str, of: str) -> httpx.Response:
    found = console.access.sessions.find(of)
    assert found is not None
    asked = {"sec-fetch-site": "same-origin"}
    data = {"csrf": console.csrf(session), "session": found.key.hex()}
    return console.ask("POST", "/account/end-others", session, data=data, headers=asked)


def test_an_administrator_ends_anybodys_session_and_nobody_else_does(console: Console) -> None:
    ann, bob = console.sign_in(Role.REVIEWER), console.sign_in(Role.VIEWER, subject="bob")
    chief = console.sign_in(Role.ADMINISTRATOR, subject="chief")
    assert "Who else is signed in" in console.ask("GET", "/account", chief).text
    assert "Who else is signed in" not in console.ask("GET", "/account", bob).text
    assert _end_session(console, bob, ann).status_code == 404
    assert console.ask("GET", "/docs/page", ann).status_code == 200
    assert _end_session(console, chief, ann).status_code == 303
    assert console.ask("GET", "/docs/page", ann).status_code == 401
    assert console.ask("GET", "/account", bob).status_code == 200
    [(kind, told)] = console.recorded
    assert (kind, told["user"], told["by"]) == ("signed-out", "ann", "chief")
