"""The command against a real FHIR server, a token endpoint that verifies, and a running service."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse

import prompts
from cds_hooks.app import AppHandlers, Readiness, create_app
from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cds_client.requests import hook_request, place_in_time
from cds_hooks.consult import Consultant, ConsultConfig, Dependencies
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.gather import gather
from cds_hooks.inference.engine import Generation, GenerationRequest
from cds_hooks.plausibility import Terminology
from cds_hooks.services import find
from tests.fake_engine import FakeEngine, FakeReply

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "cds_hooks" / "cds_client" / "sample_patients" / "breathless.json"
PATIENTS = ("warm-a", "warm-b", "warm-c")
DAY = dt.date(2031, 5, 7)
ANSWER = json.dumps(
    {
        "diagnoses": [
            {
                "name": "Pulmonary embolism",
                "group": "likely",
                "for": [],
                "against": [],
                "discriminator": "imaging",
            }
        ]
    }
)

pytestmark = [pytest.mark.fhir_server]


def chart_of(patient_id: str) -> list[dict[str, Any]]:
    """The demonstration patient's resources under ids of their own."""
    text = DEMO.read_text().replace("demo-1", patient_id)
    bundle = place_in_time(json.loads(text), dt.datetime.now(dt.UTC))
    resources = [entry["resource"] for entry in bundle["entry"]]
    renamed = json.dumps(resources)
    for resource in resources:
        if resource["resourceType"] != "Patient":
            old = f'"{resource["resourceType"]}/{resource["id"]}"'
            renamed = renamed.replace(old, f'{old[:-1]}-{patient_id}"')
    made: list[dict[str, Any]] = json.loads(renamed)
    for resource in made:
        if resource["resourceType"] != "Patient":
            resource["id"] = f"{resource['id']}-{patient_id}"
    return made


