"""`chartside export ai-act | retention` on a store in which something was destroyed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cds_hooks.audit import Store
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.cli.export import export_app
from cds_hooks.compliance.ai_act import ai_act_document, ai_act_table
from cds_hooks.compliance.checks import InstallationFacts
from cds_hooks.compliance.retention_document import kept_table, retention_document
from cds_hooks.documents import Document
from cds_hooks.documents.operator_answers import questions
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.runtime.records import find_key
from cds_hooks.settings import load_settings
from tests.compliance.production_site import ProductionSite
from tests.compliance.test_check_command import PATIENT, record_an_answer

ROOT = Path(__file__).resolve().parents[2]
OLD = "2026-01-01T00:00:00Z"


def table(document: Document, title: str) -> list[tuple[str, ...]]:
    [section] = [each for each in document.sections if each.title == title]
    return [row for each in section.tables for row in each.rows]


def run(config: Path, *arguments: str) -> Any:
    result = CliRunner().invoke(export_app, [*arguments, "--config", str(config), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A site that recorded an answer, deleted it by retention, and erased its patient."""
    of_tests = request.param == "postgresql"
    url = request.getfixturevalue("postgresql").new_database() if of_tests else ""
    site = ProductionSite(tmp_path, url)
    settings = load_settings(site.config)
    await record_an_answer(settings)
    key = find_key(settings).key
    later = replace(store_config(settings))
    store = Store(later, key, clock=lambda: 4_100_000_000.0)
    await store.open()  # the consultation has expired by then
    await Ledger(settings, store, key.key_id).sign()
    await store.close()
    with KeyOperations(store_config(settings), key) as operations:
        operations.erase(PATIENT)
    store = Store(store_config(settings), key)
    await store.open()
    await Ledger(settings, store, key.key_id).sign()
    await store.close()
    return site.config


async def test_what_was_destroyed_is_told_with_its_proof(config: Path) -> None:
    told = run(config, "retention")
    [kept, now, log] = told["sections"]
    rows = {row[0]: row[2] for row in kept["tables"][0]["rows"]}
    assert rows["Feedback and comments of clinicians"] == "30 days"
    assert dict(now["tables"][0]["rows"])["data keys destroyed"] == "1"
    dropped, erased = log["tables"][0]["rows"]
    assert dropped[2:4] == ["records-dropped", "1 records, 1 consultations, 1 cards, 0 feedback"]
    assert "sha256:" in dropped[4]
    assert erased[2:4] == ["patient-erased", "1 data keys of one patient"]
    assert "verified whole" in log["text"][0]
    assert PATIENT not in json.dumps(told)

    told = run(config, "ai-act")
    events = {row[0]: row for row in told["sections"][1]["tables"][0]["rows"]}
    assert events.keys() == RECORD_TYPES.keys()
    assert events["patient-erased"][4] == events["records-dropped"][4] == "1"
    assert events["hook-answered"][5] > OLD
    assert events["hold-placed"][4:] == ["0", "-"]
    assert PATIENT not in json.dumps(told)


def test_every_setting_that_the_retention_table_names_is_one(good: InstallationFacts) -> None:
    rows = table(retention_document(good, "0.1.0"), "Retention")
    assert len(rows) == len(kept_table()) > 10
    assert not any("{" in cell for row in rows for cell in row)
    changed = replace(good, settings={**good.settings, "retention.consultations_days": 7.5})
    assert table(retention_document(changed, "0.1.0"), "Retention")[0][2] == "7.5 days"


def test_without_a_store_nothing_is_claimed_of_it(good: InstallationFacts) -> None:
    facts = replace(good, ledger=None, store=None, unread="there is no store yet")
    told = retention_document(facts, "0.1.0")
    assert told.sections[2].text == ("Not read: there is no store yet.",)
    document = ai_act_document(facts, "0.1.0")
    assert {row[4] for row in table(document, "Article 12: events")} == {"not read"}
    answers = {row.id: row.answer for row in document.rows}
    assert answers["19-1"] == "NOT ASSESSED: there is no store yet"


def test_oversight_and_instructions_point_to_what_exists(good: InstallationFacts) -> None:
    document = ai_act_document(good, "0.1.0")
    rows = {row.id: row for row in document.rows}
    assert {f"14(4)({point})" for point in "abcde"} <= rows.keys()
    assert good.caution in rows["14(4)(b)"].answer
    assert "openid.reviewers: reviewers" in rows["26(2)"].answer
    assert not rows["13(3)(a)"].available
    for named in (each for row in document.rows for each in row.evidence):
        file = named.partition("::")[0]
        assert file.startswith("chartside ") or (ROOT / file).is_file(), named
    nobody = replace(good, settings={**good.settings, "openid.reviewers": (),
                                     "openid.administrators": ()})  # fmt: skip
    [row] = [each for each in ai_act_document(nobody, "0.1.0").rows if each.id == "26(2)"]
    assert not row.available


def test_what_the_site_wrote_stands_in_the_instructions(good: InstallationFacts) -> None:
    written = {"developer.name": "St. Example", "purpose.intended_use": "Wards 3 and 4"}
    document = ai_act_document(replace(good, operator_answers=written), "0.1.0")
    rows = {row.id: row for row in document.rows}
    assert rows["13(3)(a)"].answer == "St. Example"
    assert rows["13(3)(b)(i)"].answer.splitlines()[0] == "Wards 3 and 4"
    assert rows["13(3)(b)(i)"].filled_by == rows["13(3)(a)"].filled_by == "operator"
    for point in ai_act_table().instructions:
        assert set(point.operator) <= questions().keys()


def test_dates_of_application_have_their_source() -> None:
    found = {each.date: each for each in ai_act_table().dates}
    assert {"2027-12-02", "2028-08-02"} <= found.keys()
    for each in found.values():
        assert each.url.startswith("https://eur-lex.europa.eu/eli/reg/")
