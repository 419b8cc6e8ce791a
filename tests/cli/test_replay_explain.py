"""`chartside replay` and `chartside explain` on a real store: by id, card and link."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cli.application import main
from cds_hooks.consult.links import make_link
from cds_hooks.consultation import CheckedConsultation, Consultation, PreparedConsultation
from cds_hooks.plausibility import Terminology
from cds_hooks.protocol.cards import Card, Source
from cds_hooks.replay.judging import judged
from cds_hooks.runtime.answer_basis import tables_record
from cds_hooks.runtime.operator import operator
from cds_hooks.runtime.replaying import today_of
from cds_hooks.settings import Settings, load_settings
from tests.replay import conftest as replay_fixtures

Run = Callable[..., tuple[int, str, str]]

CARD = "22222222-2222-4222-8222-222222222222"
terminology = replay_fixtures.terminology
resources = replay_fixtures.resources
chart = replay_fixtures.chart
today = replay_fixtures.today
d_dimer = replay_fixtures.d_dimer
recorded = replay_fixtures.recorded


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    place, terms = tmp_path / "chartside.toml", replay_fixtures.ROOT / "build/terminology.sqlite"
    place.write_text(
        f'[store]\npath = "{tmp_path}/store.sqlite"\nsite_key = "{tmp_path}/site.key"\n'
        f'[model]\nseed = 7\n[terminology]\npath = "{terms}"\n'
    )
    return place


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "site.key", create=True)


@pytest.fixture
def saved(
    recorded: CheckedConsultation, terminology: Terminology, config: Path, key: SiteKey,
    tmp_path: Path,
) -> CheckedConsultation:  # fmt: skip
    """The consultation on record as a service with these settings would have recorded it."""
    now = today_of(load_settings(config), terminology)
    model = replace(recorded.model, sha256=now.model_sha256 or "0" * 64)  # type: ignore[type-var]
    done = judged(replace(recorded, basis=now.basis, model=model), now)
    assert isinstance(done, CheckedConsultation)
    save(done, key, tmp_path, terminology.versions)
    return done


def save(done: Consultation, key: SiteKey, folder: Path, compiled: Mapping[str, str] = {}) -> None:
    async def write() -> None:
        store = Store(StoreConfig(folder / "store.sqlite"), key)
        await store.open()
        await tables_record(Settings(), compiled)(store)
        cards = [] if done.silent else [Card("s", "info", Source("Chartside"), uuid=CARD)]
        await store.save_consultation(done, cards)
        await store.close()

    asyncio.run(write())


def records(key: SiteKey, folder: Path) -> list[dict[str, Any]]:
    async def read() -> list[bytes]:
        store = Store(StoreConfig(folder / "store.sqlite"), key)
        await store.open()
        try:
            return await store.ledger.records_of("consultation-read")
        finally:
            await store.close()

    return [orjson.loads(each) for each in asyncio.run(read())]


def test_a_card_a_link_and_an_id_name_the_same_consultation(
    run: Run, saved: CheckedConsultation, config: Path, key: SiteKey
) -> None:
    link = f"https://cds.example/consultations/{make_link(key, saved.id, until=1)}"
    for named in (saved.id, CARD, link, CARD.upper()):
        code, out, err = run("explain", named, "--config", str(config), "--json")
        assert code == 0, err
        assert json.loads(out)["consultation"]["id"] == saved.id


def test_an_explanation_has_what_the_model_saw_and_said(
    run: Run, saved: CheckedConsultation, config: Path, d_dimer: str
) -> None:
    code, out, _ = run("explain", CARD, "--config", str(config), "--json")
    assert code == 0
    told = json.loads(out)
    fact = next(each for each in told["facts"] if each["id"] == d_dimer)
    assert fact["sources"]
    assert fact["shown_to_model"] is True
    assert told["prompt"]["messages"][0]["content"] == saved.prompt.messages[0].content  # type: ignore[union-attr]
    assert told["samples"] == [{"model": "fake", "text": saved.samples[0], "used": True}]
    [embolism] = [e for e in told["diagnoses"]["listed"] if "embolism" in e["name"].lower()]
    assert embolism["verdict"]
    assert all(reason["source"] for reason in embolism["reasons"])
    [wells] = [each for each in told["rules"] if each["rule"] == "pulmonary-embolism-wells"]
    assert wells["table"]["table"].startswith("plausibility.")
    assert wells["table"]["version"]
    assert told["left_out"]["of_chart"]
    assert told["basis"]["sampling"]["seed"] == 7


def test_an_explanation_is_printed_for_a_person(
    run: Run, saved: CheckedConsultation, config: Path
) -> None:
    code, out, _ = run("explain", saved.id, "--config", str(config))
    assert code == 0
    for heading in ("What the answer rests on", "Facts", "Left out, and why", "sample 1 of fake",
                    "Checks", "Verdicts", "prompt: system"):  # fmt: skip
        assert heading in out


def test_a_reading_is_recorded_with_who_and_why(
    run: Run, saved: CheckedConsultation, config: Path, key: SiteKey, tmp_path: Path
) -> None:
    run("explain", CARD, "--config", str(config), "--reason", "case 4711")
    run("replay", CARD, "--config", str(config))
    explained, replayed = records(key, tmp_path)
    assert explained["consultation"] == saved.id
    assert explained["details"] == {"command": "explain", "reason": "case 4711"}
    assert replayed["details"] == {"command": "replay"}
    assert explained["user_ref"] == replayed["user_ref"] != ""
    assert operator() not in explained["user_ref"]
    code, out, _ = run("audit", "query", "--user", operator(), "--config", str(config), "--json")
    assert code == 0
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    # The start of the service that recorded it is this user's as well.
    assert kinds == ["tables-loaded", "consultation-read", "consultation-read"]


@pytest.mark.parametrize("named", ["33333333-3333-4333-8333-333333333333", "Anna Muster", ""])
def test_what_is_not_on_record_is_a_code_that_repeats_nothing(
    run: Run, saved: CheckedConsultation, config: Path, named: str
) -> None:
    code, _, err = run("explain", named, "--config", str(config))
    assert code == 3
    assert err.startswith("chartside: consultation-unknown: ")
    assert "Muster" not in err


def test_a_question_that_was_answered_since_is_told_with_its_answer(
    run: Run, saved: CheckedConsultation, config: Path, key: SiteKey, tmp_path: Path
) -> None:
    """As the page behind a card shows it: another hook may have had the answer."""
    asked = {name: getattr(saved, name) for name in PreparedConsultation.__dataclass_fields__}
    pending = PreparedConsultation(**{**asked, "id": "66666666-6666-4666-8666-666666666666"})
    save(pending, key, tmp_path)
    code, out, _ = run("explain", pending.id, "--config", str(config), "--json")
    assert code == 0
    assert json.loads(out)["consultation"]["id"] == saved.id
    assert records(key, tmp_path)[-1]["details"]["asked"] == pending.id
    assert pending.id in run("explain", pending.id, "--config", str(config))[1]


def test_a_reason_that_is_a_story_is_refused(
    run: Run, saved: CheckedConsultation, config: Path
) -> None:
    code, _, err = run("explain", CARD, "--config", str(config), "--reason", "x" * 201)
    assert code == 3
    assert "--reason" in err


def test_a_consultation_that_nothing_changed_is_the_same(
    run: Run, saved: CheckedConsultation, config: Path
) -> None:
    code, out, err = run("replay", CARD, "--diff", "--config", str(config))
    assert code == 0, out + err
    assert out.startswith("The same")


def test_a_changed_setting_is_named(run: Run, saved: CheckedConsultation, config: Path) -> None:
    config.write_text(config.read_text().replace("seed = 7", "seed = 8"))
    code, out, _ = run("replay", CARD, "--config", str(config), "--json")
    assert code == 1
    told = json.loads(out)
    assert told["verdict"] == "explained"
    assert told["open_changes"] == [
        {"code": "sampling", "what": "seed", "before": "7", "after": "8"}
    ]


def test_another_model_digest_is_named(
    run: Run, saved: CheckedConsultation, config: Path, key: SiteKey, tmp_path: Path
) -> None:
    other = replace(saved, id="44444444-4444-4444-8444-444444444444",
                    model=replace(saved.model, sha256="e" * 64))  # type: ignore[type-var]  # fmt: skip
    save(other, key, tmp_path)
    code, out, _ = run("replay", other.id, "--config", str(config), "--json")
    told = json.loads(out)
    if load_settings(config).model.sha256 or told["open_changes"]:
        assert code == 1
        assert [c["code"] for c in told["open_changes"]] == ["model"]


def test_what_differs_without_a_cause_ends_with_2(
    run: Run, saved: CheckedConsultation, config: Path, key: SiteKey, tmp_path: Path
) -> None:
    altered = replace(saved, id="55555555-5555-4555-8555-555555555555", chart_findings=())
    save(altered, key, tmp_path)
    code, out, _ = run("replay", altered.id, "--diff", "--config", str(config))
    assert code == 2
    assert "nothing that is on record changed" in out
    assert "pulmonary-embolism-wells" in out


def test_neither_a_file_nor_a_card(run: Run, config: Path, tmp_path: Path, key: SiteKey) -> None:
    file = tmp_path / "notes.json"
    file.write_text('{"hello": 1}')
    code, _, err = run("replay", str(file), "--config", str(config))
    assert code == 3
    assert "no captured request" in err


def test_a_rule_that_was_changed_in_its_table_is_named_with_the_table(
    saved: CheckedConsultation, config: Path, tmp_path: Path
) -> None:
    """A copy of the program with one word of one table changed replays what this one recorded."""
    program = tmp_path / "program"
    for package in ("cds_hooks", "fhir_mapping", "prompts"):
        shutil.copytree(replay_fixtures.ROOT / package, program / package,
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    table = program / "cds_hooks/plausibility/data/chart_rules/heart.toml"
    begin, rule, rest = table.read_text().partition('id = "acute-coronary-syndrome-troponin"')
    assert 'seriousness = "critical"' in rest
    table.write_text(
        begin.replace('version = "2"', 'version = "3"')
        + rule
        + rest.replace('seriousness = "critical"', 'seriousness = "notable"', 1)
    )
    done = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "replay", saved.id, "--json", "--config", str(config)],
        cwd=program, env={**os.environ, "PYTHONPATH": str(program)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (done.returncode, told["verdict"]) == (1, "explained"), told
    [step] = [step for step in told["steps"] if step["differs"]]
    [cause] = step["causes"]
    assert (cause["code"], cause["what"]) == ("rules", "plausibility.chart_rules.heart")
    assert (cause["before"][:2], cause["after"][:2]) == ("2 ", "3 ")
    named = [each["what"].split()[0] for each in step["rules"]]
    assert "acute-coronary-syndrome-troponin" in named
    assert all(name.startswith("acute-coronary-syndrome") for name in named)
    assert step["lines"]


def test_nothing_is_said_of_a_closed_pipe(saved: CheckedConsultation, config: Path) -> None:
    for words in (["explain", saved.id], ["explain", saved.id, "--json"], ["replay", saved.id]):
        with subprocess.Popen(
            [sys.executable, "-m", "cds_hooks", *words, "--config", str(config)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=replay_fixtures.ROOT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(120) == 1
