"""What commands say of a silent trial, without a service."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from cds_hooks.audit import SiteKey
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.services import list_services
from cds_hooks.cli.stored_consultation import require_not_silent
from cds_hooks.settings import Settings, load_settings
from tests.console.whole_service import PATIENT_VIEW
from tests.trial.silent.hooks import (
    CHECK,
)


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
