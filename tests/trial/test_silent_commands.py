"""What commands say of a silent trial, without a service."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.services import list_services
from cds_hooks.cli.stored_consultation import require_not_silent
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.settings import Settings, load_settings
from tests.cli import test_replay_explain as commands
from tests.console.whole_service import PATIENT_VIEW
from tests.trial.silent.hooks import (
    CHECK,
)

terminology, resources, chart = commands.terminology, commands.resources, commands.chart
today, d_dimer, recorded = commands.today, commands.d_dimer, commands.recorded
run, config, key, saved = commands.run, commands.config, commands.key, commands.saved


@pytest.mark.parametrize("of", ["[services]\nmode = 'silent'", "[trial]\nsilent_share = 0.01"])
def test_a_command_that_answers_here_explains_with_the_option_alone(
    tmp_path: Path, of: str
) -> None:
    """Before a model is loaded; a bundle and a captured call are the same charts."""
    file = tmp_path / "c.toml"
    file.write_text(of)
    settings = load_settings(file, {})
    with pytest.raises(UsageError):
        require_not_silent(settings, PATIENT_VIEW, silent_trial=False)
    require_not_silent(settings, PATIENT_VIEW, silent_trial=True)
    require_not_silent(Settings(), PATIENT_VIEW, silent_trial=False)


def test_the_list_of_services_tells_what_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[store]\npath = "r.sqlite"\nsite_key = "k"\n'
        f"[services.mode_by_service]\n{CHECK} = 'silent'\n"
    )
    SiteKey.load(tmp_path / "k", create=True)
    list_services(file)
    lines = capsys.readouterr().out.splitlines()
    assert f"{CHECK}: on, silent" in lines
    assert f"{PATIENT_VIEW}: on" in lines
    list_services(file, json=True)
    rows = orjson.loads(capsys.readouterr().out)["services"]
    assert {row["id"]: row["silent"] for row in rows if row["silent"]} == {CHECK: "silent"}


def test_what_a_silent_trial_recorded_is_read_with_its_option_alone(
    run: commands.Run, saved: CheckedConsultation, config: Path, key: SiteKey, tmp_path: Path
) -> None:
    silent = replace(saved, id="77777777-7777-4777-8777-777777777777", silent=True)
    commands.save(silent, key, tmp_path)
    for command in ("explain", "replay"):
        code, out, err = run(command, silent.id, "--config", str(config))
        assert (code, out) == (3, "")
        assert "consultation-unknown" in err
        assert "--silent-trial" in err
    assert commands.records(key, tmp_path) == []
    given = (silent.id, "--silent-trial", "--config", str(config), "--json")
    code, out, err = run("explain", *given)
    assert (code, json.loads(out)["consultation"]["id"]) == (0, silent.id), err
    assert run("replay", *given)[0] == 0
    assert [each["details"]["silent_trial"] for each in commands.records(key, tmp_path)] == [
        True,
        True,
    ]
    # It is no way to anything else.
    assert run("explain", commands.CARD, "--silent-trial", "--config", str(config))[0] == 3
