"""Faults planted in settings, keys and files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.audit.site_key_lookup import VARIABLE
from cds_hooks.doctor.findings import Finding
from cds_hooks.doctor.key_findings import age_finding, certificate_finding
from cds_hooks.doctor.settings_findings import production_findings, read, self_check_findings
from cds_hooks.runtime.self_check import Checked
from cds_hooks.settings import Settings
from tests.doctor.conftest import FAIL, NOT_CHECKED, PASS, WARN, Examine, shows
from tests.trust.test_transport import Authority

ReadText = Callable[[str], tuple[Settings | None, list[Finding]]]
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    def make(text: str) -> tuple[Settings | None, list[Finding]]:
        file = tmp_path / "own.toml"
        file.write_text(text)
        return read(file, {})

    return make


def test_settings_that_can_be_read(
    read_text: ReadText,
) -> None:
    settings, found = read_text("")
    assert settings is not None
    shows(found, "settings-file", PASS)


def test_each_key_that_is_wrong_is_a_finding(
    read_text: ReadText,
) -> None:
    settings, found = read_text('profil = "demo"\n[server]\nport = 70000\n')
    assert settings is None
    shows(found, "settings-file", FAIL)
    assert {each.where for each in found} == {"profil", "server.port"}
    assert "did you mean profile?" in " ".join(each.says for each in found)


@pytest.mark.parametrize("text", ["[[[", 'a = "', "\x00"])
def test_a_file_that_is_no_toml(text: str, read_text: ReadText) -> None:
    [found] = read_text(text)[1]
    assert "TOML" in found.says


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    settings, found = read(tmp_path / "nowhere.toml", {})
    assert settings is None
    assert shows(found, "settings-file", FAIL).where.endswith("nowhere.toml")


def test_an_unknown_variable_is_named() -> None:
    found = read(None, {"CHARTSIDE_SERVER__PROT": "1"})[1]
    assert shows(found, "settings-file", FAIL).where == "CHARTSIDE_SERVER__PROT"


CLIENT = '[[clients]]\nname = "{name}"\nissuer = "urn:{name}"\njku = "https://ehr.example/jwks"\n'


def test_a_silent_trial_is_told(examine: Examine) -> None:
    shows(examine("settings"), "silent-trial", PASS)
    text = "[services.mode_by_service]\nchartside-problem-check = 'silent'\n"
    told = shows(examine("settings", text), "silent-trial", WARN)
    assert (told.where, told.says.split(";")[0]) == (
        "chartside-problem-check",
        "chartside-problem-check: silent",
    )
    found = examine("settings", "[trial]\nsilent_share = 0.25\n")
    assert "silent for 25.00% of encounters" in shows(found, "silent-trial", WARN).says


def test_settings_that_do_not_fit_together(examine: Examine) -> None:
    shows(examine("settings"), "settings-fit", PASS)
    text = '[server]\nhost = "0.0.0.0"\n' + CLIENT.format(name="a") * 2
    found = [each for each in examine("settings", text) if each.id == "settings-fit"]
    assert shows(found, "settings-fit", FAIL).mend
    assert {each.where for each in found} == {"clients.0", "server.host"}


def test_what_production_lacks_is_a_finding_each(examine: Examine) -> None:
    assert "tls-missing" in shows(examine("settings"), "production-requirement", NOT_CHECKED).says
    found = examine("settings", 'profile = "production"\n')
    shows(found, "production-requirement", FAIL)
    lacking = {each.where for each in found if each.id == "production-requirement"}
    assert {"clients", "tls.certificate", "server.public_url", "admission.folder"} <= lacking
    shows(production_findings("production", ()), "production-requirement", PASS)


def test_a_model_that_is_not_there(examine: Examine, tmp_path: Path) -> None:
    found = examine("settings", f'[model]\npath = "{tmp_path}/none.gguf"\n')
    assert shows(found, "data-file", FAIL).where == "model.path"
    assert "none.gguf" in shows(found, "data-file", FAIL).says


def test_files_and_known_values_of_a_good_installation(examine: Examine) -> None:
    found = examine("settings")
    shows(found, "data-file", PASS)
    shows(found, "self-check", PASS)


def test_a_known_value_that_is_wrong() -> None:
    checked = [Checked("units", "glucose", ""), Checked("crypto", "seal", "another digest")]
    [found] = self_check_findings(checked)
    assert found.where == "crypto: seal"
    shows([found], "self-check", FAIL)


def test_a_terminology_that_is_not_one(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "names.sqlite").write_text("no database")
    found = examine("settings", '[terminology]\npath = "names.sqlite"\n')
    shows(found, "self-check", FAIL)


# --- keys -------------------------------------------------------------------------------------

STORE = '[store]\npath = "records/db.sqlite"\nsite_key = "keys/site.key"\n'


@pytest.fixture
def site_key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "site.key"
    SiteKey.load(path, create=True)
    return path


def test_a_good_site_key(examine: Examine, site_key: Path) -> None:
    found = examine("keys", STORE)
    shows(found, "site-key", PASS)
    shows(found, "site-key-age", PASS)
    shows(found, "private-file", PASS)


def test_a_site_key_that_is_not_there(examine: Examine) -> None:
    found = examine("keys", STORE)
    shows(found, "site-key", NOT_CHECKED)
    shows(found, "site-key-age", NOT_CHECKED)
    missing = shows(examine("keys", f'profile = "production"\n{STORE}'), "site-key", FAIL)
    assert missing.mend.startswith("chartside audit new-key ")


def test_a_site_key_that_is_damaged(examine: Examine, site_key: Path) -> None:
    site_key.write_text("not a key")
    shows(examine("keys", STORE), "site-key", FAIL)


def test_a_site_key_of_the_environment(
    examine: Examine, site_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = site_key.read_text().strip()
    site_key.unlink()
    monkeypatch.setenv(VARIABLE, text)
    shows(examine("keys", STORE), "site-key", WARN)


def test_others_may_read_the_site_key(examine: Examine, site_key: Path) -> None:
    site_key.chmod(0o644)
    found = shows(examine("keys", STORE), "private-file", FAIL)
    assert found.mend == f"chmod 600 {site_key}"


@pytest.mark.parametrize(("days", "level"), [(0, PASS), (730, PASS), (731, WARN), (4000, WARN)])
def test_an_old_site_key(site_key: Path, days: int, level: str) -> None:
    now = time.time()
    os.utime(site_key, (now, now - days * 86_400 - 60))
    found = age_finding(site_key, now)
    assert found.level == level
    assert f"{days} days old" in found.says
    if days > 730:
        shows([found], "site-key-age", WARN)


@pytest.mark.parametrize(
    ("days", "level"), [(-1, FAIL), (0, WARN), (29, WARN), (30, PASS), (400, PASS)]
)
def test_a_certificate_that_ends(days: int, level: str) -> None:
    assert (
        certificate_finding(NOW + timedelta(days=days, seconds=1 if days >= 0 else 0), NOW).level
        == level
    )


def test_certificates(examine: Examine, tmp_path: Path) -> None:
    shows(examine("keys", STORE), "tls-certificate", NOT_CHECKED)
    certificate, key = Authority(tmp_path, "site").issue("service")
    text = f'{STORE}[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    found = examine("keys", text)
    [of_it] = [each for each in found if each.id == "tls-certificate"]
    assert of_it.level in (PASS, WARN)
    certificate.write_text("no certificate")
    shows(examine("keys", text), "tls-certificate", FAIL)
    shows([certificate_finding(NOW + timedelta(days=9), NOW)], "tls-certificate", WARN)
    shows([certificate_finding(NOW + timedelta(days=99), NOW)], "tls-certificate", PASS)
