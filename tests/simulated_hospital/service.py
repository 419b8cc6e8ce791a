"""The real service in this process, into which the encounters are played.

Hooks over ASGI, the real pipeline and rules, a SQLite store with its ledger, the model over HTTP.
Only the clock is ours.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.runtime.service import Runtime
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.simulated_hospital.bundles import resources
from tests.simulated_hospital.encounters import Encounter
from tests.simulated_hospital.model_server import MODEL, SimulatedModel, model_server
from tests.simulated_hospital.trial_cases import SERVICE

__all__ = ["Played", "settings_in", "trial_service"]

ROOT = Path(__file__).resolve().parents[2]
_BASE = "http://127.0.0.1:8010"


def settings_in(folder: Path, base: str, **more: Any) -> Settings:
    """A service on trial whose records are in `folder` and whose model is at `base`."""
    return Settings.model_validate(
        {
            "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
            "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
            "model_server": {"bases": [base], "model": MODEL, "sha256": "ab" * 32},
            "services": {"mode": "silent", "answer_within_s": 60},
            "retention": {"consultations_days": 3650},
            **more,
        }
    )


@dataclass
class Played:
    """A running service, its settings and model, and the time that it takes for now."""

    settings: Settings
    runtime: Runtime
    model: SimulatedModel
    http: httpx.AsyncClient
    now: datetime

    async def open_chart(self, encounter: Encounter, when: datetime) -> dict[str, Any]:
        """The answer to the hook of a chart that is opened."""
        self.now = when
        service = find(SERVICE)
        assert service is not None
        body = hook_request(
            service.hook,
            service.prefetch,
            resources(encounter),
            patient_id=encounter.patient.id,
            encounter_id=encounter.id,
        )
        answer = await self.http.post(f"/cds-services/{SERVICE}", json=body)
        assert answer.status_code == 200, answer.text
        while self.runtime.hooks._silent.works_on:  # noqa: ASYNC110 - the next hook is hours later
            await asyncio.sleep(0.002)
        found: dict[str, Any] = answer.json()
        return found

    async def play(self, encounters: Sequence[Encounter]) -> int:
        """Open every chart at its time, those that are opened again too; the number of hooks."""
        opened = [(each.asked, each) for each in encounters]
        opened += [(each.seen_again, each) for each in encounters if each.seen_again]
        for when, encounter in sorted(opened, key=lambda each: (each[0], each[1].number)):
            answer = await self.open_chart(encounter, when)
            assert answer["cards"] == [], "a silent service shows nothing"
        return len(opened)


@contextlib.asynccontextmanager
async def trial_service(
    folder: Path, encounters: Sequence[Encounter], **settings: Any
) -> AsyncIterator[Played]:
    """The service, ready."""
    model = SimulatedModel.of(encounters)
    async with contextlib.AsyncExitStack() as stack:
        base = await stack.enter_async_context(model_server(model))
        told = settings_in(folder, base, **settings)
        runtime = Runtime(told, 8010)
        await stack.enter_async_context(runtime.lifespan())
        await runtime.until_ready(120)
        transport = httpx.ASGITransport(runtime.app, client=("127.0.0.1", 50_000))
        http = httpx.AsyncClient(transport=transport, base_url=_BASE, timeout=120)
        await stack.enter_async_context(http)
        played = Played(told, runtime, model, http, encounters[0].asked)
        for consultant in (runtime.hooks._silent, runtime.hooks._shown):
            consultant._dependencies = replace(consultant._dependencies, now=lambda: played.now)
        yield played
