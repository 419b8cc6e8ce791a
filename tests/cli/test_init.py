"""`chartside init`: five answers make a settings file that a service starts with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.cli.application import main
from cds_hooks.settings import load_settings, read_settings
from tests.end_to_end.conftest import running_service_of
from tests.pseudo_terminal import at_a_pseudo_terminal

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
FHIR = "http://127.0.0.1:8090/fhir"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", "init", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.mark.model
def test_what_it_proposes_starts_a_service(init: Run, tmp_path: Path) -> None:
    code, out, err = init("--yes", "--records", "records", "--fhir-server", FHIR, "--port", "0")
    assert code == 0, err
    assert "chartside serve --config chartside.toml" in out
    file = tmp_path / "chartside.toml"
    settings = load_settings(file, {})
    assert settings.store.path == str(tmp_path / "records/records.sqlite")
    assert settings.store.site_key.stat().st_mode & 0o777 == 0o600
    assert settings.fhir.allowed_bases == (FHIR,)
    with running_service_of(file) as running:
        running.until_ready()
        assert running.get("/version").json()["profile"] == "demo"


def test_the_questions_are_answered_at_a_terminal(tmp_path: Path) -> None:
    answers = ["demo", str(MODEL), FHIR, "[::1]:8020", "", "kept"]
    code, shown = at_a_pseudo_terminal(["init", "own.toml"], answers, tmp_path)
    assert code == 0, shown
    settings = load_settings(tmp_path / "own.toml", {})
    assert (settings.server.host, settings.server.port) == ("::1", 8020)
    assert settings.model.path == MODEL
    assert (tmp_path / "kept/keys/site.key").is_file()


def test_for_production_it_lists_what_is_missing(init: Run, tmp_path: Path) -> None:
    code, out, err = init("--profile", "production", "--records", "records", "--json")
    assert code == 0, err
    told = json.loads(out)
    missing = {each["code"] for each in told["missing"]}
    assert {"clients-missing", "tls-missing", "admission-missing"} <= missing
    assert told["site_key_made"]
    assert "site-key-missing" not in missing
    settings = read_settings(tmp_path / "chartside.toml", {})
    assert (settings.profile, settings.server.port) == ("production", 8443)


def test_a_file_that_is_there_stays(init: Run, tmp_path: Path) -> None:
    file = tmp_path / "chartside.toml"
    file.write_text("# mine")
    code, _, err = init("--yes", "--records", "records")
    assert (code, file.read_text()) == (3, "# mine")
    assert "settings-file-exists" in err
    assert not (tmp_path / "records").exists()


def test_a_site_key_that_is_there_stays(init: Run, tmp_path: Path) -> None:
    assert init("first.toml", "--yes", "--records", "records")[0] == 0
    key = (tmp_path / "records/keys/site.key").read_text()
    code, out, _ = init("second.toml", "--json", "--records", "records")
    assert (code, json.loads(out)["site_key_made"]) == (0, False)
    assert (tmp_path / "records/keys/site.key").read_text() == key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--profile", "live"), "demo or production"),
        (("--model", "none.gguf"), "none.gguf"),
        (("--fhir-server", "ftp://x"), "http"),
        (("--host", "0.0.0.0"), "bind-not-loopback"),
        (("--host", "no such host"), "server.host"),
        (("--certificate", "c.pem"), "belong together"),
        (("--public-url", "x"), "server.public_url"),
    ],
)
def test_answers_that_no_service_could_start_with_leave_nothing(
    init: Run, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    code, _, err = init("--yes", "--records", "records", *options)
    assert code == 3
    assert says in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_in_which_this_user_may_not_write(init: Run, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    code, _, err = init("--yes", "--records", "closed/records")
    assert code == 3
    assert "--records" in err


def test_a_folder_that_is_a_file_leaves_nothing(init: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = init("--yes", "--records", "file")
    assert code == 3, err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
