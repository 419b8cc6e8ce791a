"""The commands, as a person types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cds_hooks.admission.manifest import Manifest
from cds_hooks.cli.application import app
from cds_hooks.consultation import Verdict
from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.report.comparison import comparison_text
from cds_hooks.evaluation.report.runs import Run, headline
from cds_hooks.evaluation.runs.comparison import compare_runs
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, ResultsFile
from cds_hooks.evaluation.runs.run_folder import claim_folder
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.evaluation.runs.summary import summarise
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import Task
from tests.sample.places import Data

Write = Callable[[str, Manifest, Sequence[bool]], Path]


def chartside(*words: str) -> Result:
    found = CliRunner().invoke(app, list(words), catch_exceptions=True)
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A run in a folder: whether each case's first diagnosis was right."""

    def make(name: str, manifest: Manifest, right: Sequence[bool]) -> Path:
        folder = tmp_path / name
        claim_folder(folder, manifest)
        with ResultsFile(folder / RESULTS) as results:
            for index, so in enumerate(right):
                answer = ListedDiagnosis(name="x", matches=tuple(MatchRule) if so else ())
                results.add(CaseResult(case=f"{index}", outcome="answered", answers=(answer,)))
        return folder

    return make


def test_the_groups_are_told_and_imported_only_when_called() -> None:
    told = chartside("--help").stdout
    assert all(re.search(rf"^\W*{group}\s", told, re.MULTILINE) for group in ("eval", "models"))
    program = "import sys, cds_hooks.cli.application; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_suites_are_listed_with_their_licences() -> None:
    told = json.loads(chartside("eval", "suites", "--json").stdout)
    assert set(told) == set(known_suites())
    assert told["osce"]["licence"] == "MIT"


def test_the_paper_is_made_from_any_file_of_answers(sample: Data, tmp_path: Path) -> None:
    words = ("--answers", str(sample.recording), "--output", str(tmp_path), "--splits", "20")
    told = json.loads(chartside("eval", "paper", *words, "--json").stdout)
    held = {h["what"]: h for h in told["held"]}
    assert len(held) == 87
    ours = held["Gemini 3.1 Pro: majority"]
    assert (ours["ours"], ours["same"]) == ("87.5", False)
    assert [s["model"] for s in told["shifts"]] == ["qwen3.5-9b"]
    assert "Published figures and ours" in (tmp_path / "report.md").read_text("utf-8")


def test_the_paper_is_made_again_from_its_answers(eurorad_csv: Path, tmp_path: Path) -> None:
    words = ("paper", "--answers", str(eurorad_csv), "--output", str(tmp_path), "--splits", "20")
    told = json.loads(chartside("eval", *words, "--json").stdout)
    assert len(told["held"]) == 87
    assert all(h["same"] for h in told["held"])
    assert {s["model"] for s in told["shifts"]} == {"qwen3.5-9b", "qwen3.5-27b"}
    assert (tmp_path / "report.html").stat().st_size > 20_000
    assert "Published figures and ours" in (tmp_path / "report.md").read_text("utf-8")


def test_two_runs_are_compared_case_by_case(write: Write, manifest: Manifest) -> None:
    first = write("a", manifest, [True] * 8 + [False] * 2)
    second = write("b", manifest, [False] * 8 + [False] * 2)
    told = json.loads(chartside("eval", "compare", str(first), str(second), "--json").stdout)
    right = told["right"]
    assert (right["first"]["value"], right["second"]["value"]) == (0.8, 0.0)
    assert right["p"] == pytest.approx(2 / 256)
    assert len(right["only_first"]) == 8
    spoken = chartside("eval", "compare", str(first), str(second)).stdout
    assert "p = 0.00781" in re.sub(r"\s+", " ", spoken)


def test_names_and_costs_are_compared_on_the_cases_that_both_runs_hold() -> None:
    def result(case: int, *, seconds: float, verdict: Verdict) -> CaseResult:
        answers = (ListedDiagnosis(name="x", verdict=verdict),)
        tokens = {"answer": 100}
        return CaseResult(
            case=f"{case}", outcome="answered", answers=answers, seconds=seconds, tokens=tokens
        )

    first = [result(i, seconds=2.0, verdict=Verdict.PLAUSIBLE) for i in range(6)]
    second = [result(i, seconds=3.0, verdict=Verdict.UNRECOGNISED) for i in range(5, -1, -1)]
    found = compare_runs([*first, result(9, seconds=1, verdict=Verdict.PLAUSIBLE)], second,
                         match=MatchRule.EXACT)  # fmt: skip
    assert found.alone == (1, 0)
    assert (found.recognised.first.value, found.recognised.second.value) == (1.0, 0.0)
    assert found.recognised.p == pytest.approx(2 / 64)
    costs = {c.what: c.ratio.value for c in found.costs if c.ratio.n}
    assert costs == {"seconds a case": 1.5, "tokens of the answer": 1.0}
    table, notes = comparison_text(found, Task.OPEN)
    assert [row[0] for row in table.rows][1] == "every name is recognised"
    assert "1 cases that only the first run holds" in notes[1]
    table, _ = comparison_text(found, Task.CLOSED)
    assert [row[0] for row in table.rows][1] == "every answer is on the list"


