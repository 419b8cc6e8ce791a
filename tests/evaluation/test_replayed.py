"""Recorded answers as a suite: the same runner, metrics and report give the published figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from cds_hooks.errors import ChartsideError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue
from cds_hooks.evaluation.research.eurorad import load_eurorad
from cds_hooks.evaluation.runs.results import read_results
from cds_hooks.evaluation.suites.suite import OnError
from tests.sample.places import Data

PRINTED = [m for m in catalogue().model if m.printed]
CASES = {"sample": 80, "shared": 207}


def replayed(csv_file: Path, folder: Path, who: str, *more: str) -> dict[str, object]:
    words = ("eval", "run", "--suite", "eurorad-replay", "--data", str(csv_file))
    told = CliRunner().invoke(
        app,
        [*words, "--recorded", who, "--output", str(folder), *more, "--json"],
        catch_exceptions=False,
    )
    (run,) = json.loads(told.stdout)
    return run  # type: ignore[no-any-return]


@pytest.fixture
def answers(data: Data) -> Path:
    return data.recording


@pytest.fixture
def cases(data: Data) -> int:
    """How many cases the file of answers has."""
    return CASES[data.name]


@pytest.mark.parametrize(
    ("who", "majority", "any_run"),
    [("gemini-3.1-pro", 70, 70), ("gpt-5.1", 60, 70), ("gpt-oss-20b-high", 60, 60)],
)
def test_the_runner_gives_what_was_counted_by_hand(
    who: str, majority: int, any_run: int, sample: Data, tmp_path: Path
) -> None:
    exact = replayed(sample.recording, tmp_path, who)["summary"]["accuracy"][0]  # type: ignore[index]
    assert (exact["majority"]["value"], exact["majority"]["n"]) == (majority / 80, 80)
    assert exact["any_sample"]["value"] == any_run / 80


def test_a_panel_of_invented_answers_votes_with_all_its_runs(sample: Data, tmp_path: Path) -> None:
    run = replayed(sample.recording, tmp_path, "nine-votes")
    summary = run["summary"]
    assert summary["accuracy"][0]["top1"]["value"] == 60 / 80  # type: ignore[index]
    assert summary["list_size"]["value"] == 17 / 8  # type: ignore[index]
    assert run["manifest"]["samples"] == 9  # type: ignore[index]


def test_slipped_rows_of_the_sample_are_put_right(sample: Data, tmp_path: Path) -> None:
    told = replayed(sample.recording, tmp_path / "as", "qwen3.5-9b")
    right = replayed(sample.recording, tmp_path / "right", "qwen3.5-9b", "--realigned")
    figures = [run["summary"]["accuracy"][0]["majority"] for run in (told, right)]  # type: ignore[index]
    assert [(f["value"], f["n"]) for f in figures] == [(45 / 80, 80), (49 / 79, 79)]


@pytest.mark.parametrize("model", PRINTED, ids=lambda m: m.id)
def test_the_runner_gives_the_published_majorities(
    model: RecordedModel, eurorad_csv: Path, tmp_path: Path
) -> None:
    summary = replayed(eurorad_csv, tmp_path, model.id)["summary"]
    exact = summary["accuracy"][0]  # type: ignore[index]
    assert model.printed is not None
    assert f"{100 * exact['majority']['value']:.1f}" == model.printed.majority
    assert f"{100 * exact['any_sample']['value']:.1f}" == model.printed.any
    assert exact["majority"]["n"] == 207


def test_a_panel_votes_with_all_its_runs(eurorad_csv: Path, tmp_path: Path) -> None:
    run = replayed(eurorad_csv, tmp_path, "nine-votes")
    summary = run["summary"]
    assert f"{100 * summary['accuracy'][0]['top1']['value']:.1f}" == "87.0"  # type: ignore[index]
    assert f"{summary['list_size']['value']:.2f}" == "1.38"  # type: ignore[index]
    assert run["manifest"]["samples"] == 9  # type: ignore[index]
    assert "Reliability" in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_rows_that_slipped_are_put_right_and_lost_answers_left_out(
    eurorad_csv: Path, tmp_path: Path
) -> None:
    told = replayed(eurorad_csv, tmp_path / "as", "qwen3.5-9b")
    right = replayed(eurorad_csv, tmp_path / "right", "qwen3.5-9b", "--realigned")
    figures = [run["summary"]["accuracy"][0]["majority"] for run in (told, right)]  # type: ignore[index]
    assert [(f"{100 * f['value']:.1f}", f["n"]) for f in figures] == [("76.3", 207), ("79.1", 206)]
    ids = {r.case for r in read_results(tmp_path / "as" / "results.jsonl")}
    assert len(ids) == 207


@pytest.mark.slow
def test_rows_in_another_order_are_the_same_run(answers: Path, tmp_path: Path) -> None:
    with answers.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    turned = tmp_path / "eurorad_predictions.csv"
    with turned.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *reversed(rows)])
    one = replayed(answers, tmp_path / "one", "gemma-4-31b")["summary"]
    two = replayed(turned, tmp_path / "two", "gemma-4-31b")["summary"]
    assert one["accuracy"][0]["top1"] == two["accuracy"][0]["top1"]  # type: ignore[index]
    first, second = (
        {r.case: r.rank(MatchRule.EXACT) for r in read_results(tmp_path / name / "results.jsonl")}
        for name in ("one", "two")
    )
    assert first == second


def test_a_row_without_a_truth_is_named_and_left_out_or_stops(
    answers: Path, cases: int, tmp_path: Path
) -> None:
    with answers.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    rows[3][header.index("FinalDiagnosis")] = "  "
    broken = tmp_path / "eurorad_predictions.csv"
    with broken.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with pytest.raises(ChartsideError) as caught:
        load_eurorad(broken)
    assert caught.value.where == f"eurorad_predictions.csv: case {rows[3][0]}"
    suite = load_eurorad(broken, on_error=OnError.SKIP)
    assert (len(suite.cases), len(suite.rejected)) == (cases - 1, 1)


@pytest.mark.parametrize("who", ["", "gpt-17"])
def test_whose_answers_must_be_said(who: str, answers: Path, tmp_path: Path) -> None:
    with pytest.raises(ChartsideError) as caught:
        replayed(answers, tmp_path, who)
    assert caught.value.code == "bad-suite"
    assert "nine-votes" in caught.value.hint


@pytest.mark.slow
def test_a_run_over_the_first_cases_goes_on_to_the_rest(
    answers: Path, cases: int, tmp_path: Path
) -> None:
    part = replayed(answers, tmp_path / "a", "gpt-5.1", "--limit", "10")
    whole = replayed(answers, tmp_path / "a", "gpt-5.1")
    assert [r["summary"]["cases"] for r in (part, whole)] == [10, cases]  # type: ignore[index]
    assert whole["manifest"]["suite"]["cases"] == cases  # type: ignore[index]
    assert replayed(answers, tmp_path / "b", "gpt-5.1")["summary"] == whole["summary"]
    again = replayed(answers, tmp_path / "a", "gpt-5.1", "--limit", "5")
    assert again["manifest"]["suite"]["cases"] == cases  # type: ignore[index]


def test_a_run_that_a_crash_cut_off_goes_on_and_counts_nothing_twice(
    answers: Path, cases: int, tmp_path: Path
) -> None:
    whole = replayed(answers, tmp_path, "small-pair")
    results = tmp_path / "results.jsonl"
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join([*lines[:50], lines[3], lines[50][:40]]))
    assert replayed(answers, tmp_path, "small-pair")["summary"] == whole["summary"]
    ids = [r.case for r in read_results(results)]
    assert len(ids) == len(set(ids)) == cases


def test_a_folder_of_other_answers_is_refused(answers: Path, tmp_path: Path) -> None:
    replayed(answers, tmp_path, "gpt-5.1", "--limit", "1")
    for other in (("gpt-5.2",), ("gpt-5.1", "--realigned")):
        with pytest.raises(ChartsideError) as caught:
            replayed(answers, tmp_path, *other)
        assert caught.value.code == "bad-run"


def test_a_run_stops_at_a_broken_row_or_goes_on_by_setting(
    answers: Path, cases: int, tmp_path: Path
) -> None:
    with answers.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    rows[7][header.index("FinalDiagnosis")] = ""
    broken = tmp_path / "eurorad_predictions.csv"
    with broken.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with pytest.raises(ChartsideError, match="no gold"):
        replayed(broken, tmp_path / "stop", "gpt-5.1")
    told = replayed(broken, tmp_path / "skip", "gpt-5.1", "--on-error", "skip")
    assert told["summary"]["cases"] == cases - 1  # type: ignore[index]
    assert told["manifest"]["suite"]["rejected"] == 1  # type: ignore[index]


def test_recorded_answers_are_of_one_suite(sample: Data) -> None:
    words = [
        "eval",
        "run",
        "--suite",
        "osce",
        "--data",
        str(sample.folder),
        "--recorded",
        "gpt-5.1",
    ]
    with pytest.raises(ChartsideError, match="no answers of it were recorded"):
        CliRunner().invoke(app, words, catch_exceptions=False)
