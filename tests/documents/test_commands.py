"""`chartside export` on a service's own settings and store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import cds_hooks.runtime.service as service_module
from cds_hooks.cli.export import export_app
from cds_hooks.cli.export_output import NotExported
from cds_hooks.cli.services import services_app
from cds_hooks.documents.feedback_rows import COLUMNS
from cds_hooks.runtime.service import Runtime
from tests.hostile.charts import BENIGN
from tests.hostile.conftest import BASE, ROOT, body_of, settings_for
from tests.hostile.obedient import Obedient

SERVICE = "chartside-patient-view"
WORDS = '=HYPERLINK("https://h.example";"x")'


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings file of a service that got feedback on a card and stopped."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_module, "make_engine", lambda *_a, **_k: Obedient())
        asyncio.run(_serve(folder))
    place = folder / "chartside.toml"
    place.write_text(
        f'[store]\npath = "{folder}/r.sqlite"\nsite_key = "{folder}/site.key"\n'
        f'[server]\npublic_url = "{BASE}"\n'
        f'[terminology]\npath = "{ROOT}/build/terminology.sqlite"\n'
    )
    return place


async def _serve(folder: Path) -> None:
    async with Runtime.running(settings_for(folder)) as runtime:
        transport = httpx.ASGITransport(runtime.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            answer = await client.post(f"/cds-services/{SERVICE}", json=body_of(BENIGN))
            told = {"feedback": _entries(answer.json()["cards"][0]["uuid"])}
            sent = await client.post(f"/cds-services/{SERVICE}/feedback", json=told)
            assert sent.status_code == 200


def _entries(card: str) -> list[dict[str, Any]]:
    coding = {"code": "c", "system": "urn:s", "display": "Known"}
    return [
        {
            "card": card,
            "outcome": "overridden",
            "overrideReason": {"reason": coding, "userComment": WORDS},
            "outcomeTimestamp": "2026-11-29T10:00:00Z",
        },
        {
            "card": "not-ours",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "s"}],
            "outcomeTimestamp": "2026-11-29T10:01:00Z",
        },
    ]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(export_app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_feedback_of_all_consultations_in_the_columns_of_the_rule(
    config: Path, tmp_path: Path
) -> None:
    told = json.loads(run("feedback", "--format", "json", "--config", str(config)))
    assert list(told["columns"])[:6] == [
        "intervention", "action_taken", "user_feedback", "user", "date", "location"
    ]  # fmt: skip
    ours, other = sorted(told["entries"], key=lambda each: each["date"])
    assert (ours["intervention"], ours["action_taken"]) == (SERVICE, "overridden")
    assert "reason: Known [urn:s|c]" in ours["user_feedback"]
    assert WORDS in ours["user_feedback"]
    assert ours["user_is"] == "was shown the card"
    assert ours["consultation"]
    assert other["consultation"] == ""
    assert "not-ours" not in other["card"]
    assert all(set(each) == set(COLUMNS) for each in told["entries"])
    assert BENIGN.patient_id not in json.dumps(told)
    file = tmp_path / "feedback.csv"
    result = json.loads(run("feedback", "--to", str(file), "--config", str(config), "--json"))
    assert (result["entries"], result["format"]) == (2, "csv")
    assert file.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert {row["action_taken"] for row in rows} == {"overridden", "accepted"}


def test_who_exports_feedback_is_in_the_ledger(config: Path, tmp_path: Path) -> None:
    run("feedback", "--reason", "yearly review", "--config", str(config))
    out = tmp_path / "fhir"
    run("auditevents", str(out), "--config", str(config), "--json")
    events = [json.loads(line) for line in (out / "auditevents.ndjson").read_text().splitlines()]
    assert [e for e in events if "feedback-exported" in json.dumps(e)]


def test_a_file_that_is_there_stays_as_it_is(config: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    with pytest.raises(NotExported, match="already"):
        run("feedback", "--to", str(there), "--config", str(config))
    assert there.read_text() == "mine"


@pytest.mark.parametrize("document", ["dsi", "chai", "basis", "feedback"])
def test_a_format_that_there_is_none_of_is_refused(document: str, config: Path) -> None:
    with pytest.raises(NotExported, match="no such format"):
        run(document, "--format", "pdf", "--config", str(config))


def test_without_a_store_none_is_made(tmp_path: Path) -> None:
    place = tmp_path / "chartside.toml"
    place.write_text(f'[store]\npath = "{tmp_path}/none/r.sqlite"\n')
    with pytest.raises(NotExported, match="no store"):
        run("feedback", "--config", str(place))
    assert not (tmp_path / "none").exists()


@pytest.mark.model
def test_documents_are_made_from_what_runs(config: Path, tmp_path: Path) -> None:
    """The embedded model's file, hashed; a run of it, and the site's answers."""
    text, config = config.read_text(), tmp_path / "chartside.toml"
    answers = tmp_path / "operator.toml"
    answers.write_text('[developer]\nname = "A Hospital"\ncontact = "cds@hospital.example"\n')
    config.write_text(f'{text}[documents]\noperator_file = "operator.toml"\n')
    off = ["off", "chartside-problem-check", "--reason", "under review", "--config", str(config)]
    assert CliRunner().invoke(services_app, off).exit_code == 0
    assert "chartside-problem-check, since 20" in run("dsi", "--config", str(config))
    told = _dsi(config)
    assert told["details.developer"]["answer"].startswith("A Hospital\ncds@hospital.example")
    assert told["details.developer"]["also_filled_by"] == ["model"]
    assert "Patient.gender" in told["dev.input_variables"]["answer"]
    assert told["perf.external_validity"]["answer"] == "not available"
    sbom = json.loads(run("sbom", "--config", str(config)))
    [model] = [c for c in sbom["components"] if c["type"] == "machine-learning-model"]
    assert model["hashes"][0]["content"] in run("dsi", "--config", str(config))


def _dsi(config: Path) -> dict[str, Any]:
    document = json.loads(run("dsi", "--config", str(config), "--json"))
    return {row["id"]: row for section in document["sections"] for row in section["rows"]}
