"""Pages of sessions: links, roles, forms that are refused, and what a session that ended keeps."""

from __future__ import annotations

import asyncio
from html import unescape
from typing import Any

import httpx
import pytest

from cds_hooks.app import AppConfig
from cds_hooks.app.server_settings import ServerSettings
from cds_hooks.console.access import LocalLinks, Reader, Role
from tests.console.access.served_console import BASE, SECRET, Console
from tests.console.conftest import Served, make_site


@pytest.fixture
def console() -> Console:
    return Console()


def _session_of(response: httpx.Response) -> str:
    [cookie] = response.headers.get_list("set-cookie")
    return cookie.partition("=")[2].partition(";")[0]


# Headers


@pytest.mark.parametrize("path", ["/", "/account", "/docs/page", "/open/x", "/nothing", "/healthz"])
def test_every_answer_is_kept_from_other_sites_and_from_caches(console: Console, path: str) -> None:
    headers = console.ask("GET", path, console.sign_in()).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("public_url", "sent"),
    [
        ("https://cds.example.org", "max-age=31536000"),
        ("http://cds.example.org", None),
        ("", None),
    ],
)
def test_over_tls_a_browser_is_told_to_stay_there(public_url: str, sent: str | None) -> None:
    config = AppConfig(ServerSettings(public_url=public_url))
    response = Served(make_site(), config=config).get("/healthz")
    assert response.headers.get("strict-transport-security") == sent


# Links


def test_a_link_opens_a_session_with_every_role(console: Console) -> None:
    link = console.access.links.make()
    response = console.ask("GET", f"/open/{link}")
    assert (response.status_code, response.headers["location"]) == (303, "../inspector")
    session = _session_of(response)
    assert console.ask("GET", "/docs/page", session).text == "this machine"
    assert "Sign out" in console.ask("GET", "/", session).text
    [(kind, told)] = console.recorded
    assert (kind, told["user"], told["roles"]) == ("signed-in", "local", sorted(Role))
    assert link not in str(told)


def test_its_cookie_is_for_this_service_alone(console: Console) -> None:
    response = console.ask("GET", f"/open/{console.access.links.make()}")
    [cookie] = response.headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    assert name.startswith("chartside-session-8010=")
    assert {each.lower() for each in attributes} == {"httponly", "path=/", "samesite=lax"}


def test_a_used_link_says_how_to_get_another(console: Console) -> None:
    link = console.access.links.make()
    assert console.ask("GET", f"/open/{link}").status_code == 303
    again = console.ask("GET", f"/open/{link}")
    assert again.status_code == 403
    assert "was used already" in again.text
    assert "chartside open" in again.text
    assert "set-cookie" not in again.headers
    assert console.refused == [("/open/{token}", "link-used")]


def test_of_two_who_use_a_link_at_once_one_gets_a_session(console: Console) -> None:
    link = console.access.links.make()

    async def both() -> list[int]:
        asked = (console.asked("GET", f"/open/{link}") for _ in range(8))
        return sorted([each.status_code for each in await asyncio.gather(*asked)])

    assert asyncio.run(both()) == [303] + [403] * 7


@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"sec-purpose": "prefetch"})]
)
def test_a_look_does_not_use_it_up(console: Console, method: str, headers: dict[str, str]) -> None:
    link = console.access.links.make()
    assert "set-cookie" not in console.ask(method, f"/open/{link}", headers=headers).headers
    assert console.ask("GET", f"/open/{link}").status_code == 303


@pytest.mark.parametrize(
    ("peer", "host"),
    [("192.0.2.7", "127.0.0.1:8010"), ("127.0.0.1", "rebound.example:8010"), ("127.0.0.1", "")],
)
@pytest.mark.parametrize("path", ["/open/{}", "/docs/page", "/account", "/sign-in"])
def test_nothing_of_a_session_is_for_another_machine_or_name(
    console: Console, path: str, peer: str, host: str
) -> None:
    session = console.sign_in()
    link = console.access.links.make()
    asked = {"host": host}
    response = console.ask("GET", path.format(link), session, peer=peer, headers=asked)
    assert response.status_code == 404
    assert console.ask("GET", f"/open/{link}").status_code == 303


def test_links_that_are_guessed_are_bounded() -> None:
    console = Console(sign_ins_per_minute=3)
    answers = [console.ask("GET", f"/open/{'x' * 75}") for _ in range(5)]
    assert [each.status_code for each in answers] == [403, 403, 403, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many attempts" in answers[-1].text


def test_production_has_no_page_that_asks_for_a_role() -> None:
    console = Console("production")
    session = console.sign_in()
    for path in ("/docs/page", "/account", "/sign-in", f"/open/{LocalLinks(SECRET).make()}"):
        assert console.ask("GET", path, session).status_code == 404
    assert console.ask("GET", "/", session).status_code == 200
    assert "Sign" not in console.ask("GET", "/", session).text


# Roles


def test_without_a_session_a_page_says_how_to_get_one_and_leads_back(console: Console) -> None:
    response = console.ask("GET", "/docs/page")
    assert response.status_code == 401
    assert "<h1>Sign in</h1>" in response.text


def test_a_page_for_another_role_is_refused_by_name_and_recorded_once(console: Console) -> None:
    session = console.sign_in(Role.VIEWER, Role.INTEGRATOR)
    for _ in range(3):
        response = console.ask("GET", "/docs/page", session)
        assert response.status_code == 403
        assert "needs the role reviewer" in response.text
        assert "integrator, viewer" in response.text
    [(kind, told)] = console.recorded
    assert (kind, told["user"]) == ("page-refused", "ann")


def test_htmx_gets_a_fragment_and_not_a_page(console: Console) -> None:
    viewer = console.sign_in(Role.VIEWER)
    for session, status in (("", 401), (viewer, 403)):
        response = console.ask("GET", "/docs/page", session, headers={"hx-request": "true"})
        assert response.status_code == status
        assert "<html" not in response.text
        assert 'role="alert"' in response.text


def test_a_second_cookie_of_the_name_opens_nothing(console: Console) -> None:
    session, name = console.sign_in(), console.access.cookie.name
    both = {"cookie": f"{name}={session}; {name}={console.sign_in(subject='eve')}"}
    assert console.ask("GET", "/docs/page", headers=both).status_code == 401


# Forms


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
