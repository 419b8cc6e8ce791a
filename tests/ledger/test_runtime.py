"""The ledger of a whole service: 503 while it is broken, `/readyz` says why, and back by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import Running, running_service
from tests.soak.overload import charts

VIEW = "/cds-services/chartside-patient-view"


@pytest.mark.model
@pytest.mark.slow
def test_a_broken_ledger_is_503_with_its_reason_and_the_service_recovers(tmp_path: Path) -> None:
    store = tmp_path / "records.sqlite"
    body = charts()

    def hook(number: int) -> Any:
        return running.post_raw(VIEW, body(number))

    with running_service(tmp_path) as service:
        running = _Raw(service)
        running.until(lambda: hook(1).status_code == 200)
        with sqlite3.connect(store, timeout=60) as other:
            (head,) = other.execute("SELECT size FROM ledger_head").fetchone()
            assert head > 0
            # Records go on being written until the head does not fit: cut it where it stands.
            other.execute("UPDATE ledger_head SET size = size + 1000")
        other.close()
        assert hook(2).status_code == 503
        running.until(lambda: "ledger-broken" in service.get("/readyz").text)
        with sqlite3.connect(store, timeout=60) as other:
            other.execute("UPDATE ledger_head SET size = size - 1000")
        other.close()
        running.until(lambda: hook(3).status_code == 200)
        running.until(lambda: "ledger-broken" not in service.get("/readyz").text)


class _Raw:
    """A service that is sent bodies as bytes."""

    def __init__(self, service: Running) -> None:
        self._service = service

    def post_raw(self, path: str, body: bytes) -> Any:
        headers = {"content-type": "application/json"}
        address = f"{self._service.address}{path}"
        return httpx.post(address, content=body, headers=headers, timeout=60)

    def until(self, reached: Callable[[], bool]) -> None:
        self._service.wait_for(reached, 60)
