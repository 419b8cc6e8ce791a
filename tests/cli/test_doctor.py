"""`chartside doctor` as its user calls it: whole or a part, as text or JSON, with an exit code."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli.application import main
from cds_hooks.doctor.run import PARTS
from tests.doctor.test_fhir import server
from tests.prewarm.conftest import Served, serve
from tests.pseudo_terminal import at_a_pseudo_terminal

__all__ = ["serve"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", "doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], str]:
    def make(text: str) -> str:
        file = tmp_path / "chartside.toml"
        file.write_text(text)
        return str(file)

    return make


def test_the_whole_looks_at_every_part(run: Run, config: Callable[[str], str]) -> None:
    text = '[server]\nport = 0\n[store]\npath = "r/db.sqlite"\n'
    code, out, _ = run("--config", config(text), "--skip", "engine", "--json")
    told = json.loads(out)
    assert (code, told["healthy"], told["counts"]["FAIL"]) == (0, True, 0)
    assert {each["part"] for each in told["findings"]} == set(PARTS) - {"engine", "clients"}
    assert sum(told["counts"].values()) == len(told["findings"])


def test_a_failure_is_exit_code_1_with_the_line_that_mends_it(
    run: Run, config: Callable[[str], str]
) -> None:
    code, out, err = run(
        "keys", "--config", config('profile = "production"\n[store]\npath = "r/db"\n')
    )
    assert code == 1
    assert "FAIL        site-key at store.site_key" in out
    assert "-> chartside audit new-key " in out
    assert out.rstrip().splitlines()[-1].endswith("NOT CHECKED")
    assert err == ""


@pytest.mark.parametrize("part", [(), ("settings",), ("ports",), ("fhir",), ("clients",)])
def test_settings_that_cannot_be_read_are_a_finding_of_every_part(
    run: Run, config: Callable[[str], str], part: tuple[str, ...]
) -> None:
    code, out, _ = run(*part, "--config", config("[server]\nprot = 1\n"), "--json")
    told = json.loads(out)
    assert code == 1
    assert [each["id"] for each in told["findings"]] == ["settings-file"]
    assert "server.port" in told["findings"][0]["says"]


def test_a_part_that_there_is_not(run: Run) -> None:
    code, _, err = run("--skip", "heart")
    assert code == 3
    assert "settings, keys" in err


def test_the_fhir_server_of_the_command_line_comes_before_the_settings(
    run: Run, serve: Callable[[Any], Served], config: Callable[[str], str]
) -> None:
    base = f"{serve(server()).url}/fhir"
    text = '[fhir]\nallowed_bases = ["http://127.0.0.1:1/fhir"]\n'
    options = ("--config", config(text), "--fhir-server", base, "--patient", "Patient/alpha")
    code, out, err = run("fhir", *options, "--json")
    told = json.loads(out)["findings"]
    assert code == 0, out + err
    assert told[0]["where"] == base
    assert {each["where"]: each["level"] for each in told}["laboratory"] == "PASS"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--patient", "a b"], "--patient is no patient id"),
        (["--client-id", "me"], "a client is registered at one server"),
        (["--token-env", "NOT_SET"], "there is no bearer token"),
    ],
)
def test_options_that_do_not_fit(run: Run, options: list[str], says: str) -> None:
    code, _, err = run("fhir", *options)
    assert code == 3
    assert says in err


@pytest.mark.parametrize("command", [["fhir"], []])
def test_a_token_goes_to_no_other_server(
    run: Run, config: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("EHR_TOKEN", "t0ken")
    listed = '["http://127.0.0.1:1/fhir", "http://127.0.0.1:2/fhir"]'
    settings = config(f"[fhir]\nallowed_bases = {listed}\n")
    code, out, err = run(*command, "--config", settings, "--token-env", "EHR_TOKEN")
    assert code == 3
    assert "a token and a patient are of one FHIR server" in err
    assert "t0ken" not in out + err
    code, out, err = run(*command, "--config", settings, "--patient", "p-1")
    assert code == 3
    assert "a token and a patient are of one FHIR server" in err


def test_on_a_terminal_it_shows_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "chartside.toml").write_text('[store]\npath = "r/db.sqlite"\n')
    arguments = ["doctor", "--config", "chartside.toml", "--skip", "engine"]
    code, shown = at_a_pseudo_terminal(arguments, [], tmp_path, term="xterm")
    assert code in (0, 1)
    # Which parts are seen depends on how fast they are: the screen is drawn ten times a second.
    assert re.search(r"\d/9", shown)
    last = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()[-1]
    assert (" 0 FAIL" in last) == (code == 0)


@pytest.mark.model
def test_with_the_engine_it_decodes(run: Run, config: Callable[[str], str]) -> None:
    text = '[server]\nport = 0\n[store]\npath = "r/db.sqlite"\n'
    skipped = [option for name in PARTS if name != "engine" for option in ("--skip", name)]
    code, out, _ = run("--config", config(text), *skipped, "--json")
    assert code == 0
    [found] = json.loads(out)["findings"]
    assert (found["id"], found["level"]) == ("model-decodes", "PASS")
