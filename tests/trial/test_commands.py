"""`chartside trial`: plan, report, decide, decisions, on a store with a small trial in it."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from cds_hooks.admission.signing import create_key
from cds_hooks.audit import Store
from cds_hooks.cli import trial_report
from cds_hooks.cli.audit import audit_app
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.trial import trial_app
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings
from cds_hooks.trial.report.document import written
from cds_hooks.trial.trial_errors import DecisionRefused, ReportUnusable
from tests.trial.stored_trial import fill, settings_file


def run(*arguments: str | Path, status: int = 0, app: Any = trial_app) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def day(days_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()


@pytest.fixture(autouse=True)
def opened_once(terminology: Terminology, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands' own terminology, which three of them would read from the disk again."""
    monkeypatch.setattr(trial_report, "Terminology", lambda _: nullcontext(terminology))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A service that asked of 20 encounters ten days ago, and was right in 18."""
    place = settings_file(tmp_path)
    asyncio.run(fill(place, right=18, wrong=2, days_ago=10))
    return place


def records(config: Path, type_: str) -> list[dict[str, Any]]:
    given = ["query", "--type", type_, "--config", str(config), "--json"]
    lines = CliRunner().invoke(audit_app, given).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_from_the_plan_to_the_signed_decision_and_the_drift_after_it(
    config: Path, tmp_path: Path
) -> None:
    plan, key, out = tmp_path / "plan.json", tmp_path / "trial.pem", tmp_path / "first"
    planned = run("plan", "--width", "0.2", "--to", plan)
    made = run("report", "--to", out, "--until", day(9), "--plan", plan, "--config", config)
    assert (made["cases"], made["leaks"]) == (20, 0)
    whole = json.loads((out / "report.json").read_text())
    assert whole["sha256"] == made["sha256"]
    figures = {each["name"]: each for each in whole["trial"]["key_figures"]}
    assert (figures["top1"]["share"], figures["top1"]["n"]) == (0.9, 20)
    assert whole["trial"]["planned"]["cases"] == planned["cases"] == 21
    assert whole["trial"]["report"]["coverage"]["hooks"] == 20
    assert (out / "report.html").stat().st_mode & 0o077 == 0
    assert "NOT reached" in (out / "report.md").read_text()
    (collected,) = records(config, "trial-collected")
    (reported,) = records(config, "trial-reported")
    assert collected["seq"] < reported["seq"]
    assert reported["details"]["report_sha256"] == made["sha256"]

    file = out / "report.json"
    choice = ("decide", "--report", file, "--decision", "go-live", "--by", "A. Chief")
    words = ("--reason", "good enough for us", "--key", key, "--config", config)
    with pytest.raises(DecisionRefused, match="20 cases with an outcome, 21 were planned"):
        run(*choice, *words)
    assert run(*choice, *words, "--despite-few")["despite_few"] is True

    export = tmp_path / "export"
    run("export", export, "--config", config, app=audit_app)
    for source in (("--config", config), ("--export", export)):
        told = run("decisions", *source, "--key", f"{key}.pub", "--report", file)
        (row,) = told["decisions"]
        assert (row["signature"], row["decision"], row["by"]) == ("good", "go-live", "A. Chief")
        assert row["report_sha256"] == made["sha256"]
    run("decisions", "--export", export, "--key", _another_key(tmp_path), status=1)

    asyncio.run(fill(config, right=2, wrong=28, days_ago=4, first=100))
    again = ("report", "--config", config, "--compared-with", file)
    early = run(*again, "--to", tmp_path / "early", "--since", day(2))
    assert (early["left"], early["not_compared"][:2]) == ([], ["top1", "top3"])
    assert "NOT COMPARED, for want of cases: top1" in (tmp_path / "early/report.md").read_text()
    later = run(*again, "--to", tmp_path / "second", "--since", day(5), status=1)
    assert "top1" not in later["not_compared"]
    assert "top1" in later["left"]
    assert "DRIFT" in (tmp_path / "second" / "report.md").read_text()
    with pytest.raises(UsageError, match="days in common"):
        run(*again, "--to", tmp_path / "third", "--since", day(12))


def _another_key(folder: Path) -> Path:
    create_key(folder / "other.pem")
    return folder / "other.pem.pub"


def test_an_altered_report_carries_no_decision(config: Path, tmp_path: Path) -> None:
    run("report", "--to", tmp_path / "out", "--config", config)
    file = tmp_path / "out" / "report.json"
    file.write_text(file.read_text().replace('"with_outcome": 20', '"with_outcome": 2000'))
    words = ("--by", "A. Chief", "--reason", "reached", "--key", tmp_path / "k.pem")
    with pytest.raises(ReportUnusable, match="altered"):
        run("decide", "--report", file, "--decision", "stop", *words, "--config", config)
    assert not records(config, "trial-decided")


def test_a_plan_or_a_day_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("{}")
    with pytest.raises(ReportUnusable, match="not the file of a plan"):
        run("report", "--to", tmp_path / "out", "--plan", file)
    with pytest.raises(ReportUnusable, match="cannot be read"):
        run("report", "--to", tmp_path / "out", "--plan", tmp_path / "none.json")
    with pytest.raises(UsageError, match="a day cannot be read"):
        run("report", "--to", tmp_path / "out", "--since", "yesterday")
    with pytest.raises(UsageError, match="width"):
        run("plan", "--width", "0.5")


def test_a_report_that_was_made_elsewhere_carries_no_decision(config: Path, tmp_path: Path) -> None:
    """Whoever alters a report writes its digest again, too."""
    run("report", "--to", tmp_path / "out", "--config", config)
    file = tmp_path / "out" / "report.json"
    whole = json.loads(file.read_text())
    whole["trial"]["report"]["coverage"]["with_outcome"] = 2000
    file.write_bytes(written(whole["trial"]))
    words = ("--by", "A. Chief", "--reason", "reached", "--key", tmp_path / "k.pem")
    with pytest.raises(DecisionRefused, match="no such report is on record"):
        run("decide", "--report", file, "--decision", "go-live", *words, "--config", config)
    assert not records(config, "trial-decided")
    assert not (tmp_path / "k.pem").exists()


def test_a_decision_that_was_recorded_again_is_none(config: Path, tmp_path: Path) -> None:
    run("report", "--to", tmp_path / "out", "--config", config)
    file, key = tmp_path / "out" / "report.json", tmp_path / "k.pem"
    words = ("--by", "A. Chief", "--reason", "reached", "--key", key, "--config", config)
    run("decide", "--report", file, "--decision", "stop", *words)
    (once,) = records(config, "trial-decided")
    asyncio.run(record_again(config, "trial-decided", once["details"]))
    told = run("decisions", "--config", config, "--key", f"{key}.pub", status=1)["decisions"]
    assert [each["signature"] for each in told] == ["good", "bad"]
    assert f"record {once['seq']}" in told[1]["why"]


async def record_again(config: Path, type_: str, details: dict[str, Any]) -> None:
    settings = load_settings(config)
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        await store.record_event(type_, **details)
    finally:
        await store.close()


@pytest.mark.parametrize("other", [("--level", "same"), ("--service", "another")])
def test_only_like_is_compared_with_like(
    config: Path, tmp_path: Path, other: tuple[str, str]
) -> None:
    run("report", "--to", tmp_path / "out", "--config", config)
    again = ("report", "--config", config, "--compared-with", tmp_path / "out" / "report.json")
    with pytest.raises(UsageError, match="measure different things") as refused:
        run(*again, "--to", tmp_path / "second", "--since", day(5), *other)
    assert other[0] in refused.value.diagnostics()
    assert len(records(config, "trial-collected")) == 1


def test_numbers_and_days_past_all_bounds_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too large"):
        run("plan", "--hooks-per-day", "1e-320")
    with pytest.raises(UsageError, match="a day cannot be read"):
        run("report", "--to", tmp_path / "out", "--until", "9999-12-31")


def test_hours_are_those_of_the_site(config: Path, tmp_path: Path) -> None:
    site = "Pacific/Kiritimati"  # 14 hours ahead
    with config.open("a") as file:
        file.write(f'[trial_outcomes]\ntimezone = "{site}"\n')
    run("report", "--to", tmp_path / "out", "--config", config)
    told = json.loads((tmp_path / "out" / "report.json").read_text())["trial"]["report"]
    [hours] = [each["group"] for each in told["subgroups"] if each["dimension"] == "hour"]
    begin = datetime.now(ZoneInfo(site)).hour // 6 * 6
    assert hours == f"{begin:02} to {begin + 5:02} h"
