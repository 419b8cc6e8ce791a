"""Two service processes on one store: identical work is done by one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.consult import Consultant, work
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.inference.fake import FakeEngine, FakeReply
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition

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
    one, two = FakeEngine([reply]), FakeEngine([reply])
    first = make_consultant(one, answer_within_s=5)
    second = make_consultant(two, store=other_store, answer_within_s=5)
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
        FakeEngine([FakeReply((answer_of("Sepsis"),))]), answer_within_s=0.2
    )
    request = make_request(resources)
    asked = await consultant.ask(service, request)
    await other_store.claim(asked.key, "a process that is gone", lease_s=0.6)
    assert "Sepsis" not in (await consultant.answer(service, request)).cards[0].detail
    await asyncio.sleep(0.8)
    assert "Sepsis" in (await consultant.answer(service, request)).cards[0].detail


async def test_who_waits_in_vain_is_told_so(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    other_store: Store,
) -> None:
    consultant = make_consultant(FakeEngine(), deadline_s=0.3, answer_within_s=0.2)
    asked = await consultant.ask(service, make_request(resources))
    await other_store.claim(asked.key, "a process that does not end", lease_s=60)
    assert (await consultant.finish(asked)).outcome is Outcome.DEADLINE


async def test_long_work_keeps_its_claim(
    make_consultant: Make,
    make_request: MakeRequest,
    service: ServiceDefinition,
    resources: Resources,
    other_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "_LEASE_S", 0.3)
    consultant = make_consultant(FakeEngine([FakeReply(delay_s=1.0)]))
    asked = await consultant.ask(service, make_request(resources))
    working = asyncio.create_task(consultant.finish(asked))
    for _ in range(4):
        await asyncio.sleep(0.2)
        assert not await other_store.claim(asked.key, "another", lease_s=1)
    await working
    assert await other_store.claim(asked.key, "another", lease_s=1)
