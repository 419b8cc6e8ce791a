"""Waiting for the outcome of work that a service only starts (RFC 7240)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.app import AppConfig
from cds_hooks.app.prefer import LONGEST_WAIT_S, wait_of
from cds_hooks.protocol.cards import Response

BOOKED = "/cds-services/chartside-appointment-book"
VIEW = "/cds-services/chartside-patient-view"


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ((), 0),
        (("wait=30",), 30),
        (("respond-async, WAIT = 30",), 30),
        (("return=minimal", 'wait="5"; x=1'), 5),
        (("wait=1, wait=2",), 1),
        (("wait=999999",), LONGEST_WAIT_S),
        (("wait",), 0),
        (("wait=-1",), 0),
        (("wait=1e3",), 0),
        (("waiting=3",), 0),
        (("wait=99999999999999999999",), 0),
    ],
)
def test_the_first_usable_wait_counts(values: tuple[str, ...], seconds: float) -> None:
    assert wait_of(values) == seconds


@given(st.lists(st.text()))
def test_any_text_is_read_as_a_bounded_number(values: list[str]) -> None:
    assert 0 <= wait_of(values) <= LONGEST_WAIT_S


async def test_only_a_service_that_only_starts_work_is_waited_for(
    edge: Any, request_for: Any
) -> None:
    await edge.post(BOOKED, request_for("appointment-book"), prefer="wait=20")
    await edge.post(VIEW, request_for(), prefer="wait=20")
    assert [info.wait_s for _, _, info in edge.asked] == [20, 0]


async def test_the_last_bound_leaves_time_for_the_wait(make_edge: Any, request_for: Any) -> None:
    async def slow(*_: Any) -> Response:
        await asyncio.sleep(0.3)
        return Response(extension={"org.chartside.started": {"outcome": "answered"}})

    edge = make_edge(slow, AppConfig(answer_at_most_s=0.1))
    late = await edge.post(BOOKED, request_for("appointment-book"))
    assert late.status_code == 503
    waited = await edge.post(BOOKED, request_for("appointment-book"), prefer="wait=5")
    assert waited.json() == {
        "cards": [],
        "extension": {"org.chartside.started": {"outcome": "answered"}},
    }
