"""Known values: right here, and whatever is broken on purpose is told and refuses the start."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology
from cds_hooks.runtime import self_check, warming
from cds_hooks.runtime.self_check import (
    Checked,
    SelfCheckFailed,
    check_canonical,
    check_chart,
    check_crypto,
    check_documents,
    check_judgement,
    check_terminology,
    check_units,
    quick_checks,
    require,
    slow_checks,
)
from cds_hooks.runtime.warming import LibrariesCheck
from fhir_mapping.units import known_conversions

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / "build" / "terminology.sqlite"
PROGRAM = Path(sys.executable).with_name("chartside")

# Glucose whose range is in mg/mL: no table holds the pair, so the unit library is asked.
CHART = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1970-01-01"},
    {"resourceType": "Observation", "id": "o", "status": "final",
     "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-30",
     "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}]},
     "valueQuantity": {"value": 2.5, "unit": "g/L"},
     "referenceRange": [{"high": {"value": 1, "unit": "mg/mL"}}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(COMPILED) as opened:
        yield opened


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A terminology file that can be opened, and in which one title is another's."""
    file = tmp_path / "terminology.sqlite"
    shutil.copyfile(COMPILED, file)
    with sqlite3.connect(file) as db:
        db.execute("UPDATE concept SET display = 'Gout' WHERE code = 'E11.9'")
    db.close()
    return file


@pytest.fixture
def without_units(tmp_path: Path) -> dict[str, str]:
    """An environment whose ucumvert is one that its pint cannot read."""
    package = tmp_path / "broken" / "ucumvert"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from pint import DefinitionSyntaxError\n"
        "class PintUcumRegistry:\n"
        "    def __init__(self):\n"
        "        raise DefinitionSyntaxError('an alias is refused')\n"
    )
    return {**os.environ, "PYTHONPATH": str(package.parent)}


def _run(*words: str | Path, environment: dict[str, str] | None = None) -> Any:
    command = [str(PROGRAM), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=90, env=environment
    )


def _settings(folder: Path, terminology: Path = COMPILED) -> Path:
    private = folder / "state"
    private.mkdir(mode=0o700)
    file = folder / "chartside.toml"
    file.write_text(
        f'[model]\npath = "{ROOT}/build/models/SmolLM2-135M-Instruct.Q8_0.gguf"\n'
        f'[terminology]\npath = "{terminology}"\n'
        f'[store]\npath = "{private}/records.sqlite"\nsite_key = "{private}/site.key"\n'
    )
    return file


def test_every_known_value_is_right_here(terminology: Terminology) -> None:
    found = [*quick_checks(terminology), *slow_checks(terminology)]
    assert [one for one in found if one.problem] == []
    assert {one.part for one in found} == {
        "units", "documents", "chart", "judgement", "terminology", "crypto", "canonical",
    }  # fmt: skip
    require(found)


@pytest.mark.parametrize(
    ("part", "check", "change"),
    [
        ("crypto", check_crypto, {"expected": "00"}),
        ("crypto", check_crypto, {"key": "00"}),
        ("canonical", check_canonical, {"expected": "{}"}),
        ("canonical", check_canonical, {"given": "{"}),
        ("documents", check_documents, {"words": "Plan"}),
        ("documents", check_documents, {"media": "image/png"}),
        ("chart", check_chart, {"lines": ["P1 | Gout"]}),
        ("chart", check_chart, {"resources": "["}),
    ],
)
def test_a_value_that_comes_out_otherwise_is_told(
    monkeypatch: pytest.MonkeyPatch, part: str, check: Any, change: dict[str, Any]
) -> None:
    table = self_check._known()
    rows = table[part]
    changed = {**rows, **change} if isinstance(rows, dict) else [{**rows[0], **change}, *rows[1:]]
    monkeypatch.setattr(self_check, "_known", lambda: {**table, part: changed})
    found = list(check())
    assert found[0].part == part
    assert found[0].problem
    with pytest.raises(SelfCheckFailed) as failed:
        require(found)
    assert failed.value.code == "self-check-failed"
    assert found[0].name in failed.value.diagnostics()
    assert failed.value.hint


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expected": 37.1}, "not 37.1"),
        ({"to": "kg", "expected": 1.0}, "cannot be converted"),
        ({"expected": None}, "is converted"),
    ],
)
def test_a_conversion_that_comes_out_otherwise_is_told(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], told: str
) -> None:
    first = known_conversions.table("known_conversions")["known"][0]
    monkeypatch.setattr(known_conversions, "table", lambda _: {"known": [{**first, **change}]})
    [one] = check_units()
    assert told in one.problem
    with pytest.raises(SelfCheckFailed):
        require([one])


