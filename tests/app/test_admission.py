"""What the service does with admissions: it quotes them, and refuses a model if told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_hooks.admission.record import AdmissionError
from cds_hooks.admission.signing import create_key
from cds_hooks.inference.model_settings import ModelServerSettings
from cds_hooks.runtime import Runtime
from cds_hooks.runtime.admission import admission
from cds_hooks.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    create_key(tmp_path / "key.pem")
    store = {"path": str(tmp_path / "s.sqlite"), "site_key": tmp_path / "site.key"}
    keys = {"folder": tmp_path, "public_key": tmp_path / "key.pem.pub"}

    def make(**wanted: Any) -> Settings:
        admission = {**keys, **wanted}
        model = {"sha256": "a" * 64}
        return Settings.model_validate({"store": store, "admission": admission, "model": model})

    return make


def test_without_a_folder_nothing_is_asked() -> None:
    assert admission(Settings(), "a" * 64) is None


async def test_a_model_that_nobody_admitted_is_told_and_only_refused_where_required(
    settings: Any,
) -> None:
    transport = httpx.ASGITransport(Runtime(settings()).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        page = await client.get("/basis")
    assert "no signed record that admits this model" in page.text
    with pytest.raises(AdmissionError):
        Runtime(settings(required="demonstration"))


def test_an_admitted_model_is_named_by_its_digest(settings: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        admission(settings(required="clinical"), "")
    assert refused.value.where == "model.sha256"


def test_one_on_a_server_is_named_by_the_server_s_digest(settings: Any) -> None:
    server = {"bases": ["http://127.0.0.1:1"], "model": "m"}
    served = settings(required="clinical").model_copy(
        update={"model_server": ModelServerSettings.model_validate(server)}
    )
    with pytest.raises(SettingsError) as refused:
        admission(served, "")
    assert refused.value.where == "model_server.sha256"


@pytest.mark.parametrize("wanted", [{"folder": "x"}, {"public_key": "x"}, {"required": "clinical"}])
def test_half_a_requirement_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="public_key"):
        Settings.model_validate({"admission": wanted})
