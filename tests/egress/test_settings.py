"""From settings to the list; what the report, metrics, log and `/readyz` say of the lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cds_hooks.runtime.egress import (
    attach,
    egress_checks,
    make_lock,
    of_prewarm,
    of_service,
    of_trial_outcomes,
)
from cds_hooks.settings import Settings, SettingsError, load_settings
from cds_hooks.settings.production_requirements import lacks
from cds_hooks.trust.egress import EgressRefused, scoped

ROOT = Path(__file__).resolve().parents[2]

EVERYTHING = """
[fhir]
allowed_bases = ["https://fhir.hospital.example/r4", "http://127.0.0.1:9000"]
[model_server]
bases = ["https://gpu.hospital.example:8443"]
model = "m"
[[panel.servers]]
bases = ["https://second.hospital.example"]
model = "n"
[store]
path = "postgresql+psycopg://chartside@/records?host=db1:6544&host=db2&port=6543"
[prewarm]
token_url = "https://auth.hospital.example/token"
[openid]
issuer = "https://login.hospital.example/realms/staff"
client_id = "chartside"
authentication = "none"
viewers = ["staff"]
[egress]
allow = ["udp://syslog.hospital.example:514"]
[[clients]]
name = "a"
issuer = "https://a"
jku = "https://keys.hospital.example/jwks.json"
[[clients]]
name = "b"
issuer = "https://b"
jku = "https://unread.hospital.example/jwks.json"
jwks = "{}"
"""


def _settings(folder: Path, text: str) -> Settings:
    place = folder / "chartside.toml"
    place.write_text(text)
    return load_settings(place, {})


def test_the_list_is_what_the_settings_name(tmp_path: Path) -> None:
    settings = _settings(tmp_path, EVERYTHING)
    assert {str(item): item.setting for item in of_service(settings)} == {
        "https://fhir.hospital.example:443": "fhir.allowed_bases[0]",
        "http://127.0.0.1:9000": "fhir.allowed_bases[1]",
        "https://gpu.hospital.example:8443": "model_server.bases[0]",
        "https://second.hospital.example:443": "panel.servers[0].bases[0]",
        "https://login.hospital.example:443": "openid.issuer",
        "https://keys.hospital.example:443": "clients[0].jku",
        "postgresql://db1:6544": "store.path",
        "postgresql://db2:6543": "store.path",
        "udp://syslog.hospital.example:514": "egress.allow[0]",
    }
    prewarm = {item.setting for item in of_prewarm(settings)}
    assert "prewarm.token_url" in prewarm
    assert "model_server.bases[0]" not in prewarm


def test_outcomes_are_read_of_their_own_server_and_nothing_else_is_spoken_to(
    tmp_path: Path,
) -> None:
    own = '[trial_outcomes]\nfhir_server = "https://later.hospital.example/r4"\n'
    settings = _settings(tmp_path, EVERYTHING + own)
    assert {str(item): item.setting for item in of_trial_outcomes(settings)} == {
        "https://later.hospital.example:443": "trial_outcomes.fhir_server",
        "postgresql://db1:6544": "store.path",
        "postgresql://db2:6543": "store.path",
    }
    assert "https://later.hospital.example:443" not in map(str, of_service(settings))


@pytest.mark.parametrize(
    ("url", "places"),
    [
        (
            "postgresql+psycopg:///records?host=/run/postgresql",
            ["unix:/run/postgresql/.s.PGSQL.5432"],
        ),
        ("postgresql://u@/records?host=db&port=5433", ["postgresql://db:5433"]),
        ("postgresql://[fd12::1]/records", ["postgresql://[fd12::1]:5432"]),
        ("postgresql://db1:1,db2/records", ["postgresql://db1:1", "postgresql://db2:5432"]),
        ("records.sqlite", []),
    ],
)
def test_a_database_is_where_libpq_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, places: list[str]
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    settings = _settings(tmp_path, f'[store]\npath = "{url}"')
    assert [str(item) for item in of_service(settings)] == places


@pytest.mark.parametrize(
    "text",
    [
        'allow = ["http://169.254.169.254"]', 'allow = ["evil"]', 'networks = ["10.0.0.1/8"]',
        'networks = ["hospital"]', 'confine_engine = "maybe"', 'alow = []',
    ],
)  # fmt: skip
def test_what_is_no_destination_is_an_error_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        _settings(tmp_path, f"[egress]\n{text}")


@pytest.mark.parametrize(
    ("text", "code"),
    [("lock = false", "egress-not-locked"), ('confine_engine = "off"', "engine-not-confined")],
)
def test_production_wants_both_fences(tmp_path: Path, text: str, code: str) -> None:
    assert code in {lack.code for lack in lacks(_settings(tmp_path, f"[egress]\n{text}"))}
    assert code not in {lack.code for lack in lacks(Settings())}


class _Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


def test_log_and_metrics_hear_of_refusals() -> None:
    registry, log = CollectorRegistry(), _Log()
    with scoped(make_lock(Settings(), 8010)) as lock:
        attach(registry, log)
        for _ in range(3):
            with pytest.raises(EgressRefused):
                lock.connect("192.0.2.1", 443)
    [line] = log.lines
    assert line["event"] == line["code"] == "egress-refused"
    assert (line["way"], line["host"], line["port"]) == ("connect", "192.0.2.1", 443)
    assert b'chartside_egress_refused_total{way="connect"} 3.0' in generate_latest(registry)


def test_readiness_says_whether_the_fences_are_up() -> None:
    class Engine:
        confinement: ClassVar = {"confined": "partly"}

    assert egress_checks(object()) == {"egress_lock": "off"}
    with scoped(make_lock(Settings(), 8010)):
        assert egress_checks(Engine()) == {"egress_lock": "ok", "engine_confined": "partly"}


def _report(config: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "egress", "report", "--json", "--config", str(config)],
        capture_output=True, cwd=ROOT, timeout=100, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def test_a_report_of_settings_that_leave_the_lock_off_says_so(tmp_path: Path) -> None:
    _settings(tmp_path, "[server]\nport = 18077\n[egress]\nlock = false\n")
    status, found = _report(tmp_path / "chartside.toml")
    assert status == 1
    assert found["holds"] is False
    assert found["self_test"]["lock"] == {"lock": "off"}
    assert found["service"]["running"] is False


def test_a_report_tries_a_listed_name_that_turns_to_metadata(tmp_path: Path) -> None:
    listed = '[egress]\nallow = ["https://collector.hospital.example"]'
    _settings(tmp_path, f"[server]\nport = 18077\n{listed}")
    _, found = _report(tmp_path / "chartside.toml")
    tried = found["self_test"]["lock"]
    assert tried["follow collector.hospital.example to the metadata service"].startswith("refused")
    assert all(result.startswith("refused") for result in tried.values()), tried
    assert found["allowed"] == [
        {"destination": "https://collector.hospital.example:443", "setting": "egress.allow[0]"}
    ]
