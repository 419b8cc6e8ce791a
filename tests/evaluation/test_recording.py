"""Recorded answers are read by case id, whatever shape the file is in."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.research.recording import Recording, read_recording

HEAD = ["case_id", "Section", "DifferentialDiagnosisList", "FinalDiagnosis", "a", "b"]


def write(path: Path, rows: list[list[str]], head: list[str] = HEAD) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def test_all_published_cases_are_read(recording: Recording) -> None:
    assert len(recording.cases) == 207
    assert not recording.unlabelled
    assert all(c.truth in c.listed for c in recording.cases)


def test_all_invented_cases_are_read_with_their_lists_and_answers(sampled: Recording) -> None:
    assert [c.id for c in sampled.cases] == [str(number) for number in range(5001, 5081)]
    assert not sampled.unlabelled
    assert all(c.truth in c.listed and len(c.options) == 5 for c in sampled.cases)
    second, third = sampled.cases[1], sampled.cases[2]
    assert (second.gold, second.truth) == ("Nail\u2013patella syndrome", "nail-patella syndrome")
    assert third.options[2] == "Neurofibromatosis, type 1", "a comma inside a name"
    last = sampled.cases[-1].answers
    assert [last[f"oss-20b (H) v{run}"] for run in (1, 2, 3)] == ["invented disease 79", "", ""]


def test_answers_in_another_order_are_joined_by_id(tmp_path: Path) -> None:
    cases = write(
        tmp_path / "c.csv", [["1", "", "Gout, Lupus", "Gout"], ["2", "", "X, Y", "Y"]], HEAD[:4]
    )
    answers = write(tmp_path / "a.csv", [["2", "Y"], ["1", "Lupus"], ["9", "Z"]], ["case_id", "a"])
    read = read_recording(cases, ["a"], answers=answers)
    assert [(c.id, c.answers["a"]) for c in read.cases] == [("1", "lupus"), ("2", "y")]


def test_a_case_without_answers_is_an_error_with_its_id(tmp_path: Path) -> None:
    cases = write(tmp_path / "c.csv", [["1", "", "Gout", "Gout"]], HEAD[:4])
    answers = write(tmp_path / "a.csv", [], ["case_id", "a"])
    with pytest.raises(SuiteError, match="no row of answers") as caught:
        read_recording(cases, ["a"], answers=answers)
    assert caught.value.where.endswith("case 1")


def test_a_case_without_a_gold_label_is_told_and_not_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv", [["1", "", "Gout", " ", "Gout", ""], ["2", "", "X", "X", "", "X"]]
    )
    read = read_recording(path, ["a", "b"])
    assert read.unlabelled == ("1",)
    assert [c.id for c in read.cases] == ["2"]
    assert dict(read.cases[0].answers) == {"a": "", "b": "x"}


@pytest.mark.parametrize(
    ("rows", "says", "where"),
    [
        ([["1", "", "X", "X", "", ""], ["1", "", "X", "X", "", ""]], "second time", "line 3"),
        ([["", "", "X", "X", "", ""]], "without a case id", "line 2"),
        ([["1", "", "X", "X", "", "", "more"]], "more fields", "line 2"),
    ],
)
def test_a_bad_row_is_named_by_its_line(
    tmp_path: Path, rows: list[list[str]], says: str, where: str
) -> None:
    with pytest.raises(SuiteError, match=says) as caught:
        read_recording(write(tmp_path / "x.csv", rows), ["a", "b"])
    assert where in caught.value.where


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="columns are missing") as caught:
        read_recording(write(tmp_path / "x.csv", []), ["a", "other model"])
    assert caught.value.where.endswith("other model")


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read"):
        read_recording(tmp_path / "nothing.csv", [])
    (tmp_path / "x.csv").write_bytes(b"case_id\n\xff\xfe")
    with pytest.raises(SuiteError, match="not UTF-8"):
        read_recording(tmp_path / "x.csv", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"case_id,DifferentialDiagnosisList,FinalDiagnosis,a\n" + content)
    with contextlib.suppress(SuiteError):
        read = read_recording(path, ["a"])
        ids = [c.id for c in read.cases] + list(read.unlabelled)
        assert len(set(ids)) == len(ids)
