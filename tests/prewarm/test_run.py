"""Patients one after the other, and the service they are handed to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import orjson
import pytest
import respx

from cds_hooks.consultation import Outcome
from cds_hooks.gather import NoteCode, PatientUnavailable
from cds_hooks.prewarm import (
    ChartIncomplete,
    Item,
    RunningService,
    ServerBusy,
    ServiceAway,
    Summary,
    prewarm,
)
from cds_hooks.prewarm.hand_over import HandedBack
from cds_hooks.services import STARTED, find

ITEMS = tuple(Item(f"line {n}", f"p-{n}") for n in range(1, 7))
HERE = "http://127.0.0.1:8010"
BOOKED = f"{HERE}/cds-services/chartside-appointment-book"


async def read(patient_id: str) -> Mapping[str, Any]:
    return {"patient": patient_id}


async def consult(patient_id: str, prefetch: Mapping[str, Any]) -> Outcome:
    assert prefetch == {"patient": patient_id}
    return Outcome.ANSWERED


async def test_at_most_so_many_at_one_time_and_each_is_counted() -> None:
    running, most, ticks = 0, 0, 0

    async def slow(patient_id: str, prefetch: Mapping[str, Any]) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return Outcome.EMPTY if patient_id == "p-2" else Outcome.ANSWERED

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    summary = Summary()
    await prewarm(ITEMS, read, slow, summary, concurrency=2, advance=tick)
    assert (most, ticks) == (2, 6)
    assert summary.outcomes == {"answered": 5, "empty-differential": 1}
    assert summary.whole


async def test_one_patients_trouble_is_told_by_label_and_the_others_go_on() -> None:
    faults = {
        "p-1": PatientUnavailable("patient", NoteCode.NOT_FOUND),
        "p-3": ChartIncomplete("cut", where="laboratory"),
    }

    async def some(patient_id: str) -> Mapping[str, Any]:
        if patient_id in faults:
            raise faults[patient_id]
        return await read(patient_id)

    async def refused(patient_id: str, prefetch: Mapping[str, Any]) -> Outcome:
        if patient_id == "p-4":
            raise HandedBack("body-too-large")
        return Outcome.DEADLINE if patient_id == "p-5" else Outcome.ANSWERED

    summary = Summary()
    await prewarm(ITEMS, some, refused, summary)
    assert sorted(summary.problems) == [
        ("line 1", "patient-unavailable (not-found)"),
        ("line 3", "prewarm-chart-incomplete (laboratory)"),
        ("line 4", "prewarm-refused (body-too-large)"),
        ("line 5", "deadline"),
    ]
    assert (summary.done, summary.whole) == (6, False)


async def test_what_would_meet_every_patient_ends_the_run_and_leaves_nothing_behind() -> None:
    async def busy(patient_id: str) -> Mapping[str, Any]:
        if patient_id == "p-3":
            raise ServerBusy("busy")
        return await read(patient_id)

    async def slow(patient_id: str, prefetch: Mapping[str, Any]) -> Outcome:
        await asyncio.sleep(0.01 if patient_id == "p-1" else 30)
        return Outcome.ANSWERED

    before, summary = asyncio.all_tasks(), Summary()
    with pytest.raises(ServerBusy):
        await prewarm(ITEMS, busy, slow, summary)
    assert asyncio.all_tasks() == before
    assert (summary.done, summary.patients) == (1, 6)


async def test_a_stopped_run_keeps_what_is_done() -> None:
    async def slow(patient_id: str, prefetch: Mapping[str, Any]) -> Outcome:
        await asyncio.sleep(0 if patient_id in ("p-1", "p-2") else 30)
        return Outcome.ANSWERED

    before, summary = asyncio.all_tasks(), Summary()
    task = asyncio.create_task(prewarm(ITEMS, read, slow, summary))
    while summary.done < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
    assert summary.outcomes == {"answered": 2}


# --- the running service ------------------------------------------------------------------------


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{HERE}/readyz").respond(200)
        router.get(f"{HERE}/cds-services").respond(
            json={"services": [{"id": "chartside-appointment-book"}]}
        )
        yield router


@pytest.fixture
async def service(clock: Any) -> AsyncIterator[RunningService]:
    definition = find("chartside-appointment-book")
    assert definition is not None
    async with httpx.AsyncClient(base_url=HERE) as http:
        yield RunningService(
            http, definition, fhir_server="https://ehr/fhir", wait_s=120, sleep=clock.sleep
        )


def told(outcome: str) -> httpx.Response:
    return httpx.Response(200, json={"cards": [], "extension": {STARTED: {"outcome": outcome}}})


async def test_a_chart_is_handed_over_as_one_hook_that_waits(
    net: respx.MockRouter, service: RunningService
) -> None:
    posted = net.post(BOOKED).mock(return_value=told("answered"))
    await service.require()
    assert await service.consult("p-1", {"patient": {"id": "p-1"}}) is Outcome.ANSWERED
    request = posted.calls.last.request
    body = orjson.loads(request.content)
    assert request.headers["prefer"] == "wait=121"
    assert body["hook"] == "appointment-book"
    assert body["prefetch"] == {"patient": {"id": "p-1"}}
    assert body["fhirServer"] == "https://ehr/fhir"
    assert "fhirAuthorization" not in body
    assert "p-1" not in str(request.url)


async def test_charts_that_are_open_go_first(
    net: respx.MockRouter, service: RunningService, clock: Any
) -> None:
    busy = httpx.Response(503, headers={"Retry-After": "7"})
    net.post(BOOKED).mock(side_effect=[told("overloaded"), busy, told("pending"), told("answered")])
    assert await service.consult("p-1", {}) is Outcome.ANSWERED
    assert clock.slept == [5, 7, 10, 15]


async def test_a_service_that_stays_busy_is_given_up(
    net: respx.MockRouter, service: RunningService
) -> None:
    posted = net.post(BOOKED).mock(return_value=told("overloaded"))
    assert await service.consult("p-1", {}) is Outcome.OVERLOADED
    assert posted.call_count == 6


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(413, json={"issue": [{"details": {"coding": [{"code": "big"}]}}]}), "big"),
        (httpx.Response(400, text="p-1 is wrong"), "status 400"),
        (httpx.Response(200, json={"cards": []}), "status 200"),
        (told("made-up"), "status 200"),
        (httpx.Response(200, json=[1]), "status 200"),
    ],
)
async def test_a_refused_chart_is_one_patients_trouble(
    net: respx.MockRouter, service: RunningService, answer: httpx.Response, reason: str
) -> None:
    net.post(BOOKED).mock(return_value=answer)
    with pytest.raises(HandedBack) as caught:
        await service.consult("p-1", {})
    assert caught.value.reason == reason


NOT_READY = {"engine": "engine-died: The engine process ended by SIGSEGV.", "store": "ok"}


@pytest.mark.parametrize(
    ("state", "hint"), [("restarting", "Wait until /readyz"), ("failed", "restart the service")]
)
async def test_a_service_that_is_not_ready_says_what_is_wrong_and_whether_waiting_helps(
    net: respx.MockRouter, service: RunningService, state: str, hint: str
) -> None:
    checks = {**NOT_READY, "engine_state": state}
    net.get(f"{HERE}/readyz").respond(503, json={"status": "not-ready", "checks": checks})
    with pytest.raises(ServiceAway) as away:
        await service.require()
    assert "(engine: engine-died: The engine process ended by SIGSEGV)" in away.value.message
    assert hint in away.value.hint


async def test_an_engine_that_stays_away_ends_the_run_with_what_is_wrong(
    net: respx.MockRouter, service: RunningService
) -> None:
    """And one that is back by then costs one patient's answer, not the run."""
    net.post(BOOKED).mock(return_value=told("engine-unavailable"))
    assert await service.consult("p-1", {}) is Outcome.ENGINE_UNAVAILABLE
    checks = {**NOT_READY, "engine_state": "failed"}
    net.get(f"{HERE}/readyz").respond(503, json={"status": "not-ready", "checks": checks})
    with pytest.raises(ServiceAway, match="SIGSEGV"):
        await service.consult("p-2", {})


async def test_a_service_that_is_switched_off_ends_the_run(
    net: respx.MockRouter, service: RunningService
) -> None:
    off = {"Chartside-Answer": "service-switched-off"}
    net.post(BOOKED).respond(200, json={"cards": []}, headers=off)
    with pytest.raises(ServiceAway, match="was switched off"):
        await service.consult("p-1", {})


async def test_a_service_that_is_away_or_lacks_what_is_needed(
    net: respx.MockRouter, service: RunningService
) -> None:
    net.post(BOOKED).mock(side_effect=httpx.ReadError("gone"))
    with pytest.raises(ServiceAway, match="went away"):
        await service.consult("p-1", {})
    net.get(f"{HERE}/cds-services").respond(json={"services": [{"id": "another"}]})
    with pytest.raises(ServiceAway, match="does not offer"):
        await service.require()
    net.get(f"{HERE}/readyz").respond(503)
    with pytest.raises(ServiceAway, match="not ready"):
        await service.require()
    net.get(f"{HERE}/readyz").mock(side_effect=httpx.ConnectError("none"))
    with pytest.raises(ServiceAway, match="no service answers"):
        await service.require()
