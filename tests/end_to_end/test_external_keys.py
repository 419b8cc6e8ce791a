"""A whole service whose site key is in a device or in Vault: records, outages, restarts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import ROOT, running_service
from tests.softhsm import PIN, SoftHsm, SoftHsmMissing
from tests.transit import TOKEN, TransitServer

# No model is needed to record a chart: what cannot be asked is recorded as such.
SETTINGS = (
    '[model_server]\nbases = ["http://127.0.0.1:9"]\nmodel = "none"\ndemonstration = true\n'
    "[services]\nanswer_within_s = 3.0\n"
)
Open = Callable[..., dict[str, Any]]


def _audit(settings: str, folder: Path, *words: str) -> dict[str, Any]:
    """A command whose settings file names the key provider and the service's store."""
    file = folder / "command.toml"
    store = f'[store]\npath = "{folder}/records.sqlite"\nsite_key = "{folder}/external.key"\n'
    file.write_text(store + settings)
    command = [sys.executable, "-m", "cds_hooks", "audit", *words, "--config", str(file), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _secret(folder: Path, text: str) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(0o600)
    return file


@pytest.mark.slow
def test_a_service_keeps_records_under_a_device_across_a_restart(
    tmp_path: Path, demo_bundle: list[dict[str, Any]], open_chart: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SOFTHSM2_CONF", "")
    try:
        hsm = SoftHsm(tmp_path / "hsm")
    except SoftHsmMissing as missing:
        pytest.skip(f"no PKCS#11 device to test against: {missing}")
    hsm.new_token("ward")
    provider = (
        f'[key_device]\nmodule = "{hsm.module}"\ntoken = "ward"\n'
        f'pin_file = "{_secret(tmp_path, PIN)}"\n'
    )
    _audit(provider, tmp_path, "device-key")
    made = _audit(
        provider, tmp_path, "new-key", str(tmp_path / "external.key"), "--key-provider", "pkcs11"
    )
    for _ in range(2):
        settings = SETTINGS + provider
        with running_service(tmp_path, settings, site_key=tmp_path / "external.key") as service:
            assert service.hook(open_chart(demo_bundle))["cards"]
            assert service.get("/readyz").json()["checks"]["store"] == "ok"
            assert PIN not in service.log
    assert _audit(provider, tmp_path, "key")["key"] == made["key"]
    found = _audit(provider, tmp_path, "check")
    assert found["whole"] is True
    assert found["opened"] >= 1


@pytest.mark.slow
@pytest.mark.long  # tests/audit asks the same server without a service
def test_a_service_that_is_locked_in_reaches_vault_and_says_when_it_is_away(
    tmp_path: Path, demo_bundle: list[dict[str, Any]], open_chart: Open
) -> None:
    with TransitServer(tmp_path) as vault:
        provider = (
            f'[key_vault]\naddress = "{vault.address}"\nauthority = "{vault.authority}"\n'
            f'token_file = "{_secret(tmp_path, TOKEN)}"\n'
        )
        _audit(
            provider, tmp_path, "new-key", str(tmp_path / "external.key"), "--key-provider", "vault"
        )
        settings = SETTINGS + provider
        with running_service(tmp_path, settings, site_key=tmp_path / "external.key") as service:
            vault.fault = 503
            answer = service.post("/cds-services/chartside-patient-view", open_chart(demo_bundle))
            assert answer.status_code == 503
            assert "store-unavailable" in answer.text
            store = lambda: service.get("/readyz").json()["checks"]["store"]  # noqa: E731
            service.wait_for(lambda: store() == "key-vault", 120)
            vault.fault = ""
            service.wait_for(lambda: store() == "ok", 120)
            assert service.hook(open_chart(demo_bundle))["cards"]
            assert TOKEN not in service.log
            assert "egress-refused" not in service.log
        found = _audit(provider, tmp_path, "check")
        assert found["whole"] is True
        assert found["opened"] >= 1
