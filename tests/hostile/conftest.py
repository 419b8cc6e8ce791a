"""One whole service for all hostile charts: only the model is a worse one than any real."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

import cds_hooks.runtime.service as service_module
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.operation.logs import configure_logging
from cds_hooks.runtime.service import Runtime
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.hostile.charts import Hostile, resources
from tests.hostile.obedient import Obedient

ROOT = Path(__file__).resolve().parents[2]
BASE = "http://127.0.0.1:8010"


class Attacked:
    """The service over HTTP, its engine, and all that it logged."""

    def __init__(self, client: httpx.AsyncClient, engine: Obedient, log: io.StringIO) -> None:
        self.client = client
        self.engine = engine
        self.log = log
        self.base = BASE

    async def open(self, chart: Hostile) -> dict[str, Any]:
        """The answer to a patient-view hook for this chart, the model obeying it."""
        self.engine.chart = chart
        self.engine.requests.clear()
        answer = await self.post(body_of(chart))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, body: Any) -> httpx.Response:
        return await self.client.post("/cds-services/chartside-patient-view", json=body)

    async def page(self, answer: dict[str, Any]) -> str:
        """The page that the first card links to."""
        urls = [link["url"] for link in answer["cards"][0]["links"]]
        [url] = [url for url in urls if "/consultations/" in url]
        return (await self.client.get(url.removeprefix(BASE))).text


def body_of(chart: Hostile) -> dict[str, Any]:
    """A hook request that brings the whole chart."""
    service = find("chartside-patient-view")
    assert service is not None
    return hook_request(
        "patient-view",
        service.prefetch,
        resources(chart),
        patient_id=chart.patient_id,
        encounter_id="e1",
    )


def settings_for(folder: Path, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
            "services": {"answer_within_s": 20.0, "recall_s": 0},
            "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
            "server": {"public_url": BASE},
            **more,
        }
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def attacked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacked]:
    """One service for all charts; each is of a patient of its own."""
    stream, engine = io.StringIO(), Obedient()
    configure_logging(level="debug", json=True, stream=stream)
    settings = settings_for(tmp_path_factory.mktemp("hostile"))
    async with contextlib.AsyncExitStack() as stack:
        # Only while the service begins: tests of other folders run before this one ends.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(service_module, "make_engine", lambda *_a, **_k: engine)
            runtime = await stack.enter_async_context(Runtime.running(settings))
        transport = httpx.ASGITransport(runtime.app)
        client = httpx.AsyncClient(transport=transport, base_url=BASE)
        yield Attacked(await stack.enter_async_context(client), engine, stream)
    configure_logging(level="warning", json=True)
