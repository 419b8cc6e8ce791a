"""Break-glass: recorded before it takes effect, bounded, shown, given back and taken away."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.access import ConsoleSettings, Reader, Role
from cds_hooks.console.access.emergency import ReasonMissing, read_form, roles_offered
from tests.console.access.served_console import Console

NOW = 1_790_000_000.0
WHY = "unconscious in the emergency room"
SAME = {"sec-fetch-site": "same-origin"}


def _console(**config: Any) -> Console:
    return Console(emergency_from=("integrator",), **config)


def _take(console: Console, session: str, **fields: str) -> Any:
    data = {"csrf": console.csrf(session), "role": "reviewer", "reason": WHY, **fields}
    return console.ask("POST", "/account/emergency", session, data=data, headers=SAME)


def _end(console: Console, session: str, of: str = "") -> Any:
    data = {"csrf": console.csrf(session)} | ({"session": of} if of else {})
    return console.ask("POST", "/account/emergency/end", session, data=data, headers=SAME)


def _opens(console: Console, session: str) -> bool:
    return console.ask("GET", "/docs/page", session).status_code == 200


def test_it_opens_the_page_for_a_time_and_every_page_says_so() -> None:
    console = _console(emergency_s=600, idle_s=3600, lifetime_s=7200)
    session = console.sign_in(Role.INTEGRATOR)
    refused = console.ask("GET", "/docs/page", session)
    assert "account#emergency" in refused.text
    assert _take(console, session).status_code == 303
    assert _opens(console, session)
    for path in ("/", "/account", "/docs"):
        assert "Emergency access." in console.ask("GET", path, session).text
    console.now += 600
    assert not _opens(console, session)
    assert "on record" not in console.ask("GET", "/", session).text


def test_it_is_on_record_before_it_takes_effect() -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    assert _take(console, session).status_code == 303
    kind, told = console.recorded[-1]
    assert kind == "emergency-role-taken"
    assert told == {
        "user": "ann",
        "how": "link",
        "roles": ["integrator"],
        "role": "reviewer",
        "until": "2026-09-21T15:13:20+00:00",
        "reason": WHY,
    }


def test_without_a_record_there_is_no_role() -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    console.fails = True
    assert _take(console, session).status_code == 503
    console.fails = False
    assert not _opens(console, session)


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": ""},
        {"reason": "too short"},
        {"reason": " " * 50},
        {"role": "administrator"},
        {"role": "integrator"},
        {"role": ""},
        {"reason": "x" * 20_000},
    ],
)
def test_without_a_reason_or_for_another_role_nothing_is_taken(fields: dict[str, str]) -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    response = _take(console, session, **fields)
    assert response.status_code == 400
    assert "Nothing was taken" in response.text
    assert console.recorded == []
    assert not _opens(console, session)


def test_what_was_typed_is_in_the_form_again() -> None:
    console = _console()
    response = _take(console, console.sign_in(Role.INTEGRATOR), reason="<b>why")
    assert ">&lt;b&gt;why</textarea>" in response.text


def test_who_may_not_take_a_role_is_offered_none() -> None:
    console = _console()
    session = console.sign_in(Role.VIEWER)
    assert "Emergency" not in console.ask("GET", "/account", session).text
    assert "account#emergency" not in console.ask("GET", "/docs/page", session).text
    assert _take(console, session).status_code == 404
    assert not _opens(console, session)


def test_it_can_be_given_back() -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    _take(console, session)
    assert _end(console, session).status_code == 303
    assert not _opens(console, session)
    assert console.recorded[-2][0] == "emergency-role-ended"


def test_an_administrator_sees_it_and_ends_it() -> None:
    console = _console()
    session, chief = console.sign_in(Role.INTEGRATOR), console.sign_in(
        Role.ADMINISTRATOR, subject="chief"
    )  # fmt: skip
    _take(console, session)
    key = console.access.sessions.find(session).key.hex()
    page = console.ask("GET", "/account", chief).text
    assert "Who else is signed in" in page
    assert key in page
    assert session not in page
    assert _end(console, chief, of=key).status_code == 303
    assert not _opens(console, session)
    kind, told = console.recorded[-2]
    assert (kind, told["user"], told["by"]) == ("emergency-role-ended", "ann", "chief")


@pytest.mark.parametrize("by", [Role.VIEWER, Role.REVIEWER, Role.INTEGRATOR])
def test_nobody_else_ends_or_sees_that_of_another(by: Role) -> None:
    console = _console()
    session, other = console.sign_in(Role.INTEGRATOR), console.sign_in(by, subject="bob")
    _take(console, session)
    key = console.access.sessions.find(session).key.hex()
    assert key not in console.ask("GET", "/account", other).text
    assert _end(console, other, of=key).status_code == 404
    assert _opens(console, session)


def test_another_site_cannot_take_or_end_it() -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    data = {"csrf": console.csrf(session), "role": "reviewer", "reason": WHY}
    for asked in ({"sec-fetch-site": "cross-site"}, {}):
        response = console.ask("POST", "/account/emergency", session, data=data, headers=asked)
        assert response.status_code in (403, 404)
    assert console.recorded == []


def test_it_ends_with_the_session() -> None:
    console = _console()
    session = console.sign_in(Role.INTEGRATOR)
    _take(console, session)
    data = {"csrf": console.csrf(session)}
    console.ask("POST", "/sign-out", session, data=data, headers=SAME)
    assert not _opens(console, session)
    assert not _opens(console, console.sign_in(Role.INTEGRATOR))


@pytest.mark.parametrize(
    ("people", "roles", "held", "offered"),
    [
        ((), (), {Role.INTEGRATOR}, ()),
        (("ann",), (), {Role.VIEWER}, (Role.REVIEWER,)),
        (("bob",), (), {Role.VIEWER}, ()),
        ((), ("viewer",), {Role.VIEWER}, (Role.REVIEWER,)),
        ((), ("viewer",), {Role.REVIEWER}, ()),
        (("ann",), (), {Role.REVIEWER}, ()),
    ],
)
def test_who_may_take_a_role(
    people: tuple[str, ...], roles: tuple[Any, ...], held: set[Role], offered: tuple[Role, ...]
) -> None:
    config = ConsoleSettings(emergency_people=people, emergency_from=roles)
    reader = Reader("ann", "Ann", frozenset(held), "openid")
    assert roles_offered(reader, config) == offered


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("collapsed in  the\r\nwaiting room", "collapsed in the waiting room"),
        ("patient 943 476 5919 collapsed", "patient [identifier] collapsed"),
        ("call me: jane.roe@example.org now", "call me: [address] now"),
    ],
)
def test_what_says_who_a_patient_is_is_masked(typed: str, recorded: str) -> None:
    body = urlencode({"csrf": "x", "role": "reviewer", "reason": typed}).encode()
    assert read_form(body, (Role.REVIEWER,), NOW).reason == recorded


@given(
    st.binary()
    | st.text().map(
        lambda text: urlencode({"role": "reviewer", "reason": text}).encode("utf-8", "replace")
    )
)
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    try:
        form = read_form(body, (Role.REVIEWER,), NOW)
    except ReasonMissing:
        return
    assert form.role is Role.REVIEWER
    assert form.reason.isprintable()
