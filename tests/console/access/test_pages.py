"""Pages of sessions: headers, one-time links, and roles."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from cds_hooks.app import AppConfig
from cds_hooks.app.server_settings import ServerSettings
from cds_hooks.console.access import LocalLinks, Role
from tests.console.access.served_console import SECRET, Console
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
        asked = (console.send_request("GET", f"/open/{link}") for _ in range(8))
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
