"""Two service processes on one store: identical work is done by one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cds_hooks.audit import SiteKey, Store, StoreConfig, tables
from cds_hooks.consult import Consultant, in_flight
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from tests.consult.held_engine import HeldEngine, recorded
from tests.fake_engine import FakeEngine, FakeReply

Make = Callable[..., Consultant]
Resources = list[dict[str, Any]]
MakeRequest = Callable[[Resources], HookRequest]


@pytest.fixture
async def other_store(store: Store, tmp_path: Path) -> AsyncIterator[Store]:
    """The same file as another process opens it."""
    opened = Store(StoreConfig(tmp_path / "store.sqlite"), SiteKey.load(tmp_path / "site.key"))
    await opened.open()
    yield opened
    await opened.close()


async def test_the_other_process_waits_for_the_work_and_has_its_answer(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    other_store: Store,
) -> None:
    reply = FakeReply((answer_of("Sepsis"),), delay_s=0.5)
    one, two = FakeEngine([reply], demonstration=False), FakeEngine([reply], demonstration=False)
    first = make_consultant(one)
    second = make_consultant(two, store=other_store)
    answers = await asyncio.gather(
        first.answer(service, make_request(resources)),
        second.answer(service, make_request(resources)),
    )
    assert all("Sepsis" in answer.cards[0].detail for answer in answers)
    assert (len(one.requests), len(two.requests)) in ((1, 0), (0, 1))


async def test_work_whose_process_died_is_taken_over(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    answer_of: Callable[..., str],
    other_store: Store,
    seen: list[Consultation],
) -> None:
    consultant = make_consultant(
        FakeEngine([FakeReply((answer_of("Sepsis"),))], demonstration=False), answer_within_s=0.05
    )
    request = make_request(resources)
    asked = await consultant.prepare(service, request)
    await other_store.claim(asked.key, "a process that is gone", lease_s=3600)
    assert "Sepsis" not in (await consultant.answer(service, request)).cards[0].detail
    await other_store.claim(asked.key, "a process that is gone", lease_s=-1)  # it ran out
    await recorded(seen)
    assert "Sepsis" in (await consultant.answer(service, request)).cards[0].detail


async def test_who_waits_in_vain_is_told_so(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    other_store: Store,
) -> None:
    consultant = make_consultant(
        FakeEngine(demonstration=False), deadline_s=0.3, answer_within_s=0.2
    )
    asked = await consultant.prepare(service, make_request(resources))
    await other_store.claim(asked.key, "a process that does not end", lease_s=3600)
    assert (await consultant.complete(asked)).outcome is Outcome.DEADLINE


async def test_long_work_keeps_its_claim(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    store: Store,
    other_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        in_flight, "_LEASE_S", 0.3
    )  # so it looks after its claim ten times a second
    now = [time.time()]
    for each in (store, other_store):
        monkeypatch.setattr(each, "_clock", lambda: now[0])
    engine = HeldEngine('{"diagnoses":[]}')
    consultant = make_consultant(engine)
    asked = await consultant.prepare(service, make_request(resources))
    working = asyncio.create_task(consultant.complete(asked))
    for _ in range(4):
        await _claimed_until(other_store, now[0] + 0.3)
        now[0] += 0.2
        assert not await other_store.claim(asked.key, "another", lease_s=1)
    engine.released.set()
    await working
    assert await other_store.claim(asked.key, "another", lease_s=1)


async def _claimed_until(store: Store, moment: float) -> None:
    """Wait until the one claim there is was extended to this moment."""
    until = select(tables.claims.c.until)
    while await store._transactions.read(lambda c: c.execute(until).scalar()) != moment:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
