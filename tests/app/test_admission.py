"""What the service does with admissions: it quotes them, and refuses a model if told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_hooks.admission.record import AdmissionError, AdmissionRecord
from cds_hooks.admission.signing import create_key
from cds_hooks.consult.verifier_settings import VerifierSettings
from cds_hooks.inference.model_settings import ModelServerSettings
from cds_hooks.runtime import Runtime
from cds_hooks.runtime import admission as admitting
from cds_hooks.runtime.admission import admission
from cds_hooks.runtime.verifying import verifier_digest, verifier_of
from cds_hooks.settings import Settings, SettingsError
from cds_hooks.verifier import VerifierError, digest, write_coefficients
from tests.verifier.files import small_file


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


@pytest.fixture
def signed(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings that require a record, with one that names a verifier's file by its digest."""
    file = tmp_path / "verifier.json"
    file.write_bytes(write_coefficients(small_file()))

    def make(named: str, **verifier: Any) -> Settings:
        record = AdmissionRecord.model_construct(verifier_sha256=named)
        monkeypatch.setattr(admitting, "require_admission", lambda *_, **__: record)
        made = {"file": file, **verifier}
        update = {"verifier": VerifierSettings.model_validate(made)}
        return settings(required="clinical").model_copy(update=update)

    return make


@pytest.mark.parametrize("named", ["", "b" * 64])
def test_a_verifier_that_the_record_does_not_name_is_refused(signed: Any, named: str) -> None:
    with pytest.raises(AdmissionError, match="another verifier, or none") as refused:
        admission(signed(named), "a" * 64)
    assert "verifier.file" in refused.value.hint


def test_the_verifier_that_was_admitted_is_taken(signed: Any) -> None:
    assert admission(signed(digest(small_file())), "a" * 64) is not None
    assert admission(signed("", file=None, fixed_rules=True), "a" * 64) is not None


def test_where_no_record_is_required_any_verifier_may_rank(settings: Any, signed: Any) -> None:
    wanted = signed("").verifier
    assert admission(settings().model_copy(update={"verifier": wanted}), "a" * 64) is None


def test_a_file_of_coefficients_is_read_as_it_was_written(signed: Any, tmp_path: Path) -> None:
    wanted = signed("")
    found = verifier_of(wanted)
    assert found is not None
    assert found.sha256 == digest(small_file()) == verifier_digest(wanted)
    (tmp_path / "verifier.json").write_bytes(write_coefficients(small_file()) + b" ")
    with pytest.raises(VerifierError) as refused:
        verifier_of(wanted)
    assert refused.value.where.startswith("verifier.file")
    (tmp_path / "verifier.json").unlink()
    with pytest.raises(SettingsError):
        verifier_of(wanted)


def test_a_file_and_fixed_rules_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exclude"):
        VerifierSettings(file=tmp_path, fixed_rules=True)
