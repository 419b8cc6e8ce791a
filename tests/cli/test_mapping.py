"""`chartside map --quality` and `--stats`: what a sender should mend, and what a prompt saves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli.application import main

MODEL = Path(__file__).parents[2] / "build" / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"
SUBJECT = {"reference": "Patient/p"}
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p", "gender": "F", "birthDate": "1950-01-01"},
    {"resourceType": "Condition", "id": "c1", "code": {"text": "Gout"}, "subject": SUBJECT},
    {"resourceType": "Condition", "id": "c2", "code": {"text": "Asthma"}, "zork": "Secretvalue",
     "subject": SUBJECT, "note": []},
    {"resourceType": "ClinicalImpression", "id": "i", "subject": SUBJECT, "status": "completed",
     "summary": "Likely pseudogout"},
]  # fmt: skip

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`chartside map` of the resources above: how it ends and what it prints."""
    entries = [{"resource": resource} for resource in RESOURCES]
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))

    def in_process(*options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["chartside", "map", str(path), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return in_process


def test_quality_names_what_is_no_fhir_by_path_and_never_by_value(run: Run) -> None:
    code, out = run("--quality", "--json")
    found = {(note["path"], note["code"]) for note in json.loads(out)["quality"]}
    assert code == 0
    assert ("Condition/c2.zork", "extra-forbidden") in found
    assert ("Condition/c2.note", "empty-value") in found
    assert ("Patient/p.gender", "code-outside-value-set") in found
    assert "Secretvalue" not in out


def test_quality_is_a_table_for_people(run: Run) -> None:
    code, out = run("--quality")
    assert code == 0
    assert "Data quality" in out
    assert "Condition.zork" in out
    assert "Data quality" not in run()[1]


def test_elements_that_are_not_read_are_told_with_the_reason(run: Run) -> None:
    left = json.loads(run("--elements", "--json")[1])["elements_left_out"]
    assert [(one["element"], one["reason"]) for one in left] == [("Condition.zork", "not-listed")]
    assert "Condition.zork 1" in run("--elements")[1]
    assert "elements_left_out" not in json.loads(run("--json")[1])


def test_clinicians_own_assessments_can_be_left_out(run: Run) -> None:
    def reasons(*options: str) -> set[str]:
        return {o["reason"] for o in json.loads(run("--json", *options)[1])["omissions"]}

    assert "assessment-left-out" not in reasons()
    assert "assessment-left-out" in reasons("--no-assessments")


@pytest.mark.model
def test_stats_count_in_the_tokenizer_of_the_model(run: Run) -> None:
    pytest.importorskip("llama_cpp")
    if not MODEL.is_file():
        pytest.skip("the embedded model is not in build/models")
    code, out = run("--stats", "--json")
    stats = json.loads(out)["stats"]
    assert code == 0
    assert stats["tokenizer"] == MODEL.name
    assert stats["chart_tokens"] < stats["raw_tokens"]
    assert stats["ratio"] == pytest.approx(stats["raw_tokens"] / stats["chart_tokens"], abs=0.1)
    assert stats["facts"] == stats["in_full"] == 3
    assert stats["must_keep_shown"] == stats["must_keep"] == 2
    assert "raw FHIR JSON" in run("--stats")[1]


def test_stats_without_a_model_say_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARTSIDE_MODEL__PATH", "/nowhere/model.gguf")
    code, out = run("--stats", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "no-tokenizer"
