"""What was fired is kept within bounds of number, bytes and time, and for one browser alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector_errors import InspectionExpired
from cds_hooks.console.inspector.inspector_settings import InspectorSettings
from cds_hooks.console.inspector.keeping import DroppedChart, InspectorSessions
from cds_hooks.services import REGISTRY


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fired(name: str, began: float, size: int = 0) -> Inspected:
    return Inspected(name, REGISTRY[0], "a test", 0.0, began=began, request=b"x" * size)


def sessions_of(clock: Clock, **settings: float) -> InspectorSessions:
    return InspectorSessions(InspectorSettings.model_validate(settings), clock)


def test_a_cookie_of_another_reader_opens_nothing(clock: Clock) -> None:
    sessions = sessions_of(clock)
    mine = sessions.open("", "me")
    assert sessions.open(mine.key, "me") is mine
    assert sessions.open(mine.key, "you") is not mine
    with pytest.raises(InspectionExpired):
        sessions.existing(mine.key, "you")
    with pytest.raises(InspectionExpired):
        sessions.existing("", "me")


@pytest.mark.parametrize(("later", "kept"), [(9.9, True), (10.0, False), (10.1, False)])
def test_it_is_kept_for_its_time(clock: Clock, later: float, kept: bool) -> None:
    sessions = sessions_of(clock, kept_s=10.0)
    mine = sessions.open("", "me")
    sessions.keep(mine, fired("one", clock.now))
    clock.now += later
    if kept:
        assert sessions.existing(mine.key, "me").find("one")
    else:
        with pytest.raises(InspectionExpired):
            sessions.existing(mine.key, "me")


def test_what_was_fired_expires_though_its_browser_is_still_there(clock: Clock) -> None:
    sessions = sessions_of(clock, kept_s=10.0)
    mine = sessions.open("", "me")
    sessions.keep(mine, fired("one", clock.now))
    for _ in range(3):
        clock.now += 4.0
        mine = sessions.open(mine.key, "me")
    with pytest.raises(InspectionExpired):
        mine.find("one")


def test_the_oldest_goes_first(clock: Clock) -> None:
    sessions = sessions_of(clock, per_session=2, sessions=2)
    mine = sessions.open("", "me")
    for name in "abc":
        sessions.keep(mine, fired(name, clock.now))
    assert list(mine.fired) == ["b", "c"]
    others = [sessions.open("", "me") for _ in range(2)]
    with pytest.raises(InspectionExpired):
        sessions.existing(mine.key, "me")
    assert sessions.existing(others[0].key, "me")


def test_bytes_of_all_browsers_together_are_bounded(clock: Clock) -> None:
    sessions = sessions_of(clock, max_bytes=1_000_000)
    one, two = sessions.open("", "me"), sessions.open("", "you")
    sessions.keep(one, fired("old", clock.now, 300_000))
    two.dropped = DroppedChart([], "files", 100_000, clock.now + 1)
    sessions.keep(two, fired("new", clock.now + 2, 200_000))
    assert list(one.fired) == []
    assert list(two.fired) == ["new"]
    assert two.dropped is not None
    sessions.keep(one, fired("newest", clock.now + 3, 400_000))
    assert list(one.fired) == ["newest"]
    assert (two.fired, two.dropped) == ({}, None)


async def test_it_is_forgotten_in_time_though_nobody_comes_back(
    start: Any, browser_of: Any
) -> None:
    runtime = await start({"kept_s": 0.5})
    browser = await browser_of(runtime)
    files = [("x.json", b'{"resourceType": "Patient", "id": "one"}')]
    await browser.send(files, **{"from": "files"})
    async with asyncio.timeout(30):
        while runtime.inspector.sessions._sessions:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
