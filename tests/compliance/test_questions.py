"""The eleven questions: each is answered, and what is not there is said; what is named exists."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.app.routes import ALLOWED
from cds_hooks.cli.compliance import compliance_app
from cds_hooks.compliance.questions import QuestionFacts, SwitchState, answers, questions
from tests.docs.shell import commands_in, fault_of

FACTS = QuestionFacts(
    at="2026-11-29T10:00:00.000Z",
    profile="production",
    services=("chartside-patient-view",),
    users="keyed",
    destinations=(
        ("https://ehr.example", "fhir.allowed_bases", False),
        ("unix:/run/model", "model_server.bases", True),
    ),
    model="gemma (SHA-256 0123456789ab…)",
    template="differential/2 (SHA-256 ba9876543210…)",
    program="Chartside 1.2.3 with llama.cpp",
    kept={"consultations": 30.0, "feedback": 183.0},
    witnesses=("/mnt/witness",),
    evaluations=2,
    admitted_for="differential",
    records=1234,
    first="2026-11-01T00:00:00.000Z",
    last="2026-11-29T09:59:59.000Z",
    counts={"hook-answered": 700, "feedback": 12, "settings-changed": 3, "egress-refused": 4},
    covered=1230,
    signed_at="2026-11-29T09:59:00.000Z",
    verified="Verified now: whole up to 1230 records.",
    consultations=650,
    erased_keys=2,
    holds=1,
    off=(SwitchState("chartside-patient-view", "2026-11-28T08:00:00.000Z", "recall"),),
)


def _told(facts: QuestionFacts, id_: str) -> tuple[str, str]:
    [found] = [each for each in answers(facts) if each.question.id == id_]
    return " ".join(found.says), " ".join(found.lacks)


def test_there_are_eleven_and_each_says_something() -> None:
    found = answers(FACTS)
    assert len(found) == len({each.question.id for each in found}) == 11
    assert all(each.says and each.question.standards for each in found)
    assert [each.question.id for each in found if not each.is_whole] == ["kept"]


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("who-saw", "1,234 records from 2026-11-01"),
        ("unchanged", "covers 1,230 of 1,234 records"),
        ("stays-here", "1 other machine and 1 place on this machine"),
        ("stays-here", "https://ehr.example (fhir.allowed_bases)"),
        ("saw-and-said", "650 consultations"),
        ("same-today", "gemma (SHA-256 0123456789ab…), template differential/2"),
        ("purpose", "chartside-patient-view"),
        ("how-good", "12 calls of feedback"),
        ("inside", "Chartside 1.2.3"),
        ("changes", "3 settings-changed"),
        ("kept", "consultations 30 days"),
        ("switch-off", "chartside-patient-view since 2026-11-28T08:00:00.000Z (recall)"),
    ],
)
def test_an_answer_has_the_figures_of_the_installation(id_: str, words: str) -> None:
    assert words in _told(FACTS, id_)[0]


@pytest.mark.parametrize(
    ("changed", "id_", "words"),
    [
        ({"witnesses": ()}, "unchanged", "No witness"),
        ({"verified": ""}, "unchanged", "not been verified yet"),
        ({"verified": "", "trouble": "record 7 (x)"}, "unchanged", "NOT whole: record 7"),
        ({"unread": "no key (key-refused)"}, "who-saw", "not read: no key"),
        ({"evaluations": 0}, "how-good", "accuracy here is not measured"),
        ({"counts": {}}, "how-good", "No feedback"),
        ({"admitted_for": ""}, "purpose", "No signed admission"),
        ({"consultations": 0}, "same-today", "No consultation is stored"),
        ({"kept": {"consultations": 183.0}}, "kept", "less than six months"),
        ({"locked": False}, "stays-here", "does not refuse"),
        ({"off": None}, "switch-off", "cannot be told"),
    ],
)
def test_what_is_not_there_is_said(changed: dict[str, object], id_: str, words: str) -> None:
    assert words in _told(replace(FACTS, **changed), id_)[1]  # type: ignore[arg-type]
    assert words not in _told(FACTS, id_)[1] or id_ == "kept"


def test_six_months_are_enough() -> None:
    assert _told(replace(FACTS, kept={"consultations": 184.0}), "kept")[1] == ""


@pytest.mark.parametrize("question", questions(), ids=lambda each: each.id)
def test_its_commands_and_pages_exist(question: object) -> None:
    for command in question.commands:  # type: ignore[attr-defined]
        words = commands_in(command.line)
        assert words
        assert [fault for each in words if (fault := fault_of(each))] == []
    for page in question.pages:  # type: ignore[attr-defined]
        assert f"/{page.path.partition('#')[0]}" in ALLOWED


def test_the_command_answers_all_without_a_service(tmp_path: Path) -> None:
    file = tmp_path / "chartside.toml"
    file.write_text(
        f'profile = "demo"\n[store]\npath = "{tmp_path}/records.sqlite"\n'
        f'site_key = "{tmp_path}/site.key"\n'
    )
    told = CliRunner().invoke(compliance_app, ["questions", "--config", str(file), "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)["questions"]
    assert len(found) == 11
    [first, *_] = found
    assert first["not_available"] == [
        "The ledger was not read: the service never ran with these settings."
    ]
    assert list(tmp_path.iterdir()) == [file]
    words = CliRunner().invoke(compliance_app, ["questions", "--config", str(file)])
    assert len(re.findall(r"^\d+\. .+\?", words.stdout, re.MULTILINE)) == 11
