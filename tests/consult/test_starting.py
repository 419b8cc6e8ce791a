"""Work begun before the chart is opened, and how long each service takes to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.audit import Store
from cds_hooks.consult import Consultant
from cds_hooks.consultation import Caller, Consultation, Outcome
from cds_hooks.inference.engine import Priority, QueueFull
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import STARTED, ServiceDefinition, find
from tests.consult.held_engine import HeldEngine, recorded
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]
AnswerOf = Callable[..., str]


@pytest.fixture
def booked() -> ServiceDefinition:
    found = find("chartside-appointment-book")
    assert found is not None
    return found


def outcome(response: Response) -> str:
    assert response.cards == ()
    assert response.extension is not None
    return str(response.extension[STARTED]["outcome"])


async def test_booking_starts_the_work_and_the_opened_chart_has_the_answer(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    booked: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    store: Store,
    seen: list[Consultation],
) -> None:
    engine = HeldEngine(answer_of("Pulmonary embolism"))
    consultant = make_consultant(engine)
    request = make_request(resources)
    assert outcome(await consultant.answer(booked, request)) == "pending"
    engine.released.set()
    await recorded(seen)
    [card] = (await consultant.answer(service, request)).cards
    assert "Pulmonary embolism" in card.detail
    assert [asked.priority for asked in engine.requests] == [Priority.BACKGROUND]
    [answer] = await records(store, request, consultant)
    assert answer.service == booked.id


async def records(store: Store, request: HookRequest, consultant: Consultant) -> list[Consultation]:
    service = find("chartside-patient-view")
    assert service is not None
    key = (await consultant.prepare(service, request)).patient_key
    found = await store.last_for_patient(key)
    return [found] if found else []


async def test_who_waits_is_told_the_outcome(
    make_consultant: Make,
    make_request: MakeRequest,
    booked: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    slow = FakeReply((answer_of("Pulmonary embolism"),), delay_s=0.2)
    engine = FakeEngine([FakeReply(fault=QueueFull("full")), slow], demonstration=False)
    consultant = make_consultant(engine, answer_within_s=0.05)
    request = make_request(resources)
    assert outcome(await consultant.answer(booked, request, wait_s=60)) == "overloaded"
    assert outcome(await consultant.answer(booked, request, wait_s=60)) == "answered"
    assert outcome(await consultant.answer(booked, request)) == "answered"
    assert len(engine.requests) == 2


async def test_only_so_many_wait_at_one_time(
    make_consultant: Make,
    make_request: MakeRequest,
    booked: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = HeldEngine(answer_of("Pulmonary embolism"))
    consultant = make_consultant(engine)
    request = make_request(resources)
    asked = [asyncio.create_task(consultant.answer(booked, request, wait_s=60)) for _ in range(12)]
    while sum(task.done() for task in asked) < 4:  # noqa: ASYNC110 - who may not wait is told so
        await asyncio.sleep(0.01)
    engine.released.set()
    told = [outcome(response) for response in await asyncio.gather(*asked)]
    assert (told.count("answered"), told.count("pending")) == (8, 4)
    assert len(engine.requests) == 1


async def test_a_service_that_is_made_to_only_start_shows_no_card(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    seen: list[Consultation],
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    consultant = make_consultant(engine)
    quiet = replace(service, only_starts=True)
    assert outcome(await consultant.answer(quiet, make_request(resources))) == "pending"
    await recorded(seen)
    assert seen[0].outcome is Outcome.ANSWERED
    assert engine.requests[0].priority is Priority.BACKGROUND


async def test_an_opened_chart_goes_before_what_is_only_prepared(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    await make_consultant(engine).answer(service, make_request(resources))
    assert engine.requests[0].priority is Priority.OPEN_CHART
    assert Priority.OPEN_CHART < Priority.BACKGROUND


async def test_an_opened_chart_raises_the_priority_of_what_is_being_prepared(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    booked: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
    seen: list[Consultation],
) -> None:
    engine = HeldEngine(answer_of("Pulmonary embolism"))
    consultant = make_consultant(engine, answer_within_s=0.05)
    assert outcome(await consultant.answer(booked, make_request(resources))) == "pending"
    await engine.asked.wait()
    await consultant.answer(service, make_request(resources))
    engine.released.set()
    await recorded(seen)
    [asked] = engine.requests
    assert (asked.priority, asked.priority_now) == (Priority.BACKGROUND, Priority.OPEN_CHART)


async def test_the_engine_is_told_which_client_and_tenant_ask(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    engine = FakeEngine([FakeReply((answer_of("Pulmonary embolism"),))], demonstration=False)
    opened = replace(make_request(resources), caller=Caller("ehr", tenant="ward"))
    await make_consultant(engine).answer(service, opened)
    assert engine.requests[0].flow == ("ehr", "ward")


async def test_each_service_answers_within_its_own_time(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: AnswerOf,
) -> None:
    reply = FakeReply((answer_of("Pulmonary embolism"),), delay_s=0.2)
    own = {service.id: 60.0}
    patient = make_consultant(
        FakeEngine([reply], demonstration=False), answer_within_s=0.01, answer_within=own
    )
    [card] = (await patient.answer(service, make_request(resources))).cards
    assert "Pulmonary embolism" in card.detail
    other = replace(service, id="chartside-other")
    held = HeldEngine(answer_of("Pulmonary embolism"))
    sooner = make_consultant(held, answer_within_s=0.01, answer_within=own, seed=1)
    await sooner.answer(other, make_request(resources))
    assert held.requests == [], "told before the model said anything"
    await sooner.close()
