"""Why there is no answer: the same code on the card, in the log and in the metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.cds_client.requests import hook_request
from cds_hooks.inference.engine import EngineUnavailable
from cds_hooks.operation import configure_logging
from cds_hooks.protocol.request import parse_request
from cds_hooks.runtime import Runtime
from cds_hooks.services import find
from cds_hooks.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1960-01-01", "gender": "male"}


@pytest.mark.model
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "model-missing"),
        (b"x" * 4096, "model-not-gguf"),
        (MODEL.read_bytes()[:1_000_000] if MODEL.is_file() else b"", "model-truncated"),
    ],
    ids=["missing", "not-gguf", "truncated"],
)
async def test_a_bad_model_file_is_told_by_its_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, code: str
) -> None:
    path = tmp_path / "model.gguf"
    if content:
        path.write_bytes(content)
    store = {"path": str(tmp_path / "s.sqlite"), "site_key": tmp_path / "site.key"}
    settings = Settings.model_validate(
        {"model": {"path": path, "names": ROOT / "build/names.txt"}, "store": store}
    )
    configure_logging(level="info", json=True)
    async with Runtime.running(settings) as runtime:
        with pytest.raises(EngineUnavailable) as refused:
            await runtime.until_ready(60)
        assert refused.value.where == code
        [card] = await _cards(runtime)
        metrics = runtime.metrics.page()[0].decode()
    assert f"Code: {code}." in card["detail"]
    assert f'chartside_consultation_faults_total{{code="{code}"}} 1.0' in metrics
    logged = [orjson.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
    assert [e["code"] for e in logged if e["event"] == "consultation"] == [code]


def _settings(tmp_path: Path) -> Settings:
    store = {"path": str(tmp_path / "s.sqlite"), "site_key": tmp_path / "site.key"}
    model = {"path": MODEL, "names": ROOT / "build/names.txt", "cache": None}
    return Settings.model_validate({"model": model, "store": store})


async def _recorded(runtime: Runtime, type_: str) -> dict[str, Any]:
    """The last ledger record of a type, which comes within a moment."""
    async with asyncio.timeout(30):
        while not (found := await runtime.store.ledger.last_record(type_)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    record: dict[str, Any] = orjson.loads(found)
    return record


@pytest.mark.model
async def test_an_engine_that_dies_is_told_everywhere_by_its_signal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV")
    configure_logging(level="info", json=True)
    code = "engine-died-first-decode"
    async with Runtime.running(_settings(tmp_path)) as runtime:
        with pytest.raises(EngineUnavailable) as refused:
            await runtime.until_ready(100)
        assert (refused.value.where, "SIGSEGV" in refused.value.hint) == (code, True)
        [card] = await _cards(runtime)
        now = runtime.ready()
        record = await _recorded(runtime, "engine-out-of-service")
    assert f"Code: {code}." in card["detail"]
    assert "ended by itself at its first calculation" in card["detail"]
    assert not now.ready
    assert now.checks["engine"].startswith(f"{code}: ")
    assert "SIGSEGV" in now.checks["engine"]
    assert record["reason_code"] == code
    assert "SIGSEGV" in record["details"]["cause"]
    logged = [orjson.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
    assert any("SIGSEGV" in e["event"] and e["level"] == "error" for e in logged)


@pytest.mark.model
async def test_a_lower_rung_is_ready_and_told_as_a_detail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV:extra-buffers")
    async with Runtime.running(_settings(tmp_path)) as runtime:
        await runtime.until_ready(100)
        checks = runtime.ready().checks
        record = await _recorded(runtime, "engine-started")
    assert checks["engine"] == "ok"
    assert checks["engine_rung"].startswith("without-extra-buffers: Tried as-configured: ")
    assert "SIGSEGV" in checks["engine_rung"]
    assert record["details"]["rung"] == "without-extra-buffers"
    assert record["engine"].startswith("llama-cpp-python ")
    assert record["gguf_sha256"] == runtime.engine.model.sha256
    assert "SIGSEGV" in record["details"]["before"]


@pytest.mark.model
async def test_crashes_on_charts_are_told_and_end_in_a_service_that_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "request:SIGSEGV")
    codes = []
    async with Runtime.running(_patient_settings(tmp_path)) as runtime:
        for year in (1950, 1960, 1970, 1980):
            if year < 1980:
                await runtime.until_ready(100)
            [card] = await _cards(runtime, {**PATIENT, "birthDate": f"{year}-01-01"})
            codes.append(card["detail"].partition("Code: ")[2].partition(".")[0])
        now = runtime.ready()
    assert codes == [*["engine-died-on-request"] * 2, *["engine-crashes"] * 2]
    assert "out of service until its operator starts it again" in card["detail"]
    assert not now.ready
    assert now.checks["engine"].startswith("engine-crashes: ")
    assert "SIGSEGV" in now.checks["engine"]


def _patient_settings(tmp_path: Path) -> Settings:
    """A hook waits for its answer however slow the machine is."""
    services = {"answer_within_s": 100.0}
    chosen = _settings(tmp_path)
    return chosen.model_copy(update={"services": chosen.services.model_copy(update=services)})


async def _cards(runtime: Runtime, patient: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    service = find("chartside-patient-view")
    assert service is not None
    body = hook_request(
        "patient-view", service.prefetch, [patient or PATIENT], patient_id="p1", encounter_id=None
    )
    response = await runtime.consultant.answer(
        service, parse_request(orjson.dumps(body), service.on)
    )
    return [{"detail": card.detail} for card in response.cards]
