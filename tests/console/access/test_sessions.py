"""Sessions: new ids, two ends, bounds, and what a person who comes back keeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.access.sessions import Emergency, Session, Sessions
from cds_hooks.console.reader import Reader, Role

START = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def _reader(subject: str = "a", *roles: Role) -> Reader:
    return Reader(subject, subject.upper(), frozenset(roles or {Role.VIEWER}), "openid")


def _sessions(**config: Any) -> tuple[Sessions, Clock]:
    clock = Clock()
    return Sessions(ConsoleSettings(**config), clock), clock


def _found(sessions: Sessions, chosen: str) -> Session:
    session = sessions.find(chosen)
    assert session is not None
    return session


def test_an_id_has_256_bits_and_only_its_digest_is_kept() -> None:
    sessions, _ = _sessions()
    one, other = sessions.begin(_reader()), sessions.begin(_reader())
    assert one != other
    assert len(one) == 43  # base64url of 32 bytes
    assert one not in repr(vars(sessions))
    assert _found(sessions, one).reader.subject == "a"


@pytest.mark.parametrize("chosen", ["", "x" * 43, "x" * 42, "\ud800" * 43, "é" * 43])
def test_an_id_that_nobody_gave_opens_nothing(chosen: str) -> None:
    sessions, _ = _sessions()
    sessions.begin(_reader())
    assert sessions.find(chosen) is None


@pytest.mark.parametrize(("after_s", "open_"), [(1799.9, True), (1800.0, False), (1800.1, False)])
def test_it_ends_when_it_is_not_used(after_s: float, open_: bool) -> None:
    sessions, clock = _sessions()
    chosen = sessions.begin(_reader())
    clock.now += after_s
    assert (sessions.find(chosen) is not None) is open_


@pytest.mark.parametrize(("after_s", "open_"), [(3599.9, True), (3600.0, False), (3600.1, False)])
def test_it_ends_however_much_it_is_used(after_s: float, open_: bool) -> None:
    sessions, clock = _sessions(idle_s=600, lifetime_s=3600)
    chosen = sessions.begin(_reader())
    for _ in range(int(after_s // 500)):
        clock.now += 500
        assert sessions.find(chosen) is not None
    clock.now = START + after_s
    assert (sessions.find(chosen) is not None) is open_


def test_it_ends_when_the_clock_is_set_back() -> None:
    sessions, clock = _sessions()
    chosen = sessions.begin(_reader())
    clock.now -= 60
    assert sessions.find(chosen) is None


def test_signing_in_gives_a_new_id_and_the_browsers_earlier_one_is_over() -> None:
    sessions, _ = _sessions()
    earlier = sessions.begin(_reader())
    chosen = sessions.begin(_reader(), earlier)
    assert chosen != earlier
    assert sessions.find(earlier) is None
    assert sessions.find(chosen) is not None


def test_an_id_that_was_planted_is_not_taken_over() -> None:
    sessions, _ = _sessions()
    planted = "p" * 43
    chosen = sessions.begin(_reader(), planted)
    assert chosen != planted
    assert sessions.find(planted) is None


def test_a_form_of_an_expired_session_can_be_sent_after_signing_in_again() -> None:
    sessions, clock = _sessions()
    earlier = sessions.begin(_reader())
    csrf = _found(sessions, earlier).csrf
    clock.now += 1800
    assert sessions.find(earlier) is None
    assert _found(sessions, sessions.begin(_reader(), earlier)).csrf == csrf


@pytest.mark.parametrize("somebody", [_reader("b"), Reader("a", "A", frozenset(), "link")])
def test_somebody_else_in_the_same_browser_gets_another_token(somebody: Reader) -> None:
    sessions, clock = _sessions()
    earlier = sessions.begin(_reader())
    csrf = _found(sessions, earlier).csrf
    clock.now += 1800
    sessions.find(earlier)
    assert _found(sessions, sessions.begin(somebody, earlier)).csrf != csrf


def test_after_signing_out_nothing_is_left_to_take_up() -> None:
    sessions, _ = _sessions()
    chosen = sessions.begin(_reader())
    csrf = _found(sessions, chosen).csrf
    assert sessions.end(chosen) is not None
    assert sessions.end(chosen) is None
    assert _found(sessions, sessions.begin(_reader(), chosen)).csrf != csrf


def test_one_person_has_a_bounded_number_and_the_one_unused_for_longest_ends() -> None:
    sessions, clock = _sessions(most_per_person=2)
    first, second = sessions.begin(_reader()), sessions.begin(_reader())
    other = sessions.begin(_reader("b"))
    clock.now += 1
    _found(sessions, first)
    third = sessions.begin(_reader())
    opened = [sessions.find(each) is not None for each in (first, second, third, other)]
    assert opened == [True, False, True, True]


def test_one_session_a_person_can_be_asked_for() -> None:
    sessions, _ = _sessions(most_per_person=1)
    first, second = sessions.begin(_reader()), sessions.begin(_reader())
    assert sessions.find(first) is None
    assert sessions.find(second) is not None


def test_all_together_are_bounded() -> None:
    sessions, _ = _sessions(most_sessions=3)
    chosen = [sessions.begin(_reader(str(number))) for number in range(5)]
    assert [sessions.find(each) is not None for each in chosen] == [False, False, True, True, True]


@given(st.binary())
def test_a_form_names_a_session_or_none(form: bytes) -> None:
    sessions, _ = _sessions()
    session = _found(sessions, sessions.begin(_reader()))
    assert sessions.named(form) is None
    assert sessions.named(b"csrf=x&session=" + session.key.hex().encode()) is session


@pytest.mark.parametrize(("after_s", "may"), [(59.9, True), (60.0, False), (60.1, False)])
def test_a_role_of_an_emergency_lasts_until_its_end(after_s: float, may: bool) -> None:
    sessions, clock = _sessions()
    session = _found(sessions, sessions.begin(_reader()))
    session.emergency = Emergency(Role.REVIEWER, START + 60)
    clock.now += after_s
    assert session.reader_at(clock.now).may(Role.REVIEWER) is may
    assert session.reader_at(clock.now).may(Role.VIEWER)