def test_runs_over_other_cases_are_not_compared(write: Write, manifest: Manifest) -> None:
    other = manifest.suite.model_copy(update={"sha256": "e" * 64})
    first = write("a", manifest, [True])
    second = write("b", manifest.model_copy(update={"suite": other}), [True])
    with pytest.raises(ChartsideError) as caught:
        chartside("eval", "compare", str(first), str(second))
    assert caught.value.code == "bad-run"


def test_a_report_is_made_of_several_runs(write: Write, manifest: Manifest, tmp_path: Path) -> None:
    folders = [str(write(name, manifest, [True, False])) for name in "ab"]
    output = tmp_path / "report"
    told = chartside("eval", "report", *folders, "--output", str(output))
    assert told.stdout.count("first 50.0 %") == 2
    assert (output / "report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Task.OPEN, "first 100.0 %, among 3 100.0 %, among 5 100.0 % (20.7 to 100.0), n = 1"),
        (Task.CLOSED, "100.0 % (20.7 to 100.0), n = 1; off the list"),
        (Task.JUDGING, "distance from people's scores 1.50"),
    ],
)
def test_a_run_is_told_in_a_line_by_what_was_asked(
    manifest: Manifest, task: Task, said: str
) -> None:
    suite = manifest.suite.model_copy(update={"task": task})
    answer = ListedDiagnosis(name="x", matches=tuple(MatchRule))
    result = CaseResult(case="1", outcome="answered", answers=(answer,), score=4, stated=2.5)
    run = Run(manifest.model_copy(update={"suite": suite}), summarise([result]))
    assert said in headline(run)


def test_a_look_up_that_cannot_be_right_says_so(data: Data) -> None:
    told = chartside("eval", "look-up", "--suite", "clinosim", "--data", str(data.folder)).stdout
    assert "No two cases share a truth" in told


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("report", "nowhere"), "bad-run"),
        (("compare", "nowhere", "elsewhere"), "bad-run"),
        (("paper", "--answers", "nowhere.csv"), "bad-suite"),
        (("run", "--suite", "osce", "--data", "nowhere"), "bad-suite"),
        (("run", "--suite", "no-such-suite", "--data", "."), "bad-suite"),
        (("pair", "--suite", "vignettes", "--data", "nowhere"), "bad-suite"),
        (("look-up", "--suite", "osce", "--data", "nowhere"), "bad-suite"),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(words: tuple[str, ...], code: str) -> None:
    with pytest.raises(ChartsideError) as caught:
        chartside("eval", *words)
    assert caught.value.code == code
    assert caught.value.where


def test_near_duplicates_and_look_up_are_told(data: Data) -> None:
    folder = str(data.folder)
    pairs = json.loads(
        chartside("eval", "duplicates", "osce", "osce", "--data", folder, "--json").stdout
    )
    assert any(p["same_answer"] for p in pairs)
    if data.name == "sample":
        assert [(p["first"], p["second"]) for p in pairs] == [("osce-001", "osce-025")]
    told = json.loads(
        chartside("eval", "look-up", "--suite", "osce", "--data", folder, "--json").stdout
    )
    assert told["top-1"]["n"] == {"sample": 25, "shared": 107}[data.name]


@pytest.mark.model
@pytest.mark.timeout(1800)
def test_a_run_through_the_whole_service_and_again(sample: Data, tmp_path: Path) -> None:
    data, folder = str(sample.folder), str(tmp_path)
    words = (
        "--suite",
        "osce",
        "--data",
        data,
        "--output",
        folder,
        "--limit",
        "1",
        "--samples",
        "1",
    )
    (told,) = json.loads(chartside("eval", "run", *words, "--json").stdout)
    assert told["summary"]["cases"] == 1
    assert told["manifest"]["demonstration"]
    line = (tmp_path / RESULTS).read_bytes()
    chartside("eval", "run", *words, "--json")
    assert (tmp_path / RESULTS).read_bytes() == line
    with pytest.raises(ChartsideError):
        chartside("eval", "run", *words, "--seed", "5")


@pytest.mark.model
@pytest.mark.timeout(1800)
@pytest.mark.slow
def test_a_closed_list_is_asked_of_the_engine_alone(sample: Data, tmp_path: Path) -> None:
    data, folder = str(sample.folder), str(tmp_path)
    words = ("--suite", "vignettes", "--data", data, "--output", folder, "--limit", "2")
    (told,) = json.loads(chartside("eval", "run", *words, "--samples", "1", "--json").stdout)
    assert told["summary"]["cases"] == 2
    assert told["manifest"]["template"]["id"] == "question/closed"
    assert told["summary"]["off_list"]["n"] == 2
