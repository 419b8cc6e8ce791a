"""`chartside audit export --format`: what a service recorded, as FHIR, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import cds_hooks.runtime.service as service_module
from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.cli.audit import audit_app
from cds_hooks.runtime.service import Runtime
from cds_hooks.settings import SettingsError
from tests.hostile.charts import BENIGN
from tests.hostile.conftest import BASE, ROOT, body_of, settings_for
from tests.hostile.obedient import Obedient


@pytest.fixture
async def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of a service that answered one hook and stopped."""
    monkeypatch.setattr(service_module, "make_engine", lambda *_a, **_k: Obedient())
    settings = settings_for(tmp_path)
    async with Runtime.running(settings) as runtime:
        transport = httpx.ASGITransport(runtime.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            answer = await client.post("/cds-services/chartside-patient-view", json=body_of(BENIGN))
            assert answer.json()["cards"]
    place = tmp_path / "chartside.toml"
    place.write_text(
        f'[store]\npath = "{tmp_path}/r.sqlite"\nsite_key = "{tmp_path}/site.key"\n'
        f'[server]\npublic_url = "{BASE}"\n'
        f'[terminology]\npath = "{ROOT}/build/terminology.sqlite"\n'
    )
    return place


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(audit_app, ["export", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def test_what_was_recorded_can_be_told_as_fhir(config: Path, tmp_path: Path) -> None:
    for format_, kind in (("auditevents", "AuditEvent"), ("provenance", "Provenance")):
        told = run(str(tmp_path / "out"), "--format", format_, "--config", str(config))
        file = Path(told["file"])
        found = [json.loads(line) for line in file.read_text().splitlines()]
        assert {each["resourceType"] for each in found} == {kind}
        assert told["resources"] == len(found) >= 1
        assert file.stat().st_mode & 0o077 == 0
        assert BENIGN.patient_id not in file.read_text()
    disclosed = (tmp_path / "out" / "auditevents.ndjson").read_text()
    assert "PrivacyDisclosure.Recipient" in disclosed


def test_another_format_is_refused(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportUnreadable):
        run(str(tmp_path / "out"), "--format", "csv", "--config", str(config))


def test_without_a_public_address_no_identifier_is_made_up(config: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    run(str(ledger), "--config", str(config))
    alone = ("--format", "auditevents", "--export", str(ledger))
    with pytest.raises(SettingsError) as refused:
        run(str(tmp_path / "out"), *alone)
    assert "server.public_url" in refused.value.diagnostics()
    assert "--config" in refused.value.diagnostics()
    assert not (tmp_path / "out").exists()
    assert run(str(tmp_path / "out"), *alone, "--config", str(config))["resources"]
