"""A service of its own process for measurements of the console, with a month on record.

Prints one line of JSON when it is ready: `url`, `pid`, `body` (a hook that is answered from the
store), `cookies` of a session, paths of `pages` by name, and of two `streams` at questions that
stay pending. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.services import find
from cds_hooks.statistics import count_all
from tests.console.inspecting import fire, fire_and_hold
from tests.console.whole_service import PATIENT_VIEW, WholeService
from tests.hostile.charts import Hostile, resources
from tests.statistics.month import MovedClock, record, rows_of, store_of

__all__ = ["console_service"]

ROOT = Path(__file__).resolve().parents[2]
_CONSULTATIONS = 300


@contextmanager
def console_service() -> Iterator[dict[str, Any]]:
    """Start the service and give what it tells."""
    command = [sys.executable, "-m", "tests.bench.console_service"]
    process = Popen(command, stdin=PIPE, stdout=PIPE, cwd=ROOT, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told: dict[str, Any] = json.loads(process.stdout.readline())
        yield told
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_month(Path(folder)))
        service = WholeService(Path(folder))
        try:
            print(json.dumps(_told(service)), flush=True)
            sys.stdin.read()
        finally:
            service.stop()


async def _month(folder: Path) -> None:
    clock = MovedClock()
    store = store_of(folder / "r.sqlite", folder, clock)
    await store.open()
    await record(store, clock, rows_of(_CONSULTATIONS, datetime.now(UTC)))
    await count_all(store.statistics)
    await store.close()


def _told(service: WholeService) -> dict[str, Any]:
    answered = service.somebody()
    pages = {"overview": "/", "basis": "/basis", "statistics": "/statistics"}
    pages |= {"inspector": "/inspector", "consultation": service.consultation(answered)}
    pages |= {"fired hook": fire(service)}
    streams = {"consultation": f"{service.pending_consultation(service.somebody())}/events"}
    streams |= {"inspector": f"{fire_and_hold(service)}/events"}
    return {
        "url": service.url,
        "pid": os.getpid(),
        "body": _body(answered),
        "cookies": service.cookies(),
        "pages": pages,
        "streams": streams,
    }


def _body(chart: Hostile) -> dict[str, Any]:
    service = find(PATIENT_VIEW)
    assert service is not None
    return hook_request(
        "patient-view",
        service.prefetch,
        resources(chart),
        patient_id=chart.patient_id,
        encounter_id="e1",
    )


if __name__ == "__main__":
    main()
