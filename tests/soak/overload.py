"""Ten times the work that the engine can do: what becomes of each hook, and of the memory."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import psutil

from cds_hooks.cds_client.requests import hook_request, place_in_time
from cds_hooks.services import REGISTRY
from tests.end_to_end.conftest import Running

__all__ = ["OverloadResult", "overload", "records_in"]

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "cds_hooks" / "cds_client" / "sample_patients" / "breathless.json"
TIMES = 10
_ALONE = 2  # consultations that are asked before the load begins


@dataclass
class OverloadResult:
    """`late_ms` are by how much an answer came after `answer_within`, the worst first; `records`
    are the questions on record, with the two that `one_takes_s` was measured by."""

    fired: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    within_s: float = 0.0
    one_takes_s: float = 0.0
    memory_mib: list[float] = field(default_factory=list)
    records: int = 0

    @property
    def lost(self) -> int:
        """Hooks without any answer."""
        return self.fired - sum(self.statuses.values())

    @property
    def unrecorded(self) -> int:
        """Answers of which there is no record."""
        return max(self.statuses[200] + _ALONE - self.records, 0)

    @property
    def late_ms(self) -> list[float]:
        return sorted((1000 * (took - self.within_s) for took in self.took_s), reverse=True)

    @property
    def growth(self) -> float:
        """Memory of the last quarter of the run over that of the second."""
        quarter = max(len(self.memory_mib) // 4, 1)
        late = statistics.mean(self.memory_mib[-quarter:])
        return late / statistics.mean(self.memory_mib[quarter : 2 * quarter] or self.memory_mib)


def records_in(store: Path) -> int:
    """How many different questions a service's SQLite file holds."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        query = "SELECT count(DISTINCT content_key) FROM consultations"
        return int(connection.execute(query).fetchone()[0])


def charts() -> Callable[[int], bytes]:
    """Bodies of hooks for patients who all differ: each is work of its own."""
    placed = json.dumps(place_in_time(json.loads(DEMO.read_text()), datetime.now(UTC)))

    def body(number: int) -> bytes:
        patient = f"demo-1-{number}"
        entries = json.loads(placed.replace("demo-1", patient))["entry"]
        mine = [entry["resource"] for entry in entries]
        for resource in mine:
            if resource["resourceType"] == "Observation" and "valueQuantity" in resource:
                resource["valueQuantity"]["value"] += number / 1000
        request = hook_request(
            "patient-view", REGISTRY[0].prefetch, mine, patient_id=patient, encounter_id=None
        )
        return orjson.dumps(request)

    return body


async def overload(
    service: Running, seconds: float, tell: Callable[[str], None] = lambda _: None
) -> OverloadResult:
    """Fire hooks at ten times the rate at which the engine answers; 1.5 s is the default time."""
    found, body = OverloadResult(within_s=1.5), charts()
    async with httpx.AsyncClient(base_url=service.address, timeout=60, limits=_MANY) as client:
        found.one_takes_s = await _one(client, body)
        pause = found.one_takes_s / TIMES
        tell(f"one consultation takes {found.one_takes_s:.1f} s: a hook every {pause:.2f} s")
        ends, tasks = time.monotonic() + seconds, []
        while time.monotonic() < ends:
            found.fired += 1
            tasks.append(asyncio.create_task(_fire(client, body(1000 + found.fired), found)))
            found.memory_mib.append(_memory(service.process.pid))
            await asyncio.sleep(pause)
        await asyncio.gather(*tasks)
    return found


_MANY = httpx.Limits(max_connections=None)
_HEADERS = {"content-type": "application/json"}


async def _one(client: httpx.AsyncClient, body: Callable[[int], bytes]) -> float:
    """Seconds of one consultation with the engine to itself; the second, when all is warm."""
    for number in range(_ALONE):
        began = time.monotonic()
        while True:
            answer = await client.post(_VIEW, content=body(number), headers=_HEADERS)
            labels = [card["source"]["label"] for card in answer.json()["cards"]]
            if any("differential (AI)" in label for label in labels):
                break
            await asyncio.sleep(0.1)
    return time.monotonic() - began


_VIEW = "/cds-services/chartside-patient-view"


async def _fire(client: httpx.AsyncClient, body: bytes, found: OverloadResult) -> None:
    began = time.monotonic()
    answer = await client.post(_VIEW, content=body, headers=_HEADERS)
    found.took_s.append(time.monotonic() - began)
    found.statuses[answer.status_code] += 1
    if answer.status_code == 200:
        found.topics.update(card["source"]["topic"]["code"] for card in answer.json()["cards"])


def _memory(pid: int) -> float:
    """MiB of the service with its engine process."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / 2**20
