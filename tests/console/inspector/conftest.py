"""The whole service with a model that is a fake, and a browser of the inspector's pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.console.inspector.inspector_settings import InspectorSettings
from cds_hooks.runtime import Runtime
from cds_hooks.settings import Settings
from tests.fake_engine import FakeEngine, FakeReply
from tests.prewarm.conftest import serve

__all__ = ["serve"]

ROOT = Path(__file__).resolve().parents[3]
BASE = "http://127.0.0.1:8010"
VIEW = "chartside-patient-view"
_CSRF = re.compile(r'name="csrf" value="([^"]*)"')


def differential(*names: str, fact: str = "L1") -> str:
    """What a model would write."""
    diagnoses = [
        {
            "name": name,
            "group": "likely",
            "for": [{"fact": fact, "is": "high"}],
            "against": [],
            "discriminator": "imaging",
        }
        for name in names
    ]
    return json.dumps({"diagnoses": diagnoses})


class Browser:
    """One browser at this machine, which keeps its cookies; it opens a one-time link first."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        transport = httpx.ASGITransport(runtime.app, client=("127.0.0.1", 50_000))
        self.http = httpx.AsyncClient(transport=transport, base_url=BASE)
        self.csrf = ""

    async def sign_in(self) -> Browser:
        links = self._runtime.access.links
        assert links is not None
        assert (await self.http.get(f"/open/{links.make()}")).status_code == 303
        return self

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        if found := _CSRF.search(answer.text):
            self.csrf = found[1]
        return answer.text

    async def send(self, files: list[Any] | None = None, **fields: str) -> httpx.Response:
        """Send the form of the page, whose fields come in its order."""
        if not self.csrf:
            await self.get("/inspector")
        given = {"csrf": self.csrf, "service": VIEW, **fields}
        parts = [(name, (None, value)) for name, value in given.items()]
        parts += [("file", file) for file in files or ()]
        headers = {"sec-fetch-site": "same-origin"}
        return await self.http.post("/inspector/fire", files=parts, headers=headers)

    async def fire(self, files: list[Any] | None = None, **fields: str) -> str:
        """Fire; the address of the page that shows it."""
        answer = await self.send(files, **fields)
        assert answer.status_code == 303, answer.text
        return f"/inspector/{answer.headers['location']}"

    async def ended(self, place: str) -> str:
        """The page once nothing more comes."""
        async with asyncio.timeout(300):
            while 'id="live"' in (page := await self.get(place)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return page

    async def stream(self, place: str) -> list[tuple[str, str]]:
        """The events of the page's stream to its end, as (name, data)."""
        answer = await self.http.get(f"{place}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = []
        for block in answer.text.split("\n\n"):
            lines = [line.partition(": ")[::2] for line in block.splitlines()]
            data = "\n".join(text for name, text in lines if name == "data")
            found.append((dict(lines).get("event", ""), data))
        return found


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine([FakeReply((differential("Pulmonary embolism", "Pneumonia"),))])


Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[Start]:
    """`await start(inspector={...}, **sections)` is a running service; stopped at the end."""
    async with contextlib.AsyncExitStack() as stack:
        SiteKey.load(tmp_path / "site.key", create=True)

        async def run(inspector: dict[str, Any] | None = None, **sections: Any) -> Runtime:
            given = {
                "store": {"path": str(tmp_path / "s.sqlite"), "site_key": tmp_path / "site.key"},
                "services": {"answer_within_s": 0.2, "samples": 2},
                "inspector": InspectorSettings(**(inspector or {})).model_dump(),
                "terminology": {"path": ROOT / "build" / "terminology.sqlite"},
                **sections,
            }
            runtime = Runtime(Settings.model_validate(given), 8010, engine=engine)
            await stack.enter_async_context(runtime.lifespan())
            return runtime

        yield run


@pytest.fixture
async def browser_of() -> AsyncIterator[Callable[..., Any]]:
    """A new browser, with cookies of its own, signed in or not."""
    opened: list[Browser] = []

    async def make(runtime: Runtime, *, signed_in: bool = True) -> Browser:
        opened.append(Browser(runtime))
        return await opened[-1].sign_in() if signed_in else opened[-1]

    yield make
    for each in opened:
        await each.http.aclose()
