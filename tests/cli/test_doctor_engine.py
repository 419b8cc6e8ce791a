"""`chartside doctor engine`: the rung, or the named cause and exit code 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.doctor import doctor_app

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "chartside.toml"
    path.write_text(f'[model]\npath = "{MODEL}"\nnames = ""\ncache = ""\nthreads = 1\n')
    return path


@pytest.mark.model
def test_a_model_that_decodes_is_told_with_its_rung(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV:extra-buffers")
    done = CliRunner().invoke(doctor_app, ["engine", "--config", str(settings)])
    assert done.exit_code == 0, done.output
    assert "decodes: rung without-extra-buffers, " in done.output
    assert "as-configured: The engine process ended by SIGSEGV" in done.output
    assert "built with: " in done.output


@pytest.mark.model
def test_one_that_does_not_ends_with_1_and_the_cause(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "load:SIGILL")
    done = CliRunner().invoke(doctor_app, ["engine", "--json", "--config", str(settings)])
    assert done.exit_code == 1
    [told] = json.loads(done.output)["models"].values()
    assert (told["decodes"], told["code"]) == (False, "engine-died-loading")
    assert "SIGILL" in told["cause"]
    assert "`make setup`" in told["cause"]


def test_with_models_on_servers_nothing_is_loaded(settings: Path) -> None:
    settings.write_text('[model_server]\nbases = ["http://127.0.0.1:9"]\nmodel = "m"\n')
    done = CliRunner().invoke(doctor_app, ["engine", "--config", str(settings)])
    assert (done.exit_code, "on servers" in done.output) == (0, True)
