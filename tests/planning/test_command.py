"""`chartside plan` from its options to what it prints, and the page that works with it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from cds_hooks.cli.application import app
from tests.docs.pages import ROOT, blocks_of

PAGE = ROOT / "docs/operators/capacity.md"
ENGINE = ["--engine", "mistral-7b-rtx-4090"]


def plan(*options: str) -> Result:
    return CliRunner().invoke(app, ["plan", *options])


def words(text: str) -> list[str]:
    return text.replace("─", " ").split()


def test_the_page_shows_what_its_command_prints() -> None:
    blocks = blocks_of(PAGE)
    shown = next(block for block in blocks if block.language == "text")
    command = blocks[blocks.index(shown) - 1].text.split()
    assert command[:2] == ["chartside", "plan"]
    result = plan(*command[2:])
    assert result.exit_code == 0
    assert words(result.stdout) == words(shown.text)


def test_json_has_the_arithmetic_and_each_figure(tmp_path: Path) -> None:
    picture = tmp_path / "waits.svg"
    options = ["--opens", "2000", "--replications", "2", "--svg", str(picture), "--json"]
    result = plan(*options, *ENGINE)
    told = json.loads(result.stdout)
    assert (told["engines"], told["gpus"], told["enough"]) == (1, 1, True)
    assert told["rules"]["queue"] == 0, "a model server queues by itself"
    assert told["simulated"]["wait_p95_s"]["n"] == 2
    assert told["arithmetic"]["engines"] == pytest.approx(120 / told["arithmetic"]["an_hour"])
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_an_aim_that_is_not_met_is_said_and_ends_with_1(tmp_path: Path) -> None:
    measured = {
        "model": "m", "threads": 2, "rounds": 3, "prompt_per_s": 100, "step_per_s": {"1": 9},
    }  # fmt: skip
    (file := tmp_path / "bench.json").write_text(json.dumps(measured))
    options = ["--opens", "1000", "--measured", str(file), "--engines", "1", "--replications", "1"]
    result = plan(*options)
    assert result.exit_code == 1
    assert "The aim is NOT met." in result.stdout


def test_an_unknown_engine_names_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    result = plan("--opens", "1000", "--engine", "abacus")
    assert result.exit_code != 0
    assert "mistral-7b-rtx-4090" in str(result.exception.hint)  # type: ignore[union-attr]
