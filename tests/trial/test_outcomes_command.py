"""The command against a real FHIR server, with a token endpoint that verifies, under the lock."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.trial_outcomes import READ, FollowUp
from cds_hooks.consultation import CheckedConsultation, KeyState, Outcome
from fhir_mapping import map_chart
from tests.audit.tampering import rows
from tests.prewarm.conftest import authorization, ec_key, key_file, serve, signing_key

__all__ = ["authorization", "ec_key", "key_file", "serve", "signing_key"]

pytestmark = [pytest.mark.fhir_server]

ROOT = Path(__file__).resolve().parents[2]
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
NOW = datetime.now(UTC)
HOOK = NOW - timedelta(days=5)
ID = "00000000-0000-4000-8000-000000000017"
CANARY = "Canarybird"
PATIENT = {
    "resourceType": "Patient",
    "id": "outcome-pat",
    "gender": "female",
    "name": [{"family": CANARY}],
}


def at(days: float) -> str:
    return (HOOK + timedelta(days=days)).isoformat(timespec="seconds")


def condition(id_: str, code: str, recorded: float, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id_,
        "subject": {"reference": "Patient/outcome-pat"},
        "category": [{"coding": [{"code": category}]}],
        "code": {"coding": [{"system": ICD, "code": code}], "text": CANARY},
        "recordedDate": at(recorded),
    }


LATER = [
    condition("outcome-old", "I10", -300, "problem-list-item"),
    condition("outcome-new", "I26.99", 1, "problem-list-item"),
    condition("outcome-dd", "J18.9", 2, "other"),
    {
        "resourceType": "Encounter",
        "id": "outcome-stay",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/outcome-pat"},
        "period": {"start": at(-0.5), "end": at(3)},
        "diagnosis": [
            {
                "condition": {"reference": "Condition/outcome-dd"},
                "use": {"coding": [{"code": "DD"}]},
            }
        ],
    },
]


@pytest.fixture
def hospital(fhir_server: Any) -> Any:
    entry = [{"resource": each} for each in (PATIENT, *LATER)]
    fhir_server.load({"resourceType": "Bundle", "type": "collection", "entry": entry})
    return fhir_server


@pytest.fixture
def settings(tmp_path: Path, hospital: Any, key_file: Path, authorization: Any) -> Path:
    server = authorization(lambda: hospital.token)
    path = tmp_path / "chartside.toml"
    path.write_text(
        f'[store]\npath = "{tmp_path}/s.sqlite"\nsite_key = "{tmp_path}/s.key"\n'
        f'[trial_outcomes]\nfhir_server = "{hospital.base}"\nclient_id = "chartside"\n'
        f'key = "{key_file}"\ntoken_url = "{server.url}"\nreads_per_minute = 60000\n'
    )
    return path


@pytest.fixture
def recorded(tmp_path: Path, hospital: Any) -> SiteKey:
    """A store with one consultation, about the chart as it was at the hook."""
    key = SiteKey.load(tmp_path / "s.key", create=True)
    consultation = CheckedConsultation(
        id=ID,
        key="k",
        service="chartside-patient-view",
        created=HOOK.timestamp(),
        patient_key=key.patient_key("outcome-pat", fhir_server=hospital.base),
        chart=map_chart([PATIENT, LATER[0]], patient_id="outcome-pat", now=HOOK),
        key_states={"problems": KeyState.FETCHED},
        outcome=Outcome.ANSWERED,
    )
    asyncio.run(_with_store(tmp_path, key, lambda store: store.save_consultation(consultation)))
    return key


async def _with_store(folder: Path, key: SiteKey, work: Any) -> Any:
    store = Store(StoreConfig(folder / "s.sqlite"), key)
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


def command(settings: Path, *more: str) -> list[str]:
    line = [sys.executable, "-m", "cds_hooks", "trial", "outcomes", "--config", str(settings)]
    return [*line, *more]


def run(settings: Path, *more: str) -> tuple[int, Any, str]:
    line = command(settings, "--json", *more)
    done = subprocess.run(line, capture_output=True, text=True, timeout=280, cwd=ROOT, check=False)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def test_what_patients_turned_out_to_have_is_read_stored_and_on_record(
    settings: Path, recorded: SiteKey, tmp_path: Path
) -> None:
    code, told, errors = run(settings)
    assert (code, told["ended"], told["states"]) == (0, "complete", {READ: 1}), errors
    assert told["warnings"] == ["window-outlives-consultations"]
    assert told["sources"] == {"encounter-discharge-diagnosis": 1, "condition-problem-list": 1}
    found: dict[str, FollowUp] = asyncio.run(
        _with_store(tmp_path, recorded, lambda store: store.outcomes.of([ID]))
    )
    assert [(each.system, each.code) for each in found[ID].outcomes] == [
        (ICD, "I26.99"), (ICD, "J18.9")]  # fmt: skip
    stay = recorded.digest("ledger-encounter", "outcome-stay")
    assert [each.encounter for each in found[ID].outcomes] == ["", stay]
    assert "known-in-chart" in found[ID].passed_over
    query = "SELECT record FROM ledger WHERE type = 'trial-outcomes-read'"
    [(raw,)] = rows(tmp_path / "s.sqlite", query)
    record = json.loads(bytes(raw))
    details = record["details"]
    assert (details["consultations"], details["outcomes"]) == (1, 2)
    assert (details["command"], details["rules"]) == ("trial outcomes", told["rules"])
    assert details["stored"].startswith("h1:")
    assert record["user_ref"].startswith("h1:")
    for secret in (CANARY, "outcome-", "I26", "J18", ID):
        assert secret not in errors + json.dumps(told) + bytes(raw).decode()


@pytest.mark.slow
def test_a_second_run_and_a_dry_run_change_nothing_and_say_so(
    settings: Path, recorded: SiteKey, tmp_path: Path
) -> None:
    code, told, _ = run(settings, "--dry-run")
    assert (code, told["outcomes"], told["dry_run"]) == (0, 2, True)
    assert rows(tmp_path / "s.sqlite", "SELECT * FROM trial_outcomes") == []
    assert run(settings)[1]["outcomes"] == 2
    stored = rows(tmp_path / "s.sqlite", "SELECT * FROM trial_outcomes")
    code, told, _ = run(settings)
    assert (code, told["ended"], told["recorded"]) == (0, "nothing-to-do", 1)
    assert rows(tmp_path / "s.sqlite", "SELECT * FROM trial_outcomes") == stored
    with settings.open("a") as file:
        file.write("[retention]\nconsultations_days = 31\n")
    code, told, _ = run(settings, "--until", "2001-01-01")
    assert (code, told["recorded"], told["warnings"]) == (0, 0, [])


@pytest.mark.slow
def test_ctrl_c_ends_a_run_on_record_and_the_next_goes_on(
    settings: Path, recorded: SiteKey, tmp_path: Path, serve: Any, hospital: Any
) -> None:
    asked, as_set = threading.Event(), settings.read_text()

    async def hang(_scope: Any, _receive: Any, _send: Any) -> None:
        asked.set()
        await asyncio.sleep(120)

    away = f"{serve(hang).url}/fhir"
    settings.write_text(
        as_set.replace(f'fhir_server = "{hospital.base}"', f'fhir_server = "{away}"')
        + f'known_as = ["{hospital.base}"]\n'
    )
    process = subprocess.Popen(
        command(settings, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert asked.wait(120)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, json.loads(output)["ended"]) == (130, "interrupted"), errors
    assert b"Traceback" not in errors
    query = "SELECT record FROM ledger WHERE type = 'trial-outcomes-read'"
    [(raw,)] = rows(tmp_path / "s.sqlite", query)
    assert json.loads(bytes(raw))["details"]["ended"] == "interrupted"
    settings.write_text(as_set)
    assert run(settings)[1]["states"] == {READ: 1}


@pytest.mark.slow
def test_it_says_what_is_missing(settings: Path, recorded: SiteKey, tmp_path: Path) -> None:
    assert recorded
    code, told, _ = run(settings, "--since", "someday")
    assert (code, told["error"]["code"]) == (3, "usage")
    as_set = settings.read_text()
    settings.write_text(as_set.replace('"chartside"', '"somebody"'))
    code, told, errors = run(settings)
    assert (code, told["ended"]) == (1, "fhir-token-refused")
    assert "trial_outcomes.client_id" in errors
    (tmp_path / "own.toml").write_text("version = 1")
    settings.write_text(f'{as_set}rules = "{tmp_path}/own.toml"\n')
    code, told, _ = run(settings)
    assert (code, told["error"]["code"]) == (3, "outcome-rules-invalid")
