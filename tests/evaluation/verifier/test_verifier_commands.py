"""`chartside verifier`, as a person types it: fit, measure, show, and what is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cds_hooks.admission.manifest import Manifest, Task
from cds_hooks.cli.application import app
from cds_hooks.cli.verifier_runs import fitted_match
from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, ResultsFile, Said
from cds_hooks.evaluation.runs.run_folder import claim_folder
from cds_hooks.evaluation.runs.runner import RESULTS
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold
from cds_hooks.evaluation.trained_cases import fitted_cases, id_digest, overlap
from cds_hooks.verifier import digest, read_coefficients

pytest.importorskip("sklearn")

_CASES = 90


def chartside(*words: object) -> Result:
    found = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=True)
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def _result(number: int, draw: random.Random) -> CaseResult:
    """The right one is named by most samples in two of three cases; a check fails on others."""
    right = int(draw.random() < 0.33)
    lists = [("a", "b"), ("a", "b"), ("b", "a") if number % 2 else ("a",)]
    answers = [
        ListedDiagnosis(
            name=name,
            matches=tuple(MatchRule) if place == right else (),
            agreement=sum(name in names for names in lists) / 3,
            flags=("timing",) if place != right and draw.random() < 0.7 else (),
        )
        for place, name in enumerate(("a", "b"))
    ]
    samples = tuple(tuple(Said(name=n) for n in names) for names in lists)
    return CaseResult(case=f"{number}", outcome="answered", answers=tuple(answers), samples=samples)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verifier")


@pytest.fixture(scope="module")
def run_of(folder: Path, manifest: Manifest) -> Any:
    def make(name: str, **changed: Any) -> Path:
        made = manifest.model_copy(update={"samples": 3, **changed})
        claim_folder(folder / name, made)
        draw = random.Random(2)
        with ResultsFile(folder / name / RESULTS) as results:
            for number in range(_CASES):
                results.add(_result(number, draw))
        return folder / name

    return make


@pytest.fixture(scope="module")
def run(run_of: Any) -> Path:
    made: Path = run_of("run")
    return made


@pytest.fixture(scope="module")
def fitted(folder: Path, run: Path) -> Path:
    path = folder / "fitted" / "verifier.json"
    told = json.loads(chartside("verifier", "fit", run, "--output", path, "--json").stdout)
    assert told["sha256"] == digest(read_coefficients(path.read_bytes()))
    assert told["measured"]["cases"] == 22
    return path


def test_the_file_names_its_run_and_shares_no_case_between_parts(fitted: Path) -> None:
    """No digest of the unseen part is among those that anything was fitted or calibrated on."""
    file = read_coefficients(fitted.read_bytes())
    assert file.source.models == ("fake",)
    assert file.source.samples == 3
    assert "failed:timing" in file.features or "rules_against" in file.features
    parts = json.loads(fitted.read_text())["parts"]
    counts = [len(parts[name]["case_digests"]) for name in ("fit", "calibrate", "unseen")]
    assert counts == [45, 23, 22]
    seen = fitted_cases(fitted)
    assert not seen & set(parts["unseen"]["case_digests"])
    assert len(seen) == 68


def test_a_suite_that_it_was_fitted_on_is_found_by_any_measurement(fitted: Path) -> None:
    cases = [EvaluationCase(id=str(n), gold=Gold(("a",))) for n in range(_CASES)]
    suite = make_suite("own", "f" * 64, cases)
    assert len(overlap(suite, fitted_cases(fitted))) == 68


def test_only_unseen_cases_are_measured(fitted: Path, run: Path, folder: Path) -> None:
    with pytest.raises(ChartsideError) as refused:
        chartside("verifier", "measure", fitted, run, "--output", folder / "m")
    assert refused.value.code == "measured-on-training-case"
    words = ("verifier", "measure", fitted, run, "--unseen", "--output", folder / "m")
    told = json.loads(chartside(*words, "--json").stdout)
    assert told["measured"]["cases"] == 22
    assert (folder / "m" / "report.html").is_file()
    assert "22 cases, first diagnosis right" in " ".join(chartside(*words).stdout.split())


def test_a_file_is_shown_with_odds_ratios(fitted: Path, folder: Path) -> None:
    told = chartside("verifier", "show", fitted, "--output", folder / "shown").stdout
    assert "odds ratio" in told
    assert "From score to probability" in told
    page = (folder / "shown" / "report.html").read_text()
    assert "<script" not in page
    assert page.count("<svg") == 2
    shown = json.loads(
        chartside("verifier", "show", fitted, "--output", folder / "shown", "--json").stdout
    )
    assert shown["file"] == json.loads(fitted.read_text())


def test_runs_that_do_not_go_together_are_refused(run: Path, run_of: Any, folder: Path) -> None:
    out = ("--output", folder / "no.json")
    with pytest.raises(ChartsideError, match="twice"):
        chartside("verifier", "fit", run, run_of("again"), *out)
    other = run_of("other", model={"name": "other", "sha256": "9" * 64})
    with pytest.raises(ChartsideError, match="another model"):
        chartside("verifier", "fit", run, other, *out)
    fitted_on = folder / "tuned.json"
    fitted_on.write_text(json.dumps({"case_digests": [id_digest("own", "3")]}))
    with pytest.raises(ChartsideError) as refused:
        chartside("verifier", "fit", run, "--fitted-on", fitted_on, *out)
    assert refused.value.code == "measured-on-training-case"
    with pytest.raises(ChartsideError, match="cannot be read"):
        chartside("verifier", "show", folder / "missing.json")
    assert not (folder / "no.json").exists()


def test_a_run_in_which_nothing_was_diagnosed_is_refused(
    run_of: Any, manifest: Manifest, folder: Path
) -> None:
    judged = manifest.suite.model_copy(update={"task": Task.JUDGING})
    with pytest.raises(ChartsideError, match="nothing was diagnosed"):
        chartside("verifier", "fit", run_of("judged", suite=judged), "--output", folder / "no.json")


def test_an_unknown_panel_is_wrong_usage(folder: Path) -> None:
    words = ("verifier", "recorded", "--answers", folder / "x.csv", "--panel", "none")
    assert chartside(*words).exit_code == 2


def test_a_file_is_measured_by_the_rule_that_it_was_fitted_by(run: Path, folder: Path) -> None:
    """With another rule its probabilities would be read as a promise that nobody made."""
    path, out = folder / "by-category.json", folder / "by-category"
    chartside("verifier", "fit", run, "--match", "ancestor", "--output", path)
    assert fitted_match(read_coefficients(path.read_bytes())) is MatchRule.ANCESTOR
    chartside("verifier", "measure", path, run, "--unseen", "--output", out)
    assert "22 cases, first diagnosis right" in (out / "report.md").read_text()


def test_nothing_is_measured_on_no_case(fitted: Path, run_of: Any, folder: Path) -> None:
    empty = run_of("empty")
    (empty / RESULTS).write_bytes(b"")
    with pytest.raises(ChartsideError, match="no case to measure on"):
        chartside("verifier", "measure", fitted, empty, "--output", folder / "m")
    with pytest.raises(ChartsideError, match="without results"):
        chartside("verifier", "open-ended", empty)


def test_sets_that_do_not_apply_are_not_told_as_out_of_reach(
    fitted: Path, run_of: Any, folder: Path
) -> None:
    """Five samples are not what was learnt from: there is an order alone, and the file still has
    its thresholds."""
    other, out = run_of("five", samples=5), folder / "five-measured"
    chartside("verifier", "measure", fitted, other, "--unseen", "--output", out)
    told = (out / "report.md").read_text().partition("## On unseen cases")[2]
    assert "no set in any of these cases" in told
    assert "no threshold reaches this" not in told
