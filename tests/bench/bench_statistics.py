"""What it costs to count what was recorded, and to make a report of a year of counts.

A report reads one row a day and service, so that the number of consultations does not matter: the
year here is written as counts, of 300 consultations a day and service.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cds_hooks.audit import Store, day_counts
from cds_hooks.audit.day_counts import Counts
from cds_hooks.statistics import Period, count_all, make_report
from tests.statistics.month import RULES, MovedClock, record, rows_of, store_of

CONSULTATIONS = 200
TODAY = date(2026, 11, 27)
SERVICES = ("one", "two", "three")
TIMES = 7


def rows() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*asyncio.run(_counting()), *asyncio.run(_reports())]


async def _counting() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        store, clock = await _opened(Path(folder))
        spent = []
        for seed in range(3):
            await record(store, clock, rows_of(CONSULTATIONS, _now(), days=5, seed=seed))
            began = time.process_time()
            await count_all(store.statistics)
            spent.append(1000 * (time.process_time() - began) / CONSULTATIONS)
        await store.close()
    return [_row("processor time to count a hook and its consultation", spent)]


async def _reports() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        store, _ = await _opened(Path(folder))
        await _write_a_year(store)
        found = [await _report(store, weeks) for weeks in (4, 52)]
        await store.close()
    return found


async def _opened(folder: Path) -> tuple[Store, MovedClock]:
    clock = MovedClock()
    clock.now = _now().timestamp()
    store = store_of(folder / "records.sqlite", folder, clock)
    await store.open()
    return store, clock


async def _write_a_year(store: Store) -> None:
    days = [TODAY - timedelta(days=n) for n in range(364)]
    counts: Counts = {(str(day), name): _day() for day in days for name in SERVICES}
    cipher = store._cipher
    position = await store.statistics.position()
    with store._database.write() as connection:
        day_counts.add(connection, counts, after=position, records=0, feedback=(), cipher=cipher)


def _day() -> Counter[str]:
    groups = ("all", "model:m", *(f"age:{n}" for n in range(6)), "sex:female", "sex:male")
    measures = ["hook", "hook:answered", "shown", "consultation", "ended:answered", "read"]
    measures += ["flagged", *(f"flag:rule:{rule}-{n}" for rule in RULES for n in range(5))]
    found = Counter({f"{group}|{each}": 300 for group in groups for each in measures})
    found.update({f"all|ms:total:{ms}": 3 for ms in range(1000, 9000, 100)})
    return found


async def _report(store: Store, weeks: int) -> dict[str, Any]:
    period = Period(weeks, TODAY)

    async def make() -> None:
        counts = await store.statistics.days(str(period.first), str(period.last))
        make_report(counts, period, least=11)

    took = [await _milliseconds(make) for _ in range(TIMES)]
    return _row(f"a report of {weeks} weeks of {len(SERVICES)} services", took)


async def _milliseconds(work: Callable[[], Awaitable[None]]) -> float:
    began = time.process_time()
    await work()
    return 1000 * (time.process_time() - began)


def _now() -> datetime:
    return datetime(2026, 11, 27, 12, tzinfo=UTC)


def _row(name: str, values: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "value": statistics.median(values),
        "unit": "ms",
        "n": len(values),
        "minimum": min(values),
        "maximum": max(values),
        "against": "processor time",
    }
