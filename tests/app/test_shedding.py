"""Near the bound on open calls: who is answered by rules alone, and without waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from cds_hooks.app.middleware.in_flight import InFlight
from cds_hooks.app.notes import notes_of
from cds_hooks.consultation import Caller


class Calls:
    """An application whose calls stay open; `shed` tells who was to be answered by rules alone."""

    def __init__(self, most: int) -> None:
        self.shed: list[tuple[str, bool]] = []
        self.released = asyncio.Event()
        self.edge = InFlight(self._stay, most, 0)
        self.tasks: list[asyncio.Task[None]] = []

    async def _stay(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        notes = notes_of(scope)
        self.shed.append((notes.caller.client, notes.shed))
        await self.released.wait()

    async def open(self, client: str, path: str = "/cds-services/x", peer: str = "") -> bool:
        """Whether another call of a client is shed."""
        scope: Any = {"type": "http", "method": "POST", "path": path, "client": (peer, 1)}
        notes_of(scope).caller = Caller(client)
        self.tasks.append(asyncio.create_task(self.edge(scope, None, None)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return self.shed[-1][1]

    async def close(self) -> None:
        self.released.set()
        await asyncio.gather(*self.tasks)


@pytest.fixture
async def calls() -> Any:
    made = Calls(most=8)
    yield made
    await made.close()


async def test_past_three_quarters_calls_are_answered_by_rules_alone(calls: Calls) -> None:
    assert [await calls.open("a") for _ in range(8)] == [False] * 6 + [True] * 2


async def test_a_client_with_few_calls_is_not_shed_for_one_with_many(calls: Calls) -> None:
    for _ in range(6):
        await calls.open("a")
    assert not await calls.open("b")
    assert await calls.open("a")


async def test_once_calls_have_ended_nothing_is_shed(calls: Calls) -> None:
    for _ in range(8):
        await calls.open("a")
    await calls.close()
    assert not await calls.open("a")
    assert (len(calls.edge.open), len(calls.edge.callers)) == (0, 0)


async def test_forms_from_many_addresses_take_no_clients_share(calls: Calls) -> None:
    """Whoever sends one needs no token: they must not have a hospital answered by rules alone."""
    for number in range(7):
        await calls.open("", "/consultations/x/feedback", f"192.0.2.{number}")
    assert not await calls.open("a")
