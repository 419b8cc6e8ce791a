"""`chartside demo`: an EHR opens a chart, and this shows what it would show.

Everything is real: the service runs in a process of its own with the embedded model, and what its
cards say was generated while the demo ran. Only the EHR and its patient are made up.
"""

from __future__ import annotations

import contextlib
import json as jsonlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cli import show
from cds_hooks.cli.ehr import hook_request, place_in_time
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.errors import ChartsideError

__all__ = ["demo"]

PATIENT, ENCOUNTER = "demo-1", "enc-1"
SERVICE = "chartside-patient-view"


class DemoError(ChartsideError):
    """The demonstration did not come to its end."""

    code = "demo-failed"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its address and where it keeps its records."""

    address: str
    folder: Path


def demo(
    wait: Annotated[float, typer.Option(help="Seconds to wait for the differential.")] = 180.0,
    json: Annotated[bool, typer.Option("--json", help="Print requests and answers.")] = False,
) -> None:
    """Start the service, open a synthetic patient's chart, and show the cards that come back."""
    console = show.screen(json=json)
    with tempfile.TemporaryDirectory(prefix="chartside-demo-") as folder:
        with _service(Path(folder), console) as service:
            first, last, took = _play(service, console, wait)
        done = _consultation(service)
    if json:
        typer.echo(orjson.dumps({"first": first, "last": last, "consultation": done}).decode())
    else:
        _show(console, first, last, took, done)
    if done.outcome is not Outcome.ANSWERED:
        raise DemoError(f"the consultation ended as {done.outcome.value}", where="consultation")


@contextlib.contextmanager
def _service(folder: Path, console: Console) -> Iterator[Service]:
    """The service as a process of its own on a free loopback port; stopped in the end."""
    log = folder / "service.log"
    settings = folder / "chartside.toml"
    settings.write_text(f'profile = "demo"\n[store]\npath = "{folder}/records.sqlite"\n'
                        f'site_key = "{folder}/site.key"\n')  # fmt: skip
    command = [sys.executable, "-m", "cds_hooks", "serve", "--port", "0", "--json"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "--config", str(settings)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ,
        )
    try:
        with console.status("the service starts and loads its model"):
            yield Service(_until_ready(process, log), folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(process: subprocess.Popen[bytes], log: Path, limit: float = 60.0) -> str:
    """The address, once `/readyz` says so. Raises DemoError with the log's last lines."""
    ends = time.monotonic() + limit
    address = ""
    while time.monotonic() < ends and process.poll() is None:
        address = address or _address(log)
        if address:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/readyz", timeout=2).status_code == httpx.codes.OK:
                    return address
        time.sleep(0.05)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise DemoError("the service did not become ready; its log ends:\n" + tail)


def _address(log: Path) -> str:
    for line in log.read_text(errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            entry = jsonlib.loads(line)
            if isinstance(entry, dict) and entry.get("event") == "listening":
                return f"http://{entry['host']}:{entry['port']}"
    return ""


def _play(
    service: Service, console: Console, wait: float
) -> tuple[dict[str, Any], dict[str, Any], list[float]]:
    """Read discovery, open the chart, and open it again until the differential is there."""
    with httpx.Client(base_url=service.address, timeout=30) as client:
        offered = client.get("/cds-services").raise_for_status().json()["services"]
        [patient_view] = [entry for entry in offered if entry["id"] == SERVICE]
        bundle = place_in_time(_bundle(), datetime.now(UTC))
        request = hook_request(
            "patient-view",
            patient_view["prefetch"],
            [entry["resource"] for entry in bundle["entry"]],
            patient_id=PATIENT,
            encounter_id=ENCOUNTER,
        )
        took: list[float] = []
        first = _fire(client, request, took)
        last, ends = first, time.monotonic() + wait
        with console.status("the model reads the chart"):
            while not _has_differential(last) and time.monotonic() < ends:
                time.sleep(0.5)
                last = _fire(client, request, took)
    return first, last, took


def _bundle() -> dict[str, Any]:
    raw = files("cds_hooks.cli").joinpath("demo_patient.json").read_bytes()
    bundle: dict[str, Any] = orjson.loads(raw)
    return bundle


def _fire(client: httpx.Client, request: dict[str, Any], took: list[float]) -> dict[str, Any]:
    began = time.monotonic()
    answer = client.post(f"/cds-services/{SERVICE}", json=request).raise_for_status()
    took.append(time.monotonic() - began)
    document: dict[str, Any] = answer.json()
    return document


def _has_differential(response: dict[str, Any]) -> bool:
    topics = [card["source"].get("topic", {}).get("code") for card in response["cards"]]
    return "chartsideDifferential" in topics


def _consultation(service: Service) -> Consultation:
    """What the service recorded of it, read from its store after it has stopped."""
    import asyncio

    async def read() -> Consultation | None:
        key = SiteKey.load(service.folder / "site.key")
        store = Store(StoreConfig(service.folder / "records.sqlite"), key)
        await store.open()
        try:
            return await store.last_for_patient(key.patient_key(PATIENT), SERVICE)
        finally:
            await store.close()

    found = asyncio.run(read())
    if found is None:
        raise DemoError("no finished consultation is on record", where=SERVICE)
    return found


def _show(
    console: Console,
    first: dict[str, Any],
    last: dict[str, Any],
    took: list[float],
    done: Consultation,
) -> None:
    if first is not last:
        console.rule(f"the chart opens: answered in {1000 * took[0]:.0f} ms")
        show.cards(console, first)
    console.rule(f"the chart opens again: answered in {1000 * took[-1]:.0f} ms")
    show.cards(console, last)
    console.rule("what it rests on")
    show.consultation(console, done)
