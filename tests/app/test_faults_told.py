"""Why there is no answer: the same code on the card, in the log and in the metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.cli.ehr import hook_request
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


async def _cards(runtime: Runtime) -> list[dict[str, Any]]:
    service = find("chartside-patient-view")
    assert service is not None
    body = hook_request(
        "patient-view", service.prefetch, [PATIENT], patient_id="p1", encounter_id=None
    )
    response = await runtime.consultant.answer(
        service, parse_request(orjson.dumps(body), service.on)
    )
    return [{"detail": card.detail} for card in response.cards]