def appointment(number: int, patient_id: str, start: str, status: str = "booked") -> Any:
    return {
        "resourceType": "Appointment",
        "id": f"warm-{number}",
        "status": status,
        "start": start,
        "end": start,
        "participant": [
            {"actor": {"reference": f"Patient/{patient_id}"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/p"}, "status": "accepted"},
        ],
    }


@pytest.fixture(scope="module")
def charts() -> dict[str, list[dict[str, Any]]]:
    return {patient_id: chart_of(patient_id) for patient_id in PATIENTS}


@pytest.fixture(scope="module")
def hospital(fhir_server: Any, charts: dict[str, list[dict[str, Any]]]) -> Any:
    """The real server with three charts and a day's appointments."""
    visits = [
        appointment(1, "warm-b", f"{DAY}T08:00:00Z"),
        appointment(2, "warm-a", f"{DAY}T09:00:00Z", "arrived"),
        appointment(3, "warm-a", f"{DAY}T15:00:00Z"),
        appointment(4, "warm-c", f"{DAY}T09:00:00Z", "cancelled"),
        appointment(5, "warm-c", "2031-05-08T09:00:00Z"),
    ]
    resources = [*(r for chart in charts.values() for r in chart), *visits]
    entry = [{"resource": resource} for resource in resources]
    fhir_server.load({"resourceType": "Bundle", "type": "collection", "entry": entry})
    return fhir_server


class Service:
    """The real application around a consultant whose model is a fake."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.engine = engine
        key = SiteKey.load(folder / "site.key", create=True)
        self.store = Store(StoreConfig(folder / "records.sqlite"), key)
        dependencies = Dependencies(
            gather=self._gather,
            engine=engine,
            template=prompts.load("differential"),
            terminology=Terminology(ROOT / "build" / "terminology.sqlite"),
            store=self.store,
            key=key,
        )
        self.consultant = Consultant(
            dependencies,
            ConsultConfig(
                "http://127.0.0.1", 1, False, services=ServiceSettings(answer_within_s=20)
            ),
        )
        self.app = create_app(
            AppHandlers(
                answer=lambda s, r, i: self.consultant.answer(s, r, wait_s=i.wait_s),
                record_feedback=self._nothing,
                ready=lambda: Readiness(True),
                metrics=lambda: (b"", "text/plain"),
                basis=HTMLResponse,
                version={"version": "0"},
                observe=lambda _: None,
            )
        )

    async def _gather(self, service: Any, request: Any, *, deadline_s: float) -> Any:
        context = {"patientId": request.context.patient_id}
        return await gather(request.prefetch, service.prefetch, context, deadline_s=deadline_s)

    async def _nothing(self, *_: Any) -> None:
        return None


class Gated(FakeEngine):
    """Answers twice; from then on once it is `opened`."""

    def __init__(self) -> None:
        super().__init__([FakeReply((ANSWER,))])
        self.opened = threading.Event()

    async def generate(self, request: GenerationRequest) -> Generation:
        found = await super().generate(request)
        while len(self.requests) > 2 and not self.opened.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return found


@pytest.fixture
def engine() -> Gated:
    return Gated()


@pytest.fixture
def service(
    tmp_path: Path, engine: FakeEngine, serve: Callable[[Any], Any]
) -> Iterator[httpx.Client]:
    """A client of the running service."""
    made = Service(tmp_path, engine)
    with httpx.Client(base_url=serve(made.app).url, timeout=60) as client:
        yield client
    asyncio.run(made.store.close())


@pytest.fixture
def settings(tmp_path: Path, hospital: Any, key_file: Path, authorization: Any) -> Path:
    """A settings file for the command."""
    server = authorization(lambda: hospital.token)
    path = tmp_path / "chartside.toml"
    path.write_text(
        f'[fhir]\nallowed_bases = ["{hospital.base}"]\n'
        f'[prewarm]\nclient_id = "chartside"\nkey = "{key_file}"\ntoken_url = "{server.url}"\n'
        "reads_per_minute = 60000\n"
    )
    return path


def command(settings: Path, service: httpx.Client, *more: str) -> list[str]:
    line = [sys.executable, "-m", "cds_hooks", "prewarm", "--config", str(settings)]
    return [*line, "--port", str(service.base_url.port), *more]


def run(settings: Path, service: httpx.Client, *more: str) -> tuple[int, Any, str]:
    """Exit code, the JSON, and standard error."""
    line = command(settings, service, "--json", *more)
    done = subprocess.run(line, capture_output=True, text=True, timeout=280, cwd=ROOT, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def opened(charts: dict[str, Any], patient_id: str, server: str) -> dict[str, Any]:
    """What an EHR sends that names its server: an id is one patient on one server only."""
    view = find("chartside-patient-view")
    assert view is not None
    asked = hook_request(
        "patient-view", view.prefetch, charts[patient_id], patient_id=patient_id, encounter_id=None
    )
    return asked | {"fhirServer": server}


def test_tomorrows_charts_are_answered_from_the_store_when_they_are_opened(
    settings: Path,
    service: httpx.Client,
    engine: FakeEngine,
    charts: dict[str, Any],
    hospital: Any,
) -> None:
    code, told, errors = run(settings, service, "--date", DAY.isoformat())
    assert (code, told["patients"], told["outcomes"]) == (0, 2, {"answered": 2}), errors
    assert told["warnings"] == ["answers-expire-first"]
    assert len(engine.requests) == 2
    for patient_id in ("warm-a", "warm-b"):
        chart = opened(charts, patient_id, hospital.base)
        answer = service.post("/cds-services/chartside-patient-view", json=chart).json()
        assert "differential (AI)" in answer["cards"][0]["source"]["label"]
    assert len(engine.requests) == 2, "a chart that was read ahead asked the model again"


def test_a_second_run_asks_the_model_nothing(
    settings: Path, service: httpx.Client, engine: FakeEngine, tmp_path: Path
) -> None:
    names = tmp_path / "list"
    names.write_text("warm-a\nnobody-here\nJane Doe\nPatient/warm-c\n")
    for _ in range(2):
        code, told, errors = run(settings, service, "--patients", str(names))
        assert code == 4, errors
        assert told["outcomes"] == {"answered": 2}
        assert told["problems"] == [{"which": "line 2", "code": "patient-unavailable (not-found)"}]
        assert told["bad_lines"] == [3]
        assert len(engine.requests) == 2
    for secret in ("warm-a", "nobody", "Jane", "eyJ"):
        assert secret not in errors + json.dumps(told)


@pytest.mark.slow
def test_ctrl_c_ends_it_and_the_next_run_goes_on_from_there(
    settings: Path, service: httpx.Client, engine: Gated, tmp_path: Path
) -> None:
    names = tmp_path / "list"
    names.write_text("\n".join(PATIENTS))
    with settings.open("a") as file:
        file.write("concurrency = 1\n")
    line = command(settings, service, "--json", "--patients", str(names))
    process = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )
    while len(engine.requests) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    told = json.loads(output)
    assert (told["stopped"], told["outcomes"]) == ("interrupted", {"answered": 2})
    assert "Traceback" not in errors
    engine.opened.set()
    code, told, errors = run(settings, service, "--patients", str(names))
    assert (code, told["outcomes"]) == (0, {"answered": 3}), errors
    assert len(engine.requests) == 3, "what was in the works went on in the service"


@pytest.mark.slow
def test_it_says_what_is_missing(
    settings: Path, service: httpx.Client, tmp_path: Path, key_file: Path
) -> None:
    code, told, _ = run(settings, service)
    assert (code, told["error"]["code"]) == (3, "usage")
    code, told, _ = run(settings, service, "--date", "someday")
    assert (code, told["error"]["code"]) == (3, "usage")
    settings.write_text(settings.read_text().replace('"chartside"', '"somebody"'))
    code, told, _ = run(settings, service, "--date", "tomorrow")
    assert (code, told["error"]["code"]) == (1, "prewarm-token-refused")
    free = httpx.Client(base_url="http://127.0.0.1:9")
    code, told, _ = run(settings, free, "--date", "tomorrow")
    assert (code, told["error"]["code"]) == (1, "prewarm-service-away")
    jwks = subprocess.run(
        [*command(settings, service), "--jwks"], capture_output=True, text=True, check=True
    )
    assert json.loads(jwks.stdout)["keys"][0]["alg"] == "ES384"
    assert key_file.read_text().splitlines()[1] not in jwks.stdout


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.long  # the first test of this file is the same with a scripted model
def test_the_whole_of_it_with_the_embedded_model(
    settings: Path, tmp_path: Path, charts: dict[str, Any], hospital: Any
) -> None:
    with settings.open("a") as file:
        file.write("[services]\ndeadline_s = 250\n")
        file.write(f'[store]\npath = "{tmp_path}/s.sqlite"\nsite_key = "{tmp_path}/s.key"\n')
    line = [sys.executable, "-m", "cds_hooks", "serve", "--port", "0", "--json"]
    log = tmp_path / "service.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*line, "--config", str(settings)], stdout=output, stderr=output, cwd=ROOT
        )
    try:
        with httpx.Client(base_url=_until_ready(server, log), timeout=60) as client:
            code, told, errors = run(settings, client, "--date", DAY.isoformat())
            assert code == 0, errors + log.read_text()
            assert sum(told["outcomes"].values()) == 2
            chart = opened(charts, "warm-a", hospital.base)
            answer = client.post("/cds-services/chartside-patient-view", json=chart).json()
            label = answer["cards"][0]["source"]["label"]
            assert "differential (AI)" in label or "empty-differential" in told["outcomes"]
        consulted = [
            line
            for line in log.read_text().splitlines()
            if json.loads(line)["event"] == "consultation"
        ]
        assert len(consulted) == 2, "the opened chart was answered from the store"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _until_ready(server: subprocess.Popen[bytes], log: Path) -> str:
    """The address of a service that is ready."""
    address, ends = "", time.monotonic() + 300
    while time.monotonic() < ends and server.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if '"listening"' in line:
                entry = json.loads(line)
                address = f"http://{entry['host']}:{entry['port']}"
        if address and httpx.get(f"{address}/readyz", timeout=60).status_code == 200:
            return address
        threading.Event().wait(0.2)
    pytest.fail(log.read_text()[-2000:])
