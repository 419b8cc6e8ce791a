"""The real service on a loopback port for a browser: only the model is a fake, and obeys charts."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.console.access import Reader, Role
from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.runtime.service import Runtime
from cds_hooks.services import find
from cds_hooks.settings import Settings
from tests.hostile.charts import BENIGN, Hostile, resources
from tests.hostile.obedient import Obedient

__all__ = ["WholeService"]

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
TESTER = Reader("tester", "Tess Ter", frozenset(Role), "link")
PATIENT_VIEW = "chartside-patient-view"
_PATIENCE_S = 60.0
_BROWSER = {"Accept": "text/html"}


class HeldBack(Obedient):
    """An engine that answers as the chart demands, at once or when it is released.

    While `truthful` is set it names sepsis and claims of the facts what they say.
    """

    def __init__(self) -> None:
        super().__init__()
        self.truthful = False
        self.released = threading.Event()
        self.released.set()

    async def generate(self, request: GenerationRequest) -> Generation:
        while not self.released.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.02)
        return await super().generate(request)

    def _diagnoses(self, request: GenerationRequest) -> Iterator[dict[str, Any]]:
        if not self.truthful:
            yield from super()._diagnoses(request)
            return
        lines = request.messages[-1].content.split("\n")
        high = [line.split(" | ")[0] for line in lines if line.endswith("high")]
        cited = [{"fact": each, "is": "high"} for each in high]
        yield {"name": "Sepsis", "group": "likely", "for": cited, "against": []}


class WholeService:
    """`Runtime` in a thread with a loop of its own, so that the browser may have this thread."""

    def __init__(
        self, folder: Path, settings_for: Callable[[Path, int], Settings] | None = None
    ) -> None:
        self.engine = HeldBack()
        self.subject = BENIGN
        self._client: httpx.Client | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.runtime = Runtime((settings_for or _settings)(folder, port), port, engine=self.engine)
        config = uvicorn.Config(self.runtime.app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._until_ready()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self.runtime.lifespan():
            await self._server.serve(sockets=[self._socket])

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives in the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    def _until_ready(self) -> None:
        self.until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def until(self, reached: Any) -> None:
        """Wait for what `reached` tells; an AssertionError when it never comes."""
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends:
            try:
                if reached():
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError("not reached")

    def stop(self) -> None:
        """End it in order."""
        self.engine.released.set()
        self._close()
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def get(self, path: str, *, signed_in: bool = False) -> httpx.Response:
        """A page as it is sent to a browser."""
        if signed_in:
            return self.signed_in().get(self.url + path)
        return httpx.get(self.url + path, timeout=60, headers=_BROWSER)

    def signed_in(self) -> httpx.Client:
        """A browser with its cookies, and a session with every role."""
        if self._client is None:
            self.sign_in_as(TESTER.name)
        assert self._client is not None
        return self._client

    def sign_in_as(self, name: str) -> None:
        """Begin again with the session of a reader of this name."""
        self._close()
        access = self.runtime.access
        session = access.sessions.begin(replace(TESTER, name=name))
        self._client = httpx.Client(
            timeout=60, headers=_BROWSER | {"Sec-Fetch-Site": "same-origin"}
        )
        self._client.cookies.set(access.cookie.name, session, domain="127.0.0.1")

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()

    def cookies(self) -> list[dict[str, str]]:
        """The cookies of that browser, as Playwright takes them."""
        jar = self.signed_in().cookies.jar
        return [{"name": each.name, "value": each.value or "", "url": self.url} for each in jar]

    def post(self, path: str, **form: str) -> httpx.Response:
        """A page's form, sent as its page sends it."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": self.url, **_BROWSER}
        return httpx.post(self.url + path, data=form, timeout=60, headers=own)

    def send(self, path: str, body: str) -> httpx.Response:
        """JSON, as clients of the protocol send it."""
        json_type = {"Content-Type": "application/json"}
        return httpx.post(self.url + path, content=body, timeout=60, headers=json_type)

    def fire(
        self, chart: Hostile, record: Sequence[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """The answer to patient-view for this chart or this record of its patient, the engine
        obeying the chart."""
        self.engine.chart = chart
        service = find(PATIENT_VIEW)
        assert service is not None
        body = hook_request(
            "patient-view",
            service.prefetch,
            resources(chart) if record is None else record,
            patient_id=chart.patient_id,
            encounter_id="e1",
        )
        answer = httpx.post(f"{self.url}/cds-services/{PATIENT_VIEW}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def somebody(self) -> Hostile:
        """The chart of `subject` as that of a patient who was never seen: a consultation of one who
        was is answered from the store."""
        return replace(self.subject, id=uuid.uuid4().hex[:12])

    def consultation(
        self, chart: Hostile = BENIGN, record: Sequence[dict[str, Any]] | None = None
    ) -> str:
        """The path of the page of an answered consultation."""
        path = self.link_of(self.fire(chart, record))
        self.until(lambda: 'id="waiting"' not in self.get(path).text)
        return path

    def pending_consultation(self, chart: Hostile = BENIGN) -> str:
        """The path of the page of one that is not answered before the engine is `released`."""
        self.engine.released.clear()
        path = self.link_of(self.fire(chart))
        assert 'id="waiting"' in self.get(path).text
        return path

    def link_of(self, answer: dict[str, Any]) -> str:
        """The path of the page that the first card links to."""
        urls = [link["url"] for link in answer["cards"][0]["links"]]
        [url] = [url for url in urls if "/consultations/" in url]
        return str(url).removeprefix(self.url)


def _settings(folder: Path, port: int) -> Settings:
    return Settings.model_validate(
        {
            "store": {"path": str(folder / "r.sqlite"), "site_key": str(folder / "site.key")},
            "services": {"answer_within_s": 0.5, "recall_s": 0},
            "terminology": {"path": str(ROOT / "build" / "terminology.sqlite")},
        }
    )