def test_a_diagnosis_that_is_judged_otherwise_is_told(
    monkeypatch: pytest.MonkeyPatch, terminology: Terminology
) -> None:
    table = self_check._known()
    first, *_ = table["judgement"]
    rows = [{**first, "expected": "supported"}, {**first, "diagnosis": "<none>"}]
    monkeypatch.setattr(self_check, "_known", lambda: {**table, "judgement": rows})
    assert all(one.problem for one in check_judgement(terminology))


async def test_a_service_is_not_ready_before_its_libraries_are_checked(
    monkeypatch: pytest.MonkeyPatch, terminology: Terminology
) -> None:
    stopped: list[bool] = []
    checking = LibrariesCheck(terminology)
    checking.on_failure = lambda: stopped.append(True)
    assert checking.trouble
    await checking.run()
    assert (checking.trouble, stopped) == ("", [])
    checking.require()
    wrong = [Checked("units", "grams", "1 g is 2 mg, not 1000.0")]
    monkeypatch.setattr(warming, "slow_checks", lambda _: wrong)
    await checking.run()
    assert (checking.trouble, stopped) == ("self-check-failed", [True])
    with pytest.raises(SelfCheckFailed, match="known value"):
        checking.require()
    monkeypatch.setattr(warming, "slow_checks", lambda _: {}["no such table"])
    await checking.run()
    assert stopped == [True, True]
    with pytest.raises(SelfCheckFailed, match="KeyError"):
        checking.require()


def test_what_is_right_is_passed_over() -> None:
    require([Checked("units", "x", "")])


def test_a_damaged_terminology_is_noticed(damaged: Path) -> None:
    with Terminology(damaged) as opened:
        wrong = [one.name for one in check_terminology(opened) if one.problem]
    assert wrong == ["a code"]


def test_doctor_tells_each_value(damaged: Path, tmp_path: Path) -> None:
    done = _run("doctor", "self-check", "--json", "--config", _settings(tmp_path, damaged))
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["passed"] is False
    wrong = [each for each in document["checks"] if each["result"] == "FAIL"]
    assert [(each["part"], each["name"]) for each in wrong] == [("terminology", "a code")]
    assert document["packages"]["pint"]


def test_doctor_passes_and_tells_of_a_file_that_is_missing(tmp_path: Path) -> None:
    done = _run("doctor", "self-check", "--config", _settings(tmp_path))
    assert (done.returncode, "FAIL" in done.stdout) == (0, False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    config = _settings(elsewhere, tmp_path / "missing.sqlite")
    done = _run("doctor", "self-check", "--json", "--config", config)
    assert done.returncode == 1
    assert "terminology-unavailable" in done.stdout


@pytest.mark.model
def test_a_service_does_not_start_with_a_damaged_terminology(damaged: Path, tmp_path: Path) -> None:
    done = _run("serve", "--port", "0", "--config", _settings(tmp_path, damaged))
    assert done.returncode == 1
    assert "self-check-failed" in done.stderr
    assert "terminology: a code" in done.stderr


@pytest.mark.model
def test_a_service_does_not_go_on_without_units(
    without_units: dict[str, str], tmp_path: Path
) -> None:
    done = _run("serve", "--port", "0", "--config", _settings(tmp_path), environment=without_units)
    assert done.returncode == 1
    assert "self-check-failed" in done.stderr
    assert "units-unavailable" in done.stderr


def test_a_chart_is_not_mapped_without_units(without_units: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "chart.ndjson"
    file.write_text("\n".join(json.dumps(each) for each in CHART))
    right = _run("map", file, "--now", "2026-01-31", "--json")
    assert right.returncode == 0, right.stderr
    assert [fact["flag"] for fact in json.loads(right.stdout)["facts"]] == ["high"]
    done = _run("map", file, "--now", "2026-01-31", "--json", environment=without_units)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "units-unavailable"
