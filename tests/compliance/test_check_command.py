"""`chartside compliance check` on a site of the production profile, and on a demonstration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds_hooks.audit import Store, tables
from cds_hooks.audit.ledger.checkpoint import Checkpoint, sign
from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.audit.store_config import open_database
from cds_hooks.cli.compliance import compliance_app
from cds_hooks.cli.mapping import UsageError
from cds_hooks.consultation import CheckedConsultation, ModelIdentity, Outcome, RecordedCall
from cds_hooks.protocol.cards import Card, Source
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import Ledger, signing_key
from cds_hooks.runtime.records import find_key
from cds_hooks.settings import Settings, load_settings
from fhir_mapping.chart import Chart, PatientFacts
from tests.compliance.production_site import ProductionSite

PATIENT = "p1:a-pseudonym"


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(compliance_app, ["check", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout) if "--json" in arguments else result.stdout


def results(told: Any, *profiles: str) -> dict[str, str]:
    """Result by id."""
    chosen = [each for each in told["profiles"] if not profiles or each["id"] in profiles]
    return {check["id"]: check["result"] for each in chosen for check in each["checks"]}


async def record_an_answer(settings: Settings) -> None:
    """A start, a consultation that somebody was shown, and signatures over both."""
    key = find_key(settings).key
    store = Store(store_config(settings), key)
    await store.open()
    consultation = CheckedConsultation(
        id="11111111-1111-4111-8111-111111111111", key="k", service="chartside-patient-view",
        created=4_000_000_000.0, patient_key=PATIENT, chart=Chart(PatientFacts(61.5, "female"), ()),
        model=ModelIdentity("m", "1" * 64, "llama.cpp", "", False), outcome=Outcome.ANSWERED,
    )  # fmt: skip
    card = Card("Findings", "info", Source("Chartside"), "22222222-2222-4222-8222-222222222222")
    call = RecordedCall(hook="patient-view", client_iss="https://ehr", user_id="Practitioner/1")
    await store.record_event("service-started", version="0.1.0")
    await store.save_consultation(consultation, (card,), call)
    await Ledger(settings, store, key.key_id).sign()
    await store.close()


def damage(file: Path) -> None:
    """Overwrite the beginning of the database."""
    with file.open("r+b") as opened:
        opened.write(b"no database")


@pytest.fixture
def site(tmp_path: Path) -> ProductionSite:
    return ProductionSite(tmp_path)


def test_before_a_site_ever_ran_nothing_is_claimed_of_its_records(site: ProductionSite) -> None:
    status, told = run("--config", str(site.config), "--profile", "hipaa", "--json")
    found = results(told)
    assert found["HIPAA-312-B-1"] == found["HIPAA-312-B-2"] == "NOT ASSESSED"
    assert found["HIPAA-312-D-1"] == found["HIPAA-312-E-2"] == "PASS"
    assert not Path(load_settings(site.config).store.path).exists()
    assert status == (1 if "FAIL" in found.values() else 0)


async def test_a_production_site_fails_nothing_and_says_what_it_cannot_tell(
    site: ProductionSite,
) -> None:
    config, settings = site.config, load_settings(site.config)
    await record_an_answer(settings)
    status, told = run("--config", str(config), "--json")
    failed = [name for name, result in results(told).items() if result == "FAIL"]
    assert (status, failed) == (0, [])
    assert told["settings_profile"] == "production"
    assert {each["id"] for each in told["profiles"]} == {"hipaa", "fda", "hti1", "aiact"}
    for check in (check for each in told["profiles"] for check in each["checks"]):
        assert check["clause"]
        assert check["source"].startswith("https://")
        assert bool(check["settle"]) == (check["result"] == "NOT ASSESSED")
        assert check["evidence"] or check["result"] == "NOT ASSESSED"
    assert PATIENT not in json.dumps(told)
    found = results(told)
    assert found["HIPAA-312-A-2-I"] == found["HIPAA-312-B-2"] == found["FDA-CDS-4-C"] == "PASS"
    assert found["AIACT-6"] == found["FDA-CDS-D"] == "NOT ASSESSED"

    witness = settings.ledger.witness_folder
    assert witness is not None
    later = Checkpoint("chartside", 900, bytes(32), "2026-11-29T10:00:00Z")  # it was cut since
    FolderWitness(witness).keep(900, sign(later, signing_key(settings)))
    status, told = run("--config", str(config), "--profile", "hipaa", "--json")
    assert (status, results(told)["HIPAA-312-B-2"]) == (1, "FAIL")
    assert "a signed checkpoint covers 900 records" in json.dumps(told)
    (witness / "checkpoint-0000000000000900.note").unlink()

    database = open_database(store_config(settings), find_key(settings).key, lambda: 0.0)
    with database.write() as connection:  # somebody takes the first record away
        connection.execute(tables.ledger.delete().where(tables.ledger.c.seq == 0))
    database.close()
    status, told = run("--config", str(config), "--profile", "hipaa", "--json")
    found = results(told)
    assert (status, found["HIPAA-312-B-2"], found["HIPAA-316-B-2-I"]) == (1, "FAIL", "FAIL")

    damage(Path(settings.store.path))
    status, told = run("--config", str(config), "--profile", "hipaa", "--json")
    assert (status, results(told)["HIPAA-312-B-2"]) == (1, "FAIL")


def test_a_demonstration_fails_honestly_and_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "chartside.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/records.sqlite"\n')
    status, told = run("--config", str(config), "--json")
    failed = {name for name, result in results(told).items() if result == "FAIL"}
    assert status == 1
    assert failed >= {
        "HIPAA-312-A-1", "HIPAA-312-C-1", "HIPAA-312-D-1", "HIPAA-312-D-2", "FDA-CDS-4-C",
        "AIACT-15-5", "AIACT-26-2",
    }  # fmt: skip
    assert results(told)["FDA-CDS-1"] == "PASS"
    status, text = run("--config", str(config), "--profile", "hipaa")
    assert status == 1
    assert "demo profile" in text
    assert "FAIL         HIPAA-312-A-1" in text
    assert "-> Register EHRs in [[clients]]" in text
    assert "whether the site complies is for" in text.lower()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["chartside.toml"]


def test_the_findings_are_a_document_to_keep(tmp_path: Path) -> None:
    config, file = tmp_path / "chartside.toml", tmp_path / "report.html"
    config.write_text(f'[store]\npath = "{tmp_path}/records.sqlite"\n')
    status, _ = run("--config", str(config), "--profile", "aiact", "--to", str(file))
    told = file.read_text()
    assert status == 1
    assert file.stat().st_mode & 0o077 == 0
    for words in ("AIACT-19-1", "NOT ASSESSED: ", "Would settle it: ", "of the demo profile"):
        assert words in told
    assert "HIPAA-" not in told


def test_another_profile_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="gdpr"):
        run("--profile", "gdpr")
